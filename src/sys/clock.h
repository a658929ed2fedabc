/* SPDX-License-Identifier: MIT */
/*
 * The clock: ns of CLOCK_MONOTONIC, in which every deadline below the time/ layer is given.
 */
#ifndef TUG_SYS_CLOCK_H
#define TUG_SYS_CLOCK_H

#include <stdint.h>
#include <time.h>

#define TUG_NS_PER_SECOND UINT64_C(1000000000)

/* A deadline that never comes. */
#define TUG_NO_DEADLINE UINT64_MAX

static inline uint64_t tug_clock_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * TUG_NS_PER_SECOND + (uint64_t)now.tv_nsec;
}

static inline struct timespec tug_clock_timespec(uint64_t ns)
{
    return (struct timespec){.tv_sec = (time_t)(ns / TUG_NS_PER_SECOND),
                             .tv_nsec = (long)(ns % TUG_NS_PER_SECOND)};
}

/* now + ns, or TUG_NO_DEADLINE if that does not fit. */
static inline uint64_t tug_clock_deadline(uint64_t now, uint64_t ns)
{
    return ns > TUG_NO_DEADLINE - now ? TUG_NO_DEADLINE : now + ns;
}

/* Blocks the thread until the clock shows `deadline`, or for `ns`. Signals do not shorten it. */
void tug_clock_sleep_until(uint64_t deadline);
void tug_clock_sleep(uint64_t ns);

#endif
