/* SPDX-License-Identifier: MIT */
#include "total.h"

#include <string.h>

#include <tug/cancel.h>
#include <tug/task.h>

#include "engine.h"

/* Told of after 1, 2, 4 entries and so on, then whenever there are so many more. */
#define PERIOD 1024

static uint64_t entries_of(const struct tug_copy_report *report)
{
    return report->files + report->directories + report->links + report->hard_links +
           report->specials + report->skipped + report->resumed_files;
}

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static void tell(struct tug_copy_total *total, uint64_t entries, uint64_t bytes, bool final)
{
    struct tug_copy_engine *copy = total->copy;
    const struct tug_copy_event event = {
        .kind = TUG_COPY_TOTAL, .entries = entries, .bytes = bytes, .final = final};
    total->final = final;
    pthread_mutex_lock(&copy->event_lock);
    copy->options->event(&event, copy->options->argument);
    pthread_mutex_unlock(&copy->event_lock);
}

void tug_copy_total_found(struct tug_copy_total *total)
{
    if (++total->found < total->next)
        return;
    total->next += total->next < PERIOD ? total->next : PERIOD;
    tell(total, total->found, total->report.bytes, false);
}

static int64_t measure(void *argument)
{
    struct tug_copy_total *total = argument;
    int error =
        tug_copy_measure_for(total, &total->options, total->sources, total->count, &total->report);
    if (error == 0)
        tell(total, total->found, total->report.bytes, true);
    return error;
}

void tug_copy_total_begin(struct tug_copy_total *total, struct tug_copy_engine *copy,
                          const char *const *sources, size_t count)
{
    *total = (struct tug_copy_total){.sources = sources, .count = count, .next = 1};
    if (!tug_copy_wants(copy, TUG_COPY_TOTAL))
        return;
    total->copy = copy;
    total->options = *copy->options;
    total->options.jobs = 1;
    /* No bytes are to be copied otherwise. */
    total->options.names_only = copy->options->make != TUG_COPY_MAKE_CONTENTS;
    if (tug_task_current() == NULL)
        measure(total);
    else
        total->task = tug_spawn(measure, total);
}

void tug_copy_total_end(struct tug_copy_total *total, bool complete)
{
    struct tug_scope shield;
    if (total->copy == NULL)
        return;
    if (total->task != NULL) {
        tug_shield_begin(&shield);
        tug_task_abort(total->task);
        tug_join(total->task, NULL);
        tug_scope_end(&shield, 0);
    }
    if (total->final || !complete)
        return;
    const struct tug_copy_report *done = total->copy->report;
    tell(total, larger(total->found, entries_of(done) + done->failures),
         larger(total->report.bytes, done->bytes + done->resumed_bytes), true);
}
