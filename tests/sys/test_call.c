/* SPDX-License-Identifier: MIT */
/*
 * What the wrappers of calls on files do when they succeed: each passes its arguments on in the
 * right order and returns the call's result. In a directory of its own, removed at the end.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cmocka.h>

#include "sys/call.h"

static int directory;
static char directory_path[64];

static int make_directory(void **state)
{
    (void)state;
    strcpy(directory_path, "/tmp/tug-test-call-XXXXXX");
    if (mkdtemp(directory_path) == NULL)
        return -1;
    directory = tug_sys_openat(AT_FDCWD, directory_path, O_DIRECTORY | O_CLOEXEC, 0);
    return directory < 0 ? -1 : 0;
}

/* The tests leave it empty; if one failed it stays, for inspection. */
static int remove_directory(void **state)
{
    (void)state;
    tug_sys_close(directory);
    tug_sys_unlinkat(AT_FDCWD, directory_path, AT_REMOVEDIR);
    return 0;
}

static int create(const char *name)
{
    int fd = tug_sys_openat(directory, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    return fd;
}

static void discard(int fd, const char *name)
{
    assert_int_equal(tug_sys_close(fd), 0);
    assert_int_equal(tug_sys_unlinkat(directory, name, 0), 0);
}

static struct statx status_of(const char *name)
{
    struct statx status;
    assert_int_equal(
        tug_sys_statx(directory, name, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &status), 0);
    return status;
}

static void test_plain_transfers(void **state)
{
    (void)state;
    int fd = create("file");
    char buffer[16] = "";
    assert_int_equal(tug_sys_write(fd, "abcdef", 6), 6);
    assert_int_equal(tug_sys_pwrite(fd, "XY", 2, 1), 2);
    assert_int_equal(tug_sys_pread(fd, buffer, sizeof(buffer), 2), 4);
    assert_string_equal(buffer, "Ydef");
    assert_int_equal(tug_sys_lseek(fd, -3, SEEK_END), 3);
    assert_int_equal(tug_sys_read(fd, buffer, 2), 2);
    assert_memory_equal(buffer, "de", 2);
    assert_int_equal(tug_sys_lseek(fd, 0, SEEK_CUR), 5);
    assert_int_equal(tug_sys_pread(fd, buffer, sizeof(buffer), 6), 0);
    discard(fd, "file");
}

static void test_vectors(void **state)
{
    (void)state;
    int fd = create("file");
    char a[] = "abc", b[] = "defg";
    struct iovec vector[2] = {{a, 3}, {b, 4}};
    assert_int_equal(tug_sys_writev(fd, vector, 2), 7);
    assert_int_equal(tug_sys_pwritev(fd, vector, 2, 7), 7);
    assert_int_equal(tug_sys_pwritev2(fd, vector, 2, 14, 0), 7);
    assert_int_equal(tug_sys_lseek(fd, 4, SEEK_SET), 4);
    assert_int_equal(tug_sys_readv(fd, vector, 2), 7);
    assert_string_equal(a, "efg");
    assert_string_equal(b, "abcd");
    assert_int_equal(tug_sys_preadv(fd, vector, 2, 1), 7);
    assert_string_equal(a, "bcd");
    assert_int_equal(tug_sys_preadv2(fd, vector, 2, 14, 0), 7);
    assert_string_equal(b, "defg");
    /* -1: the file's own position, which the read of a vector has moved to 11. */
    assert_int_equal(tug_sys_preadv2(fd, vector, 2, -1, 0), 7);
    assert_string_equal(a, "efg");
    assert_int_equal(tug_sys_lseek(fd, 0, SEEK_CUR), 18);
    discard(fd, "file");
}

static void test_copies_within_the_kernel(void **state)
{
    (void)state;
    int in = create("in"), out = create("out"), pipe[2];
    char buffer[16] = "";
    assert_int_equal(tug_sys_write(in, "0123456789", 10), 10);
    int64_t in_offset = 2, out_offset = 1;
    assert_int_equal(tug_sys_copy_file_range(in, &in_offset, out, &out_offset, 4, 0), 4);
    assert_int_equal(in_offset, 6);
    assert_int_equal(out_offset, 5);
    assert_int_equal(tug_sys_pread(out, buffer, sizeof(buffer), 0), 5);
    assert_memory_equal(buffer, "\0002345", 5);

    assert_int_equal(tug_sys_sendfile(out, in, &in_offset, 3), 3);
    assert_int_equal(in_offset, 9);
    assert_int_equal(tug_sys_pread(out, buffer, 3, 0), 3);
    assert_memory_equal(buffer, "678", 3);

    assert_int_equal(tug_sys_pipe2(pipe, O_CLOEXEC), 0);
    assert_int_equal(tug_sys_splice(in, &in_offset, pipe[1], NULL, 100, 0), 1);
    assert_int_equal(tug_sys_read(pipe[0], buffer, sizeof(buffer)), 1);
    assert_int_equal(buffer[0], '9');
    tug_sys_close(pipe[0]);
    tug_sys_close(pipe[1]);

    int clone = tug_sys_ficlone(out, in);
    if (clone == 0) {
        assert_int_equal(tug_sys_pread(out, buffer, sizeof(buffer), 0), 10);
        assert_memory_equal(buffer, "0123456789", 10);
    } else {
        assert_true(clone == -EOPNOTSUPP || clone == -ENOTTY || clone == -EINVAL ||
                    clone == -EXDEV);
    }
    discard(in, "in");
    discard(out, "out");
}

static void test_state_of_a_file(void **state)
{
    (void)state;
    int fd = create("file");
    int allocated = tug_sys_fallocate(fd, 0, 0, 8192);
    assert_true(allocated == 0 || allocated == -EOPNOTSUPP);
    if (allocated == 0)
        assert_int_equal(status_of("file").stx_size, 8192);
    assert_int_equal(tug_sys_ftruncate(fd, INT64_C(5) << 30), 0);
    assert_true(status_of("file").stx_size == UINT64_C(5) << 30);
    assert_int_equal(tug_sys_posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL), 0);
    assert_int_equal(tug_sys_posix_fadvise(fd, 0, 0, 12345), -EINVAL);
    int64_t cached = tug_sys_cachestat(fd, 0, 0);
    if (cached != -ENOSYS) {
        assert_int_equal(tug_sys_ftruncate(fd, 0), 0);
        assert_int_equal(tug_sys_cachestat(fd, 0, 0), 0);
        assert_int_equal(tug_sys_pwrite(fd, "text", 4, 0), 4);
        assert_int_equal(tug_sys_cachestat(fd, 0, 0), 1);
    }
    assert_int_equal(tug_sys_ftruncate(fd, 0), 0);
    assert_int_equal(tug_sys_fsync(fd), 0);
    assert_int_equal(tug_sys_fdatasync(fd), 0);
    assert_int_equal(tug_sys_syncfs(fd), 0);
    assert_int_equal(tug_sys_flock(fd, LOCK_EX | LOCK_NB), 0);
    discard(fd, "file");
}

static void test_descriptors(void **state)
{
    (void)state;
    int fd = create("file");
    int copy = tug_sys_dup(fd);
    assert_true(copy >= 0 && copy != fd);
    assert_int_equal(tug_sys_fcntl(fd, F_GETFD, 0), FD_CLOEXEC);
    assert_int_equal(tug_sys_fcntl(copy, F_GETFD, 0), 0);
    assert_int_equal(tug_sys_fcntl(copy, F_SETFD, FD_CLOEXEC), 0);
    assert_int_equal(tug_sys_fcntl(copy, F_GETFD, 0), FD_CLOEXEC);
    assert_int_equal(tug_sys_close(copy), 0);
    assert_int_equal(tug_sys_close(copy), -EBADF);
    struct open_how how = {.flags = O_RDONLY | O_CLOEXEC, .resolve = RESOLVE_BENEATH};
    int beneath = tug_sys_openat2(directory, "file", &how);
    if (beneath != -ENOSYS) {
        assert_true(beneath >= 0);
        tug_sys_close(beneath);
        assert_int_equal(tug_sys_openat2(directory, "../etc", &how), -EXDEV);
    }
    discard(fd, "file");
}

static void test_names(void **state)
{
    (void)state;
    char target[16] = "";
    int fd = create("a");
    assert_int_equal(tug_sys_linkat(directory, "a", directory, "b", 0), 0);
    assert_int_equal(status_of("b").stx_nlink, 2);
    assert_int_equal(tug_sys_renameat2(directory, "a", directory, "b", RENAME_NOREPLACE), -EEXIST);
    assert_int_equal(tug_sys_renameat2(directory, "a", directory, "c", 0), 0);
    assert_int_equal(tug_sys_faccessat(directory, "a", F_OK, 0), -ENOENT);
    assert_int_equal(tug_sys_faccessat(directory, "c", F_OK, 0), 0);
    assert_int_equal(tug_sys_unlinkat(directory, "c", 0), 0);
    discard(fd, "b");

    assert_int_equal(tug_sys_symlinkat("target", directory, "link"), 0);
    assert_int_equal(tug_sys_readlinkat(directory, "link", target, sizeof(target)), 6);
    assert_string_equal(target, "target");
    assert_int_equal(tug_sys_readlinkat(directory, "link", target, 3), 3);
    assert_int_equal(tug_sys_unlinkat(directory, "link", 0), 0);

    assert_int_equal(tug_sys_mknodat(directory, "fifo", S_IFIFO | 0640, 0), 0);
    assert_true(S_ISFIFO(status_of("fifo").stx_mode));
    assert_int_equal(tug_sys_unlinkat(directory, "fifo", 0), 0);
    assert_int_equal(tug_sys_mkdirat(directory, "sub", 0700), 0);
    assert_int_equal(tug_sys_mkdirat(directory, "sub", 0700), -EEXIST);
    assert_true(S_ISDIR(status_of("sub").stx_mode));
    assert_int_equal(tug_sys_unlinkat(directory, "sub", AT_REMOVEDIR), 0);
}

static void test_directory_entries(void **state)
{
    (void)state;
    struct entry {
        uint64_t inode;
        int64_t offset;
        uint16_t length;
        uint8_t type;
        char name[];
    };
    _Alignas(struct entry) char buffer[1024];
    discard(create("gone"), "gone");
    int fd = create("only");
    int found = 0;
    assert_int_equal(tug_sys_lseek(directory, 0, SEEK_SET), 0);
    int64_t size = tug_sys_getdents64(directory, buffer, sizeof(buffer));
    assert_true(size > 0);
    for (int64_t at = 0; at < size; at += ((struct entry *)(buffer + at))->length)
        found += strcmp(buffer + at + offsetof(struct entry, name), "only") == 0;
    assert_int_equal(found, 1);
    assert_int_equal(tug_sys_getdents64(directory, buffer, sizeof(buffer)), 0);
    discard(fd, "only");
}

static void test_metadata(void **state)
{
    (void)state;
    int fd = create("file");
    assert_int_equal(tug_sys_fchmod(fd, 0641), 0);
    assert_int_equal(status_of("file").stx_mode & 07777, 0641);
    assert_int_equal(tug_sys_fchmodat(directory, "file", 0604, 0), 0);
    assert_int_equal(status_of("file").stx_mode & 07777, 0604);
    assert_int_equal(tug_sys_fchown(fd, getuid(), getgid()), 0);
    assert_int_equal(tug_sys_fchownat(directory, "file", (uid_t)-1, (gid_t)-1, 0), 0);
    assert_int_equal(status_of("file").stx_uid, getuid());
    struct timespec times[2] = {{.tv_sec = 1000, .tv_nsec = 1}, {.tv_sec = 2000, .tv_nsec = 2}};
    assert_int_equal(tug_sys_futimens(fd, times), 0);
    assert_int_equal(status_of("file").stx_atime.tv_sec, 1000);
    assert_int_equal(status_of("file").stx_mtime.tv_sec, 2000);
    times[1].tv_sec = 3000;
    assert_int_equal(tug_sys_utimensat(directory, "file", times, AT_SYMLINK_NOFOLLOW), 0);
    assert_int_equal(status_of("file").stx_mtime.tv_sec, 3000);
    discard(fd, "file");
}

static void test_extended_attributes(void **state)
{
    char value[16] = "", names[256];
    (void)state;
    int fd = create("file");
    const char *path = "/proc/self/fd/%d/file";
    char by_name[64];
    snprintf(by_name, sizeof(by_name), path, directory);
    int error = tug_sys_fsetxattr(fd, "user.one", "1", 1, 0);
    if (error == -EOPNOTSUPP) {
        discard(fd, "file");
        skip();
    }
    assert_int_equal(error, 0);
    assert_int_equal(tug_sys_lsetxattr(by_name, "user.two", "22", 2, 0), 0);
    assert_int_equal(tug_sys_fgetxattr(fd, "user.two", value, sizeof(value)), 2);
    assert_memory_equal(value, "22", 2);
    assert_int_equal(tug_sys_fgetxattr(fd, "user.two", value, 1), -ERANGE);
    assert_int_equal(tug_sys_lgetxattr(by_name, "user.one", value, sizeof(value)), 1);
    assert_int_equal(tug_sys_getxattr(by_name, "user.one", value, sizeof(value)), 1);
    assert_int_equal(tug_sys_fremovexattr(fd, "user.one"), 0);
    assert_int_equal(tug_sys_fgetxattr(fd, "user.one", NULL, 0), -ENODATA);
    int64_t size = tug_sys_flistxattr(fd, names, sizeof(names));
    assert_true(size >= (int64_t)sizeof("user.two"));
    assert_int_equal(tug_sys_llistxattr(by_name, names, sizeof(names)), size);
    assert_int_equal(tug_sys_listxattr(by_name, names, sizeof(names)), size);
    assert_int_equal(tug_sys_lremovexattr(by_name, "user.two"), 0);
    assert_int_equal(tug_sys_lremovexattr(by_name, "user.two"), -ENODATA);
    discard(fd, "file");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain_transfers),
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_copies_within_the_kernel),
        cmocka_unit_test(test_state_of_a_file),
        cmocka_unit_test(test_descriptors),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_directory_entries),
        cmocka_unit_test(test_metadata),
        cmocka_unit_test(test_extended_attributes),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
