/* SPDX-License-Identifier: MIT */
/*
 * What only a ring has: queues that fill up and overflow, set-up that fails, opcodes that are not
 * there. Skipped where there is no io_uring.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "driver/uring.h"
#include "loop.h"
#include "sys/clock.h"
#include "sys/fault.h"

static struct loop loop;

static void open_small(void)
{
    setenv("TUG_DRIVER", "uring", 1);
    loop_open_with(&loop, 8, 2);
}

static int tear_down(void **state)
{
    (void)state;
#if TUG_FAULT_INJECTION
    tug_fault_reset();
#endif
    return 0;
}

/* Many more completions than the completion queue holds. */
static void completions_overflow(void **state)
{
    (void)state;
    enum { COUNT = 10000 };
    open_small();
    struct tug_op *ops = calloc(COUNT, sizeof(*ops));
    assert_non_null(ops);
    for (int i = 0; i < COUNT; i++) {
        tug_op_nop(&ops[i]);
        assert_false(loop_drive(&loop, &ops[i]));
    }
    for (int i = 0; i < COUNT; i++)
        assert_int_equal(loop_finish(&loop, &ops[i]), 0);
    assert_int_equal(loop.sleeper.wakes, COUNT);
    assert_true(tug_driver_is_quiet(loop.driver));
    free(ops);
    loop_close(&loop);
}

/* The same by completions that come from elsewhere, all at one time; and the wake-up still works.
 */
static void completions_overflow_all_at_once(void **state)
{
    (void)state;
    enum { COUNT = 10000 };
    open_small();
    int fds[2];
    make_pipe(fds, 0);
    struct tug_op *ops = calloc(COUNT, sizeof(*ops));
    assert_non_null(ops);
    for (int i = 0; i < COUNT; i++) {
        tug_op_poll(&ops[i], fds[0], POLLIN);
        assert_false(loop_drive(&loop, &ops[i]));
    }
    loop_turn(&loop, MILLISECOND);
    assert_int_equal(loop.driver->in_flight, COUNT);
    assert_true(tug_driver_prepare_park(loop.driver));
    assert_int_equal(write(fds[1], "x", 1), 1);
    assert_true(tug_driver_wake(loop.driver));
    bool notified;
    tug_driver_park(loop.driver, LONG_TIME, &notified);
    for (int i = 0; i < COUNT; i++)
        assert_int_equal(loop_finish(&loop, &ops[i]), POLLIN);
    for (int i = 0; i < 3; i++) {
        assert_true(tug_driver_prepare_park(loop.driver));
        assert_true(tug_driver_wake(loop.driver));
        uint64_t start = tug_clock_now();
        tug_driver_park(loop.driver, LONG_TIME, &notified);
        assert_true(notified);
        assert_true(tug_clock_now() - start < (uint64_t)LONG_TIME / 2);
    }
    free(ops);
    close_pipe(fds);
    loop_close(&loop);
}

static void cancels_overflow(void **state)
{
    (void)state;
    enum { COUNT = 3000 };
    open_small();
    int fds[2];
    make_pipe(fds, 0);
    struct tug_op *ops = calloc(COUNT, sizeof(*ops));
    char *bytes = calloc(COUNT, 1);
    assert_non_null(ops);
    assert_non_null(bytes);
    for (int i = 0; i < COUNT; i++) {
        tug_op_read(&ops[i], fds[0], &bytes[i], 1, TUG_CURRENT_POSITION);
        assert_false(loop_drive(&loop, &ops[i]));
    }
    for (int i = 0; i < COUNT; i++)
        tug_op_cancel(&ops[i]);
    for (int i = 0; i < COUNT; i++)
        assert_int_equal(loop_finish(&loop, &ops[i]), -ECANCELED);
    free(bytes);
    free(ops);
    close_pipe(fds);
    loop_close(&loop);
}

/* The kernel is entered once per poll, however many ops were started. */
static void one_entry_for_many_ops(void **state)
{
    (void)state;
#if TUG_FAULT_INJECTION
    setenv("TUG_DRIVER", "uring", 1);
    loop_open_with(&loop, 64, 2);
    struct tug_op ops[32];
    tug_fault_reset();
    for (int i = 0; i < 32; i++) {
        tug_op_nop(&ops[i]);
        assert_false(loop_drive(&loop, &ops[i]));
    }
    assert_int_equal(tug_fault_calls("io_uring_submit"), 0);
    assert_int_equal(tug_driver_poll(loop.driver, 0), 32);
    assert_int_equal(tug_fault_calls("io_uring_submit") + tug_fault_calls("io_uring_wait") +
                         tug_fault_calls("io_uring_get_events"),
                     1);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(tug_driver_poll(loop.driver, 0), 0);
    assert_int_equal(tug_fault_calls("io_uring_submit") + tug_fault_calls("io_uring_wait") +
                         tug_fault_calls("io_uring_get_events"),
                     1);
    loop_close(&loop);
#else
    skip();
#endif
}

#if TUG_FAULT_INJECTION

static void set_up_fails(void **state)
{
    (void)state;
    struct tug_driver *driver = NULL;
    struct tug_pool *pool = NULL;
    const int errors[] = {EPERM, ENOSYS, ENOMEM, EMFILE};
    int before = count_fds();
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        tug_fault_reset();
        tug_fault_fail("io_uring_queue_init", 1, TUG_FAULT_ALWAYS, errors[i]);
        assert_int_equal(tug_uring_probe(), -errors[i]);
        assert_int_equal(tug_uring_driver_open(&driver, pool, 8), -errors[i]);
        assert_null(driver);
    }
    tug_fault_reset();
    tug_fault_fail("io_uring_queue_init", 1, TUG_FAULT_ALWAYS, EINVAL);
    assert_int_equal(tug_uring_driver_open(&driver, pool, 8), -ENOSYS);
    tug_fault_reset();
    tug_fault_fail("eventfd", 1, 1, EMFILE);
    assert_int_equal(tug_uring_driver_open(&driver, pool, 8), -EMFILE);
    tug_fault_reset();
    tug_fault_fail("calloc", 1, 1, ENOMEM);
    assert_int_equal(tug_uring_driver_open(&driver, pool, 8), -ENOMEM);
    assert_null(driver);
    tug_fault_reset();
    assert_int_equal(tug_uring_probe(), 0);
    assert_int_equal(count_fds(), before);
}

/* Older kernels refuse some of the wishes: a ring with fewer does the same. */
static void fewer_features(void **state)
{
    (void)state;
    for (unsigned refused = 0; refused < 4; refused++) {
        tug_fault_reset();
        if (refused > 0)
            tug_fault_fail("io_uring_queue_init", 1, 1, EINVAL);
        tug_fault_fail("io_uring_register_ring_fd", 1, 1, EINVAL);
        tug_fault_fail("io_uring_register_iowq_max_workers", 1, 1, EINVAL);
        open_small();
        int fds[2];
        make_pipe(fds, 0);
        char byte;
        struct tug_op op;
        tug_op_read(&op, fds[0], &byte, 1, TUG_CURRENT_POSITION);
        assert_false(loop_drive(&loop, &op));
        loop_turn(&loop, MILLISECOND);
        assert_int_equal(write(fds[1], "x", 1), 1);
        assert_int_equal(loop_finish(&loop, &op), 1);
        tug_op_read(&op, fds[0], &byte, 1, TUG_CURRENT_POSITION);
        assert_false(loop_drive(&loop, &op));
        loop_turn(&loop, MILLISECOND);
        tug_op_cancel(&op);
        assert_int_equal(loop_finish(&loop, &op), -ECANCELED);
        close_pipe(fds);
        loop_close(&loop);
    }
}

/* The kernel refuses a whole submission: the ops in it end with that error, the ring goes on. */
static void submission_fails(void **state)
{
    (void)state;
    open_small();
    int fds[2];
    make_pipe(fds, 0);
    char byte;
    struct tug_op pending, ops[5];
    tug_op_read(&pending, fds[0], &byte, 1, TUG_CURRENT_POSITION);
    assert_false(loop_drive(&loop, &pending));
    loop_turn(&loop, 0);
    tug_fault_fail("io_uring_submit", 1, 1, EIO);
    tug_fault_fail("io_uring_wait", 1, 1, EIO);
    for (int i = 0; i < 5; i++) {
        tug_op_nop(&ops[i]);
        assert_false(loop_drive(&loop, &ops[i]));
    }
    loop_turn(&loop, MILLISECOND);
    for (int i = 0; i < 5; i++) {
        assert_true(loop_drive(&loop, &ops[i]));
        assert_int_equal(ops[i].future.result, -EIO);
    }
    tug_fault_reset();
    tug_op_nop(&ops[0]);
    assert_int_equal(loop_finish(&loop, &ops[0]), 0);
    assert_int_equal(write(fds[1], "x", 1), 1);
    assert_int_equal(loop_finish(&loop, &pending), 1);
    close_pipe(fds);
    loop_close(&loop);
}

/* The kernel is short of memory or of room for a while: nothing fails, and all that was started and
 * all that was asked to end gets its turn later. */
static void submission_is_put_off(void **state)
{
    (void)state;
    enum { COUNT = 50 };
    const int errors[] = {EAGAIN, EBUSY, EINTR};
    for (size_t k = 0; k < sizeof(errors) / sizeof(errors[0]); k++) {
        open_small();
        int fds[2];
        make_pipe(fds, 0);
        char bytes[COUNT];
        struct tug_op reads[COUNT], nops[COUNT];
        for (int i = 0; i < COUNT; i++) {
            tug_op_read(&reads[i], fds[0], &bytes[i], 1, TUG_CURRENT_POSITION);
            assert_false(loop_drive(&loop, &reads[i]));
        }
        loop_turn(&loop, 0);
        tug_fault_fail("io_uring_submit", 1, 40, errors[k]);
        tug_fault_fail("io_uring_wait", 1, 5, errors[k]);
        for (int i = 0; i < COUNT; i++) {
            tug_op_nop(&nops[i]);
            assert_false(loop_drive(&loop, &nops[i]));
        }
        for (int i = 0; i < COUNT; i++)
            tug_op_cancel(&reads[i]);
        for (int i = COUNT - 1; i >= COUNT / 2; i--)
            tug_op_cancel(&nops[i]);
        for (int i = 0; i < COUNT; i++)
            assert_int_equal(loop_finish(&loop, &reads[i]), -ECANCELED);
        for (int i = 0; i < COUNT; i++) {
            int64_t result = loop_finish(&loop, &nops[i]);
            assert_true(result == 0 || (i >= COUNT / 2 && result == -ECANCELED));
        }
        tug_fault_reset();
        close_pipe(fds);
        loop_close(&loop);
    }
}

#endif

/* Before Linux 5.13 a poll watches for one event only: it is armed anew for each sleep. */
static void wake_up_without_multishot(void **state)
{
    (void)state;
    open_small();
    ((struct tug_uring_driver *)loop.driver)->wake_multishot = false;
    for (int i = 0; i < 100; i++) {
        bool notified;
        assert_true(tug_driver_prepare_park(loop.driver));
        assert_true(tug_driver_wake(loop.driver));
        uint64_t start = tug_clock_now();
        tug_driver_park(loop.driver, LONG_TIME, &notified);
        assert_true(notified);
        assert_true(tug_clock_now() - start < (uint64_t)LONG_TIME / 2);
        assert_true(tug_driver_prepare_park(loop.driver));
        tug_driver_park(loop.driver, 1000, &notified);
        assert_false(notified);
    }
    loop_close(&loop);
}

/* An opcode that says EINVAL, and has never said anything else, is asked of the pool as well. */
static void answers_of_unproven_opcodes(void **state)
{
    (void)state;
    open_small();
    struct tug_op op;
    tug_op_unlinkat(&op, AT_FDCWD, "/nothing", 0x40000000);
    assert_int_equal(loop_finish(&loop, &op), -EINVAL);
    assert_int_equal(op.route, TUG_ROUTE_POOL);
    char path[256];
    make_directory(path, sizeof(path));
    tug_op_unlinkat(&op, AT_FDCWD, path, AT_REMOVEDIR);
    assert_int_equal(loop_finish(&loop, &op), 0);
    assert_int_equal(op.route, TUG_ROUTE_URING);
    tug_op_unlinkat(&op, AT_FDCWD, "/nothing", 0x40000000);
    assert_int_equal(loop_finish(&loop, &op), -EINVAL);
    assert_int_equal(op.route, TUG_ROUTE_URING);
    loop_close(&loop);
}

int main(void)
{
    int reason = tug_uring_probe();
    if (reason < 0) {
        fprintf(stderr, "skipped: no io_uring: %s\n", strerror(-reason));
        return 77;
    }
#define TEST(function) cmocka_unit_test_teardown(function, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(answers_of_unproven_opcodes),
        TEST(completions_overflow),
        TEST(completions_overflow_all_at_once),
        TEST(cancels_overflow),
        TEST(one_entry_for_many_ops),
        TEST(wake_up_without_multishot),
#if TUG_FAULT_INJECTION
        TEST(set_up_fails),
        TEST(submission_fails),
        TEST(submission_is_put_off),
        TEST(fewer_features),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
