/* SPDX-License-Identifier: MIT */
/* The programs that would be measured. */
#ifndef TUG_CLI_BENCH_LIST_H
#define TUG_CLI_BENCH_LIST_H

struct tug_bench_programs;

/* Prints a line for each program, on standard output. */
void tug_cli_bench_list(const struct tug_bench_programs *programs);

#endif
