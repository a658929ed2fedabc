/* SPDX-License-Identifier: MIT */
/*
 * The entry of one timer in a worker's wheel. Public only because sleeps and scopes, which live in
 * their caller's frame, contain one; all members are private.
 */
#ifndef TUG_TIMER_H
#define TUG_TIMER_H

#include <stdint.h>

#include <tug/config.h>

TUG_BEGIN_DECLS

struct tug_timer_wheel;

/* A place in a circular list of timers, or the head of such a list. */
struct tug_timer_link {
    struct tug_timer_link *next, *previous;
};

struct tug_timer {
    struct tug_timer_link link;
    struct tug_timer_wheel *wheel; /* the wheel it is, or was last, in */
    uint64_t deadline;             /* in ticks of 1 ms */
    void (*fire)(struct tug_timer *timer);
    uint8_t state, level, slot;
};

TUG_END_DECLS

#endif
