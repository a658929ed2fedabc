/* SPDX-License-Identifier: MIT */
/* Which figures go into which chart. */
#include <string.h>

#include "bench_chart.h"
#include "bench_format.h"
#include "bench_operation.h"
#include "bench_report.h"
#include "bench_statistics.h"

static const char *const names[TUG_BENCH_PLOTS] = {"speed-up", "time", "memory"};
static const char *const titles[TUG_BENCH_PLOTS] = {
    "Speed-up against sequential calls, %s cache (more is better)",
    "Time, %s cache (less is better)",
    "Peak memory, %s cache (less is better)",
};
static const char *const axes[TUG_BENCH_PLOTS] = {
    "times as fast as the sequential program",
    "median time",
    "peak resident memory",
};

void tug_cli_bench_plot_name(char *name, size_t size, enum tug_bench_plot plot,
                             enum tug_bench_cache cache)
{
    snprintf(name, size, "%s-%s.svg", names[plot], tug_cli_bench_cache_name(cache));
}

/* Without the zeros that measured figures have. */
static void mark_ratio(char text[32], double value)
{
    snprintf(text, 32, "%gx", value);
}

static void mark_time(char text[32], double value)
{
    if (value < 0.0009995)
        snprintf(text, 32, "%g us", value * 1e6);
    else if (value < 0.9995)
        snprintf(text, 32, "%g ms", value * 1e3);
    else
        snprintf(text, 32, "%g s", value);
}

static void mark_memory(char text[32], double mebibytes)
{
    snprintf(text, 32, "%g MiB", mebibytes);
}

/* One bar. Returns 0: there is none. */
static double value_of(const struct tug_bench_report *report, enum tug_bench_plot plot,
                       enum tug_bench_cache cache, enum tug_bench_operation operation,
                       unsigned program, char text[32])
{
    double value;
    const struct tug_bench_cell *cell = tug_cli_bench_cell(report, cache, operation, program);
    if (cell->count == 0)
        return 0;
    switch (plot) {
    case TUG_BENCH_PLOT_SPEED:
        value = tug_cli_bench_speed_up(
            tug_cli_bench_cell(report, cache, operation, TUG_BENCH_SEQUENTIAL), cell);
        tug_cli_bench_format_ratio(text, value);
        return program == TUG_BENCH_SEQUENTIAL ? 0 : value;
    case TUG_BENCH_PLOT_TIME:
        value = tug_cli_bench_median(cell->seconds, cell->count);
        tug_cli_bench_format_time(text, value);
        return value;
    default:
        tug_cli_bench_format_size(text, cell->peak);
        return (double)cell->peak / 1048576;
    }
}

void tug_cli_bench_write_plot(FILE *file, const struct tug_bench_report *report,
                              enum tug_bench_plot plot, enum tug_bench_cache cache)
{
    static struct tug_bench_chart chart;
    char title[128];
    memset(&chart, 0, sizeof(chart));
    snprintf(title, sizeof(title), titles[plot], tug_cli_bench_cache_name(cache));
    chart.title = title;
    chart.axis = axes[plot];
    /* A short bar is what a small speed-up should look like. */
    chart.linear_up_to = plot == TUG_BENCH_PLOT_SPEED ? 200 : 20;
    chart.mark = plot == TUG_BENCH_PLOT_SPEED  ? mark_ratio
                 : plot == TUG_BENCH_PLOT_TIME ? mark_time
                                               : mark_memory;
    chart.series = TUG_BENCH_PROGRAMS;
    for (unsigned i = 0; i < TUG_BENCH_PROGRAMS; i++)
        chart.series_names[i] = tug_cli_bench_program_name(i);
    for (unsigned i = 0; i < TUG_BENCH_OPERATIONS; i++) {
        unsigned group = chart.groups;
        if (!report->bench->options.operations[i])
            continue;
        tug_cli_bench_operation_title(chart.group_names[group], sizeof(chart.group_names[0]), i,
                                      &report->bench->sizes);
        for (unsigned k = 0; k < TUG_BENCH_PROGRAMS; k++)
            chart.values[group][k] = value_of(report, plot, cache, i, k, chart.texts[group][k]);
        chart.groups++;
    }
    tug_cli_bench_chart_write(file, &chart);
}
