/* SPDX-License-Identifier: MIT */
/*
 * Copies from a file system on which each operation takes 10 ms: right, and soon. With as many
 * workers as processors it would take several times as long as is allowed here.
 */
#include "fixture.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* What each file costs at least: looking it up, opening, reading and flushing it. */
enum { FILES = 400, OPERATIONS = 4, DELAY_MS = 10 };

/* Mounts "behind" at "mount". False: there is no FUSE here. */
static bool mount_distant(void)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        execl(DELAY_FS, "delay_fs", "-d", "10000", "behind", "mount", (char *)NULL);
        _exit(1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77)
        return false;
    assert_int_equal(WEXITSTATUS(status), 0);
    return true;
}

static int leave(void **state)
{
    umount2("mount", MNT_DETACH);
    return fixture_leave(state);
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void test_many_files_are_copied_at_once(void **state)
{
    (void)state;
    fixture_make_dir("behind", 0755);
    fixture_make_dir("behind/flat", 0755);
    fixture_make_dir("mount", 0755);
    for (unsigned i = 0; i < FILES; i++)
        fixture_make_file(fixture_text("behind/flat/%u", i), 0644, 1000 + i, i);
    if (!mount_distant())
        skip();
    struct fixture_copy copy;
    fixture_copy_init(&copy);
    copy.options.jobs = 0;
    double begin = now();
    fixture_copy_run(&copy, "to", "mount/flat", NULL);
    double took = now() - begin, one_by_one = FILES * OPERATIONS * DELAY_MS / 1000.0;
    assert_int_equal(copy.result, 0);
    assert_int_equal(copy.report.files, FILES);
    fixture_assert_copy("behind/flat", "to", FIXTURE_MODES);
    print_message("%.2f s, one by one at least %.2f s\n", took, one_by_one);
    assert_true(took < one_by_one / 4);
    /* How many it took is told. */
    assert_true(copy.report.jobs_most > 4);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_many_files_are_copied_at_once, fixture_enter, leave),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
