/* SPDX-License-Identifier: MIT */
/*
 * Stacks of coroutines: a pool for one size, with a cache per worker in front of it.
 *
 * Stacks come from slabs: one mapping of many stacks, reserved but not resident. The lowest page of
 * each is a guard, so that an overflow is a SIGSEGV and not corruption. The guard is installed when
 * a stack is handed out for the first time; with MADV_GUARD_INSTALL (Linux 6.13) it is a mark in
 * the page table, before that a mprotect(), which takes a mapping of its own out of the system's
 * limit (vm.max_map_count, usually 65,530: 32,000 stacks).
 *
 *     low address                                                         high address
 *     | guard page |              untouched                 | in use | unused |
 *     ^ base       ^ tug_stack_low()                                 ^ top
 *
 * A stack is known by its top, one past its highest byte, 64-byte aligned. The bytes just below the
 * top are resident as soon as the stack runs: the place for the coroutine's control block. A stack
 * is aligned to its size, so that all bounds follow from the top. The tops of neighbouring stacks
 * are shifted by 0 to 960 bytes against each other: at equal offsets in their pages, the frames of
 * a thousand coroutines would share a few sets of the processor's caches.
 *
 * A stack is in one of four places:
 *
 *     used   handed out
 *     cache  in a worker's cache: an array, touched by its owner only, exchanged with the pool in
 *            halves
 *     hot    in the pool, resident, at most `hot_limit`
 *     free   in its slab: not resident, because it was never used or because its memory was given
 *            back (MADV_DONTNEED, which guards survive), many neighbours in one call
 *
 * A slab all of whose stacks are free is unmapped, except one that is kept as a reserve.
 */
#ifndef TUG_SYS_STACK_H
#define TUG_SYS_STACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sys/list.h"
#include "sys/mutex.h"

#define TUG_STACK_SIZE_DEFAULT ((size_t)256 * 1024)
#define TUG_STACK_SIZE_MIN ((size_t)16 * 1024)
#define TUG_STACK_SIZE_MAX ((size_t)1024 * 1024 * 1024)
/* Hot stacks that a pool keeps whatever happens, and so many that it keeps between two decays: a
 * program that runs thousands of tasks again and again must not fault their stacks in each time. */
#define TUG_STACK_HOT_FLOOR 256
#define TUG_STACK_HOT_LIMIT_DEFAULT 8192

enum {
    /* When no guard can be had because the process has too many mappings, hand out the stack
     * without one; else that is -ENOMEM. */
    TUG_STACK_ALLOW_UNGUARDED = 1 << 0,
};

enum {
    TUG_STACK_GUARD_UNKNOWN,
    TUG_STACK_GUARD_MARKED, /* in the page table */
    TUG_STACK_GUARD_MAPPED, /* by a mapping without access */
};

enum {
    TUG_STACK_CACHE_SIZE = 64,
};

/* Zeroed: empty. */
struct tug_stack_cache {
    uint32_t count; /* written by the owner, read by anyone */
    void *tops[TUG_STACK_CACHE_SIZE];
};

struct tug_stack_slab;

struct tug_stack_pool {
    /* Fixed after the start, except the last two, which are found out as they are needed. */
    size_t stack_size, page_size;
    unsigned hot_limit, flags;
    uint32_t guard_kind;
    bool one_by_one; /* the system does not take advice on several ranges at once (atomic) */

    struct tug_sys_mutex mutex;    /* over everything below */
    void **hot;                    /* the newest last */
    unsigned hot_count;            /* read by anyone */
    unsigned hot_minimum;          /* the least it has been since the last decay */
    struct tug_stack_slab **slabs; /* by address */
    size_t slab_count, slab_capacity;
    struct tug_list available;    /* slabs with free stacks */
    struct tug_stack_slab *empty; /* the slab kept though all of its stacks are free, or NULL */
    uint64_t stacks, free, unguarded;
};

/*
 * Makes an empty pool. `stack_size`: bytes of address space per stack, guard included, 16 KiB to
 * 1 GiB, rounded up to a power of two and at least two pages; 0: the default. `hot_limit`: stacks
 * kept resident for reuse, beside those in caches. `flags`: TUG_STACK_ above.
 * Returns 0, -EINVAL or -ENOMEM. Maps nothing yet.
 */
int tug_stack_pool_init(struct tug_stack_pool *pool, size_t stack_size, unsigned hot_limit,
                        unsigned flags);

/* Unmaps all stacks, those handed out included. Nothing may run on one of them. */
void tug_stack_pool_destroy(struct tug_stack_pool *pool);

/* Returns the stacks of a cache to the pool, when its owner ends. */
void tug_stack_cache_flush(struct tug_stack_pool *pool, struct tug_stack_cache *cache);

/* Gives the memory of all hot stacks back to the system. */
void tug_stack_pool_trim(struct tug_stack_pool *pool);

/* Whether a decay may have something to give back. [any thread] One load. */
static inline bool tug_stack_pool_has_excess(const struct tug_stack_pool *pool)
{
    return __atomic_load_n(&pool->hot_count, __ATOMIC_RELAXED) > TUG_STACK_HOT_FLOOR;
}

/* Gives back the memory of the hot stacks, beyond the floor, that nobody has needed since the last
 * decay. [any thread] Called now and then, when there is little to do. */
void tug_stack_pool_decay(struct tug_stack_pool *pool);

struct tug_stack_metrics {
    uint64_t slabs;        /* mappings */
    uint64_t stacks;       /* mapped */
    uint64_t bytes_mapped; /* address space of the stacks */
    uint64_t used;         /* handed out or in caches */
    uint64_t hot;          /* in the pool and resident */
    uint64_t free;         /* not resident */
    uint64_t unguarded;    /* times that a stack was handed out without a guard */
};

/* [any thread] */
void tug_stack_pool_metrics(struct tug_stack_pool *pool, struct tug_stack_metrics *metrics);

void *tug_stack_pool_get_slow(struct tug_stack_pool *pool, struct tug_stack_cache *cache);
void tug_stack_pool_put_slow(struct tug_stack_pool *pool, struct tug_stack_cache *cache, void *top);

/*
 * [any thread] Takes a stack and returns its top, or NULL for -ENOMEM. `cache`: the caller's own,
 * or NULL on a thread that has none. What the memory holds is not defined.
 */
static inline void *tug_stack_pool_get(struct tug_stack_pool *pool, struct tug_stack_cache *cache)
{
    if (__builtin_expect(cache == NULL || cache->count == 0, 0))
        return tug_stack_pool_get_slow(pool, cache);
    uint32_t count = cache->count - 1;
    __atomic_store_n(&cache->count, count, __ATOMIC_RELAXED);
    return cache->tops[count];
}

/* [any thread] Gives back a stack, known by its top, that nothing runs on any more. It may have
 * been taken by another thread. */
static inline void tug_stack_pool_put(struct tug_stack_pool *pool, struct tug_stack_cache *cache,
                                      void *top)
{
    if (__builtin_expect(cache == NULL || cache->count == TUG_STACK_CACHE_SIZE, 0)) {
        tug_stack_pool_put_slow(pool, cache, top);
        return;
    }
    cache->tops[cache->count] = top;
    __atomic_store_n(&cache->count, cache->count + 1, __ATOMIC_RELAXED);
}

/* The lowest address of a stack that may be used. */
static inline void *tug_stack_low(const struct tug_stack_pool *pool, const void *top)
{
    uintptr_t base = ((uintptr_t)top - 1) & ~(uintptr_t)(pool->stack_size - 1);
    return (void *)(base + pool->page_size);
}

/* For debugging: fills a stack that nothing runs on with a pattern, which makes all of it resident;
 * and tells how many bytes below the top have been used since. `low` as of tug_stack_low(). */
void tug_stack_paint(void *low, void *top);
size_t tug_stack_depth(const void *low, const void *top);

#endif
