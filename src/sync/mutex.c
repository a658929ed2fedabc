/* SPDX-License-Identifier: MIT */
/*
 * The mutex: who unlocks leaves it free and wakes the first in the queue, so that the tasks which
 * run may go on locking while that one gets up. Handed over it is only to who has waited for longer
 * than PATIENCE. After sync.Mutex of Go and the locks of WebKit (F. Pizlo, "Locking in WebKit",
 * 2016). The rules of the queue are in wait_queue.h.
 *
 * The state word holds:
 *
 *   LOCKED   somebody has the mutex
 *   WAITERS  the queue is not empty; changes under the queue's lock only
 *   WOKEN    one waiter has been taken out of the queue to try
 *
 * Invariants:
 *  1. WOKEN belongs to the waiter that was woken, and there is one at a time. It gets rid of it by
 *     taking the mutex, by going back to the head of the queue, or by waking the next in its place.
 *  2. While WAITERS is set either LOCKED or WOKEN is: somebody will look at the queue. Nobody
 *     queues but in the step that finds LOCKED, and who unlocks makes sure of WOKEN first.
 *  3. Nothing touches the mutex after the step that clears LOCKED, or that tells the waiter it is
 *     handed over to. A waiter that was woken is a user of the mutex like any other: it is told
 *     after that step, and its own memory stays until it is told.
 */
#include <tug/mutex.h>

#include <errno.h>

#include <tug/coop.h>

#include "sync/direct.h"
#include "sync/wait_queue.h"
#include "sys/clock.h"
#include "sys/list.h"

#define LOCKED TUG_MUTEX_LOCKED
#define WAITERS UINT32_C(2)
#define WOKEN UINT32_C(4)

/* How long others may pass a waiter, in ns. Longer than a task takes to get up, shorter than what a
 * user would notice. */
#define PATIENCE UINT64_C(1000000)

static struct tug_mutex_future *of_waiter(struct tug_waiter *waiter)
{
    return TUG_CONTAINER_OF(waiter, struct tug_mutex_future, waiter);
}

static struct tug_mutex_future *of_future(struct tug_future *future)
{
    return TUG_CONTAINER_OF(future, struct tug_mutex_future, future);
}

/* One step, whoever waits or was woken. */
static inline bool take(struct tug_mutex *mutex)
{
    return (__atomic_fetch_or(&mutex->state, LOCKED, __ATOMIC_ACQUIRE) & LOCKED) == 0;
}

/* [locked] After a waiter has left the queue. */
static void settle_waiters(struct tug_mutex *mutex)
{
    if (mutex->queue.first == NULL)
        __atomic_fetch_and(&mutex->state, ~WAITERS, __ATOMIC_RELAXED);
}

/* ---- unlocking --------------------------------------------------------------------------------
 */

/* [locked] Takes the first out of the queue, to have the mutex or to try. */
static void choose_first(struct tug_mutex *mutex, bool hand_over, struct tug_chosen *chosen)
{
    struct tug_waiter *first = mutex->queue.first;
    of_waiter(first)->woken = !hand_over;
    tug_wait_queue_choose(&mutex->queue, first, chosen);
    settle_waiters(mutex);
}

/* By who has the mutex: finds out who is next. Returns whether it was handed over. */
static bool choose_next(struct tug_mutex *mutex, struct tug_chosen *chosen)
{
    const uint64_t now = tug_clock_now();
    bool hand_over = false;
    tug_wait_queue_lock(&mutex->queue);
    if (mutex->queue.first != NULL) { /* it may have given up */
        /* It may have come after `now`. */
        hand_over = (int64_t)(now - of_waiter(mutex->queue.first)->since) > (int64_t)PATIENCE;
        if (!hand_over)
            __atomic_fetch_or(&mutex->state, WOKEN, __ATOMIC_RELAXED);
        choose_first(mutex, hand_over, chosen);
    }
    tug_wait_queue_unlock(&mutex->queue);
    return hand_over;
}

/* By who has the mutex, which looked like `state` a moment ago. */
void tug_mutex_unlock_slow(struct tug_mutex *mutex, uint32_t state)
{
    struct tug_chosen chosen;
    tug_chosen_init(&chosen);
    for (;;) {
        if ((state & (WAITERS | WOKEN)) == WAITERS) {
            if (choose_next(mutex, &chosen))
                break;
            state = __atomic_load_n(&mutex->state, __ATOMIC_RELAXED);
        } else if (__atomic_compare_exchange_n(&mutex->state, &state, state & ~LOCKED, false,
                                               __ATOMIC_RELEASE, __ATOMIC_RELAXED)) {
            break;
        }
    }
    tug_waiters_tell(&chosen);
}

/* By a waiter that was woken and does not want the mutex any more. */
static void wake_another(struct tug_mutex *mutex)
{
    struct tug_chosen chosen;
    tug_chosen_init(&chosen);
    tug_wait_queue_lock(&mutex->queue);
    if (mutex->queue.first != NULL)
        choose_first(mutex, false, &chosen);
    else
        __atomic_fetch_and(&mutex->state, ~WOKEN, __ATOMIC_RELEASE);
    tug_wait_queue_unlock(&mutex->queue);
    tug_waiters_tell(&chosen);
}

/* ---- locking ----------------------------------------------------------------------------------
 */

/* Takes the mutex if it is free; clears `woken` in the same step. Else, if `queue`, makes sure that
 * who has it will look at the queue, under the lock. */
static bool take_or_announce(struct tug_mutex *mutex, uint32_t woken, bool queue)
{
    uint32_t state = __atomic_load_n(&mutex->state, __ATOMIC_RELAXED), desired;
    do {
        if ((state & LOCKED) != 0 && !queue)
            return false;
        desired = ((state & LOCKED) != 0 ? state | WAITERS : state | LOCKED) & ~woken;
    } while (!__atomic_compare_exchange_n(&mutex->state, &state, desired, false, __ATOMIC_ACQUIRE,
                                          __ATOMIC_RELAXED));
    return (state & LOCKED) == 0;
}

static bool take_or_queue(struct tug_future *future, const struct tug_waker *waker)
{
    struct tug_mutex_future *self = of_future(future);
    struct tug_mutex *mutex = self->mutex;
    const bool again = self->woken;
    const uint32_t woken = again ? WOKEN : 0;
    self->woken = false;
    if (take_or_announce(mutex, woken, false))
        return true;
    struct tug_waker held = tug_waker_hold(waker);
    if (!again)
        self->since = tug_clock_now();
    tug_wait_queue_lock(&mutex->queue);
    bool taken = take_or_announce(mutex, woken, true);
    if (!taken && again)
        tug_wait_queue_push_front(&mutex->queue, &self->waiter, held);
    else if (!taken)
        tug_wait_queue_push(&mutex->queue, &self->waiter, held);
    tug_wait_queue_unlock(&mutex->queue);
    if (taken)
        tug_waker_unhold(&held);
    return taken;
}

/* Has got the mutex, or was woken to try, and wants neither any more. */
static void give_back(struct tug_mutex_future *self)
{
    if (self->woken)
        wake_another(self->mutex);
    else
        tug_mutex_unlock(self->mutex);
    self->future.result = -ECANCELED;
}

static int mutex_poll(struct tug_future *future, const struct tug_waker *waker)
{
    struct tug_mutex_future *self = of_future(future);
    struct tug_wait_queue *queue = &self->mutex->queue;
    while (tug_waiter_poll_future(queue, &self->waiter, future, waker, take_or_queue) ==
           TUG_READY) {
        if (self->cancelled && future->result == 0)
            give_back(self);
        if (!self->woken || self->cancelled)
            return TUG_READY;
        self->waiter.state = TUG_WAITER_NEW; /* to try is to ask once more */
        tug_coop_restore();
    }
    return TUG_PENDING;
}

static void mutex_cancel(struct tug_future *future)
{
    struct tug_mutex_future *self = of_future(future);
    struct tug_wait_queue *queue = &self->mutex->queue;
    tug_wait_queue_lock(queue);
    bool left = tug_wait_queue_leave(queue, &self->waiter);
    if (left)
        settle_waiters(self->mutex);
    tug_wait_queue_unlock(queue);
    if (left)
        tug_waker_unhold(&self->waiter.waker);
    if (tug_waiter_state(&self->waiter) != TUG_WAITER_NEW) {
        self->cancelled = true; /* the next poll gives back what came first */
        return;
    }
    self->waiter.state = TUG_WAITER_TOLD;
    future->result = -ECANCELED;
}

static const struct tug_future_vtable mutex_vtable = {
    .poll = mutex_poll,
    .cancel = mutex_cancel,
};

void tug_mutex_future_init(struct tug_mutex_future *lock, struct tug_mutex *mutex)
{
    *lock = (struct tug_mutex_future){.future = {&mutex_vtable, 0}, .mutex = mutex};
}

/* ---- calls ------------------------------------------------------------------------------------
 */

void tug_mutex_init(struct tug_mutex *mutex)
{
    *mutex = (struct tug_mutex)TUG_MUTEX_INIT;
}

static __attribute__((noinline)) int lock_slow(struct tug_mutex *mutex)
{
    struct tug_mutex_future lock;
    tug_mutex_future_init(&lock, mutex);
    return (int)tug_await_anywhere(&lock.future);
}

int tug_mutex_lock(struct tug_mutex *mutex)
{
    if (tug_call_may_proceed()) {
        if (take(mutex))
            return 0;
        tug_coop_restore();
    }
    return lock_slow(mutex);
}

int tug_mutex_try_lock(struct tug_mutex *mutex)
{
    return take(mutex) ? 0 : -EBUSY;
}
