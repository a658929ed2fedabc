/* SPDX-License-Identifier: MIT */
/*
 * Sending: room first, which is a permit of the channel's semaphore, and then the push, which
 * cannot fail for who has room. An unbounded channel has room for everybody.
 */
#include "sync/mpsc.h"

#include <errno.h>

#include "sync/semaphore.h"
#include "sys/list.h"

static int take_room(struct tug_mpsc *channel, size_t count)
{
    if (!tug_mpsc_is_bounded(channel) || count > channel->capacity)
        return -EINVAL;
    return tug_semaphore_take(&channel->room, count);
}

int tug_mpsc_try_send(struct tug_mpsc_sender *sender, const void *value)
{
    struct tug_mpsc *channel = tug_mpsc_of(sender);
    if (!tug_mpsc_is_bounded(channel))
        return tug_mpsc_push(channel, value, TUG_MPSC_CLOSED);
    int result = tug_semaphore_take(&channel->room, 1);
    return result != 0 ? result : tug_mpsc_push(channel, value, 0);
}

int tug_mpsc_send(struct tug_mpsc_sender *sender, const void *value)
{
    struct tug_mpsc *channel = tug_mpsc_of(sender);
    if (tug_mpsc_is_bounded(channel)) {
        int result = tug_semaphore_take_in_call(&channel->room, 1);
        if (result == 0)
            return tug_mpsc_push(channel, value, 0);
        if (result != -EAGAIN)
            return result;
    } else if (tug_call_may_proceed()) {
        return tug_mpsc_push(channel, value, TUG_MPSC_CLOSED);
    }
    struct tug_mpsc_send_future send;
    tug_mpsc_send_future_init(&send, sender, value);
    return (int)tug_await_anywhere(&send.future);
}

/* ---- reserving ---- */

static void store_permit(struct tug_mpsc_permit *permit, struct tug_mpsc_sender *sender,
                         size_t count)
{
    *permit = (struct tug_mpsc_permit){.sender = sender, .count = count};
}

int tug_mpsc_try_reserve(struct tug_mpsc_sender *sender, size_t count,
                         struct tug_mpsc_permit *permit)
{
    int result = take_room(tug_mpsc_of(sender), count);
    if (result == 0)
        store_permit(permit, sender, count);
    return result;
}

int tug_mpsc_reserve(struct tug_mpsc_sender *sender, size_t count, struct tug_mpsc_permit *permit)
{
    struct tug_mpsc_send_future reservation;
    tug_mpsc_reserve_future_init(&reservation, sender, count, permit);
    return (int)tug_await_anywhere(&reservation.future);
}

int tug_mpsc_send_reserved(struct tug_mpsc_permit *permit, const void *value)
{
    if (permit->count == 0)
        return -EINVAL;
    permit->count--;
    return tug_mpsc_push(tug_mpsc_of(permit->sender), value, 0);
}

/* After room was given back: the receiver of a closed channel waits for the last that was reserved.
 * (Flag and permits: invariant 5.) */
static void tell_closed_receiver(struct tug_mpsc_sender *sender)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (tug_mpsc_is_closed(sender))
        tug_mpsc_wake_receiver(tug_mpsc_of(sender));
}

void tug_mpsc_permit_drop(struct tug_mpsc_permit *permit)
{
    if (permit->count == 0)
        return;
    tug_semaphore_give(&tug_mpsc_of(permit->sender)->room, permit->count);
    permit->count = 0;
    tell_closed_receiver(permit->sender);
}

size_t tug_mpsc_available(const struct tug_mpsc_sender *sender)
{
    const struct tug_mpsc *channel = tug_mpsc_of(sender);
    return tug_mpsc_is_bounded(channel) ? tug_semaphore_available(&channel->room) : SIZE_MAX;
}

/* ---- as a future ---- */

static struct tug_mpsc_send_future *send_of(struct tug_future *self)
{
    return TUG_CONTAINER_OF(self, struct tug_mpsc_send_future, future);
}

static int send_poll(struct tug_future *self, const struct tug_waker *waker)
{
    struct tug_mpsc_send_future *send = send_of(self);
    struct tug_mpsc *channel = tug_mpsc_of(send->sender);
    struct tug_future *room = &send->room.future;
    if (self->result < 0)
        return TUG_READY;
    if (room->vtable->poll(room, waker) == TUG_PENDING)
        return TUG_PENDING;
    self->result = room->result;
    if (self->result == -ECANCELED)
        tell_closed_receiver(send->sender);
    if (self->result == 0 && send->permit != NULL)
        store_permit(send->permit, send->sender, send->room.permits);
    else if (self->result == 0 && send->value != NULL)
        self->result = tug_mpsc_push(channel, send->value, 0);
    return TUG_READY;
}

/* Whoever makes room pushes the value of the sender that waits for it, so that a receiver finds the
 * next value before it goes to sleep. */
static void push_for_waiter(struct tug_semaphore_future *room)
{
    struct tug_mpsc_send_future *send = TUG_CONTAINER_OF(room, struct tug_mpsc_send_future, room);
    tug_mpsc_push(tug_mpsc_of(send->sender), send->value, 0);
    send->value = NULL;
}

static int send_unbounded_poll(struct tug_future *self, const struct tug_waker *waker)
{
    struct tug_mpsc_send_future *send = send_of(self);
    if (self->result < 0)
        return TUG_READY;
    if (tug_coop_poll(waker) == TUG_PENDING)
        return TUG_PENDING;
    self->result = tug_mpsc_push(tug_mpsc_of(send->sender), send->value, TUG_MPSC_CLOSED);
    return TUG_READY;
}

static void send_cancel(struct tug_future *self)
{
    struct tug_mpsc_send_future *send = send_of(self);
    send->room.future.vtable->cancel(&send->room.future);
}

static void send_unbounded_cancel(struct tug_future *self)
{
    self->result = -ECANCELED;
}

static const struct tug_future_vtable send_vtable = {
    .poll = send_poll,
    .cancel = send_cancel,
};

static const struct tug_future_vtable send_unbounded_vtable = {
    .poll = send_unbounded_poll,
    .cancel = send_unbounded_cancel,
};

static void init_future(struct tug_mpsc_send_future *send, struct tug_mpsc_sender *sender,
                        size_t count)
{
    struct tug_mpsc *channel = tug_mpsc_of(sender);
    send->future = (struct tug_future){&send_unbounded_vtable, 0};
    send->sender = sender;
    if (tug_mpsc_is_bounded(channel)) {
        send->future.vtable = &send_vtable;
        tug_semaphore_future_init(&send->room, &channel->room, count);
    }
}

void tug_mpsc_send_future_init(struct tug_mpsc_send_future *send, struct tug_mpsc_sender *sender,
                               const void *value)
{
    init_future(send, sender, 1);
    send->room.use = push_for_waiter;
    send->value = value;
    send->permit = NULL;
}

void tug_mpsc_reserve_future_init(struct tug_mpsc_send_future *reservation,
                                  struct tug_mpsc_sender *sender, size_t count,
                                  struct tug_mpsc_permit *permit)
{
    const struct tug_mpsc *channel = tug_mpsc_of(sender);
    init_future(reservation, sender, count);
    reservation->value = NULL;
    reservation->permit = permit;
    if (!tug_mpsc_is_bounded(channel) || count > channel->capacity)
        reservation->future.result = -EINVAL;
}
