/* SPDX-License-Identifier: MIT */
/*
 * A reader with a buffer.
 *
 * Invariants: the bytes from `start` to `end` have been read and not been given to anybody; start
 * <= end <= capacity; the memory has one byte more than `capacity`, for the zero behind a last line
 * without an end. All that waits is a read into the room after `end`, so whoever is cancelled
 * leaves everything as it was.
 */
#include <tug/buffered.h>

#include <errno.h>
#include <string.h>

#include "sys/call.h"
#include "sys/list.h"

static size_t available(const struct tug_buffered_reader *self)
{
    return self->end - self->start;
}

static void consume(struct tug_buffered_reader *self, size_t count)
{
    self->start += count;
    if (self->start == self->end)
        self->start = self->end = 0;
}

static int64_t buffered_read(struct tug_reader *reader, const struct tug_waker *waker, void *buffer,
                             size_t size)
{
    struct tug_buffered_reader *self = TUG_CONTAINER_OF(reader, struct tug_buffered_reader, reader);
    if (size == 0)
        return 0;
    if (available(self) == 0) {
        if (size >= self->capacity)
            return tug_reader_poll(self->inner, waker, buffer, size);
        int64_t n = tug_reader_poll(self->inner, waker, self->buffer, self->capacity);
        if (n <= 0)
            return n;
        self->start = 0;
        self->end = (size_t)n;
    }
    size_t n = size < available(self) ? size : available(self);
    memcpy(buffer, self->buffer + self->start, n);
    consume(self, n);
    return (int64_t)n;
}

static const struct tug_reader_vtable buffered_vtable = {.poll_read = buffered_read};

int tug_buffered_reader_init(struct tug_buffered_reader *self, struct tug_reader *inner,
                             size_t size)
{
    size_t capacity = size > 0 ? size : TUG_BUFFER_SIZE;
    *self = (struct tug_buffered_reader){
        .reader = {&buffered_vtable}, .inner = inner, .capacity = capacity};
    self->buffer = capacity < SIZE_MAX ? tug_sys_malloc(capacity + 1) : NULL;
    return self->buffer != NULL ? 0 : -ENOMEM;
}

void tug_buffered_reader_free(struct tug_buffered_reader *self)
{
    tug_sys_free(self->buffer);
    self->buffer = NULL;
    self->start = self->end = self->capacity = 0;
}

/* ---- More bytes into the buffer ---- */

/* Makes room after `end`, for `wanted` bytes from `start` on at least. */
static int make_room(struct tug_buffered_reader *self, size_t wanted)
{
    if (self->start > 0 && (self->end == self->capacity || self->capacity - self->start < wanted)) {
        memmove(self->buffer, self->buffer + self->start, available(self));
        self->end -= self->start;
        self->start = 0;
    }
    if (self->capacity - self->start >= wanted && self->end < self->capacity)
        return 0;
    size_t capacity = self->capacity < SIZE_MAX / 2 ? 2 * self->capacity : SIZE_MAX - 1;
    if (capacity < wanted)
        capacity = wanted;
    void *buffer = capacity < SIZE_MAX ? tug_sys_realloc(self->buffer, capacity + 1) : NULL;
    if (buffer == NULL)
        return -ENOMEM;
    self->buffer = buffer;
    self->capacity = capacity;
    return 0;
}

/* One read, or one poll for `waker` unless that is NULL. Returns the number of bytes, 0 at the end,
 * or an error. */
static int64_t read_more(struct tug_buffered_reader *self, const struct tug_waker *waker,
                         size_t wanted)
{
    int error = make_room(self, wanted);
    if (error < 0)
        return error;
    void *room = self->buffer + self->end;
    size_t size = self->capacity - self->end;
    int64_t n = waker != NULL ? tug_reader_poll(self->inner, waker, room, size)
                              : tug_io_read(self->inner, room, size);
    if (n > 0)
        self->end += (size_t)n;
    return n;
}

int64_t tug_buffered_fill(struct tug_buffered_reader *self, size_t wanted, const void **data)
{
    while (available(self) < wanted) {
        int64_t n = read_more(self, NULL, wanted);
        if (n < 0)
            return n;
        if (n == 0)
            break;
    }
    *data = self->buffer + self->start;
    return (int64_t)available(self);
}

void tug_buffered_consume(struct tug_buffered_reader *self, size_t count)
{
    consume(self, count < available(self) ? count : available(self));
}

/* ---- Up to a byte ---- */

/* Reads until `delimiter` is in the buffer, and returns the number of bytes up to and with it; 0:
 * the end comes before it; -EMSGSIZE: it is not among the first `limit` + 1 bytes. */
static int64_t find(struct tug_buffered_reader *self, const struct tug_waker *waker,
                    unsigned char delimiter, size_t limit)
{
    size_t scanned = 0;
    for (;;) {
        const unsigned char *first = self->buffer + self->start;
        const unsigned char *found = memchr(first + scanned, delimiter, available(self) - scanned);
        if (found != NULL)
            return found - first + 1;
        scanned = available(self);
        if (scanned > limit)
            return -EMSGSIZE;
        int64_t n = read_more(self, waker, 1);
        if (n <= 0)
            return n;
    }
}

int64_t tug_buffered_read_until(struct tug_buffered_reader *self, unsigned char delimiter,
                                size_t limit, const void **data)
{
    int64_t length = find(self, NULL, delimiter, limit);
    if (length < 0)
        return length;
    if (length == 0)
        length = (int64_t)available(self);
    if ((uint64_t)length > limit)
        return -EMSGSIZE;
    *data = self->buffer + self->start;
    consume(self, (size_t)length);
    return length;
}

static int read_line(struct tug_buffered_reader *self, const struct tug_waker *waker, size_t limit,
                     char **line, size_t *length)
{
    size_t with_end = limit < SIZE_MAX - 2 ? limit + 2 : SIZE_MAX;
    int64_t found = find(self, waker, '\n', with_end);
    if (found < 0)
        return (int)found;
    size_t taken = found > 0 ? (size_t)found : available(self);
    if (taken == 0)
        return 0;
    char *text = (char *)self->buffer + self->start;
    size_t n = found > 0 ? taken - 1 : taken;
    if (found > 0 && n > 0 && text[n - 1] == '\r')
        n--;
    if (n > limit)
        return -EMSGSIZE;
    consume(self, taken);
    text[n] = '\0';
    *line = text;
    if (length != NULL)
        *length = n;
    return 1;
}

int tug_buffered_read_line(struct tug_buffered_reader *self, size_t limit, char **line,
                           size_t *length)
{
    return read_line(self, NULL, limit, line, length);
}

int tug_buffered_poll_line(struct tug_buffered_reader *self, const struct tug_waker *waker,
                           size_t limit, char **line, size_t *length)
{
    return read_line(self, waker, limit, line, length);
}
