/* SPDX-License-Identifier: MIT */
/* Names of one file become names of one copy, however the work is shared. */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "attributes.h"
#include "fixture.h"

static struct fixture_copy copy;

static int enter(void **state)
{
    fixture_copy_init(&copy);
    copy.options.preserve = TUG_COPY_PRESERVE_LINKS;
    copy.options.target = TUG_COPY_TARGET_EXACT;
    return fixture_enter(state);
}

static void copy_tree(const char *source, const char *destination)
{
    fixture_copy_run(&copy, destination, source, NULL);
    if (copy.failure_count > 0)
        fail_msg("step %d, error %d, %s", copy.failures[0].step, copy.failures[0].error,
                 copy.failures[0].source);
    assert_int_equal(copy.result, 0);
}

static nlink_t names_of(const char *path)
{
    struct stat stat_;
    assert_int_equal(lstat(path, &stat_), 0);
    return stat_.st_nlink;
}

static void assert_same_file(const char *a, const char *b)
{
    struct stat left, right;
    assert_int_equal(lstat(a, &left), 0);
    assert_int_equal(lstat(b, &right), 0);
    assert_int_equal(left.st_ino, right.st_ino);
}

static void test_everything(void **state)
{
    (void)state;
    attributes_make_tree("from");
    copy.options.preserve = TUG_COPY_PRESERVE_ALL & ~(unsigned)TUG_COPY_PRESERVE_CONTEXT;
    copy.options.verify = true;
    copy_tree("from", "to");
    assert_true(copy.report.hard_links >= 5);
    attributes_assert_same("from", "to", ATTRIBUTES_ALL);
    /* And over itself. */
    copy_tree("from", "to");
    attributes_assert_same("from", "to", ATTRIBUTES_ALL);
}

/* Many files, each with a name in several directories that come and go. */
static void test_many_names(void **state)
{
    (void)state;
    fixture_make_dir("from", 0755);
    for (unsigned d = 0; d < 60; d++) {
        fixture_make_dir(fixture_text("from/%u", d), 0755);
        fixture_make_dir(fixture_text("from/%u/below", d), 0755);
    }
    for (unsigned i = 0; i < 300; i++) {
        const char *first = fixture_text("from/%u/file%u", i % 60, i);
        fixture_make_file(first, 0644, i % 7 * 1000, i);
        for (unsigned k = 1; k < 4; k++)
            assert_int_equal(
                link(first, fixture_text("from/%u/below/name%u-%u", (i * k + 7 * k) % 60, i, k)),
                0);
    }
    copy.options.jobs = 4;
    copy.options.open_directories = 4;
    copy_tree("from", "to");
    assert_int_equal(copy.report.files, 300);
    assert_int_equal(copy.report.hard_links, 900);
    attributes_assert_same("from", "to", ATTRIBUTES_LINKS | ATTRIBUTES_MODE);
}

/* Names of a file that takes a while are put aside. */
static void test_a_large_file_with_many_names(void **state)
{
    (void)state;
    fixture_make_dir("from", 0755);
    fixture_make_file("from/0", 0644, 40 << 20, 1);
    for (unsigned i = 1; i < 200; i++)
        assert_int_equal(link("from/0", fixture_text("from/%u", i)), 0);
    copy.options.jobs = 4;
    copy_tree("from", "to");
    assert_int_equal(copy.report.files, 1);
    assert_int_equal(copy.report.hard_links, 199);
    assert_int_equal(copy.report.bytes, 40 << 20);
    assert_int_equal(names_of("to/77"), 200);
    fixture_assert_copy("from/0", "to/0", FIXTURE_MODES);
}

/* The copy of one name may be further away than a path can say. */
static void test_deep(void **state)
{
    char name[201];
    (void)state;
    memset(name, 'd', 200);
    name[200] = '\0';
    fixture_make_dir("from", 0755);
    fixture_make_file("from/one", 0644, 10, 1);
    int at = open("from", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int top = at;
    for (unsigned i = 0; i < 60; i++) {
        assert_int_equal(mkdirat(at, name, 0755), 0);
        int next = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(next >= 0);
        if (at != top)
            close(at);
        at = next;
        if (i % 20 == 19) {
            assert_int_equal(linkat(top, "one", at, "two", 0), 0);
            int fd = openat(at, "three", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
            assert_int_equal(write(fd, "three", 5), 5);
            close(fd);
            assert_int_equal(linkat(at, "three", top, fixture_text("three%u", i), 0), 0);
        }
    }
    close(at);
    close(top);
    copy.options.open_directories = 4;
    copy_tree("from", "to");
    assert_int_equal(names_of("to/one"), 4);
    assert_int_equal(names_of("to/three19"), 2);
    assert_int_equal(names_of("to/three59"), 2);
}

static void make_pair(void)
{
    fixture_make_dir("from", 0755);
    fixture_make_text("from/a", "text");
    assert_int_equal(link("from/a", "from/b"), 0);
}

static void test_over_existing(void **state)
{
    (void)state;
    make_pair();
    fixture_make_dir("to", 0755);
    fixture_make_text("to/a", "old a");
    fixture_make_text("to/b", "old b");
    copy_tree("from", "to");
    assert_same_file("to/a", "to/b");
    fixture_assert_copy("from", "to", FIXTURE_MODES);
    /* A directory is in the way of one of them. */
    fixture_make_dir("other", 0755);
    fixture_make_dir("other/b", 0755);
    fixture_copy_run(&copy, "other", "from", NULL);
    fixture_assert_failure(&copy, TUG_COPY_STEP_OVER_DIRECTORY, 0, "from/b");
    fixture_assert_copy("from/a", "other/a", FIXTURE_MODES);
}

static void test_existing_are_kept(void **state)
{
    (void)state;
    make_pair();
    fixture_make_dir("to", 0755);
    fixture_make_text("to/a", "old a");
    copy.options.existing = TUG_COPY_EXISTING_KEEP;
    copy_tree("from", "to");
    assert_int_equal(copy.report.skipped, 1);
    fixture_assert_text("to/a", "old a");
    fixture_assert_copy("from/b", "to/b", FIXTURE_MODES);
}

/* A name that is a link elsewhere is written through, so its file is not the one to link to. */
static void test_over_a_symbolic_link(void **state)
{
    (void)state;
    make_pair();
    fixture_make_dir("to", 0755);
    fixture_make_text("elsewhere", "old");
    fixture_make_link("../elsewhere", "to/a");
    copy.options.jobs = 1;
    copy.options.target = TUG_COPY_TARGET_DIRECTORY;
    fixture_copy_run(&copy, "to", "from/a", "from/b", NULL);
    assert_int_equal(copy.result, 0);
    fixture_assert_copy("from/a", "elsewhere", 0);
    fixture_assert_copy("from/b", "to/b", FIXTURE_MODES);
}

static void test_operands(void **state)
{
    (void)state;
    make_pair();
    fixture_make_dir("to", 0755);
    copy.options.target = TUG_COPY_TARGET_AUTO;
    copy.options.recursive = false;
    fixture_copy_run(&copy, "to", "from/a", "from/b", NULL);
    assert_int_equal(copy.result, 0);
    assert_same_file("to/a", "to/b");
}

static void test_followed_links(void **state)
{
    (void)state;
    make_pair();
    fixture_make_text("from/c", "c");
    fixture_make_link("c", "from/link to c");
    copy.options.follow = TUG_COPY_FOLLOW_ALWAYS;
    copy_tree("from", "to");
    assert_same_file("to/a", "to/b");
    assert_same_file("to/c", "to/link to c");
    assert_int_equal(names_of("to/c"), 2);
}

static void test_not_asked_for(void **state)
{
    (void)state;
    make_pair();
    copy.options.preserve = TUG_COPY_PRESERVE_ALL & ~(unsigned)TUG_COPY_PRESERVE_LINKS &
                            ~(unsigned)TUG_COPY_PRESERVE_CONTEXT;
    copy_tree("from", "to");
    assert_int_equal(names_of("to/a"), 1);
}

static void test_measure(void **state)
{
    struct tug_copy_report report;
    const char *sources[] = {"from"};
    (void)state;
    make_pair();
    assert_int_equal(tug_copy_measure(&copy.options, sources, 1, &report), 0);
    assert_int_equal(report.bytes, 4);
}

static void cancelled(const struct tug_copy_event *event, void *argument)
{
    (void)argument;
    if (event->kind == TUG_COPY_BYTES)
        usleep(1000);
}

static void test_cancelled_with_names_put_aside(void **state)
{
    (void)state;
    fixture_make_dir("from", 0755);
    for (unsigned i = 0; i < 50; i++)
        fixture_make_dir(fixture_text("from/%u", i), 0755);
    fixture_make_file("from/0/file", 0644, 60 << 20, 1);
    for (unsigned i = 1; i < 50; i++)
        assert_int_equal(link("from/0/file", fixture_text("from/%u/name", i)), 0);
    copy.options.events |= TUG_COPY_BYTES;
    copy.on_event = cancelled;
    for (unsigned us = 500; us < 40000; us = us * 2) {
        const char *to = fixture_text("to%u", us);
        copy.cancel_after = us;
        copy.options.open_directories = us % 3 == 0 ? 4 : 0;
        fixture_copy_run(&copy, to, "from", NULL);
        assert_int_equal(copy.failure_count, 0);
        fixture_assert_copy("from", to, FIXTURE_SUBSET);
    }
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, enter, fixture_leave)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_everything),
        TEST(test_many_names),
        TEST(test_a_large_file_with_many_names),
        TEST(test_deep),
        TEST(test_over_existing),
        TEST(test_existing_are_kept),
        TEST(test_over_a_symbolic_link),
        TEST(test_operands),
        TEST(test_followed_links),
        TEST(test_not_asked_for),
        TEST(test_measure),
        TEST(test_cancelled_with_names_put_aside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
