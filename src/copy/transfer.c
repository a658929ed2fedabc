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
#include "transfer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <tug/sys.h>

#include "attempt.h"
#include "resume.h"
#include "visitors.h"

_Static_assert(TUG_COPY_RANGE == TUG_RESUME_RANGE, "finished ranges are recorded by claims");

/* The same where many workers wait for a slow file system. */
#define WIDE_RANGE_SIZE ((uint64_t)1 << 20)

/* Those of which a record is kept have one size. */
static uint64_t range_size(const struct tug_transfer *transfer)
{
    const struct tug_copy_file *file = &transfer->file;
    if (file->resume != NULL || !tug_crew_is_wide(file->engine->crew))
        return tug_copy_thresholds.range;
    return tug_transfer_is_direct(transfer) ? TUG_TRANSFER_DIRECT_PIECE : WIDE_RANGE_SIZE;
}

/* Claims a range. False: there is none. */
static bool claim(struct tug_transfer *transfer, uint64_t *offset, uint64_t *end)
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

/* One worker writes while the others read, since the kernel has direct writes to a file wait for
 * each other; more of them would only wait, for longer the more there are. */
#define DIRECT_WORKERS 4

static bool has_room(const struct tug_transfer *transfer)
{
    return !tug_transfer_is_direct(transfer) ||
           __atomic_load_n(&transfer->references, __ATOMIC_RELAXED) < DIRECT_WORKERS;
}

/* Lets another worker join; `wake`: starts one. */
static void share(struct tug_transfer *transfer, bool wake)
{
    if (__atomic_exchange_n(&transfer->queued, 1, __ATOMIC_RELAXED) != 0)
        return;
    __atomic_add_fetch(&transfer->references, 1, __ATOMIC_RELAXED);
    tug_crew_push(transfer->file.engine->crew, &transfer->job, wake);
}

static void copy_ranges(struct tug_transfer *transfer, struct tug_crew_worker *worker)
{
    struct tug_crew *crew = transfer->file.engine->crew;
    uint64_t offset, end;
    unsigned char *buffer = tug_crew_buffer(worker);
    if (buffer == NULL)
        tug_transfer_fail(transfer, TUG_COPY_STEP_MEMORY, -ENOMEM);
    if (tug_crew_stopped(crew))
        tug_transfer_fail(transfer, TUG_COPY_STEP_READ, -ECANCELED);
    while (!tug_transfer_failed(transfer) && claim(transfer, &offset, &end)) {
        if (transfer->file.size - end >= range_size(transfer) && has_room(transfer) &&
            tug_crew_hungry(crew))
            share(transfer, true);
        tug_transfer_range(transfer, offset, end, worker);
        if (tug_crew_worker_is_spare(worker)) {
            share(transfer, false);
            return;
        }
    }
}

/* ---- The end ---- */

/* The source may have grown since it was opened: reads on to its end. */
static void copy_growth(struct tug_transfer *transfer, struct tug_crew_worker *worker)
{
    uint64_t offset = transfer->file.size;
    while (!tug_transfer_failed(transfer)) {
        if (tug_crew_stopped(transfer->file.engine->crew)) {
            tug_transfer_fail(transfer, TUG_COPY_STEP_READ, -ECANCELED);
            return;
        }
        int64_t copied = tug_transfer_piece(transfer, offset, TUG_CREW_BUFFER_SIZE, worker);
        if (copied <= 0)
            break;
        offset += (uint64_t)copied;
        tug_copy_file_count(&transfer->file, (uint64_t)copied);
    }
    transfer->end = offset;
}

/* Gives the destination its length where the writes have not: it ends in a hole, or blocks were
 * allocated for what did not come. */
static void set_length(struct tug_transfer *transfer)
{
    struct tug_copy_file *file = &transfer->file;
    if (!file->sparse && transfer->end >= file->size)
        return;
    int error = tug_sys_ftruncate(file->destination, (int64_t)transfer->end);
    if (error != 0)
        tug_transfer_fail(transfer, TUG_COPY_STEP_WRITE, error);
}

static void run_again(struct tug_crew_job *job, struct tug_crew_worker *worker)
{
    struct tug_transfer *transfer = (struct tug_transfer *)job;
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
static void do_again(struct tug_transfer *transfer)
{
    transfer->job.run = run_again;
    tug_crew_push(transfer->file.engine->crew, &transfer->job, true);
}

static void conclude(struct tug_transfer *transfer)
{
    struct tug_copy_file *file = &transfer->file;
    struct tug_directory *directory = file->directory;
    struct tug_attempt around = tug_attempt_begin(false);
    if (tug_transfer_failed(transfer))
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

static void end_transfer(struct tug_transfer *transfer, struct tug_crew_worker *worker)
{
    struct tug_copy_file *file = &transfer->file;
    if (!tug_transfer_failed(transfer) && transfer->end >= file->size)
        copy_growth(transfer, worker);
    if (!tug_transfer_failed(transfer))
        set_length(transfer);
    if (file->choice.method == TUG_COPY_BY_SERVER && !transfer->offload)
        file->choice.method = TUG_COPY_BY_RANGES;
    conclude(transfer);
}

static void work(struct tug_transfer *transfer, struct tug_crew_worker *worker)
{
    copy_ranges(transfer, worker);
    if (__atomic_sub_fetch(&transfer->references, 1, __ATOMIC_ACQ_REL) == 0)
        end_transfer(transfer, worker);
}

static void run_transfer(struct tug_crew_job *job, struct tug_crew_worker *worker)
{
    struct tug_transfer *transfer = (struct tug_transfer *)job;
    __atomic_store_n(&transfer->queued, 0, __ATOMIC_RELAXED);
    work(transfer, worker);
}

/* ---- The beginning ---- */

/* Takes over the file, names included. NULL: no memory. */
static struct tug_transfer *new_transfer(const struct tug_copy_file *file)
{
    size_t name_size = strlen(file->name) + 1;
    size_t destination_size = strlen(file->destination_name) + 1;
    struct tug_transfer *transfer = calloc(1, sizeof(*transfer) + name_size + destination_size);
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

static void find_pair(struct tug_transfer *transfer)
{
    struct tug_copy_file *file = &transfer->file;
    struct statx statx;
    if (file->created && file->identity.device == file->directory->source_identity.device)
        transfer->pair = file->directory->pair;
    if (transfer->pair == NULL &&
        tug_sys_statx(file->destination, "", AT_EMPTY_PATH, STATX_INO, &statx) == 0)
        transfer->pair =
            tug_copy_pairs_find(&file->engine->pairs, file->identity.device, file->source,
                                tug_copy_identity_of(&statx).device, file->destination);
}

/* Shares the blocks of the source. True: the destination has everything. */
static bool share_blocks(struct tug_transfer *transfer)
{
    struct tug_copy_file *file = &transfer->file;
    if (!tug_copy_should_clone(file->engine->options, file->choice, transfer->pair))
        return false;
    int shared = tug_copy_file_clone(file, transfer->pair);
    if (shared < 0)
        tug_transfer_fail(transfer, tug_copy_clone_step(file), shared);
    return shared > 0;
}

/* Blocks before contents: the file system allocates them in one piece. Where that is not to be had,
 * the file system is likely to be remote, and may copy by itself. That there is no room is left for
 * the writes to say. The length is not changed, so it never claims more than was written. */
static void allocate(struct tug_transfer *transfer)
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
    struct tug_transfer *transfer = new_transfer(&file);
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
    if (!tug_transfer_failed(transfer)) {
        allocate(transfer);
        tug_transfer_begin_direct(transfer);
    }
    work(transfer, worker);
}
