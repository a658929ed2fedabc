/* SPDX-License-Identifier: MIT */
/*
 * A cancelled op ends, loses nothing and leaks nothing, wherever it is at that moment and whichever
 * thread asks.
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

static void make_pipe(int fds[2])
{
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
}

static void close_pipe(const int fds[2])
{
    close(fds[0]);
    close(fds[1]);
}

static void pending_read(void **state)
{
    (void)state;
    int fds[2];
    make_pipe(fds);
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
    assert_int_equal(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
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
    make_pipe(fds);
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
    make_pipe(fds);
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
    make_pipe(fds);
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

/* ---- From another thread ---- */

/* A task's other worker: has a driver of its own, and no business with the home driver but to ask.
 */
struct canceller {
    pthread_t thread;
    struct sleeper sleeper;
    struct tug_op *op;
    uint64_t delay;
    int64_t result;
};

static void *cancel_and_finish(void *argument)
{
    struct canceller *canceller = argument;
    tug_clock_sleep(canceller->delay);
    tug_op_cancel(canceller->op);
    struct tug_waker waker = sleeper_waker(&canceller->sleeper);
    uint64_t deadline = tug_clock_now() + LONG_TIME;
    while (tug_op_drive(canceller->op, &waker) != TUG_READY) {
        if (tug_clock_now() > deadline)
            abort();
        tug_clock_sleep(10000);
    }
    canceller->result = canceller->op->future.result;
    /* It is the task's own memory again. */
    memset(canceller->op, 0xee, sizeof(*canceller->op));
    return NULL;
}

static void from_another_thread(void **state)
{
    (void)state;
    for (int i = 0; i < 200; i++) {
        int fds[2];
        make_pipe(fds);
        char byte;
        struct tug_op *op = malloc(sizeof(*op));
        assert_non_null(op);
        tug_op_read(op, fds[0], &byte, 1, TUG_CURRENT_POSITION);
        assert_false(loop_drive(&loop, op));
        struct canceller canceller = {.op = op, .delay = (uint64_t)(i % 10) * 10000};
        assert_int_equal(pthread_create(&canceller.thread, NULL, cancel_and_finish, &canceller), 0);
        uint64_t start = tug_clock_now();
        /* The cancel wakes this thread, which sleeps in its driver. */
        while (loop.driver->in_flight > 0 || !tug_driver_is_quiet(loop.driver)) {
            loop_turn(&loop, LONG_TIME);
            assert_true(tug_clock_now() - start < (uint64_t)LONG_TIME);
        }
        loop_turn(&loop, 0);
        pthread_join(canceller.thread, NULL);
        assert_int_equal(canceller.result, -ECANCELED);
        assert_int_equal(canceller.sleeper.references, 0);
        free(op);
        close_pipe(fds);
    }
}

/* The request is on its way while the op is completed: one of the two results, and no touch of the
 * op afterwards. */
static void from_another_thread_against_a_completion(void **state)
{
    (void)state;
    unsigned seed = (unsigned)time(NULL);
    print_message("seed %u\n", seed);
    int completed = 0, cancelled = 0;
    for (int i = 0; i < 500; i++) {
        int fds[2];
        make_pipe(fds);
        char byte = 0;
        struct tug_op *op = malloc(sizeof(*op));
        assert_non_null(op);
        tug_op_read(op, fds[0], &byte, 1, TUG_CURRENT_POSITION);
        assert_false(loop_drive(&loop, op));
        loop_turn(&loop, 0);
        uint64_t delay = (uint64_t)rand_r(&seed) % 300000;
        struct canceller canceller = {.op = op, .delay = delay};
        assert_int_equal(pthread_create(&canceller.thread, NULL, cancel_and_finish, &canceller), 0);
        tug_clock_sleep((uint64_t)rand_r(&seed) % 60000);
        assert_int_equal(write(fds[1], "x", 1), 1);
        while (loop.driver->in_flight > 0)
            loop_turn(&loop, 100 * MILLISECOND);
        while (loop.driver->cancels_owed > 0)
            loop_turn(&loop, MILLISECOND);
        pthread_join(canceller.thread, NULL);
        loop_turn(&loop, 0);
        if (canceller.result == 1) {
            assert_int_equal(byte, 'x');
            completed++;
        } else {
            assert_int_equal(canceller.result, -ECANCELED);
            assert_int_equal(read(fds[0], &byte, 1), 1);
            cancelled++;
        }
        free(op);
        close_pipe(fds);
    }
    print_message("%d completed, %d cancelled\n", completed, cancelled);
}

/* ---- The waker ---- */

/* The waker of the most recent poll is the one that is woken; the others are given back. */
static void the_last_waker_counts(void **state)
{
    (void)state;
    int fds[2];
    make_pipe(fds);
    struct sleeper sleepers[3] = {{0}};
    char byte;
    struct tug_op op;
    tug_op_read(&op, fds[0], &byte, 1, TUG_CURRENT_POSITION);
    for (int i = 0; i < 3; i++) {
        struct tug_waker waker = sleeper_waker(&sleepers[i]);
        assert_int_equal(tug_op_drive(&op, &waker), TUG_PENDING);
        assert_int_equal(tug_op_drive(&op, &waker), TUG_PENDING);
        for (int k = 0; k < 3; k++)
            assert_int_equal(sleepers[k].references, k == i ? 1 : 0);
    }
    assert_int_equal(write(fds[1], "x", 1), 1);
    assert_int_equal(loop_finish(&loop, &op), 1);
    for (int i = 0; i < 3; i++)
        assert_int_equal(sleepers[i].references, 0);
    close_pipe(fds);
}

/* A job ends on its thread while the task replaces the waker again and again: the task learns of
 * it, by the waker of its last poll or by being told that the op is ready. */
static int64_t return_soon(void *argument)
{
    tug_clock_sleep(*(uint64_t *)argument);
    return 3;
}

static void wakers_replaced_during_the_completion(void **state)
{
    (void)state;
    unsigned seed = (unsigned)time(NULL);
    print_message("seed %u\n", seed);
    for (int i = 0; i < 2000; i++) {
        struct sleeper sleepers[2] = {{0}};
        uint64_t delay = (uint64_t)rand_r(&seed) % 2000;
        struct tug_op op;
        tug_op_blocking(&op, return_soon, &delay);
        unsigned turn = 0, last = 0;
        unsigned limit = (unsigned)rand_r(&seed) % 400;
        bool ready = false;
        for (; !ready && turn < limit; turn++) {
            last = turn % 2;
            __atomic_store_n(&sleepers[last].wakes, 0, __ATOMIC_RELAXED);
            struct tug_waker waker = sleeper_waker(&sleepers[last]);
            ready = tug_op_drive(&op, &waker) == TUG_READY;
        }
        if (limit > 0 && !ready) {
            uint64_t deadline = tug_clock_now() + LONG_TIME;
            while (__atomic_load_n(&sleepers[last].wakes, __ATOMIC_ACQUIRE) == 0) {
                assert_true(tug_clock_now() < deadline);
                tug_clock_sleep(1000);
            }
        }
        struct tug_waker waker = sleeper_waker(&sleepers[last]);
        while (!ready)
            ready = tug_op_drive(&op, &waker) == TUG_READY;
        assert_int_equal(op.future.result, 3);
        /* The wake may still be on its way out of the job's thread. */
        while (tug_pool_outstanding(loop.pool) > 0)
            tug_clock_sleep(1000);
        assert_int_equal(sleepers[0].references, 0);
        assert_int_equal(sleepers[1].references, 0);
    }
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
        TEST(from_another_thread),
        TEST(from_another_thread_against_a_completion),
        TEST(the_last_waker_counts),
        TEST(wakers_replaced_during_the_completion),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
