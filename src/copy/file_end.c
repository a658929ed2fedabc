/* SPDX-License-Identifier: MIT */
/*
 * The end of a file: attributes, close and report; or, of one that failed, the removal of what was
 * written. Either way both sides are closed afterwards.
 */
#include "file.h"

#include <errno.h>

#include <tug/sys.h>

#include "attempt.h"
#include "preserve.h"
#include "resume.h"

void tug_copy_file_close_source(struct tug_copy_file *file)
{
    /* Nothing was written through it, so its error means nothing. */
    if (file->source >= 0)
        tug_sys_close(file->source);
}

void tug_copy_file_settle_links(struct tug_copy_file *file, const struct tug_copy_identity *copy)
{
    struct tug_hard_link *link = file->link;
    file->link = NULL;
    if (link != NULL)
        tug_hard_links_settle(file->engine, link, file->directory, file->destination_name, copy);
}

/* What the destination is, if other names of the source are to be linked to it. */
static int identify_destination(const struct tug_copy_file *file,
                                struct tug_copy_identity *identity)
{
    struct statx statx;
    int error = tug_sys_statx(file->destination, "", AT_EMPTY_PATH, STATX_INO, &statx);
    if (error == 0)
        *identity = tug_copy_identity_of(&statx);
    return error;
}

/* The attributes of the source; false: one of them could not be kept, and that has been reported.
 * Those of a device or a FIFO that was written to are none of this copy's business. */
static bool keep_attributes(struct tug_copy_file *file)
{
    struct tug_copy_engine *engine = file->engine;
    struct tug_preserve preserve = {
        .engine = engine,
        .directory = file->directory,
        .name = file->name,
        .destination_name = file->destination_name,
        .attributes = &file->attributes,
        .source = tug_place_open(file->source),
        .destination = tug_place_open(file->destination),
        .created = file->created,
        .plain = file->created && file->directory->newborn.plain,
        .set_mode =
            file->widen || (!file->created && tug_preserves(engine, TUG_COPY_PRESERVE_MODE)),
        .mode = tug_preserve_final_mode(engine, S_IFREG | file->mode),
        .old_mode = file->old_mode,
        .owner_known = file->owner_known,
        .owner = file->owner,
        .group = file->group,
    };
    return !file->solid || tug_preserve(&preserve);
}

void tug_copy_file_finish(struct tug_copy_file *file)
{
    struct tug_copy_engine *engine = file->engine;
    int error = 0;
    bool complete = true;
    tug_attempt_set_bytes(file->counted);
    if (file->resume != NULL && (error = tug_resume_sync(file)) != 0) {
        tug_copy_file_abandon(file, TUG_COPY_STEP_WRITE, error);
        return;
    }
    if (engine->options->preserve != 0)
        complete = keep_attributes(file);
    else if (file->widen)
        error = tug_sys_fchmod(file->destination, file->mode & ~engine->umask);
    if (error != 0) {
        tug_copy_file_abandon(file, TUG_COPY_STEP_SET_MODE, error);
        return;
    }
    if (tug_attempt_now().state == TUG_ATTEMPT_AGAIN) {
        tug_copy_file_abandon(file, TUG_COPY_STEP_NONE, 0);
        return;
    }
    struct tug_copy_identity copy;
    bool linkable = file->link != NULL && file->solid && !file->indirect;
    if (linkable && (error = identify_destination(file, &copy)) != 0) {
        tug_copy_file_abandon(file, TUG_COPY_STEP_STAT_DESTINATION, error);
        return;
    }
    if (file->resume != NULL && !tug_resume_finish(file)) {
        /* There is nothing under the final name that would have to be removed. */
        file->created = file->solid = false;
        tug_copy_file_abandon(file, TUG_COPY_STEP_NONE, 0);
        return;
    }
    /* Late errors of writing, as on NFS. The descriptor is gone, so to remove the file its name has
     * to do. */
    error = tug_sys_close(file->destination);
    file->destination = -1;
    if (error != 0 && error != -EINTR) {
        tug_copy_file_abandon(file, TUG_COPY_STEP_WRITE, error);
        return;
    }
    tug_copy_file_close_source(file);
    const struct tug_copy_subject subject = tug_copy_file_subject(file);
    tug_copy_end_backup(&subject, file->backup, false);
    tug_copy_file_settle_links(file, linkable ? &copy : NULL);
    if (!complete)
        return;
    tug_copy_note(engine, file->directory, file->name, &file->state);
    tug_copy_count(&engine->report->files, 1);
    if (tug_copy_wants(engine, TUG_COPY_FINISHED))
        tug_copy_tell(engine, TUG_COPY_FINISHED, S_IFREG, file->counted, file->directory,
                      file->name, file->destination_name);
    tug_copy_explain(engine, file->choice, file->counted, file->directory, file->name,
                     file->destination_name);
}

/* Removes the destination, or what it holds. */
static void discard(struct tug_copy_file *file)
{
    struct statx held, named;
    int at = file->directory->destination;
    if (!file->created && file->engine->options->make == TUG_COPY_MAKE_ATTRIBUTES_ONLY)
        return;
    if (!file->created && (file->linked || !file->solid)) {
        if (file->solid && file->destination >= 0)
            tug_sys_ftruncate(file->destination, 0);
        tug_attempt_set_touched();
        return;
    }
    /* Not if somebody has given the name to another file meanwhile. */
    if (file->destination >= 0 &&
        tug_sys_statx(file->destination, "", AT_EMPTY_PATH, STATX_INO, &held) == 0 &&
        tug_sys_statx(at, file->destination_name, AT_SYMLINK_NOFOLLOW, STATX_INO, &named) == 0 &&
        !tug_copy_identity_equal(tug_copy_identity_of(&held), tug_copy_identity_of(&named)))
        return;
    int error = tug_sys_unlinkat(at, file->destination_name, 0);
    if (error < 0 && error != -ENOENT)
        tug_copy_fail_to_clean(file->engine, file->directory, file->name, file->destination_name,
                               TUG_COPY_STEP_REMOVE, error);
}

/* None of it is to be found in the destination. What an earlier copy has finished of a file stays,
 * and is counted when it is used again. */
static void take_back_counts(struct tug_copy_file *file)
{
    struct tug_copy_report *report = file->engine->report;
    tug_copy_count(&report->bytes, -file->counted);
    tug_copy_count(&report->offloaded_bytes, -file->offloaded);
    if (file->cloned)
        tug_copy_count(&report->cloned_files, (uint64_t)-1);
    if (tug_attempt_now().state == TUG_ATTEMPT_AGAIN)
        tug_copy_count(&report->resumed_bytes, -file->resumed);
}

void tug_copy_file_abandon(struct tug_copy_file *file, enum tug_copy_step step, int error)
{
    tug_attempt_set_bytes(file->counted);
    if (step != TUG_COPY_STEP_NONE)
        tug_copy_fail(file->engine, file->directory, file->name, file->destination_name, step,
                      error);
    if (file->resume != NULL)
        tug_resume_keep(file);
    else if (file->created || file->solid)
        discard(file);
    if (file->destination >= 0)
        tug_sys_close(file->destination);
    tug_copy_file_close_source(file);
    const struct tug_copy_subject subject = tug_copy_file_subject(file);
    tug_copy_end_backup(&subject, file->backup, true);
    tug_copy_file_settle_links(file, NULL);
    take_back_counts(file);
}
