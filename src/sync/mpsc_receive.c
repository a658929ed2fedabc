/* SPDX-License-Identifier: MIT */
/*
 * Receiving: what is there, and otherwise waiting on the slot at the head (invariant 2 of mpsc.h).
 */
#include "sync/mpsc.h"

#include <errno.h>

#include "sync/semaphore.h"
#include "sys/list.h"
#include "task/state.h"

static inline void make_room(struct tug_mpsc *channel, size_t count)
{
    if (tug_mpsc_is_bounded(channel))
        tug_semaphore_give(&channel->room, count);
}

/* Whether nothing is queued, nor on its way, and nothing can come. What a permit was reserved for
 * may still come after CLOSED; there is none when the last sender has gone. */
static bool has_ended(struct tug_mpsc *channel)
{
    uint64_t tail = __atomic_load_n(&channel->tail, __ATOMIC_SEQ_CST);
    if ((tail & (TUG_MPSC_CLOSED | TUG_MPSC_ABANDONED)) == 0)
        return false;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    bool room = (tail & TUG_MPSC_ABANDONED) != 0 || !tug_mpsc_is_bounded(channel) ||
                tug_semaphore_available(&channel->room) == channel->capacity;
    /* Room that was used since is seen in the tail. */
    tail = __atomic_load_n(&channel->tail, __ATOMIC_SEQ_CST);
    return room && TUG_MPSC_INDEX(tail) == channel->head;
}

/* ---- waiting ---- */

static uint32_t *head_slot(struct tug_mpsc *channel)
{
    return tug_mpsc_slot(channel, channel->head_block, tug_mpsc_offset(channel, channel->head));
}

/* Takes the waker back, unless somebody has taken it to wake it. */
static void stop_waiting(struct tug_mpsc *channel)
{
    if (!channel->waiting)
        return;
    channel->waiting = false;
    uint32_t expected = channel->generation | TUG_SLOT_WAITING;
    if (__atomic_compare_exchange_n(head_slot(channel), &expected, TUG_SLOT_EMPTY, false,
                                    __ATOMIC_SEQ_CST, __ATOMIC_ACQUIRE))
        tug_waker_drop(channel->waker);
}

/* Leaves a waker on the slot at the head. False: the slot is full by now. */
static bool start_waiting(struct tug_mpsc *channel, const struct tug_waker *waker)
{
    if (channel->waiting && tug_waker_will_wake(&channel->waker, waker) &&
        __atomic_load_n(head_slot(channel), __ATOMIC_ACQUIRE) ==
            (channel->generation | TUG_SLOT_WAITING))
        return true;
    stop_waiting(channel);
    tug_waker_poke(&channel->waker, tug_waker_clone(waker));
    channel->generation += TUG_SLOT_GENERATION;
    uint32_t expected = TUG_SLOT_EMPTY;
    channel->waiting = __atomic_compare_exchange_n(head_slot(channel), &expected,
                                                   channel->generation | TUG_SLOT_WAITING, false,
                                                   __ATOMIC_SEQ_CST, __ATOMIC_ACQUIRE);
    if (!channel->waiting)
        tug_waker_drop(channel->waker);
    return channel->waiting;
}

/* ---- as a future ---- */

static struct tug_mpsc_receive_future *receive_of(struct tug_future *self)
{
    return TUG_CONTAINER_OF(self, struct tug_mpsc_receive_future, future);
}

/* Whether there is something to be taken, or -EPIPE, or a wait has begun (-EAGAIN). */
static int look(struct tug_mpsc *channel, const struct tug_waker *waker)
{
    if (tug_mpsc_ready(channel) != NULL || !start_waiting(channel, waker)) {
        channel->waiting = false;
        return 0;
    }
    if (!has_ended(channel))
        return -EAGAIN;
    stop_waiting(channel);
    return tug_mpsc_ready(channel) != NULL ? 0 : -EPIPE;
}

static int receive_poll(struct tug_future *self, const struct tug_waker *waker)
{
    struct tug_mpsc_receive_future *receive = receive_of(self);
    struct tug_mpsc *channel = tug_mpsc_of(receive->receiver);
    bool cancelled = self->result == -ECANCELED;
    if (receive->limit == 0 || (cancelled && tug_mpsc_ready(channel) == NULL))
        return TUG_READY;
    int found = look(channel, waker);
    if (found == -EAGAIN || tug_coop_poll(waker) == TUG_PENDING)
        return TUG_PENDING;
    self->result = found;
    if (found == 0) {
        size_t count = tug_mpsc_take_many(channel, receive->values, receive->limit);
        make_room(channel, count);
        self->result = (int64_t)count;
    }
    return TUG_READY;
}

static void receive_cancel(struct tug_future *self)
{
    stop_waiting(tug_mpsc_of(receive_of(self)->receiver));
    self->result = -ECANCELED;
}

static const struct tug_future_vtable receive_vtable = {
    .poll = receive_poll,
    .cancel = receive_cancel,
};

void tug_mpsc_receive_future_init(struct tug_mpsc_receive_future *wait,
                                  struct tug_mpsc_receiver *receiver, void *values, size_t limit)
{
    *wait = (struct tug_mpsc_receive_future){
        .future = {&receive_vtable, 0},
        .receiver = receiver,
        .values = values,
        .limit = limit,
    };
}

/* ---- calls ---- */

int64_t tug_mpsc_receive_many(struct tug_mpsc_receiver *receiver, void *values, size_t limit)
{
    struct tug_mpsc *channel = tug_mpsc_of(receiver);
    if (limit != 0 && tug_mpsc_ready(channel) != NULL && tug_call_may_proceed()) {
        size_t count = tug_mpsc_take_many(channel, values, limit);
        make_room(channel, count);
        return (int64_t)count;
    }
    struct tug_mpsc_receive_future receive;
    tug_mpsc_receive_future_init(&receive, receiver, values, limit);
    return tug_await_anywhere(&receive.future);
}

int tug_mpsc_receive(struct tug_mpsc_receiver *receiver, void *value)
{
    struct tug_mpsc *channel = tug_mpsc_of(receiver);
    uint32_t *slot = tug_mpsc_ready(channel);
    if (slot != NULL && tug_call_may_proceed()) {
        tug_mpsc_take(channel, slot, value);
        make_room(channel, 1);
        return 0;
    }
    int64_t result = tug_mpsc_receive_many(receiver, value, 1);
    return result > 0 ? 0 : (int)result;
}

int tug_mpsc_try_receive(struct tug_mpsc_receiver *receiver, void *value)
{
    struct tug_mpsc *channel = tug_mpsc_of(receiver);
    if (tug_mpsc_take_many(channel, value, 1) == 0) {
        if (!has_ended(channel))
            return -EAGAIN;
        /* What came between the two looks. */
        if (tug_mpsc_take_many(channel, value, 1) == 0)
            return -EPIPE;
    }
    make_room(channel, 1);
    return 0;
}
