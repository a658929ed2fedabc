/* SPDX-License-Identifier: MIT */
/*
 * A large file that is being copied by ranges: given out, and ended, in transfer.c; a range of it
 * copied in transfer_range.c, past the page cache where transfer_direct.c says so.
 */
#ifndef TUG_COPY_TRANSFER_H
#define TUG_COPY_TRANSFER_H

#include "file.h"

struct tug_transfer {
    struct tug_crew_job job;
    struct tug_copy_file file;
    struct tug_copy_pair *pair;
    uint32_t references; /* atomic */
    uint32_t queued;     /* atomic: it is in the crew's stack */
    uint64_t next;       /* atomic: the first byte not given out */
    uint64_t end;        /* atomic: the least end of the source that was met */
    uint64_t failure;    /* atomic: 0, or the first failure: step << 32 | errno */
    bool offload;        /* atomic: by copy_file_range while it works */
    bool direct;         /* atomic: one side at least is in direct mode */
    bool touched;        /* as for tug_copy_visit(), if it is to be done again */
    char names[];
};

/* Keeps the first failure. */
static inline void tug_transfer_fail(struct tug_transfer *transfer, enum tug_copy_step step,
                                     int error)
{
    uint64_t none = 0;
    uint64_t failure = (uint64_t)step << 32 | (uint64_t)(uint32_t)-error;
    __atomic_compare_exchange_n(&transfer->failure, &none, failure, false, __ATOMIC_RELAXED,
                                __ATOMIC_RELAXED);
}

static inline bool tug_transfer_failed(const struct tug_transfer *transfer)
{
    return __atomic_load_n(&transfer->failure, __ATOMIC_RELAXED) != 0;
}

/* The source ends here, sooner than expected. */
static inline void tug_transfer_meet_end(struct tug_transfer *transfer, uint64_t offset)
{
    uint64_t end = __atomic_load_n(&transfer->end, __ATOMIC_RELAXED);
    while (offset < end && !__atomic_compare_exchange_n(&transfer->end, &end, offset, true,
                                                        __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        ;
}

/* Has what comes next read and written past the page cache, where that is the faster way. Before
 * any range is given out. */
void tug_transfer_begin_direct(struct tug_transfer *transfer);

/* After a direct call was refused, by any worker. */
void tug_transfer_end_direct(struct tug_transfer *transfer);

/* What a direct call moves: several requests. */
#define TUG_TRANSFER_DIRECT_PIECE ((uint64_t)4 << 20)

static inline bool tug_transfer_is_direct(const struct tug_transfer *transfer)
{
    return __atomic_load_n(&transfer->direct, __ATOMIC_RELAXED);
}

/* Copies a range, unless an earlier copy has finished it. */
void tug_transfer_range(struct tug_transfer *transfer, uint64_t offset, uint64_t end,
                        struct tug_crew_worker *worker);

/* Copies at most one piece by reading and writing. Returns the bytes, 0 at the end of the source.
 */
int64_t tug_transfer_piece(struct tug_transfer *transfer, uint64_t offset, uint64_t length,
                           struct tug_crew_worker *worker);

#endif
