/* SPDX-License-Identifier: MIT */
/*
 * Attaching, switching to, and leaving a coroutine; waiting for a future in direct style.
 *
 * A coroutine gives way by writing into its executor why, and switching. The task's state word is
 * changed by the executor afterwards, on its own stack: only then is the coroutine entirely out of
 * its frame, so another worker may resume it at once.
 */
#include "task/coroutine.h"

#include <errno.h>

#include "task/state.h"

static void coroutine_main(void *argument)
{
    struct tug_task *task = argument;
    struct tug_coroutine *coroutine = task->coroutine;
    task->result = task->fn(task->argument);
    struct tug_executor *executor = tug_executor_current();
    executor->action = TUG_ACTION_END;
    tug_context_switch_final(&coroutine->context, &executor->context);
}

/* The cache holds stacks of the default size; others come from their pool directly. */
static struct tug_stack_cache *stack_cache(struct tug_executor *executor, struct tug_task *task)
{
    return task->stack_order == executor->domain->stack_order ? &executor->stacks : NULL;
}

static struct tug_coroutine *attach(struct tug_executor *executor, struct tug_task *task)
{
    struct tug_stack_pool *pool = tug_domain_stack_pool(executor->domain, task->stack_order);
    if (pool == NULL)
        return NULL;
    void *top = tug_stack_pool_get(pool, stack_cache(executor, task));
    if (top == NULL)
        return NULL;
    struct tug_coroutine *coroutine = (struct tug_coroutine *)top - 1;
    char *low = tug_stack_low(pool, top);
    coroutine->stack_top = top;
    coroutine->scope = NULL;
    coroutine->unconstrained = 0;
    tug_context_init(&coroutine->context, low, (size_t)((char *)coroutine - low), coroutine_main,
                     task);
    task->coroutine = coroutine;
    return coroutine;
}

static void detach(struct tug_executor *executor, struct tug_task *task)
{
    struct tug_stack_pool *pool = executor->domain->stacks[task->stack_order];
    struct tug_coroutine *coroutine = task->coroutine;
    void *top = coroutine->stack_top;
    task->coroutine = NULL;
    tug_context_destroy(&coroutine->context);
    tug_stack_pool_put(pool, stack_cache(executor, task), top);
}

int tug_coroutine_resume(struct tug_executor *executor, struct tug_task *task)
{
    struct tug_coroutine *coroutine = task->coroutine;
    if (__builtin_expect(coroutine == NULL, 0)) {
        coroutine = attach(executor, task);
        if (coroutine == NULL) {
            task->result = -ENOMEM;
            return TUG_ACTION_END;
        }
    }
    executor->unconstrained = coroutine->unconstrained != 0;
    tug_context_switch(&executor->context, &coroutine->context);
    if (executor->action == TUG_ACTION_END)
        detach(executor, task);
    return executor->action;
}

void tug_coroutine_suspend(struct tug_task *task, enum tug_coroutine_action action)
{
    struct tug_executor *executor = tug_executor_current();
    executor->action = (uint8_t)action;
    tug_context_switch(&task->coroutine->context, &executor->context);
}

struct tug_task *tug_coroutine_current(void)
{
    struct tug_executor *executor = tug_executor_current();
    if (executor == NULL || executor->current == NULL ||
        executor->current->kind != TUG_TASK_COROUTINE)
        return NULL;
    return executor->current;
}

int tug_task_cancel_reason(const struct tug_task *task)
{
    if (__builtin_expect((tug_state_load(task) & TUG_TASK_CANCEL_MASK) == 0, 1))
        return 0;
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
    int reason = tug_task_cancel_reason(task);
    if (reason != 0)
        return reason;
    const struct tug_waker waker = {&tug_task_waker_vtable, task};
    while (future->vtable->poll(future, &waker) == TUG_PENDING) {
        tug_coroutine_suspend(task, TUG_ACTION_PENDING);
        if (reason == 0) {
            reason = tug_task_cancel_reason(task);
            if (reason != 0 && future->vtable->cancel != NULL)
                future->vtable->cancel(future);
        }
    }
    return reason != 0 && future->result == -ECANCELED ? reason : future->result;
}

int tug_yield(void)
{
    struct tug_task *task = tug_coroutine_current();
    if (task == NULL)
        return -EPERM;
    /* Also when cancelled: who ignores the reason in a loop must not keep the worker to itself. */
    tug_coroutine_suspend(task, TUG_ACTION_YIELD);
    return tug_task_cancel_reason(task);
}

int tug_cancelled(void)
{
    struct tug_task *task = tug_coroutine_current();
    return task != NULL ? tug_task_cancel_reason(task) : 0;
}
