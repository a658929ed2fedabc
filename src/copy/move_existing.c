/* SPDX-License-Identifier: MIT */
/*
 * What has the final name already: whether it may be replaced, and its backup. The rules are those
 * of GNU mv, in its order: the same file first, then the age, then the question, then the types.
 */
#include "mover.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <tug/sys.h>

#include "backup.h"

/* ---- The same file ---- */

/* The parent directory of a path, and the last component of it. */
static int look_at_parent(int at, const char *path, struct statx *parent, const char **base,
                          size_t *length)
{
    size_t end = strlen(path);
    while (end > 1 && path[end - 1] == '/')
        end--;
    size_t begin = end;
    while (begin > 0 && path[begin - 1] != '/')
        begin--;
    *base = path + begin;
    *length = end - begin;
    char *directory = begin > 0 ? strndup(path, begin) : strdup(".");
    if (directory == NULL)
        return -ENOMEM;
    int error = tug_sys_statx(at, directory, 0, STATX_INO, parent);
    free(directory);
    return error;
}

/* Whether both are the same directory entry. If that cannot be found out, they are: then nothing is
 * done. */
static bool are_same_entry(const char *a, int at, const char *b)
{
    struct statx x, y;
    const char *a_base, *b_base;
    size_t a_length, b_length;
    if (look_at_parent(AT_FDCWD, a, &x, &a_base, &a_length) != 0 ||
        look_at_parent(at, b, &y, &b_base, &b_length) != 0)
        return true;
    return a_length == b_length && memcmp(a_base, b_base, a_length) == 0 &&
           tug_copy_identity_equal(tug_copy_identity_of(&x), tug_copy_identity_of(&y));
}

/* Whether the source is a symbolic link to what it would replace, under the only name of that. */
static bool would_replace_its_target(const struct tug_mover *mover,
                                     const struct tug_move_operand *operand,
                                     const struct statx *source, const struct statx *existing)
{
    struct statx target;
    if (!S_ISLNK(source->stx_mode) || S_ISLNK(existing->stx_mode) ||
        tug_sys_statx(AT_FDCWD, operand->source, 0, STATX_INO, &target) != 0 ||
        !tug_copy_identity_equal(tug_copy_identity_of(&target), tug_copy_identity_of(existing)))
        return false;
    if (existing->stx_nlink < 2)
        return true;
    char *path = realpath(operand->source, NULL);
    bool same =
        path != NULL && are_same_entry(path, mover->directory, tug_mover_name(mover, operand));
    free(path);
    return same;
}

static bool is_same_file(const struct tug_mover *mover, const struct tug_move_operand *operand,
                         const struct statx *source, const struct statx *existing)
{
    bool same =
        tug_copy_identity_equal(tug_copy_identity_of(source), tug_copy_identity_of(existing));
    if (mover->options->backup != TUG_BACKUP_NONE)
        return same &&
               are_same_entry(operand->source, mover->directory, tug_mover_name(mover, operand));
    /* To rename a file to another name of it does nothing, and to remove one of two names is not
     * what was asked for. */
    return same || would_replace_its_target(mover, operand, source, existing);
}

/* ---- Whether it is to be replaced at all ---- */

static bool skip(struct tug_mover *mover, struct tug_move_operand *operand)
{
    operand->state = TUG_MOVE_STAYS;
    tug_move_count(&mover->report->skipped, 1);
    return false;
}

static bool fail(struct tug_mover *mover, struct tug_move_operand *operand, enum tug_move_step step,
                 int error)
{
    tug_move_fail(mover, operand, step, error);
    return false;
}

static bool is_no_older(const struct statx *existing, const struct statx *source)
{
    const struct statx_timestamp *a = &existing->stx_mtime, *b = &source->stx_mtime;
    return a->tv_sec != b->tv_sec ? a->tv_sec > b->tv_sec : a->tv_nsec >= b->tv_nsec;
}

static bool ask(struct tug_mover *mover, struct tug_move_operand *operand,
                const struct statx *existing)
{
    const struct tug_move_options *options = mover->options;
    bool writable =
        S_ISLNK(existing->stx_mode) ||
        tug_sys_faccessat(mover->directory, tug_mover_name(mover, operand), W_OK, AT_EACCESS) == 0;
    if (writable && options->existing == TUG_MOVE_EXISTING_ASK_UNWRITABLE)
        return true;
    char *path = tug_mover_path(mover, operand);
    if (path == NULL)
        return fail(mover, operand, TUG_MOVE_STEP_MEMORY, -ENOMEM);
    bool allowed = false;
    if (options->ask != NULL) {
        pthread_mutex_lock(&mover->event_lock);
        allowed = options->ask(path, existing->stx_mode, writable, options->argument);
        pthread_mutex_unlock(&mover->event_lock);
    }
    free(path);
    return allowed || fail(mover, operand, TUG_MOVE_STEP_DECLINED, 0);
}

static bool is_wanted(struct tug_mover *mover, struct tug_move_operand *operand,
                      const struct statx *source, const struct statx *existing)
{
    if (mover->options->update && !S_ISDIR(source->stx_mode) && is_no_older(existing, source))
        return skip(mover, operand);
    switch (mover->options->existing) {
    case TUG_MOVE_EXISTING_KEEP:
        return skip(mover, operand);
    case TUG_MOVE_EXISTING_REFUSE:
        return fail(mover, operand, TUG_MOVE_STEP_REFUSED, 0);
    case TUG_MOVE_EXISTING_ASK:
    case TUG_MOVE_EXISTING_ASK_UNWRITABLE:
        return ask(mover, operand, existing);
    default:
        return true;
    }
}

/* ---- Whether it can be ---- */

/* Whether what has the final name is what an earlier operand was moved to. */
static bool is_just_created(const struct tug_mover *mover, const struct tug_move_operand *operand)
{
    for (size_t i = operand->earlier; i != SIZE_MAX; i = mover->operands[i].earlier)
        if (mover->operands[i].state == TUG_MOVE_MOVED)
            return true;
    return false;
}

/* Whether the backup would take the place of the source: `mv -b a~ a`. */
static bool backup_destroys_source(const struct tug_mover *mover,
                                   const struct tug_move_operand *operand,
                                   const struct statx *source)
{
    struct statx statx;
    if (mover->options->backup == TUG_BACKUP_NUMBERED)
        return false;
    char *backup = tug_backup_simple_name(tug_mover_name(mover, operand), mover->options->suffix);
    if (backup == NULL)
        return true;
    bool destroys =
        tug_sys_statx(mover->directory, backup, AT_SYMLINK_NOFOLLOW, STATX_INO, &statx) == 0 &&
        tug_copy_identity_equal(tug_copy_identity_of(&statx), tug_copy_identity_of(source)) &&
        are_same_entry(operand->source, mover->directory, backup);
    free(backup);
    return destroys;
}

bool tug_move_may_replace(struct tug_mover *mover, struct tug_move_operand *operand,
                          const struct statx *source, const struct statx *existing)
{
    bool backup = mover->options->backup != TUG_BACKUP_NONE;
    bool over_directory = S_ISDIR(existing->stx_mode), directory = S_ISDIR(source->stx_mode);
    if (is_same_file(mover, operand, source, existing))
        return fail(mover, operand, TUG_MOVE_STEP_SAME_FILE, 0);
    if (!is_wanted(mover, operand, source, existing))
        return false;
    if (!over_directory && directory && !backup)
        return fail(mover, operand, TUG_MOVE_STEP_OVER_FILE, 0);
    if (!over_directory && mover->options->backup != TUG_BACKUP_NUMBERED &&
        is_just_created(mover, operand))
        return fail(mover, operand, TUG_MOVE_STEP_JUST_CREATED, 0);
    if (over_directory && !directory && !backup)
        return fail(mover, operand, TUG_MOVE_STEP_OVER_DIRECTORY, 0);
    if (backup && backup_destroys_source(mover, operand, source))
        return fail(mover, operand, TUG_MOVE_STEP_BACKUP_DESTROYS, 0);
    return true;
}

/* ---- Backups ---- */

int tug_move_make_backup(struct tug_mover *mover, struct tug_move_operand *operand, char **backup)
{
    const struct tug_move_options *options = mover->options;
    *backup = NULL;
    if (options->backup == TUG_BACKUP_NONE)
        return 0;
    int error = tug_backup_make(mover->directory, tug_mover_name(mover, operand), options->backup,
                                options->suffix, backup);
    if (error == 0 || error == -ENOENT)
        return 0;
    tug_move_fail(mover, operand, TUG_MOVE_STEP_BACKUP, error);
    return error;
}

void tug_move_undo_backup(struct tug_mover *mover, const struct tug_move_operand *operand,
                          const char *backup)
{
    const char *name = tug_mover_name(mover, operand);
    if (backup != NULL)
        tug_sys_renameat2(mover->directory, backup, mover->directory, name, RENAME_NOREPLACE);
}
