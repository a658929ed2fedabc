/* SPDX-License-Identifier: MIT */
/*
 * What programs share that send themselves signals.
 *
 * A signal sent to the process is handled by some thread at some time, so a test that expects
 * silence first hears of the signal by a listener that was there before.
 */
#ifndef TUG_TESTS_SIGNALS_H
#define TUG_TESTS_SIGNALS_H

#include "../runtime/fixture.h"

#include <errno.h>
#include <signal.h>

#define A_WHILE (20 * TUG_MILLISECOND)

/* Both must succeed; the signal goes to this process. */
void open_listener(struct tug_signal *listener, int number);
void send_signal(int number);

/* Receives with a limit of time, in ns. Returns as tug_signal_recv(). */
int64_t receive_within(struct tug_signal *listener, uint64_t time);

/* Nothing comes within a while. */
void expect_silence(struct tug_signal *listener);

/* Receives all there is, which is something: signals that were sent one after the other may be
 * handled late. Returns the number of notifications. */
unsigned receive_all(struct tug_signal *listener);

/*
 * Set-up of a group of tests in a program whose signals are handled by threads that wait for a
 * runtime; once per program. ThreadSanitizer runs a handler when its thread next calls the C
 * library, which such a one does not: then another thread has to take the signals. Returns 0.
 */
int start_taking_signals(void **state);

#endif
