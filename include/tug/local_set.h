/* SPDX-License-Identifier: MIT */
/*
 * Local sets: tasks that all stay on one worker, so that they may share what is not thread-safe.
 *
 * Of the tasks of a set one runs at a time, and another only after that one has suspended: data
 * that none of them holds on to over a suspension needs no lock, and a library that wants to be
 * called by one thread only is. The task that makes the set is not a part of it: it may move to
 * another worker, and touches such data by tug_local_set_run().
 */
#ifndef TUG_LOCAL_SET_H
#define TUG_LOCAL_SET_H

#include <stddef.h>
#include <stdint.h>

#include <tug/config.h>
#include <tug/group.h>
#include <tug/task.h>

TUG_BEGIN_DECLS

/* All members are private. Lives in the frame of the function that waits for it. */
struct tug_local_set {
    struct tug_group group;
    int worker;
};

/* Prepares a set on a worker of the current runtime, TUG_ANY_WORKER: the one that runs the caller
 * now. Does not suspend. */
TUG_API void tug_local_set_init(struct tug_local_set *set, int worker);

/*
 * Starts a task of the set. From any thread. Does not suspend. Returns 0, or as tug_spawn_with();
 * -ECANCELED also when the set was cancelled.
 */
TUG_API int tug_local_set_spawn(struct tug_local_set *set, tug_task_fn fn, void *argument);

/* Starts another task of the set that the caller is a task of. Does not suspend. Returns as
 * tug_local_set_spawn(); -EPERM: it is of none. */
TUG_API int tug_spawn_local(tug_task_fn fn, void *argument);

/*
 * Runs fn(argument) as a task of the set, waits for its end, and returns what it returned.
 * Suspends. When the caller's scope is cancelled the task's is, too, and it is still waited for.
 * Returns also as tug_local_set_spawn(); -EPERM: the caller is not a coroutine.
 */
TUG_API int64_t tug_local_set_run(struct tug_local_set *set, tug_task_fn fn, void *argument);

/* Aborts all tasks of the set; they are still waited for by tug_local_set_wait(). From any thread.
 * Does not suspend. */
TUG_API void tug_local_set_cancel(struct tug_local_set *set);

/* Waits until all tasks of the set have ended. Must be called before its memory goes. Suspends, and
 * returns, as tug_group_wait() does. */
TUG_API int64_t tug_local_set_wait(struct tug_local_set *set);

TUG_END_DECLS

#endif
