/* SPDX-License-Identifier: MIT */
/*
 * The files that are copied. Their contents are words that look random and follow from their place:
 * no file system can compress them or finds two blocks alike, and a reader can check any of them.
 */
#ifndef TUG_CLI_BENCH_SOURCE_H
#define TUG_CLI_BENCH_SOURCE_H

#include "bench.h"

/* The word at this offset, a multiple of 8, of the file with this seed. */
uint64_t tug_cli_bench_word(uint64_t seed, uint64_t offset);

/* The seed of the large file. */
#define TUG_BENCH_LARGE_SEED 1

/* Makes the source of an operation that copies as `path`. Blocks. Returns 0 or a negative errno. */
int tug_cli_bench_make_source(enum tug_bench_operation operation,
                              const struct tug_bench_sizes *sizes, const char *path);

#endif
