/* SPDX-License-Identifier: MIT */
/* The programs that are compared: which there are, which of them are installed, how each is told to
 * do an operation. */
#ifndef TUG_CLI_BENCH_PROGRAM_H
#define TUG_CLI_BENCH_PROGRAM_H

#include <stddef.h>

#include "bench.h"
#include "bench_child.h"

struct tug_bench_programs {
    /* What is executed, to be freed; NULL: a function of our own, or not there. */
    char *paths[TUG_BENCH_PROGRAMS][TUG_BENCH_OPERATIONS];
    bool available[TUG_BENCH_PROGRAMS][TUG_BENCH_OPERATIONS];
    /* The first line that it prints when asked for its version; may be empty. */
    char versions[TUG_BENCH_PROGRAMS][128];
    /* The operation whose executable printed that. */
    unsigned version_of[TUG_BENCH_PROGRAMS];
};

/* Looks for all of them in $PATH. Returns 0 or -ECANCELED. */
int tug_cli_bench_find_programs(struct tug_bench_programs *programs);
void tug_cli_bench_forget_programs(struct tug_bench_programs *programs);

/* The name of a program as a column, as "rsync". */
const char *tug_cli_bench_program_name(unsigned program);

/* Its command for an operation, without the operands, as "cp -r". Empty: it has none. */
void tug_cli_bench_program_command(char *command, size_t size, unsigned program,
                                   enum tug_bench_operation operation);

/* The name of the executable for an operation, whether it is installed or not; empty: none. */
void tug_cli_bench_program_file(char *file, size_t size, unsigned program,
                                enum tug_bench_operation operation);

/* Whether its copies have the permissions of their sources. */
bool tug_cli_bench_program_keeps_modes(unsigned program);

/* Runs the command for an operation; it must be available, and not be a function of our own.
 * Returns as tug_cli_bench_child_run(). */
int tug_cli_bench_program_run(const struct tug_bench_programs *programs, unsigned program,
                              enum tug_bench_operation operation, const char *source,
                              const char *destination, struct tug_bench_child *child);

#endif
