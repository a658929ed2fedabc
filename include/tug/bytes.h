/* SPDX-License-Identifier: MIT */
/*
 * Readers and writers of memory, and of nothing: what tests, parsers and formatters are given in
 * the place of a descriptor. None of them ever waits; they are not for two tasks at a time.
 */
#ifndef TUG_BYTES_H
#define TUG_BYTES_H

#include <stddef.h>
#include <stdint.h>

#include <tug/config.h>
#include <tug/io.h>

TUG_BEGIN_DECLS

/* Reads a block of memory, which must stay until the last call. */
struct tug_bytes_reader {
    struct tug_reader reader;
    const unsigned char *data;
    size_t length, position; /* bytes; `position` of them have been read */
};
TUG_API void tug_bytes_reader_init(struct tug_bytes_reader *self, const void *data, size_t length);

/* Writes into memory: `length` of `capacity` bytes at `data` have been written. When all is full a
 * write returns -ENOSPC. */
struct tug_bytes_writer {
    struct tug_writer writer;
    unsigned char *data;
    size_t length, capacity;
    size_t limit; /* up to which `data` is made larger; 0: it is the caller's */
};

/* Into a block of the caller's, of `capacity` bytes. */
TUG_API void tug_bytes_writer_init(struct tug_bytes_writer *self, void *data, size_t capacity);

/* Into a malloc'ed block that grows as needed, up to `limit` bytes. A write returns -ENOMEM when
 * memory is short. The caller takes the block over by setting `data` to NULL, to free() it later,
 * or gives it up with tug_bytes_writer_free(). */
TUG_API void tug_bytes_writer_init_growing(struct tug_bytes_writer *self, size_t limit);

/* Frees a growing block; it may be written to again. */
TUG_API void tug_bytes_writer_free(struct tug_bytes_writer *self);

/* Ready made: a reader that is at its end, and a writer that takes everything and keeps nothing.
 * Any number of tasks may use these two at once. */
TUG_API struct tug_reader *tug_io_empty(void);
TUG_API struct tug_writer *tug_io_sink(void);

/* Reads one byte over and over, without end. */
struct tug_repeat_reader {
    struct tug_reader reader;
    unsigned char byte;
};
TUG_API void tug_repeat_reader_init(struct tug_repeat_reader *self, unsigned char byte);

TUG_END_DECLS

#endif
