/* SPDX-License-Identifier: MIT */
/* What tests of the removal share: one that is run by a coroutine in a runtime of its own, and what
 * it has reported. */
#ifndef TUG_TESTS_COPY_REMOVAL_H
#define TUG_TESTS_COPY_REMOVAL_H

#include "fixture.h"

#include <tug/remove.h>

struct removal_failure {
    enum tug_remove_step step;
    int error;
    char path[256]; /* cut off */
};

struct removal {
    struct tug_remove_options options;
    bool multi_thread, outside; /* the flavour of runtime; or none */
    bool may_leak;              /* a close that is made to fail does not close */
    unsigned cancel_after;      /* us, unless it is 0 */
    /* Called for each event, before it is counted. May be NULL. */
    void (*on_event)(const struct tug_remove_event *event, void *argument);
    void *argument;
    /* What came out. */
    int64_t result;
    struct tug_remove_report report;
    unsigned removed, failure_count;
    struct removal_failure failures[16];
};

/* Recursive, two jobs, all events. */
void removal_init(struct removal *removal);

/* Removes these paths (the list ends with NULL); checks that no descriptor is left open. */
void removal_run(struct removal *removal, ...);

/* The same for a list of names. */
void removal_run_list(struct removal *removal, const char *names, size_t size);

/* The usual case: must succeed. */
struct tug_remove_report removal_of(const char *path);

/* Checks that exactly one failure was reported, and which. */
void removal_assert_failure(const struct removal *removal, enum tug_remove_step step, int error,
                            const char *path);

#endif
