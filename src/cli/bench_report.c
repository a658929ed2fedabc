/* SPDX-License-Identifier: MIT */
/* What all forms of the report say alike. */
#include "bench_report.h"

const struct tug_bench_cell *tug_cli_bench_cell(const struct tug_bench_report *report,
                                                enum tug_bench_cache cache,
                                                enum tug_bench_operation operation,
                                                unsigned program)
{
    return &report->bench->results->cells[cache][operation][program];
}

void tug_cli_bench_label(char *label, size_t size, unsigned program,
                         enum tug_bench_operation operation)
{
    tug_cli_bench_program_command(label, size, program, operation);
    if (label[0] == '\0')
        snprintf(label, size, "%s%s", tug_cli_bench_program_name(program),
                 program == TUG_BENCH_TUG ? " (library)" : "");
}
