/* SPDX-License-Identifier: MIT */
/* Links to the source instead of copies of it. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include <tug/sys.h>

#include "existing.h"
#include "file.h"

struct linking {
    const struct tug_walk_entry *entry;
    bool hard;
    char *target; /* of a symbolic link */
};

static void fail(const struct tug_walk_entry *entry, enum tug_copy_step step, int error)
{
    tug_copy_fail(tug_copy_engine_of(entry->walk), entry->directory, entry->name,
                  entry->destination_name, step, error);
}

static int make(const struct linking *linking)
{
    const struct tug_walk_entry *entry = linking->entry;
    int at = entry->directory->destination;
    if (!linking->hard)
        return tug_sys_symlinkat(linking->target, at, entry->destination_name);
    return tug_sys_linkat(entry->directory->source, entry->name, at, entry->destination_name,
                          entry->follow ? AT_SYMLINK_FOLLOW : 0);
}

/* Whether the directory of the destination is the current one, so that the path name of the source
 * means the same there. */
static bool is_here(const struct tug_walk_entry *entry)
{
    struct statx here, there;
    int error, at = entry->directory->destination;
    const char *slash = strrchr(entry->destination_name, '/');
    if (at != AT_FDCWD)
        error = tug_sys_statx(at, "", AT_EMPTY_PATH, STATX_INO, &there);
    else if (slash == NULL)
        return true;
    else {
        char *parent =
            strndup(entry->destination_name, (size_t)(slash - entry->destination_name) + 1);
        error = parent != NULL ? tug_sys_statx(at, parent, 0, STATX_INO, &there) : -ENOMEM;
        free(parent);
    }
    return error == 0 && tug_sys_statx(AT_FDCWD, ".", 0, STATX_INO, &here) == 0 &&
           tug_copy_identity_equal(tug_copy_identity_of(&here), tug_copy_identity_of(&there));
}

/* Something has the name. Returns 0 if the link could be made all the same; 1: it is there, or not
 * wanted; negative for what was reported. */
static int replace(const struct linking *linking)
{
    const struct tug_walk_entry *entry = linking->entry;
    struct tug_copy_engine *engine = tug_copy_engine_of(entry->walk);
    struct statx source, existing;
    char *backup;
    int error =
        tug_sys_statx(entry->directory->source, entry->name,
                      entry->follow ? 0 : AT_SYMLINK_NOFOLLOW, STATX_INO | STATX_MTIME, &source);
    if (error != 0) {
        fail(entry, TUG_COPY_STEP_STAT, error);
        return error;
    }
    struct tug_copy_subject subject = {engine,
                                       entry->directory,
                                       entry->name,
                                       entry->destination_name,
                                       tug_copy_identity_of(&source),
                                       {source.stx_mtime.tv_sec, source.stx_mtime.tv_nsec}};
    if (linking->hard &&
        tug_sys_statx(entry->directory->destination, entry->destination_name, AT_SYMLINK_NOFOLLOW,
                      STATX_INO, &existing) == 0 &&
        tug_copy_identity_equal(tug_copy_identity_of(&existing), subject.identity))
        return 1;
    int found = tug_copy_check_existing(&subject, &existing);
    if (found < 0 || found == 1)
        return found;
    /* Without a word from the user nothing loses its name. */
    bool forced = engine->options->existing == TUG_COPY_EXISTING_FORCE ||
                  engine->options->ask != NULL || tug_copy_must_replace(engine, &existing);
    if (found == 2 && !forced) {
        fail(entry,
             linking->hard ? TUG_COPY_STEP_CREATE_HARD_LINK : TUG_COPY_STEP_CREATE_SYMBOLIC_LINK,
             -EEXIST);
        return -EEXIST;
    }
    error = tug_copy_clear_way(&subject, &backup);
    if (error != 0)
        return error;
    error = make(linking);
    if (error != 0)
        fail(entry,
             linking->hard ? TUG_COPY_STEP_CREATE_HARD_LINK : TUG_COPY_STEP_CREATE_SYMBOLIC_LINK,
             error);
    tug_copy_end_backup(&subject, backup, error != 0);
    return error;
}

static void create(const struct linking *linking)
{
    const struct tug_walk_entry *entry = linking->entry;
    struct tug_copy_engine *engine = tug_copy_engine_of(entry->walk);
    int error = make(linking);
    if (error == -EEXIST)
        error = replace(linking);
    else if (error != 0)
        fail(entry,
             linking->hard ? TUG_COPY_STEP_CREATE_HARD_LINK : TUG_COPY_STEP_CREATE_SYMBOLIC_LINK,
             error);
    if (error != 0)
        return;
    tug_copy_count(linking->hard ? &engine->report->hard_links : &engine->report->links, 1);
    if (tug_copy_wants(engine, TUG_COPY_FINISHED))
        tug_copy_tell(engine, TUG_COPY_FINISHED, entry->type, 0, entry->directory, entry->name,
                      entry->destination_name);
}

void tug_copy_as_link(const struct tug_walk_entry *entry)
{
    struct tug_copy_engine *engine = tug_copy_engine_of(entry->walk);
    struct linking linking = {
        .entry = entry,
        .hard = engine->options->make == TUG_COPY_MAKE_HARD_LINK,
    };
    if (tug_copy_wants(engine, TUG_COPY_STARTED))
        tug_copy_tell(engine, TUG_COPY_STARTED, entry->type, 0, entry->directory, entry->name,
                      entry->destination_name);
    if (!linking.hard)
        linking.target = tug_directory_source_path(entry->directory, entry->name);
    if (!linking.hard && linking.target == NULL)
        fail(entry, TUG_COPY_STEP_MEMORY, -ENOMEM);
    else if (!linking.hard && linking.target[0] != '/' && !is_here(entry))
        fail(entry, TUG_COPY_STEP_RELATIVE_LINK, 0);
    else
        create(&linking);
    free(linking.target);
}
