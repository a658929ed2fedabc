/* SPDX-License-Identifier: MIT */
/*
 * Slabs of stacks: mapping, guards, giving memory back (see stack.h for the picture).
 *
 * A slab has two bits per stack. `free`: the stack is in the slab's hands and not resident.
 * `guarded`: its guard is installed, which stays so until the slab is unmapped. Both are changed
 * under the pool's lock; the system calls on a stack are made without it, by whoever has taken the
 * stack out of the free ones. So a slab cannot vanish meanwhile: it is unmapped only when all of
 * its stacks are free.
 *
 * A slab that becomes available again has one free stack, so it goes to the front of the queue:
 * slabs nearly full are filled up, and the others have a chance to become empty.
 */
#include "sys/stack_slab.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>

#include "sys/call.h"
#include "sys/sanitizer.h"

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#endif

enum {
    SLAB_STACKS_MIN = 16,
    SLAB_STACKS_MAX = 1024,
    COLOURS = 16,
    COLOUR_STEP = 64,
};

#define SLAB_BYTES_MAX ((size_t)256 * 1024 * 1024)

struct tug_stack_slab {
    struct tug_list_node link; /* in `available` while `free` is not 0 */
    char *stacks;              /* the first, aligned to the size of a stack */
    void *mapping;
    size_t length; /* of the mapping */
    uint32_t count, free;
    uint64_t *free_bits, *guarded_bits;
    unsigned *valgrind_numbers; /* NULL unless it is running */
};

/* ---- Addresses ---- */

static void *top_of(const struct tug_stack_pool *pool, const struct tug_stack_slab *slab,
                    size_t index)
{
    return slab->stacks + (index + 1) * pool->stack_size - index % COLOURS * COLOUR_STEP;
}

static size_t index_of(const struct tug_stack_pool *pool, const struct tug_stack_slab *slab,
                       const void *top)
{
    return (size_t)(tug_stack_base(pool, top) - slab->stacks) / pool->stack_size;
}

/* The place in pool->slabs of the first slab above `address`. */
static size_t slab_place(const struct tug_stack_pool *pool, const char *address)
{
    size_t low = 0, high = pool->slab_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (pool->slabs[middle]->stacks > address)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

static struct tug_stack_slab *slab_of(const struct tug_stack_pool *pool, const void *top)
{
    size_t place = slab_place(pool, tug_stack_base(pool, top));
    assert(place > 0);
    struct tug_stack_slab *slab = pool->slabs[place - 1];
    assert(index_of(pool, slab, top) < slab->count);
    return slab;
}

/* ---- Slabs ---- */

static void valgrind_register(const struct tug_stack_pool *pool, struct tug_stack_slab *slab)
{
    for (size_t i = 0; slab->valgrind_numbers != NULL && i < slab->count; i++) {
        void *top = top_of(pool, slab, i);
        slab->valgrind_numbers[i] = tug_valgrind_stack_register(tug_stack_low(pool, top), top);
    }
}

static void valgrind_deregister(struct tug_stack_slab *slab)
{
    for (size_t i = 0; slab->valgrind_numbers != NULL && i < slab->count; i++)
        tug_valgrind_stack_deregister(slab->valgrind_numbers[i]);
}

/* Maps `count` stacks. At whatever page the mapping starts, that many aligned ones fit in. */
static int slab_map(const struct tug_stack_pool *pool, uint32_t count, struct tug_stack_slab **made)
{
    size_t words = (count + 63) / 64, bits = 2 * words * sizeof(uint64_t);
    size_t numbers = tug_valgrind_is_running() ? count * sizeof(unsigned) : 0;
    struct tug_stack_slab *slab = tug_sys_calloc(1, sizeof *slab + bits + numbers);
    if (slab == NULL)
        return -ENOMEM;
    slab->length = (count + (size_t)1) * pool->stack_size - pool->page_size;
    int error = tug_sys_mmap(&slab->mapping, slab->length, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (error < 0) {
        tug_sys_free(slab);
        return error;
    }
    /* Fails where the kernel has no huge pages, which is as well. */
    (void)tug_sys_madvise(slab->mapping, slab->length, MADV_NOHUGEPAGE);
    uintptr_t mask = pool->stack_size - 1;
    slab->stacks = (char *)(((uintptr_t)slab->mapping + mask) & ~mask);
    slab->count = slab->free = count;
    slab->free_bits = (uint64_t *)(slab + 1);
    slab->guarded_bits = slab->free_bits + words;
    for (uint32_t i = 0; i < count; i++)
        slab->free_bits[i / 64] |= UINT64_C(1) << i % 64;
    if (numbers != 0)
        slab->valgrind_numbers = (unsigned *)(slab->guarded_bits + words);
    valgrind_register(pool, slab);
    *made = slab;
    return 0;
}

/* Adds a slab as large as all others together, within limits; a smaller one if that is refused. */
static int grow(struct tug_stack_pool *pool)
{
    if (pool->slab_count == pool->slab_capacity) {
        size_t capacity = pool->slab_capacity == 0 ? 8 : 2 * pool->slab_capacity;
        void *slabs = tug_sys_realloc(pool->slabs, capacity * sizeof(struct tug_stack_slab *));
        if (slabs == NULL)
            return -ENOMEM;
        pool->slabs = slabs;
        pool->slab_capacity = capacity;
    }
    size_t limit = SLAB_BYTES_MAX / pool->stack_size;
    if (limit > SLAB_STACKS_MAX)
        limit = SLAB_STACKS_MAX;
    size_t count = pool->stacks < SLAB_STACKS_MIN ? SLAB_STACKS_MIN : pool->stacks;
    if (count > limit)
        count = limit == 0 ? 1 : limit;
    struct tug_stack_slab *slab = NULL;
    int error;
    while ((error = slab_map(pool, (uint32_t)count, &slab)) < 0 && count > 1)
        count /= 2;
    if (error < 0)
        return error;
    size_t place = slab_place(pool, slab->stacks);
    memmove(&pool->slabs[place + 1], &pool->slabs[place],
            (pool->slab_count - place) * sizeof(struct tug_stack_slab *));
    pool->slabs[place] = slab;
    pool->slab_count++;
    pool->stacks += count;
    pool->free += count;
    tug_list_push_back(&pool->available, &slab->link);
    return 0;
}

/* Unmaps a slab all of whose stacks are free, and which is in no list. The kernel may refuse to,
 * when that would cut a mapping in two and there are too many: then the slab stays available. */
static void shrink(struct tug_stack_pool *pool, struct tug_stack_slab *slab)
{
    if (tug_sys_munmap(slab->mapping, slab->length) < 0) {
        tug_list_push_back(&pool->available, &slab->link);
        return;
    }
    size_t place = slab_place(pool, slab->stacks) - 1;
    pool->slab_count--;
    memmove(&pool->slabs[place], &pool->slabs[place + 1],
            (pool->slab_count - place) * sizeof(struct tug_stack_slab *));
    pool->stacks -= slab->count;
    pool->free -= slab->count;
    valgrind_deregister(slab);
    tug_sys_free(slab);
}

int tug_stack_take_free(struct tug_stack_pool *pool, unsigned want, struct tug_stack_batch *batch)
{
    if (tug_list_is_empty(&pool->available)) {
        int error = grow(pool);
        if (error < 0)
            return error;
    }
    struct tug_stack_slab *slab =
        TUG_CONTAINER_OF(tug_list_first(&pool->available), struct tug_stack_slab, link);
    if (slab == pool->empty)
        pool->empty = NULL;
    batch->unguarded = 0;
    batch->count = 0;
    for (size_t word = 0; word * 64 < slab->count && batch->count < want; word++) {
        while (slab->free_bits[word] != 0 && batch->count < want) {
            unsigned bit = (unsigned)__builtin_ctzll(slab->free_bits[word]);
            slab->free_bits[word] &= slab->free_bits[word] - 1;
            if ((slab->guarded_bits[word] >> bit & 1) == 0)
                batch->unguarded |= UINT64_C(1) << batch->count;
            batch->tops[batch->count++] = top_of(pool, slab, word * 64 + bit);
        }
    }
    slab->free -= batch->count;
    pool->free -= batch->count;
    if (slab->free == 0)
        tug_list_remove(&slab->link);
    return 0;
}

/* Gives stacks that are not resident back to their slabs. */
static void give_free(struct tug_stack_pool *pool, void **tops, unsigned count)
{
    struct tug_list surplus;
    tug_list_init(&surplus);
    for (unsigned i = 0; i < count; i++) {
        struct tug_stack_slab *slab = slab_of(pool, tops[i]);
        size_t index = index_of(pool, slab, tops[i]);
        assert((slab->free_bits[index / 64] >> index % 64 & 1) == 0 && "given back twice");
        slab->free_bits[index / 64] |= UINT64_C(1) << index % 64;
        pool->free++;
        if (slab->free++ == 0)
            tug_list_push_front(&pool->available, &slab->link);
        if (slab->free < slab->count)
            continue;
        tug_list_remove(&slab->link);
        tug_list_push_back(pool->empty == NULL ? &pool->available : &surplus, &slab->link);
        if (pool->empty == NULL)
            pool->empty = slab;
    }
    struct tug_list_node *node;
    while ((node = tug_list_pop_front(&surplus)) != NULL)
        shrink(pool, TUG_CONTAINER_OF(node, struct tug_stack_slab, link));
}

/* ---- Many ranges at once ---- */

/* Advises several ranges in one call, which saves most of what the others would cost. False: not
 * all of it was done, and those who ask do it one by one; once the system has said that it cannot
 * be done, it is not asked again. */
static bool advise_together(struct tug_stack_pool *pool, const struct iovec *ranges, size_t count,
                            int advice)
{
    if (count < 2 || __atomic_load_n(&pool->one_by_one, __ATOMIC_RELAXED))
        return false;
    size_t size = 0;
    for (size_t i = 0; i < count; i++)
        size += ranges[i].iov_len;
    int64_t done = tug_sys_madvise_ranges(ranges, count, advice);
    if (done < 0 && done != -ENOMEM)
        __atomic_store_n(&pool->one_by_one, true, __ATOMIC_RELAXED);
    return done == (int64_t)size;
}

/* ---- Guards ---- */

/* Whether there is a guard: a page that is one cannot be made resident. Emulators of the system are
 * known to accept any advice, and do nothing. */
static bool is_guard(const struct tug_stack_pool *pool, char *base)
{
    return tug_sys_madvise(base, pool->page_size, MADV_POPULATE_READ) == -EFAULT;
}

static int install_guard(struct tug_stack_pool *pool, char *base)
{
    uint32_t kind = __atomic_load_n(&pool->guard_kind, __ATOMIC_RELAXED);
    if (kind != TUG_STACK_GUARD_MAPPED) {
        int error = tug_sys_madvise(base, pool->page_size, MADV_GUARD_INSTALL);
        if (error != 0 && error != -EINVAL)
            return error;
        if (error == 0 && kind == TUG_STACK_GUARD_MARKED)
            return 0;
        kind = error == 0 && is_guard(pool, base) ? TUG_STACK_GUARD_MARKED : TUG_STACK_GUARD_MAPPED;
        __atomic_store_n(&pool->guard_kind, kind, __ATOMIC_RELAXED);
    }
    if (kind == TUG_STACK_GUARD_MARKED)
        return 0;
    return tug_sys_mprotect(base, pool->page_size, PROT_NONE);
}

/* Marks all guards of a batch in one call, which saves most of what it costs. False: not all of
 * them are there. */
static bool install_together(struct tug_stack_pool *pool, const struct tug_stack_batch *batch)
{
    struct iovec guards[TUG_STACK_BATCH];
    size_t count = 0;
    if (__atomic_load_n(&pool->guard_kind, __ATOMIC_RELAXED) != TUG_STACK_GUARD_MARKED)
        return false;
    for (unsigned i = 0; i < batch->count; i++)
        if ((batch->unguarded >> i & 1) != 0)
            guards[count++] = (struct iovec){tug_stack_base(pool, batch->tops[i]), pool->page_size};
    return advise_together(pool, guards, count, MADV_GUARD_INSTALL);
}

void tug_stack_install_guards(struct tug_stack_pool *pool, struct tug_stack_batch *batch)
{
    const bool together = install_together(pool, batch);
    void *failed[TUG_STACK_BATCH];
    unsigned kept = 0, failures = 0, bare = 0;
    uint64_t installed = 0;
    int error = 0;
    for (unsigned i = 0; i < batch->count; i++) {
        if ((batch->unguarded >> i & 1) != 0) {
            if (error == 0 && !together)
                error = install_guard(pool, tug_stack_base(pool, batch->tops[i]));
            if (error == 0) {
                installed |= UINT64_C(1) << kept;
            } else if (error == -ENOMEM && (pool->flags & TUG_STACK_ALLOW_UNGUARDED) != 0) {
                bare++;
            } else {
                failed[failures++] = batch->tops[i];
                continue;
            }
        }
        batch->tops[kept++] = batch->tops[i];
    }
    batch->count = kept;
    tug_sys_mutex_lock(&pool->mutex);
    for (unsigned i = 0; i < kept; i++) {
        if ((installed >> i & 1) == 0)
            continue;
        struct tug_stack_slab *slab = slab_of(pool, batch->tops[i]);
        size_t index = index_of(pool, slab, batch->tops[i]);
        slab->guarded_bits[index / 64] |= UINT64_C(1) << index % 64;
    }
    pool->unguarded += bare;
    give_free(pool, failed, failures);
    tug_sys_mutex_unlock(&pool->mutex);
}

/* ---- Giving memory back ---- */

/* Insertion sort: stacks come back mostly in the order they were taken. */
static void sort_by_address(void **tops, unsigned count)
{
    for (unsigned i = 1; i < count; i++) {
        void *top = tops[i];
        unsigned place = i;
        for (; place > 0 && (uintptr_t)tops[place - 1] > (uintptr_t)top; place--)
            tops[place] = tops[place - 1];
        tops[place] = top;
    }
}

/* Rows of neighbours among the stacks, which are sorted. Returns how many there are. */
static size_t find_rows(const struct tug_stack_pool *pool, void *const *tops, unsigned count,
                        struct iovec *rows)
{
    size_t row_count = 0;
    for (unsigned first = 0, next; first < count; first = next) {
        char *low = tug_stack_low(pool, tops[first]);
        char *end = tug_stack_base(pool, tops[first]) + pool->stack_size;
        for (next = first + 1; next < count && tug_stack_base(pool, tops[next]) == end; next++)
            end += pool->stack_size;
        rows[row_count++] = (struct iovec){low, (size_t)(end - low)};
    }
    return row_count;
}

void tug_stack_release(struct tug_stack_pool *pool, void **tops, unsigned count)
{
    struct iovec rows[TUG_STACK_RELEASE_MAX];
    if (count == 0)
        return;
    sort_by_address(tops, count);
    size_t row_count = find_rows(pool, tops, count, rows);
    if (!advise_together(pool, rows, row_count, MADV_DONTNEED))
        for (size_t i = 0; i < row_count; i++)
            (void)tug_sys_madvise(rows[i].iov_base, rows[i].iov_len, MADV_DONTNEED);
    tug_sys_mutex_lock(&pool->mutex);
    give_free(pool, tops, count);
    tug_sys_mutex_unlock(&pool->mutex);
}

void tug_stack_unmap_all(struct tug_stack_pool *pool)
{
    for (size_t i = 0; i < pool->slab_count; i++) {
        struct tug_stack_slab *slab = pool->slabs[i];
        if (tug_sys_munmap(slab->mapping, slab->length) < 0)
            (void)tug_sys_madvise(slab->mapping, slab->length, MADV_DONTNEED);
        valgrind_deregister(slab);
        tug_sys_free(slab);
    }
    tug_sys_free(pool->slabs);
    pool->slabs = NULL;
    pool->slab_count = 0;
}
