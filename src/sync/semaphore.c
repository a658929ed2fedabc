/* SPDX-License-Identifier: MIT */
/*
 * The semaphore: waiting, and handing permits to those who wait. The state word and its invariants
 * are in semaphore.h, the rules of the queue in wait_queue.h.
 *
 * The first in the queue keeps what it has got while it waits for the rest, as in Tokio's
 * batch_semaphore: otherwise small requests could be served for ever before a large one. When it
 * leaves, its permits are released like any others.
 */
#include "sync/semaphore.h"

#include <tug/coop.h>

#include "sys/list.h"
#include "task/thread_waker.h"

static struct tug_semaphore_future *of_waiter(struct tug_waiter *waiter)
{
    return TUG_CONTAINER_OF(waiter, struct tug_semaphore_future, waiter);
}

/* [locked] After waiters have left the queue. While WAITERS is set the word changes under the lock
 * alone, so a store will do. */
static void settle_waiters(struct tug_semaphore *semaphore)
{
    uint64_t state = __atomic_load_n(&semaphore->state, __ATOMIC_RELAXED);
    if (semaphore->queue.first == NULL && (state & TUG_SEMAPHORE_WAITERS) != 0)
        __atomic_store_n(&semaphore->state, state & ~TUG_SEMAPHORE_WAITERS, __ATOMIC_RELEASE);
}

/* ---- giving -----------------------------------------------------------------------------------
 */

/* [locked] Hands permits to the first in the queue; returns what is left over. */
static size_t serve(struct tug_semaphore *semaphore, size_t permits, struct tug_chosen *chosen)
{
    struct tug_waiter *waiter;
    while (permits > 0 && (waiter = semaphore->queue.first) != NULL) {
        struct tug_semaphore_future *first = of_waiter(waiter);
        size_t given = permits < first->missing ? permits : first->missing;
        first->missing -= given;
        permits -= given;
        if (first->missing == 0)
            tug_wait_queue_choose(&semaphore->queue, waiter, chosen);
    }
    settle_waiters(semaphore);
    return permits;
}

/* Has done what was to be done with the permits. The waiters are chosen, so they stay. */
static void use_for_waiters(const struct tug_chosen *chosen)
{
    for (struct tug_waiter *waiter = chosen->first; waiter != NULL; waiter = waiter->next) {
        struct tug_semaphore_future *acquisition = of_waiter(waiter);
        if (acquisition->use == NULL)
            continue;
        acquisition->use(acquisition);
        acquisition->used = true;
    }
}

void tug_semaphore_hand_over(struct tug_semaphore *semaphore, size_t permits)
{
    struct tug_chosen chosen;
    tug_chosen_init(&chosen);
    tug_wait_queue_lock(&semaphore->queue);
    permits = serve(semaphore, permits, &chosen);
    tug_wait_queue_unlock(&semaphore->queue);
    use_for_waiters(&chosen);
    tug_waiters_tell(&chosen);
    if (permits > 0)
        tug_semaphore_give(semaphore, permits);
}

int tug_semaphore_release(struct tug_semaphore *semaphore, size_t permits)
{
    uint64_t state = __atomic_load_n(&semaphore->state, __ATOMIC_RELAXED);
    if (permits > TUG_SEMAPHORE_MAX || state / TUG_SEMAPHORE_PERMIT > TUG_SEMAPHORE_MAX - permits)
        return -EOVERFLOW;
    tug_semaphore_give(semaphore, permits);
    return 0;
}

size_t tug_semaphore_forget(struct tug_semaphore *semaphore, size_t permits)
{
    uint64_t state = __atomic_load_n(&semaphore->state, __ATOMIC_RELAXED), forgotten;
    do {
        uint64_t there = state / TUG_SEMAPHORE_PERMIT;
        forgotten = permits < there ? permits : there;
    } while (!tug_semaphore_swap(semaphore, &state, state - forgotten * TUG_SEMAPHORE_PERMIT));
    return (size_t)forgotten;
}

void tug_semaphore_close(struct tug_semaphore *semaphore)
{
    struct tug_chosen chosen;
    struct tug_waiter *waiter;
    size_t returned = 0;
    tug_chosen_init(&chosen);
    tug_wait_queue_lock(&semaphore->queue);
    __atomic_fetch_or(&semaphore->state, TUG_SEMAPHORE_CLOSED, __ATOMIC_RELEASE);
    while ((waiter = semaphore->queue.first) != NULL) {
        struct tug_semaphore_future *acquisition = of_waiter(waiter);
        returned += acquisition->permits - acquisition->missing;
        acquisition->future.result = -EPIPE;
        tug_wait_queue_choose(&semaphore->queue, waiter, &chosen);
    }
    settle_waiters(semaphore);
    tug_wait_queue_unlock(&semaphore->queue);
    tug_waiters_tell(&chosen);
    if (returned > 0)
        tug_semaphore_give(semaphore, returned);
}

bool tug_semaphore_is_closed(const struct tug_semaphore *semaphore)
{
    return (__atomic_load_n(&semaphore->state, __ATOMIC_ACQUIRE) & TUG_SEMAPHORE_CLOSED) != 0;
}

size_t tug_semaphore_available(const struct tug_semaphore *semaphore)
{
    return (size_t)(__atomic_load_n(&semaphore->state, __ATOMIC_ACQUIRE) / TUG_SEMAPHORE_PERMIT);
}

/* ---- taking -----------------------------------------------------------------------------------
 */

/* [locked] Takes the permits, or what there is of them and WAITERS. */
static int take_or_wait(struct tug_semaphore_future *self)
{
    const uint64_t wanted = self->permits * TUG_SEMAPHORE_PERMIT;
    uint64_t state = __atomic_load_n(&self->semaphore->state, __ATOMIC_RELAXED), desired;
    do {
        if ((state & TUG_SEMAPHORE_CLOSED) != 0)
            return -EPIPE;
        desired = state >= wanted ? state - wanted : TUG_SEMAPHORE_WAITERS;
    } while (!tug_semaphore_swap(self->semaphore, &state, desired));
    if (state >= wanted)
        return 0;
    self->missing = self->permits - (size_t)(state / TUG_SEMAPHORE_PERMIT);
    return -EAGAIN;
}

static struct tug_semaphore_future *of_future(struct tug_future *future)
{
    return TUG_CONTAINER_OF(future, struct tug_semaphore_future, future);
}

static bool take_or_queue(struct tug_future *future, const struct tug_waker *waker)
{
    struct tug_semaphore_future *self = of_future(future);
    struct tug_wait_queue *queue = &self->semaphore->queue;
    int result = tug_semaphore_take(self->semaphore, self->permits);
    if (result == -EAGAIN) {
        struct tug_waker held = tug_waker_hold(waker);
        tug_wait_queue_lock(queue);
        result = take_or_wait(self);
        if (result == -EAGAIN) {
            future->result = 0;
            tug_wait_queue_push(queue, &self->waiter, held);
        }
        tug_wait_queue_unlock(queue);
        if (result == -EAGAIN)
            return false;
        tug_waker_unhold(&held);
    }
    future->result = result;
    return true;
}

static int semaphore_poll(struct tug_future *future, const struct tug_waker *waker)
{
    struct tug_semaphore_future *self = of_future(future);
    int outcome = tug_waiter_poll_future(&self->semaphore->queue, &self->waiter, future, waker,
                                         take_or_queue);
    if (outcome == TUG_READY && self->cancelled && !self->used && future->result == 0) {
        tug_semaphore_give(self->semaphore, self->permits);
        future->result = -ECANCELED;
    }
    return outcome;
}

static void semaphore_cancel(struct tug_future *future)
{
    struct tug_semaphore_future *self = of_future(future);
    struct tug_semaphore *semaphore = self->semaphore;
    tug_wait_queue_lock(&semaphore->queue);
    bool left = tug_wait_queue_leave(&semaphore->queue, &self->waiter);
    if (left)
        settle_waiters(semaphore);
    tug_wait_queue_unlock(&semaphore->queue);
    if (tug_waiter_state(&self->waiter) != TUG_WAITER_NEW) {
        self->cancelled = true; /* the next poll gives back what came first */
        return;
    }
    self->waiter.state = TUG_WAITER_TOLD;
    future->result = -ECANCELED;
    if (!left)
        return;
    tug_waker_unhold(&self->waiter.waker);
    if (self->permits > self->missing)
        tug_semaphore_give(semaphore, self->permits - self->missing);
}

static const struct tug_future_vtable semaphore_vtable = {
    .poll = semaphore_poll,
    .cancel = semaphore_cancel,
};

void tug_semaphore_future_init(struct tug_semaphore_future *acquisition,
                               struct tug_semaphore *semaphore, size_t permits)
{
    *acquisition = (struct tug_semaphore_future){
        .future = {&semaphore_vtable, 0},
        .semaphore = semaphore,
        .permits = permits,
    };
    if (permits > TUG_SEMAPHORE_MAX) {
        acquisition->future.result = -EINVAL;
        acquisition->waiter.state = TUG_WAITER_TOLD;
    }
}

/* ---- calls ------------------------------------------------------------------------------------
 */

int tug_semaphore_init(struct tug_semaphore *semaphore, size_t permits)
{
    if (permits > TUG_SEMAPHORE_MAX)
        return -EINVAL;
    *semaphore = (struct tug_semaphore)TUG_SEMAPHORE_INIT(permits);
    return 0;
}

int tug_semaphore_wait(struct tug_semaphore *semaphore, size_t permits)
{
    struct tug_semaphore_future acquisition;
    tug_semaphore_future_init(&acquisition, semaphore, permits);
    return (int)tug_await_anywhere(&acquisition.future);
}

int tug_semaphore_acquire(struct tug_semaphore *semaphore, size_t permits)
{
    if (permits > TUG_SEMAPHORE_MAX)
        return -EINVAL;
    int result = tug_semaphore_take_in_call(semaphore, permits);
    return result == -EAGAIN ? tug_semaphore_wait(semaphore, permits) : result;
}

int tug_semaphore_try_acquire(struct tug_semaphore *semaphore, size_t permits)
{
    return permits > TUG_SEMAPHORE_MAX ? -EINVAL : tug_semaphore_take(semaphore, permits);
}
