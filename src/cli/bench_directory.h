/* SPDX-License-Identifier: MIT */
/* Reading a directory by plain system calls, blocking. */
#ifndef TUG_CLI_BENCH_DIRECTORY_H
#define TUG_CLI_BENCH_DIRECTORY_H

/* Called for each entry, with one of DT_DIR, DT_REG, DT_LNK, ... as `type`, never DT_UNKNOWN, and
 * the directory's descriptor. Anything but 0 ends the reading. */
typedef int tug_bench_entry_fn(void *argument, int directory, const char *name, int type);

/* Opens a directory below another; a symbolic link is not followed. Returns the descriptor. */
int tug_cli_bench_open_directory(int directory, const char *name);

/* Calls fn for all entries but `.` and `..`. Returns 0, what fn returned, or a negative errno. */
int tug_cli_bench_each(int directory, tug_bench_entry_fn *fn, void *argument);

#endif
