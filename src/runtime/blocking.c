/* SPDX-License-Identifier: MIT */
/*
 * Blocking work as tasks (tug_spawn_blocking) and in the middle of a task (tug_block_in_place).
 *
 * A blocking task never enters a run queue: its job is in the pool's queue, then on a thread. The
 * thread that ran it completes it; for a local task, whose state only the owner changes, it asks
 * the owner to.
 */
#include <tug/blocking.h>

#include <errno.h>

#include <tug/op.h>

#include "driver/pool.h"
#include "runtime/runtime.h"
#include "task/coroutine.h"
#include "task/state.h"

/* Completes a task on whatever thread this is; with `requests` TUG_REMOTE_DETACH, gives up its
 * handle as well. */
static void end(struct tug_task *task, int64_t result, uint64_t requests)
{
    struct tug_executor *executor = tug_executor_current();
    if (!tug_task_is_here(executor, task)) {
        task->result = result;
        tug_task_remote_request(task, TUG_REMOTE_COMPLETE | requests);
        return;
    }
    tug_task_complete(executor, task, result);
    if (requests != 0)
        tug_task_detach(task);
}

static void run_blocking_task(struct tug_job *job, int dropped)
{
    struct tug_task *task = TUG_CONTAINER_OF(job, struct tug_task, job);
    /* It may have been aborted before it was in the queue. */
    bool aborted = (tug_state_load(task) & TUG_TASK_ABORTED) != 0;
    end(task, dropped || aborted ? -ECANCELED : task->fn(task->argument), 0);
}

static int submit(struct tug_executor *executor, struct tug_domain *domain,
                  struct tug_task **result, tug_task_fn fn, void *argument)
{
    if (__atomic_load_n(&domain->closing, __ATOMIC_SEQ_CST))
        return -ECANCELED;
    struct tug_task *task = tug_task_new(executor, domain, TUG_TASK_BLOCKING);
    if (task == NULL)
        return -ENOMEM;
    task->fn = fn;
    task->argument = argument;
    task->job.previous = NULL; /* in no queue */
    task->job.run = run_blocking_task;
    tug_task_publish(task, 0);
    /* First, since the job may be done before the call that submits it returns. */
    *result = task;
    int error = tug_pool_submit(domain->blocking, &task->job);
    if (error != 0) {
        *result = NULL;
        end(task, error, TUG_REMOTE_DETACH);
    }
    return error;
}

int tug_spawn_blocking(struct tug_task **result, struct tug_runtime *runtime, tug_task_fn fn,
                       void *argument)
{
    struct tug_executor *executor = tug_executor_current();
    struct tug_domain *domain = runtime != NULL ? &runtime->domain : tug_domain_current();
    if (domain == NULL)
        return -EPERM;
    bool foreign = executor == NULL || executor->domain != domain;
    if (foreign)
        tug_domain_foreign_begin(domain);
    int error = submit(executor, domain, result, fn, argument);
    if (foreign)
        tug_domain_foreign_end(domain);
    return error;
}

int64_t tug_block_in_place(tug_task_fn fn, void *argument)
{
    if (tug_coroutine_current() == NULL)
        return fn(argument);
    struct tug_op op;
    tug_op_blocking(&op, fn, argument);
    return tug_await(&op.future);
}
