/* SPDX-License-Identifier: MIT */
/*
 * The baseline: what a straightforward C program does, plain system calls on one thread, one at a
 * time, nothing left out and nothing added. All return 0 or a negative errno, and block.
 */
#ifndef TUG_CLI_BENCH_SEQUENTIAL_H
#define TUG_CLI_BENCH_SEQUENTIAL_H

#include <stdbool.h>
#include <stdint.h>

/* Copies a file or a tree to a name that does not exist. `exactly`: with owners, times and modes,
 * as a move must; else with the modes less the umask. */
int tug_cli_bench_copy(const char *from, const char *to, bool exactly);

/* Counts the entries of a tree, itself included, by names and types alone. */
int tug_cli_bench_walk(const char *path, uint64_t *entries);

/* Removes a file or a tree. No symbolic link is followed. What does not exist is no error. */
int tug_cli_bench_remove(const char *path);

/* Moves a file or a tree to a name that does not exist; between file systems by a copy. */
int tug_cli_bench_move(const char *from, const char *to);

/* Reads all of a file or a tree, so that it is in the cache. */
int tug_cli_bench_read(const char *path);

#endif
