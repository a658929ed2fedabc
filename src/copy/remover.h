/* SPDX-License-Identifier: MIT */
/*
 * What all jobs of one removal share. Names are given as a directory, whose descriptor is used, and
 * one component below it; what is shown to people is the other side of the pair, the counterpart's
 * name, which differs only for operands with slashes behind them.
 */
#ifndef TUG_COPY_REMOVER_H
#define TUG_COPY_REMOVER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <tug/remove.h>

#include "crew.h"
#include "walk.h"

struct tug_remover {
    struct tug_crew_job job; /* the operands */
    const struct tug_remove_options *options;
    struct tug_remove_report *report;
    struct tug_crew *crew;
    struct tug_walk walk;
    struct tug_directory *anchor;
    pthread_mutex_t lock; /* one event or question at a time */
    struct tug_copy_identity root;
    bool has_root;    /* `root` may not be removed */
    bool in_order;    /* one operand after the other */
    bool second_pass; /* over the directories that the first has left, without recursion */
    unsigned char *is_directory; /* of each operand, what the first pass found; or NULL */
    const char *const *paths;
    size_t count, next; /* next: atomic */
    uint32_t queued;    /* atomic: the job is in the crew's stack */
};

static inline struct tug_remover *tug_remover_of(const struct tug_walk *walk)
{
    return walk->context;
}

extern const struct tug_walk_visitor tug_remove_visitor;

/* ---- The operands (remove_operands.c) ---- */

/* Pushes the job that takes the operands, for the first or the second pass. */
void tug_remover_push(struct tug_remover *remover);

/* Whether the last component of a name is "." or "..", slashes behind it not counted. */
bool tug_remover_is_dot(const char *name);

/* ---- Asking (remove_ask.c) ---- */

/* Whether `name` in `at` may be removed, or descended into: asks if that is wanted. False: it may
 * not, which has been counted or reported. `type`: the file type bits; `shown`: its name for
 * people. */
bool tug_remover_ask(struct tug_remover *remover, const struct tug_directory *at, const char *name,
                     const char *shown, unsigned type, enum tug_remove_action action);

/* Whether an open directory has no entries; its position is set to the beginning. False also if it
 * cannot be read. */
bool tug_remover_is_empty(int fd);

/* ---- Reports (remove_report.c) ---- */

/* Counts an entry that was removed, and tells. `shown` NULL: the directory itself. */
void tug_remover_removed(struct tug_remover *remover, const struct tug_directory *at,
                         const char *shown, unsigned type);

/* Counts and tells a failure, or has it tried again (see attempt.h), or stops the crew, as the
 * options say; `error` is 0 where the step says it all. Each is followed by tug_attempt_again(). */
void tug_remover_fail(struct tug_remover *remover, const struct tug_directory *at,
                      const char *shown, enum tug_remove_step step, int error);

#endif
