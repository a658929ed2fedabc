/* SPDX-License-Identifier: MIT */
/*
 * A call in POSIX's shape: an operation on the stack, and the wait for it. A caller that is no task
 * is served by the operation's blocking call, on its own thread.
 *
 * It does what tug_await() does with an operation's future, and knows more: the operation is new,
 * its waker is the coroutine's own and stays so, and whoever is woken without being asked to end
 * finds it done. So neither the future nor the waker has to be asked, and with thousands of
 * connections what is asked less often is fetched less often. Inline, as tug_await_in().
 */
#ifndef TUG_TASK_CARRY_OUT_H
#define TUG_TASK_CARRY_OUT_H

#include <tug/op.h>

#include "driver/driver.h"
#include "driver/op_table.h"
#include "task/coroutine.h"

/* The rest of a wait that may not end as it usually does: the operation is new, or was started and
 * the coroutine has been resumed since. */
int64_t tug_op_await_rest(struct tug_task *task, struct tug_op *op);

static inline __attribute__((always_inline)) int64_t tug_op_carry_out(struct tug_op *op)
{
    struct tug_executor *executor = tug_executor_current();
    if (__builtin_expect(executor == NULL || executor->current == NULL, 0))
        return tug_op_row(op)->blocking(op);
    struct tug_task *task = executor->current;
    if (__builtin_expect(task->kind != TUG_TASK_COROUTINE, 0))
        return -EPERM;
    if (__builtin_expect(!tug_coop_may_take(executor) || tug_task_cancel_reason(task) != 0, 0))
        return tug_op_await_rest(task, op);
    op->alone = task->local;
    if (tug_op_start(executor->driver, op, (struct tug_waker){&tug_task_waker_vtable, task}) ==
        TUG_READY) {
        tug_coop_take(executor);
        return op->future.result;
    }
    tug_coroutine_switch_away(executor, task, TUG_ACTION_PENDING);
    /* Whether that is an answer, or the end that the scope has asked for, is told by the rest. */
    if (__builtin_expect(!tug_op_is_done(op) || op->future.result == -ECANCELED, 0))
        return tug_op_await_rest(task, op);
    tug_coop_take(tug_executor_current());
    return op->future.result;
}

#endif
