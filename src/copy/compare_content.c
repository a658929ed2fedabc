/* SPDX-License-Identifier: MIT */
/*
 * The contents of two regular files, byte by byte: no digest is needed where both sides are at
 * hand, and the first difference ends it. Large files are given out in ranges, to this worker and
 * to whoever joins; the ranges are claimed in order, so when one has found a difference, no byte
 * before it is left unclaimed, and the least offset that any has found is the first.
 *
 * Sizes are hints, since some file systems say 0: all is read up to the end that reading meets.
 */
#include "compare.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <tug/sys.h>

#include "engine.h"

/* What is read of either side at a time: both pieces stay in the second-level cache. */
#define PIECE ((uint64_t)128 << 10)

/* What one claim takes of a large file. */
#define RANGE_SIZE ((uint64_t)8 << 20)

struct ranges {
    struct tug_crew_job job;
    struct tug_compare_pair pair;
    struct tug_directory *directory; /* one use, pinned */
    uint32_t references;             /* atomic */
    uint32_t queued;                 /* atomic: it is in the crew's stack */
    uint64_t next;                   /* atomic: the first byte not given out */
    uint64_t end;                    /* what is given out at most */
    uint64_t difference;             /* atomic: the least offset found so far */
    uint64_t failure;                /* atomic: 0, or the first failure: side << 32 | errno */
    uint64_t counted;                /* atomic */
    char names[];
};

/* Where reading has failed. */
struct failure {
    int side, error;
};

static uint64_t size_of(const struct tug_compare_pair *pair, int side)
{
    return pair->statx[side].stx_size;
}

/* ---- A piece ---- */

/* Reads so much, less only at the end. A file that has given as much as it is long has ended. */
static int64_t read_piece(const struct tug_compare_pair *pair, int side, unsigned char *buffer,
                          uint64_t offset, uint64_t length)
{
    uint64_t done = 0;
    while (done < length) {
        int64_t got =
            tug_sys_pread(pair->fd[side], buffer + done, length - done, (int64_t)(offset + done));
        if (got < 0)
            return got;
        done += (uint64_t)got;
        if (got == 0 || offset + done == size_of(pair, side))
            break;
    }
    return (int64_t)done;
}

/* The first of `length` bytes that differs; they do differ. */
static uint64_t find_first(const unsigned char *a, const unsigned char *b)
{
    uint64_t i = 0;
    while (memcmp(a + i, b + i, 64) == 0)
        i += 64;
    while (a[i] == b[i])
        i++;
    return i;
}

/* Compares [offset, end) as far as it goes. Returns the bytes that are the same; *ended: both end
 * there, or a difference is there. -1: reading has failed. */
static int64_t compare_piece(const struct tug_compare_pair *pair, unsigned char *buffer,
                             uint64_t offset, uint64_t length, bool *differs,
                             struct failure *failure)
{
    unsigned char *b = buffer + PIECE + 4096;
    int64_t got[2];
    for (int side = 0; side < 2; side++) {
        got[side] = read_piece(pair, side, side == 0 ? buffer : b, offset, length);
        if (got[side] < 0) {
            *failure = (struct failure){side, (int)got[side]};
            return -1;
        }
    }
    int64_t both = got[0] < got[1] ? got[0] : got[1];
    *differs = got[0] != got[1];
    if (memcmp(buffer, b, (size_t)both) != 0) {
        *differs = true;
        return (int64_t)find_first(buffer, b);
    }
    return both;
}

static void count(struct tug_compare *compare, uint64_t bytes)
{
    tug_copy_count(compare->bytes, bytes);
}

/* Says what became of the contents. `offset` UINT64_MAX: they are the same. */
static void conclude(struct tug_compare_pair *pair, uint64_t offset, const struct failure *failure)
{
    if (failure->error != 0)
        tug_compare_fail(pair, failure->side,
                         failure->side == 0 ? TUG_COPY_STEP_READ : TUG_COPY_STEP_VERIFY_READ,
                         failure->error);
    else if (offset != UINT64_MAX)
        tug_compare_differ(pair, &(struct tug_compare_event){.kind = TUG_COMPARE_CONTENT,
                                                             .offset = offset,
                                                             .size_a = size_of(pair, 0),
                                                             .size_b = size_of(pair, 1)});
}

/* Compares from `offset` to both ends. Returns the offset of the first difference, or UINT64_MAX;
 * what was the same is added to *same. */
static uint64_t compare_rest(struct tug_compare_pair *pair, unsigned char *buffer, uint64_t offset,
                             uint64_t *same, struct failure *failure)
{
    for (;;) {
        bool differs = false;
        uint64_t larger = size_of(pair, 0) > size_of(pair, 1) ? size_of(pair, 0) : size_of(pair, 1);
        /* One byte more than there should be: so one read is enough for a small file. */
        uint64_t length = larger > offset && larger - offset < PIECE ? larger - offset + 1 : PIECE;
        if (tug_crew_stopped(pair->place.compare->crew)) {
            failure->error = -ECANCELED;
            return UINT64_MAX;
        }
        int64_t equal = compare_piece(pair, buffer, offset, length, &differs, failure);
        if (equal < 0)
            return UINT64_MAX;
        *same += (uint64_t)equal;
        count(pair->place.compare, (uint64_t)equal);
        if (differs)
            return offset + (uint64_t)equal;
        if ((uint64_t)equal < length)
            return UINT64_MAX;
        offset += (uint64_t)equal;
    }
}

/* ---- Ranges ---- */

static void keep_failure(struct ranges *ranges, const struct failure *failure)
{
    uint64_t none = 0;
    uint64_t value = (uint64_t)failure->side << 32 | (uint64_t)(uint32_t)-failure->error;
    __atomic_compare_exchange_n(&ranges->failure, &none, value, false, __ATOMIC_RELAXED,
                                __ATOMIC_RELAXED);
}

static void keep_difference(struct ranges *ranges, uint64_t offset)
{
    uint64_t least = __atomic_load_n(&ranges->difference, __ATOMIC_RELAXED);
    while (offset < least && !__atomic_compare_exchange_n(&ranges->difference, &least, offset, true,
                                                          __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        ;
}

static bool failed(const struct ranges *ranges)
{
    return __atomic_load_n(&ranges->failure, __ATOMIC_RELAXED) != 0;
}

/* Where the next data is on either side: what is before is a hole on both. */
static uint64_t skip_holes(const struct ranges *ranges, uint64_t offset)
{
    uint64_t next = ranges->end;
    for (int side = 0; side < 2; side++) {
        const struct statx *statx = &ranges->pair.statx[side];
        if (statx->stx_blocks >= statx->stx_size / 512)
            return offset;
        int64_t data = tug_sys_lseek(ranges->pair.fd[side], (int64_t)offset, SEEK_DATA);
        if (data < 0 && data != -ENXIO)
            return offset;
        if (data >= 0 && (uint64_t)data < next)
            next = (uint64_t)data;
    }
    return next > offset ? next : offset;
}

static void compare_range(struct ranges *ranges, uint64_t offset, uint64_t end,
                          unsigned char *buffer)
{
    struct failure failure = {0, 0};
    while (offset < end && !failed(ranges) &&
           offset < __atomic_load_n(&ranges->difference, __ATOMIC_RELAXED)) {
        uint64_t data = skip_holes(ranges, offset);
        uint64_t begin = data < end ? data : end;
        uint64_t length = end - begin < PIECE ? end - begin : PIECE;
        bool differs = false;
        int64_t equal = 0;
        if (tug_crew_stopped(ranges->pair.place.compare->crew))
            failure.error = -ECANCELED;
        else if (length > 0)
            equal = compare_piece(&ranges->pair, buffer, begin, length, &differs, &failure);
        if (failure.error != 0) {
            keep_failure(ranges, &failure);
            return;
        }
        uint64_t done = begin - offset + (uint64_t)equal;
        count(ranges->pair.place.compare, done);
        tug_copy_count(&ranges->counted, done);
        offset += done;
        /* Shorter than they were, both: that is the end. */
        if (differs || (uint64_t)equal < length) {
            if (differs)
                keep_difference(ranges, offset);
            return;
        }
    }
}

/* Smaller where many workers wait for a slow file system. */
static uint64_t range_size(const struct ranges *ranges)
{
    return tug_crew_is_wide(ranges->pair.place.compare->crew) ? PIECE : RANGE_SIZE;
}

/* Claims a range. False: there is none, or none that matters. */
static bool claim(struct ranges *ranges, uint64_t *offset, uint64_t *end)
{
    uint64_t range = range_size(ranges);
    *offset = __atomic_load_n(&ranges->next, __ATOMIC_RELAXED);
    do {
        if (*offset >= ranges->end ||
            *offset >= __atomic_load_n(&ranges->difference, __ATOMIC_RELAXED))
            return false;
        *end = ranges->end - *offset < range ? ranges->end : *offset + range;
    } while (!__atomic_compare_exchange_n(&ranges->next, offset, *end, true, __ATOMIC_RELAXED,
                                          __ATOMIC_RELAXED));
    return true;
}

/* Lets another worker join; `wake`: starts one. */
static void share(struct ranges *ranges, bool wake)
{
    if (__atomic_exchange_n(&ranges->queued, 1, __ATOMIC_RELAXED) != 0)
        return;
    __atomic_add_fetch(&ranges->references, 1, __ATOMIC_RELAXED);
    tug_crew_push(ranges->pair.place.compare->crew, &ranges->job, wake);
}

/* All ranges are done, or one has failed: what is behind them, and the verdict. */
static void end_ranges(struct ranges *ranges, struct tug_crew_worker *worker)
{
    struct failure failure = {(int)(ranges->failure >> 32), -(int)(uint32_t)ranges->failure};
    uint64_t difference = ranges->difference;
    unsigned char *buffer = tug_crew_buffer(worker);
    if (failure.error == 0 && difference == UINT64_MAX && buffer != NULL)
        difference = compare_rest(&ranges->pair, buffer, ranges->end, &ranges->counted, &failure);
    ranges->pair.counted = ranges->counted;
    conclude(&ranges->pair, difference, &failure);
    tug_compare_end(&ranges->pair);
    struct tug_directory *directory = ranges->directory;
    free(ranges);
    tug_directory_done(directory);
}

static void work(struct ranges *ranges, struct tug_crew_worker *worker)
{
    uint64_t offset, end;
    struct tug_crew *crew = ranges->pair.place.compare->crew;
    unsigned char *buffer = tug_crew_buffer(worker);
    if (buffer == NULL)
        keep_failure(ranges, &(struct failure){0, -ENOMEM});
    while (!failed(ranges) && claim(ranges, &offset, &end)) {
        if (ranges->end - end >= range_size(ranges) && tug_crew_hungry(crew))
            share(ranges, true);
        compare_range(ranges, offset, end, buffer);
        tug_crew_tick(worker, tug_crew_now(), 0, end - offset);
        if (tug_crew_worker_is_spare(worker)) {
            share(ranges, false);
            break;
        }
    }
    if (__atomic_sub_fetch(&ranges->references, 1, __ATOMIC_ACQ_REL) == 0)
        end_ranges(ranges, worker);
}

static void run_ranges(struct tug_crew_job *job, struct tug_crew_worker *worker)
{
    struct ranges *ranges = (struct ranges *)job;
    __atomic_store_n(&ranges->queued, 0, __ATOMIC_RELAXED);
    work(ranges, worker);
}

/* Takes the pair over, names included. NULL: no memory. */
static struct ranges *new_ranges(const struct tug_compare_pair *pair, uint64_t end)
{
    size_t a_size = strlen(pair->place.name) + 1, b_size = strlen(pair->place.b_name) + 1;
    struct ranges *ranges = calloc(1, sizeof(*ranges) + a_size + b_size);
    if (ranges == NULL)
        return NULL;
    ranges->job.run = run_ranges;
    ranges->pair = *pair;
    ranges->pair.place.name = memcpy(ranges->names, pair->place.name, a_size);
    ranges->pair.place.b_name = memcpy(ranges->names + a_size, pair->place.b_name, b_size);
    ranges->directory = pair->directory;
    ranges->references = 1;
    ranges->end = end;
    ranges->difference = UINT64_MAX;
    tug_directory_use(pair->directory);
    return ranges;
}

/* ---- The beginning ---- */

bool tug_compare_contents(struct tug_compare_pair *pair, struct tug_crew_worker *worker)
{
    struct failure failure = {0, 0};
    uint64_t a = size_of(pair, 0), b = size_of(pair, 1), smaller = a < b ? a : b;
    if (tug_copy_identity_equal(tug_copy_identity_of(&pair->statx[0]),
                                tug_copy_identity_of(&pair->statx[1])))
        return false;
    if (smaller > RANGE_SIZE) {
        struct ranges *ranges = new_ranges(pair, smaller);
        if (ranges != NULL)
            work(ranges, worker);
        else
            tug_compare_fail(pair, 0, TUG_COPY_STEP_MEMORY, -ENOMEM);
        return ranges != NULL;
    }
    unsigned char *buffer = tug_crew_buffer(worker);
    uint64_t difference = UINT64_MAX;
    if (buffer == NULL)
        failure.error = -ENOMEM;
    else
        difference = compare_rest(pair, buffer, 0, &pair->counted, &failure);
    conclude(pair, difference, &failure);
    return false;
}

int tug_compare_files(const int fds[2], const uint64_t sizes[2], struct tug_crew_worker *worker)
{
    uint64_t bytes = 0, same = 0;
    struct failure failure = {0, 0};
    struct tug_compare compare = {.crew = worker->crew, .bytes = &bytes};
    struct tug_compare_pair pair = {.place = {.compare = &compare}, .fd = {fds[0], fds[1]}};
    unsigned char *buffer = tug_crew_buffer(worker);
    if (buffer == NULL)
        return -ENOMEM;
    pair.statx[0].stx_size = sizes[0];
    pair.statx[1].stx_size = sizes[1];
    uint64_t difference = compare_rest(&pair, buffer, 0, &same, &failure);
    return failure.error != 0 ? failure.error : difference == UINT64_MAX;
}
