/* SPDX-License-Identifier: MIT */
/*
 * A kernel operation as a future: the driver's state machine under the coop budget.
 *
 * An operation is started only if there is a unit, and takes it unless it has to wait; the poll
 * that finds it done takes one too, but is not held up for it: the result is there, and the next
 * operation will find the budget empty.
 */
#include <tug/coop.h>
#include <tug/op.h>

#include "driver/driver.h"
#include "task/executor.h"

static int op_future_poll(struct tug_future *self, const struct tug_waker *waker)
{
    struct tug_op *op = TUG_CONTAINER_OF(self, struct tug_op, future);
    struct tug_executor *executor = tug_executor_current();
    if (executor == NULL || executor->current == NULL)
        return tug_op_drive(op, waker);
    int outcome;
    if (!tug_op_is_new(op))
        outcome = tug_op_drive(op, waker);
    else if (tug_coop_may_take(executor))
        outcome = tug_op_start(executor->driver, op, *waker);
    else
        return tug_coop_poll(waker);
    if (outcome == TUG_READY)
        tug_coop_take(executor);
    return outcome;
}

static void op_future_cancel(struct tug_future *self)
{
    struct tug_op *op = TUG_CONTAINER_OF(self, struct tug_op, future);
    if (tug_op_is_new(op)) {
        /* Held up by the budget, never started: there is nothing to wait for. */
        op->future.result = -ECANCELED;
        __atomic_store_n(&op->state, TUG_OP_DONE, __ATOMIC_RELAXED);
        return;
    }
    tug_op_cancel(op);
}

const struct tug_future_vtable tug_op_future_vtable = {
    .poll = op_future_poll,
    .cancel = op_future_cancel,
};
