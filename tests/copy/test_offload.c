/* SPDX-License-Identifier: MIT */
/*
 * Copies within the kernel, by ficlone and copy_file_range, and what is done where these are not to
 * be had. On tmpfs, of which it is known beforehand that it has neither, there is nothing to test.
 */
#include "fixture.h"

#include <errno.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <sys/vfs.h>

#include "sys/fault.h"

#if TUG_FAULT_INJECTION

static struct fixture_copy copy;

static int enter(void **state)
{
    tug_fault_reset();
    fixture_copy_init(&copy);
    copy.options.target = TUG_COPY_TARGET_EXACT;
    copy.options.jobs = 1;
    return fixture_enter(state);
}

static int leave(void **state)
{
    tug_fault_reset();
    return fixture_leave(state);
}

/* Blocks can be neither allocated nor shared: then the kernel is asked to copy. */
static void leave_offload(int error)
{
    assert_int_equal(tug_fault_fail("fallocate", 1, TUG_FAULT_ALWAYS, EOPNOTSUPP), 0);
    assert_int_equal(tug_fault_fail("ficlone", 1, TUG_FAULT_ALWAYS, error), 0);
}

/* Also when it does little at a time. What it does nothing of goes through the buffer, by pieces,
 * and the rest is the kernel's again. */
static void test_offload(void **state)
{
    enum { MIB = 1 << 20, SIZE = 9 * MIB + 12345 };
    static const struct {
        unsigned calls, bytes, offloaded;
    } cases[] = {
        {0, 0, SIZE},      {50, 1, SIZE},      {500, 999, SIZE},
        {500, 4097, SIZE}, {1, 0, SIZE - MIB}, {TUG_FAULT_ALWAYS, 0, 0},
    };
    (void)state;
    fixture_make_file("from", 0644, SIZE, 1);
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *to = fixture_text("to%u", i);
        leave_offload(EOPNOTSUPP);
        if (cases[i].calls > 0)
            assert_int_equal(tug_fault_short("copy_file_range", 1, cases[i].calls, cases[i].bytes),
                             0);
        fixture_copy_run(&copy, to, "from", NULL);
        if (cases[i].calls != TUG_FAULT_ALWAYS)
            assert_true(tug_fault_calls("copy_file_range") > cases[i].calls);
        tug_fault_reset();
        assert_int_equal(copy.result, 0);
        assert_int_equal(copy.report.offloaded_bytes, cases[i].offloaded);
        fixture_assert_copy("from", to, FIXTURE_MODES);
    }
}

/* Where the kernel refuses, bytes are read and written, and it is not asked again. */
static void test_offload_is_refused_once(void **state)
{
    static const int errors[] = {EOPNOTSUPP, ENOSYS, EXDEV, EPERM, ENOENT};
    (void)state;
    fixture_make_dir("from", 0755);
    fixture_make_file("from/a", 0644, 3 << 20, 1);
    fixture_make_file("from/b", 0644, 3 << 20, 2);
    for (unsigned i = 0; i < 5; i++) {
        leave_offload(EOPNOTSUPP);
        assert_int_equal(tug_fault_fail("copy_file_range", 1, TUG_FAULT_ALWAYS, errors[i]), 0);
        fixture_copy_run(&copy, fixture_text("to%u", i), "from", NULL);
        assert_int_equal(tug_fault_calls("fallocate"), 1);
        assert_int_equal(tug_fault_calls("ficlone"), 1);
        assert_int_equal(tug_fault_calls("copy_file_range"), 1);
        tug_fault_reset();
        assert_int_equal(copy.result, 0);
        assert_int_equal(copy.report.offloaded_bytes, 0);
        fixture_assert_copy("from", fixture_text("to%u", i), FIXTURE_MODES);
    }
}

/* Some refusals may concern the one file: the next is asked again, and each only once. */
static void test_one_file_is_refused(void **state)
{
    static const int errors[] = {EINVAL, EBADF, EFBIG, ETXTBSY};
    (void)state;
    fixture_make_dir("from", 0755);
    fixture_make_file("from/a", 0644, 20 << 20, 1);
    fixture_make_file("from/b", 0644, 3 << 20, 2);
    for (unsigned i = 0; i < 4; i++) {
        leave_offload(errors[i]);
        assert_int_equal(tug_fault_fail("copy_file_range", 1, TUG_FAULT_ALWAYS, errors[i]), 0);
        fixture_copy_run(&copy, fixture_text("to%u", i), "from", NULL);
        assert_int_equal(tug_fault_calls("ficlone"), 2);
        assert_int_equal(tug_fault_calls("copy_file_range"), 2);
        tug_fault_reset();
        assert_int_equal(copy.result, 0);
        fixture_assert_copy("from", fixture_text("to%u", i), FIXTURE_MODES);
    }
}

static void test_offload_fails_in_the_middle(void **state)
{
    (void)state;
    fixture_make_file("from", 0644, 20 << 20, 1);
    leave_offload(EOPNOTSUPP);
    assert_int_equal(tug_fault_fail("copy_file_range", 2, 1, EIO), 0);
    fixture_copy_run(&copy, "to", "from", NULL);
    fixture_assert_failure(&copy, TUG_COPY_STEP_WRITE, -EIO, "from");
    assert_false(fixture_exists("to"));
}

/* Errors that are not refusals are final: it is not known what the destination shares by then. */
static void test_clone_fails(void **state)
{
    static const int errors[] = {EIO, ENOMEM, ENOSPC, EDQUOT};
    (void)state;
    fixture_make_file("from", 0644, 3 << 20, 1);
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(tug_fault_fail("ficlone", 1, TUG_FAULT_ALWAYS, errors[i]), 0);
        fixture_copy_run(&copy, "to", "from", NULL);
        tug_fault_reset();
        fixture_assert_failure(&copy, TUG_COPY_STEP_WRITE, -errors[i], "from");
        assert_false(fixture_exists("to"));
    }
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, enter, leave)

static bool is_on_tmpfs(void)
{
    struct statfs statfs_;
    fixture_enter(NULL);
    assert_int_equal(statfs(".", &statfs_), 0);
    fixture_leave(NULL);
    return statfs_.f_type == TMPFS_MAGIC;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_offload),
        TEST(test_offload_is_refused_once),
        TEST(test_one_file_is_refused),
        TEST(test_offload_fails_in_the_middle),
        TEST(test_clone_fails),
    };
    if (is_on_tmpfs())
        return 77;
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

/* Nothing can be made to fail in this build. */
int main(void)
{
    return 77;
}

#endif
