/* SPDX-License-Identifier: MIT */
/*
 * Operations on the state of files and on names: what they do is what their system calls do.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "loop.h"

/* ---- The state of a file ---- */

static void sizes_and_space(void **state)
{
    struct fixture *fixture = *state;
    struct loop *loop = &fixture->loop;
    int fd = make_file(fixture->directory, "file", "0123456789", 10);
    struct stat status;
    struct tug_op op;
    tug_op_ftruncate(&op, fd, 4);
    assert_int_equal(loop_finish(loop, &op), 0);
    assert_int_equal(fstat(fd, &status), 0);
    assert_int_equal(status.st_size, 4);
    tug_op_ftruncate(&op, fd, -1);
    assert_int_equal(loop_finish(loop, &op), -EINVAL);
    tug_op_fallocate(&op, fd, 0, 4, 96);
    assert_int_equal(loop_finish(loop, &op), 0);
    assert_int_equal(fstat(fd, &status), 0);
    assert_int_equal(status.st_size, 100);
    tug_op_fallocate(&op, fd, FALLOC_FL_KEEP_SIZE, 0, 1 << 20);
    assert_int_equal(loop_finish(loop, &op), 0);
    assert_int_equal(fstat(fd, &status), 0);
    assert_int_equal(status.st_size, 100);
    tug_op_fsync(&op, fd);
    assert_int_equal(loop_finish(loop, &op), 0);
    tug_op_fdatasync(&op, fd);
    assert_int_equal(loop_finish(loop, &op), 0);
    tug_op_fadvise(&op, fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    assert_int_equal(loop_finish(loop, &op), 0);
    tug_op_fadvise(&op, fd, 0, INT64_C(1) << 33, POSIX_FADV_WILLNEED);
    assert_int_equal(loop_finish(loop, &op), 0);
    tug_op_fadvise(&op, fd, 0, 0, 12345);
    assert_int_equal(loop_finish(loop, &op), -EINVAL);
    close(fd);
}

static void modes(void **state)
{
    struct fixture *fixture = *state;
    struct loop *loop = &fixture->loop;
    int fd = make_file(fixture->directory, "file", "", 0);
    struct stat status;
    struct tug_op op;
    tug_op_fchmod(&op, fd, 0751);
    assert_int_equal(loop_finish(loop, &op), 0);
    assert_int_equal(fstat(fd, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0751);
    tug_op_fchmodat(&op, fixture->directory, "file", 0604, 0);
    assert_int_equal(loop_finish(loop, &op), 0);
    assert_int_equal(fstat(fd, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0604);
    tug_op_fchmodat(&op, fixture->directory, "nothing", 0604, 0);
    assert_int_equal(loop_finish(loop, &op), -ENOENT);
    close(fd);
}

/* ---- Names ---- */

static void status_of_a_name(void **state)
{
    struct fixture *fixture = *state;
    struct loop *loop = &fixture->loop;
    close(make_file(fixture->directory, "file", "0123456789", 10));
    struct statx status;
    struct tug_op op;
    tug_op_statx(&op, fixture->directory, "file", 0, STATX_BASIC_STATS, &status);
    assert_int_equal(loop_finish(loop, &op), 0);
    assert_int_equal(status.stx_size, 10);
    assert_true(S_ISREG(status.stx_mode));
    tug_op_statx(&op, fixture->directory, "", AT_EMPTY_PATH, STATX_TYPE, &status);
    assert_int_equal(loop_finish(loop, &op), 0);
    assert_true(S_ISDIR(status.stx_mode));
    tug_op_statx(&op, fixture->directory, "nothing", 0, STATX_BASIC_STATS, &status);
    assert_int_equal(loop_finish(loop, &op), -ENOENT);
}

static bool exists(struct fixture *fixture, const char *name)
{
    struct stat status;
    return fstatat(fixture->directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0;
}

static void names(void **state)
{
    struct fixture *fixture = *state;
    struct loop *loop = &fixture->loop;
    int directory = fixture->directory;
    close(make_file(fixture->directory, "a", "x", 1));
    struct tug_op op;

    tug_op_mkdirat(&op, directory, "sub", 0755);
    assert_int_equal(loop_finish(loop, &op), 0);
    tug_op_mkdirat(&op, directory, "sub", 0755);
    assert_int_equal(loop_finish(loop, &op), -EEXIST);

    tug_op_linkat(&op, directory, "a", directory, "sub/hard", 0);
    assert_int_equal(loop_finish(loop, &op), 0);
    struct stat status;
    assert_int_equal(fstatat(directory, "sub/hard", &status, 0), 0);
    assert_int_equal(status.st_nlink, 2);

    tug_op_symlinkat(&op, "target/of/link", directory, "soft");
    assert_int_equal(loop_finish(loop, &op), 0);
    char target[64];
    tug_op_readlinkat(&op, directory, "soft", target, sizeof(target));
    assert_int_equal(loop_finish(loop, &op), 14);
    assert_memory_equal(target, "target/of/link", 14);
    tug_op_readlinkat(&op, directory, "a", target, sizeof(target));
    assert_int_equal(loop_finish(loop, &op), -EINVAL);

    tug_op_renameat(&op, directory, "a", directory, "soft", RENAME_NOREPLACE);
    assert_int_equal(loop_finish(loop, &op), -EEXIST);
    tug_op_renameat(&op, directory, "a", directory, "b", 0);
    assert_int_equal(loop_finish(loop, &op), 0);
    assert_false(exists(fixture, "a"));
    assert_true(exists(fixture, "b"));

    tug_op_unlinkat(&op, directory, "sub", AT_REMOVEDIR);
    assert_int_equal(loop_finish(loop, &op), -ENOTEMPTY);
    tug_op_unlinkat(&op, directory, "sub/hard", 0);
    assert_int_equal(loop_finish(loop, &op), 0);
    tug_op_unlinkat(&op, directory, "sub", AT_REMOVEDIR);
    assert_int_equal(loop_finish(loop, &op), 0);
    assert_false(exists(fixture, "sub"));
}

static void directory_entries(void **state)
{
    struct fixture *fixture = *state;
    close(make_file(fixture->directory, "file", "", 0));
    _Alignas(8) char buffer[1024];
    struct tug_op op;
    tug_op_getdents(&op, fixture->directory, buffer, sizeof(buffer));
    int64_t length = loop_finish(&fixture->loop, &op);
    assert_true(length > 0);
    assert_non_null(memmem(buffer, (size_t)length, "file", 5));
    tug_op_getdents(&op, fixture->directory, buffer, sizeof(buffer));
    assert_int_equal(loop_finish(&fixture->loop, &op), 0);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, fixture_set_up, fixture_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(sizes_and_space),   TEST(modes), TEST(status_of_a_name), TEST(names),
        TEST(directory_entries),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
