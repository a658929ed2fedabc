/* SPDX-License-Identifier: MIT */
/*
 * Waiting in a loop, for a moment, for what another thread is about to do, before one sleeps.
 *
 * To spin for as long as a sleep and the wake that ends it cost, and to sleep then, takes at most
 * twice the time of who knows beforehand how long the wait is: A. Karlin et al., "Empirical studies
 * of competitive spinning for a shared-memory multiprocessor", SOSP 1991. Where spins have been in
 * vain, fewer and fewer waits begin with one.
 */
#ifndef TUG_SYS_SPIN_H
#define TUG_SYS_SPIN_H

#include <stdbool.h>
#include <stdint.h>

#include "sys/clock.h"
#include "sys/cpu.h"

/* ns. A sleep and a wake on another processor take 6 to 40 us. */
#define TUG_SPIN_TIME 20000

/* Reading the clock takes about as long as so many turns. */
#define TUG_SPIN_TURNS 8

/* At least one wait of so many begins with a spin. */
#define TUG_SPIN_RARELY 16

/* Zeroed at first. */
struct tug_spin {
    uint8_t passed_over; /* after each spin */
    uint8_t to_pass_over;
};

/* Whether this wait should begin with a spin. */
static inline bool tug_spin_is_due(struct tug_spin *spin)
{
    if (spin->to_pass_over == 0)
        return true;
    spin->to_pass_over--;
    return false;
}

/* Spins until happened(argument), or for TUG_SPIN_TIME. Returns the last answer. */
static inline bool tug_spin_until(struct tug_spin *spin, bool (*happened)(const void *argument),
                                  const void *argument)
{
    const uint64_t end = tug_clock_now() + TUG_SPIN_TIME;
    bool won;
    while (!(won = happened(argument)) && tug_clock_now() < end)
        for (int turn = 0; turn < TUG_SPIN_TURNS && !happened(argument); turn++)
            tug_cpu_relax();
    unsigned doubled = 2u * spin->passed_over + 1;
    spin->passed_over =
        won ? 0 : (uint8_t)(doubled < TUG_SPIN_RARELY ? doubled : TUG_SPIN_RARELY - 1);
    spin->to_pass_over = spin->passed_over;
    return won;
}

#endif
