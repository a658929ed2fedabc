/* SPDX-License-Identifier: MIT */
/*
 * Readers and writers that have all there is at hand. They never wait for anything but the coop
 * budget: without that a loop over one of them would keep its worker to itself.
 */
#include <tug/bytes.h>

#include <errno.h>
#include <string.h>
#include <sys/uio.h>

#include <tug/coop.h>

#include "sys/call.h"
#include "sys/list.h"

#define FIRST_CAPACITY 512

/* ---- A block that is read ---- */

static int64_t bytes_read(struct tug_reader *reader, const struct tug_waker *waker, void *buffer,
                          size_t size)
{
    struct tug_bytes_reader *self = TUG_CONTAINER_OF(reader, struct tug_bytes_reader, reader);
    if (tug_coop_poll(waker) == TUG_PENDING)
        return TUG_IO_PENDING;
    size_t left = self->length - self->position;
    size_t n = size < left ? size : left;
    if (n > 0)
        memcpy(buffer, self->data + self->position, n);
    self->position += n;
    return (int64_t)n;
}

static int64_t bytes_lend(struct tug_reader *reader, const struct tug_waker *waker,
                          const void **data)
{
    struct tug_bytes_reader *self = TUG_CONTAINER_OF(reader, struct tug_bytes_reader, reader);
    if (tug_coop_poll(waker) == TUG_PENDING)
        return TUG_IO_PENDING;
    *data = self->data + self->position;
    return (int64_t)(self->length - self->position);
}

static void bytes_consume(struct tug_reader *reader, size_t size)
{
    TUG_CONTAINER_OF(reader, struct tug_bytes_reader, reader)->position += size;
}

static const struct tug_reader_vtable bytes_reader_vtable = {
    .poll_read = bytes_read,
    .poll_lend = bytes_lend,
    .consume = bytes_consume,
};

void tug_bytes_reader_init(struct tug_bytes_reader *self, const void *data, size_t length)
{
    *self =
        (struct tug_bytes_reader){.reader = {&bytes_reader_vtable}, .data = data, .length = length};
}

/* ---- A block that is written ---- */

/* Makes room for `size` bytes more, as far as the limit lets it. */
static int make_room(struct tug_bytes_writer *self, size_t size)
{
    size_t wanted = self->limit - self->length < size ? self->limit : self->length + size;
    size_t capacity = self->capacity == 0 ? FIRST_CAPACITY : self->capacity;
    while (capacity < wanted)
        capacity = capacity > SIZE_MAX / 2 ? wanted : 2 * capacity;
    if (capacity > self->limit)
        capacity = self->limit;
    if (capacity <= self->capacity)
        return 0;
    void *data = tug_sys_realloc(self->data, capacity);
    if (data == NULL)
        return -ENOMEM;
    self->data = data;
    self->capacity = capacity;
    return 0;
}

static int64_t bytes_write(struct tug_writer *writer, const struct tug_waker *waker,
                           const void *buffer, size_t size)
{
    struct tug_bytes_writer *self = TUG_CONTAINER_OF(writer, struct tug_bytes_writer, writer);
    if (tug_coop_poll(waker) == TUG_PENDING)
        return TUG_IO_PENDING;
    if (size == 0)
        return 0;
    int error = self->limit > 0 ? make_room(self, size) : 0;
    if (error < 0)
        return error;
    size_t room = self->capacity - self->length;
    size_t n = size < room ? size : room;
    if (n == 0)
        return -ENOSPC;
    memcpy(self->data + self->length, buffer, n);
    self->length += n;
    return (int64_t)n;
}

static const struct tug_writer_vtable bytes_writer_vtable = {.poll_write = bytes_write};

void tug_bytes_writer_init(struct tug_bytes_writer *self, void *data, size_t capacity)
{
    *self = (struct tug_bytes_writer){
        .writer = {&bytes_writer_vtable}, .data = data, .capacity = capacity};
}

void tug_bytes_writer_init_growing(struct tug_bytes_writer *self, size_t limit)
{
    *self = (struct tug_bytes_writer){.writer = {&bytes_writer_vtable}, .limit = limit};
}

void tug_bytes_writer_free(struct tug_bytes_writer *self)
{
    if (self->limit > 0)
        tug_sys_free(self->data);
    self->data = NULL;
    self->length = 0;
    self->capacity = 0;
}

/* ---- Nothing, and one byte ---- */

static int64_t empty_read(struct tug_reader *reader, const struct tug_waker *waker, void *buffer,
                          size_t size)
{
    (void)reader, (void)buffer, (void)size;
    return tug_coop_poll(waker) == TUG_PENDING ? TUG_IO_PENDING : 0;
}

struct tug_reader *tug_io_empty(void)
{
    static const struct tug_reader_vtable vtable = {.poll_read = empty_read};
    static struct tug_reader empty = {&vtable};
    return &empty;
}

static int64_t sink_write(struct tug_writer *writer, const struct tug_waker *waker,
                          const void *buffer, size_t size)
{
    (void)writer, (void)buffer;
    return tug_coop_poll(waker) == TUG_PENDING ? TUG_IO_PENDING : (int64_t)size;
}

struct tug_writer *tug_io_sink(void)
{
    static const struct tug_writer_vtable vtable = {.poll_write = sink_write};
    static struct tug_writer sink = {&vtable};
    return &sink;
}

static int64_t repeat_read(struct tug_reader *reader, const struct tug_waker *waker, void *buffer,
                           size_t size)
{
    struct tug_repeat_reader *self = TUG_CONTAINER_OF(reader, struct tug_repeat_reader, reader);
    if (tug_coop_poll(waker) == TUG_PENDING)
        return TUG_IO_PENDING;
    if (size > 0)
        memset(buffer, self->byte, size);
    return (int64_t)size;
}

static const struct tug_reader_vtable repeat_vtable = {.poll_read = repeat_read};

void tug_repeat_reader_init(struct tug_repeat_reader *self, unsigned char byte)
{
    *self = (struct tug_repeat_reader){.reader = {&repeat_vtable}, .byte = byte};
}
