/* SPDX-License-Identifier: MIT */
#include "bench_job.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include <tug/sys.h>

#include "bench_check.h"
#include "bench_choice.h"
#include "bench_operation.h"
#include "bench_prepare.h"
#include "bench_sequential.h"
#include "bench_walk.h"
#include "in_runtime.h"

static int do_walk(const struct tug_bench_job *job)
{
    if (job->program == TUG_BENCH_SEQUENTIAL)
        return tug_cli_bench_walk(job->source, &job->shared->entries);
    struct tug_bench_walk walk = {.path = job->source};
    int64_t result = tug_cli_in_runtime(tug_cli_bench_count, &walk, 0);
    job->shared->entries = walk.entries;
    return (int)result;
}

static int do_reads(const struct tug_bench_job *job)
{
    const struct tug_bench_sizes *sizes = &job->bench->sizes;
    if (job->program == TUG_BENCH_SEQUENTIAL)
        return tug_cli_bench_sequential_reads(job->source, sizes->large, sizes->reads);
    return tug_cli_bench_async_reads(job->source, sizes->large, sizes->reads,
                                     &job->shared->runtime);
}

/* What is done by functions of our own, in a child. */
static int do_job(void *argument)
{
    const struct tug_bench_job *job = argument;
    int error;
    switch (job->operation) {
    case TUG_BENCH_WALK:
        error = do_walk(job);
        break;
    case TUG_BENCH_READS:
        error = do_reads(job);
        break;
    case TUG_BENCH_MOVE_WITHIN:
    case TUG_BENCH_MOVE_ACROSS:
        error = tug_cli_bench_move(job->source, job->destination);
        break;
    case TUG_BENCH_DELETE:
        error = tug_cli_bench_remove(job->source);
        break;
    default:
        error = tug_cli_bench_copy(job->source, job->destination, false);
        break;
    }
    if (error != 0)
        fprintf(stderr, "%s\n", strerror(-error));
    return error != 0;
}

static bool exists(const char *path)
{
    return tug_sys_faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* In a child. */
static int check_job(void *argument)
{
    const struct tug_bench_job *job = argument;
    const struct tug_bench_sizes *sizes = &job->bench->sizes;
    char difference[256];
    bool source_must_go = job->operation == TUG_BENCH_MOVE_WITHIN ||
                          job->operation == TUG_BENCH_MOVE_ACROSS ||
                          job->operation == TUG_BENCH_DELETE;
    if (source_must_go && exists(job->source)) {
        fputs("it left something of its source behind\n", stderr);
        return 1;
    }
    /* The walks of our own have counted. */
    if (job->operation == TUG_BENCH_WALK && job->program <= TUG_BENCH_TUG &&
        job->shared->entries != tug_cli_bench_inodes(TUG_BENCH_WALK, sizes)) {
        fprintf(stderr, "it found %llu entries, not %llu\n",
                (unsigned long long)job->shared->entries,
                (unsigned long long)tug_cli_bench_inodes(TUG_BENCH_WALK, sizes));
        return 1;
    }
    if (job->original == NULL ||
        tug_cli_bench_compare(job->original, job->destination,
                              tug_cli_bench_program_keeps_modes(job->program), difference,
                              sizeof(difference)) == 0)
        return 0;
    fprintf(stderr, "the copy is not equal to its source: %s\n", difference);
    return 1;
}

/* A function in a child that only its message matters of. */
static int call(int (*function)(void *), void *argument, struct tug_bench_child *told)
{
    struct tug_bench_child child = {.function = function, .argument = argument, .output = -1};
    int result = tug_cli_bench_child_run(&child);
    memcpy(told->message, child.message, sizeof(told->message));
    return result;
}

int tug_cli_bench_job_run(struct tug_bench_job *job, struct tug_bench_child *child)
{
    const struct tug_bench *bench = job->bench;
    struct tug_bench_preparation preparation = {
        .scratch = bench->scratch,
        .source = job->source,
        .cache = job->cache,
        .memory = job->operation == TUG_BENCH_COPY_LARGE ? bench->sizes.large : 0,
    };
    *child = (struct tug_bench_child){.function = do_job, .argument = job, .output = -1};
    int result = call(tug_cli_bench_prepare, &preparation, child);
    if (result != 0)
        return result;
    result = bench->programs.paths[job->program][job->operation] != NULL
                 ? tug_cli_bench_program_run(&bench->programs, job->program, job->operation,
                                             job->source, job->destination, child)
                 : tug_cli_bench_child_run(child);
    return result != 0 ? result : call(check_job, job, child);
}

static int do_explain(void *argument)
{
    const struct tug_bench_job *job = argument;
    int error = tug_cli_bench_choice_copy(job->source, job->destination, &job->shared->choice);
    if (error != 0)
        fprintf(stderr, "%s\n", strerror(-error));
    return error != 0;
}

int tug_cli_bench_job_explain(struct tug_bench_job *job, struct tug_bench_child *child)
{
    int result = call(do_explain, job, child);
    return result != 0 ? result : call(check_job, job, child);
}
