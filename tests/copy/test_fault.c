/* SPDX-License-Identifier: MIT */
/*
 * Every system call of the engine fails once, at each of its occurrences: whatever it is, the copy
 * goes on with the rest, says what failed, leaves no partial file and no descriptor.
 */
#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sys/fault.h"

#if TUG_FAULT_INJECTION

static struct fixture_copy copy;

static int enter(void **state)
{
    tug_fault_reset();
    fixture_copy_init(&copy);
    copy.options.target = TUG_COPY_TARGET_EXACT;
    return fixture_enter(state);
}

static int leave(void **state)
{
    tug_fault_reset();
    return fixture_leave(state);
}

/* One entry for each way through the engine. */
static void make_source(void)
{
    fixture_make_dir("from", 0755);
    fixture_make_file("from/small", 0644, 1000, 1);
    fixture_make_file("from/empty", 0600, 0, 2);
    fixture_make_file("from/large", 0640, 9 << 20, 3);
    fixture_make_link("small", "from/link");
    fixture_make_fifo("from/fifo", 0644);
    fixture_make_dir("from/sub", 0700);
    fixture_make_file("from/sub/file", 0755, 10, 4);
    int fd = open("from/sparse", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    assert_int_equal(pwrite(fd, "end", 3, 1500000), 3);
    close(fd);
}

/* Into a directory that exists, over entries that do. */
static void make_destination(const char *path)
{
    fixture_make_dir(path, 0755);
    fixture_make_text(fixture_text("%s/small", path), "old");
    fixture_make_file(fixture_text("%s/large", path), 0644, 100000, 3);
    fixture_make_text(fixture_text("%s/link", path), "old");
    fixture_make_text(fixture_text("%s/fifo", path), "old");
}

/* ---- One fault ---- */

static void check_failures(const char *call, unsigned n, int error)
{
    if (copy.result != 0 && copy.result != -error && copy.result != -EIO)
        fail_msg("%s %u: result %d", call, n, (int)copy.result);
    if ((copy.result == 0) != (copy.report.failures == 0))
        fail_msg("%s %u: result %d, failures %d", call, n, (int)copy.result,
                 (int)copy.report.failures);
    assert_int_equal(copy.failure_count, copy.report.failures);
    for (unsigned i = 0; i < copy.failure_count; i++) {
        assert_true(copy.failures[i].source[0] != '\0');
        if (copy.failures[i].error != -error && copy.failures[i].error != 0)
            fail_msg("%s %u: error %d", call, n, copy.failures[i].error);
    }
}

/* Copies with the n-th occurrence of `call` failing. Returns whether there was one. */
static bool copy_with_fault(const char *call, unsigned n, int error, bool over)
{
    const char *to = fixture_text("%s%u%s%d", call, n, over ? "over" : "", error);
    if (over)
        make_destination(to);
    assert_int_equal(tug_fault_fail(call, n, 1, error), 0);
    copy.outside = true;
    copy.options.jobs = 1;
    copy.may_leak = strcmp(call, "close") == 0;
    fixture_copy_run(&copy, to, "from", NULL);
    bool happened = tug_fault_calls(call) >= n;
    tug_fault_reset();
    check_failures(call, n, error);
    /* Over existing entries, those whose copy failed early are still the old ones. */
    if (copy.result == 0)
        fixture_assert_copy("from", to, over ? 0 : FIXTURE_MODES);
    else if (!over)
        fixture_assert_copy("from", to, FIXTURE_SUBSET);
    if (error == EINTR)
        assert_int_equal(copy.result, 0);
    fixture_remove(to);
    return happened;
}

static const char *const calls[] = {
    "openat",    "statx",      "read",   "write",   "pread",     "pwrite",     "close",
    "mkdirat",   "getdents64", "fchmod", "lseek",   "symlinkat", "readlinkat", "mknodat",
    "ftruncate", "fallocate",  "poll",   "ficlone", "unlinkat",
};

static void sweep(int error, bool over)
{
    make_source();
    for (unsigned i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        unsigned n = 1;
        while (copy_with_fault(calls[i], n, error, over))
            n++;
        assert_true(n < 1000);
    }
}

static void test_each_call_fails(void **state)
{
    (void)state;
    sweep(EIO, false);
}

static void test_each_call_fails_over_existing(void **state)
{
    (void)state;
    sweep(EIO, true);
}

static void test_each_call_lacks_space(void **state)
{
    (void)state;
    sweep(ENOSPC, false);
}

static void test_each_call_is_interrupted(void **state)
{
    (void)state;
    make_source();
    for (unsigned i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        /* A close that was interrupted has closed, and a poll says so to its caller. */
        if (strcmp(calls[i], "close") == 0)
            continue;
        for (unsigned n = 1; copy_with_fault(calls[i], n, EINTR, false); n++)
            ;
    }
}

static void test_descriptors_run_out(void **state)
{
    (void)state;
    make_source();
    for (unsigned n = 1; copy_with_fault("openat", n, EMFILE, false); n++)
        ;
}

/* ---- Short transfers ---- */

static void test_short_transfers(void **state)
{
    static const char *const transfers[] = {"read", "write", "pread", "pwrite"};
    static const size_t sizes[] = {1, 999, 4097};
    (void)state;
    make_source();
    for (unsigned i = 0; i < 4; i++) {
        for (unsigned k = 0; k < 3; k++) {
            unsigned count = sizes[k] == 1 ? 50 : 500;
            assert_int_equal(tug_fault_short(transfers[i], 1, count, sizes[k]), 0);
            fixture_copy_run(&copy, fixture_text("to%u-%u", i, k), "from", NULL);
            tug_fault_reset();
            assert_int_equal(copy.result, 0);
            fixture_assert_copy("from", fixture_text("to%u-%u", i, k), FIXTURE_MODES);
        }
    }
}

/* ---- Ways that are not to be had ---- */

static void test_without_preallocation(void **state)
{
    static const int errors[] = {EOPNOTSUPP, ENOSYS, EINVAL, EPERM, ENOSPC, EIO};
    (void)state;
    make_source();
    for (unsigned i = 0; i < 6; i++) {
        assert_int_equal(tug_fault_fail("fallocate", 1, TUG_FAULT_ALWAYS, errors[i]), 0);
        fixture_copy_run(&copy, fixture_text("to%u", i), "from", NULL);
        tug_fault_reset();
        assert_int_equal(copy.result, 0);
        fixture_assert_copy("from", fixture_text("to%u", i), FIXTURE_MODES);
    }
}

/* Names of one file that cannot be linked are not copied in silence as several files. */
static void test_names_of_one_file_stay_so_or_fail(void **state)
{
    (void)state;
    fixture_make_dir("from", 0755);
    fixture_make_file("from/a", 0644, 1000, 1);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(link("from/a", fixture_text("from/a%u", i)), 0);
    copy.options.preserve = TUG_COPY_PRESERVE_LINKS;
    bool happened = true;
    for (unsigned n = 1; happened; n++) {
        const char *to = fixture_text("to%u", n);
        assert_int_equal(tug_fault_fail("statx", n, 1, EIO), 0);
        copy.options.jobs = 1;
        copy.outside = true;
        fixture_copy_run(&copy, to, "from", NULL);
        happened = tug_fault_calls("statx") >= n;
        tug_fault_reset();
        struct stat statistics;
        assert_int_equal(copy.result == 0, copy.report.failures == 0);
        if (copy.result == 0) {
            assert_int_equal(stat(fixture_text("%s/a", to), &statistics), 0);
            assert_int_equal(statistics.st_nlink, 4);
        }
    }
    assert_int_equal(copy.result, 0);
}

/* ---- Failing twice ---- */

static void test_a_partial_file_cannot_be_removed(void **state)
{
    (void)state;
    fixture_make_file("from", 0644, 1000, 1);
    assert_int_equal(tug_fault_fail("write", 1, 1, EIO), 0);
    assert_int_equal(tug_fault_fail("unlinkat", 1, 1, EPERM), 0);
    copy.options.jobs = 1;
    copy.outside = true;
    fixture_copy_run(&copy, "to", "from", NULL);
    assert_int_equal(copy.failure_count, 2);
    assert_int_equal(copy.failures[0].step, TUG_COPY_STEP_WRITE);
    assert_int_equal(copy.failures[1].step, TUG_COPY_STEP_REMOVE);
    assert_int_equal(copy.failures[1].error, -EPERM);
    assert_int_equal(copy.result, -EIO);
}

static void test_two_jobs_with_random_faults(void **state)
{
    unsigned seed = (unsigned)getpid();
    (void)state;
    print_message("seed %u\n", seed);
    srand(seed);
    make_source();
    for (unsigned i = 0; i < 60; i++) {
        const char *to = fixture_text("to%u", i);
        for (unsigned k = 0; k < 4; k++) {
            const char *call = calls[(unsigned)rand() % (sizeof(calls) / sizeof(calls[0]))];
            /* The runtime closes and reads as well, and its failures are not these. */
            if (strcmp(call, "close") != 0 && strcmp(call, "read") != 0 &&
                strcmp(call, "poll") != 0 && strcmp(call, "unlinkat") != 0)
                assert_int_equal(tug_fault_fail(call, 1 + (unsigned)rand() % 20, 1, EIO), 0);
        }
        fixture_copy_run(&copy, to, "from", NULL);
        tug_fault_reset();
        assert_int_equal(copy.result == 0, copy.report.failures == 0);
        fixture_assert_copy("from", to, FIXTURE_SUBSET);
    }
}

/* ---- Threads ---- */

static void no_threads(void)
{
    assert_int_equal(tug_fault_fail("thread_create", 1, TUG_FAULT_ALWAYS, EAGAIN), 0);
}

static void one_thread(void)
{
    assert_int_equal(tug_fault_fail("thread_create", 2, TUG_FAULT_ALWAYS, EAGAIN), 0);
}

static void test_no_thread_can_be_started(void **state)
{
    (void)state;
    make_source();
    copy.before = no_threads;
    copy.after = tug_fault_reset;
    fixture_copy_run(&copy, "to", "from", NULL);
    assert_int_equal(copy.result, -EAGAIN);
    assert_false(fixture_exists("to"));
}

static void test_one_thread_has_to_do(void **state)
{
    (void)state;
    make_source();
    for (unsigned i = 0; i < 200; i++)
        fixture_make_file(fixture_text("from/sub/another file %u", i), 0644, i, i);
    copy.options.jobs = 4;
    copy.before = one_thread;
    copy.after = tug_fault_reset;
    fixture_copy_run(&copy, "to", "from", NULL);
    assert_int_equal(copy.result, 0);
    fixture_assert_copy("from", "to", FIXTURE_MODES);
}

/* ---- How many system calls a copy makes ---- */

static void test_calls_per_small_file(void **state)
{
    static const char *const counted[] = {"openat", "statx",      "read",   "write",
                                          "close",  "getdents64", "fchmod", "mkdirat"};
    enum { FILES = 100 };
    uint64_t total = 0;
    (void)state;
    fixture_make_dir("from", 0755);
    for (unsigned i = 0; i < FILES; i++)
        fixture_make_file(fixture_text("from/%u", i), i % 2 == 0 ? 0644 : 0755, 1000 + i, i);
    copy.outside = true;
    fixture_copy_run(&copy, "to", "from", NULL);
    for (unsigned i = 0; i < sizeof(counted) / sizeof(counted[0]); i++)
        total += tug_fault_calls(counted[i]);
    assert_int_equal(copy.result, 0);
    /* Besides seven for each file there are those for the directory and the operands. */
    assert_in_range(total, 7 * FILES, 7 * FILES + 20);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, enter, leave)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_each_call_fails),
        TEST(test_each_call_fails_over_existing),
        TEST(test_each_call_lacks_space),
        TEST(test_each_call_is_interrupted),
        TEST(test_descriptors_run_out),
        TEST(test_short_transfers),
        TEST(test_without_preallocation),
        TEST(test_names_of_one_file_stay_so_or_fail),
        TEST(test_a_partial_file_cannot_be_removed),
        TEST(test_two_jobs_with_random_faults),
        TEST(test_no_thread_can_be_started),
        TEST(test_one_thread_has_to_do),
        TEST(test_calls_per_small_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

/* Nothing can be made to fail in this build. */
int main(void)
{
    return 77;
}

#endif
