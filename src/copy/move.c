/* SPDX-License-Identifier: MIT */
/* The public functions: rounds of renaming and copying, until there are no operands left. */
#include <tug/move.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backup.h"
#include "mover.h"

#define MOST_JOBS 1024

void tug_move_options_init(struct tug_move_options *options)
{
    memset(options, 0, sizeof(*options));
}

static bool are_valid(const struct tug_move_options *options, size_t count)
{
    if (count == 0 || options->jobs > MOST_JOBS)
        return false;
    if (options->open_directories != 0 && options->open_directories < 4)
        return false;
    if (options->target == TUG_COPY_TARGET_EXACT && count > 1)
        return false;
    if (options->suffix != NULL && !tug_backup_suffix_is_valid(options->suffix))
        return false;
    return options->target <= TUG_COPY_TARGET_EXACT && options->on_failure <= TUG_ON_FAILURE_STOP &&
           options->existing <= TUG_MOVE_EXISTING_REFUSE && options->backup <= TUG_BACKUP_EXISTING;
}

/* Renames what can be renamed, on the blocking pool if this is a coroutine. */
static int run_renames(struct tug_mover *mover)
{
    struct tug_crew *crew;
    int error = tug_crew_create(&crew, 1);
    if (error != 0)
        return error;
    _Static_assert(offsetof(struct tug_mover, job) == 0, "the job is the first member");
    mover->job.run = tug_move_run_renames;
    tug_crew_push(crew, &mover->job, false);
    error = tug_crew_run(crew);
    tug_crew_destroy(crew);
    return error;
}

static bool has_to_copy(const struct tug_mover *mover)
{
    for (size_t i = 0; i < mover->next; i++)
        if (mover->operands[i].state == TUG_MOVE_TO_COPY)
            return true;
    return false;
}

static int run_copy(struct tug_mover *mover)
{
    const struct tug_move_options *options = mover->options;
    if (options->run_copy != NULL)
        return (int)options->run_copy(tug_move_copy_waiting, mover, options->argument);
    return (int)tug_move_copy_waiting(mover);
}

int64_t tug_move(const struct tug_move_options *options, const char *const *sources, size_t count,
                 const char *destination, struct tug_move_report *report)
{
    struct tug_move_options defaults;
    struct tug_move_report own_report;
    struct tug_mover *mover;
    if (options == NULL) {
        tug_move_options_init(&defaults);
        options = &defaults;
    }
    if (!are_valid(options, count) || destination == NULL)
        return -EINVAL;
    if (report == NULL)
        report = &own_report;
    memset(report, 0, sizeof(*report));
    int error = tug_mover_create(&mover, options, sources, count, destination, report);
    if (error != 0)
        return error;
    while (error == 0 && !tug_mover_is_stopped(mover) && mover->next < mover->count) {
        error = run_renames(mover);
        if (error == 0 && !tug_mover_is_stopped(mover) && has_to_copy(mover)) {
            error = run_copy(mover);
            if (error == 0 && has_to_copy(mover))
                error = -EINVAL; /* the callback did not do what it has to do */
        }
    }
    tug_mover_destroy(mover);
    return error != 0 ? error : report->first_error;
}
