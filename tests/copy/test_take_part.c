/* SPDX-License-Identifier: MIT */
/*
 * Copies of which the calling task does a part: the same result, no thread for little work, turns
 * for the other tasks of its thread, a thread for what takes long, and a cancellation ends them.
 */
#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include <tug/runtime.h>
#include <tug/task.h>
#include <tug/time.h>

static struct fixture_copy copy;

static void init(bool multi_thread)
{
    fixture_copy_init(&copy);
    copy.options.take_part = true;
    copy.multi_thread = multi_thread;
}

static void test_the_result_is_the_same(void **state)
{
    (void)state;
    fixture_make_tree("from");
    for (unsigned i = 0; i < 300; i++)
        fixture_make_file(fixture_text("from/%u", i), 0644, i * 100, i);
    fixture_make_file("from/large", 0644, (uint64_t)30 << 20, 7);
    for (unsigned i = 0; i < 6; i++) {
        static const unsigned jobs[] = {0, 1, 3};
        init(i % 2 == 1);
        copy.options.jobs = jobs[i / 2];
        copy.options.verify = i % 2 == 0;
        fixture_copy_run(&copy, fixture_text("to%u", i), "from", NULL);
        assert_int_equal(copy.result, 0);
        assert_int_equal(copy.failure_count, 0);
        fixture_assert_copy("from", fixture_text("to%u", i), FIXTURE_MODES);
    }
}

static uint64_t blocking_threads;

static void count_threads(void)
{
    struct tug_runtime_metrics metrics;
    tug_runtime_metrics(tug_runtime_current(), &metrics);
    blocking_threads = metrics.blocking_threads;
}

static void test_little_work_needs_no_thread(void **state)
{
    (void)state;
    fixture_make_dir("from", 0755);
    fixture_make_file("from/a", 0644, 5000, 1);
    for (int part = 0; part < 2; part++) {
        init(false);
        copy.options.take_part = part;
        copy.after = count_threads;
        fixture_copy_run(&copy, fixture_text("to%d", part), "from", NULL);
        assert_int_equal(copy.result, 0);
        assert_int_equal(copy.report.jobs_most, 1);
        assert_int_equal(blocking_threads, part ? 0 : 1);
    }
}

static unsigned turns;

static int64_t take_turns(void *argument)
{
    (void)argument;
    while (tug_sleep(TUG_MILLISECOND) == 0)
        turns++;
    return 0;
}

static struct tug_task *other;

static void begin_turns(void)
{
    turns = 0;
    other = tug_spawn(take_turns, NULL);
    assert_non_null(other);
}

static void end_turns(void)
{
    tug_task_abort(other);
    tug_join(other, NULL);
}

static void make_small_files(unsigned count)
{
    fixture_make_dir("from", 0755);
    for (unsigned i = 0; i < count; i++)
        fixture_make_file(fixture_text("from/%u", i), 0644, 100, i);
}

/* Waits for some ms in every file. */
static void dawdle(const struct tug_copy_event *event, void *argument)
{
    struct timespec rest = {.tv_nsec = 3000000};
    (void)argument;
    if (event->kind == TUG_COPY_STARTED)
        nanosleep(&rest, NULL);
}

static void test_others_have_their_turns(void **state)
{
    (void)state;
    make_small_files(40);
    init(false);
    copy.options.jobs = 1;
    copy.on_event = dawdle;
    copy.before = begin_turns;
    copy.after = end_turns;
    fixture_copy_run(&copy, "to", "from", NULL);
    assert_int_equal(copy.result, 0);
    print_message("%u turns\n", turns);
    assert_true(turns >= 5);
}

static pid_t own_thread;
static unsigned files_here, files_there;

static void note_thread(void)
{
    own_thread = gettid();
    files_here = files_there = 0;
}

static void dawdle_and_note(const struct tug_copy_event *event, void *argument)
{
    dawdle(event, argument);
    if (event->kind != TUG_COPY_STARTED)
        return;
    bool here = gettid() == own_thread;
    /* Once it has done its part it does not come back. */
    assert_false(here && files_there > 0);
    files_here += here;
    files_there += !here;
}

static void test_much_work_goes_to_a_thread(void **state)
{
    (void)state;
    make_small_files(40);
    init(false);
    copy.options.jobs = 1;
    copy.on_event = dawdle_and_note;
    copy.before = note_thread;
    fixture_copy_run(&copy, "to", "from", NULL);
    assert_int_equal(copy.result, 0);
    fixture_assert_copy("from", "to", FIXTURE_MODES);
    assert_true(files_here > 0 && files_there > 0);
}

static void test_a_cancellation_is_noticed(void **state)
{
    (void)state;
    make_small_files(2000);
    for (unsigned jobs = 1; jobs <= 2; jobs++) {
        init(false);
        copy.options.jobs = jobs;
        copy.on_event = dawdle;
        copy.cancel_after = 30000;
        fixture_copy_run(&copy, fixture_text("to%u", jobs), "from", NULL);
        assert_int_equal(copy.result, -ECANCELED);
        assert_true(copy.report.files < 1500);
        fixture_assert_copy("from", fixture_text("to%u", jobs), FIXTURE_SUBSET);
    }
}

/* Nobody writes to the FIFO. */
static void test_a_stream_is_left_when_cancelled(void **state)
{
    (void)state;
    fixture_make_fifo("fifo", 0644);
    init(false);
    copy.options.recursive = false;
    copy.cancel_after = 30000;
    int writer = open("fifo", O_RDWR | O_CLOEXEC);
    assert_true(writer >= 0);
    fixture_copy_run(&copy, "to", "fifo", NULL);
    assert_int_equal(copy.result, -ECANCELED);
    assert_false(fixture_exists("to"));
    close(writer);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_the_result_is_the_same),
        FIXTURE_TEST(test_little_work_needs_no_thread),
        FIXTURE_TEST(test_others_have_their_turns),
        FIXTURE_TEST(test_much_work_goes_to_a_thread),
        FIXTURE_TEST(test_a_cancellation_is_noticed),
        FIXTURE_TEST(test_a_stream_is_left_when_cancelled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
