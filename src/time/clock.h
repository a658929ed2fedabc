/* SPDX-License-Identifier: MIT */
/*
 * The clock of a runtime: CLOCK_MONOTONIC plus an offset, or, while paused, a number that stands
 * still. Only the owner thread of a current-thread runtime pauses, so the fields are written by
 * one thread; any thread may read.
 */
#ifndef TUG_TIME_CLOCK_H
#define TUG_TIME_CLOCK_H

#include <stdint.h>

#include "sys/clock.h"
#include "task/task.h"
#include "time/wheel.h"

static inline uint64_t tug_domain_now(const struct tug_domain *domain)
{
    uint64_t paused = __atomic_load_n(&domain->paused_now, __ATOMIC_RELAXED);
    if (__builtin_expect(paused != 0, 0))
        return paused;
    return tug_clock_now() + __atomic_load_n(&domain->clock_offset, __ATOMIC_RELAXED);
}

static inline uint64_t tug_domain_ticks(const struct tug_domain *domain)
{
    return tug_ticks_of_now(domain->clock_start, tug_domain_now(domain));
}

/* Moves a paused clock forward to the start of a tick. */
void tug_clock_jump(struct tug_domain *domain, uint64_t ticks);

#endif
