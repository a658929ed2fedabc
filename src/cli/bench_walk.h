/* SPDX-License-Identifier: MIT */
/* The walk of the copy engine, for `tug bench` and for the program bench-walk. */
#ifndef TUG_CLI_BENCH_WALK_H
#define TUG_CLI_BENCH_WALK_H

#include <stdint.h>

struct tug_bench_walk {
    const char *path;
    uint64_t entries;
};

/* As a coroutine, with a struct tug_bench_walk: counts the entries of the tree at `path`, itself
 * included, by names and types alone, on as many jobs as turn out to be of use. Returns 0 or a
 * negative errno. */
int64_t tug_cli_bench_count(void *walk);

#endif
