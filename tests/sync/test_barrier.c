/* SPDX-License-Identifier: MIT */
/*
 * The barrier: nobody passes before all have arrived, in each round one leads.
 */
#include <errno.h>

#include "../runtime/fixture.h"
#include "polls.h"

static void test_who_comes_last_leads(void **state)
{
    (void)state;
    struct tug_barrier barrier;
    tug_barrier_init(&barrier, 3);
    for (int round = 0; round < 3; round++) {
        struct tug_barrier_future waits[3];
        int wakes[3] = {0};
        for (int i = 0; i < 3; i++) {
            tug_barrier_future_init(&waits[i], &barrier);
            assert_int_equal(poll_once(&waits[i].future, &wakes[i]), i == 2);
        }
        assert_int_equal(waits[2].future.result, 1);
        for (int i = 0; i < 2; i++) {
            assert_int_equal(wakes[i], 1);
            assert_int_equal(poll_once(&waits[i].future, &wakes[i]), TUG_READY);
            assert_int_equal(waits[i].future.result, 0);
        }
    }
}

static void test_alone_nobody_waits(void **state)
{
    (void)state;
    for (size_t parties = 0; parties < 2; parties++) {
        struct tug_barrier barrier;
        tug_barrier_init(&barrier, parties);
        assert_int_equal(tug_barrier_wait(&barrier), 1);
        assert_int_equal(tug_barrier_wait(&barrier), 1);
    }
}

static void test_who_gives_up_has_not_arrived(void **state)
{
    (void)state;
    struct tug_barrier barrier;
    struct tug_barrier_future first, second, third;
    int wakes = 0;
    tug_barrier_init(&barrier, 2);
    tug_barrier_future_init(&first, &barrier);
    tug_barrier_future_init(&second, &barrier);
    tug_barrier_future_init(&third, &barrier);
    assert_int_equal(poll_once(&first.future, &wakes), TUG_PENDING);
    cancel_now(&first.future);
    assert_int_equal(poll_once(&first.future, &wakes), TUG_READY);
    assert_int_equal(first.future.result, -ECANCELED);
    assert_int_equal(poll_once(&second.future, &wakes), TUG_PENDING);
    assert_int_equal(poll_once(&third.future, &wakes), TUG_READY);
    cancel_now(&second.future); /* too late */
    assert_int_equal(poll_once(&second.future, &wakes), TUG_READY);
    assert_int_equal(second.future.result, 0);
}

/* ---- tasks and a thread ---- */

enum { TASKS = 4, PARTIES = TASKS + 1, ROUNDS = 50 };

struct march {
    struct tug_barrier barrier;
    uint32_t arrived, leaders; /* atomic */
};

static int64_t walk(void *argument)
{
    struct march *march = argument;
    for (uint32_t round = 1; round <= ROUNDS; round++) {
        __atomic_add_fetch(&march->arrived, 1, __ATOMIC_RELAXED);
        int result = tug_barrier_wait(&march->barrier);
        CHECK_RANGE(result, 0, 1);
        __atomic_add_fetch(&march->leaders, (uint32_t)result, __ATOMIC_RELAXED);
        uint32_t arrived = __atomic_load_n(&march->arrived, __ATOMIC_RELAXED);
        CHECK_RANGE(arrived, round * PARTIES, (round + 1) * PARTIES - 1);
    }
    return 0;
}

static int64_t all_go_together(void *argument)
{
    (void)argument;
    struct march march = {.arrived = 0};
    struct tug_task *tasks[TASKS];
    struct fixture_thread thread;
    tug_barrier_init(&march.barrier, PARTIES);
    fixture_thread_start(&thread, walk, &march);
    for (int i = 0; i < TASKS; i++)
        tasks[i] = fixture_spawn(walk, &march);
    for (int i = 0; i < TASKS; i++)
        CHECK_EQUAL(fixture_join(tasks[i]), 0);
    CHECK_EQUAL(fixture_thread_await(&thread), 0);
    CHECK_EQUAL(march.leaders, ROUNDS);
    return 0;
}

static int64_t arrive(void *barrier)
{
    return tug_barrier_wait(barrier);
}

static int64_t another_comes_in_its_place(void *argument)
{
    (void)argument;
    struct tug_barrier barrier;
    tug_barrier_init(&barrier, 2);
    CHECK_EQUAL(TUG_TIMEOUT(TUG_MILLISECOND, tug_barrier_wait(&barrier)), -ETIMEDOUT);
    struct tug_task *other = fixture_spawn(arrive, &barrier);
    CHECK_EQUAL(tug_sleep(TUG_MILLISECOND), 0);
    CHECK(!tug_task_is_finished(other));
    CHECK_EQUAL(tug_barrier_wait(&barrier), 1);
    CHECK_EQUAL(fixture_join(other), 0);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_comes_last_leads),
        cmocka_unit_test(test_alone_nobody_waits),
        cmocka_unit_test(test_who_gives_up_has_not_arrived),
        IN_EACH(all_go_together),
        IN_EACH(another_comes_in_its_place),
    };
    return cmocka_run_group_tests_name("sync/barrier", tests, NULL, NULL);
}
