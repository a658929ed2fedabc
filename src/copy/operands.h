/* SPDX-License-Identifier: MIT */
/*
 * The operands of a copy: what each source is called in the destination, and which of them may be
 * copied at the same time. Two with the same name there may not: the later one has to see what the
 * earlier one has left. So operands go in groups, in each of which all names differ.
 */
#ifndef TUG_COPY_OPERANDS_H
#define TUG_COPY_OPERANDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine.h"
#include "parents.h"

struct tug_operand {
    const char *source;
    const char *name; /* in the destination: the last component of the source */
    size_t earlier;   /* the last one before this with the same name; SIZE_MAX: none */
    struct tug_copy_identity identity;
    unsigned type; /* 0: not copied, and not to be verified */
};

struct tug_operands {
    struct tug_crew_job job;
    struct tug_copy_engine *engine;
    struct tug_walk *walk;   /* of the phase */
    const char *destination; /* NULL: there is none */
    struct tug_directory *anchor;
    struct tug_parents parents; /* directories above operands, see tug_copy_options */
    bool into;                  /* the destination is a directory to copy into */
    bool verifying;
    size_t count;
    size_t first, end; /* the group */
    size_t next;       /* atomic: the next of the group to be taken */
    uint32_t queued;   /* atomic: the job is in the crew's stack */
    struct tug_operand operands[];
};

/* Names and groups. `destination` NULL: the operands are only looked at. Returns 0 or -ENOMEM. */
int tug_operands_create(struct tug_operands **operands, struct tug_copy_engine *engine,
                        const char *const *sources, size_t count, const char *destination);
void tug_operands_destroy(struct tug_operands *operands);

/* Pushes the job of the next group, for the walk. False: there are no more, or the destination is
 * of no use. The crew has nothing else to do. */
bool tug_operands_push(struct tug_operands *operands, struct tug_walk *walk);

/* Starts from the first again, to verify: those that were copied, in one group. */
void tug_operands_rewind(struct tug_operands *operands);

/* The walk is over: closes the destination. */
void tug_operands_leave(struct tug_operands *operands);

#endif
