/* SPDX-License-Identifier: MIT */
/*
 * One regular file, from open to close. The usual one, small and new, takes seven system calls:
 * openat, statx, read, openat, write, close, close.
 */
#include "file.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include <tug/sys.h>

#include "losses.h"
#include "preserve.h"
#include "resume.h"

/* How long a stream that has nothing to say is waited for between two looks at the crew, in ms. */
#define STREAM_PATIENCE 100

void tug_copy_file_count(struct tug_copy_file *file, uint64_t bytes)
{
    struct tug_copy_engine *engine = file->engine;
    __atomic_fetch_add(&file->counted, bytes, __ATOMIC_RELAXED);
    tug_copy_count(&engine->report->bytes, bytes);
    if (tug_copy_wants(engine, TUG_COPY_BYTES))
        tug_copy_tell(engine, TUG_COPY_BYTES, S_IFREG, bytes, file->directory, file->name,
                      file->destination_name);
}

/* ---- Reading and writing at the current position ---- */

int tug_copy_file_write(struct tug_copy_file *file, const unsigned char *data, size_t length)
{
    while (length > 0) {
        int64_t written = tug_sys_write(file->destination, data, length);
        if (written < 0)
            return (int)written;
        if (written == 0)
            return -EIO;
        data += written;
        length -= (size_t)written;
    }
    return 0;
}

/* Waits until a stream can be read. Returns 0, or -ECANCELED. */
static int wait_for_stream(struct tug_copy_file *file)
{
    struct pollfd pollfd = {.fd = file->source, .events = POLLIN};
    for (;;) {
        tug_crew_breathe(file->engine->crew);
        if (tug_crew_stopped(file->engine->crew))
            return -ECANCELED;
        int ready = tug_sys_poll(&pollfd, 1, STREAM_PATIENCE);
        if (ready > 0)
            return 0;
        if (ready < 0 && ready != -EINTR)
            return ready;
    }
}

int tug_copy_file_stream(struct tug_copy_file *file, unsigned char *buffer,
                         enum tug_copy_step *step)
{
    for (;;) {
        int error = 0;
        *step = TUG_COPY_STEP_READ;
        if (!file->regular)
            error = wait_for_stream(file);
        else
            tug_crew_breathe(file->engine->crew);
        if (file->regular && tug_crew_stopped(file->engine->crew))
            error = -ECANCELED;
        if (error != 0)
            return error;
        int64_t length = tug_sys_read(file->source, buffer, TUG_CREW_BUFFER_SIZE);
        if (length == -EAGAIN && !file->regular)
            continue;
        if (length <= 0)
            return (int)length;
        *step = TUG_COPY_STEP_WRITE;
        error = tug_copy_file_write(file, buffer, (size_t)length);
        if (error != 0)
            return error;
        tug_copy_file_count(file, (uint64_t)length);
    }
}

/* ---- The source ---- */

static struct tug_copy_pair *pair_of_directory(const struct tug_copy_file *file)
{
    const struct tug_directory *directory = file->directory;
    bool same = file->identity.device == directory->source_identity.device;
    return same ? directory->pair : NULL;
}

static int open_source(const struct tug_walk_entry *entry)
{
    /* Does not block on what has turned into a FIFO since its type was read. */
    int flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | (entry->follow ? 0 : O_NOFOLLOW);
    int fd = tug_sys_openat(entry->directory->source, entry->name, flags, 0);
    if (fd == -EMFILE && tug_directory_set_shrink(&entry->walk->directories))
        fd = tug_sys_openat(entry->directory->source, entry->name, flags, 0);
    return fd;
}

/* What there is to keep of the source, of which statx(2) has told a part. */
static void examine_attributes(struct tug_copy_file *file)
{
    struct tug_copy_engine *engine = file->engine;
    file->mode = tug_preserve_mode(engine, S_IFREG | (file->attributes.mode & 07777));
    file->natural = true;
    if (engine->options->preserve == 0)
        return;
    tug_preserve_look(engine, tug_place_open(file->source), &file->attributes);
    file->natural = tug_preserve_is_natural(engine, &file->attributes, &file->directory->newborn);
}

/* How the contents are to come over. The pair of its directory is the file's, unless a file system
 * is mounted on the file itself. */
static void choose(struct tug_copy_file *file, uint64_t blocks)
{
    const struct tug_copy_options *options = file->engine->options;
    struct tug_copy_shape shape = {
        .size = file->size,
        .blocks = blocks,
        .regular = file->regular,
        .pair = pair_of_directory(file),
    };
    file->choice = tug_copy_choose(options, &shape);
    file->holes = options->sparse != TUG_COPY_SPARSE_NEVER &&
                  file->size >= tug_copy_thresholds.holes && blocks < file->size / 512;
    file->sparse = file->holes || file->choice.method == TUG_COPY_BY_ZEROS;
}

/* Opens the source and looks at it through the descriptor. Returns 0 or what failed. */
static enum tug_copy_step examine_source(struct tug_copy_file *file,
                                         const struct tug_walk_entry *entry, int *error)
{
    struct statx statx;
    file->source = *error = open_source(entry);
    if (*error < 0)
        return TUG_COPY_STEP_OPEN;
    *error = tug_sys_statx(file->source, "", AT_EMPTY_PATH,
                           STATX_TYPE | STATX_MODE | STATX_INO | STATX_NLINK | STATX_SIZE |
                               STATX_BLOCKS | STATX_MTIME | tug_preserve_mask(file->engine),
                           &statx);
    if (*error < 0)
        return TUG_COPY_STEP_STAT;
    if ((statx.stx_mode & S_IFMT) != entry->type)
        return TUG_COPY_STEP_REPLACED;
    file->regular = S_ISREG(statx.stx_mode);
    file->identity = tug_copy_identity_of(&statx);
    file->link_count = statx.stx_nlink;
    file->state = tug_ledger_state_of(&statx);
    file->size = file->regular ? statx.stx_size : 0;
    file->modified = statx.stx_mtime;
    file->attributes = tug_attributes_of(&statx);
    choose(file, statx.stx_blocks);
    return TUG_COPY_STEP_NONE;
}

/* ---- Small files ---- */

/* Makes the destination and shares the blocks of the source with it. False: the contents have to be
 * copied, to the destination if it is open then; or the file has been dealt with. */
static bool share_small(struct tug_copy_file *file)
{
    if (tug_copy_file_create(file, true) != 0) {
        tug_copy_file_abandon(file, TUG_COPY_STEP_NONE, 0);
        return true;
    }
    int shared = tug_copy_file_clone(file, pair_of_directory(file));
    if (shared < 0)
        tug_copy_file_abandon(file, tug_copy_clone_step(file), shared);
    else if (shared > 0)
        tug_copy_file_finish(file);
    return shared != 0;
}

/* Reads what there is, then makes the destination. A regular file of known size has ended when it
 * gives exactly that, asked for one byte more; any other is read until it says so. */
static void copy_small(struct tug_copy_file *file, struct tug_crew_worker *worker)
{
    if (file->choice.method == TUG_COPY_BY_CLONE && share_small(file))
        return;
    unsigned char *buffer = tug_crew_buffer(worker);
    if (buffer == NULL) {
        tug_copy_file_abandon(file, TUG_COPY_STEP_MEMORY, -ENOMEM);
        return;
    }
    int64_t length = 0;
    if (file->regular) {
        size_t wanted = file->size > 0 ? file->size + 1 : TUG_CREW_BUFFER_SIZE;
        length = tug_sys_read(file->source, buffer, wanted);
        if (length < 0) {
            tug_copy_file_abandon(file, TUG_COPY_STEP_READ, (int)length);
            return;
        }
    }
    bool whole = file->regular && (length == 0 || (uint64_t)length == file->size);
    if (file->destination < 0 && tug_copy_file_create(file, whole) != 0) {
        tug_copy_file_abandon(file, TUG_COPY_STEP_NONE, 0);
        return;
    }
    enum tug_copy_step step = TUG_COPY_STEP_WRITE;
    int error = tug_copy_file_write(file, buffer, (size_t)length);
    if (error == 0 && length > 0)
        tug_copy_file_count(file, (uint64_t)length);
    if (error == 0 && !whole)
        error = tug_copy_file_stream(file, buffer, &step);
    if (error == 0)
        tug_copy_file_finish(file);
    else
        tug_copy_file_abandon(file, step, error);
}

/* An earlier copy has finished it. */
static void leave_finished(struct tug_copy_file *file, const struct tug_copy_identity *copy)
{
    tug_copy_file_close_source(file);
    tug_losses_add(file->engine, file->directory, file->name, tug_losses_of_earlier(file->engine));
    tug_copy_file_settle_links(file, copy);
    tug_copy_count(&file->engine->report->resumed_files, 1);
    tug_copy_count(&file->engine->report->resumed_bytes, file->size);
}

int tug_copy_file_clone(struct tug_copy_file *file, struct tug_copy_pair *pair)
{
    const struct tug_copy_options *options = file->engine->options;
    int error = tug_sys_ficlone(file->destination, file->source);
    if (error == 0) {
        if (file->choice.method != TUG_COPY_BY_CLONE)
            file->choice = (struct tug_copy_choice){TUG_COPY_BY_CLONE, TUG_COPY_FOR_SHARING};
        tug_copy_count(&file->engine->report->cloned_files, 1);
        file->cloned = true;
        tug_copy_file_count(file, file->size);
        return 1;
    }
    if (options->reflink == TUG_COPY_REFLINK_ALWAYS ||
        !tug_copy_pair_refuses(pair, TUG_COPY_CLONE, error))
        return error;
    file->choice.reason = TUG_COPY_FOR_REFUSED;
    if (file->choice.method == TUG_COPY_BY_CLONE)
        file->choice.method =
            file->size > tug_copy_thresholds.piece ? TUG_COPY_BY_RANGES : TUG_COPY_BY_PIECE;
    return 0;
}

enum tug_copy_step tug_copy_clone_step(const struct tug_copy_file *file)
{
    return file->engine->options->reflink == TUG_COPY_REFLINK_ALWAYS ? TUG_COPY_STEP_CLONE
                                                                     : TUG_COPY_STEP_WRITE;
}

static void copy_no_contents(struct tug_copy_file *file)
{
    if (tug_copy_file_create(file, true) == 0)
        tug_copy_file_finish(file);
    else
        tug_copy_file_abandon(file, TUG_COPY_STEP_NONE, 0);
}

/* The destination has the same contents already. */
static void leave_unchanged(struct tug_copy_file *file, const struct tug_copy_identity *copy)
{
    tug_copy_file_close_source(file);
    tug_losses_add(file->engine, file->directory, file->name, TUG_LOSS_METADATA);
    tug_copy_file_settle_links(file, copy);
    tug_copy_count(&file->engine->report->skipped, 1);
}

void tug_copy_file(const struct tug_walk_entry *entry)
{
    struct tug_copy_engine *engine = tug_copy_engine_of(entry->walk);
    struct tug_copy_file file = {
        .engine = engine,
        .directory = entry->directory,
        .name = entry->name,
        .destination_name = entry->destination_name,
        .type = entry->type,
        .follow = entry->follow,
        .source = -1,
        .destination = -1,
    };
    if (tug_copy_wants(engine, TUG_COPY_STARTED))
        tug_copy_tell(engine, TUG_COPY_STARTED, S_IFREG, 0, entry->directory, entry->name,
                      entry->destination_name);
    int error;
    struct tug_copy_identity copy;
    enum tug_copy_step step = examine_source(&file, entry, &error);
    if (step != TUG_COPY_STEP_NONE) {
        tug_copy_file_abandon(&file, step, error < 0 ? error : 0);
        return;
    }
    if (tug_hard_links_concern(engine, file.link_count) &&
        !tug_hard_links_claim(entry, file.identity, &file.link)) {
        tug_copy_file_close_source(&file);
        return;
    }
    examine_attributes(&file);
    if (engine->options->resume && tug_resume_is_finished(&file, &copy))
        leave_finished(&file, &copy);
    else if (engine->options->make == TUG_COPY_MAKE_ATTRIBUTES_ONLY && file.regular)
        copy_no_contents(&file);
    else if (engine->options->checksum && tug_copy_file_is_unchanged(&file, entry->worker, &copy))
        leave_unchanged(&file, &copy);
    else if (file.size > tug_copy_thresholds.piece || file.sparse)
        tug_copy_transfer(&file, entry->worker);
    else
        copy_small(&file, entry->worker);
}
