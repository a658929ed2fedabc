/* SPDX-License-Identifier: MIT */
/*
 * The io_uring driver: starting an op fills in an entry of the submission queue; one system call
 * per poll hands over all entries, waits if there is reason to, and completions are read from
 * shared memory.
 *
 * Invariants:
 *  - Only the owner touches the ring (SINGLE_ISSUER).
 *  - An op in flight is in one of two lists: `flying`, with exactly one entry of its own in the
 *    submission queue or the kernel, or `waiting`, with none. in_flight counts both.
 *  - The memory of an op may be gone after its completion, and its address may be another op's by
 *    then: user_data of cancellations is never followed.
 *  - The kernel may write to an op's buffers until its completion is seen, even after the ring's
 *    descriptor was closed: close waits for all of them.
 *
 * Wake-up: a multishot poll watches an eventfd, armed before the first sleep. Each write is an
 * event, nobody reads the eventfd while one entry serves for all.
 */
#include "driver/uring.h"

#include <errno.h>
#include <poll.h>

#include <tug/sys.h>

#include "driver/wake_fd.h"
#include "sys/call.h"
#include "sys/clock.h"
#include "sys/cpu.h"

/* The kernel's own errors for a call that a signal, or here a cancellation, has interrupted; the
 * ring does not translate them to EINTR as system calls do. */
#define ERESTART_FIRST 512
#define ERESTART_LAST 516

/* Completions between the fetching of an op's memory and its use. */
#define LOOK_AHEAD 4

/* In ns: how long close waits before it asks again for the end of what is in flight. */
#define CLOSE_INTERVAL INT64_C(20000000)

static struct tug_uring_driver *self(struct tug_driver *driver)
{
    return (struct tug_uring_driver *)driver;
}

static int uring_start(struct tug_driver *base, struct tug_op *op)
{
    const struct tug_op_row *row = tug_op_row(op);
    if (!tug_uring_is_native(op) || (row->ring_length_is_32_bits && op->length > UINT32_MAX))
        return tug_op_start_in_pool(base, op);
    tug_op_take_off(op, base, TUG_ROUTE_URING, TUG_OP_IN_FLIGHT);
    op->flags = row->ring_has_buffers && !tug_uring_has_buffers(self(base)) ? TUG_OP_POLLING : 0;
    base->in_flight++;
    tug_uring_launch(self(base), op);
    return TUG_PENDING;
}

static void uring_cancel(struct tug_driver *base, struct tug_op *op)
{
    struct tug_uring_driver *driver = self(base);
    if ((op->flags & TUG_OP_WAITING) == 0) {
        tug_uring_ask(driver, op);
        return;
    }
    tug_op_list_remove(&driver->waiting, op);
    tug_uring_count_unsubmitted(driver);
    tug_driver_land(base, op, -ECANCELED);
}

/* ---- Completions ---- */

/* An op that failed although nobody asked for its end: whether it should be tried in another way,
 * and if so, does that. `of_poll`: by a call, after its descriptor was waited for. The op is in
 * neither list. */
static bool try_otherwise(struct tug_uring_driver *driver, struct tug_op *op, bool of_poll,
                          int result)
{
    switch (result) {
    case -EAGAIN: /* a descriptor in O_NONBLOCK mode; the ring waits for all others by itself */
        if (tug_op_row(op)->events == 0)
            return false;
        op->flags |= TUG_OP_POLLING;
        tug_uring_launch(driver, op);
        return true;
    case -ENOBUFS: /* all that the ring was lent are in use; of a call it is the socket's */
        if (of_poll || !tug_op_row(op)->ring_has_buffers)
            return false;
        tug_uring_lend_missing(driver);
        op->flags |= TUG_OP_POLLING;
        tug_uring_launch(driver, op);
        return true;
    case -EINTR:
        if (tug_op_row(op)->uncancellable)
            return false;
        tug_uring_launch(driver, op);
        return true;
    case -EINVAL:
    case -EOPNOTSUPP:
    case -ENOSYS: /* either the answer, or the kernel lacks support */
        if (tug_uring_is_proven(op))
            return false;
        break;
    case -ECANCELED: /* the kernel could not start a thread for it */
        break;
    default:
        return false;
    }
    driver->base.in_flight--;
    tug_op_move_to_pool(&driver->base, op);
    return true;
}

/* After the descriptor was waited for: -EINTR, try again; or a receive whose buffer the ring did
 * not have is made by a call. */
static int after_poll(struct tug_op *op, int result)
{
    op->flags &= (uint8_t)~TUG_OP_POLLING;
    if (result < 0)
        return result;
    const struct tug_op_row *row = tug_op_row(op);
    return row->ring_has_buffers ? (int)row->attempt(op) : -EINTR;
}

static void on_op(struct tug_uring_driver *driver, struct tug_op *op,
                  const struct io_uring_cqe *cqe)
{
    int result = cqe->res;
    tug_op_list_remove(&driver->flying, op);
    if ((cqe->flags & IORING_CQE_F_BUFFER) != 0)
        tug_uring_hand_over(driver, op, cqe->flags >> IORING_CQE_BUFFER_SHIFT, result);
    if (result <= -ERESTART_FIRST && result >= -ERESTART_LAST)
        result = -EINTR;
    bool of_poll = (cqe->user_data & TUG_URING_OF_POLL) != 0;
    if (of_poll) {
        result = after_poll(op, result);
    } else if (result >= 0 && !tug_uring_is_proven(op)) {
        tug_uring_set_proven(op);
    }
    if (result < 0) {
        if (!tug_op_is_cancelled(op)) {
            if (try_otherwise(driver, op, of_poll, result))
                return;
        } else if (result == -EINTR || result == -EAGAIN || (result == -ENOBUFS && !of_poll)) {
            result = -ECANCELED;
        }
    }
    tug_driver_land(&driver->base, op, result);
}

static void on_wake(struct tug_uring_driver *driver, const struct io_uring_cqe *cqe)
{
    if ((cqe->flags & IORING_CQE_F_MORE) != 0)
        return;
    driver->wake_armed = false;
    if (cqe->res == -EINVAL)
        driver->wake_multishot = false; /* before Linux 5.13 */
    tug_wake_fd_drain(driver->wake_fd);
}

/* Asks for the memory of a completion's op, which lies wherever its task waits. Other values than
 * addresses do no harm. */
static TUG_FETCHES void prefetch_op(uint64_t user_data)
{
    __builtin_prefetch((const void *)(uintptr_t)user_data, 1);
    __builtin_prefetch((const void *)(uintptr_t)(user_data + TUG_CACHE_LINE), 1);
}

static void reap(struct tug_uring_driver *driver)
{
    struct io_uring_cq *cq = &driver->ring.cq;
    unsigned head = *cq->khead;
    unsigned tail = io_uring_smp_load_acquire(cq->ktail);
    while (head != tail) {
        struct io_uring_cqe cqe = cq->cqes[head & cq->ring_mask];
        io_uring_smp_store_release(cq->khead, ++head);
        if (tail - head > LOOK_AHEAD)
            prefetch_op(cq->cqes[(head + LOOK_AHEAD) & cq->ring_mask].user_data);
        if (cqe.user_data >= TUG_URING_SPECIAL_END)
            on_op(driver, tug_uring_op_of(cqe.user_data), &cqe);
        else if (cqe.user_data == TUG_URING_WAKE)
            on_wake(driver, &cqe);
    }
}

/* ---- The turn ---- */

static void arm_wake(struct tug_uring_driver *driver)
{
    struct io_uring_sqe *sqe = tug_uring_get_entry(driver);
    if (sqe == NULL)
        return;
    if (driver->wake_multishot)
        io_uring_prep_poll_multishot(sqe, driver->wake_fd, POLLIN);
    else
        io_uring_prep_poll_add(sqe, driver->wake_fd, POLLIN);
    sqe->user_data = TUG_URING_WAKE;
    driver->base.unsubmitted++;
    driver->wake_armed = true;
}

static void wait_for_events(struct tug_uring_driver *driver, int64_t timeout)
{
    struct timespec time = tug_clock_timespec(timeout < 0 ? 0 : (uint64_t)timeout);
    struct __kernel_timespec kernel_time = {.tv_sec = time.tv_sec, .tv_nsec = time.tv_nsec};
    struct io_uring_cqe *cqe;
    tug_uring_after_enter(
        driver, tug_ring_submit_and_wait_timeout(&driver->ring, &cqe, 1,
                                                 timeout < 0 ? NULL : &kernel_time, NULL));
}

/* Enters the kernel at most once, and not at all if there is nothing to hand over, nothing to wait
 * for and nothing to be flushed. */
static void enter(struct tug_uring_driver *driver, int64_t timeout)
{
    bool ready = io_uring_cq_ready(&driver->ring) > 0;
    if (!ready && timeout != 0) {
        wait_for_events(driver, timeout);
    } else if (io_uring_sq_ready(&driver->ring) > 0) {
        tug_uring_submit(driver);
    } else if (!ready) {
        unsigned flags = IO_URING_READ_ONCE(*driver->ring.sq.kflags);
        if ((flags & (IORING_SQ_CQ_OVERFLOW | IORING_SQ_TASKRUN)) != 0)
            (void)tug_ring_get_events(&driver->ring);
    }
}

static int uring_poll(struct tug_driver *base, int64_t timeout)
{
    struct tug_uring_driver *driver = self(base);
    uint64_t before = base->completions;
    tug_driver_count(&base->polls, 1);
    if (__atomic_load_n(&base->cancel_inbox, __ATOMIC_RELAXED) != NULL) {
        tug_driver_serve_inbox(base);
        timeout = 0; /* an op that had completed before has just been published to its waiter */
    }
    if (driver->waiting.first != NULL)
        tug_uring_launch_waiting(driver);
    if (driver->ask_again)
        tug_uring_ask_again(driver);
    if (timeout != 0 && !driver->wake_armed)
        arm_wake(driver);
    /* Each of these may have ended ops: who waited for them runs before the thread sleeps. */
    if (base->completions != before)
        timeout = 0;
    enter(driver, timeout);
    reap(driver);
    return (int)(base->completions - before);
}

static void uring_interrupt(struct tug_driver *base)
{
    tug_wake_fd_signal(self(base)->wake_fd);
}

/* ---- The beginning and the end ---- */

static void cancel_waiting(struct tug_uring_driver *driver)
{
    struct tug_op *op;
    while ((op = driver->waiting.first) != NULL) {
        tug_op_list_remove(&driver->waiting, op);
        const struct tug_op_row *row = tug_op_row(op);
        tug_driver_land(&driver->base, op, row->uncancellable ? row->blocking(op) : -ECANCELED);
    }
}

static void cancel_flying(struct tug_uring_driver *driver)
{
    for (struct tug_op *op = driver->flying.first; op != NULL; op = op->next) {
        if (tug_op_row(op)->uncancellable)
            continue;
        __atomic_fetch_or(&op->state, TUG_OP_CANCEL_ASKED, __ATOMIC_ACQ_REL);
        tug_uring_ask(driver, op);
    }
}

static void uring_close(struct tug_driver *base)
{
    struct tug_uring_driver *driver = self(base);
    cancel_waiting(driver);
    while (base->in_flight > 0) {
        cancel_flying(driver);
        uint64_t deadline = tug_clock_now() + CLOSE_INTERVAL;
        for (uint64_t now; base->in_flight > 0 && (now = tug_clock_now()) < deadline;)
            uring_poll(base, (int64_t)(deadline - now));
    }
    tug_driver_settle(base);
    tug_ring_queue_exit(&driver->ring);
    tug_uring_free_buffers(driver);
    tug_sys_close(driver->wake_fd);
    tug_sys_free(driver);
}

static const struct tug_driver_vtable uring_vtable = {
    .name = "uring",
    .start = uring_start,
    .cancel = uring_cancel,
    .poll = uring_poll,
    .interrupt = uring_interrupt,
    .close = uring_close,
};

static int open_ring(struct tug_uring_driver *driver, unsigned entries)
{
    int result = tug_uring_setup(&driver->ring, entries);
    if (result < 0)
        return result;
    result = tug_uring_learn_routes(&driver->ring);
    if (result == 0)
        result = tug_sys_eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (result < 0) {
        tug_ring_queue_exit(&driver->ring);
        return result;
    }
    driver->wake_fd = result;
    return 0;
}

int tug_uring_driver_open(struct tug_driver **result, struct tug_pool *pool, unsigned entries)
{
    struct tug_uring_driver *driver = tug_sys_calloc(1, sizeof(*driver));
    if (driver == NULL)
        return -ENOMEM;
    tug_driver_init(&driver->base, &uring_vtable, pool);
    tug_op_list_init(&driver->flying);
    tug_op_list_init(&driver->waiting);
    driver->wake_multishot = true;
    int error = open_ring(driver, entries);
    if (error < 0) {
        tug_sys_free(driver);
        return error;
    }
    *result = &driver->base;
    return 0;
}
