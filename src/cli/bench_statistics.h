/* SPDX-License-Identifier: MIT */
/* From samples to the figures of the report. */
#ifndef TUG_CLI_BENCH_STATISTICS_H
#define TUG_CLI_BENCH_STATISTICS_H

#include "bench.h"

/* Of at least one sample, in any order. */
double tug_cli_bench_median(const double *samples, unsigned count);
double tug_cli_bench_minimum(const double *samples, unsigned count);

/* The median of user and system time together. Of at least one sample. */
double tug_cli_bench_processor_time(const struct tug_bench_cell *cell);

/* The median time of `slower` by that of `faster`; 0: one of the two has no samples. */
double tug_cli_bench_speed_up(const struct tug_bench_cell *slower,
                              const struct tug_bench_cell *faster);

#endif
