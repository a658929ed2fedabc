/* SPDX-License-Identifier: MIT */
/*
 * What only readiness has: descriptors that are closed and come back, files that cannot be waited
 * for or not be tried, and the order of those who wait.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "loop.h"
#include "sys/fault.h"

static void start_read(struct tug_op *op, int fd, char *byte)
{
    tug_op_read(op, fd, byte, 1, TUG_CURRENT_POSITION);
    assert_false(loop_drive(&epoll_loop, op));
    assert_int_equal(op->route, TUG_ROUTE_READINESS);
}

/* Registers a descriptor with the instance, and leaves nothing waiting for it. */
static void wait_and_cancel(int fd)
{
    struct tug_op op;
    char byte;
    start_read(&op, fd, &byte);
    tug_op_cancel(&op);
    assert_int_equal(loop_finish(&epoll_loop, &op), -ECANCELED);
}

static void expect_read(const int fds[2], char expected)
{
    struct tug_op op;
    char byte = 0;
    start_read(&op, fds[0], &byte);
    for (int i = 0; i < 3; i++) {
        loop_turn(&epoll_loop, 0);
        assert_false(loop_drive(&epoll_loop, &op));
    }
    assert_int_equal(write(fds[1], &expected, 1), 1);
    assert_int_equal(loop_finish(&epoll_loop, &op), 1);
    assert_int_equal(byte, expected);
}

static void first_come_first_served(void **state)
{
    (void)state;
    enum { COUNT = 5 };
    int fds[2];
    make_pipe(fds, 0);
    struct tug_op ops[COUNT];
    char bytes[COUNT];
    for (int i = 0; i < COUNT; i++)
        start_read(&ops[i], fds[0], &bytes[i]);
    assert_int_equal(write(fds[1], "ab", 2), 2);
    assert_int_equal(loop_finish(&epoll_loop, &ops[0]), 1);
    assert_int_equal(loop_finish(&epoll_loop, &ops[1]), 1);
    assert_false(loop_drive(&epoll_loop, &ops[2]));
    assert_int_equal(write(fds[1], "cde", 3), 3);
    for (int i = 2; i < COUNT; i++)
        assert_int_equal(loop_finish(&epoll_loop, &ops[i]), 1);
    assert_memory_equal(bytes, "abcde", COUNT);
    close_pipe(fds);
}

/* A number that was closed behind the driver's back and is another file's now. */
static void number_used_again(void **state)
{
    (void)state;
    int first[2], second[2];
    make_pipe(first, 0);
    wait_and_cancel(first[0]);
    close(first[0]);
    make_pipe(second, 0);
    assert_int_equal(second[0], first[0]);
    expect_read(second, 'a');
    close(first[1]);
    close_pipe(second);
}

/* The same while the old file lives on through a duplicate, and becomes ready. */
static void number_used_again_while_the_file_lives(void **state)
{
    (void)state;
    int first[2], second[2];
    make_pipe(first, 0);
    wait_and_cancel(first[0]);
    int duplicate = fcntl(first[0], F_DUPFD_CLOEXEC, 100);
    assert_true(duplicate >= 100);
    close(first[0]);
    make_pipe(second, 0);
    assert_int_equal(second[0], first[0]);
    assert_int_equal(write(first[1], "x", 1), 1);
    expect_read(second, 'b');
    close(duplicate);
    close(first[1]);
    close_pipe(second);
}

/* The instance knows a number that the driver believes to be new. */
static void number_that_comes_back(void **state)
{
    (void)state;
    int fds[2];
    make_pipe(fds, 0);
    wait_and_cancel(fds[0]);
    int duplicate = fcntl(fds[0], F_DUPFD_CLOEXEC, 100);
    assert_true(duplicate >= 100);
    struct tug_op op;
    tug_op_close(&op, fds[0]);
    assert_int_equal(loop_finish(&epoll_loop, &op), 0);
    assert_int_equal(dup2(duplicate, fds[0]), fds[0]);
    expect_read(fds, 'c');
    close(duplicate);
    close_pipe(fds);
}

static void close_ends_those_who_wait(void **state)
{
    (void)state;
    int fds[2];
    make_pipe(fds, 0);
    struct tug_op reads[3], op;
    char bytes[3];
    for (int i = 0; i < 3; i++)
        start_read(&reads[i], fds[0], &bytes[i]);
    tug_op_close(&op, fds[0]);
    assert_int_equal(loop_finish(&epoll_loop, &op), 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(loop_finish(&epoll_loop, &reads[i]), -EBADF);
    close(fds[1]);
}

static void regular_files_go_to_the_pool(void **state)
{
    (void)state;
    char path[256];
    make_directory(path, sizeof(path));
    int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int fd = openat(directory, "file", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    struct tug_op op;
    tug_op_fsync(&op, fd);
    assert_int_equal(loop_finish(&epoll_loop, &op), 0);
    assert_int_equal(op.route, TUG_ROUTE_POOL);
    tug_op_write(&op, fd, "0123456789", 10, TUG_CURRENT_POSITION);
    assert_int_equal(loop_finish(&epoll_loop, &op), 10);
    char buffer[16];
    tug_op_read(&op, fd, buffer, sizeof(buffer), 4);
    assert_int_equal(loop_finish(&epoll_loop, &op), 6);
    assert_memory_equal(buffer, "456789", 6);
    close(fd);
    close(directory);
    remove_directory(path);
}

#if TUG_FAULT_INJECTION

static int make_anonymous_file(const char *content)
{
    char name[] = "/tmp/tug-driver-XXXXXX";
    int fd = mkostemp(name, O_CLOEXEC);
    assert_true(fd >= 0);
    unlink(name);
    assert_int_equal(write(fd, content, strlen(content)), (ssize_t)strlen(content));
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    return fd;
}

/* A read of pages that are not in memory. */
static void file_that_would_block(void **state)
{
    (void)state;
    const int64_t positions[] = {0, TUG_CURRENT_POSITION};
    for (size_t i = 0; i < 2; i++) {
        int fd = make_anonymous_file("content");
        tug_fault_only_fd(fd);
        tug_fault_fail("preadv2", 1, 1, EAGAIN);
        char buffer[16];
        struct tug_op op;
        tug_op_read(&op, fd, buffer, sizeof(buffer), positions[i]);
        assert_false(loop_drive(&epoll_loop, &op));
        assert_int_equal(loop_finish(&epoll_loop, &op), 7);
        assert_int_equal(op.route, TUG_ROUTE_POOL);
        tug_fault_reset();
        close(fd);
    }
}

/* A kernel that ends reads with RWF_NOWAIT too early: the end of a file is confirmed. */
static void end_that_is_none(void **state)
{
    (void)state;
    const int64_t positions[] = {0, TUG_CURRENT_POSITION};
    for (size_t i = 0; i < 2; i++) {
        int fd = make_anonymous_file("content");
        tug_fault_only_fd(fd);
        tug_fault_short("preadv2", 1, 1, 0);
        char buffer[16];
        struct tug_op op;
        tug_op_read(&op, fd, buffer, sizeof(buffer), positions[i]);
        assert_int_equal(loop_finish(&epoll_loop, &op), 7);
        assert_int_equal(tug_fault_calls("preadv2"), 1);
        tug_fault_reset();
        close(fd);
    }
}

/* Descriptors that do not know RWF_NOWAIT: in O_NONBLOCK mode they are asked the plain way, else a
 * thread of the pool reads once there is something to be read. */
static void descriptors_that_cannot_be_tried(void **state)
{
    (void)state;
    const int modes[] = {0, O_NONBLOCK};
    for (size_t i = 0; i < 2; i++) {
        int fds[2];
        make_pipe(fds, modes[i]);
        tug_fault_only_fd(fds[0]);
        tug_fault_fail("preadv2", 1, TUG_FAULT_ALWAYS, EOPNOTSUPP);
        char byte = 0;
        struct tug_op op;
        start_read(&op, fds[0], &byte);
        for (int turn = 0; turn < 3; turn++) {
            loop_turn(&epoll_loop, MILLISECOND);
            assert_false(loop_drive(&epoll_loop, &op));
        }
        assert_int_equal(op.route, TUG_ROUTE_READINESS);
        assert_int_equal(write(fds[1], "x", 1), 1);
        assert_int_equal(loop_finish(&epoll_loop, &op), 1);
        assert_int_equal(byte, 'x');
        assert_int_equal(op.route, modes[i] == 0 ? TUG_ROUTE_POOL : TUG_ROUTE_READINESS);
        start_read(&op, fds[0], &byte);
        tug_op_cancel(&op);
        assert_int_equal(loop_finish(&epoll_loop, &op), -ECANCELED);
        tug_fault_reset();
        close_pipe(fds);
    }
}

/* What cannot be waited for is done by a thread of the pool. */
static void no_room_to_wait(void **state)
{
    (void)state;
    const char *calls[] = {"epoll_ctl", "calloc", "realloc"};
    const int errors[] = {ENOSPC, ENOMEM, ENOMEM};
    for (size_t i = 0; i < 3; i++) {
        int fds[2], high[2];
        make_pipe(fds, 0);
        /* A number whose page of the table is not there yet. */
        high[0] = fcntl(fds[0], F_DUPFD_CLOEXEC, 200 + 200 * (int)i);
        high[1] = fds[1];
        assert_true(high[0] >= 200);
        /* Threads of the pool are not what is to fail. */
        struct tug_op op;
        tug_op_fsync(&op, fds[0]);
        loop_finish(&epoll_loop, &op);
        tug_fault_fail(calls[i], 1, 1, errors[i]);
        char byte = 0;
        tug_op_read(&op, high[0], &byte, 1, TUG_CURRENT_POSITION);
        assert_false(loop_drive(&epoll_loop, &op));
        assert_int_equal(op.route, TUG_ROUTE_POOL);
        tug_fault_reset();
        assert_int_equal(write(high[1], "y", 1), 1);
        assert_int_equal(loop_finish(&epoll_loop, &op), 1);
        assert_int_equal(byte, 'y');
        close(high[0]);
        close_pipe(fds);
    }
}

static void wait_is_interrupted(void **state)
{
    (void)state;
    int fds[2];
    make_pipe(fds, 0);
    struct tug_op op;
    char byte;
    start_read(&op, fds[0], &byte);
    tug_fault_fail("epoll_pwait2", 1, 3, EINTR);
    for (int i = 0; i < 3; i++) {
        loop_turn(&epoll_loop, SECOND);
        assert_false(loop_drive(&epoll_loop, &op));
    }
    assert_int_equal(write(fds[1], "x", 1), 1);
    assert_int_equal(loop_finish(&epoll_loop, &op), 1);
    close_pipe(fds);
}

static void set_up_fails(void **state)
{
    (void)state;
    int before = count_fds();
    const char *calls[] = {"epoll_create1", "eventfd", "epoll_ctl", "calloc"};
    const int errors[] = {EMFILE, ENFILE, ENOMEM, ENOMEM};
    for (size_t i = 0; i < 4; i++) {
        tug_fault_fail(calls[i], 1, 1, errors[i]);
        struct tug_driver *driver = NULL;
        assert_int_equal(tug_epoll_driver_open(&driver, epoll_loop.pool), -errors[i]);
        assert_null(driver);
        tug_fault_reset();
        assert_int_equal(count_fds(), before);
    }
}

/* Nothing in the pool can be started: the ops say so, but a close is a close. */
static void no_threads(void **state)
{
    (void)state;
    tug_fault_fail("thread_create", 1, TUG_FAULT_ALWAYS, EAGAIN);
    struct tug_op op;
    tug_op_mkdirat(&op, AT_FDCWD, "/nothing/there", 0700);
    assert_int_equal(loop_finish(&epoll_loop, &op), -EAGAIN);
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    tug_op_close(&op, fd);
    assert_int_equal(loop_finish(&epoll_loop, &op), 0);
    assert_int_equal(fcntl(fd, F_GETFD), -1);
    tug_fault_reset();
    tug_op_mkdirat(&op, AT_FDCWD, "/nothing/there", 0700);
    assert_int_equal(loop_finish(&epoll_loop, &op), -ENOENT);
}

#endif

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, epoll_set_up, epoll_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(first_come_first_served),
        TEST(number_used_again),
        TEST(number_used_again_while_the_file_lives),
        TEST(number_that_comes_back),
        TEST(close_ends_those_who_wait),
        TEST(regular_files_go_to_the_pool),
#if TUG_FAULT_INJECTION
        TEST(file_that_would_block),
        TEST(end_that_is_none),
        TEST(descriptors_that_cannot_be_tried),
        TEST(no_room_to_wait),
        TEST(wait_is_interrupted),
        TEST(set_up_fails),
        TEST(no_threads),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
