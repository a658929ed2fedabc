/* SPDX-License-Identifier: MIT */
/*
 * Reading the counters. Each is written by one thread with plain stores, so reading costs the
 * runtime nothing.
 */
#include <tug/runtime.h>

#include <errno.h>

#include "runtime/runtime.h"

static uint64_t read_counter(const uint64_t *counter)
{
    return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

int tug_runtime_worker_metrics(struct tug_runtime *runtime, unsigned index,
                               struct tug_worker_metrics *metrics)
{
    if (index >= runtime->domain.workers)
        return -EINVAL;
    struct tug_worker *worker = &runtime->workers[index];
    const struct tug_executor_counters *counters = &worker->executor.counters;
    const struct tug_driver *driver = worker->executor.driver;
    *metrics = (struct tug_worker_metrics){
        .polls = read_counter(&counters->polls),
        .steals = read_counter(&worker->steals),
        .steal_operations = read_counter(&worker->steal_operations),
        .parks = read_counter(&worker->parks),
        .wakeups = read_counter(&worker->wakeups),
        .spurious_parks = read_counter(&worker->spurious_parks),
        .overflows = read_counter(&worker->overflows),
        .lifo_polls = read_counter(&worker->lifo_polls),
        .budget_exhausted = read_counter(&counters->budget_exhausted),
        .yields = read_counter(&counters->yields),
        .timers_fired = read_counter(&counters->timers_fired),
        .busy_time = read_counter(&worker->busy_time),
        .local_queue_depth = tug_run_queue_length(&worker->queue) +
                             __atomic_load_n(&worker->own_length, __ATOMIC_RELAXED),
    };
    if (driver != NULL) {
        metrics->submissions = read_counter(&driver->submissions);
        metrics->completions = read_counter(&driver->completions);
        metrics->driver_polls = read_counter(&driver->polls);
    }
    return 0;
}

void tug_runtime_metrics(struct tug_runtime *runtime, struct tug_runtime_metrics *metrics)
{
    struct tug_domain *domain = &runtime->domain;
    struct tug_pool_metrics pool;
    struct tug_stack_metrics stacks = {0};
    tug_pool_metrics(domain->blocking, &pool);
    struct tug_stack_pool *stack_pool =
        __atomic_load_n(&domain->stacks[domain->stack_order], __ATOMIC_ACQUIRE);
    if (stack_pool != NULL)
        tug_stack_pool_metrics(stack_pool, &stacks);
    *metrics = (struct tug_runtime_metrics){
        .workers = domain->workers,
        .alive_tasks = tug_runtime_alive(runtime),
        .spawned_tasks = read_counter(&domain->foreign_spawned),
        .global_queue_depth = tug_inject_length(&runtime->inject),
        .remote_schedules = read_counter(&domain->remote_schedules),
        .blocking_threads = pool.threads,
        .idle_blocking_threads = pool.idle_threads,
        .blocking_queue_depth = pool.queue_depth,
        .stacks_used = stacks.used,
        .stacks_kept = stacks.hot,
        .stack_bytes_mapped = stacks.bytes_mapped,
    };
    for (uint32_t i = 0; i < domain->workers; i++)
        metrics->spawned_tasks += read_counter(&runtime->workers[i].executor.counters.spawned);
}
