/* SPDX-License-Identifier: MIT */
/*
 * Copying a regular file, on the blocking pool: one trip opens both files, moves up to TRIP_BYTES,
 * sets the permission bits and closes, which is all for most files. Between two trips a
 * cancellation is seen.
 *
 * Three ways to move the data, each falling back to the next where the file system does not offer
 * it: sharing the blocks (FICLONE), copying within the kernel (copy_file_range), reading and
 * writing. An error that says that something is broken or full, and not that the way is missing, is
 * final.
 *
 * The destination is created with mode 0600 and widened as the last step. One that was created here
 * is removed again when the copy fails. `in` and `out` are negative whenever there is nothing to
 * close. Both files' own positions are used: not every file that can be read has others.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include <tug/blocking.h>
#include <tug/fs.h>
#include <tug/sys.h>

#include "fs/cleanup.h"
#include "sys/call.h"

#define TRIP_BYTES ((int64_t)16 << 20)
#define BUFFER_BYTES ((size_t)1 << 20)

#define PERMISSION_BITS ((mode_t)0777)
#define MODE_BITS ((mode_t)07777)

enum method { CLONE, COPY_RANGE, BUFFER };

/* What a trip returns when it has not failed. */
enum { ENDED, AGAIN };

struct copying {
    const char *from, *to;
    int in, out;
    enum method method;
    bool created;                     /* the destination did not exist before */
    mode_t mode;                      /* that the destination gets */
    struct statx source, destination; /* as they were opened */
    int64_t done;                     /* bytes */
    char *buffer;
};

/* ---- The end, good or bad ---- */

/* Whether the name of the destination is still that of the file which was created. */
static bool is_still_there(const struct copying *copying)
{
    struct statx now;
    int result = tug_sys_statx(AT_FDCWD, copying->to, AT_SYMLINK_NOFOLLOW, STATX_INO, &now);
    if (result < 0 || copying->destination.stx_mask == 0)
        return result != -ENOENT;
    return now.stx_ino == copying->destination.stx_ino &&
           now.stx_dev_major == copying->destination.stx_dev_major &&
           now.stx_dev_minor == copying->destination.stx_dev_minor;
}

static void close_source(struct copying *copying)
{
    if (copying->in >= 0)
        tug_sys_close(copying->in);
    copying->in = -1;
    tug_sys_free(copying->buffer);
    copying->buffer = NULL;
}

static void discard(void *argument)
{
    struct copying *copying = argument;
    close_source(copying);
    if (copying->out >= 0)
        tug_sys_close(copying->out);
    copying->out = -1;
    if (copying->created && is_still_there(copying))
        tug_sys_unlinkat(AT_FDCWD, copying->to, 0);
    copying->created = false;
}

static int complete(struct copying *copying)
{
    int result = 0;
    if (copying->created || (copying->destination.stx_mode & MODE_BITS) != copying->mode)
        result = tug_sys_fchmod(copying->out, copying->mode);
    if (result < 0)
        return result;
    close_source(copying);
    result = tug_fs_close_written(copying->out);
    copying->out = -1;
    return result;
}

/* ---- Opening ---- */

/* Without waiting for the other end of a FIFO, which is no regular file. What is none and refuses
 * to be opened for that reason (a socket, a FIFO without reader) says ENXIO; a regular file with a
 * lease on it says EAGAIN. */
static int open_at_once(const char *path, int flags)
{
    int fd = tug_sys_openat(AT_FDCWD, path, flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0);
    if (fd == -EAGAIN)
        fd = tug_sys_openat(AT_FDCWD, path, flags | O_CLOEXEC | O_NOCTTY, 0);
    return fd == -ENXIO ? -EINVAL : fd;
}

static int look(int fd, struct statx *metadata)
{
    unsigned mask = STATX_TYPE | STATX_MODE | STATX_SIZE | STATX_INO;
    int result = tug_sys_statx(fd, "", AT_EMPTY_PATH, mask, metadata);
    if (result < 0) {
        metadata->stx_mask = 0;
        return result;
    }
    return S_ISREG(metadata->stx_mode) ? 0 : -EINVAL;
}

static int open_source(struct copying *copying)
{
    copying->in = open_at_once(copying->from, O_RDONLY);
    if (copying->in < 0)
        return copying->in;
    int result = look(copying->in, &copying->source);
    if (result < 0)
        return result;
    copying->mode = copying->source.stx_mode & PERMISSION_BITS;
    /* Some files that the kernel makes up call themselves regular and wait for data. */
    return copying->source.stx_size == 0 ? tug_sys_fcntl(copying->in, F_SETFL, 0) : 0;
}

static bool is_same_file(const struct statx *a, const struct statx *b)
{
    return a->stx_ino == b->stx_ino && a->stx_dev_major == b->stx_dev_major &&
           a->stx_dev_minor == b->stx_dev_minor;
}

/* A symlink that leads nowhere is not written through: what it names could not be removed again by
 * the name of the destination. */
static int open_destination(struct copying *copying)
{
    int flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC;
    int fd = tug_sys_openat(AT_FDCWD, copying->to, flags, 0600);
    copying->created = fd >= 0;
    if (fd == -EEXIST)
        fd = open_at_once(copying->to, O_WRONLY);
    if (fd < 0)
        return fd;
    copying->out = fd;
    int result = look(fd, &copying->destination);
    if (result < 0 || copying->created)
        return result;
    if (is_same_file(&copying->source, &copying->destination))
        return -EINVAL;
    return copying->destination.stx_size > 0 ? tug_sys_ftruncate(fd, 0) : 0;
}

/* ---- Moving the data: each returns AGAIN, ENDED or an error; AGAIN with another method set when
 * its own is not to be had ---- */

static bool is_final(int64_t error)
{
    return error == -EIO || error == -ENOSPC || error == -EDQUOT || error == -ENOMEM ||
           error == -EFBIG;
}

static int clone_file(struct copying *copying)
{
    copying->method = COPY_RANGE;
    int result = tug_sys_ficlone(copying->out, copying->in);
    if (result < 0)
        return is_final(result) ? result : AGAIN;
    int64_t size = tug_sys_lseek(copying->out, 0, SEEK_END);
    if (size < 0)
        return (int)size;
    copying->done = size;
    return ENDED;
}

static int copy_range(struct copying *copying, int64_t length)
{
    int64_t n = tug_sys_copy_file_range(copying->in, NULL, copying->out, NULL, (size_t)length, 0);
    if (n > 0) {
        copying->done += n;
        return AGAIN;
    }
    if (n < 0 && is_final(n))
        return (int)n;
    /* Some kernels say that a file ends at once although reading it finds data. */
    if (n == 0 && (uint64_t)copying->done >= copying->source.stx_size)
        return ENDED;
    copying->method = BUFFER;
    return AGAIN;
}

static int copy_through_buffer(struct copying *copying)
{
    if (copying->buffer == NULL)
        copying->buffer = tug_sys_malloc(BUFFER_BYTES);
    if (copying->buffer == NULL)
        return -ENOMEM;
    int64_t read = tug_sys_read(copying->in, copying->buffer, BUFFER_BYTES);
    if (read <= 0)
        return read < 0 ? (int)read : ENDED;
    int64_t written = 0;
    while (written < read) {
        int64_t n = tug_sys_write_quietly(copying->out, copying->buffer + written,
                                          (size_t)(read - written));
        if (n <= 0)
            return n < 0 ? (int)n : -EIO;
        written += n;
    }
    copying->done += read;
    return AGAIN;
}

static int move_some(struct copying *copying)
{
    int64_t limit = copying->done + TRIP_BYTES;
    int result = AGAIN;
    while (result == AGAIN && copying->done < limit) {
        if (copying->method == CLONE)
            result = clone_file(copying);
        else if (copying->method == COPY_RANGE)
            result = copy_range(copying, limit - copying->done);
        else
            result = copy_through_buffer(copying);
    }
    return result;
}

static int64_t copying_trip(void *argument)
{
    struct copying *copying = argument;
    int result = 0;
    if (copying->in < 0) {
        result = open_source(copying);
        if (result >= 0)
            result = open_destination(copying);
        /* A size of 0 may be a lie, and then only reading tells. */
        copying->method = copying->source.stx_size > 0 ? CLONE : BUFFER;
    }
    if (result >= 0)
        result = move_some(copying);
    if (result == ENDED)
        result = complete(copying);
    if (result < 0)
        discard(copying);
    return result;
}

int64_t tug_fs_copy(const char *from, const char *to)
{
    struct copying copying = {.from = from, .to = to, .in = -1, .out = -1};
    int64_t result;
    do
        result = tug_block_in_place(copying_trip, &copying);
    while (result == AGAIN);
    if (result < 0 && copying.in >= 0)
        tug_fs_clean_up(discard, &copying);
    return result < 0 ? result : copying.done;
}
