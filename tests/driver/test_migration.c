/* SPDX-License-Identifier: MIT */
/*
 * A task that has started an op goes on in another thread: cancels it from there, or has another
 * waker. Whatever meets what, the op ends once, somebody is woken, and nobody touches it later.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
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
        make_pipe(fds, 0);
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
        make_pipe(fds, 0);
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

/* The op is completed between the two halves of a request for its end, so that its task is woken
 * when the request arrives: the driver must not go to sleep over that. */
static void completed_before_the_request_arrives(void **state)
{
    (void)state;
    int fds[2];
    make_pipe(fds, 0);
    char byte;
    struct tug_op op;
    tug_op_read(&op, fds[0], &byte, 1, TUG_CURRENT_POSITION);
    assert_false(loop_drive(&loop, &op));
    loop_turn(&loop, 0);
    /* The first half of tug_op_cancel() in another thread ... */
    __atomic_fetch_or(&op.state, TUG_OP_CANCEL_ASKED | TUG_OP_CANCEL_QUEUED, __ATOMIC_ACQ_REL);
    assert_int_equal(write(fds[1], "x", 1), 1);
    while (loop.driver->in_flight > 0)
        loop_turn(&loop, 10 * MILLISECOND);
    assert_false(loop_drive(&loop, &op));
    assert_int_equal(loop.sleeper.wakes, 0);
    /* ... and the second. The waker is one that knows that its thread is awake. */
    loop.sleeper.driver = NULL;
    assert_true(tug_driver_prepare_park(loop.driver));
    op.cancel_next = NULL;
    __atomic_store_n(&loop.driver->cancel_inbox, &op, __ATOMIC_RELEASE);
    uint64_t start = tug_clock_now();
    bool notified;
    tug_driver_park(loop.driver, LONG_TIME, &notified);
    assert_true(tug_clock_now() - start < (uint64_t)LONG_TIME / 2);
    assert_int_equal(loop.sleeper.wakes, 1);
    loop.sleeper.driver = loop.driver;
    assert_true(loop_drive(&loop, &op));
    assert_int_equal(op.future.result, 1);
    close_pipe(fds);
}

/* ---- The waker ---- */

/* The waker of the most recent poll is the one that is woken; the others are given back. */
static void the_last_waker_counts(void **state)
{
    (void)state;
    int fds[2];
    make_pipe(fds, 0);
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
        TEST(from_another_thread),
        TEST(from_another_thread_against_a_completion),
        TEST(completed_before_the_request_arrives),
        TEST(the_last_waker_counts),
        TEST(wakers_replaced_during_the_completion),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
