/* SPDX-License-Identifier: MIT */
/* What the report is made of, and its forms. */
#ifndef TUG_CLI_BENCH_REPORT_H
#define TUG_CLI_BENCH_REPORT_H

#include <stdio.h>

#include "bench_machine.h"
#include "bench_measure.h"

struct tug_bench_report {
    const struct tug_bench *bench;
    struct tug_bench_machine machine;
    struct tug_bench_volume volume; /* as it was before */
    struct tug_bench_volume other;
};

/* The cell of a program. */
const struct tug_bench_cell *tug_cli_bench_cell(const struct tug_bench_report *report,
                                                enum tug_bench_cache cache,
                                                enum tug_bench_operation operation,
                                                unsigned program);

/* How a program does an operation, as "cp -r", or "sequential"; "tug (library)" where it has no
 * command. */
void tug_cli_bench_label(char *label, size_t size, unsigned program,
                         enum tug_bench_operation operation);

/* Each writes its form to an open file. `plots` is the directory of the plots as the report should
 * name it, NULL: there are none. */
void tug_cli_bench_write_markdown(FILE *file, const struct tug_bench_report *report,
                                  const char *plots);
void tug_cli_bench_write_json(FILE *file, const struct tug_bench_report *report);

/* Plots: each is a file of its own. */
enum tug_bench_plot { TUG_BENCH_PLOT_SPEED, TUG_BENCH_PLOT_TIME, TUG_BENCH_PLOT_MEMORY };
#define TUG_BENCH_PLOTS 3

/* The name of its file, as "speed-up-warm.svg". */
void tug_cli_bench_plot_name(char *name, size_t size, enum tug_bench_plot plot,
                             enum tug_bench_cache cache);
void tug_cli_bench_write_plot(FILE *file, const struct tug_bench_report *report,
                              enum tug_bench_plot plot, enum tug_bench_cache cache);

#endif
