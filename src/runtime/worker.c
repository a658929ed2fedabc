/* SPDX-License-Identifier: MIT */
/*
 * What a worker does in either flavour: open its driver, poll it, sleep in it, run one task.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/runtime.h"
#include "sys/call.h"
#include "time/clock.h"

#define DEFAULT_INTERVAL_CURRENT_THREAD 31
#define DEFAULT_INTERVAL_MULTI_THREAD 61

/* Hot stacks not needed for so long (ns) are given back. */
#define STACKS_DECAY UINT64_C(100000000)

void tug_worker_init(struct tug_worker *worker, struct tug_runtime *runtime, unsigned index)
{
    memset(worker, 0, sizeof *worker);
    const struct tug_runtime_options *options = &runtime->options;
    worker->runtime = runtime;
    worker->executor.domain = &runtime->domain;
    worker->executor.index = (int32_t)index;
    worker->executor.wheel = &worker->wheel;
    worker->executor.random = (options->seed + index) * UINT64_C(0x9e3779b97f4a7c15) | 1;
    worker->random = worker->executor.random;
    worker->global_queue_interval = options->global_queue_interval != 0
                                        ? options->global_queue_interval
                                    : runtime->domain.local ? DEFAULT_INTERVAL_CURRENT_THREAD
                                                            : DEFAULT_INTERVAL_MULTI_THREAD;
    worker->until_global_queue = worker->global_queue_interval;
    tug_run_queue_init(&worker->queue);
    tug_fifo_init(&worker->own);
    tug_fifo_init(&worker->deferred);
    tug_inject_init(&worker->pinned);
    tug_timer_wheel_init(&worker->wheel, tug_domain_ticks(&runtime->domain));
}

/* The environment speaks only where the builder left the choice open. */
static int driver_choice(const struct tug_runtime_options *options, enum tug_driver_choice *choice)
{
    *choice = options->driver;
    if (*choice != TUG_DRIVER_AUTO)
        return 0;
    const char *wish = getenv("TUG_DRIVER");
    if (wish == NULL || *wish == '\0' || strcmp(wish, "auto") == 0)
        return 0;
    if (strcmp(wish, "uring") == 0)
        *choice = TUG_DRIVER_URING;
    else if (strcmp(wish, "epoll") == 0)
        *choice = TUG_DRIVER_EPOLL;
    else
        return -EINVAL;
    return 0;
}

int tug_worker_open(struct tug_worker *worker)
{
    const struct tug_runtime_options *options = &worker->runtime->options;
    struct tug_executor *executor = &worker->executor;
    struct tug_pool *pool = worker->runtime->domain.blocking;
    enum tug_driver_choice choice;
    int error = driver_choice(options, &choice);
    if (error != 0)
        return error;
    error = choice == TUG_DRIVER_EPOLL
                ? -ENOSYS
                : tug_uring_driver_open(&executor->driver, pool, options->ring_entries);
    /* Whatever the system's reason to refuse a ring: without being told to insist, do without. */
    if (error != 0 && choice != TUG_DRIVER_URING)
        error = tug_epoll_driver_open(&executor->driver, pool);
    if (error != 0)
        return error;
    tug_context_init_thread(&executor->context);
    tug_driver_set_current(executor->driver);
    return 0;
}

void tug_worker_close(struct tug_worker *worker)
{
    struct tug_executor *executor = &worker->executor;
    struct tug_domain *domain = executor->domain;
    if (executor->driver != NULL) {
        tug_driver_close(executor->driver);
        executor->driver = NULL;
        tug_driver_set_current(NULL);
    }
    if (executor->spare != NULL) {
        tug_coroutine_discard(executor, executor->spare, domain->stack_order);
        executor->spare = NULL;
    }
    tug_slab_cache_flush(domain->tasks, &executor->tasks);
    if (domain->stacks[domain->stack_order] != NULL)
        tug_stack_cache_flush(domain->stacks[domain->stack_order], &executor->stacks);
}

static void fire_timers(struct tug_worker *worker)
{
    if (tug_timer_wheel_next(&worker->wheel) == TUG_TIMER_NEVER)
        return;
    unsigned fired =
        tug_timer_wheel_advance(&worker->wheel, tug_domain_ticks(worker->executor.domain));
    if (fired != 0)
        tug_counter_add(&worker->executor.counters.timers_fired, fired);
}

void tug_worker_turn(struct tug_worker *worker)
{
    worker->in_driver = true;
    if (!tug_driver_is_quiet(worker->executor.driver))
        tug_driver_poll(worker->executor.driver, 0);
    fire_timers(worker);
    worker->in_driver = false;
}

/* How long the driver may wait, in ns; < 0: without limit. */
static int64_t longest_wait(struct tug_worker *worker, uint64_t deadline)
{
    struct tug_domain *domain = worker->executor.domain;
    uint64_t ticks = tug_timer_wheel_next(&worker->wheel);
    /* A paused clock does not run while the driver waits, so its timers do not end the wait. */
    bool paused = __atomic_load_n(&domain->paused_now, __ATOMIC_RELAXED) != 0;
    if (ticks != TUG_TIMER_NEVER && !paused) {
        uint64_t timer = tug_ticks_to_time(domain->clock_start, ticks);
        uint64_t real = timer - domain->clock_offset;
        if (real < deadline)
            deadline = real;
    }
    if (deadline == UINT64_MAX)
        return -1;
    uint64_t now = tug_clock_now();
    if (deadline <= now)
        return 0;
    return deadline - now > INT64_MAX ? INT64_MAX : (int64_t)(deadline - now);
}

/* The pool of stacks keeps what it may need again soon. Who goes to sleep sees to it that the
 * memory is given back when it was not needed for a tenth of a second. Returns when that is to be
 * done. */
static uint64_t when_to_tidy(struct tug_worker *worker)
{
    struct tug_domain *domain = worker->executor.domain;
    struct tug_stack_pool *pool =
        __atomic_load_n(&domain->stacks[domain->stack_order], __ATOMIC_ACQUIRE);
    if (__builtin_expect(pool == NULL || !tug_stack_pool_has_excess(pool), 1))
        return UINT64_MAX;
    if (worker->tidy_at == 0)
        worker->tidy_at = tug_clock_now() + STACKS_DECAY;
    return worker->tidy_at;
}

static void tidy(struct tug_worker *worker)
{
    struct tug_domain *domain = worker->executor.domain;
    if (tug_clock_now() < worker->tidy_at)
        return;
    tug_stack_pool_decay(domain->stacks[domain->stack_order]);
    worker->tidy_at = 0;
}

void tug_worker_sleep(struct tug_worker *worker, uint64_t deadline)
{
    const struct tug_runtime_options *options = &worker->runtime->options;
    bool notified = false;
    if (options->on_thread_park != NULL)
        options->on_thread_park(options->hook_argument);
    tug_counter_add(&worker->parks, 1);
    uint64_t tidy_at = when_to_tidy(worker);
    if (tidy_at < deadline)
        deadline = tidy_at;
    worker->in_driver = true;
    tug_driver_park(worker->executor.driver, longest_wait(worker, deadline), &notified);
    fire_timers(worker);
    worker->in_driver = false;
    if (__builtin_expect(tidy_at != UINT64_MAX, 0))
        tidy(worker);
    if (notified)
        tug_counter_add(&worker->wakeups, 1);
    if (options->on_thread_unpark != NULL)
        options->on_thread_unpark(options->hook_argument);
}
