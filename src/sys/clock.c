/* SPDX-License-Identifier: MIT */
/*
 * Sleeping by the clock. By absolute time, so that a signal in between does not prolong it.
 */
#include "sys/clock.h"

#include <errno.h>

void tug_clock_sleep_until(uint64_t deadline)
{
    struct timespec time = tug_clock_timespec(deadline);
    int result;
    do
        result = clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL);
    while (result == EINTR);
}

void tug_clock_sleep(uint64_t ns)
{
    tug_clock_sleep_until(tug_clock_deadline(tug_clock_now(), ns));
}
