/* SPDX-License-Identifier: MIT */
/*
 * Sleeping: a timer in the wheel of the worker that polls first, and the waker of whoever waits.
 *
 * fire() runs under the wheel's lock and wakes before it stores FIRED: while the state is ARMED the
 * sleeper cannot leave without the lock, so its task exists and its waker need not be cloned. A
 * poll that comes between the two must not take the state for its answer; it asks the timer.
 */
#include <tug/time.h>

#include <errno.h>

#include <tug/coop.h>

#include "task/executor.h"
#include "task/held_waker.h"
#include "time/clock.h"

enum { SLEEP_NEW, SLEEP_ARMED, SLEEP_FIRED, SLEEP_DONE };

static struct tug_sleep_future *sleep_of(struct tug_future *self)
{
    return TUG_CONTAINER_OF(self, struct tug_sleep_future, future);
}

static void sleep_fire(struct tug_timer *timer)
{
    struct tug_sleep_future *sleep = TUG_CONTAINER_OF(timer, struct tug_sleep_future, timer);
    tug_waker_wake_by_ref(&sleep->waker);
    __atomic_store_n(&sleep->state, SLEEP_FIRED, __ATOMIC_RELEASE);
}

/* What is left may be given up once more: a poll, a reset and a failure to arm do so in any order.
 */
static void let_go_of_waker(struct tug_sleep_future *sleep)
{
    tug_waker_unhold(&sleep->waker);
    sleep->waker = (struct tug_waker){&tug_task_waker_vtable, NULL};
}

static int sleep_arm(struct tug_sleep_future *sleep, const struct tug_waker *waker)
{
    struct tug_executor *executor = tug_executor_current();
    if (executor == NULL) {
        sleep->future.result = -EPERM;
        return TUG_READY;
    }
    struct tug_domain *domain = executor->domain;
    if (sleep->deadline <= tug_domain_now(domain))
        return TUG_READY;
    tug_timer_init(&sleep->timer, sleep_fire);
    sleep->waker = tug_waker_hold(waker);
    sleep->state = SLEEP_ARMED;
    uint64_t ticks = tug_ticks_of_deadline(domain->clock_start, sleep->deadline);
    if (tug_timer_insert(executor->wheel, &sleep->timer, ticks))
        return TUG_PENDING;
    let_go_of_waker(sleep);
    return TUG_READY;
}

/* A poll while the timer is armed, as far as anybody can see without the lock. */
static int sleep_check(struct tug_sleep_future *sleep, const struct tug_waker *waker)
{
    if (tug_timer_has_fired(&sleep->timer))
        return TUG_READY;
    if (tug_waker_will_wake(&sleep->waker, waker))
        return TUG_PENDING;
    /* Another waker: out and in again, as nobody else may write the old one. */
    if (!tug_timer_remove(&sleep->timer))
        return TUG_READY;
    let_go_of_waker(sleep);
    return sleep_arm(sleep, waker);
}

static int sleep_poll(struct tug_future *self, const struct tug_waker *waker)
{
    struct tug_sleep_future *sleep = sleep_of(self);
    switch (__atomic_load_n(&sleep->state, __ATOMIC_ACQUIRE)) {
    case SLEEP_NEW:
        if (sleep_arm(sleep, waker) == TUG_PENDING)
            return TUG_PENDING;
        /* Who sleeps for no time at all, again and again, gives way now and then. */
        sleep->state = SLEEP_NEW;
        if (tug_coop_poll(waker) == TUG_PENDING)
            return TUG_PENDING;
        sleep->state = SLEEP_DONE;
        return TUG_READY;
    case SLEEP_ARMED:
        if (sleep_check(sleep, waker) == TUG_PENDING)
            return TUG_PENDING;
        break;
    default:
        break;
    }
    let_go_of_waker(sleep);
    sleep->state = SLEEP_DONE;
    return TUG_READY;
}

static void sleep_cancel(struct tug_future *self)
{
    struct tug_sleep_future *sleep = sleep_of(self);
    if (__atomic_load_n(&sleep->state, __ATOMIC_ACQUIRE) != SLEEP_ARMED)
        return;
    if (tug_timer_remove(&sleep->timer))
        sleep->future.result = -ECANCELED;
    sleep->state = SLEEP_FIRED;
}

static const struct tug_future_vtable sleep_vtable = {.poll = sleep_poll, .cancel = sleep_cancel};

void tug_sleep_future_init(struct tug_sleep_future *sleep, uint64_t deadline)
{
    sleep->future = (struct tug_future){&sleep_vtable, 0};
    sleep->deadline = deadline;
    sleep->state = SLEEP_NEW;
}

/* Whether the sleep waits again with the waker that it has. */
static bool wait_until(struct tug_sleep_future *sleep, uint64_t deadline)
{
    struct tug_executor *executor = tug_executor_current();
    if (executor == NULL || deadline <= tug_domain_now(executor->domain))
        return false;
    uint64_t ticks = tug_ticks_of_deadline(executor->domain->clock_start, deadline);
    return tug_timer_insert(executor->wheel, &sleep->timer, ticks);
}

void tug_sleep_future_reset(struct tug_sleep_future *sleep, uint64_t deadline)
{
    int state = __atomic_load_n(&sleep->state, __ATOMIC_ACQUIRE);
    bool waits = state == SLEEP_ARMED && tug_timer_remove(&sleep->timer);
    sleep->deadline = deadline;
    sleep->future.result = 0;
    if (waits && wait_until(sleep, deadline))
        return;
    /* The next poll begins anew; if the time has passed there has to be one. */
    if (waits)
        tug_waker_wake_by_ref(&sleep->waker);
    if (state == SLEEP_ARMED || state == SLEEP_FIRED)
        let_go_of_waker(sleep);
    sleep->state = SLEEP_NEW;
}

int tug_sleep_until(uint64_t deadline)
{
    struct tug_sleep_future sleep;
    tug_sleep_future_init(&sleep, deadline);
    return (int)tug_await(&sleep.future);
}

int tug_sleep(uint64_t duration)
{
    return tug_sleep_until(tug_deadline_after(duration));
}
