/* SPDX-License-Identifier: MIT */
/* What tug chose for a copy, as its events and its report tell. */
#ifndef TUG_CLI_BENCH_CHOICE_H
#define TUG_CLI_BENCH_CHOICE_H

#include <stdio.h>

#include "bench.h"

/* Copies a file or a tree to a name that does not exist, as `tug cp -r` does. Makes a runtime of
 * its own: in a child process only. Returns 0 or a negative errno. */
int tug_cli_bench_choice_copy(const char *from, const char *to, struct tug_bench_choice *choice);

/* As part of a sentence, and as a JSON object. */
void tug_cli_bench_choice_write(FILE *file, const struct tug_bench_choice *choice);
void tug_cli_bench_choice_write_json(FILE *file, const struct tug_bench_choice *choice);

#endif
