/* SPDX-License-Identifier: MIT */
/*
 * Making coroutines, leaving them, and waiting for a future in direct style. What runs them is in
 * run.h.
 *
 * A coroutine gives way by writing into its executor why, and switching. The task's state word is
 * changed by the executor afterwards, on its own stack: only then is the coroutine entirely out of
 * its frame, so another worker may resume it at once.
 */
#include "task/coroutine.h"

#include <errno.h>

#include "task/carry_out.h"
#include "task/state.h"

/* Runs one task after another: when a task has ended, its coroutine is kept, as far as one per
 * executor goes, and the next new task is simply its next turn of the loop. */
static void coroutine_main(void *argument)
{
    struct tug_coroutine *coroutine = argument;
    for (;;) {
        struct tug_task *task = coroutine->task;
        task->result = task->fn(task->argument);
        struct tug_executor *executor = tug_executor_current();
        executor->action = TUG_ACTION_END;
        /* A sanitizer wants to be told which switch is a fiber's last; then none is kept. */
        if (TUG_FIBERS)
            tug_context_switch_final(&coroutine->context, &executor->context);
        tug_context_switch(&coroutine->context, &executor->context);
    }
}

/* The cache holds stacks of the default size; others come from their pool directly. */
static struct tug_stack_cache *stack_cache(struct tug_executor *executor, unsigned stack_order)
{
    return stack_order == executor->domain->stack_order ? &executor->stacks : NULL;
}

struct tug_coroutine *tug_coroutine_attach_new(struct tug_executor *executor, struct tug_task *task)
{
    struct tug_stack_pool *pool = tug_domain_stack_pool(executor->domain, task->stack_order);
    if (pool == NULL)
        return NULL;
    void *top = tug_stack_pool_get(pool, stack_cache(executor, task->stack_order));
    if (top == NULL)
        return NULL;
    struct tug_coroutine *coroutine = (struct tug_coroutine *)top - 1;
    char *low = tug_stack_low(pool, top);
    coroutine->scope = NULL;
    coroutine->locals = NULL;
    coroutine->unconstrained = 0;
    coroutine->task = task;
    tug_context_init(&coroutine->context, low, (size_t)((char *)coroutine - low), coroutine_main,
                     coroutine);
    task->coroutine = coroutine;
    return coroutine;
}

void tug_coroutine_discard(struct tug_executor *executor, struct tug_coroutine *coroutine,
                           unsigned stack_order)
{
    struct tug_stack_pool *pool = executor->domain->stacks[stack_order];
    void *top = coroutine + 1;
    tug_context_destroy(&coroutine->context);
    tug_stack_pool_put(pool, stack_cache(executor, stack_order), top);
}

void tug_coroutine_suspend(struct tug_task *task, enum tug_coroutine_action action)
{
    tug_coroutine_switch_away(tug_executor_current(), task, action);
}

struct tug_task *tug_coroutine_current(void)
{
    return tug_executor_coroutine(tug_executor_current());
}

int tug_task_cancel_reason_slow(const struct tug_task *task)
{
    for (struct tug_scope *scope = task->coroutine->scope; scope != NULL; scope = scope->outer) {
        int reason = tug_token_reason(&scope->token);
        if (reason != 0)
            return reason;
        if (scope->shield)
            return 0;
    }
    return (tug_state_load(task) & TUG_TASK_ABORTED) != 0 ? -ECANCELED : 0;
}

int64_t tug_await(struct tug_future *future)
{
    struct tug_task *task = tug_coroutine_current();
    if (task == NULL)
        return -EPERM;
    return tug_await_in(task, future);
}

int64_t tug_op_await_rest(struct tug_task *task, struct tug_op *op)
{
    int reason = tug_task_cancel_reason(task);
    if (reason != 0) {
        if (tug_op_is_new(op))
            return reason;
        tug_op_cancel(op);
    }
    return tug_await_until_ready(task, &op->future, reason);
}

int tug_yield(void)
{
    struct tug_executor *executor = tug_executor_current();
    struct tug_task *task = tug_executor_coroutine(executor);
    if (__builtin_expect(task == NULL, 0))
        return -EPERM;
    /* Also when cancelled: who ignores the reason in a loop must not keep the worker to itself. */
    tug_coroutine_switch_away(executor, task, TUG_ACTION_YIELD);
    return tug_task_cancel_reason(task);
}

int tug_cancelled(void)
{
    struct tug_task *task = tug_coroutine_current();
    return task != NULL ? tug_task_cancel_reason(task) : 0;
}
