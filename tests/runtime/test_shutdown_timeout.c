/* SPDX-License-Identifier: MIT */
/*
 * The end of a runtime when it does not end in time: the call returns, what runs goes on, and the
 * multi-thread flavour ends by itself later, to the last thread and descriptor. What the
 * current-thread flavour does not end in time is lost, as its thread has other things to do.
 */
#include <errno.h>

#include "fixture.h"

static bool released; /* atomic */
static int inside;    /* atomic */

static void reset(void)
{
    __atomic_store_n(&released, false, __ATOMIC_RELEASE);
    __atomic_store_n(&inside, 0, __ATOMIC_RELEASE);
}

static bool is_released(void)
{
    return __atomic_load_n(&released, __ATOMIC_ACQUIRE);
}

/* ---- those who take their time ---- */

static int64_t block_until_released(void *argument)
{
    (void)argument;
    __atomic_fetch_add(&inside, 1, __ATOMIC_ACQ_REL);
    AWAIT_ON_THREAD(is_released());
    return 0;
}

static int64_t yield_until_released(void *argument)
{
    (void)argument;
    __atomic_fetch_add(&inside, 1, __ATOMIC_ACQ_REL);
    while (!is_released())
        tug_yield(); /* whatever that returns */
    return 0;
}

static int64_t clean_up_until_released(void *argument)
{
    (void)argument;
    struct tug_scope shield;
    tug_shield_begin(&shield);
    __atomic_fetch_add(&inside, 1, __ATOMIC_ACQ_REL);
    while (!is_released())
        CHECK_EQUAL(tug_sleep(TUG_MILLISECOND), 0);
    tug_scope_end(&shield, 0);
    return 0;
}

static int64_t block_in_place(void *argument)
{
    return tug_block_in_place(block_until_released, argument);
}

static int64_t submit_job(void *argument)
{
    (void)argument;
    struct tug_task *task;
    CHECK_EQUAL(tug_spawn_blocking(&task, NULL, block_until_released, NULL), 0);
    tug_task_detach(task);
    return 0;
}

static int64_t start(void *argument)
{
    tug_task_fn body = *(tug_task_fn *)argument;
    for (int i = 0; i < 3; i++)
        tug_task_detach(fixture_spawn(body, NULL));
    for (int i = 0; i < 10; i++)
        tug_task_detach(fixture_spawn(fixture_sleep_forever, NULL));
    AWAIT(__atomic_load_n(&inside, __ATOMIC_ACQUIRE) == 3);
    return 0;
}

static const tug_task_fn bodies[] = {yield_until_released, clean_up_until_released, block_in_place,
                                     submit_job};
enum { BODIES = sizeof bodies / sizeof bodies[0] };

/* Runtimes that are lost on purpose, where a leak checker finds them. */
static struct tug_runtime *lost[2 * BODIES];
static int lost_count;

static struct tug_runtime *make_busy_runtime(unsigned workers, tug_task_fn body)
{
    reset();
    struct tug_runtime_options options = fixture_options(workers);
    options.blocking_keep_alive = TUG_MILLISECOND;
    struct tug_runtime *runtime = fixture_create(&options);
    assert_int_equal(tug_runtime_block_on(runtime, start, &body, NULL), 0);
    return runtime;
}

/* It returns after the time given, and not much later; the rest follows when it can. */
static void it_returns_in_time(unsigned workers)
{
    static const uint64_t timeouts[] = {0, 20 * TUG_MILLISECOND};
    for (int b = 0; b < BODIES; b++)
        for (int t = 0; t < 2; t++) {
            int threads = fixture_count_threads(), descriptors = fixture_count_descriptors();
            struct tug_runtime *runtime = make_busy_runtime(workers, bodies[b]);
            uint64_t before = tug_now();
            assert_int_equal(tug_runtime_shutdown(runtime, timeouts[t]), -ETIMEDOUT);
            uint64_t took = tug_now() - before;
            assert_true(took >= timeouts[t]);
            assert_true(took < timeouts[t] + 10 * TUG_SECOND);
            __atomic_store_n(&released, true, __ATOMIC_RELEASE);
            AWAIT_ON_THREAD(fixture_count_threads() <= threads);
            AWAIT_ON_THREAD(fixture_count_descriptors() == descriptors);
        }
}

/* The lost runtimes keep their descriptors, so these tests are counted without the fixture. */
static void test_a_current_thread_runtime_is_left_behind(void **state)
{
    (void)state;
    for (int b = 0; b < BODIES; b++)
        for (int t = 0; t < 2; t++) {
            int threads = fixture_count_threads();
            struct tug_runtime *runtime = make_busy_runtime(0, bodies[b]);
            lost[lost_count++] = runtime;
            uint64_t timeout = t == 0 ? 0 : 20 * TUG_MILLISECOND, before = tug_now();
            assert_int_equal(tug_runtime_shutdown(runtime, timeout), -ETIMEDOUT);
            assert_true(tug_now() - before >= timeout);
            assert_true(tug_now() - before < timeout + 10 * TUG_SECOND);
            __atomic_store_n(&released, true, __ATOMIC_RELEASE);
            AWAIT_ON_THREAD(fixture_count_threads() <= threads);
            /* The thread is free for another. */
            struct tug_runtime_options options = fixture_options(0);
            assert_int_equal(fixture_run(&options, fixture_return, fixture_argument(3)), 3);
        }
}

/* What ends in time is waited for, and no longer. */
static int64_t release_soon(void *argument)
{
    (void)argument;
    usleep(10000);
    __atomic_store_n(&released, true, __ATOMIC_RELEASE);
    return 0;
}

static void it_waits_no_longer_than_needed(unsigned workers)
{
    for (int b = 0; b < BODIES; b++) {
        struct tug_runtime *runtime = make_busy_runtime(workers, bodies[b]);
        struct fixture_thread thread;
        uint64_t before = tug_now();
        fixture_thread_start(&thread, release_soon, NULL);
        assert_int_equal(tug_runtime_shutdown(runtime, 20 * TUG_SECOND), 0);
        assert_true(tug_now() - before < 10 * TUG_SECOND);
        fixture_thread_join(&thread);
    }
}

/* ---- handles of what goes on ---- */

static struct tug_task *handle;

static int64_t keep_a_handle(void *argument)
{
    (void)argument;
    handle = fixture_spawn(yield_until_released, NULL);
    AWAIT(__atomic_load_n(&inside, __ATOMIC_ACQUIRE) == 1);
    return 0;
}

static void a_task_that_goes_on_is_joined(unsigned workers)
{
    reset();
    struct tug_runtime *runtime = fixture_create_with(workers);
    assert_int_equal(tug_runtime_block_on(runtime, keep_a_handle, NULL, NULL), 0);
    assert_int_equal(tug_runtime_shutdown(runtime, TUG_MILLISECOND), -ETIMEDOUT);
    assert_false(tug_task_is_finished(handle));
    struct fixture_thread thread;
    fixture_thread_start(&thread, release_soon, NULL);
    int64_t result = -1;
    assert_int_equal(tug_join(handle, &result), 0);
    assert_int_equal(result, 0);
    fixture_thread_join(&thread);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ALONE_MULTI_THREAD(it_returns_in_time),
        ALONE_EACH(it_waits_no_longer_than_needed),
        ALONE_MULTI_THREAD(a_task_that_goes_on_is_joined),
        cmocka_unit_test(test_a_current_thread_runtime_is_left_behind),
    };
    return cmocka_run_group_tests_name("runtime/shutdown_timeout", tests, NULL, NULL);
}
