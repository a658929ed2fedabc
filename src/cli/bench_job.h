/* SPDX-License-Identifier: MIT */
/* One run of one operation by one program, its check included. */
#ifndef TUG_CLI_BENCH_JOB_H
#define TUG_CLI_BENCH_JOB_H

#include "bench_async.h"
#include "bench_child.h"
#include "bench_measure.h"

/* What child processes tell their parent, in memory that they share. */
struct tug_bench_shared {
    uint64_t entries; /* that a walk has found */
    struct tug_bench_runtime runtime;
    struct tug_bench_choice choice;
};

struct tug_bench_job {
    const struct tug_bench *bench;
    enum tug_bench_operation operation;
    enum tug_bench_cache cache;
    unsigned program;
    const char *source, *destination;
    const char *original; /* what `destination` must be equal to in the end; NULL: nothing */
    struct tug_bench_shared *shared;
};

/* Brings the system into the state that the job asks for, does the job, which is timed in `child`,
 * and checks the result. Returns 0; -ECANCELED; -EIO: it failed, `child->message` says why. */
int tug_cli_bench_job_run(struct tug_bench_job *job, struct tug_bench_child *child);

/* Copies once more, untimed, for `shared->choice`. Returns likewise. */
int tug_cli_bench_job_explain(struct tug_bench_job *job, struct tug_bench_child *child);

#endif
