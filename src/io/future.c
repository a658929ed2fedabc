/* SPDX-License-Identifier: MIT */
/*
 * One call of a reader or writer as a future: each poll is one step, and cancelling needs no
 * agreement, since what is pending has lent nothing to anybody.
 */
#include <tug/io.h>

#include <sys/uio.h>

#include "sys/list.h"

int64_t tug_writer_poll_vectored(struct tug_writer *writer, const struct tug_waker *waker,
                                 const struct iovec *vector, int count)
{
    if (writer->vtable->poll_write_vectored != NULL)
        return writer->vtable->poll_write_vectored(writer, waker, vector, count);
    for (int i = 0; i < count; i++)
        if (vector[i].iov_len > 0)
            return tug_writer_poll(writer, waker, vector[i].iov_base, vector[i].iov_len);
    return 0;
}

/* A cancelled step is made once more: what can be done at this moment was not cancelled in time. */
static int io_future_poll(struct tug_future *future, const struct tug_waker *waker)
{
    struct tug_io_future *self = TUG_CONTAINER_OF(future, struct tug_io_future, future);
    int64_t result = self->step(self, waker);
    if (result == TUG_IO_PENDING) {
        if (!self->cancelled)
            return TUG_PENDING;
        result = -ECANCELED;
    }
    future->result = result;
    return TUG_READY;
}

static void io_future_cancel(struct tug_future *future)
{
    TUG_CONTAINER_OF(future, struct tug_io_future, future)->cancelled = true;
}

static const struct tug_future_vtable io_future_vtable = {
    .poll = io_future_poll,
    .cancel = io_future_cancel,
};

static int64_t read_step(struct tug_io_future *self, const struct tug_waker *waker)
{
    return tug_reader_poll(self->reader, waker, self->buffer, self->size);
}

static int64_t write_step(struct tug_io_future *self, const struct tug_waker *waker)
{
    return tug_writer_poll(self->writer, waker, self->data, self->size);
}

static int64_t write_vectored_step(struct tug_io_future *self, const struct tug_waker *waker)
{
    return tug_writer_poll_vectored(self->writer, waker, self->data, (int)self->size);
}

static int64_t flush_step(struct tug_io_future *self, const struct tug_waker *waker)
{
    return tug_writer_poll_flush(self->writer, waker);
}

static int64_t shutdown_step(struct tug_io_future *self, const struct tug_waker *waker)
{
    return tug_writer_poll_shutdown(self->writer, waker);
}

void tug_io_read_init(struct tug_io_future *io, struct tug_reader *reader, void *buffer,
                      size_t size)
{
    *io = (struct tug_io_future){
        .future = {&io_future_vtable, 0},
        .step = read_step,
        .reader = reader,
        .buffer = buffer,
        .size = size,
    };
}

static void init_for_writer(struct tug_io_future *io, struct tug_writer *writer,
                            int64_t (*step)(struct tug_io_future *, const struct tug_waker *),
                            const void *data, size_t size)
{
    *io = (struct tug_io_future){
        .future = {&io_future_vtable, 0},
        .step = step,
        .writer = writer,
        .data = data,
        .size = size,
    };
}

void tug_io_write_init(struct tug_io_future *io, struct tug_writer *writer, const void *buffer,
                       size_t size)
{
    init_for_writer(io, writer, write_step, buffer, size);
}

void tug_io_write_vectored_init(struct tug_io_future *io, struct tug_writer *writer,
                                const struct iovec *vector, int count)
{
    init_for_writer(io, writer, write_vectored_step, vector, (size_t)count);
}

void tug_io_flush_init(struct tug_io_future *io, struct tug_writer *writer)
{
    init_for_writer(io, writer, flush_step, NULL, 0);
}

void tug_io_shutdown_init(struct tug_io_future *io, struct tug_writer *writer)
{
    init_for_writer(io, writer, shutdown_step, NULL, 0);
}
