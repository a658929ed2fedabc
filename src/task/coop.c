/* SPDX-License-Identifier: MIT */
/*
 * The coop budget. The scheduler fills it before a poll (not before the poll of a task from the
 * LIFO slot, which lives on what its waker left); here it is spent.
 */
#include <tug/coop.h>

#include <errno.h>

#include "task/coroutine.h"
#include "task/executor.h"

static void count_exhausted(struct tug_executor *executor)
{
    tug_counter_add(&executor->counters.budget_exhausted, 1);
}

int tug_coop_poll(const struct tug_waker *waker)
{
    struct tug_executor *executor = tug_executor_current();
    if (executor == NULL || executor->current == NULL || tug_coop_take(executor))
        return TUG_READY;
    if (!executor->gave_way)
        count_exhausted(executor);
    /* The task itself goes behind the driver's poll as a whole. A waker that stands for something
     * else, inside a task, has no such place: its wake puts the task at the end of the queue. */
    executor->gave_way = true;
    if (waker->vtable != &tug_task_waker_vtable || waker->data != executor->current)
        tug_waker_wake_by_ref(waker);
    return TUG_PENDING;
}

void tug_coop_restore(void)
{
    struct tug_executor *executor = tug_executor_current();
    if (executor != NULL && executor->current != NULL && !executor->unconstrained &&
        executor->budget < TUG_COOP_BUDGET)
        executor->budget++;
}

bool tug_coop_has_remaining(void)
{
    struct tug_executor *executor = tug_executor_current();
    return executor == NULL || executor->current == NULL || executor->unconstrained ||
           executor->budget > 0;
}

int tug_coop_consume(void)
{
    struct tug_task *task = tug_coroutine_current();
    if (task == NULL)
        return 0;
    struct tug_executor *executor = tug_executor_current();
    if (tug_coop_take(executor))
        return tug_task_cancel_reason(task);
    count_exhausted(executor);
    int reason = tug_yield();
    tug_coop_take(tug_executor_current()); /* the unit that was asked for */
    return reason;
}

void tug_unconstrained_begin(void)
{
    struct tug_executor *executor = tug_executor_current();
    if (executor == NULL || executor->current == NULL)
        return;
    if (executor->current->kind == TUG_TASK_COROUTINE)
        executor->current->coroutine->unconstrained++;
    executor->unconstrained = true;
}

void tug_unconstrained_end(void)
{
    struct tug_executor *executor = tug_executor_current();
    if (executor == NULL || executor->current == NULL)
        return;
    if (executor->current->kind == TUG_TASK_COROUTINE)
        executor->unconstrained = --executor->current->coroutine->unconstrained != 0;
    else
        executor->unconstrained = false;
}
