/* SPDX-License-Identifier: MIT */
/*
 * Waiting for something to happen, and telling of it. The rules are in event.h and wait_queue.h.
 */
#include "sync/event.h"

#include <errno.h>

#include <tug/coop.h>

#include "sys/list.h"
#include "task/executor.h"
#include "task/thread_waker.h"

void tug_event_tell(struct tug_wait_queue *queue)
{
    struct tug_chosen chosen;
    tug_chosen_init(&chosen);
    tug_wait_queue_lock(queue);
    tug_wait_queue_choose_all(queue, &chosen);
    tug_wait_queue_unlock(queue);
    tug_waiters_tell(&chosen);
}

void tug_event_tell_all(struct tug_event *event)
{
    struct tug_chosen chosen;
    tug_chosen_init(&chosen);
    for (unsigned i = 0; i < TUG_EVENT_QUEUES; i++) {
        struct tug_wait_queue *queue = &event->parts[i].queue;
        tug_wait_queue_lock(queue);
        tug_wait_queue_choose_all(queue, &chosen);
        tug_wait_queue_unlock(queue);
    }
    tug_waiters_tell(&chosen);
}

struct tug_wait_queue *tug_event_queue(struct tug_event *event, struct tug_waiter *waiter)
{
    if (tug_waiter_state(waiter) == TUG_WAITER_NEW) {
        struct tug_executor *executor = tug_executor_current();
        waiter->part = executor != NULL ? (uint32_t)executor->index % TUG_EVENT_QUEUES : 0;
    }
    return &event->parts[waiter->part].queue;
}

/* False: it has happened meanwhile. */
static bool enter(struct tug_future *self, struct tug_waiter *waiter, struct tug_wait_queue *queue,
                  bool (*happened)(const struct tug_future *self), const struct tug_waker *waker)
{
    struct tug_waker held = tug_waker_hold(waker);
    tug_wait_queue_lock(queue);
    bool late = happened(self);
    if (!late)
        tug_wait_queue_push(queue, waiter, held);
    tug_wait_queue_unlock(queue);
    if (late)
        tug_waker_unhold(&held);
    return !late;
}

int tug_event_poll(struct tug_future *self, struct tug_waiter *waiter, struct tug_wait_queue *queue,
                   bool (*happened)(const struct tug_future *self), const struct tug_waker *waker)
{
    if (tug_waiter_state(waiter) != TUG_WAITER_NEW) {
        if (!tug_waiter_poll(queue, waiter, waker))
            return TUG_PENDING;
        waiter->state = TUG_WAITER_NEW;
    }
    if (self->result == -ECANCELED)
        return TUG_READY;
    if (!happened(self) && enter(self, waiter, queue, happened, waker))
        return TUG_PENDING;
    return tug_coop_poll(waker);
}

void tug_event_cancel(struct tug_future *self, struct tug_waiter *waiter,
                      struct tug_wait_queue *queue)
{
    tug_wait_queue_lock(queue);
    bool left = tug_wait_queue_leave(queue, waiter);
    tug_wait_queue_unlock(queue);
    if (left)
        tug_waker_unhold(&waiter->waker);
    self->result = -ECANCELED;
}

/* ---- in direct style ---- */

struct event_wait {
    struct tug_future future;
    struct tug_waiter waiter;
    struct tug_wait_queue *queue;
    bool (*happened)(const void *subject);
    const void *subject;
};

static bool wait_happened(const struct tug_future *self)
{
    const struct event_wait *wait = (const void *)self;
    return wait->happened(wait->subject);
}

static int wait_poll(struct tug_future *self, const struct tug_waker *waker)
{
    struct event_wait *wait = TUG_CONTAINER_OF(self, struct event_wait, future);
    return tug_event_poll(self, &wait->waiter, wait->queue, wait_happened, waker);
}

static void wait_cancel(struct tug_future *self)
{
    struct event_wait *wait = TUG_CONTAINER_OF(self, struct event_wait, future);
    tug_event_cancel(self, &wait->waiter, wait->queue);
}

static const struct tug_future_vtable wait_vtable = {
    .poll = wait_poll,
    .cancel = wait_cancel,
};

int tug_event_wait(struct tug_wait_queue *queue, bool (*happened)(const void *subject),
                   const void *subject)
{
    struct event_wait wait = {
        .future = {&wait_vtable, 0},
        .queue = queue,
        .happened = happened,
        .subject = subject,
    };
    return (int)tug_await_anywhere(&wait.future);
}
