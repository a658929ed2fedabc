/* SPDX-License-Identifier: MIT */
/*
 * The contents of a large file. First the ways that move no bytes through here; else the file is
 * given out in ranges, to this worker and to whoever joins because nothing else is to be done.
 *
 * A transfer has one reference per worker on it and for its place in the crew's stack. Who drops
 * the last one ends it: by then all ranges are done, or one has failed.
 *
 * The size is a hint. If the source is shorter, the least end that any range has met is the end;
 * if it has grown, the last worker reads on.
 */
#include "file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <tug/sys.h>

#include "attempt.h"
#include "resume.h"
#include "visitors.h"

_Static_assert(TUG_COPY_RANGE == TUG_RESUME_RANGE, "finished ranges are recorded by claims");

/* The same where many workers wait for a slow file system. */
#define WIDE_RANGE_SIZE ((uint64_t)1 << 20)

/* Calls should move much, since a file system may take them one by one: 1 GiB to a FUSE file system
 * with a delay of 1 ms by 16 workers takes 5.9 s by pieces of 256 KiB. But hundreds of workers
 * should not need hundreds of MiB: those beyond so many move less. */
#define FULL_PIECES 32
#define SMALL_PIECE ((uint64_t)128 << 10)

struct transfer {
    struct tug_crew_job job;
    struct tug_copy_file file;
    struct tug_copy_pair *pair;
    uint32_t references; /* atomic */
    uint32_t queued;     /* atomic: it is in the crew's stack */
    uint64_t next;       /* atomic: the first byte not given out */
    uint64_t end;        /* atomic: the least end of the source that was met */
    uint64_t failure;    /* atomic: 0, or the first failure: step << 32 | errno */
    bool offload;        /* atomic: by copy_file_range while it works */
    bool touched;        /* as for tug_copy_visit(), if it is to be done again */
    char names[];
};

static void fail(struct transfer *transfer, enum tug_copy_step step, int error)
{
    uint64_t none = 0;
    uint64_t failure = (uint64_t)step << 32 | (uint64_t)(uint32_t)-error;
    __atomic_compare_exchange_n(&transfer->failure, &none, failure, false, __ATOMIC_RELAXED,
                                __ATOMIC_RELAXED);
}

static bool failed(const struct transfer *transfer)
{
    return __atomic_load_n(&transfer->failure, __ATOMIC_RELAXED) != 0;
}

/* The source ends here, sooner than expected. */
static void meet_end(struct transfer *transfer, uint64_t offset)
{
    uint64_t end = __atomic_load_n(&transfer->end, __ATOMIC_RELAXED);
    while (offset < end && !__atomic_compare_exchange_n(&transfer->end, &end, offset, true,
                                                        __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        ;
}

/* ---- A piece of data: [offset, end) ---- */

/* Writes all of it. */
static bool put(struct transfer *transfer, const unsigned char *data, uint64_t length,
                uint64_t offset)
{
    while (length > 0) {
        int64_t written = tug_sys_pwrite(transfer->file.destination, data, length, (int64_t)offset);
        if (written <= 0) {
            fail(transfer, TUG_COPY_STEP_WRITE, written < 0 ? (int)written : -EIO);
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
static bool put_data(struct transfer *transfer, const unsigned char *data, uint64_t length,
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

/* Copies one piece by reading and writing. Returns the bytes, 0 at the end of the source. */
static int64_t copy_through_buffer(struct transfer *transfer, uint64_t offset, uint64_t length,
                                   struct tug_crew_worker *worker)
{
    struct tug_copy_file *file = &transfer->file;
    unsigned char *buffer = tug_crew_buffer(worker);
    uint64_t piece =
        worker - worker->crew->places < FULL_PIECES ? TUG_CREW_BUFFER_SIZE : SMALL_PIECE;
    if (length > piece)
        length = piece;
    int64_t got = tug_sys_pread(file->source, buffer, length, (int64_t)offset);
    if (got <= 0) {
        if (got < 0)
            fail(transfer, TUG_COPY_STEP_READ, (int)got);
        return got;
    }
    bool written = file->choice.method == TUG_COPY_BY_ZEROS
                       ? put_data(transfer, buffer, (uint64_t)got, offset)
                       : put(transfer, buffer, (uint64_t)got, offset);
    return written ? got : -EIO;
}

/* Copies one piece within the kernel. Returns the bytes; 0: it must be done by the buffer. */
static int64_t copy_offloaded(struct transfer *transfer, uint64_t offset, uint64_t length)
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
    fail(transfer, TUG_COPY_STEP_WRITE, (int)copied);
    return copied;
}

static void copy_data(struct transfer *transfer, uint64_t offset, uint64_t end,
                      struct tug_crew_worker *worker)
{
    struct tug_copy_file *file = &transfer->file;
    while (offset < end && !failed(transfer)) {
        if (tug_crew_stopped(file->engine->crew)) {
            fail(transfer, TUG_COPY_STEP_READ, -ECANCELED);
            return;
        }
        int64_t copied = copy_offloaded(transfer, offset, end - offset);
        if (copied == 0)
            copied = copy_through_buffer(transfer, offset, end - offset, worker);
        if (copied < 0)
            return;
        if (copied == 0) {
            meet_end(transfer, offset);
            return;
        }
        offset += (uint64_t)copied;
        tug_copy_file_count(file, (uint64_t)copied);
        tug_crew_tick(worker, tug_crew_now(), 0, (uint64_t)copied);
    }
}

/* ---- A range ---- */

/* Nothing but a hole up to `offset`: no need to give that out. */
static void skip_to(struct transfer *transfer, uint64_t offset)
{
    offset -= offset % tug_copy_thresholds.range;
    uint64_t next = __atomic_load_n(&transfer->next, __ATOMIC_RELAXED);
    while (next < offset && !__atomic_compare_exchange_n(&transfer->next, &next, offset, true,
                                                         __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        ;
}

/* Copies what is data in a range of a sparse file. The position that lseek(2) moves is not used by
 * anybody. Where the file system does not know of holes, all is data. */
static void copy_sparse(struct transfer *transfer, uint64_t offset, uint64_t end,
                        struct tug_crew_worker *worker)
{
    int fd = transfer->file.source;
    while (offset < end && !failed(transfer)) {
        int64_t data = tug_sys_lseek(fd, (int64_t)offset, SEEK_DATA);
        if (data == -ENXIO) {
            int64_t length = tug_sys_lseek(fd, 0, SEEK_END);
            if (length >= 0 && (uint64_t)length < transfer->file.size)
                meet_end(transfer, (uint64_t)length);
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

/* Copies a range, unless an earlier copy has finished it. One that met the end of the source is not
 * finished: the source is about to be another one. */
static void copy_range(struct transfer *transfer, uint64_t offset, uint64_t end,
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
    if (file->resume != NULL && !failed(transfer) &&
        __atomic_load_n(&transfer->end, __ATOMIC_RELAXED) == UINT64_MAX)
        tug_resume_add(file, offset);
}

/* Those of which a record is kept have one size. */
static uint64_t range_size(const struct transfer *transfer)
{
    const struct tug_copy_file *file = &transfer->file;
    return file->resume == NULL && tug_crew_is_wide(file->engine->crew) ? WIDE_RANGE_SIZE
                                                                        : tug_copy_thresholds.range;
}

/* Claims a range. False: there is none. */
static bool claim(struct transfer *transfer, uint64_t *offset, uint64_t *end)
{
    uint64_t size = transfer->file.size, range = range_size(transfer);
    *offset = __atomic_load_n(&transfer->next, __ATOMIC_RELAXED);
    do {
        if (*offset >= size)
            return false;
        *end = size - *offset < range ? size : *offset + range;
    } while (!__atomic_compare_exchange_n(&transfer->next, offset, *end, true, __ATOMIC_RELAXED,
                                          __ATOMIC_RELAXED));
    return true;
}

/* Lets another worker join; `wake`: starts one. */
static void share(struct transfer *transfer, bool wake)
{
    if (__atomic_exchange_n(&transfer->queued, 1, __ATOMIC_RELAXED) != 0)
        return;
    __atomic_add_fetch(&transfer->references, 1, __ATOMIC_RELAXED);
    tug_crew_push(transfer->file.engine->crew, &transfer->job, wake);
}

static void copy_ranges(struct transfer *transfer, struct tug_crew_worker *worker)
{
    struct tug_crew *crew = transfer->file.engine->crew;
    uint64_t offset, end;
    unsigned char *buffer = tug_crew_buffer(worker);
    if (buffer == NULL)
        fail(transfer, TUG_COPY_STEP_MEMORY, -ENOMEM);
    if (tug_crew_stopped(crew))
        fail(transfer, TUG_COPY_STEP_READ, -ECANCELED);
    while (!failed(transfer) && claim(transfer, &offset, &end)) {
        if (transfer->file.size - end >= range_size(transfer) && tug_crew_hungry(crew))
            share(transfer, true);
        copy_range(transfer, offset, end, worker);
        if (tug_crew_crowded(crew)) {
            share(transfer, false);
            return;
        }
    }
}

/* ---- The end ---- */

/* The source may have grown since it was opened: reads on to its end. */
static void copy_growth(struct transfer *transfer, struct tug_crew_worker *worker)
{
    uint64_t offset = transfer->file.size;
    while (!failed(transfer)) {
        if (tug_crew_stopped(transfer->file.engine->crew)) {
            fail(transfer, TUG_COPY_STEP_READ, -ECANCELED);
            return;
        }
        int64_t copied = copy_through_buffer(transfer, offset, TUG_CREW_BUFFER_SIZE, worker);
        if (copied <= 0)
            break;
        offset += (uint64_t)copied;
        tug_copy_file_count(&transfer->file, (uint64_t)copied);
    }
    transfer->end = offset;
}

/* Gives the destination its length where the writes have not: it ends in a hole, or blocks were
 * allocated for what did not come. */
static void set_length(struct transfer *transfer)
{
    struct tug_copy_file *file = &transfer->file;
    if (!file->sparse && transfer->end >= file->size)
        return;
    int error = tug_sys_ftruncate(file->destination, (int64_t)transfer->end);
    if (error != 0)
        fail(transfer, TUG_COPY_STEP_WRITE, error);
}

static void run_again(struct tug_crew_job *job, struct tug_crew_worker *worker)
{
    struct transfer *transfer = (struct transfer *)job;
    const struct tug_copy_file *file = &transfer->file;
    struct tug_directory *directory = file->directory;
    const struct tug_walk_entry entry = {
        .walk = (struct tug_walk *)directory->set,
        .worker = worker,
        .directory = directory,
        .name = file->name,
        .destination_name = file->destination_name,
        .type = file->type,
        .follow = file->follow,
    };
    if (!tug_crew_stopped(file->engine->crew))
        tug_copy_visit(&entry, transfer->touched);
    free(transfer);
    tug_directory_done(directory);
}

/* The transfer keeps the names, and the use of the directory. As a job of its own, since whoever
 * ends a transfer may be in the middle of the visit that began it. */
static void do_again(struct transfer *transfer)
{
    transfer->job.run = run_again;
    tug_crew_push(transfer->file.engine->crew, &transfer->job, true);
}

static void conclude(struct transfer *transfer)
{
    struct tug_copy_file *file = &transfer->file;
    struct tug_directory *directory = file->directory;
    struct tug_attempt around = tug_attempt_begin(false);
    if (failed(transfer))
        tug_copy_file_abandon(file, (enum tug_copy_step)(transfer->failure >> 32),
                              -(int)(uint32_t)transfer->failure);
    else
        tug_copy_file_finish(file);
    transfer->touched = tug_attempt_now().touched;
    bool again = tug_attempt_again(file->engine->crew);
    tug_attempt_end(around);
    if (again) {
        do_again(transfer);
        return;
    }
    free(transfer);
    tug_directory_done(directory);
}

static void end_transfer(struct transfer *transfer, struct tug_crew_worker *worker)
{
    struct tug_copy_file *file = &transfer->file;
    if (!failed(transfer) && transfer->end >= file->size)
        copy_growth(transfer, worker);
    if (!failed(transfer))
        set_length(transfer);
    if (file->choice.method == TUG_COPY_BY_SERVER && !transfer->offload)
        file->choice.method = TUG_COPY_BY_RANGES;
    conclude(transfer);
}

static void work(struct transfer *transfer, struct tug_crew_worker *worker)
{
    copy_ranges(transfer, worker);
    if (__atomic_sub_fetch(&transfer->references, 1, __ATOMIC_ACQ_REL) == 0)
        end_transfer(transfer, worker);
}

static void run_transfer(struct tug_crew_job *job, struct tug_crew_worker *worker)
{
    struct transfer *transfer = (struct transfer *)job;
    __atomic_store_n(&transfer->queued, 0, __ATOMIC_RELAXED);
    work(transfer, worker);
}

/* ---- The beginning ---- */

/* Takes over the file, names included. NULL: no memory. */
static struct transfer *new_transfer(const struct tug_copy_file *file)
{
    size_t name_size = strlen(file->name) + 1;
    size_t destination_size = strlen(file->destination_name) + 1;
    struct transfer *transfer = calloc(1, sizeof(*transfer) + name_size + destination_size);
    if (transfer == NULL)
        return NULL;
    transfer->job.run = run_transfer;
    transfer->references = 1;
    transfer->end = UINT64_MAX;
    transfer->file = *file;
    transfer->file.name = memcpy(transfer->names, file->name, name_size);
    transfer->file.destination_name =
        memcpy(transfer->names + name_size, file->destination_name, destination_size);
    tug_directory_use(file->directory);
    return transfer;
}

static void find_pair(struct transfer *transfer)
{
    struct tug_copy_file *file = &transfer->file;
    struct statx statx;
    if (file->created && file->identity.device == file->directory->source_identity.device)
        transfer->pair = file->directory->pair;
    if (transfer->pair == NULL &&
        tug_sys_statx(file->destination, "", AT_EMPTY_PATH, STATX_INO, &statx) == 0)
        transfer->pair =
            tug_copy_pairs_find(&file->engine->pairs, file->identity.device,
                                tug_copy_identity_of(&statx).device, file->destination);
}

/* Shares the blocks of the source. True: the destination has everything. */
static bool share_blocks(struct transfer *transfer)
{
    struct tug_copy_file *file = &transfer->file;
    if (!tug_copy_should_clone(file->engine->options, file->choice, transfer->pair))
        return false;
    int shared = tug_copy_file_clone(file, transfer->pair);
    if (shared < 0)
        fail(transfer, tug_copy_clone_step(file), shared);
    return shared > 0;
}

/* Blocks before contents: the file system allocates them in one piece. Where that is not to be had,
 * the file system is likely to be remote, and may copy by itself. That there is no room is left for
 * the writes to say. The length is not changed, so it never claims more than was written. */
static void allocate(struct transfer *transfer)
{
    struct tug_copy_file *file = &transfer->file;
    const struct tug_copy_options *options = file->engine->options;
    bool offload = !tug_copy_pair_can(transfer->pair, TUG_COPY_ALLOCATE);
    if (!file->sparse && !offload) {
        int error =
            tug_sys_fallocate(file->destination, FALLOC_FL_KEEP_SIZE, 0, (int64_t)file->size);
        offload = error != 0 && tug_copy_pair_refuses(transfer->pair, TUG_COPY_ALLOCATE, error);
    }
    /* It might share blocks, or leave out zeros. */
    transfer->offload = offload && options->reflink == TUG_COPY_REFLINK_AUTO &&
                        options->sparse == TUG_COPY_SPARSE_AUTO;
    if (transfer->offload && file->choice.method == TUG_COPY_BY_RANGES &&
        tug_copy_pair_can(transfer->pair, TUG_COPY_OFFLOAD))
        file->choice = (struct tug_copy_choice){TUG_COPY_BY_SERVER, TUG_COPY_FOR_NO_ALLOCATE};
}

/* A destination that is a device or a FIFO has no positions. */
static void copy_as_stream(struct tug_copy_file *file, struct tug_crew_worker *worker)
{
    enum tug_copy_step step = TUG_COPY_STEP_MEMORY;
    unsigned char *buffer = tug_crew_buffer(worker);
    int error = buffer == NULL ? -ENOMEM : tug_copy_file_stream(file, buffer, &step);
    if (error == 0)
        tug_copy_file_finish(file);
    else
        tug_copy_file_abandon(file, step, error);
}

void tug_copy_transfer(const struct tug_copy_file *source, struct tug_crew_worker *worker)
{
    struct tug_copy_file file = *source;
    if (tug_copy_file_create(&file, false) != 0) {
        tug_copy_file_abandon(&file, TUG_COPY_STEP_NONE, 0);
        return;
    }
    if (!file.solid) {
        copy_as_stream(&file, worker);
        return;
    }
    struct transfer *transfer = new_transfer(&file);
    if (transfer == NULL) {
        tug_copy_file_abandon(&file, TUG_COPY_STEP_MEMORY, -ENOMEM);
        return;
    }
    find_pair(transfer);
    if (share_blocks(transfer)) {
        struct tug_directory *directory = file.directory;
        tug_copy_file_finish(&transfer->file);
        free(transfer);
        tug_directory_done(directory);
        return;
    }
    if (!failed(transfer))
        allocate(transfer);
    work(transfer, worker);
}
