/* SPDX-License-Identifier: MIT */
/*
 * An allocator for objects of one size that can enumerate them: for tasks.
 *
 * Objects lie in slabs of 2 MiB, aligned to their size, so that an object's slab is found by a
 * mask. A slab begins with a header that has a bit for each of its objects, set while it is free.
 * The first slab is backed by ordinary pages as they are touched; later ones ask for huge pages:
 * page faults are by far the largest part of a growing pool's time (measured in a virtual machine:
 * 66 ns per object of 192 bytes; with huge pages 9 to 14).
 *
 * Workers have a cache of up to 128 free objects, an array that only its owner touches, exchanged
 * with the slabs under the pool's lock 64 at a time (J. Bonwick and J. Adams, "Magazines and Vmem",
 * USENIX 2001). Free objects are taken from the oldest slab that has any, so that the newest ones
 * empty. A slab that is entirely free is unmapped as soon as `retain` other objects are free; parts
 * of other slabs that are free give their memory back, too.
 *
 * Invariants:
 *  - The first 8 bytes of an object belong to its owner even while it is free: nothing here writes
 *    them. But memory that is fresh, or was given back to the system, is zero.
 *  - Between two enumerations a slab may have been unmapped and mapped again; within one, not.
 *
 * Under AddressSanitizer a free object is poisoned, but for its first 8 bytes.
 */
#ifndef TUG_SYS_SLAB_H
#define TUG_SYS_SLAB_H

#include <stddef.h>
#include <stdint.h>

#include "sys/list.h"
#include "sys/mutex.h"
#include "sys/sanitizer.h"

enum {
    TUG_SLAB_SIZE = 2 * 1024 * 1024,
    TUG_SLAB_OBJECT_MIN = 64,
    TUG_SLAB_OBJECT_MAX = 4096,
    TUG_SLAB_BATCH = 64, /* objects exchanged at once */
    TUG_SLAB_CACHE_SIZE = 2 * TUG_SLAB_BATCH,
    TUG_SLAB_OWNED = 8, /* bytes of a free object that are its owner's */
};

/* Of the usual pool for tasks, in objects. */
#define TUG_SLAB_RETAIN_DEFAULT 16384

/* Zeroed: empty. */
struct tug_slab_cache {
    uint32_t count;
    void *objects[TUG_SLAB_CACHE_SIZE];
};

struct tug_slab_pool {
    /* Fixed after the start. */
    uint32_t object_size, capacity, first_offset; /* of every slab */
    uint32_t page_size;
    uint64_t reciprocal; /* 2^40 / object_size, rounded up */
    uint64_t retain;

    struct tug_sys_mutex mutex; /* over everything below, and the headers of the slabs */
    struct tug_list slabs;      /* all */
    struct tug_list available;  /* those with free objects, the oldest first */
    uint64_t slab_count, free, next_age;
    uint64_t ready; /* chunks that are free and resident */
};

/*
 * Makes an empty pool. `object_size`: bytes, 64 to 4,096, a multiple of 16. Objects are aligned to
 * 64 if it is a multiple of 64, else to 16. `retain`: free objects kept mapped when slabs become
 * empty. Returns 0 or -EINVAL. Maps nothing yet.
 */
int tug_slab_pool_init(struct tug_slab_pool *pool, size_t object_size, uint64_t retain);

/* Unmaps everything, live objects included. */
void tug_slab_pool_destroy(struct tug_slab_pool *pool);

/* Returns the objects of a cache to the pool, when its owner ends. */
void tug_slab_cache_flush(struct tug_slab_pool *pool, struct tug_slab_cache *cache);

/*
 * [any thread] Calls fn(object, argument) for every object that was ever handed out and whose
 * memory has not been given back since, live or free or in a cache: the owner tells by the state
 * word in its first 8 bytes, which other threads may be changing meanwhile. The pool is locked:
 * `fn` must not allocate or free objects of it.
 */
void tug_slab_for_each(struct tug_slab_pool *pool, void (*fn)(void *object, void *argument),
                       void *argument);

struct tug_slab_metrics {
    uint64_t slabs;        /* mapped */
    uint64_t bytes_mapped; /* of those */
    uint64_t used;         /* objects handed out or in caches */
    uint64_t free;         /* other objects of the mapped slabs */
};

/* [any thread] */
void tug_slab_pool_metrics(struct tug_slab_pool *pool, struct tug_slab_metrics *metrics);

void *tug_slab_alloc_slow(struct tug_slab_pool *pool, struct tug_slab_cache *cache);
void tug_slab_free_slow(struct tug_slab_pool *pool, struct tug_slab_cache *cache, void *object);

/*
 * [any thread] Takes an object, or returns NULL for -ENOMEM. `cache`: the caller's own, or NULL on
 * a thread that has none. It holds what its last owner left there, or zeros.
 */
static inline void *tug_slab_alloc(struct tug_slab_pool *pool, struct tug_slab_cache *cache)
{
    void *object;
    if (__builtin_expect(cache != NULL && cache->count > 0, 1))
        object = cache->objects[--cache->count];
    else
        object = tug_slab_alloc_slow(pool, cache);
    if (TUG_ASAN && object != NULL)
        tug_memory_unpoison(object, pool->object_size);
    return object;
}

/* [any thread] Gives back an object, which may have been allocated by another thread. */
static inline void tug_slab_free(struct tug_slab_pool *pool, struct tug_slab_cache *cache,
                                 void *object)
{
    if (TUG_ASAN)
        tug_memory_poison((char *)object + TUG_SLAB_OWNED, pool->object_size - TUG_SLAB_OWNED);
    if (__builtin_expect(cache != NULL && cache->count < TUG_SLAB_CACHE_SIZE, 1))
        cache->objects[cache->count++] = object;
    else
        tug_slab_free_slow(pool, cache, object);
}

#endif
