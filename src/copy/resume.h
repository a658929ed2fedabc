/* SPDX-License-Identifier: MIT */
/*
 * Going on where an interrupted copy has stopped.
 *
 * What tells that a file is finished is its size together with its time of modification, which a
 * copy that can be resumed sets to the source's as the very last thing. So a file of the right size
 * that was preallocated, or is being written, is not taken for finished.
 *
 * A large file gets its final name only when it is complete. Until then it is written as
 * `.NAME.tug-part`, beside which `.NAME.tug-side` says of which source it is, and which of its
 * ranges are finished. A range is recorded only after fdatasync(2) has put it onto the disk, so the
 * record is also true after a crash of the machine. The record has two slots, written in turns,
 * each with a digest: of a write that was interrupted nothing remains but the slot before it. To
 * record takes no more than a tenth of the time: the next time is after ten times as long as it
 * took.
 *
 * Whoever works on a partial file has a lock on it.
 *
 * Options that decide about what exists must be able to rely on it that what has a final name is
 * complete. So with them all regular files are written under the name of a part, the smaller ones
 * without a record; and backups are made when the part gets its final name.
 */
#ifndef TUG_COPY_RESUME_H
#define TUG_COPY_RESUME_H

#include <stdbool.h>
#include <stdint.h>

#include "file.h"

/* What is recorded at a time: what one claim of a transfer takes. */
#define TUG_RESUME_RANGE ((uint64_t)8 << 20)

struct tug_resume;

/* The permissions of a directory while it is worked in. The sticky bit tells that it is none that
 * was there before. */
#define TUG_RESUME_DIRECTORY ((mode_t)01700)

/* Whether this is a directory that an interrupted copy has made and not finished. */
bool tug_resume_is_left_over(int at, const char *name);

/* Whether an earlier copy has finished this file, and what it has left beside it is gone. The
 * source has been looked at; *copy is filled in if it is finished. */
bool tug_resume_is_finished(const struct tug_copy_file *file, struct tug_copy_identity *copy);

/* Opens the partial file, or makes it, if what has the final name may be replaced. Returns 0:
 * file->resume and file->destination are set; 1: the file is written under its own name; 2: it is
 * not to be written, which has been counted or reported; or a negative errno. */
int tug_resume_begin(struct tug_copy_file *file);

/* Whether the range that begins at `offset` is finished. From any worker. */
bool tug_resume_has(const struct tug_resume *resume, uint64_t offset);

/* The range that begins at `offset` has been written. From any worker. */
void tug_resume_add(struct tug_copy_file *file, uint64_t offset);

/* The contents are complete: puts those of a large file onto the disk, before it gets its times.
 * Returns 0 or a negative errno. */
int tug_resume_sync(const struct tug_copy_file *file);

/* The partial file, which is still open, gets its final name, and what has that a backup, if there
 * are to be backups. Frees file->resume; false: it could not be done, which has been reported. */
bool tug_resume_finish(struct tug_copy_file *file);

/* The copy has failed or was cancelled: records what is finished. Frees file->resume. */
void tug_resume_keep(struct tug_copy_file *file);

#endif
