/* SPDX-License-Identifier: MIT */
/*
 * The calls of <tug/io.h> in direct style: a future on the stack, and the wait for it; and those
 * that go on until everything is moved.
 */
#include <tug/io.h>

#include <string.h>

#include "sys/call.h"

/* The first block of tug_io_read_to_end(), which doubles. */
#define FIRST_BLOCK ((size_t)16 << 10)

int64_t tug_io_read(struct tug_reader *reader, void *buffer, size_t size)
{
    struct tug_io_future io;
    tug_io_read_init(&io, reader, buffer, size);
    return tug_await(&io.future);
}

int64_t tug_io_write(struct tug_writer *writer, const void *buffer, size_t size)
{
    struct tug_io_future io;
    tug_io_write_init(&io, writer, buffer, size);
    return tug_await(&io.future);
}

int64_t tug_io_write_vectored(struct tug_writer *writer, const struct iovec *vector, int count)
{
    struct tug_io_future io;
    tug_io_write_vectored_init(&io, writer, vector, count);
    return tug_await(&io.future);
}

int tug_io_flush(struct tug_writer *writer)
{
    struct tug_io_future io;
    tug_io_flush_init(&io, writer);
    return (int)tug_await(&io.future);
}

int tug_io_shutdown(struct tug_writer *writer)
{
    struct tug_io_future io;
    tug_io_shutdown_init(&io, writer);
    return (int)tug_await(&io.future);
}

int64_t tug_io_read_exact(struct tug_reader *reader, void *buffer, size_t size)
{
    unsigned char *bytes = buffer;
    size_t moved = 0;
    while (moved < size) {
        int64_t n = tug_io_read(reader, bytes + moved, size - moved);
        if (n < 0)
            return n;
        if (n == 0)
            break;
        moved += (size_t)n;
    }
    return (int64_t)moved;
}

int64_t tug_io_write_all(struct tug_writer *writer, const void *buffer, size_t size)
{
    const unsigned char *bytes = buffer;
    size_t moved = 0;
    while (moved < size) {
        int64_t n = tug_io_write(writer, bytes + moved, size - moved);
        if (n < 0)
            return n;
        if (n == 0)
            return -EIO;
        moved += (size_t)n;
    }
    return (int64_t)moved;
}

/* What is read to its end: `capacity` has room for a zero byte behind the contents. */
struct block {
    unsigned char *data;
    size_t length, capacity;
};

static int grow(struct block *block)
{
    size_t capacity = block->capacity == 0 ? FIRST_BLOCK : 2 * block->capacity;
    if (capacity < block->capacity)
        return -ENOMEM;
    void *data = tug_sys_realloc(block->data, capacity);
    if (data == NULL)
        return -ENOMEM;
    block->data = data;
    block->capacity = capacity;
    return 0;
}

/* One byte more than `limit` is asked for, since only the byte after the last shows an excess. */
static int64_t read_into(struct block *block, struct tug_reader *reader, size_t limit)
{
    for (;;) {
        if (block->capacity - block->length <= 1) {
            int error = grow(block);
            if (error < 0)
                return error;
        }
        size_t room = block->capacity - block->length - 1;
        size_t wanted = limit - block->length;
        size_t size = wanted < room ? wanted + 1 : room;
        int64_t n = tug_io_read(reader, block->data + block->length, size);
        if (n <= 0)
            return n;
        if ((size_t)n > wanted)
            return -EFBIG;
        block->length += (size_t)n;
    }
}

int64_t tug_io_read_to_end(struct tug_reader *reader, void **data, size_t limit)
{
    struct block block = {NULL, 0, 0};
    int64_t result = read_into(&block, reader, limit);
    if (result < 0) {
        tug_sys_free(block.data);
        return result;
    }
    block.data[block.length] = 0;
    *data = block.data;
    return (int64_t)block.length;
}
