/* SPDX-License-Identifier: MIT */
/* Every sample, in seconds and bytes, so that nothing of the report has to be measured again. */
#include "bench_choice.h"
#include "bench_format.h"
#include "bench_operation.h"
#include "bench_report.h"
#include "bench_statistics.h"

static void write_text(FILE *file, const char *key, const char *text, const char *after)
{
    tug_cli_bench_print_json_string(file, key);
    fputs(": ", file);
    tug_cli_bench_print_json_string(file, text);
    fputs(after, file);
}

static void write_volume(FILE *file, const char *key, const struct tug_bench_volume *volume)
{
    fprintf(file, "  \"%s\": {", key);
    write_text(file, "type", volume->type, ", ");
    write_text(file, "options", volume->options, ", ");
    fprintf(file, "\"size\": %llu, \"free\": %llu},\n", (unsigned long long)volume->size,
            (unsigned long long)volume->free);
}

static void write_machine(FILE *file, const struct tug_bench_report *report)
{
    const struct tug_bench_machine *machine = &report->machine;
    const struct tug_bench_sizes *sizes = &report->bench->sizes;
    fputs("  ", file);
    write_text(file, "date", machine->date, ",\n  ");
    write_text(file, "version", report->bench->programs.versions[TUG_BENCH_TUG], ",\n");
    fputs("  \"machine\": {", file);
    write_text(file, "kernel", machine->kernel, ", ");
    write_text(file, "processor", machine->processor, ", ");
    fprintf(file, "\"processors\": %u, \"memory\": %llu},\n", machine->processors,
            (unsigned long long)machine->memory);
    write_volume(file, "file_system", &report->volume);
    if (report->bench->options.operations[TUG_BENCH_MOVE_ACROSS])
        write_volume(file, "other_file_system", &report->other);
    fprintf(file, "  \"rounds\": %u,\n  \"scale\": %g,\n  \"large\": %llu,\n",
            report->bench->options.rounds, report->bench->options.scale,
            (unsigned long long)sizes->large);
}

static void write_programs(FILE *file, const struct tug_bench_report *report)
{
    const struct tug_bench_programs *programs = &report->bench->programs;
    fputs("  \"programs\": [", file);
    for (unsigned i = 0; i < TUG_BENCH_PROGRAMS; i++) {
        bool available = false;
        for (unsigned k = 0; k < TUG_BENCH_OPERATIONS; k++)
            available |= programs->available[i][k];
        fputs(i > 0 ? ",\n    {" : "\n    {", file);
        write_text(file, "name", tug_cli_bench_program_name(i), ", ");
        write_text(file, "version", programs->versions[i], ", ");
        fprintf(file, "\"available\": %s}", available ? "true" : "false");
    }
    fputs("\n  ],\n", file);
}

static void write_choices(FILE *file, const struct tug_bench_report *report)
{
    const char *before = "\n    ";
    fputs("  \"choices\": {", file);
    for (unsigned i = 0; i < TUG_BENCH_OPERATIONS; i++) {
        if (report->bench->results->choices[i].files == 0)
            continue;
        fputs(before, file);
        tug_cli_bench_print_json_string(file, tug_cli_bench_operation_name(i));
        fputs(": ", file);
        tug_cli_bench_choice_write_json(file, &report->bench->results->choices[i]);
        before = ",\n    ";
    }
    fputs("\n  },\n", file);
}

static void write_samples(FILE *file, const char *key, const double *samples, unsigned count)
{
    fprintf(file, ", \"%s\": [", key);
    for (unsigned i = 0; i < count; i++)
        fprintf(file, "%s%.6f", i > 0 ? ", " : "", samples[i]);
    fputs("]", file);
}

static void write_cell(FILE *file, const struct tug_bench_report *report,
                       enum tug_bench_cache cache, enum tug_bench_operation operation,
                       unsigned program)
{
    char label[64];
    const struct tug_bench_cell *cell = tug_cli_bench_cell(report, cache, operation, program);
    const struct tug_bench_cell *baseline =
        tug_cli_bench_cell(report, cache, operation, TUG_BENCH_SEQUENTIAL);
    tug_cli_bench_label(label, sizeof(label), program, operation);
    write_text(file, "operation", tug_cli_bench_operation_name(operation), ", ");
    write_text(file, "cache", tug_cli_bench_cache_name(cache), ", ");
    write_text(file, "program", tug_cli_bench_program_name(program), ", ");
    write_text(file, "command", label, "");
    if (cell->count == 0) {
        fputs(", ", file);
        write_text(file, "failure", cell->failure, "");
        return;
    }
    fprintf(file, ", \"median\": %.6f, \"minimum\": %.6f",
            tug_cli_bench_median(cell->seconds, cell->count),
            tug_cli_bench_minimum(cell->seconds, cell->count));
    if (baseline->count > 0)
        fprintf(file, ", \"speed_up\": %.3f", tug_cli_bench_speed_up(baseline, cell));
    fprintf(file, ", \"peak_memory\": %llu", (unsigned long long)cell->peak);
    write_samples(file, "seconds", cell->seconds, cell->count);
    write_samples(file, "user", cell->user, cell->count);
    write_samples(file, "system", cell->system, cell->count);
}

static void write_results(FILE *file, const struct tug_bench_report *report)
{
    const char *before = "\n    {";
    fputs("  \"results\": [", file);
    for (unsigned cache = 0; cache < TUG_BENCH_CACHES; cache++)
        for (unsigned i = 0; i < TUG_BENCH_OPERATIONS; i++)
            for (unsigned k = 0; k < TUG_BENCH_PROGRAMS; k++) {
                const struct tug_bench_cell *cell = tug_cli_bench_cell(report, cache, i, k);
                if (cell->count == 0 && cell->failure[0] == '\0')
                    continue;
                fputs(before, file);
                write_cell(file, report, cache, i, k);
                fputc('}', file);
                before = ",\n    {";
            }
    fputs("\n  ]\n", file);
}

void tug_cli_bench_write_json(FILE *file, const struct tug_bench_report *report)
{
    fputs("{\n", file);
    write_machine(file, report);
    write_programs(file, report);
    write_choices(file, report);
    write_results(file, report);
    fputs("}\n", file);
}
