/* SPDX-License-Identifier: MIT */
/*
 * Ctrl-C and its like: the first signal cancels a token, so that the work ends in order; a second
 * one kills the process.
 */
#ifndef TUG_CLI_INTERRUPT_H
#define TUG_CLI_INTERRUPT_H

#include <stdbool.h>

#include <tug/cancel.h>

/* Catches SIGINT, SIGTERM and SIGHUP, except those that the process was started to ignore. Returns
 * 0 or a negative errno. Once per process. */
int tug_cli_interrupt_catch(void);

/* A coroutine: waits for the first signal, then cancels the token that is its argument. */
int64_t tug_cli_interrupt_watch(void *token);

/* For code without a runtime: whether a signal has come, and a descriptor that is readable then,
 * for poll(2) alone. */
bool tug_cli_interrupted(void);
int tug_cli_interrupt_fd(void);

/* If a signal was caught, ends the process by it, as a shell expects. */
void tug_cli_interrupt_obey(void);

#endif
