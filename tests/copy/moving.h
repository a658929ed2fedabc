/* SPDX-License-Identifier: MIT */
/* Moves for tests: run by a coroutine in a runtime of its own, with what they have reported. */
#ifndef TUG_TESTS_COPY_MOVING_H
#define TUG_TESTS_COPY_MOVING_H

#include <tug/move.h>

#include "fixture.h"

struct moving_failure {
    enum tug_move_step step;
    enum tug_copy_step copy_step;
    int error;
    char source[256], destination[256]; /* cut off */
};

struct moving {
    struct tug_move_options options;
    /* Without a runtime; in one with several threads. */
    bool outside, multi_thread;
    /* Called from the event callback, before the event is counted. May be NULL. */
    void (*on_event)(const struct tug_move_event *event, void *argument);
    void *argument;
    bool may_leak;
    /* Cancels the scope of the move after so many us, unless it is 0. */
    unsigned cancel_after;
    /* What came out. */
    int64_t result;
    struct tug_move_report report;
    unsigned renamed, created, copied, removed, warnings;
    unsigned failure_count; /* the first are kept */
    struct moving_failure failures[16];
};

/* Two jobs, all events. */
void moving_init(struct moving *moving);

/* Moves these sources (the list ends with NULL), and checks that no descriptor is left open. */
void moving_run(struct moving *moving, const char *destination, ...);

/* The usual case: must succeed. */
struct tug_move_report moving_succeeds(const char *source, const char *destination);

/* Checks that exactly one failure was reported, and which. */
void moving_assert_failure(const struct moving *moving, enum tug_move_step step, int error,
                           const char *source);

/* Every entry of the tree `reference` must be whole in `from` or in `to`, and neither may have
 * anything that is not whole. Either may be missing. */
void moving_assert_in_one_place(const char *reference, const char *from, const char *to);

/* There must be no temporary names in the directory. */
void moving_assert_no_temporary_names(const char *directory);

#endif
