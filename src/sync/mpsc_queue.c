/* SPDX-License-Identifier: MIT */
/*
 * The queue of an mpsc channel: pushing, and going from block to block. The invariants are in
 * mpsc.h.
 *
 * Blocks that the receiver has left are kept for the tail, all of them where memory for the
 * channel's capacity was asked for beforehand, else a few. A channel that is empty at a boundary
 * stays in its block, so one that is nearly empty most of the time lives in one.
 */
#include "sync/mpsc.h"

#include <errno.h>

#include "sys/call.h"
#include "task/state.h"

/* How many blocks an unbounded channel keeps. */
#define SPARES 4

/* ---- blocks, under the lock ---- */

static void reset_block(const struct tug_mpsc *channel, struct tug_mpsc_block *block)
{
    block->next = NULL;
    for (uint64_t i = 0; i < channel->lap - 1; i++)
        __atomic_store_n(tug_mpsc_slot(channel, block, i), TUG_SLOT_EMPTY, __ATOMIC_RELAXED);
}

static struct tug_mpsc_block *new_block(struct tug_mpsc *channel)
{
    struct tug_mpsc_block *block = channel->spares;
    if (block != NULL) {
        channel->spares = block->next;
        channel->spare_count--;
    } else if (channel->reserve != NULL) {
        block = (void *)(channel->reserve + channel->reserve_used++ * channel->block_size);
    } else {
        block = tug_sys_malloc(channel->block_size);
    }
    if (block != NULL)
        reset_block(channel, block);
    return block;
}

/* Puts the index of the tail, which stands at a boundary, behind it. Its flags may change. */
static void pass_boundary(struct tug_mpsc *channel)
{
    __atomic_fetch_add(&channel->tail, TUG_MPSC_STEP, __ATOMIC_RELEASE);
}

int tug_mpsc_next_tail(struct tug_mpsc *channel)
{
    int error = 0;
    tug_sys_mutex_lock(&channel->lock);
    uint64_t tail = __atomic_load_n(&channel->tail, __ATOMIC_ACQUIRE);
    if (tug_mpsc_at_boundary(channel, TUG_MPSC_INDEX(tail))) {
        struct tug_mpsc_block *block = new_block(channel);
        if (block != NULL) {
            __atomic_store_n(&channel->tail_block->next, block, __ATOMIC_RELAXED);
            __atomic_store_n(&channel->tail_block, block, __ATOMIC_RELAXED);
            pass_boundary(channel);
        } else {
            error = -ENOMEM;
        }
    }
    tug_sys_mutex_unlock(&channel->lock);
    return error;
}

void tug_mpsc_next_head(struct tug_mpsc *channel)
{
    struct tug_mpsc_block *left = channel->head_block;
    tug_sys_mutex_lock(&channel->lock);
    struct tug_mpsc_block *next = left->next;
    if (next == NULL) {
        /* The tail stands at this very boundary, and all slots of the block have been taken. */
        reset_block(channel, left);
        pass_boundary(channel);
        left = NULL;
    } else {
        channel->head_block = next;
        if (channel->spare_count < SPARES || channel->reserve != NULL) {
            left->next = channel->spares;
            channel->spares = left;
            channel->spare_count++;
            left = NULL;
        }
    }
    tug_sys_mutex_unlock(&channel->lock);
    tug_sys_free(left);
    __atomic_store_n(&channel->head, channel->head + 1, __ATOMIC_RELEASE);
}

/* At any time `capacity` slots at most are owned or full, and one block is left behind half used.
 */
static int reserve_blocks(struct tug_mpsc *channel)
{
    size_t slots = (size_t)channel->lap - 1, size;
    size_t count = channel->capacity / slots + (channel->capacity % slots != 0) + 1;
    if (__builtin_mul_overflow(count, channel->block_size, &size))
        return -ENOMEM;
    channel->reserve = tug_sys_malloc(size);
    return channel->reserve != NULL ? 0 : -ENOMEM;
}

int tug_mpsc_queue_init(struct tug_mpsc *channel)
{
    if (channel->capacity != TUG_MPSC_UNBOUNDED && reserve_blocks(channel) != 0)
        return -ENOMEM;
    channel->head_block = channel->tail_block = new_block(channel);
    return channel->head_block != NULL ? 0 : -ENOMEM;
}

void tug_mpsc_queue_drain(struct tug_mpsc *channel)
{
    uint32_t *slot;
    while ((slot = tug_mpsc_ready(channel)) != NULL) {
        if (channel->destroy != NULL)
            channel->destroy(tug_mpsc_value(channel, slot));
        __atomic_store_n(&channel->head, channel->head + 1, __ATOMIC_RELEASE);
    }
}

size_t tug_mpsc_take_many(struct tug_mpsc *channel, void *values, size_t limit)
{
    unsigned char *next = values;
    uint32_t *slot;
    size_t count = 0;
    while (count < limit && (slot = tug_mpsc_ready(channel)) != NULL) {
        tug_mpsc_take(channel, slot, next);
        next += channel->value_size;
        count++;
    }
    return count;
}

static void free_blocks(struct tug_mpsc_block *block)
{
    while (block != NULL) {
        struct tug_mpsc_block *next = block->next;
        tug_sys_free(block);
        block = next;
    }
}

void tug_mpsc_queue_destroy(struct tug_mpsc *channel)
{
    tug_mpsc_queue_drain(channel);
    if (channel->reserve != NULL) {
        tug_sys_free(channel->reserve);
        return;
    }
    free_blocks(channel->head_block);
    free_blocks(channel->spares);
}

/* The number of slots before an index. */
static uint64_t slots_before(const struct tug_mpsc *channel, uint64_t index)
{
    return (index >> channel->lap_shift) * (channel->lap - 1) + tug_mpsc_offset(channel, index);
}

size_t tug_mpsc_queue_length(const struct tug_mpsc *channel)
{
    /* In this order: the tail is never behind where the head was before. */
    uint64_t head = __atomic_load_n(&channel->head, __ATOMIC_ACQUIRE);
    uint64_t tail = TUG_MPSC_INDEX(__atomic_load_n(&channel->tail, __ATOMIC_ACQUIRE));
    return (size_t)(slots_before(channel, tail) - slots_before(channel, head));
}

/* ---- pushing ---- */

int tug_mpsc_push(struct tug_mpsc *channel, const void *value, uint64_t unless)
{
    uint64_t tail = __atomic_load_n(&channel->tail, __ATOMIC_ACQUIRE);
    struct tug_mpsc_block *block;
    uint64_t offset;
    do {
        while (__builtin_expect(tug_mpsc_at_boundary(channel, TUG_MPSC_INDEX(tail)), 0)) {
            int error = tug_mpsc_next_tail(channel);
            if (error != 0)
                return error;
            tail = __atomic_load_n(&channel->tail, __ATOMIC_ACQUIRE);
        }
        /* Of the very tail that is swapped. */
        if (__builtin_expect((tail & unless) != 0, 0))
            return -EPIPE;
        block = __atomic_load_n(&channel->tail_block, __ATOMIC_RELAXED);
        offset = tug_mpsc_offset(channel, TUG_MPSC_INDEX(tail));
    } while (!__atomic_compare_exchange_n(&channel->tail, &tail, tail + TUG_MPSC_STEP, true,
                                          __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE));
    uint32_t *slot = tug_mpsc_slot(channel, block, offset);
    tug_value_copy(tug_mpsc_value(channel, slot), value, channel->value_size);
    /* The line is ours, as the value is in it: a look costs nothing, a swap in vain would. */
    uint32_t word = __atomic_load_n(slot, __ATOMIC_RELAXED);
    if (__builtin_expect(word != TUG_SLOT_EMPTY ||
                             !__atomic_compare_exchange_n(slot, &word, TUG_SLOT_FULL, false,
                                                          __ATOMIC_ACQ_REL, __ATOMIC_RELAXED),
                         0))
        tug_mpsc_publish_slow(channel, slot);
    return 0;
}

/* Swaps a word that says WAITING for another and hands its waker over. False: it does not say so.
 */
static bool take_waker(struct tug_mpsc *channel, uint32_t *slot, uint32_t becomes,
                       struct tug_waker *waker)
{
    uint32_t word = __atomic_load_n(slot, __ATOMIC_SEQ_CST);
    do {
        if ((word & TUG_SLOT_WAITING) == 0)
            return false;
        *waker = tug_waker_peek(&channel->waker);
    } while (!__atomic_compare_exchange_n(slot, &word, becomes, false, __ATOMIC_SEQ_CST,
                                          __ATOMIC_SEQ_CST));
    return true;
}

void tug_mpsc_publish_slow(struct tug_mpsc *channel, uint32_t *slot)
{
    struct tug_waker waker;
    uint32_t expected;
    do {
        if (take_waker(channel, slot, TUG_SLOT_FULL, &waker)) {
            tug_waker_wake(waker);
            return;
        }
        expected = TUG_SLOT_EMPTY;
    } while (!__atomic_compare_exchange_n(slot, &expected, TUG_SLOT_FULL, false, __ATOMIC_ACQ_REL,
                                          __ATOMIC_RELAXED));
}

void tug_mpsc_wake_receiver(struct tug_mpsc *channel)
{
    struct tug_waker waker;
    bool waits = false;
    tug_sys_mutex_lock(&channel->lock); /* so that the block stays */
    uint64_t index = TUG_MPSC_INDEX(__atomic_load_n(&channel->tail, __ATOMIC_SEQ_CST));
    if (!tug_mpsc_at_boundary(channel, index))
        waits = take_waker(
            channel, tug_mpsc_slot(channel, channel->tail_block, tug_mpsc_offset(channel, index)),
            TUG_SLOT_EMPTY, &waker);
    tug_sys_mutex_unlock(&channel->lock);
    if (waits)
        tug_waker_wake(waker);
}
