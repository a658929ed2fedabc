/* SPDX-License-Identifier: MIT */
/*
 * The visitor that removes a source after it was copied. Each entry is looked at right before it is
 * removed, and has to be what the ledger says was copied. Between the look and the removal, a few
 * microseconds, somebody might still change it: the kernel has no call that does both.
 */
#include "move_group.h"

#include <errno.h>
#include <stdlib.h>

#include <tug/sys.h>

/* ---- What stays ---- */

/* Something in the directory stays, so that it stays, and all above it. */
static void keep(struct tug_directory *directory)
{
    while (directory != NULL && !__atomic_exchange_n(&directory->kept, true, __ATOMIC_RELAXED))
        directory = directory->parent;
}

/* Tells of an entry of a directory; `name` NULL: of the directory itself. */
static void send_event(struct tug_move_group *group, struct tug_move_event event,
                       const struct tug_directory *directory, const char *name)
{
    char *path = NULL;
    if (tug_move_wants(group->mover, event.kind))
        path = tug_directory_source_path(directory, name);
    event.source = path != NULL ? path : name != NULL ? name : directory->name;
    tug_move_send(group->mover, &event);
    free(path);
}

static void fail(struct tug_move_group *group, const struct tug_directory *directory,
                 const char *name, enum tug_move_step step, int error)
{
    const struct tug_move_event event = {.kind = TUG_MOVE_FAILED, .step = step, .error = error};
    send_event(group, event, directory, name);
}

static void succeed(struct tug_move_group *group, const struct tug_directory *directory,
                    const char *name, unsigned type)
{
    const struct tug_move_event event = {.kind = TUG_MOVE_REMOVED, .type = type};
    tug_move_count(&group->mover->report->removed, 1);
    if (tug_move_wants(group->mover, TUG_MOVE_REMOVED))
        send_event(group, event, directory, name);
}

/* ---- Entries ---- */

/* Removes a name of a file that has several, and remembers what state the file is in then. */
static int remove_one_name(struct tug_ledger *ledger, const struct tug_walk_entry *entry,
                           const struct tug_ledger_entry *place)
{
    struct statx statx;
    int at = entry->directory->source;
    int fd = tug_sys_openat(at, entry->name, O_PATH | O_NOFOLLOW | O_CLOEXEC, 0);
    if (fd < 0)
        return fd;
    pthread_mutex_lock(&ledger->names_lock);
    int error = tug_sys_statx(fd, "", AT_EMPTY_PATH, TUG_LEDGER_MASK, &statx);
    struct tug_ledger_state state = tug_ledger_state_of(&statx);
    if (error == 0 && !tug_ledger_contains(ledger, place, &state))
        error = -ESTALE;
    if (error == 0)
        error = tug_sys_unlinkat(at, entry->name, 0);
    if (error == 0 && tug_sys_statx(fd, "", AT_EMPTY_PATH, TUG_LEDGER_MASK, &statx) == 0) {
        state = tug_ledger_state_of(&statx);
        tug_ledger_name_removed(ledger, &state);
    }
    pthread_mutex_unlock(&ledger->names_lock);
    tug_sys_close(fd);
    return error;
}

/* Returns 0, -ESTALE if it is not what was copied, or another negative errno. */
static int remove_entry(struct tug_ledger *ledger, const struct tug_walk_entry *entry,
                        const struct tug_ledger_entry *place)
{
    struct statx statx;
    int at = entry->directory->source;
    int error = tug_sys_statx(at, entry->name, AT_SYMLINK_NOFOLLOW, TUG_LEDGER_MASK, &statx);
    if (error != 0)
        return error;
    struct tug_ledger_state state = tug_ledger_state_of(&statx);
    /* It may be the last name now because another was removed a moment ago, by somebody who is
     * about to enter that in the ledger. */
    if (statx.stx_nlink > 1 || !tug_ledger_contains(ledger, place, &state))
        return remove_one_name(ledger, entry, place);
    return tug_sys_unlinkat(at, entry->name, 0);
}

static void visit(const struct tug_walk_entry *entry)
{
    struct tug_move_group *group = tug_move_group_of(entry->walk);
    struct tug_ledger_entry place = tug_ledger_entry_of(entry->directory, entry->name);
    /* What failed has been reported. */
    if (tug_ledger_denies(&group->ledger, &place)) {
        keep(entry->directory);
        return;
    }
    int error = remove_entry(&group->ledger, entry, &place);
    if (error == 0) {
        succeed(group, entry->directory, entry->name, entry->type);
    } else if (error == -ESTALE) {
        keep(entry->directory);
        fail(group, entry->directory, entry->name, TUG_MOVE_STEP_CHANGED, 0);
    } else if (error != -ENOENT) {
        keep(entry->directory);
        fail(group, entry->directory, entry->name, TUG_MOVE_STEP_REMOVE, error);
    }
}

/* ---- Directories ---- */

static bool is_known(struct tug_move_group *group, const struct tug_directory *directory)
{
    struct tug_ledger_entry place = tug_ledger_entry_of(directory, NULL);
    return tug_ledger_contains_directory(&group->ledger, &place, directory->source_identity);
}

static bool is_denied(struct tug_move_group *group, const struct tug_directory *directory)
{
    struct tug_ledger_entry place = tug_ledger_entry_of(directory, NULL);
    return tug_ledger_denies(&group->ledger, &place);
}

/* In a directory that was not copied whole there may still be entries that were. */
static bool enter(struct tug_walk *walk, struct tug_directory *directory, const struct statx *statx)
{
    struct tug_move_group *group = tug_move_group_of(walk);
    (void)statx;
    if (is_known(group, directory) || is_denied(group, directory))
        return true;
    fail(group, directory, NULL, TUG_MOVE_STEP_CHANGED, 0);
    return false;
}

static void finish(struct tug_walk *walk, struct tug_directory *directory, enum tug_walk_end end)
{
    struct tug_move_group *group = tug_move_group_of(walk);
    bool kept = __atomic_load_n(&directory->kept, __ATOMIC_RELAXED);
    if (kept || end != TUG_WALK_COMPLETE || is_denied(group, directory) ||
        !is_known(group, directory)) {
        keep(directory->parent);
        return;
    }
    int error = tug_sys_unlinkat(directory->parent->source, directory->name, AT_REMOVEDIR);
    if (error == 0) {
        succeed(group, directory, NULL, S_IFDIR);
    } else if (error != -ENOENT) {
        keep(directory->parent);
        fail(group, directory, NULL, TUG_MOVE_STEP_REMOVE, error);
    }
}

/* What could not be opened or looked at: the copy has reported that already, if it failed as well.
 */
static void fail_entry(struct tug_walk *walk, const struct tug_directory *directory,
                       const char *name, const char *destination_name, enum tug_copy_step step,
                       int error)
{
    struct tug_move_group *group = tug_move_group_of(walk);
    (void)destination_name;
    struct tug_ledger_entry place = tug_ledger_entry_of(directory, name);
    if (error == -ENOENT)
        return;
    if (name != NULL)
        keep((struct tug_directory *)directory);
    if (tug_ledger_denies(&group->ledger, &place))
        return;
    struct tug_move_event event = {.kind = TUG_MOVE_FAILED, .copy_step = step, .error = error};
    send_event(group, event, directory, name);
}

const struct tug_walk_visitor tug_move_remove_visitor = {
    .enter = enter,
    .visit = visit,
    .finish = finish,
    .fail = fail_entry,
};
