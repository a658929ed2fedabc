/* SPDX-License-Identifier: MIT */
/*
 * Oneshot: one value, one atomic word.
 *
 *   SENT             the value is there
 *   SENDER_CLOSED    there will be none
 *   RECEIVER_CLOSED  nobody wants it
 *   WAKER            `waker` is set and belongs to the sender's side
 *
 * As with a task's join waker: the sender reads the waker before the step that publishes SENT, and
 * touches nothing after that step. The upper bits of the word count how often a waker was set, so
 * that the step fails if the receiver has put another in its place meanwhile. The waker is a clone,
 * since the receiver may be gone by the time it is woken.
 */
#include <tug/oneshot.h>

#include <errno.h>
#include <stdbool.h>

#include <tug/coop.h>
#include <tug/task.h>

#include "sync/direct.h"
#include "sync/event.h"
#include "sys/list.h"
#include "task/state.h"

#define SENT 1u
#define SENDER_CLOSED 2u
#define RECEIVER_CLOSED 4u
#define WAKER 8u
#define GENERATION 256u
#define SENDER_DONE (SENT | SENDER_CLOSED)

static uint32_t load(const struct tug_oneshot *channel)
{
    return __atomic_load_n(&channel->state, __ATOMIC_ACQUIRE);
}

static bool swap(struct tug_oneshot *channel, uint32_t *expected, uint32_t desired)
{
    return __atomic_compare_exchange_n(&channel->state, expected, desired, true, __ATOMIC_ACQ_REL,
                                       __ATOMIC_ACQUIRE);
}

/* ---- sender -----------------------------------------------------------------------------------
 */

static int finish_sending(struct tug_oneshot *channel, uint32_t bit)
{
    uint32_t state = load(channel);
    struct tug_waker waker = {NULL, NULL};
    do {
        if ((state & SENDER_DONE) != 0)
            return -EALREADY;
        if ((state & RECEIVER_CLOSED) != 0)
            return -EPIPE;
        if ((state & WAKER) != 0)
            waker = tug_waker_peek(&channel->waker);
    } while (!swap(channel, &state, (state | bit) & ~WAKER));
    if ((state & WAKER) != 0)
        tug_waker_wake(waker);
    return 0;
}

int tug_oneshot_send(struct tug_oneshot *channel, int64_t value)
{
    if ((load(channel) & SENDER_DONE) != 0)
        return -EALREADY;
    channel->value = value;
    return finish_sending(channel, SENT);
}

void tug_oneshot_close_sender(struct tug_oneshot *channel)
{
    (void)finish_sending(channel, SENDER_CLOSED);
}

static bool is_closed(const void *channel)
{
    return (load(channel) & RECEIVER_CLOSED) != 0;
}

bool tug_oneshot_is_closed(const struct tug_oneshot *channel)
{
    return is_closed(channel);
}

int tug_oneshot_wait_closed(struct tug_oneshot *channel)
{
    return tug_event_wait(&channel->closed_waits, is_closed, channel);
}

/* ---- receiver ---------------------------------------------------------------------------------
 */

/* Takes the waker back, if it is set and the sender has not taken it. */
static void take_waker(struct tug_oneshot *channel)
{
    uint32_t state = load(channel);
    do {
        if ((state & WAKER) == 0)
            return;
    } while (!swap(channel, &state, state & ~WAKER));
    tug_waker_drop(channel->waker);
}

static int oneshot_poll(struct tug_future *self, const struct tug_waker *waker)
{
    struct tug_oneshot *channel = TUG_CONTAINER_OF(self, struct tug_oneshot, future);
    uint32_t state = load(channel);
    if ((state & SENDER_DONE) == 0) {
        if (self->result == -ECANCELED)
            return TUG_READY;
        if ((state & WAKER) != 0) {
            if (tug_waker_will_wake(&channel->waker, waker))
                return TUG_PENDING;
            take_waker(channel);
            state = load(channel);
        }
        if ((state & SENDER_DONE) == 0) {
            tug_waker_poke(&channel->waker, tug_waker_clone(waker));
            do {
                if ((state & SENDER_DONE) != 0) {
                    tug_waker_drop(channel->waker);
                    break;
                }
            } while (!swap(channel, &state, (state | WAKER) + GENERATION));
            if ((state & SENDER_DONE) == 0)
                return TUG_PENDING;
        }
    }
    if (tug_coop_poll(waker) == TUG_PENDING)
        return TUG_PENDING;
    self->result = (state & SENT) != 0 ? 0 : -EPIPE;
    return TUG_READY;
}

static void oneshot_cancel(struct tug_future *self)
{
    struct tug_oneshot *channel = TUG_CONTAINER_OF(self, struct tug_oneshot, future);
    take_waker(channel);
    self->result = -ECANCELED;
}

static const struct tug_future_vtable oneshot_vtable = {
    .poll = oneshot_poll,
    .cancel = oneshot_cancel,
};

void tug_oneshot_init(struct tug_oneshot *channel)
{
    *channel = (struct tug_oneshot){.future = {&oneshot_vtable, 0}};
}

int tug_oneshot_receive(struct tug_oneshot *channel, int64_t *value)
{
    if ((load(channel) & SENT) != 0 && tug_call_may_proceed()) {
        *value = channel->value;
        return 0;
    }
    channel->future.result = 0;
    int result = (int)tug_await_anywhere(&channel->future);
    if (result == 0)
        *value = channel->value;
    return result;
}

int tug_oneshot_try_receive(struct tug_oneshot *channel, int64_t *value)
{
    uint32_t state = load(channel);
    if ((state & SENT) != 0) {
        *value = channel->value;
        return 0;
    }
    return (state & SENDER_CLOSED) != 0 ? -EPIPE : -EAGAIN;
}

int tug_oneshot_close_receiver(struct tug_oneshot *channel, int64_t *value)
{
    take_waker(channel);
    uint32_t state = load(channel);
    do {
        if ((state & SENT) != 0) {
            *value = channel->value;
            return 1;
        }
    } while (!swap(channel, &state, state | RECEIVER_CLOSED));
    tug_event_tell(&channel->closed_waits);
    return 0;
}
