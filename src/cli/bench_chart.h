/* SPDX-License-Identifier: MIT */
/* A bar chart as SVG: groups of horizontal bars, one bar per series, each with its value. */
#ifndef TUG_CLI_BENCH_CHART_H
#define TUG_CLI_BENCH_CHART_H

#include <stdbool.h>
#include <stdio.h>

#define TUG_BENCH_CHART_GROUPS 16
#define TUG_BENCH_CHART_SERIES 11

struct tug_bench_chart {
    const char *title, *axis; /* what the bars show, with its unit */
    unsigned groups, series;
    char group_names[TUG_BENCH_CHART_GROUPS][128];
    const char *series_names[TUG_BENCH_CHART_SERIES];
    /* Above 0; 0 and less: no bar. The text stands beside the bar. */
    double values[TUG_BENCH_CHART_GROUPS][TUG_BENCH_CHART_SERIES];
    char texts[TUG_BENCH_CHART_GROUPS][TUG_BENCH_CHART_SERIES][32];
    /* Where values differ by more than so many times, the axis is logarithmic. */
    double linear_up_to;
    /* Text for a mark on the axis. */
    void (*mark)(char text[32], double value);
};

void tug_cli_bench_chart_write(FILE *file, const struct tug_bench_chart *chart);

#endif
