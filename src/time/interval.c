/* SPDX-License-Identifier: MIT */
/*
 * Timeouts around a call, and intervals. The three ways to deal with missed ticks, and the 5 ms
 * below which a tick does not count as missed, are Tokio's.
 */
#include <tug/time.h>

#include <errno.h>

#include "time/interval.h"

#define MISSED_AFTER (5 * TUG_MILLISECOND)

int64_t tug_timeout(uint64_t duration, tug_task_fn fn, void *argument)
{
    struct tug_scope scope;
    tug_scope_begin(&scope, tug_deadline_after(duration), NULL);
    int64_t result = fn(argument);
    return tug_scope_end(&scope, result);
}

void tug_interval_init(struct tug_interval *interval, uint64_t start, uint64_t period,
                       enum tug_missed_tick missed_tick)
{
    *interval = (struct tug_interval){period, start, missed_tick};
}

static uint64_t next_tick(const struct tug_interval *interval, uint64_t now)
{
    uint64_t on_schedule = interval->next + interval->period;
    if (now <= interval->next + MISSED_AFTER)
        return on_schedule;
    switch (interval->missed_tick) {
    case TUG_MISSED_TICK_DELAY:
        return now + interval->period;
    case TUG_MISSED_TICK_SKIP:
        /* The first time on the old schedule that lies after now. */
        return now + interval->period - (now - interval->next) % interval->period;
    default:
        return on_schedule;
    }
}

void tug_interval_advance(struct tug_interval *interval, uint64_t now)
{
    interval->next = next_tick(interval, now);
}

int tug_interval_tick(struct tug_interval *interval, uint64_t *tick)
{
    if (interval->period == 0)
        return -EINVAL;
    int error = tug_sleep_until(interval->next);
    if (error != 0)
        return error;
    if (tick != NULL)
        *tick = interval->next;
    tug_interval_advance(interval, tug_now());
    return 0;
}
