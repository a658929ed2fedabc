/* SPDX-License-Identifier: MIT */
/*
 * The inside of an mpsc channel: a queue of blocks of slots, to which any thread pushes and from
 * which one takes. (Blocks as in Tokio's channel; that a place is claimed by one compare-and-swap
 * which also proves the block right, as in crossbeam's.)
 *
 * Places in the queue are numbered by an index. A lap, a power of two, is one block's worth of
 * them: `lap - 1` slots, and the last one, the boundary, has no slot. While the tail stands at a
 * boundary nobody can push, until somebody has put it at the start of the next block, under the
 * lock.
 *
 * Invariants:
 *  1. Who moves `tail` from an index that is no boundary to the next owns that slot of `tail_block`
 *     until it has published it: `tail_block` changes only together with the tail's index, so the
 *     swap fails for whoever has read another block than the one its index belongs to.
 *  2. A slot's word goes from EMPTY to FULL once, by a compare-and-swap of its owner. The receiver
 *     waits on the slot that it will take next, by swapping EMPTY for WAITING and a generation. Who
 *     publishes it, or has the receiver look for another reason, reads `waker` before it swaps the
 *     word back, and owns it if the swap succeeds.
 *  3. The head never stays at a boundary while it is looked at. A block is left by the receiver
 *     only after the tail has left it, so `tail_block` exists under the lock.
 *  4. `tail`'s flags only ever come to be set. After CLOSED (the receiver's) nothing is pushed but
 *     into room reserved before; after ABANDONED (the last sender's) nothing at all.
 *  5. Ends are seen: who sets a flag and who waits both swap first and look at the other's word
 *     second, with sequential consistency.
 */
#ifndef TUG_SYNC_MPSC_H
#define TUG_SYNC_MPSC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tug/mpsc.h>

#include "sync/direct.h"
#include "sync/wait_queue.h"
#include "sys/cpu.h"
#include "sys/mutex.h"

#define TUG_MPSC_CLOSED UINT64_C(1)
#define TUG_MPSC_ABANDONED UINT64_C(2)
#define TUG_MPSC_STEP UINT64_C(4) /* of the index in `tail` */
#define TUG_MPSC_INDEX(tail) ((tail) / TUG_MPSC_STEP)

enum { TUG_SLOT_EMPTY, TUG_SLOT_FULL, TUG_SLOT_WAITING };
#define TUG_SLOT_GENERATION 4u

struct tug_mpsc_block {
    struct tug_mpsc_block *next;
    unsigned char slots[] __attribute__((aligned(16)));
};

struct tug_mpsc {
    /* What does not change. */
    size_t value_size, value_offset, stride, block_size;
    uint64_t lap;
    unsigned lap_shift;
    size_t capacity;
    void (*destroy)(void *value);

    /* The senders'. */
    uint64_t tail __attribute__((aligned(TUG_CACHE_LINE)));
    struct tug_mpsc_block *tail_block;
    struct tug_semaphore room; /* of a bounded channel */

    /* The receiver's; `head` is read by others. */
    struct tug_mpsc_block *head_block __attribute__((aligned(TUG_CACHE_LINE)));
    uint64_t head;
    struct tug_waker waker;
    uint32_t generation;
    bool waiting; /* the waker was set and has not been taken back */

    /* What is rarely needed. */
    struct tug_sys_mutex lock __attribute__((aligned(TUG_CACHE_LINE)));
    unsigned spare_count;
    struct tug_mpsc_block *spares;
    unsigned char *reserve; /* of a bounded channel: memory for all its blocks */
    size_t reserve_used;
    struct tug_wait_queue closed_waits;
    size_t senders;    /* strong ones */
    size_t references; /* one for all strong senders, one for each weak one, one for the receiver */
};

static inline bool tug_mpsc_is_bounded(const struct tug_mpsc *channel)
{
    return channel->capacity != TUG_MPSC_UNBOUNDED;
}

/* ---- handles -------------------------------------------------------------------------------- */

/* A handle is the channel's address. */
static inline struct tug_mpsc *tug_mpsc_of(const void *handle)
{
    return (struct tug_mpsc *)(uintptr_t)handle;
}

/* ---- slots ---------------------------------------------------------------------------------- */

static inline uint32_t *tug_mpsc_slot(const struct tug_mpsc *channel, struct tug_mpsc_block *block,
                                      uint64_t offset)
{
    return (uint32_t *)(void *)(block->slots + offset * channel->stride);
}

static inline void *tug_mpsc_value(const struct tug_mpsc *channel, uint32_t *slot)
{
    return (unsigned char *)slot + channel->value_offset;
}

static inline uint64_t tug_mpsc_offset(const struct tug_mpsc *channel, uint64_t index)
{
    return index & (channel->lap - 1);
}

static inline bool tug_mpsc_at_boundary(const struct tug_mpsc *channel, uint64_t index)
{
    return tug_mpsc_offset(channel, index) == channel->lap - 1;
}

/* ---- mpsc_queue.c --------------------------------------------------------------------------- */

/* Prepares the queue of a channel whose constants are set. Returns 0 or -ENOMEM. */
int tug_mpsc_queue_init(struct tug_mpsc *channel);

/* Destroys what is queued; then frees all blocks. */
void tug_mpsc_queue_drain(struct tug_mpsc *channel);
void tug_mpsc_queue_destroy(struct tug_mpsc *channel);

/* Moves the tail from a boundary to the next block, unless somebody has. Returns 0 or -ENOMEM. */
int tug_mpsc_next_tail(struct tug_mpsc *channel);

/* Moves the head from a boundary to the next block, or to the tail in the same one. */
void tug_mpsc_next_head(struct tug_mpsc *channel);

/* How many values are in the queue, those included that are on their way. */
size_t tug_mpsc_queue_length(const struct tug_mpsc *channel);

/* Has the receiver look again if it waits at the end of the queue. From any thread. */
void tug_mpsc_wake_receiver(struct tug_mpsc *channel);

/* Publishes a slot whose owner has found the receiver waiting. */
void tug_mpsc_publish_slow(struct tug_mpsc *channel, uint32_t *slot);

/*
 * Pushes a copy of the value. `unless`: 0, or TUG_MPSC_CLOSED for who has not reserved room.
 * Returns 0; -EPIPE; -ENOMEM.
 */
int tug_mpsc_push(struct tug_mpsc *channel, const void *value, uint64_t unless);

/* ---- the receiver's side -------------------------------------------------------------------- */

/* The slot at the head if it is full, else NULL. */
static inline uint32_t *tug_mpsc_ready(struct tug_mpsc *channel)
{
    if (__builtin_expect(tug_mpsc_at_boundary(channel, channel->head), 0))
        tug_mpsc_next_head(channel);
    uint32_t *slot =
        tug_mpsc_slot(channel, channel->head_block, tug_mpsc_offset(channel, channel->head));
    return __atomic_load_n(slot, __ATOMIC_ACQUIRE) == TUG_SLOT_FULL ? slot : NULL;
}

static inline void tug_mpsc_take(struct tug_mpsc *channel, uint32_t *slot, void *value)
{
    tug_value_copy(value, tug_mpsc_value(channel, slot), channel->value_size);
    __atomic_store_n(&channel->head, channel->head + 1, __ATOMIC_RELEASE);
}

/* Takes up to `limit` values that are there. Returns their number. */
size_t tug_mpsc_take_many(struct tug_mpsc *channel, void *values, size_t limit);

#endif
