/* SPDX-License-Identifier: MIT */
/*
 * Fault injection through its functions: every kind of rule, by name and occurrence, the filters,
 * what the functions refuse, and many threads at once. Skipped in builds without it.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cmocka.h>

#include "sys/call.h"
#include "sys/clock.h"
#include "sys/thread.h"

#if TUG_FAULT_INJECTION

#define MS UINT64_C(1000000)

static int reset(void **state)
{
    (void)state;
    tug_fault_reset();
    return 0;
}

static int open_null(void)
{
    return tug_sys_openat(AT_FDCWD, "/dev/null", O_RDWR | O_CLOEXEC, 0);
}

static void test_fails_in_its_range_only(void **state)
{
    (void)state;
    assert_int_equal(tug_fault_fail("dup", 2, 3, EMFILE), 0);
    for (int i = 1; i <= 6; i++) {
        int fd = tug_sys_dup(STDERR_FILENO);
        assert_true(i >= 2 && i <= 4 ? fd == -EMFILE : fd >= 0);
        if (fd >= 0)
            tug_sys_close(fd);
    }
    assert_int_equal(tug_fault_calls("dup"), 6);
    assert_int_equal(tug_fault_calls("close"), 3);
}

static void test_occurrences_count_from_the_rule_on(void **state)
{
    (void)state;
    assert_int_equal(tug_sys_lseek(-1, 0, SEEK_SET), -EBADF);
    assert_int_equal(tug_fault_fail("lseek", 1, 1, EIO), 0);
    assert_int_equal(tug_sys_lseek(-1, 0, SEEK_SET), -EIO);
    assert_int_equal(tug_sys_lseek(-1, 0, SEEK_SET), -EBADF);
    assert_int_equal(tug_fault_calls("lseek"), 3);
}

static void test_always(void **state)
{
    (void)state;
    assert_int_equal(tug_fault_fail("lseek", 3, TUG_FAULT_ALWAYS, EIO), 0);
    for (int i = 1; i <= 100; i++)
        assert_int_equal(tug_sys_lseek(-1, 0, SEEK_SET), i < 3 ? -EBADF : -EIO);
}

static void test_reset_removes_rules_and_counts(void **state)
{
    (void)state;
    tug_fault_fail("lseek", 1, TUG_FAULT_ALWAYS, EIO);
    tug_fault_only_fd(5);
    assert_int_equal(tug_sys_lseek(-1, 0, SEEK_SET), -EIO);
    tug_fault_reset();
    assert_int_equal(tug_fault_calls("lseek"), 0);
    assert_int_equal(tug_sys_lseek(-1, 0, SEEK_SET), -EBADF);
    tug_fault_fail("lseek", 1, 1, EIO);
    assert_int_equal(tug_sys_lseek(-1, 0, SEEK_SET), -EIO);
}

static void test_a_failed_call_has_no_effect(void **state)
{
    (void)state;
    int fd = open_null();
    tug_fault_fail("close", 1, 1, EIO);
    assert_int_equal(tug_sys_close(fd), -EIO);
    assert_true(tug_sys_fcntl(fd, F_GETFD, 0) >= 0);
    assert_int_equal(tug_sys_close(fd), 0);
}

static void test_short_transfers(void **state)
{
    (void)state;
    char buffer[16];
    int pipe[2];
    assert_int_equal(tug_sys_pipe2(pipe, O_CLOEXEC), 0);
    assert_int_equal(tug_fault_short("write", 2, 1, 3), 0);
    assert_int_equal(tug_sys_write(pipe[1], "abcd", 4), 4);
    assert_int_equal(tug_sys_write(pipe[1], "efgh", 4), 3);
    assert_int_equal(tug_sys_write(pipe[1], "ij", 2), 2);
    assert_int_equal(tug_fault_short("read", 1, 2, 1), 0);
    assert_int_equal(tug_sys_read(pipe[0], buffer, sizeof(buffer)), 1);
    assert_int_equal(tug_sys_read(pipe[0], buffer, sizeof(buffer)), 1);
    assert_int_equal(tug_sys_read(pipe[0], buffer, sizeof(buffer)), 7);
    assert_memory_equal(buffer, "cdefgij", 7);
    tug_sys_write(pipe[1], "kl", 2);
    assert_int_equal(tug_fault_short("read", 1, 1, 100), 0);
    assert_int_equal(tug_sys_read(pipe[0], buffer, sizeof(buffer)), 2);
    assert_int_equal(tug_fault_short("getrandom", 1, 1, 5), 0);
    assert_int_equal(tug_sys_getrandom(buffer, sizeof(buffer), 0), 5);
    assert_int_equal(tug_fault_short("readlinkat", 1, 1, 2), 0);
    assert_int_equal(tug_sys_readlinkat(AT_FDCWD, "/proc/self/exe", buffer, sizeof(buffer)), 2);
    tug_sys_close(pipe[0]);
    tug_sys_close(pipe[1]);
}

static void test_short_copies(void **state)
{
    (void)state;
    int fd = tug_sys_openat(AT_FDCWD, "/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    int pipe[2];
    int64_t from = 0, to = 100;
    assert_true(fd >= 0);
    assert_int_equal(tug_sys_pipe2(pipe, O_CLOEXEC), 0);
    assert_int_equal(tug_fault_short("pwrite", 1, 1, 9), 0);
    assert_int_equal(tug_sys_pwrite(fd, "0123456789", 10, 0), 9);
    char byte;
    assert_int_equal(tug_fault_short("pread", 1, 1, 1), 0);
    assert_int_equal(tug_sys_pread(fd, &byte, 5, 3), 1);
    assert_int_equal(tug_fault_short("copy_file_range", 1, 1, 4), 0);
    assert_int_equal(tug_sys_copy_file_range(fd, &from, fd, &to, 9, 0), 4);
    assert_int_equal(from, 4);
    assert_int_equal(tug_fault_short("sendfile", 1, 1, 3), 0);
    assert_int_equal(tug_sys_sendfile(pipe[1], fd, &from, 5), 3);
    assert_int_equal(tug_fault_short("splice", 1, 1, 2), 0);
    assert_int_equal(tug_sys_splice(fd, &from, pipe[1], NULL, 2, 0), 2);
    tug_sys_close(fd);
    tug_sys_close(pipe[0]);
    tug_sys_close(pipe[1]);
}

/* A short rule cuts a vector within a buffer, between two, and after the eighth. */
static void test_short_vectors(void **state)
{
    (void)state;
    int fd = tug_sys_openat(AT_FDCWD, "/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    char bytes[12], text[] = "0123456789ab";
    struct iovec out[12], in[12];
    for (int i = 0; i < 12; i++) {
        out[i] = (struct iovec){text + i, 1};
        in[i] = (struct iovec){bytes + i, 1};
    }
    struct iovec big[2] = {{text, 5}, {text + 5, 7}};
    assert_int_equal(tug_fault_short("pwritev", 1, 1, 7), 0);
    assert_int_equal(tug_sys_pwritev(fd, big, 2, 0), 7);
    assert_int_equal(tug_fault_short("writev", 1, 1, 5), 0);
    assert_int_equal(tug_sys_writev(fd, big, 2), 5);
    assert_int_equal(tug_fault_short("pwritev2", 1, 1, 10), 0);
    assert_int_equal(tug_sys_pwritev2(fd, out, 12, 0, 0), 8);
    assert_int_equal(tug_sys_pwritev2(fd, out, 12, 0, 0), 12);
    assert_int_equal(tug_fault_short("preadv", 1, 1, 3), 0);
    assert_int_equal(tug_sys_preadv(fd, in, 12, 0), 3);
    assert_int_equal(tug_fault_short("preadv2", 1, 1, 0), 0);
    assert_int_equal(tug_sys_preadv2(fd, in, 12, 0, 0), 0);
    assert_int_equal(tug_fault_short("readv", 1, 1, 1), 0);
    assert_int_equal(tug_sys_readv(fd, in, 12), 1);
    assert_int_equal(tug_sys_preadv(fd, in, 12, 0), 12);
    assert_memory_equal(bytes, text, 12);
    assert_int_equal(big[0].iov_len, 5);
    assert_int_equal(big[1].iov_len, 7);
    tug_sys_close(fd);
}

static void test_delays_add_up(void **state)
{
    (void)state;
    assert_int_equal(tug_fault_delay("lseek", 2, 1, 10 * MS), 0);
    assert_int_equal(tug_fault_delay("lseek", 1, 5, 15 * MS), 0);
    assert_int_equal(tug_fault_fail("lseek", 1, 1, EIO), 0);
    tug_sys_lseek(-1, 0, SEEK_SET);
    uint64_t start = tug_clock_now();
    assert_int_equal(tug_sys_lseek(-1, 0, SEEK_SET), -EBADF);
    assert_true(tug_clock_now() - start >= 25 * MS);
}

static void test_rules_combine(void **state)
{
    (void)state;
    int fd = tug_sys_openat(AT_FDCWD, "/dev/zero", O_RDONLY | O_CLOEXEC, 0);
    char buffer[10];
    tug_fault_short("read", 1, 3, 4);
    tug_fault_short("read", 1, 2, 2);
    tug_fault_short("read", 1, 1, 3);
    assert_int_equal(tug_sys_read(fd, buffer, 10), 2);
    assert_int_equal(tug_sys_read(fd, buffer, 10), 2);
    assert_int_equal(tug_sys_read(fd, buffer, 10), 4);
    assert_int_equal(tug_sys_read(fd, buffer, 10), 10);
    tug_fault_fail("read", 1, 2, EIO);
    tug_fault_fail("read", 1, 1, EAGAIN);
    assert_int_equal(tug_sys_read(fd, buffer, 10), -EAGAIN);
    assert_int_equal(tug_sys_read(fd, buffer, 10), -EIO);
    assert_int_equal(tug_sys_read(fd, buffer, 10), 10);
    tug_sys_close(fd);
}

static void test_filter_by_descriptor(void **state)
{
    (void)state;
    int a = open_null(), b = open_null();
    tug_fault_only_fd(b);
    assert_int_equal(tug_fault_fail("write", 2, 1, EIO), 0);
    assert_int_equal(tug_fault_fail("sendfile", 1, 1, EPIPE), 0);
    tug_fault_only_fd(-1);
    for (int i = 0; i < 3; i++)
        assert_int_equal(tug_sys_write(a, "x", 1), 1);
    assert_int_equal(tug_sys_write(b, "x", 1), 1);
    assert_int_equal(tug_sys_write(a, "x", 1), 1);
    assert_int_equal(tug_sys_write(b, "x", 1), -EIO);
    assert_int_equal(tug_sys_write(b, "x", 1), 1);
    assert_int_equal(tug_fault_calls("write"), 7);
    /* Both descriptors of a copy count. */
    assert_int_equal(tug_sys_sendfile(a, b, NULL, 1), -EPIPE);
    tug_sys_close(a);
    tug_sys_close(b);
}

static void test_filter_by_path(void **state)
{
    (void)state;
    tug_fault_only_path("dev/nu");
    assert_int_equal(tug_fault_fail("openat", 1, 1, EACCES), 0);
    assert_int_equal(tug_fault_fail("renameat2", 1, 1, EXDEV), 0);
    tug_fault_only_path(NULL);
    int fd = tug_sys_openat(AT_FDCWD, "/dev/zero", O_RDONLY | O_CLOEXEC, 0);
    assert_true(fd >= 0);
    tug_sys_close(fd);
    assert_int_equal(open_null(), -EACCES);
    assert_int_equal(tug_sys_renameat2(AT_FDCWD, "/no/such", AT_FDCWD, "/nor/dev/null", 0), -EXDEV);
}

static void test_memory_and_mappings(void **state)
{
    (void)state;
    void *address = NULL;
    assert_int_equal(tug_fault_fail("malloc", 1, 1, ENOMEM), 0);
    assert_int_equal(tug_fault_fail("calloc", 1, 1, ENOMEM), 0);
    assert_int_equal(tug_fault_fail("realloc", 1, 1, ENOMEM), 0);
    assert_int_equal(tug_fault_fail("mmap", 1, 1, ENOMEM), 0);
    assert_null(tug_sys_malloc(1));
    assert_null(tug_sys_calloc(1, 1));
    char *kept = tug_sys_malloc(1);
    assert_non_null(kept);
    assert_null(tug_sys_realloc(kept, 2));
    tug_sys_free(kept);
    assert_int_equal(tug_sys_mmap(&address, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
                     -ENOMEM);
    assert_null(address);
}

static void test_bad_arguments_are_refused(void **state)
{
    (void)state;
    assert_int_equal(tug_fault_fail("no_such_call", 1, 1, EIO), -EINVAL);
    assert_int_equal(tug_fault_fail("", 1, 1, EIO), -EINVAL);
    assert_int_equal(tug_fault_fail("read", 0, 1, EIO), -EINVAL);
    assert_int_equal(tug_fault_fail("read", 1, 0, EIO), -EINVAL);
    assert_int_equal(tug_fault_fail("read", 1, 1, 0), -EINVAL);
    assert_int_equal(tug_fault_fail("read", 1, 1, -EIO), -EINVAL);
    assert_int_equal(tug_fault_fail("read", 1, 1, 4096), -EINVAL);
    assert_int_equal(tug_fault_short("fsync", 1, 1, 1), -EINVAL);
    assert_int_equal(tug_fault_delay("no_such_call", 1, 1, 1), -EINVAL);
    assert_int_equal(tug_fault_calls("no_such_call"), 0);
}

enum { THREADS = 4, CALLS = 2000, FAILING = 700 };

static void count_failures(void *argument)
{
    uint32_t *failures = argument;
    for (int i = 0; i < CALLS; i++)
        if (tug_sys_lseek(-1, 0, SEEK_SET) == -EIO)
            __atomic_fetch_add(failures, 1, __ATOMIC_RELAXED);
}

static void test_counts_are_exact_over_threads(void **state)
{
    (void)state;
    uint32_t failures = 0;
    struct tug_thread threads[THREADS];
    assert_int_equal(tug_fault_fail("lseek", 1001, FAILING, EIO), 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(tug_thread_create(&threads[i], NULL, 0, false, count_failures, &failures),
                         0);
    for (int i = 0; i < THREADS; i++)
        tug_thread_join(&threads[i]);
    assert_int_equal(failures, FAILING);
    assert_int_equal(tug_fault_calls("lseek"), THREADS * CALLS);
}

/* ThreadSanitizer and AddressSanitizer watch the lists while they are read. */
static void test_rules_come_and_go_under_callers(void **state)
{
    (void)state;
    uint32_t failures = 0;
    struct tug_thread threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(tug_thread_create(&threads[i], NULL, 0, false, count_failures, &failures),
                         0);
    for (int i = 0; i < 200; i++) {
        assert_int_equal(tug_fault_fail("lseek", 1, 10, EIO), 0);
        tug_fault_reset();
    }
    for (int i = 0; i < THREADS; i++)
        tug_thread_join(&threads[i]);
    assert_true(failures <= 200 * 10);
}

/* Must be the last one: the process remembers that the call is missing. */
static void test_wait_without_epoll_pwait2(void **state)
{
    (void)state;
    struct epoll_event event;
    int epoll = tug_sys_epoll_create1(EPOLL_CLOEXEC);
    assert_int_equal(tug_fault_fail("epoll_pwait2", 1, 1, ENOSYS), 0);
    uint64_t start = tug_clock_now();
    assert_int_equal(tug_sys_epoll_pwait2(epoll, &event, 1, 1), 0);
    assert_true(tug_clock_now() - start >= MS); /* rounded up, never down to no wait at all */
    assert_int_equal(tug_sys_epoll_pwait2(epoll, &event, 1, 0), 0);
    assert_int_equal(tug_fault_calls("epoll_pwait2"), 1);
    assert_int_equal(tug_fault_calls("epoll_wait"), 2);
    tug_fault_fail("epoll_wait", 1, 1, EINTR);
    assert_int_equal(tug_sys_epoll_pwait2(epoll, &event, 1, -1), -EINTR);
    tug_sys_close(epoll);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_fails_in_its_range_only, reset),
        cmocka_unit_test_setup(test_occurrences_count_from_the_rule_on, reset),
        cmocka_unit_test_setup(test_always, reset),
        cmocka_unit_test_setup(test_reset_removes_rules_and_counts, reset),
        cmocka_unit_test_setup(test_a_failed_call_has_no_effect, reset),
        cmocka_unit_test_setup(test_short_transfers, reset),
        cmocka_unit_test_setup(test_short_copies, reset),
        cmocka_unit_test_setup(test_short_vectors, reset),
        cmocka_unit_test_setup(test_delays_add_up, reset),
        cmocka_unit_test_setup(test_rules_combine, reset),
        cmocka_unit_test_setup(test_filter_by_descriptor, reset),
        cmocka_unit_test_setup(test_filter_by_path, reset),
        cmocka_unit_test_setup(test_memory_and_mappings, reset),
        cmocka_unit_test_setup(test_bad_arguments_are_refused, reset),
        cmocka_unit_test_setup(test_counts_are_exact_over_threads, reset),
        cmocka_unit_test_setup(test_rules_come_and_go_under_callers, reset),
        cmocka_unit_test_setup(test_wait_without_epoll_pwait2, reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

int main(void)
{
    printf("built without fault injection\n");
    return 77;
}

#endif
