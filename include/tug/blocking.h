/* SPDX-License-Identifier: MIT */
/*
 * Work that blocks, off the workers. A pool of threads, started one by one only when nobody is
 * idle, and ended after `keep_alive` without work.
 */
#ifndef TUG_BLOCKING_H
#define TUG_BLOCKING_H

#include <stdint.h>

#include <tug/config.h>
#include <tug/task.h>

TUG_BEGIN_DECLS

/*
 * Runs fn(argument) on a thread of the blocking pool. Does not suspend. From a task, a blocking
 * job, or (with `runtime` not NULL) any thread. On success stores a handle for tug_join(),
 * tug_task_detach() and tug_task_abort() in `*task`. `runtime` NULL: the calling thread's.
 * Returns 0; -ENOMEM; -ECANCELED: the runtime is shutting down; -EPERM: no runtime;
 * -EAGAIN: the pool has no thread and none can be started.
 */
TUG_API int tug_spawn_blocking(struct tug_task **task, struct tug_runtime *runtime, tug_task_fn fn,
                               void *argument);

/*
 * Runs fn(argument) on a thread of the blocking pool while the calling coroutine waits, so that fn
 * may use the caller's locals. Suspends; once fn has started it is not interrupted, and
 * cancellation is seen at the next suspension point. Outside of a coroutine fn runs in place.
 * Returns what fn returned; the scope's reason or -ENOMEM, -EAGAIN, -ECANCELED: fn was not run.
 */
TUG_API int64_t tug_block_in_place(tug_task_fn fn, void *argument);

TUG_END_DECLS

#endif
