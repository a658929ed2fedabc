/* SPDX-License-Identifier: MIT */
/*
 * A call in POSIX's shape: an operation on the stack, and the wait for it. A caller that is no task
 * is served by the operation's blocking call, on its own thread.
 */
#ifndef TUG_TASK_CARRY_OUT_H
#define TUG_TASK_CARRY_OUT_H

#include <tug/op.h>
#include <tug/task.h>

#include "driver/op_table.h"

static inline int64_t tug_op_carry_out(struct tug_op *op)
{
    if (tug_task_current() == NULL)
        return tug_op_row(op)->blocking(op);
    return tug_op_await(op);
}

#endif
