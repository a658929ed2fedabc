/* SPDX-License-Identifier: MIT */
/* Moves across file systems to a name that something has, or that cannot be had: what is replaced,
 * what is refused, and that a refused source stays. */
#include "moving.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "two_systems.h"

static struct moving moving;

static void test_replaces_a_file(void **state)
{
    char text[8] = "";
    (void)state;
    fixture_make_text("A/x", "new");
    fixture_make_text("B/x", "old");
    int fd = open("B/x", O_RDONLY | O_CLOEXEC);
    ino_t old = fixture_stat("B/x").st_ino;
    moving_succeeds("A/x", "B/x");
    fixture_assert_text("B/x", "new");
    /* Not written over: another file has the name now. */
    assert_int_not_equal(fixture_stat("B/x").st_ino, old);
    assert_int_equal(read(fd, text, sizeof(text)), 3);
    assert_string_equal(text, "old");
    close(fd);
    assert_false(fixture_exists("A/x"));
}

static void test_backups(void **state)
{
    (void)state;
    fixture_make_text("B/x", "1");
    for (int i = 2; i < 5; i++) {
        fixture_make_text("A/x", fixture_text("%d", i));
        moving_init(&moving);
        moving.options.backup = i == 2 ? TUG_BACKUP_NUMBERED : TUG_BACKUP_EXISTING;
        moving_run(&moving, "B", "A/x", NULL);
        assert_int_equal(moving.result, 0);
    }
    fixture_assert_text("B/x", "4");
    fixture_assert_text("B/x.~1~", "1");
    fixture_assert_text("B/x.~2~", "2");
    fixture_assert_text("B/x.~3~", "3");
    fixture_make_dir("A/x", 0755);
    moving.options.backup = TUG_BACKUP_SIMPLE;
    moving.options.suffix = ".old";
    moving_run(&moving, "B", "A/x", NULL);
    assert_int_equal(moving.result, 0);
    fixture_assert_text("B/x.old", "4");
    assert_true(S_ISDIR(fixture_stat("B/x").st_mode));
}

static void test_directories_in_the_way(void **state)
{
    (void)state;
    fixture_make_dir("A/d", 0755);
    fixture_make_text("A/d/new", "new");
    fixture_make_dir("B/d", 0755);
    moving_succeeds("A/d", "B");
    fixture_assert_text("B/d/new", "new");
    fixture_make_dir("A/d", 0755);
    fixture_make_text("A/d/newer", "newer");
    moving_init(&moving);
    moving_run(&moving, "B", "A/d", NULL);
    moving_assert_failure(&moving, TUG_MOVE_STEP_REPLACE, -ENOTEMPTY, "A/d");
    fixture_assert_text("A/d/newer", "newer");
    assert_false(fixture_exists("B/d/newer"));
    fixture_make_text("A/f", "f");
    fixture_make_dir("B/f", 0755);
    moving_run(&moving, "B", "A/f", NULL);
    moving_assert_failure(&moving, TUG_MOVE_STEP_OVER_DIRECTORY, 0, "A/f");
    fixture_make_text("B/g", "g");
    fixture_make_dir("A/g", 0755);
    moving_run(&moving, "B", "A/g", NULL);
    moving_assert_failure(&moving, TUG_MOVE_STEP_OVER_FILE, 0, "A/g");
    moving_assert_no_temporary_names("B");
}

static void test_the_same_name_twice(void **state)
{
    (void)state;
    fixture_make_dir("A/p", 0755);
    fixture_make_dir("A/q", 0755);
    fixture_make_text("A/p/x", "p");
    fixture_make_text("A/q/x", "q");
    moving_init(&moving);
    moving_run(&moving, "B", "A/p/x", "A/q/x", NULL);
    moving_assert_failure(&moving, TUG_MOVE_STEP_JUST_CREATED, 0, "A/q/x");
    fixture_assert_text("B/x", "p");
    fixture_assert_text("A/q/x", "q");
    /* One is renamed, the other one would have to be copied. */
    fixture_make_text("x", "here");
    moving_run(&moving, ".", "A/q/x", NULL);
    assert_int_equal(moving.result, 0);
    fixture_make_dir("sub", 0755);
    fixture_make_text("A/q/x", "q");
    moving_run(&moving, "sub", "A/q/x", "x", NULL);
    moving_assert_failure(&moving, TUG_MOVE_STEP_JUST_CREATED, 0, "x");
    fixture_assert_text("sub/x", "q");
    moving.options.backup = TUG_BACKUP_NUMBERED;
    fixture_make_text("A/q/x", "r");
    moving_run(&moving, "sub", "A/q/x", "x", NULL);
    assert_int_equal(moving.result, 0);
    fixture_assert_text("sub/x", "q");
    fixture_assert_text("sub/x.~1~", "q");
    fixture_assert_text("sub/x.~2~", "r");
}

static void test_options_that_leave_alone(void **state)
{
    (void)state;
    fixture_make_text("A/x", "A");
    fixture_make_text("B/x", "B");
    moving_init(&moving);
    moving.options.existing = TUG_MOVE_EXISTING_KEEP;
    moving_run(&moving, "B", "A/x", NULL);
    assert_int_equal(moving.result, 0);
    assert_int_equal(moving.report.skipped, 1);
    moving.options.existing = TUG_MOVE_EXISTING_REFUSE;
    moving_run(&moving, "B", "A/x", NULL);
    moving_assert_failure(&moving, TUG_MOVE_STEP_REFUSED, 0, "A/x");
    moving_init(&moving);
    moving.options.no_copy = true;
    moving_run(&moving, "B", "A/x", NULL);
    moving_assert_failure(&moving, TUG_MOVE_STEP_RENAME, -EXDEV, "A/x");
    moving_init(&moving);
    moving.options.exchange = true;
    moving_run(&moving, "B", "A/x", NULL);
    moving_assert_failure(&moving, TUG_MOVE_STEP_EXCHANGE, -EXDEV, "A/x");
    fixture_set_times("A/x", 1, 1);
    moving_init(&moving);
    moving.options.update = true;
    moving_run(&moving, "B", "A/x", NULL);
    assert_int_equal(moving.report.skipped, 1);
    fixture_assert_text("A/x", "A");
    fixture_assert_text("B/x", "B");
}

static void test_into_itself(void **state)
{
    (void)state;
    fixture_make_dir("A/d", 0755);
    fixture_make_dir("A/d/mount", 0755);
    fixture_make_text("A/d/x", "x");
    if (mount("none", "A/d/mount", "tmpfs", 0, NULL) != 0)
        skip();
    moving_init(&moving);
    moving_run(&moving, "A/d/mount/d", "A/d", NULL);
    moving_assert_failure(&moving, TUG_MOVE_STEP_INTO_ITSELF, 0, "A/d");
    fixture_assert_text("A/d/x", "x");
    moving_assert_no_temporary_names("A/d/mount");
    umount("A/d/mount");
}

/* A place below the source on another file system cannot be removed; its contents are moved. */
static void test_odd_operands(void **state)
{
    (void)state;
    fixture_make_dir("A/d", 0755);
    fixture_make_text("A/d/x", "x");
    static const char *const names[] = {"A/d/.", "A/d/..", "A/d/../."};
    for (int i = 0; i < 3; i++) {
        moving_init(&moving);
        moving_run(&moving, "B/new", names[i], NULL);
        moving_assert_failure(&moving, TUG_MOVE_STEP_RENAME, -EBUSY, names[i]);
    }
    moving_succeeds("A/d///", "B///");
    fixture_assert_text("B/d/x", "x");
    fixture_make_text("A/f", "f");
    moving_run(&moving, "B/new/", "A/f", NULL);
    moving_assert_failure(&moving, TUG_MOVE_STEP_RENAME, -ENOTDIR, "A/f");
    moving_run(&moving, "B/no/new", "A/f", NULL);
    assert_int_equal(moving.failure_count, 1);
    assert_int_equal(moving.result, -ENOENT);
    moving_run(&moving, "B/x", "A/none", NULL);
    moving_assert_failure(&moving, TUG_MOVE_STEP_STAT, -ENOENT, "A/none");
    fixture_assert_text("A/f", "f");
    assert_int_equal(tug_move(NULL, NULL, 0, "B", NULL), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TWO_SYSTEMS_TEST(test_replaces_a_file),
        TWO_SYSTEMS_TEST(test_backups),
        TWO_SYSTEMS_TEST(test_directories_in_the_way),
        TWO_SYSTEMS_TEST(test_the_same_name_twice),
        TWO_SYSTEMS_TEST(test_options_that_leave_alone),
        TWO_SYSTEMS_TEST(test_into_itself),
        TWO_SYSTEMS_TEST(test_odd_operands),
    };
    return cmocka_run_group_tests(tests, two_systems_prepare, NULL);
}
