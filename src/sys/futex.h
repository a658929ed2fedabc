/* SPDX-License-Identifier: MIT */
/*
 * Futexes, private to the process. A waiter must look at the word again after every return: it may
 * have been woken by a wake meant for an earlier use of the same address.
 */
#ifndef TUG_SYS_FUTEX_H
#define TUG_SYS_FUTEX_H

#include <limits.h>
#include <stdint.h>

/* Sleeps while *word == expected, at the latest until `deadline` (ns, CLOCK_MONOTONIC, or
 * TUG_NO_DEADLINE). Returns 0 when woken, -EAGAIN if *word was another value, -ETIMEDOUT. */
int tug_futex_wait(const uint32_t *word, uint32_t expected, uint64_t deadline);

/* Wakes up to `count` waiters (INT_MAX: all). Returns how many. */
int tug_futex_wake(const uint32_t *word, int count);

#endif
