/* SPDX-License-Identifier: MIT */
/*
 * What comes to its end first: a binary heap of deadlines that are members of something else. A
 * deadline knows its place in the heap, so that it can be taken out of the middle.
 */
#ifndef MINIKV_EXPIRY_H
#define MINIKV_EXPIRY_H

#include <stddef.h>
#include <stdint.h>

/* No deadline: later than all others. */
#define NEVER INT64_MAX

struct deadline {
    int64_t time; /* ms of the clock of tug_now(), or NEVER: then it is in no heap */
    size_t place;
};

/* Zero-initialised it is empty. */
struct expiry {
    struct deadline **heap;
    size_t count, capacity;
};

void expiry_free(struct expiry *expiry);

/* The earliest, or NULL. */
struct deadline *expiry_first(const struct expiry *expiry);

/* Sets a deadline, which may be in the heap already, to another time or to NEVER. Returns 0;
 * -ENOMEM: it is what it was. */
int expiry_set(struct expiry *expiry, struct deadline *deadline, int64_t time);

#endif
