/* SPDX-License-Identifier: MIT */
/*
 * Attempts: whether what a worker is doing is to be done again, because somebody who was asked
 * about a failure said so. Kept per thread, since failures are found deep down and an attempt, but
 * for the contents of large files, is the work of one thread. One that lets others have a turn in
 * the middle of it finds its own again: tug_crew_breathe().
 *
 * The first failure of an attempt decides: those that follow from it, or come on top of it, are not
 * asked about. Who begins an attempt ends it; within, others may begin and end. What the walk does
 * by itself is an attempt from one failure to the next, and tug_attempt_again() is called after
 * each.
 */
#ifndef TUG_COPY_ATTEMPT_H
#define TUG_COPY_ATTEMPT_H

#include <stdbool.h>
#include <stdint.h>

enum tug_attempt_state {
    TUG_ATTEMPT_FRESH,   /* nothing has failed */
    TUG_ATTEMPT_SETTLED, /* a failure was counted, and that is that */
    TUG_ATTEMPT_AGAIN    /* it is to be done again */
};

struct tug_attempt {
    enum tug_attempt_state state;
    bool begun;     /* by tug_attempt_begin() */
    bool touched;   /* an attempt before this one has emptied the file that existed */
    uint64_t bytes; /* that were told of */
};

struct tug_crew;

/* Begins one. Returns the one around it, which tug_attempt_end() takes. */
struct tug_attempt tug_attempt_begin(bool touched);
void tug_attempt_end(struct tug_attempt around);

/* The present one. */
struct tug_attempt tug_attempt_now(void);

/* Outside of all attempts only AGAIN is kept. */
void tug_attempt_set_state(enum tug_attempt_state state);
void tug_attempt_set_touched(void);
void tug_attempt_set_bytes(uint64_t bytes);

/* After what was tried has failed or not: whether to do it again. Then, as otherwise, the present
 * attempt is a fresh one. Not when the crew was stopped. */
bool tug_attempt_again(const struct tug_crew *crew);

#endif
