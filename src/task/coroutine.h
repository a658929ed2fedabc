/* SPDX-License-Identifier: MIT */
/*
 * Coroutine tasks: a C function on a stack of its own.
 *
 * The stack is attached at the first run and goes back when the function returns, so a task that
 * was only spawned has none. The control block lies at the top of the stack, in the page that is
 * touched anyway.
 */
#ifndef TUG_TASK_COROUTINE_H
#define TUG_TASK_COROUTINE_H

#include <stddef.h>
#include <stdint.h>

#include <tug/cancel.h>

#include "task/executor.h"
#include "task/switch.h"
#include "task/task.h"

struct tug_coroutine {
    struct tug_context context;
    struct tug_scope *scope; /* the innermost cancel scope */
    void *stack_top;
    uint32_t unconstrained; /* depth of tug_unconstrained_begin() */
};

/* Runs the task's coroutine until it gives way. Returns an enum tug_coroutine_action; after
 * TUG_ACTION_END the stack is gone and task->result is set. */
int tug_coroutine_resume(struct tug_executor *executor, struct tug_task *task);

/* Switches from the calling coroutine to its executor. When it returns the task may be on another
 * worker. */
void tug_coroutine_suspend(struct tug_task *task, enum tug_coroutine_action action);

/* The calling task if it is a coroutine, else NULL. */
struct tug_task *tug_coroutine_current(void);

#endif
