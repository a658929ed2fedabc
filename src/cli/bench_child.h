/* SPDX-License-Identifier: MIT */
/* One piece of work in a child process: a program, or a function of our own. */
#ifndef TUG_CLI_BENCH_CHILD_H
#define TUG_CLI_BENCH_CHILD_H

#include <stdint.h>

struct tug_bench_child {
    /* What is run: a program by its path, with its arguments ending with NULL... */
    const char *path;
    char *const *arguments;
    /* ...or, if `path` is NULL, a function, which returns 0 or, after a message on standard error,
     * the exit status. */
    int (*function)(void *argument);
    void *argument;
    /* The child's standard output; -1: /dev/null. */
    int output;
    /* What came out. Times are in seconds, the peak of resident memory in bytes. */
    double seconds, user, system;
    uint64_t peak;
    char message[256]; /* why it failed, one line */
};

/*
 * Runs it and waits for its end, or for Ctrl-C, which ends it and all it has started.
 * Returns 0 if it succeeded; -ECANCELED: a signal has come; -EIO: it failed, `message` says why.
 */
int tug_cli_bench_child_run(struct tug_bench_child *child);

/* A function, untimed; a failure is complained about. Returns likewise. */
int tug_cli_bench_child_call(int (*function)(void *argument), void *argument);

#endif
