/* SPDX-License-Identifier: MIT */
/*
 * Directories above a copy that is called by the whole path name of its source: they are made when
 * the source is taken, and get the attributes of their own sources when everything is done.
 */
#ifndef TUG_COPY_PARENTS_H
#define TUG_COPY_PARENTS_H

#include "compare.h"
#include "engine.h"

struct tug_parents {
    struct tug_parent *last; /* atomic: those that were made, the last one first */
    struct tug_parent *done; /* those that have their attributes, to be verified */
};

/* Makes what is missing of the directories of `name`, relative to the anchor's destination;
 * `source` ends in `name`. False: that failed, and was reported. */
bool tug_parents_make(struct tug_parents *parents, struct tug_copy_engine *engine,
                      const struct tug_directory *anchor, const char *source, const char *name);

/* Gives them their attributes. */
void tug_parents_finish(struct tug_parents *parents, struct tug_copy_engine *engine,
                        const struct tug_directory *anchor);

/* Compares those that were made with their sources. */
void tug_parents_verify(const struct tug_parents *parents, struct tug_compare *compare,
                        struct tug_directory *anchor);

void tug_parents_destroy(struct tug_parents *parents);

#endif
