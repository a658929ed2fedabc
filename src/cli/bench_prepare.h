/* SPDX-License-Identifier: MIT */
/* The state of the system before each measured run. Blocks; in a child process. */
#ifndef TUG_CLI_BENCH_PREPARE_H
#define TUG_CLI_BENCH_PREPARE_H

#include <stdbool.h>
#include <stdint.h>

#include "bench.h"

struct tug_bench_preparation {
    const char *scratch; /* the file system that is measured */
    const char *source;
    enum tug_bench_cache cache;
    uint64_t memory; /* bytes to touch */
};

/* Whether the system allows its caches to be dropped. */
bool tug_cli_bench_may_drop_caches(void);

/*
 * Writes out what is waiting to be written, then reads the source (warm) or drops all caches
 * (cold). Before that, touches memory and gives it back: in a virtual machine that hands free
 * memory back to its host, the first touch of a page is slow. Returns 0, or 1 after a message.
 */
int tug_cli_bench_prepare(void *preparation);

#endif
