/* SPDX-License-Identifier: MIT */
/* Counters and events of a removal. Path names are made only for events that somebody wants. */
#include "remover.h"

#include <errno.h>
#include <stdlib.h>

#include "attempt.h"

static void count(uint64_t *counter)
{
    __atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
}

static bool is_wanted(const struct tug_remover *remover, enum tug_remove_event_kind kind)
{
    const struct tug_remove_options *options = remover->options;
    return (options->events & (unsigned)kind) != 0 && options->event != NULL;
}

/* Fills in the path; to be freed. */
static char *set_path(struct tug_remove_event *event, const struct tug_directory *at,
                      const char *shown)
{
    char *path = tug_directory_destination_path(at, shown);
    event->path = path != NULL ? path : shown != NULL ? shown : at->destination_name;
    return path;
}

void tug_remover_removed(struct tug_remover *remover, const struct tug_directory *at,
                         const char *shown, unsigned type)
{
    struct tug_remove_report *report = remover->report;
    struct tug_remove_event event = {.kind = TUG_REMOVE_REMOVED, .type = type};
    count(type == S_IFDIR ? &report->directories : &report->entries);
    if (!is_wanted(remover, TUG_REMOVE_REMOVED))
        return;
    char *path = set_path(&event, at, shown);
    pthread_mutex_lock(&remover->lock);
    remover->options->event(&event, remover->options->argument);
    pthread_mutex_unlock(&remover->lock);
    free(path);
}

/* Under the lock. */
static enum tug_failure_answer answer_to(const struct tug_remover *remover,
                                         const struct tug_remove_event *failure)
{
    const struct tug_remove_options *options = remover->options;
    if (options->on_failure == TUG_ON_FAILURE_STOP)
        return TUG_FAILURE_STOP;
    if (options->on_failure == TUG_ON_FAILURE_CONTINUE || tug_crew_stopped(remover->crew))
        return TUG_FAILURE_SKIP;
    return options->failed(failure, options->argument);
}

/* Under the lock. */
static void count_failure(struct tug_remover *remover, const struct tug_remove_event *failure)
{
    int32_t none = 0, first = failure->error != 0 ? failure->error : -EPERM;
    __atomic_compare_exchange_n(&remover->report->first_error, &none, first, false,
                                __ATOMIC_RELAXED, __ATOMIC_RELAXED);
    count(&remover->report->failures);
    if (is_wanted(remover, TUG_REMOVE_FAILED))
        remover->options->event(failure, remover->options->argument);
}

void tug_remover_fail(struct tug_remover *remover, const struct tug_directory *at,
                      const char *shown, enum tug_remove_step step, int error)
{
    struct tug_remove_event failure = {.kind = TUG_REMOVE_FAILED, .step = step, .error = error};
    char *path = NULL;
    if (is_wanted(remover, TUG_REMOVE_FAILED) || remover->options->failed != NULL)
        path = set_path(&failure, at, shown);
    pthread_mutex_lock(&remover->lock);
    enum tug_failure_answer answer = answer_to(remover, &failure);
    if (answer == TUG_FAILURE_RETRY)
        tug_attempt_set_state(TUG_ATTEMPT_AGAIN);
    else
        count_failure(remover, &failure);
    if (answer == TUG_FAILURE_STOP) {
        __atomic_store_n(&remover->report->stopped, 1, __ATOMIC_RELAXED);
        tug_crew_stop(remover->crew);
    }
    pthread_mutex_unlock(&remover->lock);
    free(path);
}

void tug_remove_report_read(const struct tug_remove_report *report, struct tug_remove_report *now)
{
    *now = (struct tug_remove_report){
        .entries = __atomic_load_n(&report->entries, __ATOMIC_RELAXED),
        .directories = __atomic_load_n(&report->directories, __ATOMIC_RELAXED),
        .declined = __atomic_load_n(&report->declined, __ATOMIC_RELAXED),
        .failures = __atomic_load_n(&report->failures, __ATOMIC_RELAXED),
        .first_error = __atomic_load_n(&report->first_error, __ATOMIC_RELAXED),
        .stopped = __atomic_load_n(&report->stopped, __ATOMIC_RELAXED),
    };
}
