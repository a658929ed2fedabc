/* SPDX-License-Identifier: MIT */
/* Events of a move, and its counters: atomic, each on its own. */
#include "mover.h"

#include <errno.h>
#include <stdlib.h>

/* Counts a failure. False: it is none. */
static bool count_failure(struct tug_mover *mover, int error)
{
    /* After a cancellation calls may fail because of it; that is no news. */
    if (error == -ECANCELED)
        return false;
    int32_t none = 0;
    int32_t first = error != 0 ? error : -EIO;
    __atomic_compare_exchange_n(&mover->report->first_error, &none, first, false, __ATOMIC_RELAXED,
                                __ATOMIC_RELAXED);
    tug_move_count(&mover->report->failures, 1);
    if (mover->options->on_failure == TUG_ON_FAILURE_STOP) {
        __atomic_store_n(&mover->report->stopped, 1, __ATOMIC_RELAXED);
        if (mover->crew != NULL)
            tug_crew_stop(mover->crew);
    }
    return true;
}

void tug_move_send(struct tug_mover *mover, const struct tug_move_event *event)
{
    if (event->kind == TUG_MOVE_FAILED && !count_failure(mover, event->error))
        return;
    if (!tug_move_wants(mover, event->kind))
        return;
    pthread_mutex_lock(&mover->event_lock);
    mover->options->event(event, mover->options->argument);
    pthread_mutex_unlock(&mover->event_lock);
}

static void send_about(struct tug_mover *mover, struct tug_move_event event,
                       const struct tug_move_operand *operand)
{
    char *path = tug_move_wants(mover, event.kind) ? tug_mover_path(mover, operand) : NULL;
    event.source = operand->source;
    event.destination = path;
    event.type = operand->type;
    tug_move_send(mover, &event);
    free(path);
}

/* The path of a backup, from its name relative to the directory of the mover. */
static char *backup_path(const struct tug_mover *mover, const char *backup)
{
    return mover->into ? tug_mover_join(mover->destination, backup) : NULL;
}

void tug_move_tell(struct tug_mover *mover, enum tug_move_event_kind kind,
                   struct tug_move_operand *operand, const char *backup)
{
    if (!tug_move_wants(mover, kind))
        return;
    char *path = backup != NULL ? backup_path(mover, backup) : NULL;
    struct tug_move_event event = {.kind = kind, .backup = path != NULL ? path : backup};
    send_about(mover, event, operand);
    free(path);
}

void tug_move_fail(struct tug_mover *mover, struct tug_move_operand *operand,
                   enum tug_move_step step, int error)
{
    struct tug_move_event event = {.kind = TUG_MOVE_FAILED, .step = step, .error = error};
    operand->state = TUG_MOVE_STAYS;
    send_about(mover, event, operand);
}

void tug_move_report_read(const struct tug_move_report *report, struct tug_move_report *now)
{
    *now = (struct tug_move_report){
        .renamed = __atomic_load_n(&report->renamed, __ATOMIC_RELAXED),
        .copied = __atomic_load_n(&report->copied, __ATOMIC_RELAXED),
        .skipped = __atomic_load_n(&report->skipped, __ATOMIC_RELAXED),
        .removed = __atomic_load_n(&report->removed, __ATOMIC_RELAXED),
        .failures = __atomic_load_n(&report->failures, __ATOMIC_RELAXED),
        .first_error = __atomic_load_n(&report->first_error, __ATOMIC_RELAXED),
        .phase = __atomic_load_n(&report->phase, __ATOMIC_RELAXED),
        .stopped = __atomic_load_n(&report->stopped, __ATOMIC_RELAXED),
    };
    tug_copy_report_read(&report->copy, &now->copy);
}
