/* SPDX-License-Identifier: MIT */
/*
 * A cancelled op ends, loses nothing and leaks nothing, wherever it is at that moment.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "loop.h"
#include "sys/clock.h"

static struct loop loop;

static int set_up(void **state)
{
    (void)state;
    loop_open(&loop);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    loop_close(&loop);
    return 0;
}

static void pending_read(void **state)
{
    (void)state;
    int fds[2];
    make_pipe(fds, 0);
    for (int turns = 0; turns < 3; turns++) {
        char buffer[4] = "old";
        struct tug_op op;
        tug_op_read(&op, fds[0], buffer, sizeof(buffer), TUG_CURRENT_POSITION);
        assert_false(loop_drive(&loop, &op));
        for (int turn = 0; turn < turns; turn++)
            loop_turn(&loop, MILLISECOND);
        tug_op_cancel(&op);
        tug_op_cancel(&op);
        assert_int_equal(loop_finish(&loop, &op), -ECANCELED);
        tug_op_cancel(&op);
        /* No byte is lost: what comes afterwards is there for the next. */
        assert_int_equal(write(fds[1], "new", 4), 4);
        assert_string_equal(buffer, "old");
        tug_op_read(&op, fds[0], buffer, sizeof(buffer), TUG_CURRENT_POSITION);
        assert_int_equal(loop_finish(&loop, &op), 4);
        assert_string_equal(buffer, "new");
    }
    close_pipe(fds);
}

/* In O_NONBLOCK mode too, where a ring has to wait for the descriptor first. */
static void pending_read_of_a_nonblocking_pipe(void **state)
{
    (void)state;
    int fds[2];
    make_pipe(fds, O_NONBLOCK);
    for (int turns = 0; turns < 5; turns++) {
        char byte;
        struct tug_op op;
        tug_op_read(&op, fds[0], &byte, 1, TUG_CURRENT_POSITION);
        assert_false(loop_drive(&loop, &op));
        for (int turn = 0; turn < turns; turn++)
            loop_turn(&loop, MILLISECOND);
        tug_op_cancel(&op);
        assert_int_equal(loop_finish(&loop, &op), -ECANCELED);
    }
    close_pipe(fds);
}

static void one_of_several_on_a_descriptor(void **state)
{
    (void)state;
    int fds[2];
    make_pipe(fds, 0);
    struct tug_op reads[3];
    char bytes[3];
    for (int i = 0; i < 3; i++) {
        tug_op_read(&reads[i], fds[0], &bytes[i], 1, TUG_CURRENT_POSITION);
        assert_false(loop_drive(&loop, &reads[i]));
    }
    loop_turn(&loop, MILLISECOND);
    tug_op_cancel(&reads[1]);
    assert_int_equal(loop_finish(&loop, &reads[1]), -ECANCELED);
    assert_int_equal(write(fds[1], "ab", 2), 2);
    assert_int_equal(loop_finish(&loop, &reads[0]), 1);
    assert_int_equal(loop_finish(&loop, &reads[2]), 1);
    close_pipe(fds);
}

static void pending_poll(void **state)
{
    (void)state;
    int fds[2];
    make_pipe(fds, 0);
    struct tug_op op;
    tug_op_poll(&op, fds[0], POLLIN);
    assert_false(loop_drive(&loop, &op));
    loop_turn(&loop, MILLISECOND);
    tug_op_cancel(&op);
    assert_int_equal(loop_finish(&loop, &op), -ECANCELED);
    close_pipe(fds);
}

/* A cancel that comes after the op has been done changes nothing. */
static void too_late(void **state)
{
    (void)state;
    int fds[2];
    make_pipe(fds, 0);
    char buffer[4];
    struct tug_op op;
    tug_op_read(&op, fds[0], buffer, sizeof(buffer), TUG_CURRENT_POSITION);
    assert_false(loop_drive(&loop, &op));
    loop_turn(&loop, MILLISECOND);
    assert_int_equal(write(fds[1], "abc", 3), 3);
    uint64_t wakes = loop.sleeper.wakes;
    while (loop.sleeper.wakes == wakes)
        loop_turn(&loop, SECOND);
    tug_op_cancel(&op);
    assert_int_equal(loop_finish(&loop, &op), 3);
    close_pipe(fds);
}

static void never_started(void **state)
{
    (void)state;
    struct tug_op op;
    tug_op_nop(&op);
    tug_op_cancel(&op);
    assert_int_equal(loop_finish(&loop, &op), 0);
}

/* ---- Opening ---- */

static void opens_leak_no_descriptor(void **state)
{
    (void)state;
    char path[256];
    make_directory(path, sizeof(path));
    int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(directory >= 0);
    int before = count_fds();
    int cancelled = 0;
    for (int i = 0; i < 128; i++) {
        struct tug_op op;
        tug_op_openat(&op, directory, "file", O_RDWR | O_CREAT, 0600);
        assert_false(loop_drive(&loop, &op));
        for (int turn = 0; turn < i % 3; turn++)
            loop_turn(&loop, turn == 1 ? 10000 : 0);
        tug_op_cancel(&op);
        int64_t result = loop_finish(&loop, &op);
        if (result >= 0)
            close((int)result);
        else
            assert_int_equal(result, -ECANCELED);
        cancelled += result == -ECANCELED;
    }
    assert_int_equal(count_fds(), before);
    assert_true(cancelled > 0);
    close(directory);
    remove_directory(path);
}

/* The open of a FIFO without a writer takes until it is cancelled or a writer comes. */
static void open_of_a_fifo(void **state)
{
    (void)state;
    char path[256];
    make_directory(path, sizeof(path));
    int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(directory >= 0);
    assert_int_equal(mkfifoat(directory, "fifo", 0600), 0);
    int before = count_fds();
    struct tug_op op;
    tug_op_openat(&op, directory, "fifo", O_RDONLY, 0);
    assert_false(loop_drive(&loop, &op));
    for (int turn = 0; turn < 5; turn++)
        loop_turn(&loop, 2 * MILLISECOND);
    assert_false(loop_drive(&loop, &op));
    tug_op_cancel(&op);
    /* The pool cannot interrupt it, the ring can; a writer ends it in either case. */
    loop_turn(&loop, 20 * MILLISECOND);
    int writer = openat(directory, "fifo", O_RDWR | O_CLOEXEC);
    assert_true(writer >= 0);
    assert_int_equal(loop_finish(&loop, &op), -ECANCELED);
    close(writer);
    assert_int_equal(count_fds(), before);
    close(directory);
    remove_directory(path);
}

static void close_is_not_cancelled(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        assert_true(fd >= 0);
        struct tug_op op;
        tug_op_close(&op, fd);
        loop_drive(&loop, &op);
        tug_op_cancel(&op);
        assert_int_equal(loop_finish(&loop, &op), 0);
        assert_int_equal(fcntl(fd, F_GETFD), -1);
    }
}

/* ---- The pool ---- */

struct gate {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool open;
    int entered;
};

static int64_t pass_gate(void *argument)
{
    struct gate *gate = argument;
    pthread_mutex_lock(&gate->lock);
    gate->entered++;
    while (!gate->open)
        pthread_cond_wait(&gate->changed, &gate->lock);
    pthread_mutex_unlock(&gate->lock);
    return 7;
}

static void open_gate(struct gate *gate)
{
    pthread_mutex_lock(&gate->lock);
    gate->open = true;
    pthread_cond_broadcast(&gate->changed);
    pthread_mutex_unlock(&gate->lock);
}

static int entered(struct gate *gate)
{
    pthread_mutex_lock(&gate->lock);
    int count = gate->entered;
    pthread_mutex_unlock(&gate->lock);
    return count;
}

static void jobs_queued_and_running(void **state)
{
    (void)state;
    enum { THREADS = 8, JOBS = 20 };
    struct gate gate = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    struct tug_op ops[JOBS];
    for (int i = 0; i < JOBS; i++) {
        tug_op_blocking(&ops[i], pass_gate, &gate);
        assert_false(loop_drive(&loop, &ops[i]));
    }
    while (entered(&gate) < THREADS)
        loop_turn(&loop, MILLISECOND);
    /* A job that nobody has begun is withdrawn; from the middle of the queue as well. */
    for (int i = JOBS - 1; i >= THREADS; i--) {
        tug_op_cancel(&ops[i]);
        assert_true(loop_drive(&loop, &ops[i]));
        assert_int_equal(ops[i].future.result, -ECANCELED);
    }
    for (int i = 0; i < THREADS; i++) {
        tug_op_cancel(&ops[i]);
        assert_false(loop_drive(&loop, &ops[i]));
    }
    open_gate(&gate);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(loop_finish(&loop, &ops[i]), 7);
    assert_int_equal(gate.entered, THREADS);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(pending_read),
        TEST(pending_read_of_a_nonblocking_pipe),
        TEST(one_of_several_on_a_descriptor),
        TEST(pending_poll),
        TEST(too_late),
        TEST(never_started),
        TEST(opens_leak_no_descriptor),
        TEST(open_of_a_fifo),
        TEST(close_is_not_cancelled),
        TEST(jobs_queued_and_running),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
