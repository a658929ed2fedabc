/* SPDX-License-Identifier: MIT */
/*
 * How contents come over: what the options say about reflinks and holes, and what is said about it.
 * Runs in the scratch directory, whatever its file system can do.
 */
#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/fs.h>

#define MIB ((uint64_t)1 << 20)

/* Bytes that have blocks. */
static uint64_t occupied(const char *path)
{
    struct stat status;
    int fd = open(path, O_RDONLY);
    assert_true(fd >= 0);
    /* Some file systems count the blocks of what is not written yet later. */
    fsync(fd);
    assert_int_equal(fstat(fd, &status), 0);
    close(fd);
    return (uint64_t)status.st_blocks * 512;
}

/* 4 MiB of zeros, all of them written, but for 100 bytes in the middle and one at the end. */
static void make_zeros(const char *path)
{
    static unsigned char zeros[MIB];
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0644);
    assert_true(fd >= 0);
    for (int i = 0; i < 4; i++)
        assert_int_equal(write(fd, zeros, MIB), MIB);
    assert_int_equal(pwrite(fd, fixture_text("%0100d", 7), 100, 2 * MIB + 4000), 100);
    assert_int_equal(pwrite(fd, "x", 1, 4 * MIB), 1);
    close(fd);
}

/* 8 MiB, of which 64 KiB are there, and a hole at the end. */
static void make_holes(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0644);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, 8 * MIB), 0);
    char data[65536];
    memset(data, 'd', sizeof(data));
    assert_int_equal(pwrite(fd, data, sizeof(data), 3 * MIB), sizeof(data));
    close(fd);
}

static bool can_share(void)
{
    fixture_make_file("share-from", 0644, 8192, 1);
    int from = open("share-from", O_RDONLY);
    int to = open("share-to", O_WRONLY | O_CREAT, 0644);
    bool can = ioctl(to, FICLONE, from) == 0;
    close(from);
    close(to);
    return can;
}

static struct fixture_copy run(enum tug_copy_reflink reflink, enum tug_copy_sparse sparse,
                               const char *from, const char *to)
{
    struct fixture_copy copy;
    fixture_copy_init(&copy);
    copy.options.reflink = reflink;
    copy.options.sparse = sparse;
    fixture_copy_run(&copy, to, from, NULL);
    return copy;
}

/* ---- Holes ---- */

static void test_zeros_become_holes(void **state)
{
    (void)state;
    make_zeros("zeros");
    struct fixture_copy copy = run(TUG_COPY_REFLINK_AUTO, TUG_COPY_SPARSE_ALWAYS, "zeros", "to");
    assert_int_equal(copy.result, 0);
    fixture_assert_copy("zeros", "to", FIXTURE_MODES);
    assert_true(occupied("to") < 256 << 10);
    assert_int_equal(copy.report.bytes, 4 * MIB + 1);
}

static void test_zeros_become_holes_of_a_file_that_existed(void **state)
{
    (void)state;
    make_zeros("zeros");
    fixture_make_file("to", 0644, 6 * MIB, 1);
    run(TUG_COPY_REFLINK_AUTO, TUG_COPY_SPARSE_ALWAYS, "zeros", "to");
    fixture_assert_copy("zeros", "to", 0);
}

/* Sizes around the block: what is shorter than one at the end is looked at as well. */
static void test_zeros_of_small_files(void **state)
{
    static const unsigned sizes[] = {1, 2, 4095, 4096, 4097, 8192, 10000};
    (void)state;
    for (unsigned i = 0; i < 7; i++) {
        const char *from = fixture_text("zeros%u", i), *to = fixture_text("to%u", i);
        int fd = open(from, O_WRONLY | O_CREAT, 0644);
        assert_int_equal(ftruncate(fd, sizes[i]), 0);
        if (i % 2 == 1)
            assert_int_equal(pwrite(fd, "x", 1, sizes[i] / 2), 1);
        close(fd);
        assert_int_equal(run(TUG_COPY_REFLINK_AUTO, TUG_COPY_SPARSE_ALWAYS, from, to).result, 0);
        fixture_assert_copy(from, to, FIXTURE_MODES);
    }
}

static void test_holes_are_kept(void **state)
{
    (void)state;
    make_holes("holes");
    run(TUG_COPY_REFLINK_AUTO, TUG_COPY_SPARSE_AUTO, "holes", "to");
    fixture_assert_copy("holes", "to", FIXTURE_MODES);
    assert_true(occupied("to") < MIB);
}

static void test_holes_are_filled(void **state)
{
    (void)state;
    make_holes("holes");
    struct fixture_copy copy = run(TUG_COPY_REFLINK_AUTO, TUG_COPY_SPARSE_NEVER, "holes", "to");
    fixture_assert_copy("holes", "to", FIXTURE_MODES);
    assert_true(occupied("to") >= 8 * MIB);
    assert_int_equal(copy.report.cloned_files, 0);
    assert_int_equal(copy.report.offloaded_bytes, 0);
}

/* ---- Sharing ---- */

static void make_sizes(const char *directory)
{
    fixture_make_dir(directory, 0755);
    fixture_make_file(fixture_text("%s/empty", directory), 0644, 0, 1);
    fixture_make_file(fixture_text("%s/small", directory), 0640, 5000, 2);
    fixture_make_file(fixture_text("%s/large", directory), 0600, 3 * MIB, 3);
    make_holes(fixture_text("%s/holes", directory));
}

static void test_always_shares_or_fails(void **state)
{
    (void)state;
    bool can = can_share();
    make_sizes("from");
    struct fixture_copy copy = run(TUG_COPY_REFLINK_ALWAYS, TUG_COPY_SPARSE_AUTO, "from", "to");
    if (can) {
        assert_int_equal(copy.result, 0);
        assert_int_equal(copy.report.cloned_files, 4);
        fixture_assert_copy("from", "to", FIXTURE_MODES);
        return;
    }
    assert_int_equal(copy.failure_count, 4);
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(copy.failures[i].step, TUG_COPY_STEP_CLONE);
        assert_true(copy.failures[i].error < 0);
    }
    assert_false(fixture_exists("to/empty"));
    assert_false(fixture_exists("to/small"));
    assert_false(fixture_exists("to/large"));
    assert_false(fixture_exists("to/holes"));
}

static void test_never_shares(void **state)
{
    (void)state;
    make_sizes("from");
    struct fixture_copy copy = run(TUG_COPY_REFLINK_NEVER, TUG_COPY_SPARSE_AUTO, "from", "to");
    assert_int_equal(copy.result, 0);
    assert_int_equal(copy.report.cloned_files, 0);
    assert_int_equal(copy.report.offloaded_bytes, 0);
    fixture_assert_copy("from", "to", FIXTURE_MODES);
}

static void test_options_that_exclude_each_other(void **state)
{
    (void)state;
    struct tug_copy_options options;
    const char *source = "from";
    fixture_make_file("from", 0644, 10, 1);
    tug_copy_options_init(&options);
    options.reflink = TUG_COPY_REFLINK_ALWAYS;
    options.sparse = TUG_COPY_SPARSE_NEVER;
    assert_int_equal(tug_copy(&options, &source, 1, "to", NULL), -EINVAL);
    options.sparse = TUG_COPY_SPARSE_ALWAYS;
    assert_int_equal(tug_copy(&options, &source, 1, "to", NULL), -EINVAL);
    assert_false(fixture_exists("to"));
}

/* ---- Explaining ---- */

static unsigned explained;

static void count_explained(const struct tug_copy_event *event, void *argument)
{
    (void)argument;
    if (event->kind != TUG_COPY_EXPLAINED) {
        assert_null(event->method);
        return;
    }
    assert_int_equal(event->type, S_IFREG);
    assert_true(strlen(event->method) > 0 && strlen(event->reason) > 0);
    if (strcmp(event->source, "from/small") == 0)
        assert_int_equal(event->bytes, 5000);
    explained++;
}

static void test_each_file_is_explained(void **state)
{
    struct fixture_copy copy;
    (void)state;
    make_sizes("from");
    fixture_make_link("small", "from/link");
    fixture_copy_init(&copy);
    copy.options.events |= TUG_COPY_EXPLAINED;
    copy.on_event = count_explained;
    explained = 0;
    fixture_copy_run(&copy, "to", "from", NULL);
    assert_int_equal(copy.result, 0);
    assert_int_equal(explained, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_zeros_become_holes),
        FIXTURE_TEST(test_zeros_become_holes_of_a_file_that_existed),
        FIXTURE_TEST(test_zeros_of_small_files),
        FIXTURE_TEST(test_holes_are_kept),
        FIXTURE_TEST(test_holes_are_filled),
        FIXTURE_TEST(test_always_shares_or_fails),
        FIXTURE_TEST(test_never_shares),
        FIXTURE_TEST(test_options_that_exclude_each_other),
        FIXTURE_TEST(test_each_file_is_explained),
    };
    return cmocka_run_group_tests_name("strategy", tests, NULL, NULL);
}
