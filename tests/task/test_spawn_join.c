/* SPDX-License-Identifier: MIT */
/*
 * Spawning and joining: who may call what from where, and what a handle is good for until it is
 * given up. Every order of spawn, abort, join, detach and completion is in test_orders.c.
 */
#include <errno.h>

#include "../runtime/fixture.h"

/* ---- results ---- */

static int64_t results_are_delivered(void *argument)
{
    (void)argument;
    static const int64_t values[] = {0, 1, -1, -EIO, INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
        CHECK_EQUAL(fixture_join(fixture_spawn(fixture_return, fixture_argument(values[i]))),
                    values[i]);
    CHECK_EQUAL(tug_join(fixture_spawn(fixture_return, NULL), NULL), 0);
    return 0;
}

static int64_t sum_of_children(void *argument)
{
    int64_t depth = fixture_number(argument);
    if (depth == 0)
        return 1;
    struct tug_task *left = fixture_spawn(sum_of_children, fixture_argument(depth - 1));
    struct tug_task *right = fixture_spawn(sum_of_children, fixture_argument(depth - 1));
    return fixture_join(left) + fixture_join(right);
}

static int64_t tasks_spawn_and_join_tasks(void *argument)
{
    (void)argument;
    CHECK_EQUAL(sum_of_children(fixture_argument(10)), 1 << 10);
    return 0;
}

static int64_t tasks_are_joined_in_any_order(void *argument)
{
    (void)argument;
    enum { COUNT = 500 };
    struct tug_task *tasks[COUNT];
    for (int i = 0; i < COUNT; i++)
        tasks[i] = fixture_spawn(fixture_return, fixture_argument(i));
    for (int i = 0; i < COUNT; i++) {
        int next = (i * 7 + 3) % COUNT; /* 7 does not divide 500: each number comes up once */
        CHECK_EQUAL(fixture_join(tasks[next]), next);
    }
    return 0;
}

/* ---- the handle ---- */

static int64_t join_of_the_caller_is_refused(void *argument)
{
    (void)argument;
    CHECK_EQUAL(tug_join(tug_task_current(), NULL), -EDEADLK);
    return 0;
}

static int64_t finished_is_seen_through_the_handle(void *argument)
{
    (void)argument;
    struct tug_task *task = fixture_spawn(fixture_sleep_forever, NULL);
    CHECK_EQUAL(tug_sleep(TUG_MILLISECOND), 0);
    CHECK(!tug_task_is_finished(task));
    tug_task_abort(task);
    AWAIT(tug_task_is_finished(task));
    CHECK(tug_task_is_finished(task));
    CHECK_EQUAL(fixture_join(task), -ECANCELED);
    return 0;
}

static int64_t abort_leaves_the_handle(void *argument)
{
    (void)argument;
    struct tug_task *task = fixture_spawn(fixture_sleep_forever, NULL);
    for (int i = 0; i < 5; i++)
        tug_task_abort(task);
    CHECK_EQUAL(fixture_join(task), -ECANCELED);
    return 0;
}

static int64_t join_another(void *task)
{
    return fixture_join(task);
}

static int64_t a_handle_may_be_handed_over(void *argument)
{
    (void)argument;
    struct tug_task *task = fixture_spawn(fixture_return, fixture_argument(7));
    CHECK_EQUAL(fixture_join(fixture_spawn(join_another, task)), 7);
    task = fixture_spawn(fixture_return, fixture_argument(8));
    CHECK_EQUAL(fixture_on_thread(join_another, task), 8);
    task = fixture_spawn(fixture_return, fixture_argument(9));
    struct tug_task *job;
    CHECK_EQUAL(tug_spawn_blocking(&job, NULL, join_another, task), 0);
    CHECK_EQUAL(fixture_join(job), 9);
    return 0;
}

static int64_t a_cancelled_join_leaves_the_handle(void *argument)
{
    (void)argument;
    struct tug_task *task = fixture_spawn(fixture_sleep_forever, NULL);
    int64_t result = 1;
    CHECK_EQUAL(TUG_TIMEOUT(2 * TUG_MILLISECOND, tug_join(task, &result)), -ETIMEDOUT);
    CHECK_EQUAL(result, 1);
    CHECK(!tug_task_is_finished(task));

    struct tug_scope scope;
    tug_scope_begin(&scope, TUG_FOREVER, NULL);
    tug_scope_cancel(&scope);
    CHECK_EQUAL(tug_join(task, &result), -ECANCELED);
    CHECK_EQUAL(tug_scope_end(&scope, 0), 0);
    CHECK(!tug_task_is_finished(task));

    tug_task_abort(task);
    CHECK_EQUAL(fixture_join(task), -ECANCELED);
    return 0;
}

static int64_t join_with_timeout(void *task)
{
    int64_t result = 1;
    int64_t error = TUG_TIMEOUT(TUG_MILLISECOND, tug_join(task, &result));
    CHECK(error == 0 || error == -ETIMEDOUT);
    return error == 0 ? result : error;
}

static int64_t sleep_shortly(void *argument)
{
    (void)argument;
    return tug_sleep(TUG_MILLISECOND);
}

/* The task's end and the end of the join's time come together: whichever was first, the handle is
 * given up exactly once. */
static int64_t a_join_that_times_out_races_with_the_end(void *argument)
{
    (void)argument;
    for (int i = 0; i < 200; i++) {
        struct tug_task *task = fixture_spawn(sleep_shortly, NULL);
        int64_t outcome = join_with_timeout(task);
        if (outcome == -ETIMEDOUT)
            CHECK_EQUAL(fixture_join(task), 0);
        else
            CHECK_EQUAL(outcome, 0);
    }
    return 0;
}

static int64_t detached_counter;

static int64_t count_detached(void *argument)
{
    tug_yield();
    __atomic_fetch_add(&detached_counter, fixture_number(argument), __ATOMIC_RELAXED);
    return 0;
}

static int64_t detached_tasks_go_on(void *argument)
{
    (void)argument;
    __atomic_store_n(&detached_counter, 0, __ATOMIC_RELAXED);
    for (int i = 0; i < 100; i++)
        tug_task_detach(fixture_spawn(count_detached, fixture_argument(1)));
    tug_task_detach(NULL);
    AWAIT(__atomic_load_n(&detached_counter, __ATOMIC_RELAXED) == 100);
    return 0;
}

/* ---- who and where ---- */

static int64_t knows_itself(void *argument)
{
    (void)argument;
    struct tug_task *self = tug_task_current();
    CHECK(self != NULL);
    for (int i = 0; i < 50; i++) {
        CHECK_RANGE(tug_worker_index(), 0,
                    (int)fixture_current()->workers - 1 + !fixture_current()->workers);
        CHECK_EQUAL(tug_yield(), 0);
        CHECK(tug_task_current() == self);
    }
    return fixture_number(self);
}

static int64_t a_task_knows_itself_and_its_worker(void *argument)
{
    (void)argument;
    struct tug_task *tasks[20];
    for (int i = 0; i < 20; i++)
        tasks[i] = fixture_spawn(knows_itself, NULL);
    for (int i = 0; i < 20; i++)
        CHECK_EQUAL(fixture_join(tasks[i]), fixture_number(tasks[i]));
    CHECK(tug_runtime_current() != NULL);
    return 0;
}

static void nothing_suspends_outside(struct tug_runtime *runtime)
{
    (void)runtime;
    assert_null(tug_task_current());
    assert_null(tug_runtime_current());
    assert_int_equal(tug_worker_index(), -1);
    assert_int_equal(tug_yield(), -EPERM);
    assert_int_equal(tug_sleep(1), -EPERM);
    assert_int_equal(tug_cancelled(), 0);
    assert_int_equal(tug_coop_consume(), 0);
    struct tug_sleep_future sleep;
    tug_sleep_future_init(&sleep, 0);
    assert_int_equal(tug_await(&sleep.future), -EPERM);
    struct tug_future *futures[] = {&sleep.future};
    assert_int_equal(tug_select(futures, 1), -EPERM);
    assert_int_equal(tug_join_all(futures, 1), -EPERM);
}

static void spawn_needs_a_runtime(struct tug_runtime *runtime)
{
    struct tug_spawn_options options = TUG_SPAWN_OPTIONS_INIT;
    struct tug_task *task = NULL;
    assert_null(tug_spawn(fixture_return, NULL));
    assert_int_equal(tug_spawn_with(&task, &options, fixture_return, NULL), -EPERM);
    struct tug_sleep_future sleep;
    tug_sleep_future_init(&sleep, 0);
    assert_int_equal(tug_spawn_future(&task, NULL, &sleep.future), -EPERM);
    assert_int_equal(tug_spawn_blocking(&task, NULL, fixture_return, NULL), -EPERM);
    assert_null(task);

    options.runtime = runtime;
    options.worker = fixture_current()->workers == 0 ? 1 : (int)fixture_current()->workers;
    assert_int_equal(tug_spawn_with(&task, &options, fixture_return, NULL), -EINVAL);
    options.worker = -2;
    assert_int_equal(tug_spawn_with(&task, &options, fixture_return, NULL), -EINVAL);
    options.worker = TUG_ANY_WORKER;
    options.stack_size = 16 * 1024 - 1;
    assert_int_equal(tug_spawn_with(&task, &options, fixture_return, NULL), -EINVAL);
    options.stack_size = ((size_t)1 << 30) + 1;
    assert_int_equal(tug_spawn_with(&task, &options, fixture_return, NULL), -EINVAL);
    assert_null(task);
}

/* ---- from other threads ---- */

enum { THREADS = 4, SPAWNED_BY_EACH = 300 };

static int64_t spawn_and_join_from_outside(void *runtime)
{
    struct tug_spawn_options options = TUG_SPAWN_OPTIONS_INIT;
    options.runtime = runtime;
    struct tug_task *tasks[SPAWNED_BY_EACH];
    int64_t sum = 0;
    for (int i = 0; i < SPAWNED_BY_EACH; i++)
        CHECK_EQUAL(tug_spawn_with(&tasks[i], &options, i % 2 == 0 ? fixture_return : knows_itself,
                                   fixture_argument(i)),
                    0);
    for (int i = 0; i < SPAWNED_BY_EACH; i++) {
        int64_t result;
        CHECK_EQUAL(tug_join(tasks[i], &result), 0);
        sum += i % 2 == 0 ? result : 0;
    }
    return sum;
}

static int64_t threads_spawn_and_join(void *argument)
{
    (void)argument;
    struct fixture_thread threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        fixture_thread_start(&threads[i], spawn_and_join_from_outside, tug_runtime_current());
    for (int i = 0; i < THREADS; i++)
        CHECK_EQUAL(fixture_thread_await(&threads[i]),
                    (SPAWNED_BY_EACH / 2) * (SPAWNED_BY_EACH / 2 - 1));
    return 0;
}

static int64_t abort_from_outside(void *task)
{
    tug_task_abort(task);
    return 0;
}

/* One waits for the task's end on a thread, another asks for the end from a second thread: the
 * task cannot have ended before, and afterwards the one that asks does not touch it. */
static int64_t one_thread_joins_and_another_aborts(void *argument)
{
    (void)argument;
    for (int i = 0; i < 100; i++) {
        struct fixture_thread joiner, aborter;
        struct tug_task *task = fixture_spawn(fixture_sleep_forever, NULL);
        if (i % 2 == 0)
            CHECK_EQUAL(tug_yield(), 0);
        fixture_thread_start(&joiner, join_another, task);
        fixture_thread_start(&aborter, abort_from_outside, task);
        CHECK_EQUAL(fixture_thread_await(&joiner), -ECANCELED);
        fixture_thread_await(&aborter);
    }
    return 0;
}

static int64_t one_task_joins_and_a_thread_aborts(void *argument)
{
    (void)argument;
    for (int i = 0; i < 200; i++) {
        struct fixture_thread aborter;
        struct tug_task *task = fixture_spawn(fixture_sleep_forever, NULL);
        fixture_thread_start(&aborter, abort_from_outside, task);
        CHECK_EQUAL(fixture_join(task), -ECANCELED);
        fixture_thread_await(&aborter);
    }
    return 0;
}

static void block_on_runs_again_and_again(struct tug_runtime *runtime)
{
    for (int i = 0; i < 100; i++) {
        int64_t result = -1;
        assert_int_equal(
            tug_runtime_block_on(runtime, fixture_return, fixture_argument(i), &result), 0);
        assert_int_equal(result, i);
    }
    assert_int_equal(tug_runtime_block_on(runtime, fixture_return, NULL, NULL), 0);
}

static int64_t block_on_from_a_task_is_refused(void *argument)
{
    (void)argument;
    struct tug_runtime *runtime = tug_runtime_current();
    CHECK_EQUAL(tug_runtime_block_on(runtime, fixture_return, NULL, NULL), -EDEADLK);
    CHECK_EQUAL(tug_runtime_shutdown(runtime, TUG_FOREVER), -EDEADLK);
    return 0;
}

static int64_t block_on_from_thread(void *runtime)
{
    int64_t result = -1;
    CHECK_EQUAL(tug_runtime_block_on(runtime, sum_of_children, fixture_argument(5), &result), 0);
    return result;
}

static void threads_block_on_one_runtime(struct tug_runtime *runtime)
{
    struct fixture_thread threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        fixture_thread_start(&threads[i], block_on_from_thread, runtime);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(fixture_thread_join(&threads[i]), 32);
}

static int64_t block_on_is_busy(void *runtime)
{
    return tug_runtime_block_on(runtime, fixture_return, NULL, NULL);
}

static int64_t one_thread_at_a_time_runs_it(void *argument)
{
    (void)argument;
    CHECK_EQUAL(fixture_on_thread(block_on_is_busy, tug_runtime_current()), -EBUSY);
    return 0;
}

/* ---- what stays for the next call ---- */

static struct tug_task *left_over;
static struct tug_oneshot left_over_gate;

static int64_t wait_at_gate(void *argument)
{
    (void)argument;
    int64_t value;
    int error = tug_oneshot_receive(&left_over_gate, &value);
    return error != 0 ? error : value;
}

static int64_t leave_a_task(void *argument)
{
    (void)argument;
    tug_oneshot_init(&left_over_gate);
    left_over = fixture_spawn(wait_at_gate, NULL);
    return tug_yield();
}

static int64_t join_what_was_left(void *argument)
{
    (void)argument;
    CHECK(!tug_task_is_finished(left_over));
    CHECK_EQUAL(tug_oneshot_send(&left_over_gate, 77), 0);
    return fixture_join(left_over);
}

static void tasks_stay_for_the_next_block_on(struct tug_runtime *runtime)
{
    int64_t result;
    assert_int_equal(tug_runtime_block_on(runtime, leave_a_task, NULL, &result), 0);
    assert_int_equal(result, 0);
    assert_int_equal(tug_runtime_block_on(runtime, join_what_was_left, NULL, &result), 0);
    assert_int_equal(result, 77);
}

static int64_t run_simple(void *argument)
{
    CHECK(tug_runtime_current() != NULL);
    return fixture_join(fixture_spawn(fixture_return, argument)) + 1;
}

static void test_run_is_all_in_one(void **state)
{
    (void)state;
    int threads = fixture_count_threads(), descriptors = fixture_count_descriptors();
    assert_int_equal(tug_run(run_simple, fixture_argument(41)), 42);
    assert_null(tug_runtime_current());
    fixture_expect_left(threads, descriptors);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_EACH(results_are_delivered),
        IN_EACH(tasks_spawn_and_join_tasks),
        IN_EACH(tasks_are_joined_in_any_order),
        IN_EACH(join_of_the_caller_is_refused),
        IN_EACH(finished_is_seen_through_the_handle),
        IN_EACH(abort_leaves_the_handle),
        IN_EACH(a_handle_may_be_handed_over),
        IN_EACH(a_cancelled_join_leaves_the_handle),
        IN_EACH(a_join_that_times_out_races_with_the_end),
        IN_EACH(detached_tasks_go_on),
        IN_EACH(a_task_knows_itself_and_its_worker),
        OUTSIDE_EACH(nothing_suspends_outside),
        OUTSIDE_EACH(spawn_needs_a_runtime),
        IN_EACH(threads_spawn_and_join),
        IN_EACH(one_thread_joins_and_another_aborts),
        IN_EACH(one_task_joins_and_a_thread_aborts),
        OUTSIDE_EACH(block_on_runs_again_and_again),
        IN_EACH(block_on_from_a_task_is_refused),
        OUTSIDE_MULTI_THREAD(threads_block_on_one_runtime),
        IN_CURRENT_THREAD(one_thread_at_a_time_runs_it),
        OUTSIDE_EACH(tasks_stay_for_the_next_block_on),
        cmocka_unit_test(test_run_is_all_in_one),
    };
    return cmocka_run_group_tests_name("task/spawn_join", tests, NULL, NULL);
}
