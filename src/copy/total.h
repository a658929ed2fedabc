/* SPDX-License-Identifier: MIT */
/*
 * The totals that a copy tells of, TUG_COPY_TOTAL: found by a measurement that runs beside it, on
 * one worker, since it is the copy that the processors are for. Outside of a runtime there is only
 * the calling thread, and the measurement comes first.
 */
#ifndef TUG_COPY_TOTAL_H
#define TUG_COPY_TOTAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tug/copy.h>

struct tug_copy_engine;
struct tug_task;

struct tug_copy_total {
    struct tug_copy_engine *copy; /* NULL: nobody wants to know */
    struct tug_copy_options options;
    const char *const *sources;
    size_t count;
    struct tug_task *task;         /* NULL: there is none */
    struct tug_copy_report report; /* of the measurement */
    uint64_t found, next;          /* entries; how many there are when it is told of next */
    bool final;                    /* that was told */
};

/* Begins to measure, if the options of the copy ask for it. */
void tug_copy_total_begin(struct tug_copy_total *total, struct tug_copy_engine *copy,
                          const char *const *sources, size_t count);

/* The walk of the copy has ended. `complete`: it has come to everything there is, so that the total
 * is known even if the measurement was slower. Suspends or blocks. */
void tug_copy_total_end(struct tug_copy_total *total, bool complete);

/* One more entry has been found, and counted in the report of the measurement. */
void tug_copy_total_found(struct tug_copy_total *total);

/* Counts into `report`, whose engine has this `total`, which may be NULL (measure.c). The options
 * are valid. Suspends or blocks. */
int tug_copy_measure_for(struct tug_copy_total *total, const struct tug_copy_options *options,
                         const char *const *sources, size_t count, struct tug_copy_report *report);

#endif
