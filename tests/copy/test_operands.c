/* SPDX-License-Identifier: MIT */
/* What the sources are called in the destination, and which of them are refused. */
#include "fixture.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct fixture_copy copy;

static int enter(void **state)
{
    fixture_copy_init(&copy);
    return fixture_enter(state);
}

static void test_new_name(void **state)
{
    (void)state;
    fixture_make_text("a", "text");
    fixture_copy_run(&copy, "b", "a", NULL);
    assert_int_equal(copy.result, 0);
    fixture_assert_copy("a", "b", FIXTURE_MODES);
}

static void test_into_a_directory(void **state)
{
    (void)state;
    fixture_make_tree("tree");
    fixture_make_text("a", "text");
    fixture_make_dir("to", 0755);
    fixture_copy_run(&copy, "to", "./a", "tree//", NULL);
    assert_int_equal(copy.result, 0);
    fixture_assert_copy("a", "to/a", FIXTURE_MODES);
    fixture_assert_copy("tree", "to/tree", FIXTURE_MODES);
}

static void test_into_a_directory_that_is_missing(void **state)
{
    (void)state;
    fixture_make_text("a", "text");
    copy.options.target = TUG_COPY_TARGET_DIRECTORY;
    fixture_copy_run(&copy, "to", "a", NULL);
    fixture_assert_failure(&copy, TUG_COPY_STEP_TARGET, -ENOENT, "to");
    copy.options.target = TUG_COPY_TARGET_AUTO;
    fixture_copy_run(&copy, "to", "a", "a", NULL);
    fixture_assert_failure(&copy, TUG_COPY_STEP_TARGET, -ENOENT, "to");
    fixture_copy_run(&copy, "a", "a", "a", NULL);
    fixture_assert_failure(&copy, TUG_COPY_STEP_TARGET, -ENOTDIR, "a");
    assert_false(fixture_exists("to"));
}

/* With TARGET_EXACT a directory is merged into one that exists. */
/* What has the name of the copy cannot be known, so nothing is made or replaced. */
static void test_to_what_cannot_be_looked_at(void **state)
{
    (void)state;
    char name[301];
    memset(name, 'n', 300);
    name[300] = '\0';
    fixture_make_text("a", "text");
    fixture_make_link("loop", "loop");
    fixture_copy_run(&copy, "loop", "a", NULL);
    fixture_assert_failure(&copy, TUG_COPY_STEP_STAT, -ELOOP, "loop");
    fixture_copy_run(&copy, name, "a", NULL);
    assert_int_equal(copy.failures[0].step, TUG_COPY_STEP_STAT);
    assert_int_equal(copy.failures[0].error, -ENAMETOOLONG);
    assert_true(fixture_exists("loop"));
}

static void test_merge(void **state)
{
    (void)state;
    fixture_make_dir("from", 0755);
    fixture_make_dir("from/sub", 0755);
    fixture_make_text("from/sub/new", "new");
    fixture_make_text("from/sub/both", "from");
    fixture_make_dir("to", 0700);
    fixture_make_dir("to/sub", 0700);
    fixture_make_text("to/sub/old", "old");
    fixture_make_text("to/sub/both", "something longer");
    copy.options.target = TUG_COPY_TARGET_EXACT;
    fixture_copy_run(&copy, "to", "from", NULL);
    assert_int_equal(copy.result, 0);
    fixture_assert_copy("from/sub/new", "to/sub/new", FIXTURE_MODES);
    fixture_assert_copy("from/sub/both", "to/sub/both", FIXTURE_MODES);
    assert_int_equal(fixture_size("to/sub/old"), 3);
    /* What existed keeps its permissions. */
    assert_int_equal(fixture_mode("to"), 0700);
    assert_int_equal(fixture_mode("to/sub"), 0700);
}

static void test_dot_and_dot_dot(void **state)
{
    (void)state;
    fixture_make_tree("tree");
    fixture_make_dir("to", 0755);
    fixture_copy_run(&copy, "to", "tree/.", NULL);
    assert_int_equal(copy.result, 0);
    fixture_assert_copy("tree/sub", "to/sub", FIXTURE_MODES);
    fixture_make_dir("to2", 0755);
    fixture_copy_run(&copy, "to2", "tree/sub/..", NULL);
    assert_int_equal(copy.result, 0);
    fixture_assert_copy("tree/sub", "to2/sub", FIXTURE_MODES);
}

static void test_missing_source(void **state)
{
    (void)state;
    fixture_make_text("a", "text");
    fixture_make_dir("to", 0755);
    fixture_copy_run(&copy, "to", "missing", "a", NULL);
    fixture_assert_failure(&copy, TUG_COPY_STEP_STAT, -ENOENT, "missing");
    assert_true(fixture_exists("to/a"));
}

static void test_directory_without_recursion(void **state)
{
    (void)state;
    fixture_make_dir("from", 0755);
    copy.options.recursive = false;
    fixture_copy_run(&copy, "to", "from", NULL);
    fixture_assert_failure(&copy, TUG_COPY_STEP_OMITTED, 0, "from");
    assert_false(fixture_exists("to"));
}

/* A directory into itself: what can be copied is, and the rest is refused. */
static void test_into_itself(void **state)
{
    (void)state;
    fixture_make_tree("from");
    fixture_copy_run(&copy, "from/sub/new", "from", NULL);
    fixture_assert_failure(&copy, TUG_COPY_STEP_INTO_ITSELF, 0, "from");
    assert_string_equal(copy.failures[0].destination, "from/sub/new");
    assert_true(fixture_exists("from/sub/new/sub/empty"));
    assert_false(fixture_exists("from/sub/new/sub/new"));
}

static void test_into_an_existing_directory_in_itself(void **state)
{
    (void)state;
    fixture_make_tree("from");
    fixture_copy_run(&copy, "from/sub", "from", NULL);
    fixture_assert_failure(&copy, TUG_COPY_STEP_INTO_ITSELF, 0, "from");
    assert_string_equal(copy.failures[0].destination, "from/sub/from");
    assert_true(fixture_exists("from/sub/from/sub/empty"));
    assert_false(fixture_exists("from/sub/from/sub/from"));
}

static void test_directory_onto_itself(void **state)
{
    (void)state;
    fixture_make_tree("from");
    fixture_make_tree("reference");
    copy.options.target = TUG_COPY_TARGET_EXACT;
    fixture_copy_run(&copy, "./from", "from", NULL);
    fixture_assert_failure(&copy, TUG_COPY_STEP_SAME_FILE, 0, "from");
    fixture_assert_copy("reference", "from", 0);
}

static void test_file_onto_itself(void **state)
{
    (void)state;
    fixture_make_text("a", "text");
    assert_int_equal(link("a", "hard"), 0);
    fixture_make_link("a", "soft");
    const char *others[] = {"./a", "hard", "soft"};
    for (int force = 0; force < 2; force++) {
        copy.options.existing = force ? TUG_COPY_EXISTING_FORCE : TUG_COPY_EXISTING_OVERWRITE;
        for (unsigned i = 0; i < 3; i++) {
            fixture_copy_run(&copy, others[i], "a", NULL);
            fixture_assert_failure(&copy, TUG_COPY_STEP_SAME_FILE, 0, "a");
            assert_int_equal(fixture_size("a"), 4);
        }
    }
}

/* The link would take the place of the file, and lead to itself. */
static void test_link_over_what_it_leads_to(void **state)
{
    (void)state;
    fixture_make_text("a", "text");
    fixture_make_link("a", "soft");
    fixture_copy_run(&copy, "a", "soft", NULL);
    fixture_assert_failure(&copy, TUG_COPY_STEP_SAME_FILE, 0, "soft");
    assert_int_equal(fixture_size("a"), 4);
}

static void test_source_given_twice(void **state)
{
    (void)state;
    fixture_make_text("a", "text");
    fixture_make_dir("d", 0755);
    fixture_make_dir("to", 0755);
    fixture_copy_run(&copy, "to", "a", "d", "./a", "d/", NULL);
    assert_int_equal(copy.result, 0);
    assert_int_equal(copy.failure_count, 2);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(copy.failures[i].kind, TUG_COPY_WARNING);
        assert_int_equal(copy.failures[i].step, TUG_COPY_STEP_TWICE);
    }
    assert_int_equal(copy.report.files, 1);
}

static void test_over_what_was_just_created(void **state)
{
    (void)state;
    fixture_make_dir("x", 0755);
    fixture_make_dir("y", 0755);
    fixture_make_text("x/a", "first");
    fixture_make_text("y/a", "second");
    fixture_make_dir("to", 0755);
    fixture_copy_run(&copy, "to", "x/a", "y/a", NULL);
    fixture_assert_failure(&copy, TUG_COPY_STEP_JUST_CREATED, 0, "y/a");
    fixture_assert_copy("x/a", "to/a", FIXTURE_MODES);
}

/* Directories of the same name are merged, the later one wins, whatever runs at the same time. */
static void test_two_directories_of_one_name(void **state)
{
    (void)state;
    fixture_make_dir("x", 0755);
    fixture_make_dir("y", 0755);
    fixture_make_dir("x/d", 0755);
    fixture_make_dir("y/d", 0755);
    for (unsigned i = 0; i < 200; i++) {
        fixture_make_file(fixture_text("x/d/%u", i), 0644, 1000 + i, i);
        fixture_make_file(fixture_text("y/d/%u", i), 0644, 500 + i, i + 1000);
    }
    fixture_make_dir("to", 0755);
    copy.options.jobs = 4;
    fixture_copy_run(&copy, "to", "x/d", "y/d", NULL);
    assert_int_equal(copy.result, 0);
    fixture_assert_copy("y/d", "to/d", FIXTURE_MODES);
}

static void test_directory_in_the_way_of_a_file(void **state)
{
    (void)state;
    fixture_make_text("a", "text");
    fixture_make_dir("to", 0755);
    fixture_make_dir("to/a", 0755);
    fixture_copy_run(&copy, "to", "a", NULL);
    fixture_assert_failure(&copy, TUG_COPY_STEP_OVER_DIRECTORY, 0, "a");
}

static void test_file_in_the_way_of_a_directory(void **state)
{
    (void)state;
    fixture_make_dir("from", 0755);
    fixture_make_dir("from/sub", 0755);
    fixture_make_text("from/sub/file", "text");
    fixture_make_dir("to", 0755);
    fixture_make_text("to/sub", "in the way");
    copy.options.target = TUG_COPY_TARGET_EXACT;
    fixture_copy_run(&copy, "to", "from", NULL);
    fixture_assert_failure(&copy, TUG_COPY_STEP_OVER_FILE, 0, "from/sub");
    assert_int_equal(fixture_size("to/sub"), 10);
}

/* A link to a directory is in the way, too: it would lead the copy to somewhere else. */
static void test_link_in_the_way_of_a_directory(void **state)
{
    (void)state;
    fixture_make_dir("from", 0755);
    fixture_make_dir("from/sub", 0755);
    fixture_make_text("from/sub/file", "text");
    fixture_make_dir("elsewhere", 0755);
    fixture_make_dir("to", 0755);
    fixture_make_link("../elsewhere", "to/sub");
    copy.options.target = TUG_COPY_TARGET_EXACT;
    fixture_copy_run(&copy, "to", "from", NULL);
    fixture_assert_failure(&copy, TUG_COPY_STEP_OVER_FILE, 0, "from/sub");
    assert_false(fixture_exists("elsewhere/file"));
}

static void test_many_operands(void **state)
{
    enum { COUNT = 300 };
    static char names[COUNT][16];
    const char *sources[COUNT];
    struct tug_copy_report report;
    (void)state;
    fixture_make_dir("to", 0755);
    for (unsigned i = 0; i < COUNT; i++) {
        snprintf(names[i], sizeof(names[i]), "n%u", i);
        sources[i] = names[i];
        if (i % 7 == 0)
            fixture_make_dir(names[i], 0755);
        else
            fixture_make_file(names[i], 0644, i, i);
    }
    copy.options.event = NULL;
    assert_int_equal(tug_copy(&copy.options, sources, COUNT, "to", &report), 0);
    for (unsigned i = 0; i < COUNT; i++)
        fixture_assert_copy(names[i], fixture_text("to/n%u", i), FIXTURE_MODES);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, enter, fixture_leave)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_new_name),
        TEST(test_into_a_directory),
        TEST(test_into_a_directory_that_is_missing),
        TEST(test_to_what_cannot_be_looked_at),
        TEST(test_merge),
        TEST(test_dot_and_dot_dot),
        TEST(test_missing_source),
        TEST(test_directory_without_recursion),
        TEST(test_into_itself),
        TEST(test_into_an_existing_directory_in_itself),
        TEST(test_directory_onto_itself),
        TEST(test_file_onto_itself),
        TEST(test_link_over_what_it_leads_to),
        TEST(test_source_given_twice),
        TEST(test_over_what_was_just_created),
        TEST(test_two_directories_of_one_name),
        TEST(test_directory_in_the_way_of_a_file),
        TEST(test_file_in_the_way_of_a_directory),
        TEST(test_link_in_the_way_of_a_directory),
        TEST(test_many_operands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
