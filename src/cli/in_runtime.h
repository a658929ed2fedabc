/* SPDX-License-Identifier: MIT */
/*
 * The runtime of a command: everything on the calling thread, but for the jobs of the engine, which
 * the blocking pool runs.
 */
#ifndef TUG_CLI_IN_RUNTIME_H
#define TUG_CLI_IN_RUNTIME_H

#include <stdint.h>

#include <tug/task.h>

/* Calls fn(argument) as a coroutine in a runtime of its own, whose pool has room for so many jobs
 * and one task beside them; 0: the usual size. Returns its result, or why it was not called. */
int64_t tug_cli_in_runtime(tug_task_fn fn, void *argument, unsigned jobs);

/* Within a coroutine, after tug_cli_interrupt_catch(): calls fn(argument) in a scope that the first
 * signal cancels. Returns its result or the scope's reason; -ENOMEM. */
int64_t tug_cli_interruptible(tug_task_fn fn, void *argument);

/* The same with a progress line, if there is a terminal: `progress` is a struct tug_cli_progress.
 */
struct tug_cli_progress;
int64_t tug_cli_interruptible_with_progress(tug_task_fn fn, void *argument,
                                            struct tug_cli_progress *progress);

/* Says why nothing was tried at all. `result` is a negative errno. */
void tug_cli_explain_start(int64_t result);

#endif
