/* SPDX-License-Identifier: MIT */
/*
 * What the programs of this directory share: children that are shells, and the question whether any
 * is left.
 */
#ifndef TUG_TESTS_CHILDREN_H
#define TUG_TESTS_CHILDREN_H

#include "../signal/signals.h"

#include <tug/process.h>

#include "sys/fault.h"

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

/* Waits with a limit of time, in ns. Returns as tug_process_wait(). */
int64_t wait_for_child_within(struct tug_process *process, uint64_t time);

/* Runs a group of tests, and once more as if the kernel had no pidfds, if faults can be injected.
 * Each test calls children_set_kernel() first. */
#define RUN_ON_BOTH_KERNELS(tests)                                                                 \
    (cmocka_run_group_tests_name("as it is", tests, start_taking_signals, NULL) +                  \
     (!TUG_FAULT_INJECTION                                                                         \
          ? 0                                                                                      \
          : cmocka_run_group_tests_name("without pidfds", tests, children_have_no_pidfds, NULL)))

extern bool children_without_pidfds;
int children_have_no_pidfds(void **state);
void children_set_kernel(void);

/* Set-up and end of a group of tests: a directory for their files, and the path of a file in it (in
 * static memory). */
extern char children_directory[64];
int children_make_directory(void **state);
int children_remove_directory(void **state);
const char *children_path(const char *name);

#endif
