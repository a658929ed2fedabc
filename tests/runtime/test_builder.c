/* SPDX-License-Identifier: MIT */
/*
 * The builder: what it refuses, its hooks, the names of threads, counters, and what is left when a
 * runtime cannot be made.
 */
#include <errno.h>
#include <sys/prctl.h>

#include "fixture.h"
#include "sys/fault.h"

static struct tug_runtime_options good(void)
{
    struct tug_runtime_options options;
    tug_runtime_options_init(&options);
    options.worker_threads = 2;
    return options;
}

static void expect_refused(const struct tug_runtime_options *options)
{
    struct tug_runtime *runtime = NULL;
    assert_int_equal(tug_runtime_create(&runtime, options), -EINVAL);
    assert_null(runtime);
}

static void what_makes_no_sense_is_refused(void **state)
{
    (void)state;
    struct tug_runtime_options options = good();
    options.worker_threads = 1025;
    expect_refused(&options);
    options = good();
    options.thread_name = "a name of more than fifteen bytes";
    expect_refused(&options);
    options = good();
    options.stack_size = 4096;
    expect_refused(&options);
    options = good();
    options.stack_size = (size_t)2 << 30;
    expect_refused(&options);
    options = good();
    options.ring_entries = 100;
    expect_refused(&options);
    options = good();
    options.max_blocking_threads = 70000;
    expect_refused(&options);
    options = good();
    options.start_paused = true; /* workers have a clock that runs */
    expect_refused(&options);
}

/* ---- hooks and names --------------------------------------------------------------------------
 */

struct hook_counts {
    int starts, stops, parks, unparks; /* atomic */
};

static void count(int *counter)
{
    __atomic_fetch_add(counter, 1, __ATOMIC_ACQ_REL);
}

static void on_start(void *argument)
{
    count(&((struct hook_counts *)argument)->starts);
}

static void on_stop(void *argument)
{
    count(&((struct hook_counts *)argument)->stops);
}

static void on_park(void *argument)
{
    count(&((struct hook_counts *)argument)->parks);
}

static void on_unpark(void *argument)
{
    count(&((struct hook_counts *)argument)->unparks);
}

static int64_t check_blocking_name(void *argument)
{
    char name[16];
    (void)argument;
    CHECK_EQUAL(prctl(PR_GET_NAME, name), 0);
    CHECK(strcmp(name, "tug-blocking") == 0);
    return 0;
}

static int64_t check_names(void *argument)
{
    char name[16];
    CHECK_EQUAL(prctl(PR_GET_NAME, name), 0);
    CHECK(strcmp(name, argument) == 0);
    CHECK_EQUAL(tug_block_in_place(check_blocking_name, NULL), 0);
    return tug_sleep(TUG_MILLISECOND);
}

static void hooks_are_called_and_threads_have_names(void **state)
{
    (void)state;
    static char name[] = "my-worker";
    struct hook_counts counts = {0, 0, 0, 0};
    struct tug_runtime_options options = good();
    options.thread_name = name;
    options.on_thread_start = on_start;
    options.on_thread_stop = on_stop;
    options.on_thread_park = on_park;
    options.on_thread_unpark = on_unpark;
    options.hook_argument = &counts;
    assert_int_equal(fixture_run(&options, check_names, name), 0);
    assert_int_equal(counts.starts, 3); /* two workers and a thread of the blocking pool */
    assert_int_equal(counts.stops, 3);
    assert_true(counts.parks > 0);
    assert_int_equal(counts.parks, counts.unparks);
}

/* ---- counters -----------------------------------------------------------------------------------
 */

static int64_t yield_ten_times(void *argument)
{
    (void)argument;
    for (int i = 0; i < 10; i++)
        CHECK_EQUAL(tug_yield(), 0);
    return 0;
}

static int64_t counters_count(void *argument)
{
    (void)argument;
    struct tug_runtime *runtime = tug_runtime_current();
    struct tug_runtime_metrics before, after;
    struct tug_worker_metrics first, last;
    tug_runtime_metrics(runtime, &before);
    CHECK_EQUAL(tug_runtime_worker_metrics(runtime, 0, &first), 0);
    CHECK_EQUAL(tug_runtime_worker_metrics(runtime, before.workers, &last), -EINVAL);
    for (int i = 0; i < 100; i++)
        CHECK_EQUAL(fixture_join(fixture_spawn(yield_ten_times, NULL)), 0);
    CHECK_EQUAL(tug_sleep(TUG_MILLISECOND), 0);
    tug_runtime_metrics(runtime, &after);
    CHECK_EQUAL(after.spawned_tasks - before.spawned_tasks, 100);
    CHECK_EQUAL(after.alive_tasks, before.alive_tasks);
    uint64_t yields = 0, polls = 0;
    for (unsigned i = 0; i < after.workers; i++) {
        CHECK_EQUAL(tug_runtime_worker_metrics(runtime, i, &last), 0);
        yields += last.yields;
        polls += last.polls;
    }
    CHECK_RANGE(yields, 1000, 1000 + first.yields);
    CHECK(polls >= 1100);
    return 0;
}

/* ---- failures -----------------------------------------------------------------------------------
 */

#if TUG_FAULT_INJECTION
static void fail_each(const char *call, int error, unsigned workers)
{
    for (unsigned occurrence = 1; occurrence < 20; occurrence++) {
        int threads = fixture_count_threads(), descriptors = fixture_count_descriptors();
        struct tug_runtime_options options = fixture_options(workers);
        struct tug_runtime *runtime = NULL;
        tug_fault_fail(call, occurrence, 1, error);
        int result = tug_runtime_create(&runtime, &options);
        tug_fault_reset();
        if (result == 0)
            fixture_shutdown(runtime);
        else
            assert_true(result == -error || result == -ENOMEM || result == -EAGAIN);
        fixture_expect_left(threads, descriptors);
        if (result == 0)
            return; /* so often it is not called, or it can be done without */
    }
}
#endif

static void a_failed_creation_leaves_nothing(void **state)
{
    (void)state;
#if TUG_FAULT_INJECTION
    fail_each("calloc", ENOMEM, 2);
    fail_each("malloc", ENOMEM, 2);
    fail_each("eventfd", EMFILE, 2);
    fail_each("epoll_create1", EMFILE, 2);
    fail_each("thread_create", EAGAIN, 3);
#else
    skip();
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_makes_no_sense_is_refused),
        cmocka_unit_test(hooks_are_called_and_threads_have_names),
        IN_EACH(counters_count),
        cmocka_unit_test(a_failed_creation_leaves_nothing),
    };
    return cmocka_run_group_tests_name("runtime/builder", tests, NULL, NULL);
}
