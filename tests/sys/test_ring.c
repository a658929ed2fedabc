/* SPDX-License-Identifier: MIT */
/*
 * The ring's calls: they work, and each can be made to fail without harm to the ring. Skipped where
 * there is no io_uring.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sys/fault.h"
#include "sys/ring.h"

#if TUG_HAVE_IO_URING

static struct io_uring ring;

static int open_ring(void **state)
{
    (void)state;
    struct io_uring_params parameters = {0};
    return tug_ring_queue_init_params(8, &ring, &parameters);
}

static int close_ring(void **state)
{
    (void)state;
    tug_ring_queue_exit(&ring);
    return 0;
}

static void prepare_nop(uint64_t data)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);
    assert_non_null(sqe);
    io_uring_prep_nop(sqe);
    io_uring_sqe_set_data64(sqe, data);
}

static void expect_completion(uint64_t data)
{
    struct io_uring_cqe *cqe = NULL;
    struct __kernel_timespec timeout = {.tv_sec = 10};
    assert_true(tug_ring_submit_and_wait_timeout(&ring, &cqe, 1, &timeout, NULL) >= 0);
    assert_non_null(cqe);
    assert_int_equal(io_uring_cqe_get_data64(cqe), data);
    assert_int_equal(cqe->res, 0);
    io_uring_cqe_seen(&ring, cqe);
}

static void test_submit_and_wait(void **state)
{
    (void)state;
    struct io_uring_cqe *cqe;
    struct __kernel_timespec timeout = {.tv_nsec = 1000000};
    assert_int_equal(tug_ring_submit_and_wait_timeout(&ring, &cqe, 1, &timeout, NULL), -ETIME);
    assert_null(cqe);
    prepare_nop(1);
    assert_int_equal(tug_ring_submit(&ring), 1);
    expect_completion(1);
    prepare_nop(2);
    expect_completion(2);
    assert_true(tug_ring_get_events(&ring) >= 0);
}

static void test_registrations(void **state)
{
    (void)state;
    unsigned workers[2] = {0, 0};
    struct io_uring_probe *probe =
        calloc(1, sizeof(*probe) + IORING_OP_LAST * sizeof(struct io_uring_probe_op));
    assert_non_null(probe);
    assert_int_equal(tug_ring_register_probe(&ring, probe, IORING_OP_LAST), 0);
    assert_true(io_uring_opcode_supported(probe, IORING_OP_NOP));
    free(probe);
    int result = tug_ring_register_iowq_max_workers(&ring, workers);
    assert_true(result == 0 || result == -EINVAL);
    result = tug_ring_register_ring_fd(&ring);
    assert_true(result == 1 || result == -EINVAL);
    prepare_nop(3);
    expect_completion(3);
}

#if TUG_FAULT_INJECTION

static void test_each_can_fail(void **state)
{
    (void)state;
    struct io_uring_cqe *cqe = (struct io_uring_cqe *)1;
    struct io_uring other;
    struct io_uring_params parameters = {0};
    unsigned workers[2] = {0, 0};
    tug_fault_reset();
    tug_fault_fail("io_uring_queue_init", 1, 1, EPERM);
    tug_fault_fail("io_uring_submit", 1, 1, EBUSY);
    tug_fault_fail("io_uring_wait", 1, 1, EINTR);
    tug_fault_fail("io_uring_get_events", 1, 1, EINTR);
    tug_fault_fail("io_uring_register_probe", 1, 1, EINVAL);
    tug_fault_fail("io_uring_register_ring_fd", 1, 1, ENOMEM);
    tug_fault_fail("io_uring_register_iowq_max_workers", 1, 1, EPERM);
    assert_int_equal(tug_ring_queue_init_params(8, &other, &parameters), -EPERM);
    prepare_nop(4);
    assert_int_equal(tug_ring_submit(&ring), -EBUSY);
    assert_int_equal(tug_ring_submit_and_wait_timeout(&ring, &cqe, 1, NULL, NULL), -EINTR);
    assert_null(cqe);
    assert_int_equal(tug_ring_get_events(&ring), -EINTR);
    assert_int_equal(tug_ring_register_probe(&ring, NULL, 0), -EINVAL);
    assert_int_equal(tug_ring_register_ring_fd(&ring), -ENOMEM);
    assert_int_equal(tug_ring_register_iowq_max_workers(&ring, workers), -EPERM);
    /* What failed to be submitted is still there. */
    expect_completion(4);
    assert_int_equal(tug_fault_calls("io_uring_wait"), 2);
    tug_fault_reset();
}

#endif

int main(void)
{
    void *nothing = NULL;
    int opened = open_ring(&nothing);
    if (opened < 0) {
        printf("no io_uring here: %s\n", strerror(-opened));
        return 77;
    }
    close_ring(&nothing);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_submit_and_wait, open_ring, close_ring),
        cmocka_unit_test_setup_teardown(test_registrations, open_ring, close_ring),
#if TUG_FAULT_INJECTION
        cmocka_unit_test_setup_teardown(test_each_can_fail, open_ring, close_ring),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

int main(void)
{
    printf("built without io_uring\n");
    return 77;
}

#endif
