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
 *   ATTEND   WAITERS without WOKEN, and the word's sign: who unlocks has to look at the queue
 *
 * An unlock subtracts LOCKED, whatever else the word holds, and goes by the sign of what it leaves:
 * for a mutex that one task locks and unlocks, that takes a tenth less time than a
 * compare-and-swap. With ATTEND the mutex is still held after it, by the very unlock; without, it
 * is free.
 *
 * Invariants:
 *  1. WOKEN belongs to the waiter that was woken, and there is one at a time. It gets rid of it by
 *     taking the mutex, by going back to the head of the queue, or by waking the next in its place.
 *  2. While WAITERS is set the mutex is held or WOKEN is set: somebody will look at the queue.
 *     Nobody queues but in the step that finds it held, and who unlocks makes sure of WOKEN first.
 *     Who gives up, as the last of the queue, leaves the flags alone where ATTEND without LOCKED
 *     says that the mutex is held.
 *  3. Nothing touches the mutex after the step that frees it, or that tells the waiter it is handed
 *     over to. A waiter that was woken is a user of the mutex like any other: it is told after that
 *     step, and its own memory stays until it is told.
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
#define ATTEND (UINT32_C(1) << 31)

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

static inline bool is_held(uint32_t state)
{
    return (state & (LOCKED | ATTEND)) != 0;
}

/* With ATTEND as the other flags demand. */
static inline uint32_t settled(uint32_t state)
{
    return (state & (WAITERS | WOKEN)) == WAITERS ? state | ATTEND : state & ~ATTEND;
}

static inline bool swap(struct tug_mutex *mutex, uint32_t *expected, uint32_t desired)
{
    return __atomic_compare_exchange_n(&mutex->state, expected, desired, false, __ATOMIC_ACQUIRE,
                                       __ATOMIC_RELAXED);
}

/* Tries first what it should find: a load before the swap would fetch the word twice. */
static inline bool take(struct tug_mutex *mutex)
{
    uint32_t state = 0;
    while (!swap(mutex, &state, state | LOCKED)) {
        if (is_held(state))
            return false;
    }
    return true;
}

/* [locked] After a waiter has left the queue. An unlock that is on its way does it itself. */
static void settle_waiters(struct tug_mutex *mutex)
{
    uint32_t state = __atomic_load_n(&mutex->state, __ATOMIC_RELAXED);
    if (mutex->queue.first != NULL)
        return;
    while ((state & (LOCKED | ATTEND)) != ATTEND && !swap(mutex, &state, settled(state & ~WAITERS)))
        continue;
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
    if (mutex->queue.first != NULL) { /* they may have given up */
        /* It may have come after `now`. */
        hand_over = (int64_t)(now - of_waiter(mutex->queue.first)->since) > (int64_t)PATIENCE;
        if (!hand_over)
            __atomic_fetch_xor(&mutex->state, WOKEN | ATTEND, __ATOMIC_RELAXED);
        choose_first(mutex, hand_over, chosen);
    } else {
        settle_waiters(mutex);
    }
    tug_wait_queue_unlock(&mutex->queue);
    return hand_over;
}

/* By an unlock that has left ATTEND. It sets LOCKED once more, so that the step which frees the
 * mutex is the last. */
void tug_mutex_unlock_slow(struct tug_mutex *mutex)
{
    struct tug_chosen chosen;
    tug_chosen_init(&chosen);
    uint32_t state = __atomic_or_fetch(&mutex->state, LOCKED, __ATOMIC_RELAXED);
    for (;;) {
        if ((state & ATTEND) != 0) {
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
    uint32_t state = __atomic_load_n(&mutex->state, __ATOMIC_RELAXED), becomes;
    do {
        if (is_held(state) && !queue)
            return false;
        becomes = settled((is_held(state) ? state | WAITERS : state | LOCKED) & ~woken);
    } while (!swap(mutex, &state, becomes));
    return !is_held(state);
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
