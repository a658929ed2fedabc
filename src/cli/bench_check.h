/* SPDX-License-Identifier: MIT */
/* Whether a copy is one. */
#ifndef TUG_CLI_BENCH_CHECK_H
#define TUG_CLI_BENCH_CHECK_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Compares a file or a tree with its copy: names, types, contents and, with `modes`, permissions
 * less the umask. Blocks. Returns 0 if they are equal, 1 if not, or a negative errno; in both
 * cases `difference` says what is wrong and where.
 */
int tug_cli_bench_compare(const char *source, const char *copy, bool modes, char *difference,
                          size_t size);

#endif
