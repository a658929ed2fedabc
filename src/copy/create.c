/* SPDX-License-Identifier: MIT */
/*
 * The destination of a file. New ones are made exclusively, so that nothing is ever written to by
 * accident; what is in the way is looked at only if that fails.
 *
 * A file that exists is written in place, as by cp(1), following a symbolic link if it is one. It
 * is emptied through the descriptor, and only once that is known not to be the source: not by
 * O_TRUNC, which would act before anybody could look.
 */
#include "file.h"

#include <errno.h>
#include <string.h>

#include <tug/sys.h>

#include "existing.h"
#include "preserve.h"
#include "resume.h"

/* Someone may remove or make the name between two looks; not more often than this. */
#define ATTEMPTS 4

static int fail(const struct tug_copy_file *file, enum tug_copy_step step, int error)
{
    if (step == TUG_COPY_STEP_CREATE)
        tug_copy_fail_create(file->engine, file->directory, file->name, file->destination_name,
                             step, error);
    else
        tug_copy_fail(file->engine, file->directory, file->name, file->destination_name, step,
                      error);
    return error != 0 ? error : -EEXIST;
}

void tug_copy_fail_create(struct tug_copy_engine *engine, const struct tug_directory *directory,
                          const char *name, const char *destination_name, enum tug_copy_step step,
                          int error)
{
    struct statx statx;
    int looked = tug_sys_statx(directory->destination, destination_name, AT_SYMLINK_NOFOLLOW,
                               STATX_TYPE, &statx);
    if (looked == -EACCES || looked == -ENOTDIR) {
        step = TUG_COPY_STEP_STAT_DESTINATION;
        error = looked;
    }
    tug_copy_fail(engine, directory, name, destination_name, step, error);
}

/* Makes the file. Returns 0, -EEXIST, or another negative errno. Reports nothing. */
static int make(struct tug_copy_file *file, bool whole)
{
    int at = file->directory->destination;
    const char *name = file->destination_name;
    bool widen = !whole || !file->natural;
    mode_t mode = widen ? 0600 : file->mode;
    int fd = tug_sys_openat(at, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd == -EMFILE && tug_directory_set_shrink(file->directory->set))
        fd = tug_sys_openat(at, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    /* What the system says about a new name that ends in a slash is of no use. */
    if (fd == -EISDIR && name[0] != '\0' && name[strlen(name) - 1] == '/')
        return -ENOTDIR;
    if (fd < 0)
        return fd;
    file->destination = fd;
    file->created = true;
    file->solid = true;
    file->widen = widen;
    file->owner_known = file->directory->newborn.owner_known;
    file->owner = file->directory->newborn.owner;
    file->group = file->directory->newborn.group;
    return 0;
}

/* Opens what is there. Returns 0, or a negative errno; *step is what failed. */
static int open_existing(struct tug_copy_file *file, bool is_link, enum tug_copy_step *step)
{
    struct statx statx;
    *step = TUG_COPY_STEP_CREATE;
    int fd = tug_sys_openat(file->directory->destination, file->destination_name,
                            O_WRONLY | O_CLOEXEC | O_NOCTTY, 0);
    if (fd < 0)
        return fd;
    file->destination = fd;
    int error = tug_sys_statx(fd, "", AT_EMPTY_PATH,
                              TUG_ATTRIBUTES_MASK | STATX_INO | STATX_NLINK | STATX_SIZE, &statx);
    if (error != 0)
        return error;
    file->owner_known = true;
    file->owner = statx.stx_uid;
    file->group = statx.stx_gid;
    file->old_mode = statx.stx_mode & 07777;
    if (tug_copy_identity_equal(tug_copy_identity_of(&statx), file->identity)) {
        *step = TUG_COPY_STEP_SAME_FILE;
        return -EEXIST;
    }
    if (file->engine->options->verify && !tug_preserves(file->engine, TUG_COPY_PRESERVE_MODE)) {
        error = tug_identity_set_add(&file->engine->existing, tug_copy_identity_of(&statx));
        *step = TUG_COPY_STEP_MEMORY;
    }
    if (error == 0 && S_ISREG(statx.stx_mode) && statx.stx_size > 0 &&
        file->engine->options->make == TUG_COPY_MAKE_CONTENTS) {
        error = tug_sys_ftruncate(fd, 0);
        *step = TUG_COPY_STEP_WRITE;
    }
    if (error == 0) {
        file->solid = S_ISREG(statx.stx_mode);
        file->linked = is_link || statx.stx_nlink > 1;
        file->indirect = is_link;
    }
    return error;
}

/* Makes the file in the place of what is there. Returns 0 or what was reported. */
static int replace(struct tug_copy_file *file, bool whole)
{
    const struct tug_copy_subject subject = tug_copy_file_subject(file);
    int error = tug_copy_clear_way(&subject, &file->backup);
    if (error != 0)
        return error;
    error = make(file, whole);
    return error == 0 ? 0 : fail(file, TUG_COPY_STEP_CREATE, error);
}

/* Something has the name. Returns 0; 1: it is kept; -EAGAIN: it is gone; or what was reported. */
static int overwrite(struct tug_copy_file *file, bool whole)
{
    struct statx statx;
    enum tug_copy_step step;
    const struct tug_copy_subject subject = tug_copy_file_subject(file);
    int found = tug_copy_check_existing(&subject, &statx);
    if (found != 2)
        return found == 0 ? -EAGAIN : found;
    if (tug_copy_must_replace(file->engine, &statx))
        return replace(file, whole);
    bool is_link = S_ISLNK(statx.stx_mode);
    /* What an interrupted copy has left need not have its permissions yet. */
    if (file->engine->options->resume && S_ISREG(statx.stx_mode) && statx.stx_nlink == 1) {
        int error = tug_sys_unlinkat(file->directory->destination, file->destination_name, 0);
        return error == 0 || error == -ENOENT ? -EAGAIN : fail(file, TUG_COPY_STEP_REMOVE, error);
    }
    int error = open_existing(file, is_link, &step);
    if (error == 0)
        return 0;
    if (file->destination >= 0) {
        tug_sys_close(file->destination);
        file->destination = -1;
        return fail(file, step, step == TUG_COPY_STEP_SAME_FILE ? 0 : error);
    }
    if (error == -ENOENT && !is_link)
        return -EAGAIN;
    if (error == -ENOENT)
        return fail(file, TUG_COPY_STEP_DANGLING_LINK, 0);
    if (file->engine->options->existing != TUG_COPY_EXISTING_FORCE)
        return fail(file, TUG_COPY_STEP_CREATE, error);
    return replace(file, whole);
}

int tug_copy_file_create(struct tug_copy_file *file, bool whole)
{
    int error = tug_resume_begin(file);
    if (error < 0)
        return fail(file, TUG_COPY_STEP_CREATE, error);
    if (error != 1)
        return error == 0 ? 0 : 1;
    error = -EAGAIN;
    for (int i = 0; i < ATTEMPTS && error == -EAGAIN; i++) {
        error = make(file, whole);
        if (error == -EEXIST)
            error = overwrite(file, whole);
        else if (error != 0)
            error = fail(file, TUG_COPY_STEP_CREATE, error);
    }
    return error == -EAGAIN ? fail(file, TUG_COPY_STEP_CREATE, -EEXIST) : error;
}
