/* SPDX-License-Identifier: MIT */
/*
 * The lower half of the pool of stacks: free stacks, which lie in slabs and are not resident. For
 * stack.c alone.
 */
#ifndef TUG_SYS_STACK_SLAB_H
#define TUG_SYS_STACK_SLAB_H

#include "sys/stack.h"

enum {
    TUG_STACK_BATCH = TUG_STACK_CACHE_SIZE / 2, /* moved between a cache and the pool at once */
    TUG_STACK_RELEASE_BATCH = 128,              /* hot stacks whose memory is given back at once */
    TUG_STACK_RELEASE_MAX = TUG_STACK_RELEASE_BATCH + TUG_STACK_BATCH,
};

/* Stacks of one slab, taken out of its free ones. */
struct tug_stack_batch {
    void *tops[TUG_STACK_BATCH];
    unsigned count;
    uint64_t unguarded; /* a bit for each that has no guard yet */
};

_Static_assert(TUG_STACK_BATCH <= 64, "a bit per stack of a batch");

/* The address of the guard page. */
static inline char *tug_stack_base(const struct tug_stack_pool *pool, const void *top)
{
    return (char *)tug_stack_low(pool, top) - pool->page_size;
}

/* [locked] Takes up to `want` free stacks, mapping more if there is none. Returns 0 or -ENOMEM. */
int tug_stack_take_free(struct tug_stack_pool *pool, unsigned want, struct tug_stack_batch *batch);

/* [unlocked] Installs the guards that a batch lacks. Stacks that get none are taken out of it and
 * are free again, unless the pool may do without. */
void tug_stack_install_guards(struct tug_stack_pool *pool, struct tug_stack_batch *batch);

/* [unlocked] Makes stacks free, up to TUG_STACK_RELEASE_MAX, which it sorts: gives their memory
 * back, with one call, or one for each row of neighbours where the system knows no such call.
 * Should that fail, which it does for memory that is locked, they are free nonetheless, and
 * resident. */
void tug_stack_release(struct tug_stack_pool *pool, void **tops, unsigned count);

/* Unmaps all slabs. */
void tug_stack_unmap_all(struct tug_stack_pool *pool);

#endif
