/* SPDX-License-Identifier: MIT */
/* The rounds: every operation, by every program that has it, in turn. */
#ifndef TUG_CLI_BENCH_MEASURE_H
#define TUG_CLI_BENCH_MEASURE_H

#include "bench.h"
#include "bench_program.h"

struct tug_bench {
    struct tug_bench_options options;
    struct tug_bench_sizes sizes;
    struct tug_bench_programs programs;
    struct tug_bench_results *results;
    char driver[16]; /* of the runtime that did the reads; empty: none has */
    /* The scratch directories, here and on the other file system; empty: there is none. */
    char scratch[4096], other_scratch[4096];
    /* Complete copies of the tree of many small files, to be moved and deleted: their numbers. */
    unsigned *victims;
    unsigned victim_count, next_victim;
    unsigned copies; /* made so far, and their highest number */
    bool failed;     /* something was not measured, or wrongly copied */
};

/* Whether a program does an operation here. */
bool tug_cli_bench_takes_part(const struct tug_bench *bench, unsigned program,
                              enum tug_bench_operation operation);

/* Bytes and inodes needed here, and on the other file system. */
struct tug_bench_need {
    uint64_t bytes, inodes, other_bytes, other_inodes;
};
void tug_cli_bench_need(struct tug_bench_need *need, const struct tug_bench *bench);

/*
 * Makes the sources and measures everything. What a program fails at is complained about and left
 * out. Returns 0; -ECANCELED: a signal has come; -EIO: it cannot go on, and has said why.
 */
int tug_cli_bench_measure(struct tug_bench *bench);

#endif
