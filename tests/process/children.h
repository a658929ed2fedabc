/* SPDX-License-Identifier: MIT */
/*
 * What the programs of this directory share: children that are shells, and the question whether any
 * is left.
 */
#ifndef TUG_TESTS_CHILDREN_H
#define TUG_TESTS_CHILDREN_H

#include "../runtime/fixture.h"

#include <errno.h>
#include <signal.h>
#include <tug/process.h>

/* The options for a shell that runs `script`. The arguments are in static memory, for one child at
 * a time to be started. */
struct tug_process_options shell(const char *script);

/* Starts one, which must succeed. */
void start_shell(struct tug_process *process, const char *script);

/* Runs one with its output collected, which must succeed, and compares. */
void expect_output(const struct tug_process_options *options, const char *output);

/* Whether a process is a child of this one, running or not reaped. */
bool is_child(pid_t id);

/* Waits until this process has no children at all. */
void expect_no_children(void);

/* Set-up and end of a group of tests: a directory for their files, and the path of a file in it (in
 * static memory). */
extern char children_directory[64];
int children_make_directory(void **state);
int children_remove_directory(void **state);
const char *children_path(const char *name);

#endif
