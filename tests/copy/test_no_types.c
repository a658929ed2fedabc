/* SPDX-License-Identifier: MIT */
/*
 * Directories whose entries do not say what they are, as file systems without types in their
 * directories have them: each engine that walks comes to the same as elsewhere.
 */
#include "removal.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include <tug/compare.h>

#include "sys/fault.h"

#if TUG_FAULT_INJECTION

static struct fixture_copy copy;

/* Enough for several batches, with directories among the rest. */
static void make_tree(const char *path)
{
    fixture_make_tree(path);
    for (unsigned i = 0; i < 120; i++) {
        fixture_make_text(
            fixture_text("%s/a rather long name that fills the batches sooner %u", path, i),
            "text");
        if (i % 10 == 0)
            fixture_make_dir(fixture_text("%s/sub/a directory %u", path, i), 0755);
    }
}

static int enter(void **state)
{
    fixture_copy_init(&copy);
    fixture_enter(state);
    make_tree("from");
    tug_fault_reset();
    return tug_fault_fail("getdents64_types", 1, TUG_FAULT_ALWAYS, EIO);
}

static int leave(void **state)
{
    assert_true(tug_fault_calls("getdents64_types") > 0);
    tug_fault_reset();
    return fixture_leave(state);
}

static void test_copy(void **state)
{
    (void)state;
    for (unsigned jobs = 1; jobs <= 4; jobs += 3) {
        const char *to = fixture_text("to%u", jobs);
        copy.options.jobs = jobs;
        copy.options.verify = true;
        copy.multi_thread = jobs == 4;
        fixture_copy_run(&copy, to, "from", NULL);
        assert_int_equal(copy.result, 0);
        assert_int_equal(copy.report.files, 20 + 120);
        assert_int_equal(copy.report.directories, 5 + 12);
        assert_int_equal(copy.report.links, 3);
        assert_int_equal(copy.report.specials, 1);
        fixture_assert_copy("from", to, FIXTURE_MODES);
    }
}

/* Links are followed, one into a loop is found on both ways to it, and what is no link is not taken
 * for one. */
static void test_copy_of_what_links_lead_to(void **state)
{
    (void)state;
    fixture_make_dir("links", 0755);
    fixture_make_dir("links/sub", 0755);
    fixture_make_text("links/sub/file", "text");
    fixture_make_link("sub", "links/directory");
    fixture_make_link("sub/file", "links/file");
    copy.options.follow = TUG_COPY_FOLLOW_ALWAYS;
    fixture_copy_run(&copy, "to", "links", NULL);
    assert_int_equal(copy.result, 0);
    assert_int_equal(copy.report.links, 0);
    fixture_assert_copy("links/sub", "to/sub", FIXTURE_MODES);
    fixture_assert_copy("links/sub", "to/directory", FIXTURE_MODES);
    fixture_assert_copy("links/sub/file", "to/file", FIXTURE_MODES);
    fixture_make_link("..", "links/sub/loop");
    fixture_copy_run(&copy, "loop", "links", NULL);
    assert_int_equal(copy.failure_count, 2);
    assert_int_equal(copy.failures[0].step, TUG_COPY_STEP_LOOP);
    assert_int_equal(copy.failures[1].step, TUG_COPY_STEP_LOOP);
    fixture_assert_copy("links/sub/file", "loop/sub/file", FIXTURE_MODES);
}

/* What is asked for instead may fail, for one entry: that is said, and the rest comes over. */
static void test_asking_fails(void **state)
{
    (void)state;
    tug_fault_only_path("size5");
    assert_int_equal(tug_fault_fail("statx", 1, 1, EIO), 0);
    copy.options.jobs = 1;
    fixture_copy_run(&copy, "to", "from", NULL);
    fixture_assert_failure(&copy, TUG_COPY_STEP_STAT, -EIO, "from/size5");
    assert_false(fixture_exists("to/size5"));
    assert_int_equal(copy.report.files, 19 + 120);
    fixture_assert_copy("from", "to", FIXTURE_SUBSET);
}

/* A link to a directory is removed, and not what it leads to. */
static void test_removal(void **state)
{
    (void)state;
    for (unsigned jobs = 1; jobs <= 4; jobs += 3) {
        struct removal removal;
        make_tree("tree");
        fixture_make_link("../from", "tree/to a directory");
        removal_init(&removal);
        removal.options.jobs = jobs;
        removal_run(&removal, "tree", NULL);
        assert_int_equal(removal.result, 0);
        assert_int_equal(removal.report.directories, 5 + 12);
        assert_int_equal(removal.report.entries, 24 + 120 + 1);
        assert_false(fixture_exists("tree"));
    }
    make_tree("reference");
    fixture_assert_copy("reference", "from", 0);
}

static struct tug_compare_report compared;

static int64_t compare(void *argument)
{
    struct tug_compare_options options;
    tug_compare_options_init(&options);
    return tug_compare(&options, "from", argument, &compared);
}

static void test_comparison(void **state)
{
    (void)state;
    make_tree("to");
    assert_int_equal(fixture_in_runtime(false, 0, compare, "to"), 0);
    assert_int_equal(compared.files, 20 + 120);
    assert_int_equal(compared.directories, 5 + 12);
    fixture_make_dir("to/sub/more", 0755);
    fixture_remove("to/size5");
    fixture_make_dir("to/size5", 0755);
    assert_int_equal(fixture_in_runtime(true, 0, compare, "to"), 1);
    assert_int_equal(compared.differences, 2);
    assert_int_equal(compared.only_b, 1);
    assert_int_equal(compared.types, 1);
}

static int64_t measure(void *argument)
{
    const char *source = "from";
    copy.options.names_only = true;
    return tug_copy_measure(&copy.options, &source, 1, argument);
}

static void test_counting(void **state)
{
    struct tug_copy_report report;
    (void)state;
    assert_int_equal(fixture_in_runtime(false, 0, measure, &report), 0);
    assert_int_equal(report.files, 20 + 120);
    assert_int_equal(report.directories, 5 + 12);
    assert_int_equal(report.links, 3);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, enter, leave)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_copy),       TEST(test_copy_of_what_links_lead_to),
        TEST(test_removal),    TEST(test_asking_fails),
        TEST(test_comparison), TEST(test_counting),
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
