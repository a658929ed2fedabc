/* SPDX-License-Identifier: MIT */
/*
 * Opening, closing, transfers and waiting: an operation does what its system call does, says what
 * its system call says, and waits where the system call would.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "loop.h"

/* ---- Nothing, opening and closing ---- */

static void nop(void **state)
{
    struct fixture *fixture = *state;
    struct tug_op op;
    tug_op_nop(&op);
    assert_int_equal(loop_finish(&fixture->loop, &op), 0);
}

static void open_and_close(void **state)
{
    struct fixture *fixture = *state;
    struct tug_op op;
    tug_op_openat(&op, fixture->directory, "new", O_WRONLY | O_CREAT | O_EXCL, 0640);
    int64_t fd = loop_finish(&fixture->loop, &op);
    assert_true(fd >= 0);
    assert_int_equal(fcntl((int)fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    struct stat status;
    assert_int_equal(fstat((int)fd, &status), 0);
    mode_t mask = umask(0);
    umask(mask);
    assert_int_equal(status.st_mode & 0777, 0640 & ~mask);

    struct tug_op again;
    tug_op_openat(&again, fixture->directory, "new", O_WRONLY | O_CREAT | O_EXCL, 0640);
    assert_int_equal(loop_finish(&fixture->loop, &again), -EEXIST);

    tug_op_close(&op, (int)fd);
    assert_int_equal(loop_finish(&fixture->loop, &op), 0);
    assert_int_equal(fcntl((int)fd, F_GETFD), -1);
    tug_op_close(&op, (int)fd);
    assert_int_equal(loop_finish(&fixture->loop, &op), -EBADF);
}

/* ---- Transfers ---- */

static void read_and_write_a_file(void **state)
{
    struct fixture *fixture = *state;
    struct loop *loop = &fixture->loop;
    int fd = make_file(fixture->directory, "file", "0123456789", 10);
    char buffer[16] = {0};
    struct tug_op op;

    tug_op_read(&op, fd, buffer, 4, TUG_CURRENT_POSITION);
    assert_int_equal(loop_finish(loop, &op), 4);
    assert_memory_equal(buffer, "0123", 4);
    tug_op_read(&op, fd, buffer, sizeof(buffer), TUG_CURRENT_POSITION);
    assert_int_equal(loop_finish(loop, &op), 6);
    assert_memory_equal(buffer, "456789", 6);
    tug_op_read(&op, fd, buffer, sizeof(buffer), TUG_CURRENT_POSITION);
    assert_int_equal(loop_finish(loop, &op), 0);

    tug_op_read(&op, fd, buffer, 3, 5);
    assert_int_equal(loop_finish(loop, &op), 3);
    assert_memory_equal(buffer, "567", 3);
    tug_op_read(&op, fd, buffer, 3, 10);
    assert_int_equal(loop_finish(loop, &op), 0);

    tug_op_write(&op, fd, "ab", 2, 1);
    assert_int_equal(loop_finish(loop, &op), 2);
    tug_op_write(&op, fd, "END", 3, TUG_CURRENT_POSITION);
    assert_int_equal(loop_finish(loop, &op), 3);
    assert_int_equal(pread(fd, buffer, sizeof(buffer), 0), 13);
    assert_memory_equal(buffer, "0ab3456789END", 13);
    close(fd);
}

static void read_and_write_vectors(void **state)
{
    struct fixture *fixture = *state;
    struct loop *loop = &fixture->loop;
    int fd = make_file(fixture->directory, "file", "0123456789", 10);
    char a[4] = {0}, b[8] = {0};
    struct iovec vector[2] = {{a, 3}, {b, 4}};
    struct tug_op op;

    tug_op_readv(&op, fd, vector, 2, TUG_CURRENT_POSITION);
    assert_int_equal(loop_finish(loop, &op), 7);
    assert_string_equal(a, "012");
    assert_string_equal(b, "3456");
    tug_op_readv(&op, fd, vector, 2, 6);
    assert_int_equal(loop_finish(loop, &op), 4);
    assert_memory_equal(a, "678", 3);
    assert_memory_equal(b, "9456", 4);
    tug_op_writev(&op, fd, vector, 2, 0);
    assert_int_equal(loop_finish(loop, &op), 7);
    tug_op_writev(&op, fd, vector, 2, TUG_CURRENT_POSITION);
    assert_int_equal(loop_finish(loop, &op), 7);
    char all[16];
    assert_int_equal(pread(fd, all, sizeof(all), 0), 14);
    assert_memory_equal(all, "67894566789456", 14);
    close(fd);
}

static void errors_of_transfers(void **state)
{
    struct fixture *fixture = *state;
    struct loop *loop = &fixture->loop;
    char buffer[4] = {0};
    struct tug_op op;
    tug_op_read(&op, -1, buffer, 4, TUG_CURRENT_POSITION);
    assert_int_equal(loop_finish(loop, &op), -EBADF);
    tug_op_write(&op, -1, buffer, 4, 0);
    assert_int_equal(loop_finish(loop, &op), -EBADF);
    tug_op_read(&op, fixture->directory, buffer, 4, 0);
    assert_int_equal(loop_finish(loop, &op), -EISDIR);
    tug_op_write(&op, fixture->directory, buffer, 4, TUG_CURRENT_POSITION);
    assert_int_equal(loop_finish(loop, &op), -EBADF);
    int fd = make_file(fixture->directory, "file", "0123456789", 10);
    tug_op_read(&op, fd, buffer, 4, -2);
    assert_int_equal(loop_finish(loop, &op), -EINVAL);
    struct iovec vector = {buffer, sizeof(buffer)};
    tug_op_readv(&op, fd, &vector, -1, TUG_CURRENT_POSITION);
    assert_int_equal(loop_finish(loop, &op), -EINVAL);
    close(fd);
}

/* A pipe is waited for, whatever the mode of its descriptors. */
static void read_waits_for_a_pipe(void **state)
{
    struct fixture *fixture = *state;
    struct loop *loop = &fixture->loop;
    const int modes[] = {0, O_NONBLOCK};
    for (size_t i = 0; i < 2; i++) {
        int fds[2];
        make_pipe(fds, modes[i]);
        char buffer[8];
        struct tug_op op;
        tug_op_read(&op, fds[0], buffer, sizeof(buffer), TUG_CURRENT_POSITION);
        for (int turn = 0; turn < 5; turn++) {
            assert_false(loop_drive(loop, &op));
            loop_turn(loop, MILLISECOND);
        }
        assert_int_equal(write(fds[1], "hello", 5), 5);
        assert_int_equal(loop_finish(loop, &op), 5);
        assert_memory_equal(buffer, "hello", 5);
        close(fds[1]);
        tug_op_read(&op, fds[0], buffer, sizeof(buffer), TUG_CURRENT_POSITION);
        assert_int_equal(loop_finish(loop, &op), 0);
        close(fds[0]);
    }
}

static void write_waits_for_a_pipe(void **state)
{
    struct fixture *fixture = *state;
    struct loop *loop = &fixture->loop;
    const int modes[] = {0, O_NONBLOCK};
    for (size_t i = 0; i < 2; i++) {
        int fds[2];
        make_pipe(fds, modes[i]);
        int capacity = fcntl(fds[1], F_SETPIPE_SZ, 4096);
        assert_true(capacity >= 4096);
        char *content = calloc(1, (size_t)capacity);
        assert_non_null(content);
        assert_int_equal(write(fds[1], content, (size_t)capacity), capacity);
        struct tug_op op;
        tug_op_write(&op, fds[1], "tail", 4, TUG_CURRENT_POSITION);
        for (int turn = 0; turn < 5; turn++) {
            assert_false(loop_drive(loop, &op));
            loop_turn(loop, MILLISECOND);
        }
        assert_int_equal(read(fds[0], content, (size_t)capacity), capacity);
        assert_int_equal(loop_finish(loop, &op), 4);
        assert_int_equal(read(fds[0], content, (size_t)capacity), 4);
        assert_memory_equal(content, "tail", 4);
        free(content);
        close_pipe(fds);
    }
}

/* Several tasks wait for one descriptor, in both directions. */
static void several_wait_for_one_socket(void **state)
{
    struct fixture *fixture = *state;
    struct loop *loop = &fixture->loop;
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    char block[4096] = {0};
    ssize_t filled = 0, count;
    while ((count = send(fds[0], block, sizeof(block), MSG_DONTWAIT)) > 0)
        filled += count;

    struct tug_op reads[3], write_op;
    char buffers[3][5] = {{0}};
    for (int i = 0; i < 3; i++) {
        tug_op_read(&reads[i], fds[0], buffers[i], 4, TUG_CURRENT_POSITION);
        assert_false(loop_drive(loop, &reads[i]));
    }
    tug_op_write(&write_op, fds[0], "w", 1, TUG_CURRENT_POSITION);
    assert_false(loop_drive(loop, &write_op));
    loop_turn(loop, MILLISECOND);

    assert_int_equal(write(fds[1], "1111", 4), 4);
    for (int turn = 0; turn < 3; turn++)
        loop_turn(loop, MILLISECOND);
    int ready = 0;
    for (int i = 0; i < 3; i++)
        ready += loop_drive(loop, &reads[i]);
    assert_int_equal(ready, 1);
    assert_int_equal(write(fds[1], "22223333", 8), 8);
    int sum = 0;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(loop_finish(loop, &reads[i]), 4);
        for (int k = 1; k < 4; k++)
            assert_int_equal(buffers[i][k], buffers[i][0]);
        sum += buffers[i][0] - '0';
    }
    assert_int_equal(sum, 1 + 2 + 3);

    assert_false(loop_drive(loop, &write_op));
    while (filled > 0 && (count = recv(fds[1], block, sizeof(block), MSG_DONTWAIT)) > 0)
        filled -= count;
    assert_int_equal(loop_finish(loop, &write_op), 1);
    close_pipe(fds);
}

static void many_reads_at_once(void **state)
{
    struct fixture *fixture = *state;
    struct loop *loop = &fixture->loop;
    enum { COUNT = 500 };
    static char content[COUNT];
    for (int i = 0; i < COUNT; i++)
        content[i] = (char)(i * 7);
    int fd = make_file(fixture->directory, "file", content, COUNT);
    static struct tug_op ops[COUNT];
    static char bytes[COUNT];
    for (int i = 0; i < COUNT; i++) {
        tug_op_read(&ops[i], fd, &bytes[i], 1, i);
        loop_drive(loop, &ops[i]);
    }
    for (int i = 0; i < COUNT; i++)
        assert_int_equal(loop_finish(loop, &ops[i]), 1);
    assert_memory_equal(bytes, content, COUNT);
    close(fd);
}

/* ---- Readiness and functions ---- */

static void poll_for_events(void **state)
{
    struct fixture *fixture = *state;
    struct loop *loop = &fixture->loop;
    int fds[2];
    make_pipe(fds, 0);
    struct tug_op in, out;
    tug_op_poll(&out, fds[1], POLLOUT);
    assert_int_equal(loop_finish(loop, &out), POLLOUT);
    tug_op_poll(&in, fds[0], POLLIN);
    assert_false(loop_drive(loop, &in));
    loop_turn(loop, MILLISECOND);
    assert_false(loop_drive(loop, &in));
    assert_int_equal(write(fds[1], "x", 1), 1);
    assert_int_equal(loop_finish(loop, &in), POLLIN);
    tug_op_poll(&in, fds[0], POLLIN);
    assert_int_equal(loop_finish(loop, &in), POLLIN);

    tug_op_poll(&in, fds[0], POLLPRI);
    assert_false(loop_drive(loop, &in));
    close(fds[1]);
    assert_int_equal(loop_finish(loop, &in) & POLLHUP, POLLHUP);
    close(fds[0]);
    tug_op_poll(&in, fds[0], POLLIN);
    assert_int_equal(loop_finish(loop, &in), -EBADF);

    int file = make_file(fixture->directory, "file", "", 0);
    tug_op_poll(&in, file, POLLIN | POLLOUT);
    assert_int_equal(loop_finish(loop, &in), POLLIN | POLLOUT);
    close(file);
}

static int64_t add_one(void *argument)
{
    return *(int *)argument + 1;
}

static void function_on_the_pool(void **state)
{
    struct fixture *fixture = *state;
    int number = 41;
    struct tug_op op;
    tug_op_blocking(&op, add_one, &number);
    assert_false(loop_drive(&fixture->loop, &op));
    assert_int_equal(loop_finish(&fixture->loop, &op), 42);
}

/* Outside of a runtime an op is its blocking call, on a descriptor in O_NONBLOCK mode as well. */
static void without_a_driver(void **state)
{
    struct fixture *fixture = *state;
    struct loop *loop = &fixture->loop;
    tug_driver_set_current(NULL);
    int fds[2];
    make_pipe(fds, O_NONBLOCK);
    assert_int_equal(write(fds[1], "abc", 3), 3);
    char buffer[8];
    struct tug_op op;
    tug_op_read(&op, fds[0], buffer, sizeof(buffer), TUG_CURRENT_POSITION);
    assert_true(loop_drive(loop, &op));
    assert_int_equal(op.future.result, 3);
    close(fds[1]);
    tug_op_read(&op, fds[0], buffer, sizeof(buffer), TUG_CURRENT_POSITION);
    assert_true(loop_drive(loop, &op));
    assert_int_equal(op.future.result, 0);
    close(fds[0]);
    tug_driver_set_current(loop->driver);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, fixture_set_up, fixture_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(nop),
        TEST(open_and_close),
        TEST(read_and_write_a_file),
        TEST(read_and_write_vectors),
        TEST(errors_of_transfers),
        TEST(read_waits_for_a_pipe),
        TEST(write_waits_for_a_pipe),
        TEST(several_wait_for_one_socket),
        TEST(many_reads_at_once),
        TEST(poll_for_events),
        TEST(function_on_the_pool),
        TEST(without_a_driver),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
