/* SPDX-License-Identifier: MIT */
/*
 * A thread that runs no tasks as somebody to be woken: it sleeps on a word in its own frame.
 *
 * Bit 0 of the word says that a wake has come since the last sleep; the rest counts the wakers
 * there are. The frame may go only when there is none any more, so whoever slept waits for that:
 * whoever gives up the last waker touches nothing afterwards.
 */
#ifndef TUG_TASK_THREAD_WAKER_H
#define TUG_TASK_THREAD_WAKER_H

#include <errno.h>
#include <stdint.h>

#include <tug/future.h>

#include "sys/clock.h"
#include "task/coroutine.h"

struct tug_thread_sleeper {
    uint32_t word; /* 0 at first */
};

extern const struct tug_waker_vtable tug_thread_waker_vtable;

/* The sleeper's waker, borrowed. */
static inline struct tug_waker tug_thread_waker(struct tug_thread_sleeper *sleeper)
{
    return (struct tug_waker){&tug_thread_waker_vtable, sleeper};
}

/* Blocks the thread until a wake has come since the last call, or until `deadline` (ns,
 * CLOCK_MONOTONIC, or TUG_NO_DEADLINE). Returns 0 or -ETIMEDOUT. */
int tug_thread_sleep(struct tug_thread_sleeper *sleeper, uint64_t deadline);

/* Waits until nobody has a waker of this thread any more. */
void tug_thread_sleeper_end(struct tug_thread_sleeper *sleeper);

/*
 * What a call in direct style does: in a coroutine, tug_await(); on a thread that runs no tasks,
 * tug_await_blocking() without a deadline. -EPERM in a poll task.
 */
static inline int64_t tug_await_anywhere(struct tug_future *future)
{
    struct tug_executor *executor = tug_executor_current();
    if (executor == NULL)
        return tug_await_blocking(future, TUG_NO_DEADLINE);
    struct tug_task *task = tug_executor_coroutine(executor);
    return task != NULL ? tug_await_in(task, future) : -EPERM;
}

#endif
