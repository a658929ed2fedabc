/* SPDX-License-Identifier: MIT */
/*
 * Notifications. The rules of the queue are in wait_queue.h.
 *
 * The state word holds:
 *
 *   KEPT        a notification of one that nobody has had yet; never together with WAITERS
 *   WAITERS     the queue is not empty; while it is set, the word changes under the lock alone
 *   generation  from bit 2: how often all were notified
 *
 * A future remembers the generation at its preparation, and is ready once there is another: so it
 * hears of a notification of all that comes before its first poll. A notification of one that was
 * given to a future which does not want it any more is given once more.
 */
#include <tug/notify.h>

#include <errno.h>

#include "sync/wait_queue.h"
#include "sys/list.h"
#include "task/thread_waker.h"

#define KEPT UINT64_C(1)
#define WAITERS UINT64_C(2)
#define GENERATION UINT64_C(4)

enum { TOLD_BY_NOBODY, TOLD_BY_ONE, TOLD_BY_LAST, TOLD_BY_ALL };

static struct tug_notify_future *of_future(struct tug_future *future)
{
    return TUG_CONTAINER_OF(future, struct tug_notify_future, future);
}

static bool swap(struct tug_notify *notify, uint64_t *expected, uint64_t desired)
{
    return __atomic_compare_exchange_n(&notify->state, expected, desired, true, __ATOMIC_ACQ_REL,
                                       __ATOMIC_ACQUIRE);
}

/* [locked] After waiters have left the queue. While WAITERS is set the word changes under the lock
 * alone, so a store will do. */
static void settle_waiters(struct tug_notify *notify)
{
    uint64_t state = __atomic_load_n(&notify->state, __ATOMIC_RELAXED);
    if (notify->queue.first == NULL && (state & WAITERS) != 0)
        __atomic_store_n(&notify->state, state & ~WAITERS, __ATOMIC_RELEASE);
}

/* [locked] */
static void choose(struct tug_notify *notify, struct tug_waiter *waiter, uint8_t told_by,
                   struct tug_chosen *chosen)
{
    TUG_CONTAINER_OF(waiter, struct tug_notify_future, waiter)->told_by = told_by;
    tug_wait_queue_choose(&notify->queue, waiter, chosen);
}

/* ---- notifying --------------------------------------------------------------------------------
 */

/* Keeps a notification unless somebody waits. A swap even if one is kept already: who gets that one
 * is to see what was done before this one. */
static bool keep(struct tug_notify *notify)
{
    uint64_t state = __atomic_load_n(&notify->state, __ATOMIC_RELAXED);
    do {
        if ((state & WAITERS) != 0)
            return false;
    } while (!swap(notify, &state, state | KEPT));
    return true;
}

static void notify_single(struct tug_notify *notify, uint8_t told_by)
{
    while (!keep(notify)) {
        struct tug_chosen chosen;
        tug_chosen_init(&chosen);
        tug_wait_queue_lock(&notify->queue);
        struct tug_waiter *waiter =
            told_by == TOLD_BY_LAST ? notify->queue.last : notify->queue.first;
        if (waiter != NULL) {
            choose(notify, waiter, told_by, &chosen);
            settle_waiters(notify);
        }
        tug_wait_queue_unlock(&notify->queue);
        tug_waiters_tell(&chosen);
        if (waiter != NULL)
            return;
    }
}

void tug_notify_one(struct tug_notify *notify)
{
    notify_single(notify, TOLD_BY_ONE);
}

void tug_notify_last(struct tug_notify *notify)
{
    notify_single(notify, TOLD_BY_LAST);
}

void tug_notify_waiters(struct tug_notify *notify)
{
    uint64_t state = __atomic_load_n(&notify->state, __ATOMIC_RELAXED);
    do {
        if ((state & WAITERS) != 0)
            break;
    } while (!swap(notify, &state, state + GENERATION));
    if ((state & WAITERS) == 0)
        return;

    struct tug_chosen chosen;
    tug_chosen_init(&chosen);
    tug_wait_queue_lock(&notify->queue);
    __atomic_fetch_add(&notify->state, GENERATION, __ATOMIC_RELEASE);
    while (notify->queue.first != NULL)
        choose(notify, notify->queue.first, TOLD_BY_ALL, &chosen);
    settle_waiters(notify);
    tug_wait_queue_unlock(&notify->queue);
    tug_waiters_tell(&chosen);
}

/* ---- waiting ----------------------------------------------------------------------------------
 */

/* Takes what there is for the future: its generation is over, or one is kept. Else, if `queue`,
 * sets WAITERS, under the lock. Returns who told it. */
static uint8_t take(struct tug_notify_future *self, bool queue)
{
    uint64_t state = __atomic_load_n(&self->notify->state, __ATOMIC_ACQUIRE);
    for (;;) {
        if (state / GENERATION != self->generation)
            return TOLD_BY_ALL;
        bool kept = (state & KEPT) != 0;
        if (!kept && (!queue || (state & WAITERS) != 0))
            return TOLD_BY_NOBODY;
        if (swap(self->notify, &state, kept ? state & ~KEPT : state | WAITERS))
            return kept ? TOLD_BY_ONE : TOLD_BY_NOBODY;
    }
}

static bool take_or_queue(struct tug_future *future, const struct tug_waker *waker)
{
    struct tug_notify_future *self = of_future(future);
    struct tug_wait_queue *queue = &self->notify->queue;
    self->told_by = take(self, false);
    if (self->told_by == TOLD_BY_NOBODY) {
        struct tug_waker held = tug_waker_hold(waker);
        tug_wait_queue_lock(queue);
        self->told_by = take(self, true);
        bool waits = self->told_by == TOLD_BY_NOBODY;
        if (waits)
            tug_wait_queue_push(queue, &self->waiter, held);
        tug_wait_queue_unlock(queue);
        if (waits)
            return false;
        tug_waker_unhold(&held);
    }
    return true;
}

static int notify_poll(struct tug_future *future, const struct tug_waker *waker)
{
    struct tug_notify_future *self = of_future(future);
    int outcome =
        tug_waiter_poll_future(&self->notify->queue, &self->waiter, future, waker, take_or_queue);
    if (outcome == TUG_READY && self->cancelled && future->result == 0) {
        if (self->told_by != TOLD_BY_ALL)
            notify_single(self->notify, self->told_by);
        future->result = -ECANCELED;
    }
    return outcome;
}

static void notify_cancel(struct tug_future *future)
{
    struct tug_notify_future *self = of_future(future);
    struct tug_wait_queue *queue = &self->notify->queue;
    tug_wait_queue_lock(queue);
    bool left = tug_wait_queue_leave(queue, &self->waiter);
    if (left)
        settle_waiters(self->notify);
    tug_wait_queue_unlock(queue);
    if (left)
        tug_waker_unhold(&self->waiter.waker);
    if (tug_waiter_state(&self->waiter) != TUG_WAITER_NEW) {
        self->cancelled = true; /* the next poll passes on what came first */
        return;
    }
    self->waiter.state = TUG_WAITER_TOLD;
    future->result = -ECANCELED;
}

static const struct tug_future_vtable notify_vtable = {
    .poll = notify_poll,
    .cancel = notify_cancel,
};

void tug_notify_future_init(struct tug_notify_future *wait, struct tug_notify *notify)
{
    *wait = (struct tug_notify_future){
        .future = {&notify_vtable, 0},
        .notify = notify,
        .generation = __atomic_load_n(&notify->state, __ATOMIC_ACQUIRE) / GENERATION,
    };
}

/* ---- in the queue without a poll ---- */

static void nobody(void *data)
{
    (void)data;
}

static const struct tug_waker_vtable nobody_vtable = {nobody, nobody, nobody, nobody};

bool tug_notify_enable(struct tug_notify_future *wait)
{
    const struct tug_waker waker = {&nobody_vtable, NULL};
    if (tug_waiter_state(&wait->waiter) == TUG_WAITER_NEW && take_or_queue(&wait->future, &waker))
        wait->waiter.state = TUG_WAITER_TOLD;
    return tug_waiter_state(&wait->waiter) == TUG_WAITER_TOLD;
}

/* ---- calls ------------------------------------------------------------------------------------
 */

void tug_notify_init(struct tug_notify *notify)
{
    *notify = (struct tug_notify)TUG_NOTIFY_INIT;
}

int tug_notify_wait(struct tug_notify *notify)
{
    struct tug_notify_future wait;
    tug_notify_future_init(&wait, notify);
    return (int)tug_await_anywhere(&wait.future);
}
