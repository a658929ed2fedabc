/* SPDX-License-Identifier: MIT */
/*
 * Every system call of a move across file systems fails once, at each of its occurrences: whatever
 * it is, each entry is whole in the source or whole in the destination, nothing is anywhere that is
 * not whole, and what failed is said.
 */
#include "moving.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/fault.h"
#include "two_systems.h"

#if TUG_FAULT_INJECTION

static struct moving moving;

static int enter(void **state)
{
    tug_fault_reset();
    moving_init(&moving);
    return two_systems_enter(state);
}

static int leave(void **state)
{
    tug_fault_reset();
    return two_systems_leave(state);
}

/* One entry for each way through the engine. */
static void make_source(const char *path)
{
    char name[64];
    fixture_make_dir(path, 0755);
    fixture_make_file(fixture_text("%s/small", path), 0644, 1000, 1);
    fixture_make_file(fixture_text("%s/set", path), 04755, 10, 2);
    fixture_make_file(fixture_text("%s/large", path), 0640, 3 << 20, 3);
    fixture_make_link("small", fixture_text("%s/link", path));
    fixture_make_fifo(fixture_text("%s/fifo", path), 0644);
    fixture_make_dir(fixture_text("%s/sub", path), 0700);
    fixture_make_file(fixture_text("%s/sub/file", path), 0755, 10, 4);
    snprintf(name, sizeof(name), "%s/sub/other name", path);
    assert_int_equal(link(fixture_text("%s/sub/file", path), name), 0);
    int fd = open(fixture_text("%s/sparse", path), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    assert_int_equal(pwrite(fd, "end", 3, 500000), 3);
    close(fd);
}

static void check_failures(const char *call, unsigned n, int error)
{
    if ((moving.result == 0) != (moving.report.failures == 0))
        fail_msg("%s %u: result %d, failures %d", call, n, (int)moving.result,
                 (int)moving.report.failures);
    assert_int_equal(moving.failure_count, moving.report.failures);
    for (unsigned i = 0; i < moving.failure_count; i++) {
        const struct moving_failure *failure = &moving.failures[i];
        assert_true(failure->source[0] != '\0');
        /* What could not be copied is missed again by the verification. */
        bool missed = failure->copy_step == TUG_COPY_STEP_VERIFY_MISSING;
        if (failure->error != -error && failure->error != 0 && !missed)
            fail_msg("%s %u: step %d, error %d, %s", call, n, failure->step, failure->error,
                     failure->source);
    }
}

static bool was_cleaned(void)
{
    for (unsigned i = 0; i < moving.failure_count; i++)
        if (moving.failures[i].step == TUG_MOVE_STEP_CLEAN)
            return false;
    return true;
}

/* Moves with the n-th occurrence of `call` failing. Returns whether there was one. */
static bool move_with_fault(const char *call, unsigned n, int error)
{
    make_source("A/from");
    assert_int_equal(tug_fault_fail(call, n, 1, error), 0);
    moving.outside = true;
    moving.options.jobs = 1;
    moving.may_leak = strcmp(call, "close") == 0;
    moving_run(&moving, "B/to", "A/from", NULL);
    bool happened = tug_fault_calls(call) >= n;
    tug_fault_reset();
    check_failures(call, n, error);
    moving_assert_in_one_place("R", "A/from", "B/to");
    if (moving.result == 0) {
        fixture_assert_copy("R", "B/to", 0);
        assert_false(fixture_exists("A/from"));
    } else {
        assert_true(fixture_exists("A/from") || happened);
    }
    if (was_cleaned())
        moving_assert_no_temporary_names("B");
    fixture_remove("A/from");
    fixture_remove("B/to");
    return happened;
}

static const char *const calls[] = {
    "renameat2", "openat",    "statx",      "read",    "write",     "pread",      "pwrite",
    "close",     "mkdirat",   "getdents64", "fchmod",  "fchmodat",  "fchown",     "fchownat",
    "futimens",  "utimensat", "lseek",      "linkat",  "symlinkat", "readlinkat", "mknodat",
    "ftruncate", "fallocate", "poll",       "ficlone", "unlinkat",  "flistxattr", "fgetxattr",
    "fsetxattr", "syncfs",    "fsync",
};

static void sweep(int error)
{
    unsigned total = 0;
    make_source("R");
    for (unsigned i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        unsigned n = 1;
        if (tug_fault_fail(calls[i], 1, 1, error) != 0)
            continue;
        tug_fault_reset();
        while (move_with_fault(calls[i], n, error))
            n++;
        assert_true(n < 1000);
        total += n - 1;
    }
    print_message("%u faults\n", total);
    assert_true(total > 50);
}

static void test_each_call_fails(void **state)
{
    (void)state;
    sweep(EIO);
}

static void test_each_call_fails_with_verification_and_sync(void **state)
{
    (void)state;
    moving.options.verify = true;
    moving.options.sync = true;
    sweep(EIO);
}

static void test_each_call_lacks_space(void **state)
{
    (void)state;
    sweep(ENOSPC);
}

/* A file that replaces another one: the old one or the new one is there, and the source if it is
 * the old one. */
static void test_replacing_a_file(void **state)
{
    (void)state;
    for (unsigned i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        for (unsigned n = 1;; n++) {
            fixture_make_text("A/x", "new");
            fixture_make_text("B/x", "old");
            if (tug_fault_fail(calls[i], n, 1, EIO) != 0)
                break;
            moving.outside = true;
            moving.may_leak = strcmp(calls[i], "close") == 0;
            moving_run(&moving, "B", "A/x", NULL);
            bool happened = tug_fault_calls(calls[i]) >= n;
            tug_fault_reset();
            char *there = fixture_read("B/x");
            if (strcmp(there, "new") != 0) {
                char *here = fixture_read("A/x");
                assert_string_equal(there, "old");
                assert_string_equal(here, "new");
                assert_true(moving.failure_count > 0);
                free(here);
            } else if (moving.result == 0) {
                assert_false(fixture_exists("A/x"));
            }
            free(there);
            if (was_cleaned())
                moving_assert_no_temporary_names("B");
            fixture_remove("A/x");
            if (!happened)
                break;
        }
    }
}

/* A link to a directory that cannot be opened is not taken for a file to be replaced. */
static void test_opening_the_target_fails(void **state)
{
    (void)state;
    fixture_make_dir("directory", 0755);
    fixture_make_link("directory", "link");
    fixture_make_text("x", "x");
    assert_int_equal(tug_fault_fail("openat", 1, 1, EIO), 0);
    moving.outside = true;
    moving_run(&moving, "link", "x", NULL);
    moving_assert_failure(&moving, TUG_MOVE_STEP_TARGET, -EIO, "link");
    assert_true(fixture_exists("x"));
    moving_run(&moving, "link", "x", NULL);
    assert_int_equal(moving.result, 0);
    assert_true(fixture_exists("directory/x"));
}

/* The sources stay if the copies may not be on disk. */
static void test_sync_fails(void **state)
{
    static const char *const names[] = {"syncfs", "fsync"};
    (void)state;
    for (int i = 0; i < 2; i++) {
        fixture_make_text("A/x", "x");
        moving.options.sync = true;
        moving.outside = true;
        assert_int_equal(tug_fault_fail(names[i], 1, 1, EIO), 0);
        moving_run(&moving, "B", "A/x", NULL);
        tug_fault_reset();
        moving_assert_failure(&moving, TUG_MOVE_STEP_SYNC, -EIO, "A/x");
        assert_true(fixture_exists("A/x"));
        /* What was not synced did not get its name. */
        assert_int_equal(fixture_exists("B/x"), i == 1);
        moving_assert_no_temporary_names("B");
    }
}

static void test_two_jobs_with_random_faults(void **state)
{
    unsigned seed = (unsigned)getpid();
    (void)state;
    print_message("seed %u\n", seed);
    srand(seed);
    make_source("R");
    for (unsigned i = 0; i < 60; i++) {
        make_source("A/from");
        for (unsigned k = 0; k < 4; k++) {
            const char *call = calls[(unsigned)rand() % (sizeof(calls) / sizeof(calls[0]))];
            /* The runtime closes and reads as well, and its failures are not these. */
            if (strcmp(call, "close") != 0 && strcmp(call, "read") != 0 &&
                strcmp(call, "poll") != 0 && strcmp(call, "unlinkat") != 0)
                tug_fault_fail(call, 1 + (unsigned)rand() % 20, 1, EIO);
        }
        moving_run(&moving, "B/to", "A/from", NULL);
        tug_fault_reset();
        assert_int_equal(moving.result == 0, moving.report.failures == 0);
        moving_assert_in_one_place("R", "A/from", "B/to");
        fixture_remove("A/from");
        fixture_remove("B/to");
    }
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, enter, leave)

/* ---- Stopped by a failure ---- */

/* With the n-th occurrence of `call` failing: all that follows stays, and nothing is lost. Returns
 * whether there was one. */
static bool stop_at_fault(const char *call, unsigned n)
{
    fixture_make_dir("A/one", 0755);
    make_source("A/one/tree");
    make_source("A/one/second");
    make_source("reference");
    fixture_make_dir("B/to", 0755);
    moving_init(&moving);
    moving.options.on_failure = TUG_ON_FAILURE_STOP;
    moving.options.jobs = 1;
    moving.outside = true;
    moving.may_leak = strcmp(call, "close") == 0;
    assert_int_equal(tug_fault_fail(call, n, 1, EIO), 0);
    moving_run(&moving, "B/to", "A/one/tree", "A/one/second", NULL);
    bool happened = tug_fault_calls(call) >= n;
    tug_fault_reset();
    if ((moving.result == 0) != (moving.report.failures == 0) ||
        moving.report.stopped != (moving.result != 0))
        fail_msg("%s %u: result %d, failures %d", call, n, (int)moving.result,
                 (int)moving.report.failures);
    /* Where the copy failed, its source is whole, and nothing has come of the copy. */
    if (moving.failure_count > 0 && moving.report.phase <= TUG_MOVE_PHASE_COPY &&
        moving.failures[0].step == TUG_MOVE_STEP_COPY) {
        bool first = fixture_exists("A/one/tree");
        fixture_assert_copy("reference", first ? "A/one/tree" : "A/one/second", 0);
        assert_false(fixture_exists(first ? "B/to/tree" : "B/to/second"));
        assert_true(fixture_exists("A/one/second"));
        assert_false(fixture_exists("B/to/second"));
    }
    if (was_cleaned())
        moving_assert_no_temporary_names("B/to");
    moving_assert_in_one_place("reference", "A/one/tree", "B/to/tree");
    moving_assert_in_one_place("reference", "A/one/second", "B/to/second");
    fixture_remove("A/one");
    fixture_remove("B/to");
    fixture_remove("reference");
    return happened;
}

static void test_stopped_by_each_call(void **state)
{
    static const char *const stopping[] = {"openat", "write", "renameat2", "unlinkat",
                                           "getdents64"};
    (void)state;
    for (unsigned i = 0; i < sizeof(stopping) / sizeof(stopping[0]); i++)
        for (unsigned n = 1; stop_at_fault(stopping[i], n); n++)
            ;
}

static void test_stopped_before_the_next_source(void **state)
{
    (void)state;
    fixture_make_dir("A/to", 0755);
    fixture_make_text("A/first", "1");
    fixture_make_text("A/second", "2");
    moving_init(&moving);
    moving.options.on_failure = TUG_ON_FAILURE_STOP;
    moving_run(&moving, "A/to", "A/first", "A/missing", "A/second", NULL);
    assert_int_equal(moving.result, -ENOENT);
    assert_int_equal(moving.report.stopped, 1);
    assert_int_equal(moving.report.failures, 1);
    assert_int_equal(moving.report.renamed, 1);
    assert_true(fixture_exists("A/second"));
    moving.options.on_failure = TUG_ON_FAILURE_ASK;
    moving_run(&moving, "A/to", "A/second", NULL);
    assert_int_equal(moving.result, -EINVAL);
}

/* As directories of some file systems are: what their entries are has to be asked for. */
static void test_no_entry_has_a_type(void **state)
{
    (void)state;
    make_source("R");
    make_source("A/from");
    assert_int_equal(tug_fault_fail("getdents64_types", 1, TUG_FAULT_ALWAYS, EIO), 0);
    moving.options.verify = true;
    moving_run(&moving, "B/to", "A/from", NULL);
    assert_true(tug_fault_calls("getdents64_types") > 0);
    tug_fault_reset();
    assert_int_equal(moving.result, 0);
    assert_false(fixture_exists("A/from"));
    fixture_assert_copy("R", "B/to", 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_stopped_by_each_call, enter, leave),
        cmocka_unit_test_setup_teardown(test_stopped_before_the_next_source, enter, leave),
        TEST(test_each_call_fails),
        TEST(test_each_call_fails_with_verification_and_sync),
        TEST(test_each_call_lacks_space),
        TEST(test_replacing_a_file),
        TEST(test_opening_the_target_fails),
        TEST(test_sync_fails),
        TEST(test_two_jobs_with_random_faults),
        cmocka_unit_test_setup_teardown(test_no_entry_has_a_type, enter, leave),
    };
    return cmocka_run_group_tests(tests, two_systems_prepare, NULL);
}

#else

/* Nothing can be made to fail in this build. */
int main(void)
{
    return 77;
}

#endif
