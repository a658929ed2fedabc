/* SPDX-License-Identifier: MIT */
/*
 * No background is drawn, and text and lines have a grey of middle brightness that can be read on
 * white and on black; a viewer that knows whether its page is dark gets more contrast by the style
 * sheet. Colours are those of Okabe and Ito, which people with any colour vision can tell apart,
 * but for black and yellow, which are too near to a background.
 */
#include "bench_chart.h"

#include <math.h>
#include <string.h>

#include "bench_format.h"

#define WIDTH 860
#define LEFT 270
#define RIGHT 90
#define TOP 92
#define BAR 13
#define GAP 14
#define PLOT (WIDTH - LEFT - RIGHT)

static const char *const colours[TUG_BENCH_CHART_SERIES] = {
    "#8c8c8c", "#0083c9", "#e69f00", "#009e73", "#cc79a7", "#d55e00",
    "#56b4e9", "#8f7ee7", "#a6761d", "#b5b000", "#333333",
};

struct axis {
    bool logarithmic;
    double low, high, step; /* step: between marks of a linear axis */
};

/* 1, 2 or 5 times a power of ten, at least `value`. */
static double round_up(double value)
{
    double power = pow(10, floor(log10(value)));
    double digit = value / power;
    return (digit <= 1 ? 1 : digit <= 2 ? 2 : digit <= 5 ? 5 : 10) * power;
}

static struct axis make_axis(const struct tug_bench_chart *chart)
{
    double least = 0, most = 0;
    for (unsigned i = 0; i < chart->groups; i++)
        for (unsigned k = 0; k < chart->series; k++) {
            double value = chart->values[i][k];
            if (value <= 0)
                continue;
            least = least == 0 || value < least ? value : least;
            most = value > most ? value : most;
        }
    if (most == 0)
        least = most = 1;
    struct axis axis = {.logarithmic = most > chart->linear_up_to * least};
    if (axis.logarithmic) {
        /* Below the least value, so that each has a bar that can be seen. */
        axis.low = pow(10, floor(log10(least * 0.8)));
        axis.high = round_up(most);
    } else {
        axis.step = round_up(most / 6);
        axis.high = ceil(most / axis.step) * axis.step;
    }
    return axis;
}

static double position(const struct axis *axis, double value)
{
    double share = axis->logarithmic ? log(value / axis->low) / log(axis->high / axis->low)
                                     : value / axis->high;
    return LEFT + PLOT * (share < 0 ? 0 : share);
}

static void write_text(FILE *file, const char *class, double x, double y, const char *anchor,
                       const char *text)
{
    fprintf(file, "<text class=\"%s\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">", class, x, y,
            anchor);
    tug_cli_bench_print_xml(file, text);
    fputs("</text>\n", file);
}

static unsigned bars_of(const struct tug_bench_chart *chart, unsigned group)
{
    unsigned bars = 0;
    for (unsigned i = 0; i < chart->series; i++)
        bars += chart->values[group][i] > 0;
    return bars > 0 ? bars : 1;
}

static void write_head(FILE *file, const struct tug_bench_chart *chart, unsigned height)
{
    fprintf(file,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %u\" width=\"%d\""
            " height=\"%u\" role=\"img\">\n<title>",
            WIDTH, height, WIDTH, height);
    tug_cli_bench_print_xml(file, chart->title);
    fputs("</title>\n"
          "<style>\n"
          "text { font: 12px system-ui, -apple-system, 'DejaVu Sans', Helvetica, sans-serif;"
          " fill: #767676 }\n"
          "text.title { font-size: 16px; font-weight: bold }\n"
          "text.value, text.mark { font-size: 11px }\n"
          "line { stroke: #767676; stroke-opacity: 0.35 }\n"
          "@media (prefers-color-scheme: light) { text { fill: #3d3d3d } }\n"
          "@media (prefers-color-scheme: dark) { text { fill: #c9c9c9 } }\n"
          "</style>\n",
          file);
    write_text(file, "title", 16, 26, "start", chart->title);
}

/* Which colour is which, in as many lines as needed. Only what has a bar somewhere. */
static void write_legend(FILE *file, const struct tug_bench_chart *chart)
{
    double x = 16;
    for (unsigned i = 0; i < chart->series; i++) {
        bool used = false;
        for (unsigned k = 0; k < chart->groups; k++)
            used |= chart->values[k][i] > 0;
        if (!used)
            continue;
        fprintf(file,
                "<rect x=\"%.1f\" y=\"40\" width=\"12\" height=\"12\" rx=\"2\" fill=\"%s\"/>\n", x,
                colours[i]);
        write_text(file, "name", x + 17, 50.5, "start", chart->series_names[i]);
        x += 42 + 7 * (double)strlen(chart->series_names[i]);
    }
}

static void write_mark(FILE *file, const struct tug_bench_chart *chart, const struct axis *axis,
                       double value, unsigned bottom)
{
    char text[32];
    double x = position(axis, value);
    fprintf(file, "<line x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" y2=\"%u\"/>\n", x, TOP - 6, x, bottom);
    chart->mark(text, value);
    write_text(file, "mark", x, TOP - 10, "middle", text);
}

static void write_axis(FILE *file, const struct tug_bench_chart *chart, const struct axis *axis,
                       unsigned bottom)
{
    char label[160];
    if (axis->logarithmic) {
        for (double value = axis->low; value < axis->high * 1.001; value *= 10)
            write_mark(file, chart, axis, value, bottom);
    } else {
        for (unsigned i = 0; i * axis->step < axis->high * 1.001; i++)
            write_mark(file, chart, axis, i * axis->step, bottom);
    }
    snprintf(label, sizeof(label), "%s%s", chart->axis,
             axis->logarithmic ? " (logarithmic scale)" : "");
    write_text(file, "axis", LEFT + PLOT / 2.0, bottom + 20, "middle", label);
}

/* A long name of a group takes two lines, broken at the last space that lets the first one fit. */
static void write_group_name(FILE *file, const char *name, double middle)
{
    enum { COLUMNS = 38 };
    char first[128];
    size_t length = strlen(name), at = length;
    if (length > COLUMNS)
        for (at = COLUMNS; at > 0 && name[at] != ' '; at--)
            ;
    if (at == 0 || at == length) {
        write_text(file, "group", LEFT - 10, middle + 4, "end", name);
        return;
    }
    snprintf(first, sizeof(first), "%.*s", (int)at, name);
    write_text(file, "group", LEFT - 10, middle - 3, "end", first);
    write_text(file, "group", LEFT - 10, middle + 11, "end", name + at + 1);
}

static unsigned write_group(FILE *file, const struct tug_bench_chart *chart,
                            const struct axis *axis, unsigned group, unsigned y)
{
    write_group_name(file, chart->group_names[group], y + bars_of(chart, group) * BAR / 2.0);
    for (unsigned i = 0; i < chart->series; i++) {
        double value = chart->values[group][i];
        if (value <= 0)
            continue;
        double end = position(axis, value);
        fprintf(file,
                "<rect x=\"%d\" y=\"%u\" width=\"%.1f\" height=\"%d\" rx=\"1.5\" fill=\"%s\"/>\n",
                LEFT, y, end - LEFT, BAR - 2, colours[i]);
        write_text(file, "value", end + 5, y + BAR - 3.0, "start", chart->texts[group][i]);
        y += BAR;
    }
    return y;
}

void tug_cli_bench_chart_write(FILE *file, const struct tug_bench_chart *chart)
{
    struct axis axis = make_axis(chart);
    unsigned bottom = TOP;
    for (unsigned i = 0; i < chart->groups; i++)
        bottom += bars_of(chart, i) * BAR + GAP;
    write_head(file, chart, bottom + 34);
    write_legend(file, chart);
    write_axis(file, chart, &axis, bottom);
    unsigned y = TOP + GAP / 2;
    for (unsigned i = 0; i < chart->groups; i++)
        y = write_group(file, chart, &axis, i, y) + GAP;
    fputs("</svg>\n", file);
}
