/* SPDX-License-Identifier: MIT */
/*
 * How much room all of it needs. Copies of trees are kept until the end: ext4 without a journal
 * avoids the inodes of files that were deleted in the last minutes, which makes whoever creates
 * files after that ten times slower.
 */
#include "bench_measure.h"
#include "bench_operation.h"

bool tug_cli_bench_takes_part(const struct tug_bench *bench, unsigned program,
                              enum tug_bench_operation operation)
{
    return bench->options.operations[operation] && bench->programs.available[program][operation];
}

/* How often an operation is done by all programs together. */
static unsigned runs_of(const struct tug_bench *bench, enum tug_bench_operation operation)
{
    unsigned programs = 0, caches = 0;
    for (unsigned i = 0; i < TUG_BENCH_PROGRAMS; i++)
        programs += tug_cli_bench_takes_part(bench, i, operation);
    for (unsigned i = 0; i < TUG_BENCH_CACHES; i++)
        caches += bench->options.caches[i];
    return programs * caches * bench->options.rounds;
}

/* So many copies of an operation's source. */
static void add(struct tug_bench_need *need, const struct tug_bench *bench,
                enum tug_bench_operation operation, unsigned copies)
{
    need->bytes += tug_cli_bench_space(operation, &bench->sizes) * copies;
    need->inodes += tug_cli_bench_inodes(operation, &bench->sizes) * copies;
}

void tug_cli_bench_need(struct tug_bench_need *need, const struct tug_bench *bench)
{
    const bool *operations = bench->options.operations;
    unsigned moved = runs_of(bench, TUG_BENCH_MOVE_ACROSS);
    unsigned victims = moved + runs_of(bench, TUG_BENCH_DELETE);
    unsigned many = runs_of(bench, TUG_BENCH_COPY_MANY);
    *need = (struct tug_bench_need){0};
    /* A source, a copy to ask how it was made, and the copies that are measured. */
    if (operations[TUG_BENCH_COPY_FILES])
        add(need, bench, TUG_BENCH_COPY_FILES, 2 + runs_of(bench, TUG_BENCH_COPY_FILES));
    if (operations[TUG_BENCH_COPY_DEEP])
        add(need, bench, TUG_BENCH_COPY_DEEP, 2 + runs_of(bench, TUG_BENCH_COPY_DEEP));
    if (operations[TUG_BENCH_COPY_LARGE] || operations[TUG_BENCH_READS])
        add(need, bench, TUG_BENCH_COPY_LARGE, operations[TUG_BENCH_COPY_LARGE] ? 2 : 1);
    if (many + victims > 0 || operations[TUG_BENCH_WALK] || operations[TUG_BENCH_MOVE_WITHIN])
        add(need, bench, TUG_BENCH_COPY_MANY, 2 + (many > victims ? many : victims));
    need->other_bytes = tug_cli_bench_space(TUG_BENCH_COPY_MANY, &bench->sizes) * moved;
    need->other_inodes = tug_cli_bench_inodes(TUG_BENCH_COPY_MANY, &bench->sizes) * moved;
}
