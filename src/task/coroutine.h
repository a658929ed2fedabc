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

#include <errno.h>
#include <stddef.h>
#include <stdint.h>

#include <tug/cancel.h>
#include <tug/task_local.h>

#include "task/executor.h"
#include "task/switch.h"
#include "task/task.h"

/* A cache line, since each switch touches it. Its stack begins where it ends. */
struct tug_coroutine {
    struct tug_context context;
    struct tug_scope *scope; /* the innermost cancel scope */
    struct tug_task *task;
    struct tug_task_local_scope *locals; /* the innermost scope of a task-local */
    uint32_t unconstrained;              /* depth of tug_unconstrained_begin() */
};
#if !TUG_SWITCH_UCONTEXT && !TUG_FIBERS
_Static_assert(sizeof(struct tug_coroutine) <= 64, "more than a cache line");
#endif

/* Gives a task that runs for the first time a new coroutine, or returns NULL for -ENOMEM; gives
 * back the stack of one whose task has ended. */
struct tug_coroutine *tug_coroutine_attach_new(struct tug_executor *executor,
                                               struct tug_task *task);
void tug_coroutine_discard(struct tug_executor *executor, struct tug_coroutine *coroutine,
                           unsigned stack_order);

/* Switches from the calling coroutine to its executor. When it returns the task may be on another
 * worker. */
void tug_coroutine_suspend(struct tug_task *task, enum tug_coroutine_action action);

/* The same for who has just asked for the executor, which must not be used afterwards. */
static inline void tug_coroutine_switch_away(struct tug_executor *executor, struct tug_task *task,
                                             enum tug_coroutine_action action)
{
    executor->action = (uint8_t)action;
    tug_context_switch(&task->coroutine->context, &executor->context);
}

/* The coroutine that runs on an executor, or NULL. */
static inline struct tug_task *tug_executor_coroutine(const struct tug_executor *executor)
{
    if (__builtin_expect(executor == NULL || executor->current == NULL, 0))
        return NULL;
    return executor->current->kind == TUG_TASK_COROUTINE ? executor->current : NULL;
}

/* The wait of a coroutine for a future. `reason`: why the future has been asked to end, or 0. */
static inline __attribute__((always_inline)) int64_t
tug_await_until_ready(struct tug_task *task, struct tug_future *future, int reason)
{
    const struct tug_waker waker = {&tug_task_waker_vtable, task};
    while (future->vtable->poll(future, &waker) == TUG_PENDING) {
        tug_coroutine_switch_away(tug_executor_current(), task, TUG_ACTION_PENDING);
        if (reason == 0) {
            reason = tug_task_cancel_reason(task);
            if (reason != 0 && future->vtable->cancel != NULL)
                future->vtable->cancel(future);
        }
    }
    return reason != 0 && future->result == -ECANCELED ? reason : future->result;
}

/*
 * tug_await() of a coroutine that knows what it is. Inline, since each function that a coroutine
 * returns from after it has been away costs a return that was predicted wrongly.
 */
static inline __attribute__((always_inline)) int64_t tug_await_in(struct tug_task *task,
                                                                  struct tug_future *future)
{
    int reason = tug_task_cancel_reason(task);
    return reason != 0 ? reason : tug_await_until_ready(task, future, 0);
}

/* The calling task if it is a coroutine, else NULL. */
struct tug_task *tug_coroutine_current(void);

#endif
