/* SPDX-License-Identifier: MIT */
/* Destinations that exist: written in place, replaced, or kept. */
#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct fixture_copy copy;

static int enter(void **state)
{
    fixture_copy_init(&copy);
    return fixture_enter(state);
}

static ino_t inode_of(const char *path)
{
    struct stat stat;
    assert_int_equal(lstat(path, &stat), 0);
    return stat.st_ino;
}

/* As cp(1): the same inode, with its permissions and its other names, and nothing left of the old
 * contents. */
static void test_in_place(void **state)
{
    static const uint64_t sizes[] = {0, 10, 3000000};
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        const char *from = fixture_text("from%u", i), *to = fixture_text("to%u", i);
        fixture_make_file(from, 0755, sizes[i], i);
        fixture_make_file(to, 0604, 5000000, 9);
        assert_int_equal(link(to, fixture_text("%s other", to)), 0);
        ino_t inode = inode_of(to);
        fixture_copy_run(&copy, to, from, NULL);
        assert_int_equal(copy.result, 0);
        fixture_assert_copy(from, to, 0);
        fixture_assert_copy(from, fixture_text("%s other", to), 0);
        assert_int_equal(inode_of(to), inode);
        assert_int_equal(fixture_mode(to), 0604);
    }
}

static void test_through_a_link(void **state)
{
    (void)state;
    fixture_make_file("from", 0644, 100, 1);
    fixture_make_file("real", 0644, 200, 2);
    fixture_make_link("real", "to");
    fixture_copy_run(&copy, "to", "from", NULL);
    assert_int_equal(copy.result, 0);
    fixture_assert_copy("from", "real", 0);
    struct stat stat;
    assert_int_equal(lstat("to", &stat), 0);
    assert_true(S_ISLNK(stat.st_mode));
}

static void test_through_a_link_to_nothing(void **state)
{
    (void)state;
    fixture_make_file("from", 0644, 100, 1);
    fixture_make_link("nowhere", "to");
    fixture_copy_run(&copy, "to", "from", NULL);
    fixture_assert_failure(&copy, TUG_COPY_STEP_DANGLING_LINK, 0, "from");
    assert_false(fixture_exists("nowhere"));
}

/* Links and special files take the place of what is there. */
static void test_replaced_by_what_cannot_overwrite(void **state)
{
    (void)state;
    fixture_make_dir("from", 0755);
    fixture_make_link("target", "from/link");
    fixture_make_fifo("from/fifo", 0644);
    fixture_make_dir("to", 0755);
    fixture_make_text("to/link", "text");
    fixture_make_text("to/fifo", "text");
    copy.options.target = TUG_COPY_TARGET_EXACT;
    for (int i = 0; i < 2; i++) {
        fixture_copy_run(&copy, "to", "from", NULL);
        assert_int_equal(copy.result, 0);
        fixture_assert_copy("from", "to", FIXTURE_MODES);
    }
    fixture_make_dir("other", 0755);
    fixture_make_dir("other/link", 0755);
    fixture_copy_run(&copy, "other", "from", NULL);
    fixture_assert_failure(&copy, TUG_COPY_STEP_OVER_DIRECTORY, 0, "from/link");
}

static void test_kept(void **state)
{
    (void)state;
    fixture_make_dir("from", 0755);
    fixture_make_file("from/old", 0644, 10, 1);
    fixture_make_file("from/new", 0644, 10, 1);
    fixture_make_link("x", "from/link");
    fixture_make_dir("to", 0755);
    fixture_make_file("to/old", 0644, 20, 2);
    fixture_make_link("y", "to/link");
    copy.options.target = TUG_COPY_TARGET_EXACT;
    copy.options.existing = TUG_COPY_EXISTING_KEEP;
    copy.options.verify = true;
    fixture_copy_run(&copy, "to", "from", NULL);
    assert_int_equal(copy.result, 0);
    assert_int_equal(copy.report.skipped, 2);
    assert_int_equal(fixture_size("to/old"), 20);
    char target[8] = "";
    assert_int_equal(readlink("to/link", target, sizeof(target)), 1);
    assert_string_equal(target, "y");
    fixture_assert_copy("from/new", "to/new", FIXTURE_MODES);
    copy.options.existing = TUG_COPY_EXISTING_KEEP;
    fixture_copy_run(&copy, "to/old", "to/old", NULL);
    assert_int_equal(copy.result, 0);
}

static void as_nobody_forced(void)
{
    fixture_make_dir("mine", 0755);
    fixture_make_file("mine/from", 0644, 10, 1);
    fixture_make_file("mine/to", 0444, 20, 2);
    fixture_copy_run(&copy, "mine/to", "mine/from", NULL);
    fixture_assert_failure(&copy, TUG_COPY_STEP_CREATE, -EACCES, "mine/from");
    assert_int_equal(fixture_size("mine/to"), 20);
    copy.options.existing = TUG_COPY_EXISTING_FORCE;
    fixture_copy_run(&copy, "mine/to", "mine/from", NULL);
    assert_int_equal(copy.result, 0);
    fixture_assert_copy("mine/from", "mine/to", FIXTURE_MODES);
    assert_int_equal(chmod("mine/to", 0444), 0);
    assert_int_equal(chmod("mine", 0555), 0);
    fixture_copy_run(&copy, "mine/to", "mine/from", NULL);
    fixture_assert_failure(&copy, TUG_COPY_STEP_REMOVE, -EACCES, "mine/from");
    assert_int_equal(chmod("mine", 0755), 0);
}

static void test_forced(void **state)
{
    (void)state;
    fixture_run_as_nobody(as_nobody_forced);
}

/* The source cannot be read: nothing happens to the destination. */
static void as_nobody_unreadable(void)
{
    fixture_make_dir("mine", 0755);
    fixture_make_file("mine/from", 0000, 10, 1);
    fixture_make_file("mine/to", 0644, 20, 2);
    fixture_copy_run(&copy, "mine/to", "mine/from", NULL);
    fixture_assert_failure(&copy, TUG_COPY_STEP_OPEN, -EACCES, "mine/from");
    assert_int_equal(fixture_size("mine/to"), 20);
}

static void test_source_cannot_be_read(void **state)
{
    (void)state;
    fixture_run_as_nobody(as_nobody_unreadable);
}

static void *drain(void *argument)
{
    char *data = calloc(1, 3000001);
    size_t length = 0;
    ssize_t got;
    int fd = open(argument, O_RDONLY | O_CLOEXEC);
    while (fd >= 0 && (got = read(fd, data + length, 3000000 - length)) > 0)
        length += (size_t)got;
    close(fd);
    return data;
}

/* What is written to a FIFO comes out at its other end. */
static void test_into_a_fifo(void **state)
{
    static const uint64_t sizes[] = {1000, 3000000};
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        pthread_t reader;
        void *data;
        const char *from = fixture_text("from%u", i), *fifo = fixture_text("fifo%u", i);
        fixture_make_file(from, 0644, sizes[i], 3);
        fixture_make_fifo(fifo, 0644);
        assert_int_equal(pthread_create(&reader, NULL, drain, (void *)fifo), 0);
        copy.may_leak = true; /* the reader, on its thread, has a descriptor of its own */
        fixture_copy_run(&copy, fifo, from, NULL);
        assert_int_equal(copy.result, 0);
        assert_int_equal(pthread_join(reader, &data), 0);
        char *expected = fixture_read(from);
        assert_int_equal(strlen(data), sizes[i]);
        assert_memory_equal(data, expected, sizes[i]);
        free(expected);
        free(data);
    }
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, enter, fixture_leave)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_in_place),
        TEST(test_through_a_link),
        TEST(test_through_a_link_to_nothing),
        TEST(test_replaced_by_what_cannot_overwrite),
        TEST(test_kept),
        TEST(test_forced),
        TEST(test_source_cannot_be_read),
        TEST(test_into_a_fifo),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
