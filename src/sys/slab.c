/* SPDX-License-Identifier: MIT */
/*
 * The slabs behind tug_slab_alloc(): see slab.h.
 *
 * A slab's header holds a bit per object, set while the object is in the slab's hands; an object in
 * a cache counts as used. The header is changed under the pool's lock only. The object itself is
 * not touched when it moves between a cache and its slab, so a great many objects can be given back
 * without their cache lines being fetched.
 */
#include "sys/slab.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "sys/call.h"

enum { RECIPROCAL_BITS = 40 };

/* At the beginning of each slab. */
struct slab {
    struct tug_list_node all, available; /* in pool->slabs; in pool->available if free > 0 */
    uint64_t age;                        /* smaller is older */
    uint32_t free;
    uint32_t hint;    /* words of `map` below this one are 0 */
    uint32_t reached; /* objects below this one have been handed out */
    uint64_t map[];
};

static struct slab *slab_of(void *object)
{
    return (struct slab *)((uintptr_t)object & ~(uintptr_t)(TUG_SLAB_SIZE - 1));
}

static void *object_at(const struct tug_slab_pool *pool, struct slab *slab, size_t index)
{
    return (char *)slab + pool->first_offset + index * pool->object_size;
}

/* Division by multiplication; exact for every offset within a slab (T. Granlund and
 * P. Montgomery, "Division by Invariant Integers using Multiplication", 1994). */
static size_t index_of(const struct tug_slab_pool *pool, struct slab *slab, void *object)
{
    uint64_t offset = (uint64_t)((char *)object - (char *)slab) - pool->first_offset;
    return (size_t)(offset * pool->reciprocal >> RECIPROCAL_BITS);
}

/* ---- Mapping ---- */

/* Maps TUG_SLAB_SIZE bytes aligned to that: as a rule the kernel finds such a place by itself. */
static int map_aligned(void **made)
{
    const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    const size_t size = TUG_SLAB_SIZE;
    void *mapping;
    int error = tug_sys_mmap(&mapping, size, PROT_READ | PROT_WRITE, flags, -1, 0);
    if (error < 0)
        return error;
    if (((uintptr_t)mapping & (size - 1)) == 0) {
        *made = mapping;
        return 0;
    }
    (void)tug_sys_munmap(mapping, size);
    error = tug_sys_mmap(&mapping, 2 * size, PROT_READ | PROT_WRITE, flags, -1, 0);
    if (error < 0)
        return error;
    char *start = mapping;
    size_t before = -(uintptr_t)start & (size - 1);
    /* What cannot be cut off stays, as address space that is never touched. */
    if (before > 0)
        (void)tug_sys_munmap(start, before);
    (void)tug_sys_munmap(start + before + size, size - before);
    *made = start + before;
    return 0;
}

/* Adds a slab. Only a pool of more than one slab asks for huge pages: in a small one they would be
 * a waste of memory, and of the time to clear them. */
static int grow(struct tug_slab_pool *pool)
{
    void *memory;
    int error = map_aligned(&memory);
    if (error < 0)
        return error;
    (void)tug_sys_madvise(memory, TUG_SLAB_SIZE,
                          pool->slab_count == 0 ? MADV_NOHUGEPAGE : MADV_HUGEPAGE);
    struct slab *slab = memory;
    slab->age = pool->next_age++;
    slab->free = pool->capacity;
    memset(slab->map, 0xff, pool->capacity / 64 * sizeof *slab->map);
    if (pool->capacity % 64 != 0)
        slab->map[pool->capacity / 64] = (UINT64_C(1) << pool->capacity % 64) - 1;
    for (uint32_t i = 0; TUG_ASAN && i < pool->capacity; i++)
        tug_memory_poison((char *)object_at(pool, slab, i) + TUG_SLAB_OWNED,
                          pool->object_size - TUG_SLAB_OWNED);
    tug_list_push_back(&pool->slabs, &slab->all);
    tug_list_push_back(&pool->available, &slab->available);
    pool->slab_count++;
    pool->free += pool->capacity;
    return 0;
}

/* ---- Objects ---- */

static unsigned take_from(struct tug_slab_pool *pool, struct slab *slab, void **objects,
                          unsigned want)
{
    unsigned count = 0;
    uint32_t word = slab->hint;
    size_t index = 0;
    while (count < want && count < slab->free) {
        while (slab->map[word] == 0)
            word++;
        index = word * (size_t)64 + (unsigned)__builtin_ctzll(slab->map[word]);
        slab->map[word] &= slab->map[word] - 1;
        objects[count++] = object_at(pool, slab, index);
    }
    slab->hint = word;
    if (index >= slab->reached)
        slab->reached = (uint32_t)index + 1;
    slab->free -= count;
    pool->free -= count;
    if (slab->free == 0)
        tug_list_remove(&slab->available);
    return count;
}

/* Takes up to `want` free objects, the oldest slab's first; maps a slab only if there is none. */
static unsigned take(struct tug_slab_pool *pool, void **objects, unsigned want)
{
    unsigned count = 0;
    if (tug_list_is_empty(&pool->available) && grow(pool) < 0)
        return 0;
    while (count < want && !tug_list_is_empty(&pool->available)) {
        struct slab *slab =
            TUG_CONTAINER_OF(tug_list_first(&pool->available), struct slab, available);
        count += take_from(pool, slab, objects + count, want - count);
    }
    return count;
}

/* Puts a slab into the queue of those with free objects, at the place of its age. */
static void make_available(struct tug_slab_pool *pool, struct slab *slab)
{
    struct tug_list_node *after = pool->available.head.prev;
    while (after != &pool->available.head &&
           TUG_CONTAINER_OF(after, struct slab, available)->age > slab->age)
        after = after->prev;
    tug_list_insert_between(&slab->available, after, after->next);
}

/* Unmaps slabs that were taken out of the pool. Those that the kernel refuses to unmap, because
 * that would cut a mapping in two and there are too many, go back into the pool. */
static void unmap_slabs(struct tug_slab_pool *pool, struct tug_list *slabs)
{
    struct tug_list_node *node;
    while ((node = tug_list_pop_front(slabs)) != NULL) {
        struct slab *slab = TUG_CONTAINER_OF(node, struct slab, all);
        tug_memory_unpoison(slab, TUG_SLAB_SIZE);
        if (tug_sys_munmap(slab, TUG_SLAB_SIZE) == 0)
            continue;
        tug_mutex_lock(&pool->mutex);
        tug_list_push_back(&pool->slabs, &slab->all);
        make_available(pool, slab);
        pool->slab_count++;
        pool->free += pool->capacity;
        tug_mutex_unlock(&pool->mutex);
    }
}

/* Gives objects back to their slabs. */
static void give(struct tug_slab_pool *pool, void **objects, unsigned count)
{
    struct tug_list unused;
    tug_list_init(&unused);
    tug_mutex_lock(&pool->mutex);
    for (unsigned i = 0; i < count; i++) {
        struct slab *slab = slab_of(objects[i]);
        size_t index = index_of(pool, slab, objects[i]);
        uint64_t bit = UINT64_C(1) << index % 64;
        assert(object_at(pool, slab, index) == objects[i] && "not an object of this pool");
        assert((slab->map[index / 64] & bit) == 0 && "freed twice");
        slab->map[index / 64] |= bit;
        if (index / 64 < slab->hint)
            slab->hint = (uint32_t)(index / 64);
        if (slab->free++ == 0)
            make_available(pool, slab);
        pool->free++;
        if (slab->free < pool->capacity || pool->free - pool->capacity < pool->retain)
            continue;
        tug_list_remove(&slab->available);
        tug_list_remove(&slab->all);
        tug_list_push_back(&unused, &slab->all);
        pool->slab_count--;
        pool->free -= pool->capacity;
    }
    tug_mutex_unlock(&pool->mutex);
    unmap_slabs(pool, &unused);
}

/* ---- The interface ---- */

int tug_slab_pool_init(struct tug_slab_pool *pool, size_t object_size, uint64_t retain)
{
    if (object_size < TUG_SLAB_OBJECT_MIN || object_size > TUG_SLAB_OBJECT_MAX ||
        object_size % 16 != 0)
        return -EINVAL;
    *pool = (struct tug_slab_pool){.object_size = (uint32_t)object_size, .retain = retain};
    size_t words = (TUG_SLAB_SIZE / object_size + 63) / 64;
    size_t header = sizeof(struct slab) + words * sizeof(uint64_t);
    pool->first_offset = (uint32_t)((header + 63) & ~(size_t)63);
    pool->capacity = (uint32_t)((TUG_SLAB_SIZE - pool->first_offset) / object_size);
    pool->reciprocal = ((UINT64_C(1) << RECIPROCAL_BITS) + object_size - 1) / object_size;
    tug_mutex_init(&pool->mutex);
    tug_list_init(&pool->slabs);
    tug_list_init(&pool->available);
    return 0;
}

void tug_slab_pool_destroy(struct tug_slab_pool *pool)
{
    struct tug_list_node *node;
    while ((node = tug_list_pop_front(&pool->slabs)) != NULL) {
        struct slab *slab = TUG_CONTAINER_OF(node, struct slab, all);
        tug_memory_unpoison(slab, TUG_SLAB_SIZE);
        if (tug_sys_munmap(slab, TUG_SLAB_SIZE) < 0)
            (void)tug_sys_madvise(slab, TUG_SLAB_SIZE, MADV_DONTNEED);
    }
    tug_list_init(&pool->available);
    pool->slab_count = 0;
    pool->free = 0;
}

void *tug_slab_alloc_slow(struct tug_slab_pool *pool, struct tug_slab_cache *cache)
{
    void *objects[TUG_SLAB_BATCH];
    tug_mutex_lock(&pool->mutex);
    unsigned count = take(pool, objects, cache != NULL ? TUG_SLAB_BATCH : 1);
    tug_mutex_unlock(&pool->mutex);
    if (count == 0)
        return NULL;
    /* The last of the array is the next to be handed out: neighbours in rising order. */
    for (unsigned i = 1; i < count; i++)
        cache->objects[count - 1 - i] = objects[i];
    if (cache != NULL)
        cache->count = count - 1;
    return objects[0];
}

void tug_slab_free_slow(struct tug_slab_pool *pool, struct tug_slab_cache *cache, void *object)
{
    if (cache == NULL) {
        give(pool, &object, 1);
        return;
    }
    void *oldest[TUG_SLAB_BATCH];
    memcpy(oldest, cache->objects, sizeof oldest);
    memmove(cache->objects, cache->objects + TUG_SLAB_BATCH, sizeof oldest);
    cache->objects[TUG_SLAB_CACHE_SIZE - TUG_SLAB_BATCH] = object;
    cache->count = TUG_SLAB_CACHE_SIZE - TUG_SLAB_BATCH + 1;
    give(pool, oldest, TUG_SLAB_BATCH);
}

void tug_slab_cache_flush(struct tug_slab_pool *pool, struct tug_slab_cache *cache)
{
    give(pool, cache->objects, cache->count);
    cache->count = 0;
}

void tug_slab_for_each(struct tug_slab_pool *pool, void (*fn)(void *object, void *argument),
                       void *argument)
{
    tug_mutex_lock(&pool->mutex);
    for (struct tug_list_node *node = pool->slabs.head.next; node != &pool->slabs.head;
         node = node->next) {
        struct slab *slab = TUG_CONTAINER_OF(node, struct slab, all);
        for (size_t i = 0; i < slab->reached; i++)
            fn(object_at(pool, slab, i), argument);
    }
    tug_mutex_unlock(&pool->mutex);
}

void tug_slab_pool_metrics(struct tug_slab_pool *pool, struct tug_slab_metrics *metrics)
{
    tug_mutex_lock(&pool->mutex);
    metrics->slabs = pool->slab_count;
    metrics->bytes_mapped = pool->slab_count * TUG_SLAB_SIZE;
    metrics->free = pool->free;
    metrics->used = pool->slab_count * pool->capacity - pool->free;
    tug_mutex_unlock(&pool->mutex);
}
