/* SPDX-License-Identifier: MIT */
/*
 * Where a task goes that has just become runnable (task/scheduler.h).
 */
#include "task/scheduler.h"

#include "runtime/runtime.h"

/* A pinned task: to its worker's own list, or into that worker's box with a call. */
static void schedule_pinned(struct tug_runtime *runtime, struct tug_worker *here,
                            struct tug_task *task)
{
    struct tug_worker *home = &runtime->workers[task->worker];
    if (home == here) {
        tug_worker_push_own(home, task);
        return;
    }
    tug_inject_push(&home->pinned, task);
    tug_driver_wake(home->executor.driver);
}

void tug_scheduler_schedule(struct tug_executor *executor, struct tug_task *task)
{
    struct tug_domain *domain = task->domain;
    if (executor != NULL && executor->domain == domain) {
        struct tug_worker *worker = tug_worker_of(executor);
        if (domain->local)
            tug_worker_push_own(worker, task);
        else if (__builtin_expect(task->worker >= 0, 0))
            schedule_pinned(worker->runtime, worker, task);
        else
            tug_multi_thread_schedule(worker, task);
        return;
    }
    struct tug_runtime *runtime = tug_runtime_of(domain);
    __atomic_fetch_add(&domain->remote_schedules, 1, __ATOMIC_RELAXED);
    if (task->worker >= 0) {
        schedule_pinned(runtime, NULL, task);
    } else {
        tug_inject_push(&runtime->inject, task);
        tug_multi_thread_notify(runtime);
    }
}

void tug_scheduler_inbox_filled(struct tug_domain *domain)
{
    struct tug_runtime *runtime = tug_runtime_of(domain);
    tug_sys_mutex_lock(&runtime->inbox_lock);
    if (domain->inbox_driver != NULL)
        tug_driver_wake(domain->inbox_driver);
    tug_sys_mutex_unlock(&runtime->inbox_lock);
}
