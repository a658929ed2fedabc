/* SPDX-License-Identifier: MIT */
/* What has the name of a copy already: whether it stays, and how it is got out of the way. */
#ifndef TUG_COPY_EXISTING_H
#define TUG_COPY_EXISTING_H

#include <sys/stat.h>
#include <time.h>

#include "engine.h"

/* One name that is to be given to a copy, and what the source is. */
struct tug_copy_subject {
    struct tug_copy_engine *engine;
    const struct tug_directory *directory; /* pinned */
    const char *name, *destination_name;
    struct tug_copy_identity identity;
    struct timespec modified;
};

/* Newer than anything: what exists is never new enough to stay. */
#define TUG_COPY_NEWEST ((struct timespec){INT64_MAX, 0})

/* Looks at the destination without following links. 0: it is not there; 1: it is there and is to be
 * kept, and was counted as skipped; 2: it is there, in *statx, and may be overwritten; negative for
 * what has been reported: a directory, or the source itself. */
int tug_copy_check_existing(const struct tug_copy_subject *subject, struct statx *statx);

/* Whether something that may be overwritten must not be written to in place. */
bool tug_copy_must_replace(const struct tug_copy_engine *engine, const struct statx *statx);

/* Takes its name away: removes it, or makes a backup of it, whose name, malloc'ed, is stored in
 * *backup, which is NULL otherwise. Returns 0, or a negative errno for what has been reported. */
int tug_copy_clear_way(const struct tug_copy_subject *subject, char **backup);

/* The end of a backup: gives it its name back if the copy has failed. Frees it; NULL is allowed. */
void tug_copy_end_backup(const struct tug_copy_subject *subject, char *backup, bool failed);

#endif
