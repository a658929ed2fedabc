/* SPDX-License-Identifier: MIT */
/*
 * The start of a program in a runtime of its own, and its end by a signal.
 */
#ifndef FRAME_PROGRAM_H
#define FRAME_PROGRAM_H

#include <stdint.h>

#include <tug/signal.h>
#include <tug/task.h>

/* Runs a coroutine in a runtime with `threads` threads. Returns its result, or why there is no
 * runtime. */
int64_t program_run(uint64_t threads, tug_task_fn main, void *argument);

/* The signals that ask a program to end: SIGINT and SIGTERM. */
struct end_signals {
    struct tug_signal signals[2];
};

/* Returns 0 or what tug_signal_open() returns. Does not suspend, nor does closing. */
int end_signals_open(struct end_signals *end);
void end_signals_close(struct end_signals *end);

/* Waits for either of them; from then on both do what they do elsewhere, so that a second Ctrl-C
 * ends the process. Suspends. Returns 0 or the scope's reason. */
int end_signals_wait(struct end_signals *end);

#endif
