/* SPDX-License-Identifier: MIT */
/*
 * A B C, B C A, C A B, ...: in each round every program has its turn, and each comes first once, so
 * that a slow minute of the machine hits all of them alike.
 */
#include "bench_measure.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "bench_job.h"
#include "bench_message.h"
#include "bench_operation.h"
#include "bench_sequential.h"
#include "bench_source.h"

#define PATH_SIZE 4200

static bool is_copy(enum tug_bench_operation operation)
{
    return operation <= TUG_BENCH_COPY_LARGE;
}

/* The operation whose source this one works on. */
static enum tug_bench_operation source_of(enum tug_bench_operation operation)
{
    if (operation == TUG_BENCH_READS)
        return TUG_BENCH_COPY_LARGE;
    return is_copy(operation) ? operation : TUG_BENCH_COPY_MANY;
}

static void source_path(char path[PATH_SIZE], const struct tug_bench *bench,
                        enum tug_bench_operation operation)
{
    snprintf(path, PATH_SIZE, "%s/%s", bench->scratch,
             tug_cli_bench_operation_name(source_of(operation)));
}

static void copy_path(char path[PATH_SIZE], const char *scratch, unsigned number)
{
    snprintf(path, PATH_SIZE, "%s/copy%05u", scratch, number);
}

/* ---- Sources ---- */

struct making {
    const struct tug_bench *bench;
    enum tug_bench_operation operation;
    const char *from; /* NULL: made anew */
    char path[PATH_SIZE];
};

static int make(void *argument)
{
    struct making *making = argument;
    int error =
        making->from != NULL
            ? tug_cli_bench_copy(making->from, making->path, false)
            : tug_cli_bench_make_source(making->operation, &making->bench->sizes, making->path);
    if (error != 0)
        fprintf(stderr, "cannot make the files to work on: %s\n", strerror(-error));
    return error != 0;
}

static int make_sources(const struct tug_bench *bench)
{
    for (unsigned source = 0; source <= TUG_BENCH_COPY_LARGE; source++) {
        struct making making = {.bench = bench, .operation = source};
        bool wanted = false;
        for (unsigned i = 0; i < TUG_BENCH_OPERATIONS; i++)
            wanted |= bench->options.operations[i] && source_of(i) == source;
        if (!wanted)
            continue;
        tug_cli_bench_show("making the files to work on");
        source_path(making.path, bench, source);
        int result = tug_cli_bench_child_call(make, &making);
        if (result != 0)
            return result;
    }
    return 0;
}

/* As many trees to move and to delete as there will be such runs, before the first of them: see
 * bench_need.c. */
static int make_victims(struct tug_bench *bench)
{
    unsigned wanted = 0;
    char source[PATH_SIZE];
    source_path(source, bench, TUG_BENCH_COPY_MANY);
    for (unsigned i = 0; i < TUG_BENCH_PROGRAMS; i++)
        wanted += tug_cli_bench_takes_part(bench, i, TUG_BENCH_MOVE_ACROSS) +
                  tug_cli_bench_takes_part(bench, i, TUG_BENCH_DELETE);
    wanted *= bench->options.rounds *
              (bench->options.caches[TUG_BENCH_WARM] + bench->options.caches[TUG_BENCH_COLD]);
    tug_cli_bench_show("making the trees to move and to delete");
    while (bench->victim_count < wanted) {
        struct making making = {.bench = bench, .from = source};
        copy_path(making.path, bench->scratch, ++bench->copies);
        int result = tug_cli_bench_child_call(make, &making);
        if (result != 0)
            return result;
        bench->victims[bench->victim_count++] = bench->copies;
    }
    return 0;
}

/* ---- Runs ---- */

static void record(struct tug_bench_cell *cell, const struct tug_bench_child *child)
{
    cell->seconds[cell->count] = child->seconds;
    cell->user[cell->count] = child->user;
    cell->system[cell->count] = child->system;
    cell->count++;
    if (child->peak > cell->peak)
        cell->peak = child->peak;
}

/* What must not stay until the end: large copies, and the other place of a tree that was moved. */
static int put_back(const struct tug_bench_job *job)
{
    if (job->operation == TUG_BENCH_COPY_LARGE)
        return tug_cli_bench_remove(job->destination);
    if (job->operation == TUG_BENCH_MOVE_WITHIN)
        return tug_cli_bench_move(job->destination, job->source);
    return 0;
}

/* The paths of a job: which tree it works on, and where it leaves it. */
static void set_paths(struct tug_bench *bench, struct tug_bench_job *job, char source[PATH_SIZE],
                      char destination[PATH_SIZE])
{
    source_path(source, bench, job->operation);
    if (job->operation == TUG_BENCH_MOVE_ACROSS || job->operation == TUG_BENCH_DELETE)
        copy_path(source, bench->scratch, bench->victims[bench->next_victim++]);
    copy_path(destination,
              job->operation == TUG_BENCH_MOVE_ACROSS ? bench->other_scratch : bench->scratch,
              ++bench->copies);
    job->source = source;
    job->destination = destination;
}

/* One program's turn. What it fails at is left out from then on. */
static int take_turn(struct tug_bench *bench, struct tug_bench_job *job)
{
    struct tug_bench_child child;
    struct tug_bench_cell *cell = &bench->results->cells[job->cache][job->operation][job->program];
    char source[PATH_SIZE], destination[PATH_SIZE], original[PATH_SIZE], name[64];
    if (cell->failure[0] != '\0')
        return 0;
    set_paths(bench, job, source, destination);
    source_path(original, bench, TUG_BENCH_COPY_MANY);
    if (is_copy(job->operation))
        job->original = source;
    else
        job->original = job->operation == TUG_BENCH_MOVE_ACROSS ? original : NULL;
    int result = tug_cli_bench_job_run(job, &child);
    int error = result == -ECANCELED ? 0 : put_back(job);
    if (result == 0 && error != 0) {
        snprintf(child.message, sizeof(child.message), "cannot undo it: %s", strerror(-error));
        result = -EIO;
    }
    if (result == 0) {
        record(cell, &child);
        if (job->operation == TUG_BENCH_COPY_MANY)
            bench->victims[bench->victim_count++] = bench->copies;
    }
    if (result != -EIO)
        return result;
    tug_cli_bench_program_command(name, sizeof(name), job->program, job->operation);
    tug_cli_bench_complain("%s failed: %s: %s",
                           name[0] != '\0' ? name : tug_cli_bench_program_name(job->program),
                           tug_cli_bench_operation_name(job->operation), child.message);
    *cell = (struct tug_bench_cell){.count = 0};
    memcpy(cell->failure, child.message, sizeof(cell->failure));
    bench->failed = true;
    return 0;
}

static int run_round(struct tug_bench *bench, struct tug_bench_job *job, unsigned round)
{
    char line[256], title[128];
    tug_cli_bench_operation_title(title, sizeof(title), job->operation, &bench->sizes);
    for (unsigned i = 0; i < TUG_BENCH_PROGRAMS; i++) {
        job->program = (i + round) % TUG_BENCH_PROGRAMS;
        if (!tug_cli_bench_takes_part(bench, job->program, job->operation))
            continue;
        snprintf(line, sizeof(line), "%s, %s, round %u of %u: %s", title,
                 tug_cli_bench_cache_name(job->cache), round + 1, bench->options.rounds,
                 tug_cli_bench_program_name(job->program));
        tug_cli_bench_show(line);
        int result = take_turn(bench, job);
        if (result != 0)
            return result;
    }
    return 0;
}

/* Copies once without being timed, which also warms up, and keeps what the library tells. */
static int explain(struct tug_bench *bench, struct tug_bench_job job)
{
    struct tug_bench_child child;
    char source[PATH_SIZE], destination[PATH_SIZE];
    if (!is_copy(job.operation))
        return 0;
    tug_cli_bench_show("warming up");
    job.program = TUG_BENCH_TUG;
    set_paths(bench, &job, source, destination);
    job.original = source;
    int result = tug_cli_bench_job_explain(&job, &child);
    if (result != -ECANCELED)
        put_back(&job);
    if (result == -EIO)
        bench->failed = true;
    if (result == -EIO)
        tug_cli_bench_complain("tug_copy() failed: %s: %s",
                               tug_cli_bench_operation_name(job.operation), child.message);
    if (result == 0)
        bench->results->choices[job.operation] = job.shared->choice;
    return result == -ECANCELED ? result : 0;
}

static int run_operation(struct tug_bench *bench, struct tug_bench_job *job)
{
    int result = explain(bench, *job);
    if (result == 0 && job->operation >= TUG_BENCH_MOVE_ACROSS)
        result = make_victims(bench);
    for (unsigned cache = 0; cache < TUG_BENCH_CACHES && result == 0; cache++) {
        job->cache = cache;
        for (unsigned i = 0; i < bench->options.rounds && result == 0; i++)
            if (bench->options.caches[cache])
                result = run_round(bench, job, i);
    }
    return result;
}

static int run_operations(struct tug_bench *bench, struct tug_bench_shared *shared)
{
    int result = make_sources(bench);
    for (unsigned i = 0; i < TUG_BENCH_OPERATIONS && result == 0; i++) {
        struct tug_bench_job job = {.bench = bench, .operation = i, .shared = shared};
        if (bench->options.operations[i])
            result = run_operation(bench, &job);
    }
    snprintf(bench->driver, sizeof(bench->driver), "%s", shared->runtime.driver);
    return result;
}

int tug_cli_bench_measure(struct tug_bench *bench)
{
    const unsigned most = 2 * TUG_BENCH_PROGRAMS * TUG_BENCH_CACHES * TUG_BENCH_MAX_ROUNDS;
    struct tug_bench_shared *shared =
        mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    bench->victims = calloc(most, sizeof(*bench->victims));
    int result = -EIO;
    if (shared != MAP_FAILED && bench->victims != NULL)
        result = run_operations(bench, shared);
    else
        tug_cli_bench_complain("%s", strerror(ENOMEM));
    if (shared != MAP_FAILED)
        munmap(shared, sizeof(*shared));
    free(bench->victims);
    tug_cli_bench_show(NULL);
    return result;
}
