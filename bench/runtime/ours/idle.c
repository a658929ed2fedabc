/* SPDX-License-Identifier: MIT */
/*
 * Resident memory of tasks that wait: each has run once, keeps its waker as a future that waits for
 * something does, and never becomes ready. The runtime's shutdown cancels them.
 */
#include "bench.h"

#include <errno.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

static atomic_size_t waiting;

struct idle {
    struct tug_future future;
    struct tug_waker waker;
    bool kept, cancelled;
};

static int poll_idle(struct tug_future *self, const struct tug_waker *waker)
{
    struct idle *idle = (struct idle *)self;
    if (idle->cancelled) {
        if (idle->kept)
            tug_waker_drop(idle->waker);
        self->result = -ECANCELED;
        return TUG_READY;
    }
    if (!idle->kept) {
        idle->waker = tug_waker_clone(waker);
        idle->kept = true;
        atomic_fetch_add_explicit(&waiting, 1, memory_order_relaxed);
    }
    return TUG_PENDING;
}

static void cancel_idle(struct tug_future *self)
{
    ((struct idle *)self)->cancelled = true;
}

static void drop_idle(struct tug_future *self)
{
    free(self);
}

static const struct tug_future_vtable heap_vtable = {poll_idle, cancel_idle, drop_idle};
static const struct tug_future_vtable frame_vtable = {poll_idle, cancel_idle, NULL};

static void spawn_poll_task(void)
{
    struct idle *idle = bench_check_pointer(calloc(1, sizeof *idle), "calloc");
    struct tug_task *task;
    idle->future.vtable = &heap_vtable;
    bench_check(tug_spawn_future(&task, NULL, &idle->future), "tug_spawn_future");
    tug_task_detach(task);
}

static int64_t wait_for_ever(void *argument)
{
    (void)argument;
    struct idle idle = {.future.vtable = &frame_vtable};
    return tug_await(&idle.future);
}

static void spawn_coroutine(void)
{
    bench_spawn_detached(wait_for_ever, NULL);
}

/* Resident bytes of this process, exact (statm is not). */
static double resident(void)
{
    char line[256];
    double kilobytes = -1;
    FILE *file = bench_check_pointer(fopen("/proc/self/smaps_rollup", "r"), "smaps_rollup");
    while (kilobytes < 0 && fgets(line, sizeof line, file))
        sscanf(line, "Rss: %lf", &kilobytes);
    fclose(file);
    return kilobytes * 1024;
}

struct crowd {
    void (*spawn)(void);
    size_t n;
};

static int64_t gather(void *argument)
{
    const struct crowd *crowd = argument;
    for (size_t i = 0; i < crowd->n; i++)
        crowd->spawn();
    while (atomic_load_explicit(&waiting, memory_order_relaxed) < crowd->n)
        bench_check(tug_yield(), "tug_yield");
    return 0;
}

static struct bench_idle_bytes measure(const struct tug_runtime_options *options,
                                       void (*spawn)(void), size_t n)
{
    struct tug_runtime *runtime;
    struct crowd nobody = {spawn, 0}, everybody = {spawn, n};
    bench_check(tug_runtime_create(&runtime, options), "tug_runtime_create");
    bench_check(tug_runtime_block_on(runtime, gather, &nobody, NULL), "block_on");
    double before = resident();
    bench_check(tug_runtime_block_on(runtime, gather, &everybody, NULL), "block_on");
    double during = resident();
    bench_check(tug_runtime_shutdown(runtime, TUG_FOREVER), "tug_runtime_shutdown");
    malloc_trim(0);
    double after = resident();
    return (struct bench_idle_bytes){
        .during = (during - before) / (double)n,
        .left = (after - before) / (double)n,
    };
}

struct bench_idle_bytes bench_idle(const struct tug_runtime_options *options, size_t n)
{
    return measure(options, spawn_poll_task, n);
}

struct bench_idle_bytes bench_idle_coroutine(const struct tug_runtime_options *options, size_t n)
{
    return measure(options, spawn_coroutine, n);
}
