/* SPDX-License-Identifier: MIT */
/*
 * The calls in POSIX's shape, in a coroutine and outside of one: each does what its namesake does,
 * and returns its errors.
 */
#include "scratch.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static int64_t open_write_read_close(void *unused)
{
    (void)unused;
    int fd = tug_open("file", O_RDWR | O_CREAT | O_EXCL, 0640);
    CHECK(fd >= 0);
    CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    CHECK_EQUAL(scratch_mode("file") & 0700, 0600);
    CHECK_EQUAL(tug_write(fd, "hello, ", 7), 7);
    CHECK_EQUAL(tug_write(fd, "world", 5), 5);
    CHECK_EQUAL(tug_write(fd, "", 0), 0);
    CHECK_EQUAL(tug_lseek(fd, 0, SEEK_CUR), 12);
    CHECK_EQUAL(tug_lseek(fd, 0, SEEK_SET), 0);
    char buffer[32];
    CHECK_EQUAL(tug_read(fd, buffer, 5), 5);
    CHECK_EQUAL(tug_read(fd, buffer + 5, sizeof(buffer) - 5), 7);
    CHECK(memcmp(buffer, "hello, world", 12) == 0);
    CHECK_EQUAL(tug_read(fd, buffer, sizeof(buffer)), 0);
    CHECK_EQUAL(tug_close(fd), 0);
    CHECK_EQUAL(tug_close(fd), -EBADF);
    CHECK_EQUAL(tug_open("file", O_RDWR | O_CREAT | O_EXCL, 0640), -EEXIST);
    return 0;
}

static int64_t positional(void *unused)
{
    (void)unused;
    int fd = tug_open("file", O_RDWR | O_CREAT, 0600);
    CHECK(fd >= 0);
    char buffer[16] = "";
    CHECK_EQUAL(tug_pwrite(fd, "bbbb", 4, 4), 4);
    CHECK_EQUAL(tug_pwrite(fd, "aaaa", 4, 0), 4);
    CHECK_EQUAL(tug_lseek(fd, 0, SEEK_CUR), 0);
    CHECK_EQUAL(tug_pread(fd, buffer, sizeof(buffer), 2), 6);
    CHECK(memcmp(buffer, "aabbbb", 6) == 0);
    CHECK_EQUAL(tug_pread(fd, buffer, sizeof(buffer), 8), 0);
    CHECK_EQUAL(tug_lseek(fd, 0, SEEK_CUR), 0);
    /* -1 is not "the current position" here. */
    CHECK_EQUAL(tug_pread(fd, buffer, 1, -1), -EINVAL);
    CHECK_EQUAL(tug_pwrite(fd, buffer, 1, -1), -EINVAL);
    CHECK_EQUAL(tug_preadv(fd, NULL, 0, -1), -EINVAL);
    CHECK_EQUAL(tug_pwritev(fd, NULL, 0, -1), -EINVAL);
    CHECK_EQUAL(tug_pread_exact(fd, buffer, 1, -1), -EINVAL);
    CHECK_EQUAL(tug_pwrite_all(fd, buffer, 1, -1), -EINVAL);
    CHECK_EQUAL(tug_close(fd), 0);
    return 0;
}

static int64_t vectors(void *unused)
{
    (void)unused;
    int fd = tug_open("file", O_RDWR | O_CREAT, 0600);
    CHECK(fd >= 0);
    char first[] = "one ", second[] = "two ", third[] = "three";
    struct iovec out[] = {{first, 4}, {second, 4}, {third, 5}};
    CHECK_EQUAL(tug_writev(fd, out, 3), 13);
    CHECK_EQUAL(tug_pwritev(fd, out, 2, 13), 8);
    char left[7], right[32];
    struct iovec in[] = {{left, sizeof(left)}, {right, sizeof(right)}};
    CHECK_EQUAL(tug_preadv(fd, in, 2, 0), 21);
    CHECK(memcmp(left, "one two", 7) == 0);
    CHECK(memcmp(right, " threeone two ", 14) == 0);
    CHECK_EQUAL(tug_lseek(fd, 4, SEEK_SET), 4);
    CHECK_EQUAL(tug_readv(fd, in, 2), 17);
    CHECK(memcmp(left, "two thr", 7) == 0);
    CHECK_EQUAL(tug_readv(fd, in, 2), 0);
    CHECK_EQUAL(tug_readv(fd, in, -1), -EINVAL);
    struct iovec *many = calloc(IOV_MAX + 1, sizeof(*many));
    CHECK_EQUAL(tug_writev(fd, many, IOV_MAX), 0);
    CHECK_EQUAL(tug_writev(fd, many, IOV_MAX + 1), -EINVAL);
    free(many);
    CHECK_EQUAL(tug_close(fd), 0);
    return 0;
}

static int64_t exact(void *unused)
{
    (void)unused;
    enum { SIZE = 300000 };
    unsigned char *data = malloc(SIZE), *back = malloc(SIZE);
    scratch_pattern(data, SIZE, 7);
    int fd = tug_open("file", O_RDWR | O_CREAT, 0600);
    CHECK(fd >= 0);
    CHECK_EQUAL(tug_write_all(fd, data, SIZE), SIZE);
    CHECK_EQUAL(tug_pwrite_all(fd, data, 1000, SIZE), 1000);
    CHECK_EQUAL(tug_lseek(fd, 0, SEEK_SET), 0);
    CHECK_EQUAL(tug_read_exact(fd, back, SIZE), SIZE);
    CHECK(memcmp(data, back, SIZE) == 0);
    CHECK_EQUAL(tug_read_exact(fd, back, SIZE), 1000);
    CHECK_EQUAL(tug_read_exact(fd, back, SIZE), 0);
    CHECK_EQUAL(tug_read_exact(fd, back, 0), 0);
    CHECK_EQUAL(tug_pread_exact(fd, back, 2000, SIZE - 500), 1500);
    CHECK(memcmp(back, data + SIZE - 500, 500) == 0);
    CHECK(memcmp(back + 500, data, 1000) == 0);
    CHECK_EQUAL(tug_write_all(fd, data, 0), 0);
    CHECK_EQUAL(tug_close(fd), 0);
    fd = tug_open("/dev/full", O_WRONLY, 0);
    CHECK_EQUAL(tug_write_all(fd, data, 10), -ENOSPC);
    CHECK_EQUAL(tug_close(fd), 0);
    free(data);
    free(back);
    return 0;
}

static int64_t file_state(void *unused)
{
    (void)unused;
    int fd = tug_open("file", O_RDWR | O_CREAT, 0600);
    CHECK(fd >= 0);
    CHECK_EQUAL(tug_ftruncate(fd, 10000), 0);
    CHECK_EQUAL(tug_fallocate(fd, 0, 0, 20000), 0);
    CHECK_EQUAL(tug_lseek(fd, 0, SEEK_END), 20000);
    CHECK_EQUAL(tug_fsync(fd), 0);
    CHECK_EQUAL(tug_fdatasync(fd), 0);
    CHECK_EQUAL(tug_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL), 0);
    CHECK_EQUAL(tug_fadvise(fd, 0, 0, 12345), -EINVAL);
    CHECK_EQUAL(tug_ftruncate(fd, -1), -EINVAL);
    CHECK_EQUAL(tug_fallocate(fd, 0, 0, 0), -EINVAL);
    CHECK_EQUAL(tug_fchmod(fd, 0421), 0);
    CHECK_EQUAL(scratch_mode("file"), 0421);
    CHECK_EQUAL(tug_fchmodat(AT_FDCWD, "file", 0644, 0), 0);
    CHECK_EQUAL(scratch_mode("file"), 0644);
    CHECK_EQUAL(tug_close(fd), 0);
    CHECK_EQUAL(tug_fsync(fd), -EBADF);
    CHECK_EQUAL(tug_fdatasync(fd), -EBADF);
    CHECK_EQUAL(tug_ftruncate(fd, 0), -EBADF);
    CHECK_EQUAL(tug_fchmod(fd, 0600), -EBADF);
    CHECK_EQUAL(tug_lseek(fd, 0, SEEK_SET), -EBADF);
    return 0;
}

static int64_t names(void *unused)
{
    (void)unused;
    CHECK_EQUAL(tug_mkdirat(AT_FDCWD, "dir", 0700), 0);
    CHECK_EQUAL(tug_mkdirat(AT_FDCWD, "dir", 0700), -EEXIST);
    int dir = tug_open("dir", O_RDONLY | O_DIRECTORY, 0);
    CHECK(dir >= 0);
    int fd = tug_openat(dir, "a", O_WRONLY | O_CREAT, 0600);
    CHECK(fd >= 0);
    CHECK_EQUAL(tug_write(fd, "12345", 5), 5);
    CHECK_EQUAL(tug_close(fd), 0);
    CHECK_EQUAL(tug_linkat(dir, "a", dir, "b", 0), 0);
    struct statx metadata;
    CHECK_EQUAL(tug_statx(dir, "b", 0, STATX_BASIC_STATS, &metadata), 0);
    CHECK_EQUAL(metadata.stx_size, 5);
    CHECK_EQUAL(metadata.stx_nlink, 2);
    CHECK_EQUAL(tug_symlinkat("b", dir, "c"), 0);
    char target[8];
    CHECK_EQUAL(tug_readlinkat(dir, "c", target, sizeof(target)), 1);
    CHECK_EQUAL(target[0], 'b');
    CHECK_EQUAL(tug_readlinkat(dir, "b", target, sizeof(target)), -EINVAL);
    CHECK_EQUAL(tug_statx(dir, "c", AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &metadata), 0);
    CHECK(S_ISLNK(metadata.stx_mode));
    CHECK_EQUAL(tug_renameat(dir, "a", AT_FDCWD, "moved", 0), 0);
    CHECK(scratch_file_is("moved", "12345", 5));
    CHECK_EQUAL(tug_renameat(dir, "b", AT_FDCWD, "moved", RENAME_NOREPLACE), -EEXIST);
    CHECK_EQUAL(tug_unlinkat(AT_FDCWD, "dir", 0), -EISDIR);
    CHECK_EQUAL(tug_unlinkat(AT_FDCWD, "dir", AT_REMOVEDIR), -ENOTEMPTY);
    CHECK_EQUAL(tug_unlinkat(dir, "b", 0), 0);
    CHECK_EQUAL(tug_unlinkat(dir, "c", 0), 0);
    CHECK_EQUAL(tug_unlinkat(dir, "c", 0), -ENOENT);
    CHECK_EQUAL(tug_unlinkat(AT_FDCWD, "dir", AT_REMOVEDIR), 0);
    CHECK_EQUAL(tug_close(dir), 0);
    return 0;
}

static int64_t getdents_and_poll(void *unused)
{
    (void)unused;
    int dir = tug_open(".", O_RDONLY | O_DIRECTORY, 0);
    CHECK(dir >= 0);
    _Alignas(8) char buffer[1024];
    CHECK(tug_getdents(dir, buffer, sizeof(buffer)) > 0);
    CHECK_EQUAL(tug_getdents(dir, buffer, sizeof(buffer)), 0);
    CHECK_EQUAL(tug_close(dir), 0);
    int ends[2];
    CHECK_EQUAL(pipe2(ends, O_CLOEXEC), 0);
    CHECK_EQUAL(tug_poll_fd(ends[1], POLLOUT), POLLOUT);
    CHECK_EQUAL(write(ends[1], "x", 1), 1);
    CHECK_EQUAL(tug_poll_fd(ends[0], POLLIN) & POLLIN, POLLIN);
    CHECK_EQUAL(tug_close(ends[1]), 0);
    CHECK_EQUAL(tug_close(ends[0]), 0);
    CHECK_EQUAL(tug_poll_fd(ends[0], POLLIN), -EBADF);
    return 0;
}

static int64_t errors_of_paths(void *unused)
{
    (void)unused;
    char name[NAME_MAX + 2], path[PATH_MAX + 2];
    memset(name, 'n', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    memset(path, '/', sizeof(path) - 1);
    path[sizeof(path) - 1] = '\0';
    struct statx metadata;
    scratch_make_file("file", "", 0);
    CHECK_EQUAL(symlink("loop", "loop"), 0);
    const struct {
        const char *path;
        int error;
    } cases[] = {
        {"missing", -ENOENT},  {"missing/file", -ENOENT}, {"", -ENOENT},
        {"file/x", -ENOTDIR},  {"loop", -ELOOP},          {"loop/x", -ELOOP},
        {name, -ENAMETOOLONG}, {path, -ENAMETOOLONG},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        CHECK_EQUAL(tug_open(cases[i].path, O_RDONLY, 0), cases[i].error);
        CHECK_EQUAL(tug_statx(AT_FDCWD, cases[i].path, 0, STATX_TYPE, &metadata), cases[i].error);
        CHECK_EQUAL(tug_fchmodat(AT_FDCWD, cases[i].path, 0600, 0), cases[i].error);
    }
    CHECK_EQUAL(tug_open("file", O_RDONLY | O_DIRECTORY, 0), -ENOTDIR);
    CHECK_EQUAL(tug_open(".", O_WRONLY, 0), -EISDIR);
    CHECK_EQUAL(tug_openat(-1, "file", O_RDONLY, 0), -EBADF);
    CHECK_EQUAL(tug_renameat(AT_FDCWD, "missing", AT_FDCWD, "x", 0), -ENOENT);
    CHECK_EQUAL(tug_linkat(AT_FDCWD, "missing", AT_FDCWD, "x", 0), -ENOENT);
    CHECK_EQUAL(tug_symlinkat("", AT_FDCWD, "x"), -ENOENT);
    CHECK_EQUAL(tug_mkdirat(AT_FDCWD, "file/x", 0700), -ENOTDIR);
    return 0;
}

static int64_t errors_of_descriptors(void *unused)
{
    (void)unused;
    char byte = 0;
    struct iovec vector = {&byte, 1};
    CHECK_EQUAL(tug_read(-1, &byte, 1), -EBADF);
    CHECK_EQUAL(tug_write(-1, &byte, 1), -EBADF);
    CHECK_EQUAL(tug_pread(-1, &byte, 1, 0), -EBADF);
    CHECK_EQUAL(tug_pwrite(-1, &byte, 1, 0), -EBADF);
    CHECK_EQUAL(tug_readv(-1, &vector, 1), -EBADF);
    CHECK_EQUAL(tug_writev(-1, &vector, 1), -EBADF);
    CHECK_EQUAL(tug_getdents(-1, &byte, 1), -EBADF);
    CHECK_EQUAL(tug_fallocate(-1, 0, 0, 1), -EBADF);
    CHECK_EQUAL(tug_fadvise(-1, 0, 0, 0), -EBADF);
    CHECK_EQUAL(tug_close(-1), -EBADF);
    int dir = tug_open(".", O_RDONLY, 0);
    CHECK_EQUAL(tug_read(dir, &byte, 1), -EISDIR);
    CHECK_EQUAL(tug_write(dir, &byte, 1), -EBADF);
    CHECK_EQUAL(tug_close(dir), 0);
    int ends[2];
    CHECK_EQUAL(pipe2(ends, O_CLOEXEC), 0);
    CHECK_EQUAL(tug_lseek(ends[0], 0, SEEK_SET), -ESPIPE);
    CHECK_EQUAL(tug_read(ends[1], &byte, 1), -EBADF);
    CHECK_EQUAL(tug_close(ends[1]), 0);
    CHECK_EQUAL(tug_read(ends[0], &byte, 1), 0);
    CHECK_EQUAL(tug_close(ends[0]), 0);
    return 0;
}

static int64_t errors_of_permission(void *unused)
{
    (void)unused;
    scratch_make_file("secret", "x", 1);
    CHECK_EQUAL(chmod("secret", 0), 0);
    CHECK_EQUAL(mkdir("closed", 0), 0);
    if (!scratch_be_nobody())
        return 0;
    struct statx metadata;
    int open_error = tug_open("secret", O_RDONLY, 0);
    int statx_error = tug_statx(AT_FDCWD, "closed/x", 0, STATX_TYPE, &metadata);
    int mkdir_error = tug_mkdirat(AT_FDCWD, "closed/x", 0700);
    scratch_be_root();
    CHECK_EQUAL(open_error, -EACCES);
    CHECK_EQUAL(statx_error, -EACCES);
    CHECK_EQUAL(mkdir_error, -EACCES);
    return 0;
}

static void everything_outside_of_a_runtime(void **state)
{
    (void)state;
    scratch_run_outside(open_write_read_close);
    scratch_run_outside(positional);
    scratch_run_outside(vectors);
    scratch_run_outside(exact);
    scratch_run_outside(file_state);
    scratch_run_outside(names);
    scratch_run_outside(getdents_and_poll);
    scratch_run_outside(errors_of_paths);
    scratch_run_outside(errors_of_descriptors);
    scratch_run_outside(errors_of_permission);
}

static int64_t job(void *unused)
{
    return names(unused);
}

/* A job of the blocking pool is not a coroutine: the calls block its thread. */
static int64_t in_a_blocking_job(void *unused)
{
    (void)unused;
    struct tug_task *task;
    CHECK_EQUAL(tug_spawn_blocking(&task, NULL, job, NULL), 0);
    int64_t result;
    CHECK_EQUAL(tug_join(task, &result), 0);
    return result;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCRATCH_TEST(open_write_read_close),
        SCRATCH_TEST(positional),
        SCRATCH_TEST(vectors),
        SCRATCH_TEST(exact),
        SCRATCH_TEST(file_state),
        SCRATCH_TEST(names),
        SCRATCH_TEST(getdents_and_poll),
        SCRATCH_TEST(errors_of_paths),
        SCRATCH_TEST(errors_of_descriptors),
        SCRATCH_TEST(errors_of_permission),
        SCRATCH_TEST(in_a_blocking_job),
        cmocka_unit_test(everything_outside_of_a_runtime),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
