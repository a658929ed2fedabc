/* SPDX-License-Identifier: MIT */
/*
 * Tasks: the unit that the runtime schedules. Two kinds run on the same queues:
 *
 *  - coroutine tasks, ordinary C functions with a stack of their own, attached when they first run;
 *  - poll tasks, a future that is polled in place, for a great many small state machines.
 *
 * A task may move between workers at every suspension unless it is pinned: locals survive,
 * thread-local variables (errno among them) do not.
 */
#ifndef TUG_TASK_H
#define TUG_TASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tug/config.h>
#include <tug/future.h>

TUG_BEGIN_DECLS

struct tug_runtime;
struct tug_task;

/* The body of a coroutine task or a blocking job. By convention >= 0, or a negative errno. */
typedef int64_t (*tug_task_fn)(void *argument);

/* No worker in particular: the task may be stolen. */
#define TUG_ANY_WORKER (-1)

/* Initialise with TUG_SPAWN_OPTIONS_INIT, then set what differs. */
struct tug_spawn_options {
    /* Bytes of address space for the stack, rounded up to a power of two; 0: the runtime's. */
    size_t stack_size;
    /* The worker that the task never leaves, 0 to worker_threads - 1, or TUG_ANY_WORKER. */
    int worker;
    /* The runtime to spawn on; NULL: the calling thread's. */
    struct tug_runtime *runtime;
    /* What the task is called in tug_runtime_tasks(), copied; NULL: it has no name. */
    const char *name;
};
#define TUG_SPAWN_OPTIONS_INIT                                                                     \
    {                                                                                              \
        0, TUG_ANY_WORKER, NULL, NULL                                                              \
    }

/*
 * Starts a coroutine task on the current runtime. Does not suspend; the new task runs later.
 *
 * Returns a handle that must be given up exactly once, by tug_join() or tug_task_detach(); NULL
 * when memory is short, when the runtime is shutting down, or when the thread has no runtime
 * (tug_spawn_with() tells which). A task that is aborted before its first run still runs, up to
 * its first suspension point, which returns -ECANCELED: so it can always free its argument.
 */
TUG_API struct tug_task *tug_spawn(tug_task_fn fn, void *argument);

/*
 * As tug_spawn(), with options and a reason for failure. May be called from any thread when
 * `options->runtime` is set. On success stores the handle in `*task`.
 * Returns 0; -ENOMEM; -ECANCELED: the runtime is shutting down; -EPERM: no runtime;
 * -EINVAL: no such worker, or a stack size below 16 KiB or above 1 GiB.
 */
TUG_API int tug_spawn_with(struct tug_task **task, const struct tug_spawn_options *options,
                           tug_task_fn fn, void *argument);

/*
 * Starts a poll task: the runtime polls `future` until it is ready, then calls its drop(), if any.
 * The future's memory must stay valid until then. `options` may be NULL. Does not suspend.
 * On success stores the handle in `*task`. Returns as tug_spawn_with().
 */
TUG_API int tug_spawn_future(struct tug_task **task, const struct tug_spawn_options *options,
                             struct tug_future *future);

/*
 * Waits for a task to end and gives up the handle. In a coroutine it suspends; on a thread outside
 * of any runtime, or in a blocking job, it blocks the thread.
 *
 * Stores what the task returned in `*result` unless that is NULL. Returns 0; -ECANCELED or
 * -ETIMEDOUT if the caller's scope was cancelled: then the task goes on and the handle is still
 * the caller's. -EDEADLK: the task is the caller. -EXDEV: the caller
 * is a task of another runtime, and the task belongs to a current-thread runtime.
 */
TUG_API int tug_join(struct tug_task *task, int64_t *result);

/* Gives up the handle; the task goes on by itself. NULL is allowed. Does not suspend. */
TUG_API void tug_task_detach(struct tug_task *task);

/*
 * Cancels a task: its outermost cancel scope is cancelled, and every suspension point inside
 * returns -ECANCELED from now on (a shield delays that). Does not suspend and does not wait; the
 * handle stays valid. From any thread. A job of tug_spawn_blocking() that has started is not
 * affected; one that has not is not run and ends with -ECANCELED.
 */
TUG_API void tug_task_abort(struct tug_task *task);

/* Whether the task has ended, so that tug_join() would not wait. From any thread. */
TUG_API bool tug_task_is_finished(const struct tug_task *task);

/*
 * A further handle of a task, by which it can be aborted and nothing else: also after the task was
 * joined or detached, or has left its join set. It keeps the task's memory until it is given up
 * with tug_abort_handle_drop(). By whoever has a handle of the task, or by the task itself. Does
 * not suspend; cannot fail.
 */
struct tug_abort_handle;
TUG_API struct tug_abort_handle *tug_task_abort_handle(struct tug_task *task);

/* The same as tug_task_abort(), tug_task_is_finished() and tug_task_id(), from any thread. A task
 * that has ended is not affected. */
TUG_API void tug_abort_handle_abort(struct tug_abort_handle *handle);
TUG_API bool tug_abort_handle_is_finished(const struct tug_abort_handle *handle);
TUG_API uint64_t tug_abort_handle_id(const struct tug_abort_handle *handle);

/* Gives up the handle. NULL is allowed. From any thread. Does not suspend. */
TUG_API void tug_abort_handle_drop(struct tug_abort_handle *handle);

/* The calling task, borrowed, or NULL outside of a task. */
TUG_API struct tug_task *tug_task_current(void);

/*
 * A number above 0 that no other task of the process has or ever had. It is drawn when it is first
 * asked for, so numbers do not tell the order of spawning. From any thread. Does not suspend.
 */
TUG_API uint64_t tug_task_id(struct tug_task *task);

/* The name it was spawned with, or NULL; valid as long as the handle. From any thread. */
TUG_API const char *tug_task_name(const struct tug_task *task);

/* The number of the worker that runs the caller, or -1 on any other thread. */
TUG_API int tug_worker_index(void);

/*
 * Lets every other runnable task and the driver have a turn. Suspends. Returns 0, or the scope's
 * reason if it is cancelled; -EPERM outside of a coroutine.
 */
TUG_API int tug_yield(void);

/* A task's end as a future, for tug_select() and tug_join_all(). Its result is the task's. The
 * handle is given up when the future becomes ready; cancelling the future (result -ECANCELED, the
 * task goes on) leaves the handle with the caller, as does never polling it. */
struct tug_join_future {
    struct tug_future future;
    struct tug_task *task; /* NULL once the handle has been given up */
    int cancelled;
};

/* Prepares `join` to wait for `task`. Does not suspend. */
TUG_API void tug_join_future_init(struct tug_join_future *join, struct tug_task *task);

TUG_END_DECLS

#endif
