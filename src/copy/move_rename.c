/* SPDX-License-Identifier: MIT */
/*
 * Moving by renaming. The first thing tried is to rename to a name that is free, in one system
 * call; only if that fails anything is looked at. What is in the way is examined by name before it
 * is replaced by name, as in every mv(1): somebody may put something else there between the two.
 */
#include "mover.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tug/sys.h>

#define SEEN                                                                                       \
    (STATX_TYPE | STATX_MODE | STATX_NLINK | STATX_INO | STATX_SIZE | STATX_MTIME | STATX_CTIME)

static int rename_operand(const struct tug_mover *mover, const struct tug_move_operand *operand,
                          unsigned flags)
{
    return tug_sys_renameat2(AT_FDCWD, operand->source, mover->directory,
                             tug_mover_name(mover, operand), flags);
}

static void succeed(struct tug_mover *mover, struct tug_move_operand *operand,
                    enum tug_move_event_kind kind, const char *backup)
{
    operand->state = TUG_MOVE_MOVED;
    tug_move_count(&mover->report->renamed, 1);
    tug_move_tell(mover, kind, operand, backup);
}

/* ---- Across file systems ---- */

/* The destination may be below the source without being on its file system. */
static bool is_inside(const struct tug_mover *mover, const struct tug_move_operand *operand,
                      const struct statx *source)
{
    struct statx statx;
    char *path = tug_mover_path(mover, operand);
    if (path == NULL)
        return false;
    /* The directory to move into, or the one above the new name. */
    char *end = path + strlen(path);
    while (end > path + 1 && end[-1] == '/')
        end--;
    while (end > path && end[-1] != '/')
        end--;
    *end = '\0';
    int fd =
        tug_sys_openat(AT_FDCWD, path[0] != '\0' ? path : ".", O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
    free(path);
    bool inside = false;
    struct tug_copy_identity below = {0, 0};
    while (fd >= 0 && tug_sys_statx(fd, "", AT_EMPTY_PATH, STATX_INO, &statx) == 0) {
        struct tug_copy_identity here = tug_copy_identity_of(&statx);
        inside = tug_copy_identity_equal(here, tug_copy_identity_of(source));
        if (inside || tug_copy_identity_equal(here, below))
            break;
        below = here;
        int above = tug_sys_openat(fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
        tug_sys_close(fd);
        fd = above;
    }
    if (fd >= 0)
        tug_sys_close(fd);
    return inside;
}

static bool is_empty(const struct tug_mover *mover, const struct tug_move_operand *operand)
{
    char entries[1024];
    bool empty = true;
    int fd = tug_sys_openat(mover->directory, tug_mover_name(mover, operand),
                            O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
    if (fd < 0)
        return true;
    /* "." and "..", of 24 bytes each, are always there. Each entry takes at least as much. */
    for (int64_t total = 0, length; empty;) {
        length = tug_sys_getdents64(fd, entries, sizeof(entries));
        if (length <= 0)
            break;
        total += length;
        empty = total <= 2 * 24;
    }
    tug_sys_close(fd);
    return empty;
}

static bool ends_in_slash(const char *name)
{
    size_t length = strlen(name);
    return length > 0 && name[length - 1] == '/';
}

/* The kernel will not rename across file systems: has it copied, unless that is of no use. */
static void leave_to_copy(struct tug_mover *mover, struct tug_move_operand *operand,
                          const struct statx *source, bool replaces)
{
    operand->size = source->stx_size;
    operand->type = source->stx_mode & S_IFMT;
    const char *name = operand->name;
    /* "." is what the calls for removing refuse; and "/" has no name. */
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || name[0] == '/')
        tug_move_fail(mover, operand, TUG_MOVE_STEP_RENAME, -EBUSY);
    else if (mover->options->no_copy)
        tug_move_fail(mover, operand, TUG_MOVE_STEP_RENAME, -EXDEV);
    else if (operand->type != S_IFDIR && ends_in_slash(tug_mover_name(mover, operand)))
        tug_move_fail(mover, operand, TUG_MOVE_STEP_RENAME, -ENOTDIR);
    else if (operand->type == S_IFDIR && is_inside(mover, operand, source))
        tug_move_fail(mover, operand, TUG_MOVE_STEP_INTO_ITSELF, 0);
    else if (operand->type == S_IFDIR && replaces && !is_empty(mover, operand))
        tug_move_fail(mover, operand, TUG_MOVE_STEP_REPLACE, -ENOTEMPTY);
    else
        operand->state = TUG_MOVE_TO_COPY;
}

/* ---- One operand ---- */

static void fail_rename(struct tug_mover *mover, struct tug_move_operand *operand, int error)
{
    if (error == -EINVAL)
        tug_move_fail(mover, operand, TUG_MOVE_STEP_INTO_ITSELF, 0);
    else
        tug_move_fail(mover, operand, TUG_MOVE_STEP_RENAME, error);
}

/* Replaces what has the final name, which is allowed. */
static void replace(struct tug_mover *mover, struct tug_move_operand *operand,
                    const struct statx *source, bool across)
{
    char *backup;
    bool backups = mover->options->backup != TUG_BACKUP_NONE;
    /* The backup is made when the copy is complete. */
    if (across) {
        leave_to_copy(mover, operand, source, !backups);
        return;
    }
    if (tug_move_make_backup(mover, operand, &backup) != 0)
        return;
    int error = rename_operand(mover, operand, 0);
    if (error == 0) {
        succeed(mover, operand, TUG_MOVE_RENAMED, backup);
    } else {
        tug_move_undo_backup(mover, operand, backup);
        if (error == -EXDEV)
            leave_to_copy(mover, operand, source, !backups);
        else
            fail_rename(mover, operand, error);
    }
    free(backup);
}

/* After a rename to a free name has failed with `error`. */
static void examine(struct tug_mover *mover, struct tug_move_operand *operand, int error)
{
    struct statx source, existing;
    int looked = tug_sys_statx(AT_FDCWD, operand->source, AT_SYMLINK_NOFOLLOW, SEEN, &source);
    if (looked != 0) {
        tug_move_fail(mover, operand, TUG_MOVE_STEP_STAT, looked);
        return;
    }
    operand->type = source.stx_mode & S_IFMT;
    looked = tug_sys_statx(mover->directory, tug_mover_name(mover, operand), AT_SYMLINK_NOFOLLOW,
                           SEEN, &existing);
    if (looked == 0) {
        if (tug_move_may_replace(mover, operand, &source, &existing))
            replace(mover, operand, &source, error == -EXDEV);
        return;
    }
    if (looked != -ENOENT) {
        tug_move_fail(mover, operand, TUG_MOVE_STEP_STAT_DESTINATION, looked);
        return;
    }
    /* Some file systems do not know the flag, and what had the name may have gone. */
    if (error == -EINVAL || error == -EEXIST || error == -ENOSYS)
        error = rename_operand(mover, operand, 0);
    if (error == 0)
        succeed(mover, operand, TUG_MOVE_RENAMED, NULL);
    else if (error == -EXDEV)
        leave_to_copy(mover, operand, &source, false);
    else
        fail_rename(mover, operand, error);
}

static void exchange(struct tug_mover *mover, struct tug_move_operand *operand)
{
    int error = rename_operand(mover, operand, RENAME_EXCHANGE);
    if (error == 0)
        succeed(mover, operand, TUG_MOVE_EXCHANGED, NULL);
    else
        tug_move_fail(mover, operand, TUG_MOVE_STEP_EXCHANGE, error);
}

static void move_operand(struct tug_mover *mover, struct tug_move_operand *operand)
{
    operand->state = TUG_MOVE_STAYS;
    if (mover->options->exchange) {
        exchange(mover, operand);
        return;
    }
    int error = rename_operand(mover, operand, RENAME_NOREPLACE);
    if (error == 0)
        succeed(mover, operand, TUG_MOVE_RENAMED, NULL);
    else
        examine(mover, operand, error);
}

/* ---- All of them ---- */

/* One source and a destination that may be a directory: in most cases it does not exist, and then
 * the rename is all there is to do. */
static bool move_only_operand(struct tug_mover *mover)
{
    struct tug_move_operand *operand = &mover->operands[0];
    if (mover->resolved || mover->count > 1 || mover->options->exchange ||
        mover->options->target != TUG_COPY_TARGET_AUTO)
        return false;
    if (tug_sys_renameat2(AT_FDCWD, operand->source, AT_FDCWD, mover->destination,
                          RENAME_NOREPLACE) != 0)
        return false;
    succeed(mover, operand, TUG_MOVE_RENAMED, NULL);
    mover->next = 1;
    return true;
}

/* Whether an earlier operand of the same name is still to be copied. */
static bool has_to_wait(const struct tug_mover *mover, const struct tug_move_operand *operand)
{
    for (size_t i = operand->earlier; i != SIZE_MAX; i = mover->operands[i].earlier)
        if (mover->operands[i].state == TUG_MOVE_TO_COPY)
            return true;
    return false;
}

void tug_move_run_renames(struct tug_crew_job *job, struct tug_crew_worker *worker)
{
    struct tug_mover *mover = (struct tug_mover *)job;
    if (move_only_operand(mover))
        return;
    if (!tug_mover_resolve(mover)) {
        mover->next = mover->count;
        return;
    }
    while (mover->next < mover->count && !tug_crew_stopped(worker->crew)) {
        struct tug_move_operand *operand = &mover->operands[mover->next];
        if (has_to_wait(mover, operand))
            return;
        move_operand(mover, operand);
        mover->next++;
        if (tug_mover_is_stopped(mover))
            return;
    }
}
