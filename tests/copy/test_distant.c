/* SPDX-License-Identifier: MIT */
/*
 * Copies from a file system on which each operation takes 10 ms: right, and soon. With as many
 * workers as processors it would take several times as long as is allowed here.
 */
#include "distant.h"

#include <time.h>

/* What each file costs at least: looking it up, opening, reading and flushing it. */
enum { FILES = 400, OPERATIONS = 4, DELAY_MS = 10 };

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
    for (unsigned i = 0; i < FILES; i++)
        fixture_make_file(fixture_text("behind/flat/%u", i), 0644, 1000 + i, i);
    if (!distant_mount(DELAY_FS, DELAY_MS * 1000))
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
        cmocka_unit_test_setup_teardown(test_many_files_are_copied_at_once, fixture_enter,
                                        distant_leave),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
