/* SPDX-License-Identifier: MIT */
/* What the walk can be used for. Their walk's context is a struct tug_copy_engine. */
#ifndef TUG_COPY_VISITORS_H
#define TUG_COPY_VISITORS_H

#include "walk.h"

/* Makes the destination the same as the source. */
extern const struct tug_walk_visitor tug_copy_visitor;

/* Copies an entry that is not a directory, as often as whoever is asked about failures wants.
 * `touched`: an attempt before has emptied the file that existed. */
void tug_copy_visit(const struct tug_walk_entry *entry, bool touched);

/* Counts the source; there is no destination. */
extern const struct tug_walk_visitor tug_measure_visitor;

#endif
