/* SPDX-License-Identifier: MIT */
/*
 * Whole files in few trips to the blocking pool: the first one opens the file, moves up to
 * TRIP_BYTES and closes it, which is all for most files. Between two trips a cancellation is seen.
 * What is not a regular file may make its reader wait for ever, so its bytes are moved by
 * operations that can be cancelled; and without O_NONBLOCK not every driver can cancel them (the
 * open file is not shared with anybody, so that nobody else sees the flag).
 *
 * `fd` is -1 whenever there is nothing to close.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include <tug/blocking.h>
#include <tug/file.h>
#include <tug/fs.h>
#include <tug/sys.h>

#include "fs/cleanup.h"
#include "fs/utf8.h"
#include "sys/call.h"

#define TRIP_BYTES ((size_t)8 << 20)
#define SMALLEST_CAPACITY ((size_t)16 << 10)
#define LARGEST_CAPACITY ((size_t)PTRDIFF_MAX)

/* What a trip returns when it has not failed. */
enum { ENDED, AGAIN, STREAM };

struct reading {
    const char *path;
    char *data; /* one byte of `capacity` is kept for the zero */
    size_t length, capacity;
    size_t checked; /* bytes known to be whole characters */
    bool text;
    int fd;
};

static int open_and_look(const char *path, int flags, struct statx *metadata)
{
    int fd = tug_sys_openat(AT_FDCWD, path, flags | O_CLOEXEC, 0666);
    if (fd < 0)
        return fd;
    int result = tug_sys_statx(fd, "", AT_EMPTY_PATH, STATX_TYPE | STATX_SIZE, metadata);
    if (result < 0) {
        tug_sys_close(fd);
        return result;
    }
    return fd;
}

static int begin_stream(int fd, int flags)
{
    int result = tug_sys_fcntl(fd, F_SETFL, flags | O_NONBLOCK);
    return result < 0 ? result : STREAM;
}

/* ---- Reading ---- */

static int set_capacity(struct reading *reading, size_t capacity)
{
    char *data = tug_sys_realloc(reading->data, capacity);
    if (data == NULL)
        return -ENOMEM;
    reading->data = data;
    reading->capacity = capacity;
    return 0;
}

/* Makes room for at least one byte and the zero. */
static int make_room(struct reading *reading)
{
    if (reading->capacity - reading->length >= 2)
        return 0;
    if (reading->capacity > LARGEST_CAPACITY / 2)
        return -EFBIG;
    size_t doubled = reading->capacity * 2;
    return set_capacity(reading, doubled > SMALLEST_CAPACITY ? doubled : SMALLEST_CAPACITY);
}

/* Text is checked as it comes, so that the whole of a large file is never checked at once. */
static int check_text(struct reading *reading, bool at_end)
{
    if (!reading->text)
        return 0;
    size_t unchecked = reading->length - reading->checked;
    size_t valid = tug_utf8_valid_length(reading->data + reading->checked, unchecked);
    reading->checked += valid;
    unchecked -= valid;
    return unchecked >= 4 || (at_end && unchecked > 0) ? -EILSEQ : 0;
}

static int open_for_reading(struct reading *reading)
{
    struct statx metadata;
    int fd = open_and_look(reading->path, O_RDONLY, &metadata);
    if (fd < 0)
        return fd;
    reading->fd = fd;
    /* A directory fails with the right error when it is read. */
    if (!S_ISREG(metadata.stx_mode) && !S_ISDIR(metadata.stx_mode))
        return begin_stream(fd, O_RDONLY);
    if (metadata.stx_size == 0)
        return AGAIN;
    if (metadata.stx_size > LARGEST_CAPACITY - 2)
        return -EFBIG;
    /* One byte more than the file should have, so that its end is found without growing. */
    int result = set_capacity(reading, (size_t)metadata.stx_size + 2);
    return result < 0 ? result : AGAIN;
}

static int read_some(struct reading *reading)
{
    size_t limit = reading->length + TRIP_BYTES;
    while (reading->length < limit) {
        int result = make_room(reading);
        if (result < 0)
            return result;
        size_t room = reading->capacity - reading->length - 1;
        size_t wanted = room < limit - reading->length ? room : limit - reading->length;
        int64_t n = tug_sys_read(reading->fd, reading->data + reading->length, wanted);
        if (n < 0)
            return (int)n;
        if (n == 0)
            return ENDED;
        reading->length += (size_t)n;
    }
    return AGAIN;
}

static int64_t reading_trip(void *argument)
{
    struct reading *reading = argument;
    int result = reading->fd < 0 ? open_for_reading(reading) : AGAIN;
    if (result == AGAIN) {
        result = read_some(reading);
        if (result >= 0) {
            int valid = check_text(reading, result == ENDED);
            result = valid < 0 ? valid : result;
        }
    }
    if ((result < 0 || result == ENDED) && reading->fd >= 0) {
        tug_sys_close(reading->fd);
        reading->fd = -1;
    }
    return result;
}

static int read_stream(struct reading *reading)
{
    for (;;) {
        int result = make_room(reading);
        if (result < 0)
            return result;
        size_t room = reading->capacity - reading->length - 1;
        int64_t n = tug_read(reading->fd, reading->data + reading->length, room);
        if (n < 0)
            return (int)n;
        reading->length += (size_t)n;
        result = check_text(reading, n == 0);
        if (result < 0 || n == 0)
            return result;
    }
}

static int read_whole(struct reading *reading)
{
    int result;
    do
        result = (int)tug_block_in_place(reading_trip, reading);
    while (result == AGAIN);
    if (result == STREAM)
        result = read_stream(reading);
    if (reading->fd >= 0)
        tug_close(reading->fd);
    if (result < 0)
        return result;
    /* Only what was too small from the start has been made larger than its contents by much. */
    if (reading->capacity - reading->length > SMALLEST_CAPACITY)
        set_capacity(reading, reading->length + 1);
    reading->data[reading->length] = '\0';
    return 0;
}

static int read_into(const char *path, bool text, char **data, size_t *length)
{
    struct reading reading = {.path = path, .text = text, .fd = -1};
    int result = read_whole(&reading);
    if (result < 0) {
        tug_sys_free(reading.data);
        return result;
    }
    *data = reading.data;
    if (length != NULL)
        *length = reading.length;
    return 0;
}

int tug_fs_read(const char *path, void **data, size_t *length)
{
    char *bytes;
    int result = read_into(path, false, &bytes, length);
    if (result == 0)
        *data = bytes;
    return result;
}

int tug_fs_read_to_string(const char *path, char **text, size_t *length)
{
    return read_into(path, true, text, length);
}

/* ---- Writing ---- */

struct writing {
    const char *path;
    const char *data;
    size_t length, written;
    int fd;
};

static int write_some(struct writing *writing)
{
    size_t end = writing->length - writing->written > TRIP_BYTES ? writing->written + TRIP_BYTES
                                                                 : writing->length;
    while (writing->written < end) {
        int64_t n = tug_sys_write_quietly(writing->fd, writing->data + writing->written,
                                          end - writing->written);
        if (n < 0)
            return (int)n;
        if (n == 0)
            return -EIO;
        writing->written += (size_t)n;
    }
    return writing->written < writing->length ? AGAIN : ENDED;
}

static int open_for_writing(struct writing *writing)
{
    struct statx metadata;
    int fd = open_and_look(writing->path, O_WRONLY | O_CREAT | O_TRUNC, &metadata);
    if (fd < 0)
        return fd;
    writing->fd = fd;
    return S_ISREG(metadata.stx_mode) ? AGAIN : begin_stream(fd, O_WRONLY);
}

static int64_t writing_trip(void *argument)
{
    struct writing *writing = argument;
    int result = writing->fd < 0 ? open_for_writing(writing) : AGAIN;
    if (result == AGAIN)
        result = write_some(writing);
    if (result == AGAIN || result == STREAM || writing->fd < 0)
        return result;
    int closed = tug_fs_close_written(writing->fd);
    writing->fd = -1;
    return result < 0 ? result : closed;
}

int tug_fs_write(const char *path, const void *data, size_t length)
{
    struct writing writing = {.path = path, .data = data, .length = length, .fd = -1};
    int64_t result;
    do
        result = tug_block_in_place(writing_trip, &writing);
    while (result == AGAIN);
    if (result == STREAM)
        result = tug_write_all(writing.fd, data, length);
    if (writing.fd >= 0) {
        int closed = tug_close(writing.fd);
        if (result >= 0)
            result = closed;
    }
    return result < 0 ? (int)result : 0;
}
