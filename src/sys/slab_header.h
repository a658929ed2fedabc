/* SPDX-License-Identifier: MIT */
/*
 * What a slab begins with; shared by slab.c, which hands objects out and takes them back, and
 * slab_release.c, which gives memory back to the system.
 *
 * The header holds a bit per object, set while the object is in the slab's hands; an object in a
 * cache counts as used. It is changed under the pool's lock only. The object itself is not touched
 * when it moves between a cache and its slab, so a great many objects can be given back without
 * their cache lines being fetched.
 */
#ifndef TUG_SYS_SLAB_HEADER_H
#define TUG_SYS_SLAB_HEADER_H

#include <stdbool.h>

#include "sys/slab.h"

enum {
    TUG_SLAB_RECIPROCAL_BITS = 40,
    TUG_SLAB_CHUNK = 512, /* objects */
    TUG_SLAB_CHUNK_WORDS = TUG_SLAB_CHUNK / 64,
};

struct tug_slab {
    struct tug_list_node all, available; /* in pool->slabs; in pool->available if free > 0 */
    uint64_t age;                        /* smaller is older */
    uint32_t free;
    uint32_t hint;    /* words of `map` below this one are 0 */
    uint32_t reached; /* objects below this one have been handed out */
    uint64_t ready;   /* chunks that are entirely free, and resident; a bit each */
    uint64_t cold;    /* chunks that are entirely free, and whose memory was given back */
    uint64_t map[];
};

_Static_assert(TUG_SLAB_SIZE / TUG_SLAB_OBJECT_MIN / TUG_SLAB_CHUNK <= 64, "a bit per chunk");

static inline struct tug_slab *tug_slab_of(void *object)
{
    return (struct tug_slab *)((uintptr_t)object & ~(uintptr_t)(TUG_SLAB_SIZE - 1));
}

static inline void *tug_slab_object(const struct tug_slab_pool *pool, struct tug_slab *slab,
                                    size_t index)
{
    return (char *)slab + pool->first_offset + index * pool->object_size;
}

/* Division by multiplication; exact for every offset within a slab (T. Granlund and
 * P. Montgomery, "Division by Invariant Integers using Multiplication", 1994). */
static inline size_t tug_slab_index(const struct tug_slab_pool *pool, struct tug_slab *slab,
                                    void *object)
{
    uint64_t offset = (uint64_t)((char *)object - (char *)slab) - pool->first_offset;
    return (size_t)(offset * pool->reciprocal >> TUG_SLAB_RECIPROCAL_BITS);
}

/* [locked] Puts a slab into the queue of those with free objects, at the place of its age. */
static inline void tug_slab_make_available(struct tug_slab_pool *pool, struct tug_slab *slab)
{
    struct tug_list_node *after = pool->available.head.prev;
    while (after != &pool->available.head &&
           TUG_CONTAINER_OF(after, struct tug_slab, available)->age > slab->age)
        after = after->prev;
    tug_list_insert_between(&slab->available, after, after->next);
}

/* [locked] Takes a slab that is entirely free out of the pool if enough others are free, and puts
 * it into the list `unused`. */
void tug_slab_retire(struct tug_slab_pool *pool, struct tug_slab *slab, struct tug_list *unused);

/* [unlocked] Unmaps slabs that were taken out of the pool. Those that the kernel refuses to unmap,
 * because that would cut a mapping in two and there are too many, go back into the pool. */
void tug_slab_unmap(struct tug_slab_pool *pool, struct tug_list *slabs);

/* [locked] Whether too many chunks are free and resident. */
static inline bool tug_slab_has_surplus(const struct tug_slab_pool *pool)
{
    return pool->ready * TUG_SLAB_CHUNK > pool->retain + 2 * (uint64_t)pool->capacity;
}

/* [unlocked] Gives back the memory of chunks until there is no surplus. */
void tug_slab_release_surplus(struct tug_slab_pool *pool);

#endif
