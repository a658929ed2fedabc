/* SPDX-License-Identifier: MIT */
/* Counting: the same walk as a copy, and the same numbers. */
#include "fixture.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include <tug/tug.h>

struct measure {
    struct tug_copy_options options;
    const char *sources[3];
    struct tug_copy_report report;
};

static int64_t measure(void *argument)
{
    struct measure *measure = argument;
    size_t count = 0;
    while (measure->sources[count] != NULL)
        count++;
    return tug_copy_measure(&measure->options, measure->sources, count, &measure->report);
}

static void init(struct measure *measure)
{
    memset(measure, 0, sizeof(*measure));
    tug_copy_options_init(&measure->options);
    measure->options.recursive = true;
    measure->sources[0] = "from";
}

static void assert_same_counts(const struct tug_copy_report *measured,
                               const struct tug_copy_report *copied)
{
    assert_int_equal(measured->files, copied->files);
    assert_int_equal(measured->directories, copied->directories);
    assert_int_equal(measured->links, copied->links);
    assert_int_equal(measured->specials, copied->specials);
    assert_int_equal(measured->failures, 0);
}

static void test_what_a_copy_copies(void **state)
{
    (void)state;
    fixture_make_tree("from");
    for (unsigned i = 0; i < 3000; i++)
        fixture_make_text(fixture_text("from/sub/many%u", i), "12345");
    struct tug_copy_report copied = fixture_copy_tree("from", "to");
    for (unsigned jobs = 0; jobs <= 4; jobs++) {
        struct measure counted;
        init(&counted);
        counted.options.jobs = jobs;
        assert_int_equal(tug_run(measure, &counted), 0);
        assert_same_counts(&counted.report, &copied);
        assert_int_equal(counted.report.bytes, copied.bytes);
        counted.options.names_only = true;
        assert_int_equal(tug_run(measure, &counted), 0);
        assert_same_counts(&counted.report, &copied);
        assert_int_equal(counted.report.bytes, 0);
    }
}

static void test_outside_of_a_runtime(void **state)
{
    struct measure counted;
    (void)state;
    fixture_make_tree("from");
    struct tug_copy_report copied = fixture_copy_tree("from", "to");
    init(&counted);
    counted.sources[1] = "to";
    assert_int_equal(measure(&counted), 0);
    assert_int_equal(counted.report.bytes, 2 * copied.bytes);
    assert_int_equal(counted.report.files, 2 * copied.files);
}

static void count_what_is_locked(void)
{
    struct measure counted;
    assert_int_equal(mkdir("mine", 0755), 0);
    fixture_make_dir("mine/locked", 0000);
    fixture_make_text("mine/file", "12345");
    init(&counted);
    counted.sources[0] = "mine";
    counted.sources[1] = "missing";
    assert_int_equal(measure(&counted), 0);
    assert_int_equal(counted.report.files, 1);
    assert_int_equal(counted.report.bytes, 5);
    assert_int_equal(counted.report.directories, 1);
    assert_int_equal(counted.report.failures, 0);
}

static void test_what_cannot_be_read_is_passed_over(void **state)
{
    (void)state;
    fixture_run_as_nobody(count_what_is_locked);
}

static int64_t measure_when_cancelled(void *argument)
{
    tug_task_abort(tug_task_current());
    return measure(argument);
}

static void test_cancelled(void **state)
{
    struct measure counted;
    (void)state;
    fixture_make_tree("from");
    init(&counted);
    int descriptors = fixture_count_descriptors();
    int64_t result = tug_run(measure_when_cancelled, &counted);
    /* A walk that has ended before anybody waits for it is as good as any. */
    if (result == 0)
        assert_int_equal(counted.report.directories, 5);
    else
        assert_int_equal(result, -ECANCELED);
    assert_int_equal(fixture_count_descriptors(), descriptors);
}

static void test_bad_options(void **state)
{
    struct measure counted;
    (void)state;
    init(&counted);
    counted.sources[0] = NULL;
    assert_int_equal(measure(&counted), -EINVAL);
    init(&counted);
    counted.options.jobs = 1025;
    assert_int_equal(measure(&counted), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_what_a_copy_copies),
        FIXTURE_TEST(test_outside_of_a_runtime),
        FIXTURE_TEST(test_what_cannot_be_read_is_passed_over),
        FIXTURE_TEST(test_cancelled),
        FIXTURE_TEST(test_bad_options),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
