/* SPDX-License-Identifier: MIT */
/*
 * A great many tasks asleep at once, for 1 to 100 ms each: as poll tasks, whose state is allocated
 * one by one as in a real program, and as coroutines, which hold a stack while they sleep.
 */
#include "bench.h"

#include <stdlib.h>

static uint64_t duration_of(size_t i)
{
    return (1 + i % 100) * TUG_MILLISECOND;
}

static void join_all(struct tug_task **tasks, size_t n)
{
    for (size_t i = 0; i < n; i++)
        bench_check(tug_join(tasks[i], NULL), "tug_join");
    free(tasks);
}

/* Sleeps from its first poll on, as a coroutine would. */
struct sleeper {
    struct tug_future future;
    struct tug_sleep_future sleep;
    uint64_t duration; /* 0 once it sleeps */
};

static int poll_sleeper(struct tug_future *self, const struct tug_waker *waker)
{
    struct sleeper *sleeper = (struct sleeper *)self;
    struct tug_future *sleep = &sleeper->sleep.future;
    if (sleeper->duration) {
        tug_sleep_future_init(&sleeper->sleep, tug_deadline_after(sleeper->duration));
        sleeper->duration = 0;
    }
    if (sleep->vtable->poll(sleep, waker) == TUG_PENDING)
        return TUG_PENDING;
    self->result = sleep->result;
    return TUG_READY;
}

static void cancel_sleeper(struct tug_future *self)
{
    struct sleeper *sleeper = (struct sleeper *)self;
    struct tug_future *sleep = &sleeper->sleep.future;
    sleep->vtable->cancel(sleep);
}

static void drop_sleeper(struct tug_future *self)
{
    free(self);
}

static const struct tug_future_vtable sleeper_vtable = {
    .poll = poll_sleeper,
    .cancel = cancel_sleeper,
    .drop = drop_sleeper,
};

void bench_sleepers(size_t n)
{
    struct tug_task **tasks = bench_check_pointer(malloc(n * sizeof *tasks), "malloc");
    for (size_t i = 0; i < n; i++) {
        struct sleeper *sleeper = bench_check_pointer(malloc(sizeof *sleeper), "malloc");
        sleeper->future.vtable = &sleeper_vtable;
        sleeper->duration = duration_of(i);
        bench_check(tug_spawn_future(&tasks[i], NULL, &sleeper->future), "tug_spawn_future");
    }
    join_all(tasks, n);
}

static int64_t sleep_once(void *argument)
{
    return bench_check(tug_sleep(duration_of((size_t)argument)), "tug_sleep");
}

void bench_sleepers_coroutine(size_t n)
{
    struct tug_task **tasks = bench_check_pointer(malloc(n * sizeof *tasks), "malloc");
    for (size_t i = 0; i < n; i++)
        tasks[i] = bench_check_pointer(tug_spawn(sleep_once, (void *)i), "tug_spawn");
    join_all(tasks, n);
}
