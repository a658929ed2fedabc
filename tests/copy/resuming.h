/* SPDX-License-Identifier: MIT */
/* Copies from "from" to "to" that are interrupted by a failure, and go on. */
#ifndef TUG_TESTS_COPY_RESUMING_H
#define TUG_TESTS_COPY_RESUMING_H

#include "fixture.h"

#define MIB ((uint64_t)1 << 20)

/* With two jobs; files of 2 MiB and more are continued within. */
extern struct fixture_copy resuming;

/* As setup and teardown of each test. */
int resuming_enter(void **state);
int resuming_leave(void **state);

#define RESUMING_TEST(function)                                                                    \
    cmocka_unit_test_setup_teardown(function, resuming_enter, resuming_leave)

void resuming_run(void);

/* The copy is whole, nothing is left beside it, and so much was copied, and was there before. */
void resuming_expect(uint64_t copied, uint64_t resumed);

/* Makes a source of 40 MiB and 7 bytes. */
void resuming_make_large(void);

/* Copies it, and stops when so many bytes have been written; the second after 20 MiB, where this
 * text has the name of the copy and keeps it. */
void resuming_interrupt(uint64_t bytes);
void resuming_interrupt_over(const char *existing);

/* The same by hand: for `on_event` of a copy that wants TUG_COPY_BYTES. */
extern uint64_t resuming_stop_at, resuming_written;
void resuming_stop(const struct tug_copy_event *event, void *argument);

#endif
