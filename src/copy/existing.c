/* SPDX-License-Identifier: MIT */
#include "existing.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <tug/sys.h>

#include "attempt.h"
#include "backup.h"
#include "preserve.h"

static int fail(const struct tug_copy_subject *subject, enum tug_copy_step step, int error)
{
    tug_copy_fail(subject->engine, subject->directory, subject->name, subject->destination_name,
                  step, error);
    return error != 0 ? error : -EEXIST;
}

/* ---- Whether it stays ---- */

/* Returns 1, or what was reported. */
static int skip(const struct tug_copy_subject *subject, const struct statx *statx)
{
    int error = 0;
    tug_copy_count(&subject->engine->report->skipped, 1);
    if (subject->engine->options->verify)
        error = tug_identity_set_add(&subject->engine->skipped, tug_copy_identity_of(statx));
    return error == 0 ? 1 : fail(subject, TUG_COPY_STEP_MEMORY, error);
}

static bool is_new_enough(const struct tug_copy_subject *subject, const struct statx *statx)
{
    if (!subject->engine->options->update || S_ISDIR(statx->stx_mode) || tug_attempt_now().touched)
        return false;
    if (statx->stx_mtime.tv_sec != subject->modified.tv_sec)
        return statx->stx_mtime.tv_sec > subject->modified.tv_sec;
    /* One of the same time is finished if it has the size, too, and then nobody asks here; else a
     * crash of the machine has left it. */
    if (subject->engine->options->resume && S_ISREG(statx->stx_mode))
        return (int64_t)statx->stx_mtime.tv_nsec > subject->modified.tv_nsec;
    return (int64_t)statx->stx_mtime.tv_nsec >= subject->modified.tv_nsec;
}

/* Asks about one at a time. */
static bool is_allowed(const struct tug_copy_subject *subject, const struct statx *statx)
{
    struct tug_copy_engine *engine = subject->engine;
    if (engine->options->ask == NULL || tug_attempt_now().touched)
        return true;
    bool writable = S_ISLNK(statx->stx_mode) ||
                    tug_sys_faccessat(subject->directory->destination, subject->destination_name,
                                      W_OK, AT_EACCESS) == 0;
    char *path = tug_directory_destination_path(subject->directory, subject->destination_name);
    pthread_mutex_lock(&engine->event_lock);
    bool allowed = path != NULL && engine->options->ask(path, statx->stx_mode & 07777, writable,
                                                        engine->options->argument);
    pthread_mutex_unlock(&engine->event_lock);
    free(path);
    return allowed;
}

int tug_copy_check_existing(const struct tug_copy_subject *subject, struct statx *statx)
{
    int error = tug_sys_statx(
        subject->directory->destination, subject->destination_name, AT_SYMLINK_NOFOLLOW,
        STATX_TYPE | STATX_MODE | STATX_INO | STATX_NLINK | STATX_MTIME, statx);
    if (error == -ENOENT)
        return 0;
    if (error != 0)
        return fail(subject, TUG_COPY_STEP_CREATE, error);
    switch (subject->engine->options->existing) {
    case TUG_COPY_EXISTING_KEEP:
        return skip(subject, statx);
    case TUG_COPY_EXISTING_REFUSE:
        return fail(subject, TUG_COPY_STEP_REFUSED, 0);
    default:
        break;
    }
    if (tug_copy_identity_equal(tug_copy_identity_of(statx), subject->identity))
        return fail(subject, TUG_COPY_STEP_SAME_FILE, 0);
    if (is_new_enough(subject, statx))
        return skip(subject, statx);
    if (S_ISDIR(statx->stx_mode))
        return fail(subject, TUG_COPY_STEP_OVER_DIRECTORY, 0);
    return is_allowed(subject, statx) ? 2 : skip(subject, statx);
}

/* ---- Getting it out of the way ---- */

bool tug_copy_must_replace(const struct tug_copy_engine *engine, const struct statx *statx)
{
    const struct tug_copy_options *options = engine->options;
    if (options->existing == TUG_COPY_EXISTING_REPLACE || options->backup != TUG_BACKUP_NONE)
        return true;
    /* Its other names need not be names of this copy. */
    return tug_preserves(engine, TUG_COPY_PRESERVE_LINKS) && statx->stx_nlink > 1 &&
           options->make == TUG_COPY_MAKE_CONTENTS;
}

/* Whether the backup would get the name of the source itself. */
static bool destroys_source(const struct tug_copy_subject *subject)
{
    struct statx statx;
    const struct tug_copy_options *options = subject->engine->options;
    if (options->backup == TUG_BACKUP_NUMBERED)
        return false;
    char *name = tug_backup_simple_name(subject->destination_name, options->backup_suffix);
    bool destroys = name != NULL &&
                    tug_sys_statx(subject->directory->destination, name, AT_SYMLINK_NOFOLLOW,
                                  STATX_INO, &statx) == 0 &&
                    tug_copy_identity_equal(tug_copy_identity_of(&statx), subject->identity);
    free(name);
    return destroys;
}

int tug_copy_clear_way(const struct tug_copy_subject *subject, char **backup)
{
    const struct tug_copy_options *options = subject->engine->options;
    int at = subject->directory->destination;
    *backup = NULL;
    if (options->backup == TUG_BACKUP_NONE) {
        int error = tug_sys_unlinkat(at, subject->destination_name, 0);
        return error == 0 || error == -ENOENT ? 0 : fail(subject, TUG_COPY_STEP_REMOVE, error);
    }
    if (destroys_source(subject))
        return fail(subject, TUG_COPY_STEP_BACKUP_DESTROYS, 0);
    int error = tug_backup_make(at, subject->destination_name, options->backup,
                                options->backup_suffix, backup);
    return error == 0 || error == -ENOENT ? 0 : fail(subject, TUG_COPY_STEP_BACKUP, error);
}

void tug_copy_end_backup(const struct tug_copy_subject *subject, char *backup, bool failed)
{
    int at = subject->directory->destination;
    if (backup != NULL && failed) {
        int error = tug_sys_renameat2(at, backup, at, subject->destination_name, RENAME_NOREPLACE);
        if (error == -EINVAL || error == -ENOSYS)
            error = tug_sys_renameat2(at, backup, at, subject->destination_name, 0);
        if (error != 0)
            tug_copy_fail_to_clean(subject->engine, subject->directory, subject->name,
                                   subject->destination_name, TUG_COPY_STEP_RESTORE, error);
    }
    free(backup);
}
