/* SPDX-License-Identifier: MIT */
/*
 * Notifications in all orders: to one, to all, to somebody who gives up.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "instrument.h"

#include "sync/notify.c"
#include "sync/wait_queue.c"

static struct tug_notify notify;
static struct tug_notify_future futures[INTERLEAVE_THREADS];
static int told;

static void begin(void)
{
    tug_notify_init(&notify);
    told = 0;
}

static void wait_for_one(void)
{
    struct tug_notify_future *wait = &futures[interleave_self()];
    tug_notify_future_init(wait, &notify);
    INTERLEAVE_CHECK(interleave_await(&wait->future) == 0);
    told++;
}

static void notify_one(void)
{
    tug_notify_one(&notify);
}

/* Each wakes the next. */
static void wait_and_pass_on(void)
{
    wait_for_one();
    tug_notify_last(&notify);
}

static void notify_all(void)
{
    tug_notify_waiters(&notify);
}

static void nothing_is_left(void)
{
    INTERLEAVE_CHECK(notify.queue.first == NULL);
    INTERLEAVE_CHECK((notify.state & (KEPT | WAITERS)) == 0);
}

static void nobody_waits(void)
{
    INTERLEAVE_CHECK(notify.queue.first == NULL);
    INTERLEAVE_CHECK((notify.state & WAITERS) == 0);
}

/* ---- look, wait, look again ---- */

static uint32_t made;

static void begin_making(void)
{
    begin();
    made = 0;
}

static void make(void)
{
    __atomic_fetch_add(&made, 1, __ATOMIC_ACQ_REL);
    tug_notify_one(&notify);
}

static void take_both(void)
{
    while (__atomic_load_n(&made, __ATOMIC_ACQUIRE) < 2)
        wait_for_one();
}

/* ---- giving up ---- */

static void give_up(void)
{
    struct tug_notify_future *wait = &futures[interleave_self()];
    const struct tug_waker waker = interleave_waker();
    tug_notify_future_init(wait, &notify);
    bool ready = wait->future.vtable->poll(&wait->future, &waker) == TUG_READY;
    if (!ready)
        wait->future.vtable->cancel(&wait->future);
    if (!ready && interleave_await(&wait->future) == -ECANCELED)
        return;
    tug_notify_one(&notify); /* had it, and hands it on */
}

static void enable_and_give_up(void)
{
    struct tug_notify_future *wait = &futures[interleave_self()];
    tug_notify_future_init(wait, &notify);
    tug_notify_enable(wait);
    wait->future.vtable->cancel(&wait->future);
    INTERLEAVE_CHECK(interleave_await(&wait->future) == -ECANCELED);
}

static void prepare_for_all(void)
{
    begin();
    tug_notify_future_init(&futures[0], &notify);
}

static void wait_as_prepared(void)
{
    INTERLEAVE_CHECK(interleave_await(&futures[0].future) == 0);
}

static void wait_and_free(void)
{
    wait_for_one();
    interleave_give_up(&notify, sizeof notify);
    interleave_give_up(&futures[0], sizeof futures[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        INTERLEAVE_MODEL("one for one", 4, begin, nothing_is_left, wait_for_one, notify_one),
        INTERLEAVE_MODEL("the last touch", 4, begin, NULL, wait_and_free, notify_one),
        INTERLEAVE_MODEL("passing on", 2, begin, nobody_waits, wait_and_pass_on, notify_one,
                         wait_and_pass_on),
        INTERLEAVE_MODEL("look, wait, look again", 2, begin_making, nobody_waits, take_both, make,
                         make),
        INTERLEAVE_MODEL("giving up", 3, begin, nothing_is_left, give_up, notify_one, wait_for_one),
        INTERLEAVE_MODEL("giving up early", 3, begin, nothing_is_left, enable_and_give_up,
                         notify_one, wait_for_one),
        INTERLEAVE_MODEL("all", 3, prepare_for_all, nobody_waits, wait_as_prepared, notify_all,
                         notify_one),
        INTERLEAVE_MODEL("all, and one who gives up", 2, prepare_for_all, nobody_waits,
                         wait_as_prepared, notify_all, enable_and_give_up),
    };
    return cmocka_run_group_tests_name("interleave/notify", tests, NULL, NULL);
}
