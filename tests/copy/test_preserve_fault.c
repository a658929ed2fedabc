/* SPDX-License-Identifier: MIT */
/*
 * Each call that sets an attribute or makes a hard link fails once: that is reported, the contents
 * stay, and so does all that could be done.
 */
#include "fixture.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "attributes.h"
#include "sys/fault.h"

#if TUG_FAULT_INJECTION

static struct fixture_copy copy;

static int enter(void **state)
{
    tug_fault_reset();
    fixture_copy_init(&copy);
    copy.options.target = TUG_COPY_TARGET_EXACT;
    copy.options.preserve = TUG_COPY_PRESERVE_ALL & ~(unsigned)TUG_COPY_PRESERVE_CONTEXT;
    copy.options.jobs = 1;
    copy.outside = true;
    return fixture_enter(state);
}

static int leave(void **state)
{
    tug_fault_reset();
    return fixture_leave(state);
}

static const char *const calls[] = {
    "futimens",  "fchown",    "fchmod",   "flistxattr",   "fgetxattr",
    "fsetxattr", "utimensat", "fchownat", "fchmodat",     "llistxattr",
    "lgetxattr", "lsetxattr", "linkat",   "fremovexattr", "lremovexattr",
};

/* Returns whether there was an n-th occurrence. */
static bool copy_with_fault(const char *call, unsigned n, int error)
{
    const char *to = fixture_text("%s%u-%d", call, n, error);
    bool links = strcmp(call, "linkat") == 0;
    assert_int_equal(tug_fault_fail(call, n, 1, error), 0);
    fixture_copy_run(&copy, to, "from", NULL);
    bool happened = tug_fault_calls(call) >= n;
    tug_fault_reset();
    if ((copy.result == 0) != (copy.report.failures == 0) || copy.report.failures > 1)
        fail_msg("%s %u: result %d, %d failures", call, n, (int)copy.result,
                 (int)copy.report.failures);
    if (copy.failure_count > 0 && copy.failures[0].error != -error)
        fail_msg("%s %u: error %d", call, n, copy.failures[0].error);
    /* Inherited lists are removed early, and if that fails once more at the end. */
    bool again = strcmp(call, "fremovexattr") == 0;
    if (happened && error == EIO && copy.result == 0 && !again)
        fail_msg("%s %u: nothing was reported", call, n);
    /* Whatever else was lost, what was copied is complete. */
    fixture_assert_copy("from", to, links && copy.result != 0 ? FIXTURE_SUBSET : 0);
    if (copy.result == 0 && error == EINTR)
        attributes_assert_same("from", to, ATTRIBUTES_ALL);
    fixture_remove(to);
    return happened;
}

static void sweep(int error)
{
    attributes_make_tree("from");
    for (unsigned i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
        for (unsigned n = 1; copy_with_fault(calls[i], n, error); n++)
            assert_true(n < 1000);
}

static void test_each_call_fails(void **state)
{
    (void)state;
    sweep(EIO);
}

static void test_each_call_is_interrupted(void **state)
{
    (void)state;
    sweep(EINTR);
}

/* What is tolerated is a warning, and nothing at all where there is no such thing. */
static void test_tolerated(void **state)
{
    (void)state;
    fixture_make_text("from", "text");
    if (!attributes_set("from", "user.x", "1"))
        skip();
    copy.options.tolerate = TUG_COPY_PRESERVE_XATTR;
    copy.options.verify = true;
    assert_int_equal(tug_fault_fail("fsetxattr", 1, 1, EPERM), 0);
    fixture_copy_run(&copy, "to", "from", NULL);
    assert_int_equal(copy.result, 0);
    fixture_assert_failure(&copy, TUG_COPY_STEP_PRESERVE_XATTR, -EPERM, "from");
    assert_int_equal(copy.failures[0].kind, TUG_COPY_WARNING);
    assert_int_equal(tug_fault_fail("fsetxattr", 1, 1, EOPNOTSUPP), 0);
    fixture_copy_run(&copy, "to2", "from", NULL);
    assert_int_equal(copy.result, 0);
    assert_int_equal(copy.failure_count, 0);
    copy.options.tolerate = 0;
    tug_fault_reset();
    assert_int_equal(tug_fault_fail("fsetxattr", 1, 1, EOPNOTSUPP), 0);
    fixture_copy_run(&copy, "to3", "from", NULL);
    fixture_assert_failure(&copy, TUG_COPY_STEP_PRESERVE_XATTR, -EOPNOTSUPP, "from");
    fixture_assert_copy("from", "to3", FIXTURE_MODES);
}

/* Without its owner a program must not run as another. */
static void test_special_bits_go_with_the_owner(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    fixture_make_text("from", "text");
    assert_int_equal(chown("from", 12, 13), 0);
    assert_int_equal(chmod("from", 06755), 0);
    copy.options.verify = true;
    assert_int_equal(tug_fault_fail("fchown", 1, 2, EIO), 0);
    fixture_copy_run(&copy, "to", "from", NULL);
    fixture_assert_failure(&copy, TUG_COPY_STEP_PRESERVE_OWNER, -EIO, "from");
    assert_int_equal(fixture_mode("to"), 0755);
}

/* Without its access control list a file must not be open to the whole group. */
static void test_without_its_list(void **state)
{
    (void)state;
    fixture_make_text("from", "text");
    if (!attributes_set_list("from", false, 77))
        skip();
    copy.options.verify = true;
    assert_int_equal(tug_fault_fail("fsetxattr", 1, 1, EIO), 0);
    fixture_copy_run(&copy, "to", "from", NULL);
    fixture_assert_failure(&copy, TUG_COPY_STEP_PRESERVE_MODE, -EIO, "from");
    assert_int_equal(fixture_mode("to") & 0070, 0);
}

/* What could not be kept is reported by the copy, and not again by its verification, which still
 * finds whatever else is wrong. */
static void change_contents(const struct tug_copy_event *event, void *argument)
{
    (void)argument;
    if (event->kind == TUG_COPY_FAILED && event->step <= TUG_COPY_STEP_PRESERVE_MODE)
        assert_int_equal(system("printf T | dd of=to bs=1 conv=notrunc 2>/dev/null"), 0);
}

static void test_not_reported_twice(void **state)
{
    static const struct {
        const char *call;
        enum tug_copy_step step;
    } cases[] = {
        {"futimens", TUG_COPY_STEP_PRESERVE_TIMES},
        {"fchown", TUG_COPY_STEP_PRESERVE_OWNER},
        {"fsetxattr", TUG_COPY_STEP_PRESERVE_XATTR},
        {"fchmod", TUG_COPY_STEP_PRESERVE_MODE},
        {"write", TUG_COPY_STEP_WRITE},
    };
    (void)state;
    fixture_make_text("from", "text");
    if (geteuid() != 0 || !attributes_set("from", "user.x", "1"))
        skip();
    assert_int_equal(chown("from", 12, 13), 0);
    attributes_set_times("from", 1, 2, 3, 4);
    copy.options.verify = copy.may_leak = copy.outside = true;
    copy.options.jobs = 1;
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        unlink("to");
        assert_int_equal(tug_fault_fail(cases[i].call, 1, 2, EIO), 0);
        fixture_copy_run(&copy, "to", "from", NULL);
        tug_fault_reset();
        fixture_assert_failure(&copy, cases[i].step, -EIO, "from");
        assert_int_equal(copy.report.verified_files, i < 4);
        if (i == 4)
            break;
        copy.on_event = change_contents;
        assert_int_equal(tug_fault_fail(cases[i].call, 1, 2, EIO), 0);
        unlink("to");
        fixture_copy_run(&copy, "to", "from", NULL);
        tug_fault_reset();
        copy.on_event = NULL;
        assert_int_equal(copy.failures[copy.failure_count - 1].step, TUG_COPY_STEP_VERIFY_CONTENT);
    }
}

/* What has failed once, and was done again, is verified like everything else. */
static enum tug_failure_answer once_more(const struct tug_copy_event *failure, void *argument)
{
    (void)argument;
    return failure->step < TUG_COPY_STEP_VERIFY_MISSING ? TUG_FAILURE_RETRY : TUG_FAILURE_SKIP;
}

static void change_time(const struct tug_copy_event *event, void *argument)
{
    (void)argument;
    if (event->kind == TUG_COPY_FINISHED)
        attributes_set_times("to", 1, 2, 3, 5);
}

static void test_verified_after_a_retry(void **state)
{
    (void)state;
    fixture_make_text("from", "text");
    attributes_set_times("from", 1, 2, 3, 4);
    copy.options.verify = true;
    copy.options.on_failure = TUG_ON_FAILURE_ASK;
    copy.options.failed = once_more;
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(tug_fault_fail("futimens", 1, 1, EIO), 0);
        fixture_copy_run(&copy, "to", "from", NULL);
        tug_fault_reset();
        if (i == 0)
            assert_int_equal(copy.result, 0);
        else
            fixture_assert_failure(&copy, TUG_COPY_STEP_VERIFY_TIME, 0, "from");
        copy.on_event = change_time;
    }
}

/* ---- Hard links ---- */

static unsigned count_names(const char *directory, unsigned count)
{
    unsigned found = 0;
    char path[256];
    for (unsigned i = 0; i < count; i++) {
        snprintf(path, sizeof(path), "%s/%u", directory, i);
        found += fixture_exists(path);
    }
    return found;
}

/* If the first name cannot be copied, another one is. */
static void test_a_failed_copy_is_handed_over(void **state)
{
    struct stat stat_;
    (void)state;
    fixture_make_dir("from", 0755);
    fixture_make_file("from/0", 0644, 30 << 20, 1);
    for (unsigned i = 1; i < 50; i++)
        assert_int_equal(link("from/0", fixture_text("from/%u", i)), 0);
    copy.outside = false;
    copy.options.jobs = 4;
    for (unsigned k = 1; k < 30; k += 4) {
        const char *to = fixture_text("to%u", k);
        assert_int_equal(tug_fault_fail("pwrite", k, 1, EIO), 0);
        fixture_copy_run(&copy, to, "from", NULL);
        tug_fault_reset();
        assert_int_equal(copy.failure_count, 1);
        assert_int_equal(copy.report.files, 1);
        assert_int_equal(copy.report.hard_links, 48);
        assert_int_equal(count_names(to, 50), 49);
        const char *left =
            fixture_text("%s/%d", to, fixture_exists(fixture_text("%s/0", to)) ? 0 : 1);
        assert_int_equal(lstat(left, &stat_), 0);
        assert_int_equal(stat_.st_nlink, 49);
        fixture_assert_copy("from/0", left, 0);
    }
}

static void test_nothing_can_be_copied(void **state)
{
    (void)state;
    fixture_make_dir("from", 0755);
    fixture_make_file("from/0", 0644, 10, 1);
    for (unsigned i = 1; i < 20; i++)
        assert_int_equal(link("from/0", fixture_text("from/%u", i)), 0);
    copy.outside = false;
    copy.options.jobs = 4;
    assert_int_equal(tug_fault_fail("write", 1, TUG_FAULT_ALWAYS, ENOSPC), 0);
    fixture_copy_run(&copy, "to", "from", NULL);
    tug_fault_reset();
    assert_true(copy.report.failures >= 20);
    assert_int_equal(count_names("to", 20), 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, enter, leave)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_each_call_fails),
        TEST(test_each_call_is_interrupted),
        TEST(test_tolerated),
        TEST(test_special_bits_go_with_the_owner),
        TEST(test_without_its_list),
        TEST(test_not_reported_twice),
        TEST(test_verified_after_a_retry),
        TEST(test_a_failed_copy_is_handed_over),
        TEST(test_nothing_can_be_copied),
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
