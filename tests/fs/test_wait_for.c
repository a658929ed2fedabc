/* SPDX-License-Identifier: MIT */
/*
 * Waiting for a file: by the real clock, and by one that stands still.
 */
#include "scratch.h"

#include <errno.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static int64_t create_later(void *argument)
{
    int64_t result = tug_sleep(*(uint64_t *)argument);
    if (result == 0)
        scratch_make_file("file", "", 0);
    return result;
}

static int64_t is_there(void *unused)
{
    (void)unused;
    scratch_make_file("file", "", 0);
    CHECK_EQUAL(tug_fs_wait_for("file", TUG_SECOND, TUG_SECOND), 0);
    return 0;
}

static int64_t comes_later(void *unused)
{
    (void)unused;
    uint64_t delay = 30 * TUG_MILLISECOND, begin = tug_now();
    struct tug_task *task = tug_spawn(create_later, &delay);
    CHECK(task != NULL);
    CHECK_EQUAL(tug_fs_wait_for("file", TUG_MILLISECOND, 10 * TUG_MILLISECOND), 0);
    CHECK(tug_now() - begin >= delay);
    CHECK(scratch_exists("file"));
    int64_t result;
    CHECK_EQUAL(tug_join(task, &result), 0);
    return result;
}

/* Its parent is missing as well. */
static int64_t runs_out_of_time(void *unused)
{
    (void)unused;
    uint64_t first = TUG_MILLISECOND, last = 8 * TUG_MILLISECOND;
    scratch_make_file("plain", "", 0);
    CHECK_EQUAL(TUG_TIMEOUT(20 * TUG_MILLISECOND, tug_fs_wait_for("a/b", first, last)), -ETIMEDOUT);
    CHECK_EQUAL(TUG_TIMEOUT(20 * TUG_MILLISECOND, tug_fs_wait_for("plain/b", first, last)),
                -ETIMEDOUT);
    return 0;
}

static int64_t errors(void *unused)
{
    (void)unused;
    scratch_make_file("file", "", 0);
    CHECK_EQUAL(symlink("loop", "loop"), 0);
    CHECK_EQUAL(tug_fs_wait_for("file", 0, TUG_SECOND), -EINVAL);
    CHECK_EQUAL(tug_fs_wait_for("file", 2, 1), -EINVAL);
    CHECK_EQUAL(tug_fs_wait_for("loop", 1, 1), -ELOOP);
    CHECK_EQUAL(mkdir("closed", 0), 0);
    if (scratch_be_nobody()) {
        int result = tug_fs_wait_for("closed/file", 1, 1);
        scratch_be_root();
        CHECK_EQUAL(result, -EACCES);
    }
    return 0;
}

static uint64_t real_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * TUG_SECOND + (uint64_t)now.tv_nsec;
}

/* Hours pass at once. The file comes after 100 s; the delays are 1, 2, 4, ... ms and then 60 s, so
 * that it is seen after 60 s more at the latest. */
static int64_t paused(void *unused)
{
    (void)unused;
    uint64_t real = real_now();
    CHECK_EQUAL(tug_time_pause(), 0);
    uint64_t begin = tug_now(), delay = 100 * TUG_SECOND;
    struct tug_task *task = tug_spawn(create_later, &delay);
    CHECK(task != NULL);
    CHECK_EQUAL(tug_fs_wait_for("file", TUG_MILLISECOND, 60 * TUG_SECOND), 0);
    uint64_t passed = tug_now() - begin;
    CHECK(passed >= delay && passed <= delay + 61 * TUG_SECOND);
    CHECK_EQUAL(tug_join(task, NULL), 0);
    begin = tug_now();
    CHECK_EQUAL(TUG_TIMEOUT(3600 * TUG_SECOND, tug_fs_wait_for("never", 1, 10 * TUG_SECOND)),
                -ETIMEDOUT);
    passed = tug_now() - begin;
    CHECK(passed >= 3600 * TUG_SECOND && passed < 3601 * TUG_SECOND);
    CHECK_EQUAL(tug_time_resume(), 0);
    CHECK(real_now() - real < 60 * TUG_SECOND);
    return 0;
}

static int64_t outside(void *unused)
{
    CHECK_EQUAL(is_there(unused), 0);
    return errors(unused);
}

static void outside_of_a_runtime(void **state)
{
    (void)state;
    scratch_run_outside(outside);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCRATCH_TEST(is_there),
        SCRATCH_TEST(comes_later),
        SCRATCH_TEST(runs_out_of_time),
        SCRATCH_TEST(errors),
        SCRATCH_TEST_CURRENT_THREAD(paused),
        cmocka_unit_test(outside_of_a_runtime),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
