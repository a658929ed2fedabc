/* SPDX-License-Identifier: MIT */
/*
 * Notifications: what is kept, who is told, and what becomes of a notification that nobody wants.
 */
#include <errno.h>

#include "../runtime/fixture.h"
#include "polls.h"

enum { WAITERS = 4 };

struct waits {
    struct tug_notify notify;
    struct tug_notify_future futures[WAITERS];
    int wakes[WAITERS];
};

/* All polled once, in order. */
static void begin(struct waits *waits)
{
    memset(waits, 0, sizeof *waits);
    tug_notify_init(&waits->notify);
    for (int i = 0; i < WAITERS; i++) {
        tug_notify_future_init(&waits->futures[i], &waits->notify);
        assert_int_equal(poll_once(&waits->futures[i].future, &waits->wakes[i]), TUG_PENDING);
    }
}

static int again(struct waits *waits, int i)
{
    return poll_once(&waits->futures[i].future, &waits->wakes[i]);
}

static void test_one_notification_is_kept(void **state)
{
    (void)state;
    struct tug_notify notify = TUG_NOTIFY_INIT;
    struct tug_notify_future wait;
    int wakes = 0;
    for (int i = 0; i < 3; i++)
        tug_notify_one(&notify);
    assert_int_equal(tug_notify_wait(&notify), 0);
    tug_notify_future_init(&wait, &notify);
    assert_int_equal(poll_once(&wait.future, &wakes), TUG_PENDING);
    tug_notify_one(&notify);
    assert_int_equal(wakes, 1);
    assert_int_equal(poll_once(&wait.future, &wakes), TUG_READY);
    assert_int_equal(wait.future.result, 0);
}

static void test_one_is_told_in_order(void **state)
{
    (void)state;
    struct waits waits;
    begin(&waits);
    tug_notify_one(&waits.notify);
    tug_notify_last(&waits.notify);
    tug_notify_one(&waits.notify);
    const int expected[WAITERS] = {TUG_READY, TUG_READY, TUG_PENDING, TUG_READY};
    for (int i = 0; i < WAITERS; i++) {
        assert_int_equal(again(&waits, i), expected[i]);
        assert_int_equal(waits.wakes[i], expected[i]);
    }
    cancel_now(&waits.futures[2].future);
    assert_int_equal(again(&waits, 2), TUG_READY);
    assert_int_equal(waits.futures[2].future.result, -ECANCELED);
}

static void test_all_are_told_and_nothing_is_kept(void **state)
{
    (void)state;
    struct waits waits;
    struct tug_notify_future prepared, late;
    int wakes = 0;
    begin(&waits);
    tug_notify_future_init(&prepared, &waits.notify);
    tug_notify_waiters(&waits.notify);
    for (int i = 0; i < WAITERS; i++)
        assert_int_equal(again(&waits, i), TUG_READY);
    assert_int_equal(poll_once(&prepared.future, &wakes), TUG_READY);
    tug_notify_future_init(&late, &waits.notify);
    assert_int_equal(poll_once(&late.future, &wakes), TUG_PENDING);
    tug_notify_one(&waits.notify);
    assert_int_equal(poll_once(&late.future, &wakes), TUG_READY);

    /* With nobody in the queue as well. */
    tug_notify_future_init(&prepared, &waits.notify);
    tug_notify_waiters(&waits.notify);
    tug_notify_future_init(&late, &waits.notify);
    assert_int_equal(poll_once(&prepared.future, &wakes), TUG_READY);
    assert_int_equal(poll_once(&late.future, &wakes), TUG_PENDING);
    cancel_now(&late.future);
    assert_int_equal(poll_once(&late.future, &wakes), TUG_READY);
}

static void give_up(struct waits *waits, int i)
{
    cancel_now(&waits->futures[i].future);
    assert_int_equal(again(waits, i), TUG_READY);
    assert_int_equal(waits->futures[i].future.result, -ECANCELED);
}

static void test_who_was_told_and_gives_up_passes_it_on(void **state)
{
    (void)state;
    struct waits waits;
    begin(&waits);
    tug_notify_one(&waits.notify);
    give_up(&waits, 0);
    assert_int_equal(waits.wakes[1], 1);
    assert_int_equal(again(&waits, 1), TUG_READY);

    tug_notify_last(&waits.notify);
    give_up(&waits, 3);
    assert_int_equal(again(&waits, 2), TUG_READY);

    /* To the next who comes, if nobody waits. */
    begin(&waits);
    for (int i = 1; i < WAITERS; i++)
        give_up(&waits, i);
    tug_notify_one(&waits.notify);
    give_up(&waits, 0);
    assert_int_equal(tug_notify_wait(&waits.notify), 0);

    /* What was for all was not meant to be kept. */
    begin(&waits);
    tug_notify_waiters(&waits.notify);
    struct tug_notify_future late;
    int wakes = 0;
    tug_notify_future_init(&late, &waits.notify);
    assert_int_equal(poll_once(&late.future, &wakes), TUG_PENDING);
    for (int i = 0; i < WAITERS; i++)
        give_up(&waits, i);
    assert_int_equal(wakes, 0);
    cancel_now(&late.future);
    assert_int_equal(poll_once(&late.future, &wakes), TUG_READY);
}

static void test_who_is_in_the_queue_early_is_told(void **state)
{
    (void)state;
    struct tug_notify notify = TUG_NOTIFY_INIT;
    struct tug_notify_future first, second;
    int wakes = 0;
    tug_notify_future_init(&first, &notify);
    tug_notify_future_init(&second, &notify);
    assert_false(tug_notify_enable(&first));
    assert_false(tug_notify_enable(&second));
    tug_notify_one(&notify);
    tug_notify_one(&notify); /* not kept: it is the second's */
    assert_true(tug_notify_enable(&first));
    assert_int_equal(poll_once(&first.future, &wakes), TUG_READY);
    assert_int_equal(poll_once(&second.future, &wakes), TUG_READY);

    tug_notify_future_init(&first, &notify);
    assert_false(tug_notify_enable(&first));
    assert_int_equal(poll_once(&first.future, &wakes), TUG_PENDING);
    tug_notify_one(&notify);
    assert_int_equal(wakes, 1);
    assert_int_equal(poll_once(&first.future, &wakes), TUG_READY);

    /* What it found when it was put there is passed on as well. */
    tug_notify_one(&notify);
    tug_notify_future_init(&first, &notify);
    assert_true(tug_notify_enable(&first));
    cancel_now(&first.future);
    assert_int_equal(poll_once(&first.future, &wakes), TUG_READY);
    assert_int_equal(first.future.result, -ECANCELED);
    assert_int_equal(tug_notify_wait(&notify), 0);
}

/* ---- tasks and threads ---- */

struct work {
    struct tug_notify notify;
    uint32_t made, taken; /* atomic */
};

enum { ITEMS = 300, TAKERS = 3 };

/* Look, wait, look again: as long as there may be more. */
static int64_t take_all(void *argument)
{
    struct work *work = argument;
    for (;;) {
        uint32_t taken = __atomic_load_n(&work->taken, __ATOMIC_ACQUIRE);
        if (taken == ITEMS) {
            tug_notify_one(&work->notify); /* for the other takers */
            return 0;
        }
        if (taken < __atomic_load_n(&work->made, __ATOMIC_ACQUIRE))
            __atomic_compare_exchange_n(&work->taken, &taken, taken + 1, false, __ATOMIC_ACQ_REL,
                                        __ATOMIC_RELAXED);
        else
            CHECK_EQUAL(tug_notify_wait(&work->notify), 0);
    }
}

static int64_t make_all(void *argument)
{
    struct work *work = argument;
    for (int i = 0; i < ITEMS; i++) {
        __atomic_add_fetch(&work->made, 1, __ATOMIC_ACQ_REL);
        tug_notify_one(&work->notify);
        if (i % 16 == 0)
            usleep(50);
    }
    return 0;
}

static int64_t no_notification_is_lost(void *argument)
{
    (void)argument;
    struct work work = {.notify = TUG_NOTIFY_INIT};
    struct tug_task *takers[TAKERS];
    struct fixture_thread maker, taker;
    for (int i = 0; i < TAKERS; i++)
        takers[i] = fixture_spawn(take_all, &work);
    fixture_thread_start(&taker, take_all, &work);
    fixture_thread_start(&maker, make_all, &work);
    for (int i = 0; i < TAKERS; i++)
        CHECK_EQUAL(fixture_join(takers[i]), 0);
    CHECK_EQUAL(fixture_thread_await(&taker), 0);
    CHECK_EQUAL(fixture_thread_await(&maker), 0);
    return 0;
}

/* A wait that ends by its deadline at the moment of the notification. */
static int64_t wait_briefly(void *argument)
{
    struct tug_notify *notify = argument;
    return TUG_TIMEOUT(50 * TUG_MICROSECOND, tug_notify_wait(notify));
}

static int64_t notify_soon(void *argument)
{
    usleep(1000);
    tug_notify_one(argument);
    return 0;
}

static int64_t a_late_notification_is_kept(void *argument)
{
    (void)argument;
    for (int round = 0; round < 40; round++) {
        struct tug_notify notify = TUG_NOTIFY_INIT;
        struct fixture_thread thread;
        fixture_thread_start(&thread, notify_soon, &notify);
        int64_t result = fixture_join(fixture_spawn(wait_briefly, &notify));
        fixture_thread_join(&thread);
        CHECK(result == 0 || result == -ETIMEDOUT);
        CHECK_EQUAL(TUG_TIMEOUT(TUG_MILLISECOND, tug_notify_wait(&notify)),
                    result == 0 ? -ETIMEDOUT : 0);
    }
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_notification_is_kept),
        cmocka_unit_test(test_one_is_told_in_order),
        cmocka_unit_test(test_all_are_told_and_nothing_is_kept),
        cmocka_unit_test(test_who_was_told_and_gives_up_passes_it_on),
        cmocka_unit_test(test_who_is_in_the_queue_early_is_told),
        IN_EACH(no_notification_is_lost),
        IN_EACH(a_late_notification_is_kept),
    };
    return cmocka_run_group_tests_name("sync/notify", tests, NULL, NULL);
}
