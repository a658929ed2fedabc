/* SPDX-License-Identifier: MIT */
/*
 * Making a runtime: the options with their defaults, the shared parts, the worker threads.
 */
#include <tug/runtime.h>

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/runtime.h"
#include "sys/call.h"
#include "sys/futex.h"
#include "time/clock.h"

#define WORKERS_MAX 1024
#define BLOCKING_THREADS_MAX 65536
#define THREAD_NAME_MAX 15

void tug_runtime_options_init(struct tug_runtime_options *options)
{
    *options = (struct tug_runtime_options){.flavour = TUG_MULTI_THREAD};
}

static int default_workers(unsigned *workers)
{
    const char *wish = getenv("TUG_WORKER_THREADS");
    if (wish == NULL || *wish == '\0') {
        int usable = tug_sys_cpu_count();
        *workers = usable < 1 ? 1 : usable > WORKERS_MAX ? WORKERS_MAX : (unsigned)usable;
        return 0;
    }
    char *end;
    unsigned long n = strtoul(wish, &end, 10);
    if (*end != '\0' || *wish < '0' || *wish > '9' || n < 1 || n > WORKERS_MAX)
        return -EINVAL;
    *workers = (unsigned)n;
    return 0;
}

static bool is_power_of_two(uint64_t n)
{
    return n != 0 && (n & (n - 1)) == 0;
}

static int complete_options(struct tug_runtime_options *o)
{
    bool multi = o->flavour == TUG_MULTI_THREAD;
    int error = 0;
    if (!multi)
        o->worker_threads = 1;
    else if (o->worker_threads == 0)
        error = default_workers(&o->worker_threads);
    if (o->thread_name == NULL)
        o->thread_name = "tug-worker";
    if (o->thread_stack_size == 0)
        o->thread_stack_size = (size_t)2 << 20;
    if (o->stack_size == 0)
        o->stack_size = TUG_STACK_SIZE_DEFAULT;
    if (o->max_blocking_threads == 0)
        o->max_blocking_threads = 512;
    if (o->blocking_keep_alive == 0)
        o->blocking_keep_alive = 10 * TUG_NS_PER_SECOND;
    if (o->event_interval == 0)
        o->event_interval = 61;
    if (o->ring_entries == 0)
        o->ring_entries = 256;
    if (o->seed == 0)
        tug_sys_getrandom(&o->seed, sizeof o->seed, 0);
    if (error != 0 || o->worker_threads > WORKERS_MAX || o->flavour > TUG_CURRENT_THREAD ||
        o->driver > TUG_DRIVER_EPOLL || strlen(o->thread_name) > THREAD_NAME_MAX ||
        o->stack_size < TUG_STACK_SIZE_MIN || o->stack_size > TUG_STACK_SIZE_MAX ||
        o->max_blocking_threads > BLOCKING_THREADS_MAX || !is_power_of_two(o->ring_entries) ||
        o->ring_entries > 32768 || (o->start_paused && multi))
        return -EINVAL;
    return 0;
}

/* What threads of the blocking pool are told about the runtime they work for. */
static void blocking_thread_started(void *argument)
{
    struct tug_runtime *runtime = argument;
    tug_domain_set_current(&runtime->domain);
    if (runtime->options.on_thread_start != NULL)
        runtime->options.on_thread_start(runtime->options.hook_argument);
}

static void blocking_thread_stops(void *argument)
{
    struct tug_runtime *runtime = argument;
    if (runtime->options.on_thread_stop != NULL)
        runtime->options.on_thread_stop(runtime->options.hook_argument);
    tug_domain_set_current(NULL);
}

static int make_shared_parts(struct tug_runtime *runtime)
{
    const struct tug_runtime_options *o = &runtime->options;
    struct tug_domain *domain = &runtime->domain;
    const struct tug_pool_options pool = {
        .max_threads = o->max_blocking_threads,
        .keep_alive = o->blocking_keep_alive,
        .stack_size = o->thread_stack_size,
        .thread_name = "tug-blocking",
        /* Other workers find what to do while one waits for a job, or sleep already. */
        .spin = o->flavour == TUG_CURRENT_THREAD && tug_sys_cpu_count() > 1,
        .on_thread_start = blocking_thread_started,
        .on_thread_stop = blocking_thread_stops,
        .argument = runtime,
    };
    domain->local = o->flavour == TUG_CURRENT_THREAD;
    domain->workers = o->worker_threads;
    domain->stack_order = TUG_STACK_ORDER_MIN;
    while (((size_t)1 << domain->stack_order) < o->stack_size)
        domain->stack_order++;
    domain->clock_start = tug_clock_now();
    if (o->start_paused)
        domain->paused_now = domain->clock_start;
    domain->tasks = &runtime->tasks;
    tug_inject_init(&runtime->inject);
    int error =
        tug_slab_pool_init(&runtime->tasks, sizeof(struct tug_task), TUG_SLAB_RETAIN_DEFAULT);
    if (error == 0)
        error = tug_idle_init(&runtime->idle, o->worker_threads);
    if (error == 0)
        error = tug_pool_create(&domain->blocking, &pool);
    if (error != 0)
        return error;
    runtime->workers =
        aligned_alloc(_Alignof(struct tug_worker), o->worker_threads * sizeof *runtime->workers);
    if (runtime->workers == NULL)
        return -ENOMEM;
    for (unsigned i = 0; i < o->worker_threads; i++)
        tug_worker_init(&runtime->workers[i], runtime, i);
    return 0;
}

void tug_runtime_worker_started(struct tug_runtime *runtime)
{
    __atomic_fetch_add(&runtime->started, 1, __ATOMIC_RELEASE);
    tug_futex_wake(&runtime->started, INT_MAX);
}

static void wait_until_started(struct tug_runtime *runtime, uint32_t count)
{
    uint32_t started;
    while ((started = __atomic_load_n(&runtime->started, __ATOMIC_ACQUIRE)) < count)
        tug_futex_wait(&runtime->started, started, UINT64_MAX);
}

/* A worker takes part in waking and stealing from the moment its thread runs, so all of them must
 * have a driver before the first runs a task: none is spawned before this returns. */
static int start_workers(struct tug_runtime *runtime)
{
    const struct tug_runtime_options *o = &runtime->options;
    unsigned started = 0;
    int error = 0;
    for (; started < o->worker_threads && error == 0; started++) {
        struct tug_worker *worker = &runtime->workers[started];
        error = tug_thread_create(&worker->thread, o->thread_name, o->thread_stack_size, true,
                                  tug_multi_thread_main, worker);
        if (error != 0)
            break;
    }
    wait_until_started(runtime, started);
    for (unsigned i = 0; i < started && error == 0; i++)
        error = runtime->workers[i].start_error;
    if (error == 0)
        return 0;
    tug_runtime_stop_workers(runtime, started);
    return error;
}

int tug_runtime_create(struct tug_runtime **result, const struct tug_runtime_options *options)
{
    struct tug_runtime_options defaults;
    tug_runtime_options_init(&defaults);
    struct tug_runtime *runtime = aligned_alloc(_Alignof(struct tug_runtime), sizeof *runtime);
    if (runtime == NULL)
        return -ENOMEM;
    memset(runtime, 0, sizeof *runtime);
    runtime->options = options != NULL ? *options : defaults;
    int error = complete_options(&runtime->options);
    if (error == 0)
        error = make_shared_parts(runtime);
    if (error == 0 && runtime->domain.local && runtime->options.driver == TUG_DRIVER_URING)
        error = tug_uring_probe(); /* the ring itself is made by the thread that will own it */
    if (error == 0 && !runtime->domain.local)
        error = start_workers(runtime);
    if (error != 0) {
        tug_runtime_free(runtime);
        return error;
    }
    *result = runtime;
    return 0;
}
