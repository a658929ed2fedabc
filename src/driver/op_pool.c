/* SPDX-License-Identifier: MIT */
/*
 * The route to the blocking pool: an op as a job.
 *
 * An op that the pool has is withdrawn by a cancel if no thread has begun it; else its result is
 * what the system call returns, however long that takes. An op that is never cancelled (a close) is
 * carried out by the calling thread if the pool cannot do it, since a descriptor would stay open
 * otherwise.
 */
#include <errno.h>

#include "driver/op_flight.h"
#include "driver/pool.h"
#include "sys/list.h"

static void run(struct tug_job *job, int dropped)
{
    struct tug_op *op = TUG_CONTAINER_OF(job, struct tug_op, job);
    const struct tug_op_row *row = tug_op_row(op);
    bool wanted = row->uncancellable || (!dropped && !tug_op_is_cancelled(op));
    tug_op_complete(op, wanted ? row->blocking(op) : -ECANCELED);
}

static int submit(struct tug_op *op)
{
    op->job.run = run;
    return tug_pool_submit(op->pool, &op->job);
}

int tug_op_start_in_pool(struct tug_driver *driver, struct tug_op *op)
{
    op->pool = driver->pool;
    tug_op_take_off(op, driver, TUG_ROUTE_POOL, TUG_OP_IN_FLIGHT | TUG_OP_POOLED);
    int result = submit(op);
    if (result == 0)
        return TUG_PENDING;
    tug_waker_drop(op->waker);
    const struct tug_op_row *row = tug_op_row(op);
    return tug_op_end_at_once(op, row->uncancellable ? row->blocking(op) : result);
}

void tug_op_move_to_pool(struct tug_driver *driver, struct tug_op *op)
{
    op->pool = driver->pool;
    op->job.previous = NULL;
    uint32_t state = __atomic_load_n(&op->state, __ATOMIC_ACQUIRE);
    do {
        if ((state & TUG_OP_CANCEL_ASKED) != 0) {
            tug_op_complete(op, -ECANCELED);
            return;
        }
    } while (!__atomic_compare_exchange_n(&op->state, &state, state | TUG_OP_POOLED, true,
                                          __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE));
    op->route = TUG_ROUTE_POOL;
    int result = submit(op);
    if (result < 0)
        tug_op_complete(op, tug_op_row(op)->uncancellable ? tug_op_row(op)->blocking(op) : result);
}
