/* SPDX-License-Identifier: MIT */
/* The arguments of `tug bench`. */
#ifndef TUG_CLI_BENCH_OPTIONS_H
#define TUG_CLI_BENCH_OPTIONS_H

#include "bench.h"

/* Reads the arguments. Returns -1 if there is something to do; else the exit status, after help or
 * a message. */
int tug_cli_bench_parse(struct tug_bench_options *options, int argc, char **argv);

#endif
