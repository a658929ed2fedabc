/* SPDX-License-Identifier: MIT */
/*
 * Every system call of a removal fails once, at each of its occurrences: whatever it is, the rest
 * is removed, what failed is said, no descriptor is left, nothing outside is touched, and the next
 * removal finds what is left.
 */
#include "removal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "sys/fault.h"

#if TUG_FAULT_INJECTION

static struct removal removal;

static int enter(void **state)
{
    tug_fault_reset();
    removal_init(&removal);
    return fixture_enter(state);
}

static int leave(void **state)
{
    tug_fault_reset();
    return fixture_leave(state);
}

/* One entry for each way through the engine. */
static void make_things(void)
{
    fixture_make_dir("tree", 0755);
    fixture_make_text("tree/file", "text");
    fixture_make_link("../outside", "tree/link");
    fixture_make_dir("tree/sub", 0755);
    fixture_make_dir("tree/sub/empty", 0755);
    fixture_make_text("tree/sub/file", "text");
    fixture_make_text("file", "text");
}

static unsigned count_left(void)
{
    static const char *const names[] = {"tree",           "tree/file",     "tree/link", "tree/sub",
                                        "tree/sub/empty", "tree/sub/file", "file"};
    unsigned count = 0;
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        count += fixture_exists(names[i]);
    return count;
}

/* Removes with the n-th occurrence of `call` failing. Returns whether there was one. */
static bool remove_with_fault(const char *call, unsigned n, int error, bool again)
{
    make_things();
    assert_int_equal(tug_fault_fail(call, n, 1, error), 0);
    removal.outside = true;
    removal.options.jobs = 1;
    removal.may_leak = strcmp(call, "close") == 0;
    removal_run(&removal, "tree", "file", NULL);
    bool happened = tug_fault_calls(call) >= n;
    tug_fault_reset();
    if (removal.result != 0 && removal.result != -error)
        fail_msg("%s %u: result %d", call, n, (int)removal.result);
    /* That the root is not known, or no memory, is found out before anything is removed. */
    if ((removal.result == 0) != (count_left() == 0))
        fail_msg("%s %u: result %d, %u left", call, n, (int)removal.result, count_left());
    for (unsigned i = 0; i < removal.failure_count; i++)
        assert_int_equal(removal.failures[i].error, -error);
    /* What failed and what is above or below it, but not the other operand, too. */
    if (removal.failure_count > 0 && count_left() > 6)
        fail_msg("%s %u: %u left", call, n, count_left());
    if (again)
        assert_int_equal(removal.result, 0);
    removal.options.ignore_missing = true;
    removal_run(&removal, "tree", "file", NULL);
    assert_int_equal(removal.result, 0);
    assert_int_equal(count_left(), 0);
    removal.options.ignore_missing = false;
    return happened;
}

static const char *const calls[] = {"openat", "statx", "getdents64", "unlinkat", "close"};

static void sweep(int error, bool again)
{
    fixture_make_tree("outside");
    fixture_make_tree("reference");
    for (unsigned i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        if (again && strcmp(calls[i], "close") == 0)
            continue;
        unsigned n = 1;
        while (remove_with_fault(calls[i], n, error, again))
            n++;
        assert_in_range(n, 2, 100);
    }
    fixture_assert_copy("reference", "outside", 0);
}

static void test_each_call_fails(void **state)
{
    (void)state;
    sweep(EIO, false);
}

static void test_each_call_is_refused(void **state)
{
    (void)state;
    sweep(EROFS, false);
}

static void test_each_call_is_interrupted(void **state)
{
    (void)state;
    sweep(EINTR, true);
}

/* Descriptors run out in the middle: those that wait for their children are closed. */
static void test_descriptors_run_out(void **state)
{
    (void)state;
    for (unsigned n = 1; n < 12; n++) {
        fixture_make_dir("deep", 0755);
        assert_int_equal(system("cd deep && mkdir -p a/b/c/d/e/f/g/h/i/j && touch a/b/c/d/1"), 0);
        assert_int_equal(tug_fault_fail("openat", n, 1, EMFILE), 0);
        removal.outside = true;
        removal_run(&removal, "deep", NULL);
        tug_fault_reset();
        /* With nothing to close there is no way on. */
        assert_true(removal.result == 0 || (n <= 2 && removal.result == -EMFILE));
        removal.options.ignore_missing = true;
        removal_run(&removal, "deep", NULL);
        assert_false(fixture_exists("deep"));
    }
}

/* Some file systems do not show all entries while others are being removed: it looks as if the
 * directory were not empty. */
static void test_not_empty_at_first(void **state)
{
    (void)state;
    removal.outside = true;
    removal.options.jobs = 1;
    make_things();
    assert_int_equal(tug_fault_fail("unlinkat", 4, 2, ENOTEMPTY), 0);
    removal_run(&removal, "tree/sub", "tree", "file", NULL);
    tug_fault_reset();
    assert_int_equal(removal.result, 0);
    assert_int_equal(count_left(), 0);
}

static void test_two_jobs_with_random_faults(void **state)
{
    unsigned seed = (unsigned)time(NULL);
    (void)state;
    print_message("seed %u\n", seed);
    srand(seed);
    fixture_make_tree("outside");
    fixture_make_tree("reference");
    for (unsigned i = 0; i < 60; i++) {
        const char *call = calls[(unsigned)rand() % 4];
        fixture_make_tree("tree");
        fixture_make_link("../../outside", "tree/sub/outside");
        assert_int_equal(tug_fault_fail(call, 1 + (unsigned)rand() % 30, 1, EIO), 0);
        removal_init(&removal);
        removal.multi_thread = i % 2 == 0;
        removal_run(&removal, "tree", NULL);
        tug_fault_reset();
        assert_true(removal.result == 0 || removal.result == -EIO);
        assert_int_equal(removal.result == 0, !fixture_exists("tree"));
        if (removal.result != 0)
            removal_of("tree");
    }
    fixture_assert_copy("reference", "outside", 0);
}

/* ---- What a failure leads to ---- */

static enum tug_failure_answer answer;
static unsigned asked, removed_after_stop;

static enum tug_failure_answer decide(const struct tug_remove_event *failure, void *argument)
{
    (void)argument;
    assert_int_equal(failure->kind, TUG_REMOVE_FAILED);
    assert_non_null(failure->path);
    asked++;
    return answer;
}

static void init_policy(enum tug_on_failure policy, enum tug_failure_answer decision)
{
    removal_init(&removal);
    removal.options.on_failure = policy;
    removal.options.failed = policy == TUG_ON_FAILURE_ASK ? decide : NULL;
    answer = decision;
    asked = removed_after_stop = 0;
}

static void note_event(const struct tug_remove_event *event, void *argument)
{
    (void)argument;
    removed_after_stop += event->kind == TUG_REMOVE_REMOVED && removal.report.stopped;
}

static void test_stopped_by_a_failure(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        fixture_make_dir("tree", 0755);
        for (unsigned j = 0; j < 100; j++)
            fixture_make_text(fixture_text("tree/many%u", j), "text");
        fixture_make_text("file", "text");
        init_policy(i == 0 ? TUG_ON_FAILURE_STOP : TUG_ON_FAILURE_ASK, TUG_FAILURE_STOP);
        removal.outside = true;
        removal.options.jobs = 1;
        removal.on_event = note_event;
        /* The first call finds the directory. */
        assert_int_equal(tug_fault_fail("unlinkat", 12, 1, EIO), 0);
        removal_run(&removal, "tree", "file", NULL);
        tug_fault_reset();
        assert_int_equal(removal.result, -EIO);
        assert_int_equal(removal.report.stopped, 1);
        assert_int_equal(removal.report.failures, 1);
        assert_int_equal(removal.report.entries, 10);
        assert_int_equal(removal.report.directories, 0);
        assert_int_equal(removed_after_stop, 0);
        assert_int_equal(asked, i);
        assert_true(fixture_exists("file"));
        init_policy(TUG_ON_FAILURE_CONTINUE, TUG_FAILURE_SKIP);
        removal_run(&removal, "tree", "file", NULL);
        assert_int_equal(removal.result, 0);
    }
}

static bool try_again(const char *call, unsigned n, int error)
{
    make_things();
    init_policy(TUG_ON_FAILURE_ASK, TUG_FAILURE_RETRY);
    removal.outside = true;
    removal.options.jobs = 1;
    removal.may_leak = strcmp(call, "close") == 0;
    assert_int_equal(tug_fault_fail(call, n, 2, error), 0);
    removal_run(&removal, "tree", "file", NULL);
    bool happened = tug_fault_calls(call) >= n;
    tug_fault_reset();
    /* That the root is not known is found out before there is anything to ask about. */
    if (removal.result == -error && asked == 0) {
        removal_init(&removal);
        removal_run(&removal, "tree", "file", NULL);
        return happened;
    }
    if (removal.result != 0 || count_left() > 0 || removal.report.failures > 0)
        fail_msg("%s %u: result %d, %u left", call, n, (int)removal.result, count_left());
    assert_int_equal(removal.report.entries, 4);
    assert_int_equal(removal.report.directories, 3);
    return happened;
}

static void test_each_call_tried_again(void **state)
{
    (void)state;
    for (unsigned i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        for (unsigned n = 1; try_again(calls[i], n, EIO); n++)
            ;
        for (unsigned n = 1; try_again(calls[i], n, EACCES); n++)
            ;
    }
}

static void test_failure_skipped(void **state)
{
    (void)state;
    make_things();
    init_policy(TUG_ON_FAILURE_ASK, TUG_FAILURE_SKIP);
    tug_fault_only_path("link");
    assert_int_equal(tug_fault_fail("unlinkat", 1, 1, EIO), 0);
    removal_run(&removal, "tree", "file", NULL);
    tug_fault_reset();
    assert_int_equal(removal.result, -EIO);
    assert_int_equal(asked, 1);
    assert_int_equal(removal.report.failures, 1);
    assert_int_equal(removal.report.stopped, 0);
    assert_int_equal(count_left(), 2);
}

static void test_cancelled_while_trying_again(void **state)
{
    (void)state;
    make_things();
    init_policy(TUG_ON_FAILURE_ASK, TUG_FAILURE_RETRY);
    removal.cancel_after = 20000;
    tug_fault_only_path("link");
    assert_int_equal(tug_fault_fail("unlinkat", 1, TUG_FAULT_ALWAYS, EIO), 0);
    removal_run(&removal, "tree", NULL);
    tug_fault_reset();
    assert_int_equal(removal.result, -ECANCELED);
    assert_true(asked > 0);
    assert_true(fixture_exists("tree/link"));
    removal_init(&removal);
    removal.options.on_failure = TUG_ON_FAILURE_ASK;
    removal_run(&removal, "tree", NULL);
    assert_int_equal(removal.result, -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_each_call_fails, enter, leave),
        cmocka_unit_test_setup_teardown(test_each_call_is_refused, enter, leave),
        cmocka_unit_test_setup_teardown(test_each_call_is_interrupted, enter, leave),
        cmocka_unit_test_setup_teardown(test_descriptors_run_out, enter, leave),
        cmocka_unit_test_setup_teardown(test_not_empty_at_first, enter, leave),
        cmocka_unit_test_setup_teardown(test_two_jobs_with_random_faults, enter, leave),
        cmocka_unit_test_setup_teardown(test_stopped_by_a_failure, enter, leave),
        cmocka_unit_test_setup_teardown(test_each_call_tried_again, enter, leave),
        cmocka_unit_test_setup_teardown(test_failure_skipped, enter, leave),
        cmocka_unit_test_setup_teardown(test_cancelled_while_trying_again, enter, leave),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

int main(void)
{
    return 77;
}

#endif
