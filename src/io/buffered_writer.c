/* SPDX-License-Identifier: MIT */
/*
 * A writer with a buffer.
 *
 * Invariants: the bytes from `start` to `end` were taken and not written; start <= end <= capacity.
 * They leave in the order in which they came: nothing goes past the buffer unless it is empty. A
 * call takes bytes only when it is about to return their number, so a call that is pending has
 * taken none.
 */
#include <tug/buffered.h>

#include <errno.h>
#include <string.h>
#include <sys/uio.h>

#include "sys/call.h"
#include "sys/list.h"

static struct tug_buffered_writer *self_of(struct tug_writer *writer)
{
    return TUG_CONTAINER_OF(writer, struct tug_buffered_writer, writer);
}

/* Writes all there is in the buffer. Returns 0, TUG_IO_PENDING or an error. */
static int write_out(struct tug_buffered_writer *self, const struct tug_waker *waker)
{
    while (self->start < self->end) {
        int64_t n = tug_writer_poll(self->inner, waker, self->buffer + self->start,
                                    self->end - self->start);
        if (n < 0)
            return (int)n;
        if (n == 0)
            return -EIO;
        self->start += (size_t)n;
    }
    self->start = self->end = 0;
    return 0;
}

static void collect(struct tug_buffered_writer *self, const void *data, size_t size)
{
    if (size > 0)
        memcpy(self->buffer + self->end, data, size);
    self->end += size;
}

/* Whether `size` bytes are to be collected; else the buffer is empty. TUG_IO_PENDING or an error if
 * it could not be emptied. */
static int prepare(struct tug_buffered_writer *self, const struct tug_waker *waker, size_t size)
{
    if (size < self->capacity && size <= self->capacity - self->end)
        return 1;
    int error = write_out(self, waker);
    return error < 0 ? error : size < self->capacity;
}

static int64_t buffered_write(struct tug_writer *writer, const struct tug_waker *waker,
                              const void *buffer, size_t size)
{
    struct tug_buffered_writer *self = self_of(writer);
    int collected = prepare(self, waker, size);
    if (collected < 0)
        return collected;
    if (!collected)
        return tug_writer_poll(self->inner, waker, buffer, size);
    collect(self, buffer, size);
    return (int64_t)size;
}

static size_t total_of(const struct iovec *vector, int count)
{
    size_t total = 0;
    for (int i = 0; i < count; i++)
        total = vector[i].iov_len > SIZE_MAX - total ? SIZE_MAX : total + vector[i].iov_len;
    return total;
}

static int64_t buffered_write_vectored(struct tug_writer *writer, const struct tug_waker *waker,
                                       const struct iovec *vector, int count)
{
    struct tug_buffered_writer *self = self_of(writer);
    size_t total = total_of(vector, count);
    int collected = prepare(self, waker, total);
    if (collected < 0)
        return collected;
    if (!collected)
        return tug_writer_poll_vectored(self->inner, waker, vector, count);
    for (int i = 0; i < count; i++)
        collect(self, vector[i].iov_base, vector[i].iov_len);
    return (int64_t)total;
}

static int buffered_flush(struct tug_writer *writer, const struct tug_waker *waker)
{
    struct tug_buffered_writer *self = self_of(writer);
    int error = write_out(self, waker);
    return error < 0 ? error : tug_writer_poll_flush(self->inner, waker);
}

static int buffered_shutdown(struct tug_writer *writer, const struct tug_waker *waker)
{
    struct tug_buffered_writer *self = self_of(writer);
    int error = write_out(self, waker);
    return error < 0 ? error : tug_writer_poll_shutdown(self->inner, waker);
}

static const struct tug_writer_vtable buffered_vtable = {
    .poll_write = buffered_write,
    .poll_write_vectored = buffered_write_vectored,
    .poll_flush = buffered_flush,
    .poll_shutdown = buffered_shutdown,
};

int tug_buffered_writer_init(struct tug_buffered_writer *self, struct tug_writer *inner,
                             size_t size)
{
    size_t capacity = size > 0 ? size : TUG_BUFFER_SIZE;
    *self = (struct tug_buffered_writer){
        .writer = {&buffered_vtable},
        .inner = inner,
        .buffer = tug_sys_malloc(capacity),
        .capacity = capacity,
    };
    return self->buffer != NULL ? 0 : -ENOMEM;
}

void tug_buffered_writer_free(struct tug_buffered_writer *self)
{
    tug_sys_free(self->buffer);
    self->buffer = NULL;
    self->start = self->end = self->capacity = 0;
}

size_t tug_buffered_writer_pending(const struct tug_buffered_writer *self)
{
    return self->end - self->start;
}
