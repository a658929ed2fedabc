/* SPDX-License-Identifier: MIT */
/*
 * For programs whose own signals are handled by threads that wait for a runtime. ThreadSanitizer
 * runs a handler when its thread next calls the C library, which such a one does not: then another
 * thread has to take the signals.
 */
#ifndef TUG_TESTS_TAKER_H
#define TUG_TESTS_TAKER_H

/* Set-up of a group of cmocka tests; once per program. Returns 0. */
int start_taking_signals(void **state);

#endif
