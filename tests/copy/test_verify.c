/* SPDX-License-Identifier: MIT */
/* Verification finds whatever became of the destination after it was written, and nothing else. */
#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct fixture_copy copy;

static int enter(void **state)
{
    fixture_copy_init(&copy);
    copy.options.verify = true;
    return fixture_enter(state);
}

static void test_equal(void **state)
{
    (void)state;
    fixture_make_tree("from");
    fixture_copy_run(&copy, "to", "from", NULL);
    assert_int_equal(copy.result, 0);
    assert_int_equal(copy.report.failures, 0);
    assert_int_equal(copy.report.verified_files, copy.report.files);
    assert_int_equal(copy.report.verified_bytes, copy.report.bytes);
    assert_int_equal(copy.report.phase, TUG_COPY_PHASE_VERIFY);
}

/* The umask, the permissions of what existed, and links that were written through are no
 * differences. */
static void test_existing(void **state)
{
    (void)state;
    fixture_make_tree("from");
    fixture_make_dir("to", 0700);
    fixture_make_dir("to/from", 0700);
    fixture_make_dir("to/from/sub", 0700);
    fixture_make_file("to/from/size1", 0600, 5, 1);
    fixture_make_file("elsewhere", 0600, 5, 1);
    fixture_make_link("../../elsewhere", "to/from/size2");
    fixture_make_text("to/from/of the destination only", "text");
    fixture_copy_run(&copy, "to", "from", NULL);
    assert_int_equal(copy.result, 0);
    fixture_assert_copy("from/size2", "elsewhere", 0);
}

/* ---- Changed behind the engine's back ---- */

static void (*spoil)(void);
static const char *spoiled;

static void spoil_when_finished(const struct tug_copy_event *event, void *argument)
{
    (void)argument;
    if (event->kind == TUG_COPY_FINISHED && strcmp(event->destination, spoiled) == 0)
        spoil();
}

static void change_a_byte(void)
{
    int fd = open(spoiled, O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, "\0", 1, 4000), 1);
    close(fd);
}

static void append_a_byte(void)
{
    int fd = open(spoiled, O_WRONLY | O_APPEND | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "x", 1), 1);
    close(fd);
}

static void cut(void)
{
    assert_int_equal(truncate(spoiled, 10), 0);
}

static void remove_it(void)
{
    assert_int_equal(unlink(spoiled), 0);
}

static void change_permissions(void)
{
    assert_int_equal(chmod(spoiled, 0640), 0);
}

static void turn_into_a_directory(void)
{
    assert_int_equal(unlink(spoiled), 0);
    fixture_make_dir(spoiled, 0755);
}

static void change_target(void)
{
    assert_int_equal(unlink(spoiled), 0);
    fixture_make_link("other", spoiled);
}

static void turn_into_a_file(void)
{
    assert_int_equal(rmdir(spoiled), 0);
    fixture_make_text(spoiled, "text");
}

static const struct {
    const char *destination;
    void (*spoil)(void);
    enum tug_copy_step step;
    int error;
} cases[] = {
    {"to/size5", change_a_byte, TUG_COPY_STEP_VERIFY_CONTENT, 0},
    {"to/sub/set/file", change_a_byte, TUG_COPY_STEP_VERIFY_CONTENT, 0},
    {"to/size5", append_a_byte, TUG_COPY_STEP_VERIFY_CONTENT, 0},
    {"to/size5", cut, TUG_COPY_STEP_VERIFY_CONTENT, 0},
    {"to/size5", remove_it, TUG_COPY_STEP_VERIFY_MISSING, -ENOENT},
    {"to/size5", change_permissions, TUG_COPY_STEP_VERIFY_MODE, 0},
    {"to/-r", change_permissions, TUG_COPY_STEP_VERIFY_MODE, 0},
    {"to/size5", turn_into_a_directory, TUG_COPY_STEP_VERIFY_TYPE, 0},
    {"to/link", change_target, TUG_COPY_STEP_VERIFY_CONTENT, 0},
    {"to/sub/fifo", turn_into_a_directory, TUG_COPY_STEP_VERIFY_TYPE, 0},
    {"to/sub/fifo", change_permissions, TUG_COPY_STEP_VERIFY_MODE, 0},
    {"to/sub/empty", turn_into_a_file, TUG_COPY_STEP_VERIFY_TYPE, 0},
};

static void test_spoiled(void **state)
{
    (void)state;
    fixture_make_tree("from");
    copy.on_event = spoil_when_finished;
    copy.options.target = TUG_COPY_TARGET_EXACT;
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        spoil = cases[i].spoil;
        spoiled = cases[i].destination;
        fixture_copy_run(&copy, "to", "from", NULL);
        assert_int_equal(copy.failure_count, 1);
        assert_int_equal(copy.failures[0].step, cases[i].step);
        assert_int_equal(copy.failures[0].error, cases[i].error);
        assert_string_equal(copy.failures[0].destination, spoiled);
        assert_true(copy.result < 0);
        assert_int_equal(rename("to", fixture_text("spoiled%u", i)), 0);
    }
}

/* What could not be copied is reported once, not twice. */
static void as_nobody(void)
{
    fixture_make_dir("mine", 0755);
    fixture_make_file("mine/closed", 0000, 100, 2);
    fixture_make_file("mine/open", 0644, 100, 2);
    fixture_copy_run(&copy, "to", "mine", NULL);
    assert_int_equal(copy.report.verified_files, 1);
    assert_true(copy.failure_count <= 2);
    assert_int_equal(copy.failures[0].step, TUG_COPY_STEP_OPEN);
    if (copy.failure_count == 2)
        assert_int_equal(copy.failures[1].step, TUG_COPY_STEP_VERIFY_MISSING);
}

static void test_what_was_not_copied(void **state)
{
    (void)state;
    fixture_run_as_nobody(as_nobody);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, enter, fixture_leave)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_equal),
        TEST(test_existing),
        TEST(test_spoiled),
        TEST(test_what_was_not_copied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
