/* SPDX-License-Identifier: MIT */
/*
 * Depth and breadth: trees deeper than any path name may be long, and than there may be open files;
 * directories with more subdirectories than may be waiting.
 */
#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define LONG_NAME                                                                                  \
    "a name of more than one hundred and sixty bytes so that a path made of a few dozen of them "  \
    "cannot be given to any system call at once and has to be walked through step by step"

/* Makes a file, which holds its depth, in the directory `fd`. */
static void make_file_at(int fd, const char *name, unsigned depth)
{
    int file = openat(fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    assert_true(file >= 0);
    assert_int_equal(write(file, &depth, sizeof(depth)), sizeof(depth));
    close(file);
}

static void check_file_at(int fd, const char *name, unsigned depth)
{
    unsigned found = 0;
    int file = openat(fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    assert_true(file >= 0);
    assert_int_equal(read(file, &found, sizeof(found)), sizeof(found));
    assert_int_equal(found, depth);
    close(file);
}

static int enter(int fd, const char *name)
{
    int next = openat(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    assert_true(next >= 0);
    close(fd);
    return next;
}

static void make_tooth(int fd, const char *name, unsigned depth)
{
    assert_int_equal(mkdirat(fd, name, 0755), 0);
    int tooth = openat(fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    make_file_at(tooth, "file", depth);
    close(tooth);
}

static void check_tooth(int fd, const char *name, unsigned depth)
{
    int tooth = openat(fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(tooth >= 0);
    check_file_at(tooth, "file", depth);
    close(tooth);
}

/* A chain of directories; with `teeth` each has others beside the next, made before and after it,
 * so that a walk in depth leaves something behind on each level in whatever order it comes. */
static void make_chain(const char *root, const char *name, unsigned depth, bool teeth)
{
    fixture_make_dir(root, 0755);
    int fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (unsigned i = 0; i < depth; i++) {
        make_file_at(fd, "file", i);
        if (teeth)
            make_tooth(fd, "tooth", i);
        assert_int_equal(mkdirat(fd, name, i % 2 == 0 ? 0755 : 0700), 0);
        if (teeth)
            make_tooth(fd, "late tooth", i);
        fd = enter(fd, name);
    }
    close(fd);
}

static void check_chain(const char *root, const char *name, unsigned depth, bool teeth)
{
    int fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(fd >= 0);
    for (unsigned i = 0; i < depth; i++) {
        struct stat stat;
        check_file_at(fd, "file", i);
        if (teeth) {
            check_tooth(fd, "tooth", i);
            check_tooth(fd, "late tooth", i);
        }
        fd = enter(fd, name);
        assert_int_equal(fstat(fd, &stat), 0);
        assert_int_equal(stat.st_mode & 07777, i % 2 == 0 ? 0755 : 0700);
    }
    close(fd);
}

static void test_longer_than_any_path(void **state)
{
    (void)state;
    make_chain("from", LONG_NAME, 100, false);
    struct tug_copy_report report = fixture_copy_tree("from", "to");
    assert_int_equal(report.directories, 101);
    assert_int_equal(report.files, 100);
    check_chain("to", LONG_NAME, 100, false);
}

static void test_deeper_than_open_files(void **state)
{
    (void)state;
    make_chain("from", "d", 1500, false);
    fixture_copy_tree("from", "to");
    check_chain("to", "d", 1500, false);
}

/* On the way back up each level has been closed, and is opened again. */
static void test_comb(void **state)
{
    static const unsigned limits[] = {4, 20, 0};
    struct fixture_copy copy;
    (void)state;
    make_chain("from", "d", 400, true);
    for (unsigned i = 0; i < 3; i++) {
        fixture_copy_init(&copy);
        copy.options.open_directories = limits[i];
        copy.options.verify = true;
        copy.options.jobs = 1 + i;
        fixture_copy_run(&copy, fixture_text("to%u", i), "from", NULL);
        assert_int_equal(copy.result, 0);
        assert_int_equal(copy.report.files, 1200);
        assert_int_equal(copy.report.verified_files, 1200);
        check_chain(fixture_text("to%u", i), "d", 400, true);
    }
}

static void with_few_descriptors(void)
{
    struct rlimit limit = {48, 48};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_int_equal(mkdir("mine", 0755), 0);
    assert_int_equal(chdir("mine"), 0);
    make_chain("from", "d", 200, true);
    fixture_copy_tree("from", "to");
    check_chain("to", "d", 200, true);
}

static void test_comb_with_few_descriptors(void **state)
{
    (void)state;
    fixture_run_as_nobody(with_few_descriptors);
}

/* Renames the top of the chain as soon as the walk is well below it. */
static void swap_top(const struct tug_copy_event *event, void *argument)
{
    bool *swapped = argument;
    const char *depth = strstr(event->source, "/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d");
    if (event->kind != TUG_COPY_STARTED || *swapped || depth == NULL)
        return;
    *swapped = true;
    assert_int_equal(rename("from/d/d", "from/d/away"), 0);
    assert_int_equal(mkdir("from/d/d", 0755), 0);
}

/* A level that had to be closed is another directory when it is to be opened again: what is below
 * it is not copied from there, and that is reported. */
static void test_comb_that_is_swapped(void **state)
{
    struct fixture_copy copy;
    bool swapped = false;
    (void)state;
    make_chain("from", "d", 50, true);
    fixture_copy_init(&copy);
    copy.options.open_directories = 4;
    copy.options.jobs = 1;
    copy.on_event = swap_top;
    copy.argument = &swapped;
    fixture_copy_run(&copy, "to", "from", NULL);
    assert_true(swapped);
    assert_int_equal(copy.result, -ESTALE);
    assert_true(copy.failure_count > 0);
    assert_int_equal(copy.failures[0].error, -ESTALE);
    fixture_assert_copy("from/d/away/d/d/file", "to/d/d/d/d/file", FIXTURE_MODES);
}

static void test_wide(void **state)
{
    struct fixture_copy copy;
    (void)state;
    fixture_make_dir("from", 0755);
    for (unsigned i = 0; i < 1500; i++) {
        fixture_make_dir(fixture_text("from/directory number %u", i), 0755);
        if (i % 10 == 0)
            fixture_make_text(fixture_text("from/directory number %u/file", i), "text");
    }
    for (unsigned jobs = 1; jobs <= 3; jobs++) {
        fixture_copy_init(&copy);
        copy.options.jobs = jobs;
        copy.options.open_directories = jobs % 2 == 0 ? 4 : 0;
        fixture_copy_run(&copy, fixture_text("to%u", jobs), "from", NULL);
        assert_int_equal(copy.result, 0);
        assert_int_equal(copy.report.directories, 1501);
        fixture_assert_copy("from", fixture_text("to%u", jobs), FIXTURE_MODES);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_longer_than_any_path),
        FIXTURE_TEST(test_deeper_than_open_files),
        FIXTURE_TEST(test_comb),
        FIXTURE_TEST(test_comb_with_few_descriptors),
        FIXTURE_TEST(test_comb_that_is_swapped),
        FIXTURE_TEST(test_wide),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
