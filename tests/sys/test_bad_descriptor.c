/* SPDX-License-Identifier: MIT */
/*
 * Every wrapper that takes a descriptor, called with one that is not open: -EBADF comes back as a
 * value. With fault injection, the same table shows that each is hooked under its own name, can be
 * made to fail by occurrence, and is made again after EINTR, or not, as it should be.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cmocka.h>

#include "sys/call.h"

/* Above the largest number that a limit on open files permits. */
#define BAD_FD INT32_MAX

static char buffer[16];
static struct iovec vector[2] = {{buffer, 8}, {buffer + 8, 8}};
static struct open_how how = {.flags = O_RDONLY};
static struct statx status;
static struct epoll_event event;
static void *address;

#define AGAIN true /* made again after EINTR */
#define ONCE false

#define CALLS(CALL)                                                                                \
    CALL(openat, AGAIN, tug_sys_openat(fd, "x", O_RDONLY, 0))                                      \
    CALL(openat2, AGAIN, tug_sys_openat2(fd, "x", &how))                                           \
    CALL(close, ONCE, tug_sys_close(fd))                                                           \
    CALL(dup, ONCE, tug_sys_dup(fd))                                                               \
    CALL(fcntl, AGAIN, tug_sys_fcntl(fd, F_GETFD, 0))                                              \
    CALL(read, AGAIN, tug_sys_read(fd, buffer, 1))                                                 \
    CALL(write, AGAIN, tug_sys_write(fd, buffer, 1))                                               \
    CALL(pread, AGAIN, tug_sys_pread(fd, buffer, 1, 0))                                            \
    CALL(pwrite, AGAIN, tug_sys_pwrite(fd, buffer, 1, 0))                                          \
    CALL(readv, AGAIN, tug_sys_readv(fd, vector, 2))                                               \
    CALL(writev, AGAIN, tug_sys_writev(fd, vector, 2))                                             \
    CALL(preadv, AGAIN, tug_sys_preadv(fd, vector, 2, 0))                                          \
    CALL(pwritev, AGAIN, tug_sys_pwritev(fd, vector, 2, 0))                                        \
    CALL(preadv2, AGAIN, tug_sys_preadv2(fd, vector, 2, 0, 0))                                     \
    CALL(pwritev2, AGAIN, tug_sys_pwritev2(fd, vector, 2, 0, 0))                                   \
    CALL(copy_file_range, AGAIN, tug_sys_copy_file_range(fd, NULL, fd, NULL, 1, 0))                \
    CALL(sendfile, AGAIN, tug_sys_sendfile(fd, fd, NULL, 1))                                       \
    CALL(splice, AGAIN, tug_sys_splice(fd, NULL, fd, NULL, 1, 0))                                  \
    CALL(ficlone, AGAIN, tug_sys_ficlone(fd, fd))                                                  \
    CALL(lseek, ONCE, tug_sys_lseek(fd, 0, SEEK_SET))                                              \
    CALL(fsync, AGAIN, tug_sys_fsync(fd))                                                          \
    CALL(fdatasync, AGAIN, tug_sys_fdatasync(fd))                                                  \
    CALL(flock, AGAIN, tug_sys_flock(fd, LOCK_SH))                                                 \
    CALL(syncfs, AGAIN, tug_sys_syncfs(fd))                                                        \
    CALL(ftruncate, AGAIN, tug_sys_ftruncate(fd, 0))                                               \
    CALL(fallocate, AGAIN, tug_sys_fallocate(fd, 0, 0, 1))                                         \
    CALL(posix_fadvise, AGAIN, tug_sys_posix_fadvise(fd, 0, 0, POSIX_FADV_NORMAL))                 \
    CALL(cachestat, AGAIN, tug_sys_cachestat(fd, 0, 0))                                            \
    CALL(renameat2, AGAIN, tug_sys_renameat2(fd, "x", fd, "y", 0))                                 \
    CALL(unlinkat, AGAIN, tug_sys_unlinkat(fd, "x", 0))                                            \
    CALL(mkdirat, AGAIN, tug_sys_mkdirat(fd, "x", 0700))                                           \
    CALL(mknodat, AGAIN, tug_sys_mknodat(fd, "x", S_IFIFO | 0600, 0))                              \
    CALL(linkat, AGAIN, tug_sys_linkat(fd, "x", fd, "y", 0))                                       \
    CALL(symlinkat, AGAIN, tug_sys_symlinkat("target", fd, "x"))                                   \
    CALL(readlinkat, AGAIN, tug_sys_readlinkat(fd, "x", buffer, sizeof(buffer)))                   \
    CALL(getdents64, AGAIN, tug_sys_getdents64(fd, buffer, sizeof(buffer)))                        \
    CALL(statx, AGAIN, tug_sys_statx(fd, "x", 0, STATX_BASIC_STATS, &status))                      \
    CALL(faccessat, AGAIN, tug_sys_faccessat(fd, "x", F_OK, 0))                                    \
    CALL(fchmod, AGAIN, tug_sys_fchmod(fd, 0600))                                                  \
    CALL(fchmodat, AGAIN, tug_sys_fchmodat(fd, "x", 0600, 0))                                      \
    CALL(fchown, AGAIN, tug_sys_fchown(fd, 0, 0))                                                  \
    CALL(fchownat, AGAIN, tug_sys_fchownat(fd, "x", 0, 0, 0))                                      \
    CALL(futimens, AGAIN, tug_sys_futimens(fd, NULL))                                              \
    CALL(utimensat, AGAIN, tug_sys_utimensat(fd, "x", NULL, 0))                                    \
    CALL(fgetxattr, AGAIN, tug_sys_fgetxattr(fd, "user.x", buffer, sizeof(buffer)))                \
    CALL(flistxattr, AGAIN, tug_sys_flistxattr(fd, buffer, sizeof(buffer)))                        \
    CALL(fsetxattr, AGAIN, tug_sys_fsetxattr(fd, "user.x", buffer, 1, 0))                          \
    CALL(fremovexattr, AGAIN, tug_sys_fremovexattr(fd, "user.x"))                                  \
    CALL(listen, AGAIN, tug_sys_listen(fd, 1))                                                     \
    CALL(shutdown, AGAIN, tug_sys_shutdown(fd, 0))                                                 \
    CALL(accept4, AGAIN, tug_sys_accept4(fd, NULL, NULL, 0))                                       \
    CALL(recv, AGAIN, tug_sys_recv(fd, buffer, 1, 0))                                              \
    CALL(send, AGAIN, tug_sys_send(fd, buffer, 1, 0))                                              \
    CALL(recvmmsg, AGAIN, tug_sys_recvmmsg(fd, NULL, 1, 0))                                        \
    CALL(sendmmsg, AGAIN, tug_sys_sendmmsg(fd, NULL, 1, 0))                                        \
    CALL(mmap, ONCE, tug_sys_mmap(&address, 4096, PROT_READ, MAP_PRIVATE, fd, 0))                  \
    CALL(epoll_ctl, ONCE, tug_sys_epoll_ctl(fd, EPOLL_CTL_ADD, fd, &event))                        \
    CALL(epoll_pwait2, ONCE, tug_sys_epoll_pwait2(fd, &event, 1, 0))

#define DEFINE_FUNCTION(name, again, expression)                                                   \
    static int64_t call_##name(int fd)                                                             \
    {                                                                                              \
        return expression;                                                                         \
    }
CALLS(DEFINE_FUNCTION)

static const struct {
    const char *name;
    bool again;
    int64_t (*call)(int fd);
} calls[] = {
#define DEFINE_ROW(name, again, expression) {#name, again, call_##name},
    CALLS(DEFINE_ROW)};

#define CALL_COUNT (sizeof(calls) / sizeof(calls[0]))

static void expect(size_t row, int64_t expected, const char *what)
{
    int64_t result = calls[row].call(BAD_FD);
    if (result != expected)
        fail_msg("%s, %s: %lld instead of %lld", calls[row].name, what, (long long)result,
                 (long long)expected);
}

static void test_a_bad_descriptor_is_a_value(void **state)
{
    (void)state;
    for (size_t row = 0; row < CALL_COUNT; row++)
        expect(row, -EBADF, "no rule");
}

#if TUG_FAULT_INJECTION

static void expect_calls(size_t row, uint64_t expected)
{
    uint64_t count = tug_fault_calls(calls[row].name);
    if (count != expected)
        fail_msg("%s was called %llu times instead of %llu", calls[row].name,
                 (unsigned long long)count, (unsigned long long)expected);
}

static void test_each_fails_under_its_name_by_occurrence(void **state)
{
    (void)state;
    for (size_t row = 0; row < CALL_COUNT; row++) {
        tug_fault_reset();
        assert_int_equal(tug_fault_fail(calls[row].name, 2, 1, ENOTTY), 0);
        expect(row, -EBADF, "before the range");
        expect(row, -ENOTTY, "within the range");
        expect(row, -EBADF, "after the range");
        expect_calls(row, 3);
        for (size_t other = 0; other < CALL_COUNT; other++)
            if (other != row)
                expect_calls(other, 0);
    }
    tug_fault_reset();
}

static void test_each_is_made_again_after_a_signal_or_not(void **state)
{
    (void)state;
    for (size_t row = 0; row < CALL_COUNT; row++) {
        tug_fault_reset();
        assert_int_equal(tug_fault_fail(calls[row].name, 1, 3, EINTR), 0);
        expect(row, calls[row].again ? -EBADF : -EINTR, "interrupted");
        expect_calls(row, calls[row].again ? 4 : 1);
    }
    tug_fault_reset();
}

#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_bad_descriptor_is_a_value),
#if TUG_FAULT_INJECTION
        cmocka_unit_test(test_each_fails_under_its_name_by_occurrence),
        cmocka_unit_test(test_each_is_made_again_after_a_signal_or_not),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
