/* SPDX-License-Identifier: MIT */
/*
 * The handles of an mpsc channel: all are pointers to the channel, counted. All senders together
 * have one reference, which the last gives up; so a weak sender has what to look at.
 */
#include "sync/mpsc.h"

#include <errno.h>

#include "sync/event.h"
#include "sys/call.h"
#include "sys/list.h"

#define VALUE_SIZE_MAX ((size_t)1 << 30)

/* A block has 31 slots, or as many as fit into about 4 KiB, but one at least. */
#define LAP_SHIFT_MAX 5
#define BLOCK_SIZE 4096

static size_t round_up(size_t size, size_t to)
{
    return (size + to - 1) / to * to;
}

/* Where things lie in a block: values of up to 8 bytes at multiples of 8, others of 16. */
static void lay_out(struct tug_mpsc *channel, size_t value_size)
{
    channel->value_size = value_size;
    channel->value_offset = value_size <= 8 ? 8 : 16;
    channel->stride = round_up(channel->value_offset + value_size, channel->value_offset);
    channel->lap_shift = LAP_SHIFT_MAX;
    while (channel->lap_shift > 1 &&
           (((size_t)1 << channel->lap_shift) - 1) * channel->stride > BLOCK_SIZE)
        channel->lap_shift--;
    channel->lap = UINT64_C(1) << channel->lap_shift;
    channel->block_size =
        round_up(sizeof(struct tug_mpsc_block) + (size_t)(channel->lap - 1) * channel->stride, 16);
}

int tug_mpsc_create(struct tug_mpsc_sender **sender, struct tug_mpsc_receiver **receiver,
                    size_t capacity, size_t value_size, void (*destroy)(void *value))
{
    if (capacity == 0 || (capacity > TUG_MPSC_CAPACITY_MAX && capacity != TUG_MPSC_UNBOUNDED) ||
        value_size == 0 || value_size > VALUE_SIZE_MAX)
        return -EINVAL;
    struct tug_mpsc *channel = tug_sys_aligned_alloc(_Alignof(struct tug_mpsc), sizeof *channel);
    if (channel == NULL)
        return -ENOMEM;
    *channel = (struct tug_mpsc){
        .capacity = capacity,
        .destroy = destroy,
        .senders = 1,
        .references = 2,
    };
    lay_out(channel, value_size);
    if (tug_mpsc_is_bounded(channel))
        tug_semaphore_init(&channel->room, capacity);
    int error = tug_mpsc_queue_init(channel);
    if (error != 0) {
        tug_sys_free(channel);
        return error;
    }
    *sender = (void *)channel;
    *receiver = (void *)channel;
    return 0;
}

static void release(struct tug_mpsc *channel)
{
    if (__atomic_sub_fetch(&channel->references, 1, __ATOMIC_ACQ_REL) != 0)
        return;
    tug_mpsc_queue_destroy(channel);
    tug_sys_free(channel);
}

/* ---- senders ---- */

struct tug_mpsc_sender *tug_mpsc_sender_clone(struct tug_mpsc_sender *sender)
{
    __atomic_fetch_add(&tug_mpsc_of(sender)->senders, 1, __ATOMIC_RELAXED);
    return sender;
}

void tug_mpsc_sender_drop(struct tug_mpsc_sender *sender)
{
    struct tug_mpsc *channel = tug_mpsc_of(sender);
    if (__atomic_sub_fetch(&channel->senders, 1, __ATOMIC_ACQ_REL) != 0)
        return;
    __atomic_fetch_or(&channel->tail, TUG_MPSC_ABANDONED, __ATOMIC_SEQ_CST);
    tug_mpsc_wake_receiver(channel);
    release(channel);
}

struct tug_mpsc_weak_sender *tug_mpsc_downgrade(struct tug_mpsc_sender *sender)
{
    __atomic_fetch_add(&tug_mpsc_of(sender)->references, 1, __ATOMIC_RELAXED);
    return (void *)sender;
}

struct tug_mpsc_sender *tug_mpsc_upgrade(struct tug_mpsc_weak_sender *weak)
{
    size_t *senders = &tug_mpsc_of(weak)->senders;
    size_t count = __atomic_load_n(senders, __ATOMIC_RELAXED);
    do {
        if (count == 0)
            return NULL;
    } while (!__atomic_compare_exchange_n(senders, &count, count + 1, true, __ATOMIC_ACQUIRE,
                                          __ATOMIC_RELAXED));
    return (void *)weak;
}

void tug_mpsc_weak_sender_drop(struct tug_mpsc_weak_sender *weak)
{
    release(tug_mpsc_of(weak));
}

/* ---- the receiver ---- */

void tug_mpsc_close(struct tug_mpsc_receiver *receiver)
{
    struct tug_mpsc *channel = tug_mpsc_of(receiver);
    /* Room first: nobody may get any after the receiver has seen the end. */
    if (tug_mpsc_is_bounded(channel))
        tug_semaphore_close(&channel->room);
    __atomic_fetch_or(&channel->tail, TUG_MPSC_CLOSED, __ATOMIC_SEQ_CST);
    tug_event_tell(&channel->closed_waits);
    tug_mpsc_wake_receiver(channel);
}

void tug_mpsc_receiver_drop(struct tug_mpsc_receiver *receiver)
{
    struct tug_mpsc *channel = tug_mpsc_of(receiver);
    tug_mpsc_close(receiver);
    tug_mpsc_queue_drain(channel);
    release(channel);
}

size_t tug_mpsc_length(const struct tug_mpsc_receiver *receiver)
{
    return tug_mpsc_queue_length(tug_mpsc_of(receiver));
}

size_t tug_mpsc_sender_count(const struct tug_mpsc_receiver *receiver)
{
    return __atomic_load_n(&tug_mpsc_of(receiver)->senders, __ATOMIC_RELAXED);
}

/* ---- waiting for the receiver's end ---- */

bool tug_mpsc_is_closed(const struct tug_mpsc_sender *sender)
{
    uint64_t tail = __atomic_load_n(&tug_mpsc_of(sender)->tail, __ATOMIC_ACQUIRE);
    return (tail & TUG_MPSC_CLOSED) != 0;
}

static bool is_closed(const struct tug_future *self)
{
    return tug_mpsc_is_closed(
        TUG_CONTAINER_OF(self, struct tug_mpsc_closed_future, future)->sender);
}

static int closed_poll(struct tug_future *self, const struct tug_waker *waker)
{
    struct tug_mpsc_closed_future *wait =
        TUG_CONTAINER_OF(self, struct tug_mpsc_closed_future, future);
    struct tug_mpsc *channel = tug_mpsc_of(wait->sender);
    return tug_event_poll(self, &wait->waiter, &channel->closed_waits, is_closed, waker);
}

static void closed_cancel(struct tug_future *self)
{
    struct tug_mpsc_closed_future *wait =
        TUG_CONTAINER_OF(self, struct tug_mpsc_closed_future, future);
    tug_event_cancel(self, &wait->waiter, &tug_mpsc_of(wait->sender)->closed_waits);
}

static const struct tug_future_vtable closed_vtable = {
    .poll = closed_poll,
    .cancel = closed_cancel,
};

void tug_mpsc_closed_future_init(struct tug_mpsc_closed_future *wait,
                                 struct tug_mpsc_sender *sender)
{
    *wait = (struct tug_mpsc_closed_future){.future = {&closed_vtable, 0}, .sender = sender};
}

int tug_mpsc_wait_closed(struct tug_mpsc_sender *sender)
{
    struct tug_mpsc_closed_future wait;
    tug_mpsc_closed_future_init(&wait, sender);
    return (int)tug_await_anywhere(&wait.future);
}
