/* SPDX-License-Identifier: MIT */
/*
 * Wakes, references and cancellation of tasks: everything others do to a task that they do not run.
 *
 * A local task's word is changed by its owner thread alone, so each function first asks whether it
 * is on that thread, and leaves a request otherwise (remote.c).
 */
#include <errno.h>

#include "driver/pool.h"
#include "task/coroutine.h"
#include "task/executor.h"
#include "task/run.h"
#include "task/state.h"
#include "task/task.h"

/* Whether the request was left with the task's owner. If not, the caller does it itself. */
static inline bool request(struct tug_executor *executor, struct tug_task *task, uint64_t request)
{
    return !tug_task_is_here(executor, task) && tug_task_remote_request(task, request);
}

static void wake_and_drop_foreign(struct tug_task *task, uint64_t drop)
{
    struct tug_domain *domain = task->domain;
    tug_domain_foreign_begin(domain);
    bool outlived = tug_task_wake_on(NULL, task, drop) && tug_task_free_memory(NULL, task);
    tug_domain_foreign_end(domain);
    if (outlived)
        tug_domain_outlived(domain);
}

static inline void wake_and_drop(struct tug_executor *executor, struct tug_task *task,
                                 uint64_t drop)
{
    if (tug_task_is_foreign(executor, task))
        wake_and_drop_foreign(task, drop);
    else if (tug_task_wake_on(executor, task, drop))
        tug_task_free_here(executor, task);
}

void tug_task_wake_here(struct tug_executor *executor, struct tug_task *task)
{
    wake_and_drop(executor, task, 0);
}

void tug_task_wake(struct tug_task *task)
{
    struct tug_executor *executor = tug_executor_current();
    if (!request(executor, task, TUG_REMOTE_WAKE))
        wake_and_drop(executor, task, 0);
}

void tug_task_reference(struct tug_task *task)
{
    if (!request(tug_executor_current(), task, TUG_REMOTE_CLONE))
        tug_task_reference_here(task);
}

void tug_task_release(struct tug_task *task)
{
    struct tug_executor *executor = tug_executor_current();
    if (!request(executor, task, TUG_REMOTE_DROP))
        tug_task_give_up(executor, task, 0);
}

void tug_task_give_up(struct tug_executor *executor, struct tug_task *task, uint64_t clear)
{
    struct tug_domain *domain = task->domain;
    bool foreign = tug_task_is_foreign(executor, task), outlived = false;
    if (foreign)
        tug_domain_foreign_begin(domain);
    uint64_t state = tug_state_load(task);
    while (!tug_state_swap(task, &state, (state & ~clear) - TUG_TASK_REFERENCE))
        ;
    if (tug_state_references(state) == 1)
        outlived = tug_task_free_memory(executor, task);
    if (foreign)
        tug_domain_foreign_end(domain);
    if (outlived)
        tug_domain_outlived(domain);
}

void tug_task_cancel(struct tug_task *task, uint64_t bits)
{
    struct tug_executor *executor = tug_executor_current();
    if (request(executor, task,
                (bits & TUG_TASK_ABORTED) != 0 ? TUG_REMOTE_ABORT : TUG_REMOTE_SCOPE))
        return;
    uint64_t before = tug_state_change(task, bits, 0);
    if (task->kind != TUG_TASK_BLOCKING) {
        wake_and_drop(executor, task, 0);
        return;
    }
    /* A job that nobody has begun is taken back; only the first to abort may do that. */
    if ((before & (TUG_TASK_ABORTED | TUG_TASK_COMPLETE)) == 0 &&
        tug_pool_withdraw(task->domain->blocking, &task->job))
        tug_task_complete(executor, task, -ECANCELED);
}

void tug_task_abort(struct tug_task *task)
{
    tug_task_cancel(task, TUG_TASK_ABORTED);
}

bool tug_task_is_finished(const struct tug_task *task)
{
    return (tug_state_load(task) & TUG_TASK_COMPLETE) != 0;
}

static void waker_clone(void *data)
{
    struct tug_executor *executor = tug_executor_current();
    if (!tug_task_is_foreign(executor, data) || !request(executor, data, TUG_REMOTE_CLONE))
        tug_task_reference_here(data);
}

static void waker_wake(void *data)
{
    struct tug_executor *executor = tug_executor_current();
    struct tug_task *task = data;
    /* First what a driver does, for each operation. */
    if (!tug_task_is_foreign(executor, task)) {
        if (tug_task_wake_on(executor, task, TUG_TASK_REFERENCE))
            tug_task_free_here(executor, task);
    } else if (!request(executor, task, TUG_REMOTE_WAKE + TUG_REMOTE_DROP)) {
        wake_and_drop_foreign(task, TUG_TASK_REFERENCE);
    }
}

static void waker_wake_by_ref(void *data)
{
    tug_task_wake(data);
}

static void waker_drop(void *data)
{
    tug_task_release(data);
}

const struct tug_waker_vtable tug_task_waker_vtable = {
    .clone = waker_clone,
    .wake = waker_wake,
    .wake_by_ref = waker_wake_by_ref,
    .drop = waker_drop,
};
