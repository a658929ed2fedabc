/* SPDX-License-Identifier: MIT */
/*
 * The slabs behind tug_slab_alloc(): mapping them, taking objects out and putting them back (see
 * slab.h, and slab_header.h for what a slab knows of its objects).
 */
#include "sys/slab.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sys/call.h"
#include "sys/slab_header.h"

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
    struct tug_slab *slab = memory;
    slab->age = pool->next_age++;
    slab->free = pool->capacity;
    memset(slab->map, 0xff, pool->capacity / 64 * sizeof *slab->map);
    if (pool->capacity % 64 != 0)
        slab->map[pool->capacity / 64] = (UINT64_C(1) << pool->capacity % 64) - 1;
    for (uint32_t i = 0; TUG_ASAN && i < pool->capacity; i++)
        tug_memory_poison((char *)tug_slab_object(pool, slab, i) + TUG_SLAB_OWNED,
                          pool->object_size - TUG_SLAB_OWNED);
    tug_list_push_back(&pool->slabs, &slab->all);
    tug_list_push_back(&pool->available, &slab->available);
    pool->slab_count++;
    pool->free += pool->capacity;
    return 0;
}

/* ---- Objects ---- */

/* A chunk is about to lose its first object. */
static void open_chunk(struct tug_slab_pool *pool, struct tug_slab *slab, uint32_t chunk)
{
    uint64_t bit = UINT64_C(1) << chunk;
    pool->ready -= (slab->ready & bit) != 0;
    slab->ready &= ~bit;
    slab->cold &= ~bit;
}

static unsigned take_from(struct tug_slab_pool *pool, struct tug_slab *slab, void **objects,
                          unsigned want)
{
    unsigned count = 0;
    uint32_t word = slab->hint;
    size_t index = 0;
    while (count < want && count < slab->free) {
        while (slab->map[word] == 0)
            word++;
        open_chunk(pool, slab, word / TUG_SLAB_CHUNK_WORDS);
        while (slab->map[word] != 0 && count < want) {
            index = word * (size_t)64 + (unsigned)__builtin_ctzll(slab->map[word]);
            slab->map[word] &= slab->map[word] - 1;
            objects[count++] = tug_slab_object(pool, slab, index);
        }
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
        struct tug_slab *slab =
            TUG_CONTAINER_OF(tug_list_first(&pool->available), struct tug_slab, available);
        count += take_from(pool, slab, objects + count, want - count);
    }
    return count;
}

/* Whether all objects of the chunk that `word` belongs to are free. The last chunk of a slab, which
 * may be shorter, does not count. */
static bool is_chunk_free(const struct tug_slab_pool *pool, const struct tug_slab *slab,
                          size_t word)
{
    size_t first = word / TUG_SLAB_CHUNK_WORDS * TUG_SLAB_CHUNK_WORDS;
    if ((first + TUG_SLAB_CHUNK_WORDS) * 64 > pool->capacity)
        return false;
    for (size_t i = first; i < first + TUG_SLAB_CHUNK_WORDS; i++)
        if (slab->map[i] != UINT64_MAX)
            return false;
    return true;
}

/* A chunk that has become free is noted at once: then nobody has to look for pages to give back. */
static void give_one(struct tug_slab_pool *pool, struct tug_slab *slab, void *object)
{
    size_t index = tug_slab_index(pool, slab, object), word = index / 64;
    uint64_t bit = UINT64_C(1) << index % 64;
    assert(tug_slab_object(pool, slab, index) == object && "not an object of this pool");
    assert((slab->map[word] & bit) == 0 && "freed twice");
    slab->map[word] |= bit;
    if (word < slab->hint)
        slab->hint = (uint32_t)word;
    if (slab->map[word] == UINT64_MAX && is_chunk_free(pool, slab, word)) {
        slab->ready |= UINT64_C(1) << word / TUG_SLAB_CHUNK_WORDS;
        pool->ready++;
    }
    if (slab->free++ == 0)
        tug_slab_make_available(pool, slab);
    pool->free++;
}

/* Pages and slabs are given back to the system after the lock: that takes long. */
static void give(struct tug_slab_pool *pool, void **objects, unsigned count)
{
    struct tug_list unused;
    tug_list_init(&unused);
    tug_sys_mutex_lock(&pool->mutex);
    for (unsigned i = 0; i < count; i++) {
        struct tug_slab *slab = tug_slab_of(objects[i]);
        give_one(pool, slab, objects[i]);
        tug_slab_retire(pool, slab, &unused);
    }
    bool surplus = tug_slab_has_surplus(pool);
    tug_sys_mutex_unlock(&pool->mutex);
    tug_slab_unmap(pool, &unused);
    if (surplus)
        tug_slab_release_surplus(pool);
}

/* ---- The interface ---- */

int tug_slab_pool_init(struct tug_slab_pool *pool, size_t object_size, uint64_t retain)
{
    if (object_size < TUG_SLAB_OBJECT_MIN || object_size > TUG_SLAB_OBJECT_MAX ||
        object_size % 16 != 0)
        return -EINVAL;
    *pool = (struct tug_slab_pool){.object_size = (uint32_t)object_size, .retain = retain};
    size_t words = (TUG_SLAB_SIZE / object_size + 63) / 64;
    size_t header = sizeof(struct tug_slab) + words * sizeof(uint64_t);
    pool->first_offset = (uint32_t)((header + 63) & ~(size_t)63);
    pool->capacity = (uint32_t)((TUG_SLAB_SIZE - pool->first_offset) / object_size);
    pool->page_size = (uint32_t)sysconf(_SC_PAGESIZE);
    pool->reciprocal = ((UINT64_C(1) << TUG_SLAB_RECIPROCAL_BITS) + object_size - 1) / object_size;
    tug_sys_mutex_init(&pool->mutex);
    tug_list_init(&pool->slabs);
    tug_list_init(&pool->available);
    return 0;
}

void tug_slab_pool_destroy(struct tug_slab_pool *pool)
{
    struct tug_list_node *node;
    while ((node = tug_list_pop_front(&pool->slabs)) != NULL) {
        struct tug_slab *slab = TUG_CONTAINER_OF(node, struct tug_slab, all);
        tug_memory_unpoison(slab, TUG_SLAB_SIZE);
        if (tug_sys_munmap(slab, TUG_SLAB_SIZE) < 0)
            (void)tug_sys_madvise(slab, TUG_SLAB_SIZE, MADV_DONTNEED);
    }
    tug_list_init(&pool->available);
    pool->slab_count = 0;
    pool->free = 0;
    pool->ready = 0;
}

void *tug_slab_alloc_slow(struct tug_slab_pool *pool, struct tug_slab_cache *cache)
{
    void *objects[TUG_SLAB_BATCH];
    tug_sys_mutex_lock(&pool->mutex);
    unsigned count = take(pool, objects, cache != NULL ? TUG_SLAB_BATCH : 1);
    tug_sys_mutex_unlock(&pool->mutex);
    if (count == 0)
        return NULL;
    if (cache != NULL) {
        /* The last of the array is the next to be handed out: neighbours in rising order. */
        for (unsigned i = 1; i < count; i++)
            cache->objects[count - 1 - i] = objects[i];
        cache->count = count - 1;
    }
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
    tug_sys_mutex_lock(&pool->mutex);
    for (struct tug_list_node *node = pool->slabs.head.next; node != &pool->slabs.head;
         node = node->next) {
        struct tug_slab *slab = TUG_CONTAINER_OF(node, struct tug_slab, all);
        for (size_t i = 0; i < slab->reached; i++)
            if ((slab->cold >> i / TUG_SLAB_CHUNK & 1) == 0)
                fn(tug_slab_object(pool, slab, i), argument);
    }
    tug_sys_mutex_unlock(&pool->mutex);
}

void tug_slab_pool_metrics(struct tug_slab_pool *pool, struct tug_slab_metrics *metrics)
{
    tug_sys_mutex_lock(&pool->mutex);
    metrics->slabs = pool->slab_count;
    metrics->bytes_mapped = pool->slab_count * TUG_SLAB_SIZE;
    metrics->free = pool->free;
    metrics->used = pool->slab_count * pool->capacity - pool->free;
    tug_sys_mutex_unlock(&pool->mutex);
}
