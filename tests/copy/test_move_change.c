/* SPDX-License-Identifier: MIT */
/* Moves across file systems that are disturbed: sources that change, what cannot be read, written
 * or removed, copies that are wrong, cancellation. Nothing is ever in no place. */
#include "moving.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "two_systems.h"

static struct moving moving;

/* ---- What changes meanwhile ---- */

static void (*meddle)(void);

static void meddle_once(const struct tug_move_event *event, void *argument)
{
    (void)argument;
    if (event->kind != TUG_MOVE_COPIED || meddle == NULL)
        return;
    meddle();
    meddle = NULL;
}

/* Moves A/d, in which "file" and "sub/other" are. */
static void move_directory(void (*on_event)(const struct tug_move_event *event, void *argument))
{
    fixture_make_dir("A/d", 0755);
    fixture_make_dir("A/d/sub", 0755);
    fixture_make_text("A/d/file", "file");
    fixture_make_text("A/d/sub/other", "other");
    moving_init(&moving);
    moving.options.jobs = 1;
    moving.on_event = on_event;
    moving_run(&moving, "B", "A/d", NULL);
}

/* Meddles when "file" is copied. */
static void move_and_meddle(void (*function)(void))
{
    meddle = function;
    move_directory(meddle_once);
    assert_null(meddle);
    assert_true(fixture_exists("B/d/file"));
    fixture_assert_text("B/d/sub/other", "other");
}

static void grow(void)
{
    fixture_append("A/d/file", "more");
}

static void test_a_file_grows(void **state)
{
    (void)state;
    move_and_meddle(grow);
    moving_assert_failure(&moving, TUG_MOVE_STEP_CHANGED, 0, "A/d/file");
    fixture_assert_text("A/d/file", "filemore");
    assert_false(fixture_exists("A/d/sub"));
}

/* The same size, and the time set back. */
static void rewrite(void)
{
    struct stat stat = fixture_stat("A/d/file");
    int fd = open("A/d/file", O_WRONLY | O_CLOEXEC);
    assert_int_equal(write(fd, "FILE", 4), 4);
    const struct timespec times[2] = {stat.st_atim, stat.st_mtim};
    assert_int_equal(futimens(fd, times), 0);
    close(fd);
}

static void test_a_file_is_rewritten(void **state)
{
    (void)state;
    move_and_meddle(rewrite);
    moving_assert_failure(&moving, TUG_MOVE_STEP_CHANGED, 0, "A/d/file");
    fixture_assert_text("A/d/file", "FILE");
}

static void replace(void)
{
    fixture_make_text("A/d/temporary", "file");
    assert_int_equal(rename("A/d/temporary", "A/d/file"), 0);
}

static void test_a_file_is_replaced(void **state)
{
    (void)state;
    move_and_meddle(replace);
    moving_assert_failure(&moving, TUG_MOVE_STEP_CHANGED, 0, "A/d/file");
    fixture_assert_text("A/d/file", "file");
}

static void change_mode(void)
{
    assert_int_equal(chmod("A/d/file", 0600), 0);
}

static void test_permissions_change(void **state)
{
    (void)state;
    move_and_meddle(change_mode);
    moving_assert_failure(&moving, TUG_MOVE_STEP_CHANGED, 0, "A/d/file");
}

static void vanish(void)
{
    assert_int_equal(unlink("A/d/file"), 0);
}

/* What is gone needs not be removed. */
static void test_a_file_vanishes(void **state)
{
    (void)state;
    move_and_meddle(vanish);
    assert_int_equal(moving.result, 0);
    assert_false(fixture_exists("A/d"));
}

static bool appeared;

static void on_removal(const struct tug_move_event *event, void *argument)
{
    (void)argument;
    if (event->kind != TUG_MOVE_REMOVED || appeared)
        return;
    appeared = true;
    fixture_make_text("A/d/sub/appeared", "new");
    fixture_make_dir("A/d/sub/directory", 0755);
    fixture_make_text("A/d/sub/directory/file", "new");
}

static void test_something_appears(void **state)
{
    (void)state;
    appeared = false;
    move_directory(on_removal);
    assert_int_not_equal(moving.result, 0);
    assert_true(moving.failure_count > 0);
    fixture_assert_text("A/d/sub/appeared", "new");
    fixture_assert_text("A/d/sub/directory/file", "new");
    assert_false(fixture_exists("A/d/file"));
    fixture_assert_text("B/d/file", "file");
    fixture_assert_text("B/d/sub/other", "other");
}

/* ---- What fails ---- */

static void move_what_cannot_be_read(void)
{
    fixture_make_dir("A/d", 0755);
    fixture_make_dir("A/d/sub", 0755);
    fixture_make_text("A/d/sub/secret", "secret");
    fixture_make_text("A/d/sub/open", "open");
    fixture_make_text("A/d/file", "file");
    fixture_make_dir("A/d/closed", 0755);
    fixture_make_text("A/d/closed/file", "in it");
    assert_int_equal(chmod("A/d/sub/secret", 0), 0);
    assert_int_equal(chmod("A/d/closed", 0), 0);
    moving_init(&moving);
    moving_run(&moving, "B", "A/d", NULL);
    /* Each is reported once, not again by the removal. */
    assert_int_equal(moving.failure_count, 2);
    assert_int_equal(moving.result, -EACCES);
    assert_int_equal(chmod("A/d/closed", 0700), 0);
    assert_int_equal(fixture_size("A/d/sub/secret"), 6);
    fixture_assert_text("A/d/closed/file", "in it");
    assert_false(fixture_exists("A/d/sub/open"));
    assert_false(fixture_exists("A/d/file"));
    fixture_assert_text("B/d/sub/open", "open");
    fixture_assert_text("B/d/file", "file");
    assert_false(fixture_exists("B/d/sub/secret"));
    moving_assert_no_temporary_names("B");
}

static void test_what_cannot_be_read(void **state)
{
    (void)state;
    fixture_run_as_nobody(move_what_cannot_be_read);
}

static void move_what_cannot_be_removed(void)
{
    fixture_make_dir("A/d", 0755);
    fixture_make_dir("A/d/sub", 0755);
    fixture_make_text("A/d/sub/stays", "stays");
    fixture_make_text("A/d/goes", "goes");
    assert_int_equal(chmod("A/d/sub", 0555), 0);
    moving_init(&moving);
    moving_run(&moving, "B", "A/d", NULL);
    moving_assert_failure(&moving, TUG_MOVE_STEP_REMOVE, -EACCES, "A/d/sub/stays");
    fixture_assert_text("A/d/sub/stays", "stays");
    fixture_assert_text("B/d/sub/stays", "stays");
    fixture_assert_text("B/d/goes", "goes");
    assert_false(fixture_exists("A/d/goes"));
    assert_int_equal(fixture_mode("B/d/sub"), 0555);
    assert_int_equal(chmod("A/d/sub", 0755), 0);
    assert_int_equal(chmod("B/d/sub", 0755), 0);
}

static void test_what_cannot_be_removed(void **state)
{
    (void)state;
    fixture_run_as_nobody(move_what_cannot_be_removed);
}

static void test_full(void **state)
{
    (void)state;
    if (!two_systems_limit_b(2 << 20))
        skip();
    fixture_make_tree("A/from");
    fixture_make_tree("R");
    moving_init(&moving);
    moving_run(&moving, "B/to", "A/from", NULL);
    assert_int_equal(moving.result, -ENOSPC);
    moving_assert_in_one_place("R", "A/from", "B/to");
    moving_assert_no_temporary_names("B");
    fixture_make_file("A/large", 0644, 3 << 20, 9);
    fixture_make_text("B/large", "old");
    moving_run(&moving, "B", "A/large", NULL);
    assert_int_equal(moving.result, -ENOSPC);
    assert_int_equal(fixture_size("A/large"), 3 << 20);
    fixture_assert_text("B/large", "old");
    moving_assert_no_temporary_names("B");
}

/* ---- Verification and sync ---- */

/* Writes into the copy of "file", under its temporary name. */
static void corrupt(void)
{
    DIR *stream = opendir("B");
    assert_non_null(stream);
    for (struct dirent *entry; (entry = readdir(stream)) != NULL;)
        if (strncmp(entry->d_name, ".tug-", 5) == 0)
            fixture_append(fixture_text("B/%s/file", entry->d_name), "more");
    closedir(stream);
}

static void corrupt_file(const struct tug_move_event *event, void *argument)
{
    (void)argument;
    if (event->kind == TUG_MOVE_COPIED && strcmp(event->source, "A/d/file") == 0)
        corrupt();
}

static void test_verification(void **state)
{
    struct stat modified;
    (void)state;
    fixture_make_dir("A/d", 0755);
    fixture_make_text("A/d/file", "file");
    fixture_make_text("A/d/other", "other");
    fixture_set_times("A/d", 5000, 7000);
    moving_init(&moving);
    moving.options.verify = true;
    moving.options.jobs = 1;
    moving.on_event = corrupt_file;
    moving_run(&moving, "B", "A/d", NULL);
    /* Its time is not what it was, either. */
    assert_int_equal(moving.failure_count, 2);
    assert_int_equal(moving.failures[0].copy_step, TUG_COPY_STEP_VERIFY_TIME);
    assert_int_equal(moving.failures[1].step, TUG_MOVE_STEP_COPY);
    assert_int_equal(moving.failures[1].copy_step, TUG_COPY_STEP_VERIFY_CONTENT);
    fixture_assert_text("A/d/file", "file");
    assert_false(fixture_exists("A/d/other"));
    fixture_assert_text("B/d/other", "other");
    /* What is not like its source is not left behind under its name. */
    assert_false(fixture_exists("B/d/file"));
    assert_int_equal(lstat("B/d", &modified), 0);
    assert_int_equal(modified.st_mtim.tv_sec, 7000);
    moving_assert_no_temporary_names("B");
}

/* What is in the copy cannot be removed by one call: none of it gets its final name. */
static void replace_by_directory(const struct tug_move_event *event, void *argument)
{
    (void)argument;
    if (event->kind == TUG_MOVE_COPIED && strcmp(event->source, "A/d/file") == 0)
        assert_int_equal(system("cd B/.tug-*/ && rm file && mkdir -p file/full"), 0);
}

static void test_verification_of_another_type(void **state)
{
    (void)state;
    fixture_make_dir("A/d", 0755);
    fixture_make_text("A/d/file", "file");
    fixture_make_text("A/d/other", "other");
    moving_init(&moving);
    moving.options.verify = true;
    moving.options.jobs = 1;
    moving.on_event = replace_by_directory;
    moving_run(&moving, "B", "A/d", NULL);
    assert_true(moving.failure_count > 0);
    fixture_assert_text("A/d/file", "file");
    fixture_assert_text("A/d/other", "other");
    assert_false(fixture_exists("B/d"));
    moving_assert_no_temporary_names("B");
}

/* The directory is looked at after the link that is in the way of being right. */
static void change_target(const struct tug_move_event *event, void *argument)
{
    (void)argument;
    if (strcmp(event->source, "A/d/link") != 0)
        return;
    if (event->kind == TUG_MOVE_COPIED)
        assert_int_equal(system("cd B/.tug-*/ && ln -sfn elsewhere link"), 0);
    else if (event->kind == TUG_MOVE_FAILED)
        assert_int_equal(system("cd B/.tug-*/ && chmod 700 sub"), 0);
}

/* A link goes as a file does; of a directory that differs the source stays, empty. */
static void test_verification_of_others(void **state)
{
    (void)state;
    fixture_make_dir("A/d", 0755);
    fixture_make_link("target", "A/d/link");
    fixture_make_dir("A/d/sub", 0755);
    fixture_make_text("A/d/sub/file", "file");
    moving_init(&moving);
    moving.options.verify = true;
    moving.options.jobs = 1;
    moving.on_event = change_target;
    moving_run(&moving, "B", "A/d", NULL);
    assert_true(moving.failure_count >= 2);
    assert_true(fixture_exists("A/d/link"));
    assert_false(fixture_exists("B/d/link"));
    assert_true(fixture_exists("A/d/sub"));
    assert_false(fixture_exists("A/d/sub/file"));
    fixture_assert_text("B/d/sub/file", "file");
}

static void test_sync(void **state)
{
    (void)state;
    fixture_make_tree("A/from");
    fixture_make_tree("R");
    moving_init(&moving);
    moving.options.sync = true;
    moving_run(&moving, "B/to", "A/from", NULL);
    assert_int_equal(moving.result, 0);
    assert_false(fixture_exists("A/from"));
    fixture_assert_copy("R", "B/to", 0);
}

/* ---- Cancellation ---- */

static void test_cancelled_at_random_moments(void **state)
{
    unsigned seed = (unsigned)time(NULL), cancelled = 0;
    (void)state;
    print_message("seed %u\n", seed);
    srand(seed);
    fixture_make_tree("R");
    for (unsigned i = 0; i < 40; i++) {
        char from[32], to[32];
        snprintf(from, sizeof(from), "A/%u", i);
        snprintf(to, sizeof(to), "B/%u", i);
        fixture_make_tree(from);
        moving_init(&moving);
        moving.multi_thread = i % 2 == 1;
        moving.cancel_after = 1 + (unsigned)rand() % 12000;
        moving_run(&moving, to, from, NULL);
        cancelled += moving.result == -ECANCELED;
        assert_true(moving.result == -ECANCELED || moving.result == 0);
        assert_int_equal(moving.failure_count, 0);
        /* The whole source, or the whole copy. */
        if (fixture_exists(to))
            fixture_assert_copy("R", to, 0);
        else
            fixture_assert_copy("R", from, 0);
        moving_assert_in_one_place("R", from, to);
        moving_assert_no_temporary_names("B");
    }
    print_message("%u of 40 were cancelled\n", cancelled);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TWO_SYSTEMS_TEST(test_a_file_grows),
        TWO_SYSTEMS_TEST(test_a_file_is_rewritten),
        TWO_SYSTEMS_TEST(test_a_file_is_replaced),
        TWO_SYSTEMS_TEST(test_permissions_change),
        TWO_SYSTEMS_TEST(test_a_file_vanishes),
        TWO_SYSTEMS_TEST(test_something_appears),
        TWO_SYSTEMS_TEST(test_what_cannot_be_read),
        TWO_SYSTEMS_TEST(test_what_cannot_be_removed),
        TWO_SYSTEMS_TEST(test_full),
        TWO_SYSTEMS_TEST(test_verification),
        TWO_SYSTEMS_TEST(test_verification_of_another_type),
        TWO_SYSTEMS_TEST(test_verification_of_others),
        TWO_SYSTEMS_TEST(test_sync),
        TWO_SYSTEMS_TEST(test_cancelled_at_random_moments),
    };
    return cmocka_run_group_tests(tests, two_systems_prepare, NULL);
}
