/* SPDX-License-Identifier: MIT */
/*
 * A range of a large file: within the kernel if it can, else through the worker's buffer; of a
 * sparse file only what is data.
 */
#include "transfer.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <tug/sys.h>

#include "resume.h"

/* Calls should move much, since a file system may take them one by one: 1 GiB to a FUSE file system
 * with a delay of 1 ms by 16 workers takes 5.9 s by pieces of 256 KiB. But where the page cache is
 * made of folios as large as the write, those of 2 MiB are what a virtual machine hands back to its
 * host once they are free, and has to ask for again: 1 GiB on ext4 took 0.13 to 0.20 s by pieces of
 * 1 MiB, 0.14 to 0.52 s by 512 KiB and 0.18 to 2.9 s by 2 MiB, nine runs each in random order (the
 * medians 0.16, 0.16 and 1.2 s; 0.15, 0.16 and 0.32 s where the page cache was full). And hundreds
 * of workers should not need hundreds of MiB: those beyond so many move less. */
#define FULL_PIECES 32
#define DIRECT_PIECES 16
#define SMALL_PIECE ((uint64_t)128 << 10)

static uint64_t piece_size(const struct tug_crew_worker *worker, bool direct)
{
    ptrdiff_t place = worker - worker->crew->places;
    if (direct && place < DIRECT_PIECES)
        return TUG_TRANSFER_DIRECT_PIECE;
    return place < FULL_PIECES ? TUG_CREW_BUFFER_SIZE : SMALL_PIECE;
}

/* ---- A piece of data: [offset, end) ---- */

/* Whether a call that failed is to be made again, in a way that the file systems may like better.
 */
static bool retry_buffered(struct tug_transfer *transfer, int64_t result, bool *direct)
{
    if (result != -EINVAL || !*direct)
        return false;
    tug_transfer_end_direct(transfer);
    *direct = false;
    return true;
}

/* Writes all of it. */
static bool put(struct tug_transfer *transfer, const unsigned char *data, uint64_t length,
                uint64_t offset)
{
    bool direct = tug_transfer_is_direct(transfer);
    while (length > 0) {
        int64_t written = tug_sys_pwrite(transfer->file.destination, data, length, (int64_t)offset);
        if (retry_buffered(transfer, written, &direct))
            continue;
        if (written <= 0) {
            tug_transfer_fail(transfer, TUG_COPY_STEP_WRITE, written < 0 ? (int)written : -EIO);
            return false;
        }
        data += written;
        offset += (uint64_t)written;
        length -= (uint64_t)written;
    }
    return true;
}

static bool is_zero(const unsigned char *data, uint64_t length)
{
    return data[0] == 0 && memcmp(data, data + 1, length - 1) == 0;
}

/* Writes what is not a block of zeros. The destination was empty, so what is not written is a hole,
 * which reads as zeros. */
static bool put_data(struct tug_transfer *transfer, const unsigned char *data, uint64_t length,
                     uint64_t offset)
{
    uint64_t block = tug_copy_thresholds.zeros, begin = 0;
    for (uint64_t at = 0; at < length; at += block) {
        uint64_t size = length - at < block ? length - at : block;
        if (!is_zero(data + at, size))
            continue;
        if (begin < at && !put(transfer, data + begin, at - begin, offset + begin))
            return false;
        begin = at + size;
    }
    return begin >= length || put(transfer, data + begin, length - begin, offset + begin);
}

int64_t tug_transfer_piece(struct tug_transfer *transfer, uint64_t offset, uint64_t length,
                           struct tug_crew_worker *worker)
{
    struct tug_copy_file *file = &transfer->file;
    bool direct = tug_transfer_is_direct(transfer);
    uint64_t piece = piece_size(worker, direct);
    unsigned char *buffer = tug_crew_large_buffer(worker, piece);
    if (buffer == NULL) {
        tug_transfer_fail(transfer, TUG_COPY_STEP_MEMORY, -ENOMEM);
        return -ENOMEM;
    }
    if (length > piece)
        length = piece;
    int64_t got;
    do
        got = tug_sys_pread(file->source, buffer, length, (int64_t)offset);
    while (retry_buffered(transfer, got, &direct));
    if (got <= 0) {
        if (got < 0)
            tug_transfer_fail(transfer, TUG_COPY_STEP_READ, (int)got);
        return got;
    }
    bool written = file->choice.method == TUG_COPY_BY_ZEROS
                       ? put_data(transfer, buffer, (uint64_t)got, offset)
                       : put(transfer, buffer, (uint64_t)got, offset);
    return written ? got : -EIO;
}

/* Copies one piece within the kernel. Returns the bytes; 0: it must be done by the buffer. */
static int64_t copy_offloaded(struct tug_transfer *transfer, uint64_t offset, uint64_t length)
{
    struct tug_copy_file *file = &transfer->file;
    int64_t in = (int64_t)offset, out = (int64_t)offset;
    if (!__atomic_load_n(&transfer->offload, __ATOMIC_RELAXED) ||
        !tug_copy_pair_can(transfer->pair, TUG_COPY_OFFLOAD))
        return 0;
    int64_t copied = tug_sys_copy_file_range(file->source, &in, file->destination, &out, length, 0);
    if (copied >= 0) {
        tug_copy_count(&file->engine->report->offloaded_bytes, (uint64_t)copied);
        tug_copy_count(&file->offloaded, (uint64_t)copied);
        return copied;
    }
    if (tug_copy_pair_refuses(transfer->pair, TUG_COPY_OFFLOAD, (int)copied)) {
        __atomic_store_n(&transfer->offload, false, __ATOMIC_RELAXED);
        return 0;
    }
    tug_transfer_fail(transfer, TUG_COPY_STEP_WRITE, (int)copied);
    return copied;
}

static void copy_data(struct tug_transfer *transfer, uint64_t offset, uint64_t end,
                      struct tug_crew_worker *worker)
{
    struct tug_copy_file *file = &transfer->file;
    while (offset < end && !tug_transfer_failed(transfer)) {
        if (tug_crew_stopped(file->engine->crew)) {
            tug_transfer_fail(transfer, TUG_COPY_STEP_READ, -ECANCELED);
            return;
        }
        int64_t copied = copy_offloaded(transfer, offset, end - offset);
        if (copied == 0)
            copied = tug_transfer_piece(transfer, offset, end - offset, worker);
        if (copied < 0)
            return;
        if (copied == 0) {
            tug_transfer_meet_end(transfer, offset);
            return;
        }
        offset += (uint64_t)copied;
        tug_copy_file_count(file, (uint64_t)copied);
        tug_crew_tick(worker, tug_crew_now(), 0, (uint64_t)copied);
    }
}

/* ---- A range ---- */

/* Nothing but a hole up to `offset`: no need to give that out. */
static void skip_to(struct tug_transfer *transfer, uint64_t offset)
{
    offset -= offset % tug_copy_thresholds.range;
    uint64_t next = __atomic_load_n(&transfer->next, __ATOMIC_RELAXED);
    while (next < offset && !__atomic_compare_exchange_n(&transfer->next, &next, offset, true,
                                                         __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        ;
}

/* Copies what is data in a range of a sparse file. The position that lseek(2) moves is not used by
 * anybody. Where the file system does not know of holes, all is data. */
static void copy_sparse(struct tug_transfer *transfer, uint64_t offset, uint64_t end,
                        struct tug_crew_worker *worker)
{
    int fd = transfer->file.source;
    while (offset < end && !tug_transfer_failed(transfer)) {
        int64_t data = tug_sys_lseek(fd, (int64_t)offset, SEEK_DATA);
        if (data == -ENXIO) {
            int64_t length = tug_sys_lseek(fd, 0, SEEK_END);
            if (length >= 0 && (uint64_t)length < transfer->file.size)
                tug_transfer_meet_end(transfer, (uint64_t)length);
            skip_to(transfer, transfer->file.size);
            return;
        }
        if (data < 0)
            data = (int64_t)offset;
        if ((uint64_t)data >= end) {
            skip_to(transfer, (uint64_t)data);
            return;
        }
        int64_t hole = tug_sys_lseek(fd, data, SEEK_HOLE);
        uint64_t data_end = hole > data && (uint64_t)hole < end ? (uint64_t)hole : end;
        copy_data(transfer, (uint64_t)data, data_end, worker);
        offset = data_end;
    }
}

/* One that met the end of the source is not finished: the source is about to be another one. */
void tug_transfer_range(struct tug_transfer *transfer, uint64_t offset, uint64_t end,
                        struct tug_crew_worker *worker)
{
    struct tug_copy_file *file = &transfer->file;
    if (file->resume != NULL && tug_resume_has(file->resume, offset)) {
        tug_copy_count(&file->engine->report->resumed_bytes, end - offset);
        tug_copy_count(&file->resumed, end - offset);
        return;
    }
    if (file->holes)
        copy_sparse(transfer, offset, end, worker);
    else
        copy_data(transfer, offset, end, worker);
    if (file->resume != NULL && !tug_transfer_failed(transfer) &&
        __atomic_load_n(&transfer->end, __ATOMIC_RELAXED) == UINT64_MAX)
        tug_resume_add(file, offset);
}
