/* SPDX-License-Identifier: MIT */
/*
 * Receives that wait without having been tried, because the one before has left the socket empty:
 * which they are, and that none of them misses what comes, whatever became of the socket meanwhile.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "loop.h"
#include "sys/fault.h"

static char buffer[16];

static void make_pair(int fds[2], int type)
{
    assert_int_equal(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fds), 0);
}

static void say(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), 0), (ssize_t)strlen(text));
}

/* Whether it is done at once. */
static bool start(struct tug_op *op, int fd, size_t length, int flags)
{
    tug_op_recv(op, fd, buffer, length, flags);
    return loop_drive(&epoll_loop, op);
}

static void expect(struct tug_op *op, const char *text)
{
    assert_int_equal(loop_finish(&epoll_loop, op), (int64_t)strlen(text));
    assert_memory_equal(buffer, text, strlen(text));
}

/* A receive that has to wait, and then takes all that there is. */
static void drain(const int fds[2])
{
    struct tug_op op;
    assert_false(start(&op, fds[0], sizeof(buffer), 0));
    say(fds[1], "first");
    expect(&op, "first");
}

static void data_comes_later(void **state)
{
    (void)state;
    int fds[2];
    make_pair(fds, SOCK_STREAM);
    for (int i = 0; i < 3; i++)
        drain(fds);
    close_pipe(fds);
}

static void data_is_there_already(void **state)
{
    (void)state;
    int fds[2];
    struct tug_op op;
    make_pair(fds, SOCK_STREAM);
    drain(fds);
    say(fds[1], "second");
    start(&op, fds[0], sizeof(buffer), 0);
    expect(&op, "second");
    close_pipe(fds);
}

static void end_is_there_already(void **state)
{
    (void)state;
    int fds[2];
    struct tug_op op;
    make_pair(fds, SOCK_STREAM);
    drain(fds);
    close(fds[1]);
    for (int i = 0; i < 2; i++) {
        start(&op, fds[0], sizeof(buffer), 0);
        expect(&op, "");
    }
    close(fds[0]);
}

/* What of the first receive's data did not fit is not waited for. */
static void buffer_was_too_small(void **state)
{
    (void)state;
    int fds[2];
    struct tug_op op;
    make_pair(fds, SOCK_STREAM);
    assert_false(start(&op, fds[0], 3, 0));
    say(fds[1], "abcde");
    expect(&op, "abc");
    assert_true(start(&op, fds[0], 3, 0));
    expect(&op, "de");
    close_pipe(fds);
}

/* A message that is shorter than the buffer says nothing of the next. */
static void messages_follow_each_other(void **state)
{
    (void)state;
    const int types[] = {SOCK_DGRAM, SOCK_SEQPACKET};
    for (size_t i = 0; i < 2; i++) {
        int fds[2];
        struct tug_op op;
        make_pair(fds, types[i]);
        assert_false(start(&op, fds[0], sizeof(buffer), 0));
        say(fds[1], "one");
        say(fds[1], "other");
        expect(&op, "one");
        assert_true(start(&op, fds[0], sizeof(buffer), 0));
        expect(&op, "other");
        close_pipe(fds);
    }
}

/* What was only looked at is still there. */
static void looking_is_not_taking(void **state)
{
    (void)state;
    int fds[2];
    struct tug_op op;
    make_pair(fds, SOCK_STREAM);
    assert_false(start(&op, fds[0], sizeof(buffer), MSG_PEEK));
    say(fds[1], "word");
    expect(&op, "word");
    assert_true(start(&op, fds[0], sizeof(buffer), 0));
    expect(&op, "word");
    close_pipe(fds);
}

/* Another socket of the same number: with data in it, closed, or never opened. */
static void number_used_again(void **state)
{
    (void)state;
    int first[2], second[2];
    struct tug_op op;
    make_pair(first, SOCK_STREAM);
    drain(first);
    close(first[0]);
    make_pair(second, SOCK_DGRAM);
    assert_int_equal(second[0], first[0]);
    say(second[1], "one");
    say(second[1], "other");
    start(&op, second[0], sizeof(buffer), 0);
    expect(&op, "one");
    assert_true(start(&op, second[0], sizeof(buffer), 0));
    expect(&op, "other");
    close_pipe(second);
    assert_true(start(&op, second[0], sizeof(buffer), 0));
    assert_int_equal(op.future.result, -EBADF);
    close(first[1]);
}

#if TUG_FAULT_INJECTION

/* One call per receive that has to wait, not two. */
static void nothing_is_tried_in_vain(void **state)
{
    (void)state;
    int fds[2];
    make_pair(fds, SOCK_STREAM);
    drain(fds);
    uint64_t before = tug_fault_calls("recv");
    for (int i = 0; i < 5; i++)
        drain(fds);
    assert_int_equal(tug_fault_calls("recv") - before, 5);
    close_pipe(fds);
}

/* A descriptor that cannot be armed any more is tried after all. */
static void no_room_to_wait(void **state)
{
    (void)state;
    int fds[2];
    struct tug_op op;
    make_pair(fds, SOCK_STREAM);
    drain(fds);
    say(fds[1], "word");
    tug_fault_fail("epoll_ctl", 1, 1, ENOMEM);
    assert_true(start(&op, fds[0], sizeof(buffer), 0));
    expect(&op, "word");
    close_pipe(fds);
}

#endif

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, epoll_set_up, epoll_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(data_comes_later),
        TEST(data_is_there_already),
        TEST(end_is_there_already),
        TEST(buffer_was_too_small),
        TEST(messages_follow_each_other),
        TEST(looking_is_not_taking),
        TEST(number_used_again),
#if TUG_FAULT_INJECTION
        TEST(nothing_is_tried_in_vain),
        TEST(no_room_to_wait),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
