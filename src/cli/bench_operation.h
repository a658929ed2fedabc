/* SPDX-License-Identifier: MIT */
/* The operations that are measured: their names, and how much work each is. */
#ifndef TUG_CLI_BENCH_OPERATION_H
#define TUG_CLI_BENCH_OPERATION_H

#include <stddef.h>

#include "bench.h"

/* The name of an operation for options and JSON, as "copy-files". */
const char *tug_cli_bench_operation_name(enum tug_bench_operation operation);

/* What it is, in words with its sizes, as "copy of 1,000 files of 16 KiB". */
void tug_cli_bench_operation_title(char *title, size_t size, enum tug_bench_operation operation,
                                   const struct tug_bench_sizes *sizes);

/* The operation of that name. Returns it, or -1. */
int tug_cli_bench_operation_find(const char *name, size_t length);

/* "warm" or "cold". */
const char *tug_cli_bench_cache_name(enum tug_bench_cache cache);

void tug_cli_bench_sizes(struct tug_bench_sizes *sizes, const struct tug_bench_options *options);

/* How many files and directories a tree has, itself included. */
unsigned tug_cli_bench_deep_directories(const struct tug_bench_sizes *sizes);
unsigned tug_cli_bench_deep_files(const struct tug_bench_sizes *sizes);
unsigned tug_cli_bench_many_files(const struct tug_bench_sizes *sizes);

/* Bytes on the disk, at most, of the source of a copy; inodes of it. */
uint64_t tug_cli_bench_space(enum tug_bench_operation operation,
                             const struct tug_bench_sizes *sizes);
uint64_t tug_cli_bench_inodes(enum tug_bench_operation operation,
                              const struct tug_bench_sizes *sizes);

#endif
