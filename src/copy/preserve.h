/* SPDX-License-Identifier: MIT */
/*
 * Giving a copy the attributes of its source, as far as the options ask for them.
 *
 * The order is that of GNU cp: contents; times; owner, because changing it takes away capabilities
 * and set-user-ID bits; extended attributes; access control lists and mode, so that nobody gets at
 * a file who should not before all is as it should be. What fails is reported and the rest is done;
 * the file stays.
 */
#ifndef TUG_COPY_PRESERVE_H
#define TUG_COPY_PRESERVE_H

#include "attributes.h"
#include "engine.h"

struct tug_preserve {
    struct tug_copy_engine *engine;
    /* For reports: an entry of a directory, or with NULL names the directory itself. */
    const struct tug_directory *directory;
    const char *name, *destination_name;
    const struct tug_attributes *attributes; /* of the source */
    struct tug_place source, destination;
    bool created; /* the destination was made for this copy, and nobody else has it yet */
    bool plain;   /* and has no access control lists */
    bool set_mode;
    mode_t mode;     /* the final permissions */
    mode_t old_mode; /* of a destination that existed */
    bool owner_known;
    uid_t owner; /* of the destination as it is now */
    gid_t group;
    unsigned losses; /* bits of enum tug_loss that are to be noted */
    bool failed;     /* set by tug_preserve() if something was reported as a failure */
};

static inline bool tug_preserves(const struct tug_copy_engine *engine, unsigned what)
{
    return (engine->options->preserve & what) != 0;
}

/* Fields of statx(2) that sources have to be asked for on top of what the copy itself needs. */
static inline unsigned tug_preserve_mask(const struct tug_copy_engine *engine)
{
    return (engine->options->preserve != 0 ? TUG_ATTRIBUTES_MASK : 0) |
           (engine->ledger != NULL ? TUG_LEDGER_MASK : 0);
}

/* The permissions of a copy, before any umask that the kernel applies. */
mode_t tug_preserve_mode(const struct tug_copy_engine *engine, mode_t source);

/* The same once the umask has been taken away; what a copy has in the end. */
mode_t tug_preserve_final_mode(const struct tug_copy_engine *engine, mode_t source);

/* Finds out which extended attributes a source has, if they are to be kept: before it is copied, so
 * that the usual file, which has none, can be made as it will be. */
void tug_preserve_look(const struct tug_copy_engine *engine, struct tug_place source,
                       struct tug_attributes *attributes);

/* Whether a file that is made with the mode of tug_preserve_mode() needs nothing more but its
 * times. */
bool tug_preserve_is_natural(const struct tug_copy_engine *engine,
                             const struct tug_attributes *attributes,
                             const struct tug_newborn *newborn);

/* Does all of it. Returns !failed. */
bool tug_preserve(struct tug_preserve *preserve);

/* Extended attributes (preserve_xattr.c). */

/* Which kinds of them a file has. Returns 0 or a negative errno. */
int tug_xattr_look(struct tug_place place, unsigned *kinds);

/* Copies those of the kinds in the mask. Goes on after a failure. Returns 0 or the first negative
 * errno; *reading tells whether that was on the source. */
int tug_xattr_copy(struct tug_place source, struct tug_place destination, unsigned kinds,
                   bool *reading);

/* Removes access control lists of the kinds in the mask. Returns 0, also if there are none, or a
 * negative errno. */
int tug_xattr_remove_lists(struct tug_place place, unsigned kinds);

/* Whether what is made in a directory gets access control lists from it. */
bool tug_xattr_has_default_list(struct tug_place directory);

#endif
