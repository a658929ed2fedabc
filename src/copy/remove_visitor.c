/* SPDX-License-Identifier: MIT */
/*
 * The visitor that removes. A directory in which something stays is marked as kept, which goes up
 * from child to parent as they are finished; of those nobody needs to hear that they are not empty.
 * As in rm(1), what was only declined does not count: whoever then says yes to the directory learns
 * that it is not empty.
 */
#include "remover.h"

#include <errno.h>

#include <tug/sys.h>

#include "attempt.h"

/* How often a directory is walked again because others have put something into it, or because it
 * did not show all its entries while they were being removed, as some file systems do. */
#define MOST_ATTEMPTS 5

static void keep(struct tug_directory *directory)
{
    __atomic_store_n(&directory->kept, true, __ATOMIC_RELAXED);
}

/* ---- Entries ---- */

/* Returns whether it failed. */
static bool remove_entry(const struct tug_walk_entry *entry)
{
    struct tug_remover *remover = tug_remover_of(entry->walk);
    struct tug_directory *directory = entry->directory;
    int error = tug_sys_unlinkat(directory->source, entry->name, 0);
    if (error == 0) {
        tug_remover_removed(remover, directory, entry->name, entry->type);
    } else if (error == -EISDIR) {
        /* It was something else when the directory was read. */
        tug_walk_push(entry->walk, directory, entry->name, NULL, false, true);
    } else if (error != -ENOENT) {
        tug_remover_fail(remover, directory, entry->name, TUG_REMOVE_STEP_REMOVE, error);
        return true;
    }
    return false;
}

static void visit(const struct tug_walk_entry *entry)
{
    bool failed;
    if (!tug_remover_ask(tug_remover_of(entry->walk), entry->directory, entry->name, entry->name,
                         entry->type, TUG_REMOVE_ENTRY))
        return;
    do
        failed = remove_entry(entry);
    while (tug_attempt_again(entry->walk->crew));
    if (failed)
        keep(entry->directory);
}

/* What concerns a directory itself is kept in its `error` until it is finished. */
static void fail(struct tug_walk *walk, const struct tug_directory *directory, const char *name,
                 const char *destination_name, enum tug_copy_step step, int error)
{
    (void)step;
    if (name == NULL || error == -ENOENT)
        return;
    tug_remover_fail(tug_remover_of(walk), directory, destination_name, TUG_REMOVE_STEP_REMOVE,
                     error);
    /* The walk owns the directory and is not constant. */
    if (tug_attempt_now().state != TUG_ATTEMPT_AGAIN)
        keep((struct tug_directory *)directory);
}

static bool retry(struct tug_walk *walk)
{
    return tug_attempt_again(walk->crew);
}

/* ---- The way down ---- */

/* Whether the operand is on another file system than the directory it is in. */
static bool is_mount_point(struct tug_remover *remover, const struct tug_directory *directory)
{
    struct statx above;
    int error = tug_sys_statx(directory->source, "..", 0, STATX_INO, &above);
    if (error != 0)
        tug_remover_fail(remover, directory, NULL, TUG_REMOVE_STEP_PARENT, error);
    else if (tug_copy_identity_of(&above).device != directory->source_identity.device)
        tug_remover_fail(remover, directory, NULL, TUG_REMOVE_STEP_MOUNT_POINT, 0);
    else
        return false;
    return true;
}

/* Whether the directory must not be removed. Reports it. */
static bool is_forbidden(struct tug_remover *remover, const struct tug_directory *directory)
{
    const struct tug_remove_options *options = remover->options;
    enum tug_remove_step step;
    if (remover->has_root && tug_copy_identity_equal(directory->source_identity, remover->root))
        step = TUG_REMOVE_STEP_ROOT;
    else if (directory->parent == remover->anchor)
        return options->refuse_mount_points && is_mount_point(remover, directory);
    else if (options->one_file_system &&
             directory->source_identity.device != directory->parent->source_identity.device)
        step = TUG_REMOVE_STEP_OTHER_DEVICE;
    else
        return false;
    tug_remover_fail(remover, directory, NULL, step, 0);
    return true;
}

static bool enter(struct tug_walk *walk, struct tug_directory *directory, const struct statx *statx)
{
    (void)statx;
    struct tug_remover *remover = tug_remover_of(walk);
    bool forbidden = is_forbidden(remover, directory);
    if (!forbidden && remover->options->ask != TUG_REMOVE_ASK_NEVER) {
        bool empty = tug_remover_is_empty(directory->source);
        forbidden = !tug_remover_ask(remover, directory->parent, directory->name,
                                     directory->destination_name, S_IFDIR,
                                     empty ? TUG_REMOVE_ENTRY : TUG_REMOVE_DESCEND);
        directory->asked = empty;
    }
    __atomic_store_n(&directory->kept, forbidden, __ATOMIC_RELAXED);
    return !forbidden;
}

/* ---- The way up ---- */

/* Removes what has the name of a directory: that, or by now something else. */
static int remove_here(const struct tug_directory *directory, unsigned *type)
{
    int at = directory->parent->source;
    *type = S_IFDIR;
    int error = tug_sys_unlinkat(at, directory->name, AT_REMOVEDIR);
    if (error != -ENOTDIR || directory->was_open)
        return error;
    *type = 0;
    return tug_sys_unlinkat(at, directory->name, 0);
}

/* Why it could not be opened says more than that it is not empty. */
static int reason(const struct tug_directory *directory, int error)
{
    bool empty_talk =
        error == -ENOTEMPTY || error == -EEXIST || error == -ENOTDIR || error == -EISDIR;
    return empty_talk && directory->error != 0 ? directory->error : error;
}

/* Removes a directory in which nothing was kept. Returns 0, also if there is nothing to do any more
 * or if it was begun anew; else a negative errno. */
static int remove_directory(struct tug_remover *remover, struct tug_directory *directory)
{
    unsigned type;
    int error = remove_here(directory, &type);
    if (error == 0)
        tug_remover_removed(remover, directory, NULL, type);
    if (error == -ENOENT)
        return 0;
    if ((error == -ENOTEMPTY || error == -EEXIST) && directory->was_open &&
        directory->attempt + 1 < MOST_ATTEMPTS && remover->options->ask == TUG_REMOVE_ASK_NEVER &&
        tug_walk_again(&remover->walk, directory))
        return 0;
    return reason(directory, error);
}

static void finish(struct tug_walk *walk, struct tug_directory *directory, enum tug_walk_end end)
{
    struct tug_remover *remover = tug_remover_of(walk);
    struct tug_directory *parent = directory->parent;
    int error = directory->error;
    if (tug_crew_stopped(remover->crew))
        return;
    if (directory->kept) {
        keep(parent);
        return;
    }
    /* Others have removed it while it was read. */
    bool gone = end == TUG_WALK_CUT_SHORT && error == -ENOENT;
    if (end == TUG_WALK_COMPLETE || end == TUG_WALK_NOT_ENTERED || gone) {
        if (!directory->asked &&
            !tug_remover_ask(remover, parent, directory->name, directory->destination_name, S_IFDIR,
                             TUG_REMOVE_ENTRY))
            return;
        error = remove_directory(remover, directory);
    }
    if (error != 0) {
        tug_remover_fail(remover, directory, NULL, TUG_REMOVE_STEP_REMOVE, error);
        /* Without memory for it, whatever is above will fail. */
        if (!tug_attempt_again(remover->crew) || !tug_walk_again(walk, directory))
            keep(parent);
    }
}

const struct tug_walk_visitor tug_remove_visitor = {
    .enter = enter,
    .visit = visit,
    .finish = finish,
    .fail = fail,
    .retry = retry,
};
