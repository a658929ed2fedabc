/* SPDX-License-Identifier: MIT */
/* First what a reader wants to know, then what is needed to judge it. */
#include <string.h>

#include "bench_choice.h"
#include "bench_format.h"
#include "bench_operation.h"
#include "bench_report.h"
#include "bench_statistics.h"

static bool was_measured(const struct tug_bench_report *report, enum tug_bench_cache cache,
                         enum tug_bench_operation operation)
{
    return report->bench->options.caches[cache] && report->bench->options.operations[operation];
}

static void write_volume(FILE *file, const char *name, const struct tug_bench_volume *volume)
{
    char size[32], free[32];
    tug_cli_bench_format_size(size, volume->size);
    tug_cli_bench_format_size(free, volume->free);
    fprintf(file, "| %s | %s, %s, %s of it free", name, volume->type, size, free);
    if (volume->options[0] != '\0')
        fprintf(file, "; mounted with `%s`", volume->options);
    fputs(" |\n", file);
}

static void write_machine(FILE *file, const struct tug_bench_report *report)
{
    char memory[32];
    const struct tug_bench *bench = report->bench;
    tug_cli_bench_format_size(memory, report->machine.memory);
    fprintf(file, "| | |\n|---|---|\n| date | %s |\n", report->machine.date);
    fprintf(file, "| machine | %u processor%s (%s), %s of memory |\n", report->machine.processors,
            report->machine.processors == 1 ? "" : "s", report->machine.processor, memory);
    fprintf(file, "| kernel | %s |\n", report->machine.kernel);
    write_volume(file, "file system", &report->volume);
    if (bench->options.operations[TUG_BENCH_MOVE_ACROSS])
        write_volume(file, "other file system", &report->other);
    fprintf(file, "| tug | %s |\n", bench->programs.versions[TUG_BENCH_TUG]);
    fprintf(file, "| rounds | %u |\n\n", bench->options.rounds);
}

static void write_time(FILE *file, const struct tug_bench_cell *cell)
{
    char time[32] = "";
    if (cell->count > 0)
        tug_cli_bench_format_time(time, tug_cli_bench_median(cell->seconds, cell->count));
    fprintf(file, " %s |", time);
}

static void write_ratio(FILE *file, double ratio, bool strong)
{
    char text[32] = "";
    if (ratio > 0)
        tug_cli_bench_format_ratio(text, ratio);
    fprintf(file, strong && ratio > 0 ? " **%s** |" : " %s |", text);
}

/* The fastest of the other tools, or 0. */
static unsigned best_other(const struct tug_bench_report *report, enum tug_bench_cache cache,
                           enum tug_bench_operation operation)
{
    unsigned best = 0;
    for (unsigned i = TUG_BENCH_TUG + 1; i < TUG_BENCH_PROGRAMS; i++) {
        const struct tug_bench_cell *cell = tug_cli_bench_cell(report, cache, operation, i);
        if (cell->count > 0 &&
            (best == 0 ||
             tug_cli_bench_speed_up(tug_cli_bench_cell(report, cache, operation, best), cell) > 1))
            best = i;
    }
    return best;
}

static void write_summary_row(FILE *file, const struct tug_bench_report *report,
                              enum tug_bench_cache cache, enum tug_bench_operation operation)
{
    char title[128], label[64];
    const struct tug_bench_cell *sequential =
        tug_cli_bench_cell(report, cache, operation, TUG_BENCH_SEQUENTIAL);
    const struct tug_bench_cell *tug = tug_cli_bench_cell(report, cache, operation, TUG_BENCH_TUG);
    unsigned best = best_other(report, cache, operation);
    tug_cli_bench_operation_title(title, sizeof(title), operation, &report->bench->sizes);
    fprintf(file, "| %s |", title);
    write_time(file, sequential);
    write_time(file, tug);
    write_ratio(file, tug_cli_bench_speed_up(sequential, tug), true);
    if (best == 0) {
        fputs(" | | |\n", file);
        return;
    }
    const struct tug_bench_cell *other = tug_cli_bench_cell(report, cache, operation, best);
    tug_cli_bench_label(label, sizeof(label), best, operation);
    fprintf(file, " `%s` |", label);
    write_time(file, other);
    write_ratio(file, tug_cli_bench_speed_up(other, tug), false);
    fputc('\n', file);
}

static void write_summary(FILE *file, const struct tug_bench_report *report,
                          enum tug_bench_cache cache, const char *plots)
{
    char name[64];
    fprintf(file, "## %s cache\n\n", cache == TUG_BENCH_WARM ? "Warm" : "Cold");
    fputs("| operation | sequential | tug | speed-up | best other tool | its time | tug against it "
          "|\n|---|--:|--:|--:|---|--:|--:|\n",
          file);
    for (unsigned i = 0; i < TUG_BENCH_OPERATIONS; i++)
        if (was_measured(report, cache, i))
            write_summary_row(file, report, cache, i);
    fputc('\n', file);
    for (unsigned i = 0; i < TUG_BENCH_PLOTS && plots != NULL; i++) {
        tug_cli_bench_plot_name(name, sizeof(name), i, cache);
        fprintf(file, "![%.*s](%s/%s)\n\n", (int)strcspn(name, "."), name, plots, name);
    }
}

static void write_detail_row(FILE *file, const struct tug_bench_report *report,
                             enum tug_bench_cache cache, enum tug_bench_operation operation,
                             unsigned program)
{
    char label[64], text[32];
    const struct tug_bench_cell *cell = tug_cli_bench_cell(report, cache, operation, program);
    tug_cli_bench_label(label, sizeof(label), program, operation);
    fprintf(file, program == TUG_BENCH_SEQUENTIAL ? "| %s |" : "| `%s` |", label);
    if (cell->count == 0) {
        fputs(" failed: ", file);
        tug_cli_bench_print_markdown(file, cell->failure);
        fputs(" | | | | |\n", file);
        return;
    }
    write_time(file, cell);
    tug_cli_bench_format_time(text, tug_cli_bench_minimum(cell->seconds, cell->count));
    fprintf(file, " %s |", text);
    write_ratio(file,
                tug_cli_bench_speed_up(
                    tug_cli_bench_cell(report, cache, operation, TUG_BENCH_SEQUENTIAL), cell),
                program == TUG_BENCH_TUG);
    tug_cli_bench_format_time(text, tug_cli_bench_processor_time(cell));
    fprintf(file, " %s |", text);
    tug_cli_bench_format_size(text, cell->peak);
    fprintf(file, " %s |\n", text);
}

static void write_details(FILE *file, const struct tug_bench_report *report,
                          enum tug_bench_operation operation)
{
    char title[128];
    tug_cli_bench_operation_title(title, sizeof(title), operation, &report->bench->sizes);
    title[0] = (char)(title[0] - 'a' + 'A');
    fprintf(file, "### %s\n\n", title);
    for (unsigned cache = 0; cache < TUG_BENCH_CACHES; cache++) {
        if (!was_measured(report, cache, operation))
            continue;
        fprintf(file,
                "| %s | median | minimum | speed-up | processor time | peak memory |\n"
                "|---|--:|--:|--:|--:|--:|\n",
                tug_cli_bench_cache_name(cache));
        for (unsigned i = 0; i < TUG_BENCH_PROGRAMS; i++) {
            const struct tug_bench_cell *cell = tug_cli_bench_cell(report, cache, operation, i);
            if (cell->count > 0 || cell->failure[0] != '\0')
                write_detail_row(file, report, cache, operation, i);
        }
        fputc('\n', file);
    }
}

static void write_choices(FILE *file, const struct tug_bench_report *report)
{
    char title[128];
    fputs("## What tug chose\n\n", file);
    for (unsigned i = 0; i < TUG_BENCH_OPERATIONS; i++) {
        if (report->bench->results->choices[i].files == 0)
            continue;
        tug_cli_bench_operation_title(title, sizeof(title), i, &report->bench->sizes);
        fprintf(file, "- %s: ", title);
        tug_cli_bench_choice_write(file, &report->bench->results->choices[i]);
        fputs(".\n", file);
    }
    if (report->bench->driver[0] != '\0')
        fprintf(file,
                "- reads: 256 coroutines on one thread, each with one read at a time; driver"
                " `%s`.\n",
                report->bench->driver);
    if (report->bench->options.operations[TUG_BENCH_WALK])
        fputs("- walk: that of the copy engine, by names alone.\n", file);
    fputs("\nThe lines on copies are what the engine itself says of one more copy, which is not"
          " timed: how each file\nwent over and why (`tug cp --debug` tells this file by file), and"
          " how many jobs worked at once.\n\n",
          file);
}

/* Executables that are not there, and commands that this build of tug does not have. */
static void write_missing(FILE *file, const struct tug_bench_programs *programs)
{
    char name[32], last[32] = "";
    const char *before = "- not installed, and so left out: ";
    for (unsigned i = TUG_BENCH_TUG; i < TUG_BENCH_PROGRAMS; i++)
        for (unsigned k = 0; k < TUG_BENCH_OPERATIONS; k++) {
            if (i == TUG_BENCH_TUG)
                tug_cli_bench_program_command(name, sizeof(name), i, k);
            else
                tug_cli_bench_program_file(name, sizeof(name), i, k);
            if (programs->available[i][k] || name[0] == '\0' || strcmp(name, last) == 0)
                continue;
            fprintf(file, "%s%s", before, name);
            before = ", ";
            snprintf(last, sizeof(last), "%s", name);
        }
    if (last[0] != '\0')
        fputs(".\n", file);
}

static void write_programs(FILE *file, const struct tug_bench_report *report)
{
    const struct tug_bench_programs *programs = &report->bench->programs;
    fputs("## Programs\n\n- sequential: plain system calls on one thread, one at a time, a buffer"
          " of 256 KiB.\n",
          file);
    for (unsigned i = TUG_BENCH_TUG; i < TUG_BENCH_PROGRAMS; i++) {
        bool some = false;
        for (unsigned k = 0; k < TUG_BENCH_OPERATIONS; k++)
            some |= programs->available[i][k];
        if (!some)
            continue;
        fprintf(file, "- %s: ", tug_cli_bench_program_name(i));
        tug_cli_bench_print_markdown(file, programs->versions[i]);
        fputc('\n', file);
    }
    write_missing(file, programs);
    fputc('\n', file);
}

static const char method[] =
    "## How it was measured\n"
    "\n"
    "- The programs take turns (A B C, B C A, ...) in each round, so that a slow minute hits all of"
    " them. Times are medians over the rounds; a speed-up is the median of the sequential program"
    " divided by that of the other.\n"
    "- Every run is a process of its own. A time is from its start to its end, as a user waits for"
    " it; what it wrote is then in the page cache, not necessarily on the disk. Before each run"
    " everything is written out.\n"
    "- The sequential program, the walk and the reads of tug are functions of this command in a"
    " forked process; `tug cp`, `tug mv` and `tug rm` are started as programs, like the other"
    " tools, which costs about a millisecond.\n"
    "- Warm: the source has been read just before. Cold: the caches of pages, names and inodes have"
    " been dropped just before.\n"
    "- Each copy goes to a name that was never used before, and trees are deleted only at the end."
    " The walk and `find` see names and types only.\n"
    "- Every copy and every moved tree was compared with its source, not timed: names, types,"
    " permissions and contents.\n"
    "- Peak memory is the largest resident set of the process (ru_maxrss) in any round, or of the"
    " largest one of its child processes; processor time is the median of user and system time of "
    "all of them together.\n";

void tug_cli_bench_write_markdown(FILE *file, const struct tug_bench_report *report,
                                  const char *plots)
{
    fputs("# tug beside sequential calls and other tools\n\n", file);
    write_machine(file, report);
    for (unsigned cache = 0; cache < TUG_BENCH_CACHES; cache++)
        if (report->bench->options.caches[cache])
            write_summary(file, report, cache, plots);
    fputs("## Details\n\n", file);
    for (unsigned i = 0; i < TUG_BENCH_OPERATIONS; i++)
        if (report->bench->options.operations[i])
            write_details(file, report, i);
    write_choices(file, report);
    write_programs(file, report);
    fputs(method, file);
    if (!report->bench->options.caches[TUG_BENCH_COLD])
        fputs("- Nothing was measured with cold caches: that was not asked for, or"
              " /proc/sys/vm/drop_caches cannot be written.\n",
              file);
}
