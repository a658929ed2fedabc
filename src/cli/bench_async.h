/* SPDX-License-Identifier: MIT */
/*
 * What the library does in the process, for an operation that has no command of its own: many small
 * reads. It makes a runtime, blocks, and ends it, so it is called in a child process only.
 */
#ifndef TUG_CLI_BENCH_ASYNC_H
#define TUG_CLI_BENCH_ASYNC_H

#include <stdint.h>

/* Which driver the runtime had: "uring" or "epoll". */
struct tug_bench_runtime {
    char driver[16];
};

/* Reads 4 KiB at each of `count` places of the large file, many at a time, and checks what came.
 * Returns 0 or a negative errno, -EILSEQ: something else was read. */
int tug_cli_bench_async_reads(const char *path, uint64_t size, unsigned count,
                              struct tug_bench_runtime *runtime);

/* The same, by pread(2), one after the other. */
int tug_cli_bench_sequential_reads(const char *path, uint64_t size, unsigned count);

#endif
