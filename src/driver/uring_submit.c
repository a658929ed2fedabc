/* SPDX-License-Identifier: MIT */
/*
 * The submission queue of a ring: entries are filled in and wait for the next time that the kernel
 * is entered, ops that find no room wait for an entry, and what the kernel refuses is taken back.
 */
#include "driver/uring.h"

#include <errno.h>

static uint64_t address_of(const struct tug_op *op)
{
    return (uint64_t)(uintptr_t)op;
}

void tug_uring_count_unsubmitted(struct tug_uring_driver *driver)
{
    driver->base.unsubmitted = io_uring_sq_ready(&driver->ring);
    if (driver->waiting.first != NULL)
        driver->base.unsubmitted++;
}

/* Ends the ops whose entries the kernel refused to take as a whole, and makes those entries do
 * nothing. The others, cancellations and the wake-up, stay for the next time. */
static void fail_unsubmitted(struct tug_uring_driver *driver, int error)
{
    struct io_uring_sq *sq = &driver->ring.sq;
    unsigned head = io_uring_smp_load_acquire(sq->khead);
    for (; head != sq->sqe_tail; head++) {
        struct io_uring_sqe *sqe = &sq->sqes[head & sq->ring_mask];
        uint64_t data = sqe->user_data;
        if (data < TUG_URING_SPECIAL_END)
            continue;
        io_uring_prep_nop(sqe);
        sqe->user_data = TUG_URING_IGNORED;
        struct tug_op *op = tug_uring_op_of(data);
        tug_op_list_remove(&driver->flying, op);
        tug_driver_land(&driver->base, op, error);
    }
}

/* The system is short of something, or has no room for completions: try again later. EBADR is no
 * news of the submission: the kernel had no memory to keep a completion that found the queue full.
 */
static bool is_transient(int error)
{
    return error == -EAGAIN || error == -EBUSY || error == -EINTR || error == -ETIME ||
           error == -EBADR;
}

void tug_uring_after_enter(struct tug_uring_driver *driver, int result)
{
    if (result < 0 && !is_transient(result))
        fail_unsubmitted(driver, result);
    tug_uring_count_unsubmitted(driver);
}

void tug_uring_submit(struct tug_uring_driver *driver)
{
    tug_uring_after_enter(driver, tug_ring_submit(&driver->ring));
}

struct io_uring_sqe *tug_uring_get_entry_after_submit(struct tug_uring_driver *driver)
{
    tug_uring_submit(driver);
    return io_uring_get_sqe(&driver->ring);
}

static void fill_entry(struct tug_uring_driver *driver, struct tug_op *op, struct io_uring_sqe *sqe)
{
    if ((op->flags & TUG_OP_POLLING) != 0) {
        io_uring_prep_poll_add(sqe, op->fd, tug_op_events(op));
        sqe->user_data = address_of(op) | TUG_URING_OF_POLL;
    } else {
        tug_op_row(op)->fill(op, sqe);
        sqe->user_data = address_of(op);
    }
    tug_op_list_push(&driver->flying, op);
    driver->base.unsubmitted++;
}

void tug_uring_launch(struct tug_uring_driver *driver, struct tug_op *op)
{
    struct io_uring_sqe *sqe = driver->waiting.first == NULL ? tug_uring_get_entry(driver) : NULL;
    if (sqe != NULL) {
        fill_entry(driver, op, sqe);
        return;
    }
    op->flags |= TUG_OP_WAITING;
    tug_op_list_push(&driver->waiting, op);
    tug_uring_count_unsubmitted(driver);
}

void tug_uring_launch_waiting(struct tug_uring_driver *driver)
{
    struct tug_op *op;
    struct io_uring_sqe *sqe;
    while ((op = driver->waiting.first) != NULL && (sqe = tug_uring_get_entry(driver)) != NULL) {
        tug_op_list_remove(&driver->waiting, op);
        op->flags &= (uint8_t)~TUG_OP_WAITING;
        fill_entry(driver, op, sqe);
    }
    tug_uring_count_unsubmitted(driver);
}

void tug_uring_ask(struct tug_uring_driver *driver, struct tug_op *op)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&driver->ring);
    if (sqe == NULL) {
        (void)tug_ring_submit(&driver->ring);
        tug_uring_count_unsubmitted(driver);
        sqe = io_uring_get_sqe(&driver->ring);
    }
    if (sqe == NULL) {
        op->flags |= TUG_OP_ASK_AGAIN;
        driver->ask_again = true;
        return;
    }
    uint64_t of_poll = (op->flags & TUG_OP_POLLING) != 0 ? TUG_URING_OF_POLL : 0;
    io_uring_prep_cancel64(sqe, address_of(op) | of_poll, 0);
    sqe->user_data = TUG_URING_IGNORED;
    driver->base.unsubmitted++;
}

void tug_uring_ask_again(struct tug_uring_driver *driver)
{
    driver->ask_again = false;
    for (struct tug_op *op = driver->flying.first; op != NULL; op = op->next) {
        if ((op->flags & TUG_OP_ASK_AGAIN) == 0)
            continue;
        op->flags &= (uint8_t)~TUG_OP_ASK_AGAIN;
        tug_uring_ask(driver, op);
    }
}
