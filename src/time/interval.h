/* SPDX-License-Identifier: MIT */
/*
 * What follows a tick, for those who wait for one in their own way.
 */
#ifndef TUG_TIME_INTERVAL_H
#define TUG_TIME_INTERVAL_H

#include <tug/time.h>

/* The tick that was due has been given out at the time `now`: sets the next one. */
void tug_interval_advance(struct tug_interval *interval, uint64_t now);

#endif
