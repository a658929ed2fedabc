/* SPDX-License-Identifier: MIT */
/* Which ranges of a partial file are finished: in memory, and as it is written into the file beside
 * it. Not locked, but for reading whether a range is finished. */
#ifndef TUG_COPY_RESUME_RECORD_H
#define TUG_COPY_RESUME_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "identity_set.h"

/* What the record is about. Another source, or another partial file: another record. */
struct tug_resume_origin {
    struct tug_copy_identity source, part;
    uint64_t size;
    int64_t seconds; /* when the source was modified */
    uint64_t nanoseconds;
    int64_t born; /* when the partial file was made, in ns, where that is known */
};

struct tug_resume_record;

/* Of a file of this size, without finished ranges. NULL: no memory. */
struct tug_resume_record *tug_resume_record_new(uint64_t size);
void tug_resume_record_free(struct tug_resume_record *record);

/* Reads what is recorded. False: there is nothing, or it is about something else. Either way it is
 * written as a record about `origin` from now on. */
bool tug_resume_record_load(struct tug_resume_record *record, int fd,
                            const struct tug_resume_origin *origin);

/* No range is finished. */
void tug_resume_record_clear(struct tug_resume_record *record);

/* Whether the range that begins at `offset` was finished when it was loaded, or has been since. */
bool tug_resume_record_has(const struct tug_resume_record *record, uint64_t offset);
void tug_resume_record_add(struct tug_resume_record *record, uint64_t offset);

/* The end of the last range that is finished. */
uint64_t tug_resume_record_end(const struct tug_resume_record *record);

/* Takes what is finished now, to be written by save(). */
void tug_resume_record_take(struct tug_resume_record *record);

/* Returns 0 or a negative errno. */
int tug_resume_record_save(struct tug_resume_record *record, int fd);

#endif
