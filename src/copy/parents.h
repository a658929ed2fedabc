/* SPDX-License-Identifier: MIT */
/*
 * Directories above a copy that is called by the whole path name of its source: they are made when
 * the source is taken, and get the attributes of their own sources when everything is done.
 */
#ifndef TUG_COPY_PARENTS_H
#define TUG_COPY_PARENTS_H

#include "engine.h"

struct tug_parents {
    struct tug_parent *last; /* atomic: those that were made, the last one first */
};

/* Makes what is missing of the directories of `name`, relative to the anchor's destination;
 * `source` ends in `name`. False: that failed, and was reported. */
bool tug_parents_make(struct tug_parents *parents, struct tug_copy_engine *engine,
                      const struct tug_directory *anchor, const char *source, const char *name);

/* Gives them their attributes, and forgets them. */
void tug_parents_finish(struct tug_parents *parents, struct tug_copy_engine *engine,
                        const struct tug_directory *anchor);

#endif
