/* SPDX-License-Identifier: MIT */
/* Counters and events of a removal. Path names are made only for events that somebody wants. */
#include "remover.h"

#include <errno.h>
#include <stdlib.h>

static void count(uint64_t *counter)
{
    __atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
}

static void send_event(struct tug_remover *remover, struct tug_remove_event event,
                       const struct tug_directory *at, const char *shown)
{
    const struct tug_remove_options *options = remover->options;
    if ((options->events & (unsigned)event.kind) == 0 || options->event == NULL)
        return;
    char *path = tug_directory_destination_path(at, shown);
    event.path = path != NULL ? path : shown != NULL ? shown : at->destination_name;
    pthread_mutex_lock(&remover->lock);
    options->event(&event, options->argument);
    pthread_mutex_unlock(&remover->lock);
    free(path);
}

void tug_remover_removed(struct tug_remover *remover, const struct tug_directory *at,
                         const char *shown, unsigned type)
{
    struct tug_remove_report *report = remover->report;
    count(type == S_IFDIR ? &report->directories : &report->entries);
    send_event(remover, (struct tug_remove_event){.kind = TUG_REMOVE_REMOVED, .type = type}, at,
               shown);
}

void tug_remover_fail(struct tug_remover *remover, const struct tug_directory *at,
                      const char *shown, enum tug_remove_step step, int error)
{
    int32_t none = 0, first = error != 0 ? error : -EPERM;
    __atomic_compare_exchange_n(&remover->report->first_error, &none, first, false,
                                __ATOMIC_RELAXED, __ATOMIC_RELAXED);
    count(&remover->report->failures);
    send_event(remover,
               (struct tug_remove_event){.kind = TUG_REMOVE_FAILED, .step = step, .error = error},
               at, shown);
}

void tug_remove_report_read(const struct tug_remove_report *report, struct tug_remove_report *now)
{
    *now = (struct tug_remove_report){
        .entries = __atomic_load_n(&report->entries, __ATOMIC_RELAXED),
        .directories = __atomic_load_n(&report->directories, __ATOMIC_RELAXED),
        .declined = __atomic_load_n(&report->declined, __ATOMIC_RELAXED),
        .failures = __atomic_load_n(&report->failures, __ATOMIC_RELAXED),
        .first_error = __atomic_load_n(&report->first_error, __ATOMIC_RELAXED),
    };
}
