/* SPDX-License-Identifier: MIT */
/*
 * The file has two slots of the same size: a header and a bit per range. Each has a number, one
 * more than the one before it, and a digest of all of it. What is valid and has the greater number
 * counts, the other one is written next. Numbers are in the byte order of the machine: a record
 * from another one is about nothing known here.
 */
#include "resume_record.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <tug/sys.h>

#include "digest.h"
#include "resume.h"

#define MAGIC UINT64_C(0x3154524150475554) /* "TUGPART1" */
#define SLOT_ALIGNMENT 4096

struct slot {
    uint64_t digest[2]; /* of all that follows */
    uint64_t magic, number;
    struct tug_resume_origin origin;
    uint64_t range_size;
    uint8_t bits[];
};

struct tug_resume_record {
    uint64_t size;
    size_t bit_size;   /* bytes of bits */
    size_t slot_size;  /* in the file */
    uint8_t *bits;     /* each byte atomic: what is finished */
    struct slot *slot; /* what is written next */
};

struct tug_resume_record *tug_resume_record_new(uint64_t size)
{
    struct tug_resume_record *record = calloc(1, sizeof(*record));
    if (record == NULL)
        return NULL;
    uint64_t ranges = (size + TUG_RESUME_RANGE - 1) / TUG_RESUME_RANGE;
    record->size = size;
    record->bit_size = (size_t)(ranges / 8 + 1);
    record->slot_size = sizeof(struct slot) + record->bit_size + SLOT_ALIGNMENT - 1;
    record->slot_size -= record->slot_size % SLOT_ALIGNMENT;
    record->bits = calloc(1, record->bit_size);
    record->slot = calloc(1, record->slot_size);
    if (record->bits != NULL && record->slot != NULL)
        return record;
    tug_resume_record_free(record);
    return NULL;
}

void tug_resume_record_free(struct tug_resume_record *record)
{
    if (record == NULL)
        return;
    free(record->bits);
    free(record->slot);
    free(record);
}

/* ---- Slots ---- */

static struct tug_copy_digest digest_of(const struct tug_resume_record *record,
                                        const struct slot *slot)
{
    size_t begin = offsetof(struct slot, magic);
    return tug_copy_digest_of((const char *)slot + begin, record->slot_size - begin);
}

/* Reads a slot. Returns whether it is valid and about this origin. */
static bool read_slot(const struct tug_resume_record *record, int fd, unsigned i,
                      const struct tug_resume_origin *origin, struct slot *slot)
{
    int64_t length = tug_sys_pread(fd, slot, record->slot_size, (int64_t)(i * record->slot_size));
    if (length != (int64_t)record->slot_size)
        return false;
    struct tug_copy_digest digest = digest_of(record, slot);
    return slot->digest[0] == digest.low && slot->digest[1] == digest.high &&
           slot->magic == MAGIC && slot->range_size == TUG_RESUME_RANGE &&
           memcmp(&slot->origin, origin, sizeof(*origin)) == 0;
}

bool tug_resume_record_load(struct tug_resume_record *record, int fd,
                            const struct tug_resume_origin *origin)
{
    bool found = false;
    struct slot *slot = malloc(record->slot_size);
    for (unsigned i = 0; slot != NULL && i < 2; i++) {
        if (!read_slot(record, fd, i, origin, slot) || slot->number < record->slot->number)
            continue;
        found = true;
        record->slot->number = slot->number;
        memcpy(record->bits, slot->bits, record->bit_size);
    }
    free(slot);
    record->slot->magic = MAGIC;
    record->slot->origin = *origin;
    record->slot->range_size = TUG_RESUME_RANGE;
    return found;
}

int tug_resume_record_save(struct tug_resume_record *record, int fd)
{
    struct slot *slot = record->slot;
    slot->number++;
    struct tug_copy_digest digest = digest_of(record, slot);
    slot->digest[0] = digest.low;
    slot->digest[1] = digest.high;
    int64_t offset = (int64_t)(slot->number % 2 * record->slot_size);
    int64_t length = tug_sys_pwrite(fd, slot, record->slot_size, offset);
    /* One that was cut is as good as none. */
    return length < 0 ? (int)length : length < (int64_t)record->slot_size ? -EIO : 0;
}

/* ---- Ranges ---- */

void tug_resume_record_clear(struct tug_resume_record *record)
{
    memset(record->bits, 0, record->bit_size);
}

bool tug_resume_record_has(const struct tug_resume_record *record, uint64_t offset)
{
    uint64_t range = offset / TUG_RESUME_RANGE;
    return (__atomic_load_n(&record->bits[range / 8], __ATOMIC_RELAXED) >> range % 8 & 1) != 0;
}

void tug_resume_record_add(struct tug_resume_record *record, uint64_t offset)
{
    uint64_t range = offset / TUG_RESUME_RANGE;
    __atomic_fetch_or(&record->bits[range / 8], (uint8_t)(1u << range % 8), __ATOMIC_RELAXED);
}

uint64_t tug_resume_record_end(const struct tug_resume_record *record)
{
    uint64_t end = 0;
    for (uint64_t offset = 0; offset < record->size; offset += TUG_RESUME_RANGE)
        if (tug_resume_record_has(record, offset))
            end = offset + TUG_RESUME_RANGE;
    return end < record->size ? end : record->size;
}

void tug_resume_record_take(struct tug_resume_record *record)
{
    memcpy(record->slot->bits, record->bits, record->bit_size);
}
