/* SPDX-License-Identifier: MIT */
/*
 * Buffers between a program that reads and writes a little at a time and a reader or writer for
 * which each call is a system call.
 *
 * Neither owns what is below it. Each is for one task at a time, and must not be moved.
 */
#ifndef TUG_BUFFERED_H
#define TUG_BUFFERED_H

#include <stddef.h>
#include <stdint.h>

#include <tug/config.h>
#include <tug/io.h>

TUG_BEGIN_DECLS

/* What tug_buffered_reader_init() and tug_buffered_writer_init() take for 0. */
#define TUG_BUFFER_SIZE 8192

/*
 * A reader with a buffer: `reader` reads through it, and past it when it is empty and as much as
 * its size is asked for. Whoever goes on below it misses what is in the buffer. Members other than
 * `reader` are private.
 */
struct tug_buffered_reader {
    struct tug_reader reader;
    struct tug_reader *inner;
    unsigned char *buffer;
    size_t capacity, start, end;
};

/* `size` of the buffer in bytes, 0: TUG_BUFFER_SIZE. Does not suspend. Returns 0; -ENOMEM. */
TUG_API int tug_buffered_reader_init(struct tug_buffered_reader *self, struct tug_reader *inner,
                                     size_t size);
TUG_API void tug_buffered_reader_free(struct tug_buffered_reader *self);

/*
 * Reads until at least `wanted` bytes (1 or more) are in the buffer or the end has come, and stores
 * where they begin. They stay there until tug_buffered_consume() takes them out: this is a look
 * ahead. The pointer is valid up to the next call that reads. Suspends; not if there are enough.
 * Cancelling loses nothing. Returns how many there are, less than `wanted` only at the end; an
 * error of the reader; -ENOMEM: the buffer is smaller, and cannot be made larger.
 */
TUG_API int64_t tug_buffered_fill(struct tug_buffered_reader *self, size_t wanted,
                                  const void **data);

/* Takes `count` bytes out, of those that tug_buffered_fill() has returned. */
TUG_API void tug_buffered_consume(struct tug_buffered_reader *self, size_t count);

/*
 * Reads up to and with the byte `delimiter`, or to the end. Stores where the bytes begin; they are
 * valid up to the next call. The buffer grows as needed. Suspends; cancelling loses nothing.
 * Returns the number of bytes, with the delimiter unless the end came first; 0 at the end;
 * -EMSGSIZE: there are more than `limit` bytes, which stay in the buffer; an error of the reader,
 * -ENOMEM: what was read stays there as well.
 */
TUG_API int64_t tug_buffered_read_until(struct tug_buffered_reader *self, unsigned char delimiter,
                                        size_t limit, const void **data);

/*
 * Reads one line. Stores it without its end, "\n" or "\r\n", and with a zero byte behind it, valid
 * up to the next call; and its length, unless `length` is NULL. The last line need not have an end.
 * Suspends; cancelling loses nothing.
 * Returns 1; 0 at the end; -EMSGSIZE: it has more than `limit` bytes, which stay in the buffer; an
 * error of the reader, -ENOMEM: what was read stays there as well.
 */
TUG_API int tug_buffered_read_line(struct tug_buffered_reader *self, size_t limit, char **line,
                                   size_t *length);

/* The same as a poll function, by the rules of <tug/io.h>: returns TUG_IO_PENDING in place of
 * suspending. Does not suspend. */
TUG_API int tug_buffered_poll_line(struct tug_buffered_reader *self, const struct tug_waker *waker,
                                   size_t limit, char **line, size_t *length);

/*
 * A writer with a buffer. What is smaller than that is collected, and written when it is full, by
 * tug_io_flush() or by tug_io_shutdown(); what is not goes past it. Errors of what was collected
 * are told by the call that has it written, and what was not written stays in the buffer, also when
 * that call is cancelled. Members other than `writer` are private.
 */
struct tug_buffered_writer {
    struct tug_writer writer;
    struct tug_writer *inner;
    unsigned char *buffer;
    size_t capacity, start, end;
};

/* As for readers. tug_buffered_writer_free() writes nothing: flush first. */
TUG_API int tug_buffered_writer_init(struct tug_buffered_writer *self, struct tug_writer *inner,
                                     size_t size);
TUG_API void tug_buffered_writer_free(struct tug_buffered_writer *self);

/* The number of bytes that were taken and not written yet. */
TUG_API size_t tug_buffered_writer_pending(const struct tug_buffered_writer *self);

TUG_END_DECLS

#endif
