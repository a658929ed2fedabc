/* SPDX-License-Identifier: MIT */
/*
 * Names of one file stay names of one file. The table knows each file of the source that has
 * several names by its device and inode. The first name that a worker comes to is copied; those
 * that come meanwhile are put aside, and become links to the copy when it is complete; those that
 * come later become links at once. If the copy fails, one of those put aside is copied in its
 * place. Nobody waits.
 */
#ifndef TUG_COPY_HARD_LINKS_H
#define TUG_COPY_HARD_LINKS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "identity_set.h"
#include "walk.h"

struct tug_copy_engine;
struct tug_hard_link; /* one file of the source, in the table */

struct tug_hard_links {
    pthread_mutex_t lock;
    struct tug_hard_link **slots;
    size_t count, capacity;
};

/* Returns 0 or a negative errno. */
int tug_hard_links_init(struct tug_hard_links *links);
void tug_hard_links_destroy(struct tug_hard_links *links);

/* Forgets all files. The directories of their copies are still there. */
void tug_hard_links_clear(struct tug_hard_links *links);

/* Whether the names of such a source may have to be kept together. */
bool tug_hard_links_concern(const struct tug_copy_engine *engine, uint32_t link_count);

/* A name of the file with this identity: returns true if the caller has to copy it, and to call
 * tug_hard_links_settle() with *link afterwards. False: it was linked, or reported, or put aside.
 */
bool tug_hard_links_claim(const struct tug_walk_entry *entry, struct tug_copy_identity identity,
                          struct tug_hard_link **link);

/* The copy of a claimed name has ended: what it is, or NULL if there is none that could be linked
 * to. `directory` is pinned. */
void tug_hard_links_settle(struct tug_copy_engine *engine, struct tug_hard_link *link,
                           struct tug_directory *directory, const char *destination_name,
                           const struct tug_copy_identity *copy);

/* A name in a directory that may have been closed: the nearest directory above it that is open, or
 * one opened on the way (directory_reach.c). */
struct tug_reach {
    struct tug_directory *base; /* pinned */
    int at;                     /* what `path` is relative to */
    char path[8192];
};

/* Finds the way to `name` in the counterpart of a directory that the caller has a hold of. The
 * names on the way may have been given to others meanwhile: what is found must be checked. Returns
 * 0 or a negative errno. */
int tug_directory_reach(struct tug_directory *directory, const char *name, struct tug_reach *reach);
void tug_directory_reach_end(struct tug_reach *reach);

#endif
