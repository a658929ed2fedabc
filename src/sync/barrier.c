/* SPDX-License-Identifier: MIT */
/*
 * The barrier. The rules of the queue are in wait_queue.h.
 *
 * `arrived` is the number of those in the queue. Who would complete it takes all of them out, under
 * the lock, so the next round begins with an empty queue; who gives up is counted no more.
 */
#include <tug/barrier.h>

#include <errno.h>

#include "sync/wait_queue.h"
#include "sys/list.h"
#include "task/thread_waker.h"

enum { FOLLOWER, LEADER };

static struct tug_barrier_future *of_future(struct tug_future *future)
{
    return TUG_CONTAINER_OF(future, struct tug_barrier_future, future);
}

/* The leader's arrival: it opens the barrier, and waits for nothing. */
static bool arrive(struct tug_future *future, const struct tug_waker *waker)
{
    struct tug_barrier_future *self = of_future(future);
    struct tug_barrier *barrier = self->barrier;
    struct tug_chosen chosen;
    struct tug_waker held = tug_waker_hold(waker);
    tug_chosen_init(&chosen);
    tug_wait_queue_lock(&barrier->queue);
    bool leads = barrier->arrived + 1 >= barrier->parties;
    if (leads) {
        barrier->arrived = 0;
        while (barrier->queue.first != NULL)
            tug_wait_queue_choose(&barrier->queue, barrier->queue.first, &chosen);
    } else {
        barrier->arrived++;
        future->result = FOLLOWER;
        tug_wait_queue_push(&barrier->queue, &self->waiter, held);
    }
    tug_wait_queue_unlock(&barrier->queue);
    if (leads) {
        tug_waiters_tell(&chosen);
        tug_waker_unhold(&held);
        future->result = LEADER;
    }
    return leads;
}

static int barrier_poll(struct tug_future *future, const struct tug_waker *waker)
{
    struct tug_barrier_future *self = of_future(future);
    return tug_waiter_poll_future(&self->barrier->queue, &self->waiter, future, waker, arrive);
}

static void barrier_cancel(struct tug_future *future)
{
    struct tug_barrier_future *self = of_future(future);
    struct tug_barrier *barrier = self->barrier;
    tug_wait_queue_lock(&barrier->queue);
    bool left = tug_wait_queue_leave(&barrier->queue, &self->waiter);
    if (left)
        barrier->arrived--;
    tug_wait_queue_unlock(&barrier->queue);
    if (left)
        tug_waker_unhold(&self->waiter.waker);
    if (tug_waiter_state(&self->waiter) != TUG_WAITER_NEW)
        return; /* all had arrived before */
    future->result = -ECANCELED;
    self->waiter.state = TUG_WAITER_TOLD;
}

static const struct tug_future_vtable barrier_vtable = {
    .poll = barrier_poll,
    .cancel = barrier_cancel,
};

void tug_barrier_future_init(struct tug_barrier_future *wait, struct tug_barrier *barrier)
{
    *wait = (struct tug_barrier_future){.future = {&barrier_vtable, 0}, .barrier = barrier};
}

void tug_barrier_init(struct tug_barrier *barrier, size_t parties)
{
    *barrier = (struct tug_barrier){.parties = parties};
}

int tug_barrier_wait(struct tug_barrier *barrier)
{
    struct tug_barrier_future wait;
    tug_barrier_future_init(&wait, barrier);
    return (int)tug_await_anywhere(&wait.future);
}
