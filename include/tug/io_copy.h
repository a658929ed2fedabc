/* SPDX-License-Identifier: MIT */
/*
 * From a reader to a writer, until the end; and between two of each, in both directions at once.
 *
 * Reading and writing overlap: the buffer is filled while there is room in it, also while the
 * writer stalls, and written as soon as there is something. Before the copy waits for the reader it
 * flushes the writer, so that a peer that answers what it gets does not wait in vain. What was read
 * before an error of the reader is still written.
 *
 * Between streams (<tug/fd_stream.h>) on pipes and stream sockets the kernel moves the bytes by
 * splice(2), with the same results; a socket is in O_NONBLOCK mode from then on, until its stream
 * is released. So it does from a regular file to a pipe, as far as the file is in the page cache;
 * to a socket a file goes through memory: sendfile(2) is for who may wait for the disk.
 * What the kernel refuses to join is copied through memory, as is all else; from a reader that
 * lends its memory (<tug/bytes.h>) without a buffer in between.
 */
#ifndef TUG_IO_COPY_H
#define TUG_IO_COPY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tug/config.h>
#include <tug/io.h>

TUG_BEGIN_DECLS

/* The buffer of a copy unless the options say otherwise, in bytes. Measured between pipes and
 * between sockets (bench-io): about twice as fast as with 8 KiB, and hardly faster with more. */
#define TUG_IO_COPY_SIZE ((size_t)256 << 10)

struct tug_io_splice;

/* All zero is usual. */
struct tug_io_copy_options {
    size_t buffer_size; /* in bytes; 0: TUG_IO_COPY_SIZE */
    bool in_memory;     /* never by splice(2) */
    /* Called by the copying task after each write, with the number of bytes written so far. It must
     * not suspend. In a copy in both directions `direction` is 0 or 1. */
    void (*progress)(void *argument, int direction, uint64_t copied);
    void *argument;
};

/*
 * Copies until the reader ends, and flushes the writer, which is not shut down. `options` may be
 * NULL. Suspends; charged to the coop budget. Cancelling, or an error, loses what was in the
 * buffer, and the number of bytes (see struct tug_io_copy).
 * Returns the number of bytes copied; an error of reader or writer; -EIO: a write took nothing;
 * -ENOMEM.
 */
TUG_API int64_t tug_io_copy(struct tug_reader *reader, struct tug_writer *writer,
                            const struct tug_io_copy_options *options);

/*
 * A copy that can be interrupted and taken up again. `copied` is the number of bytes written. All
 * other members are private. It must not be moved.
 */
struct tug_io_copy {
    uint64_t copied;
    struct tug_reader *reader;
    struct tug_writer *writer;
    struct tug_io_copy_options options;
    unsigned char *buffer;
    size_t position, end; /* what was read and not written */
    int error;            /* of the reader, to be told when all is written */
    int direction;
    bool read_done, need_flush;
    struct tug_io_splice *splice; /* NULL: through the buffer */
};

/* Prepares a copy. Does not suspend. Returns 0; -ENOMEM. */
TUG_API int tug_io_copy_init(struct tug_io_copy *copy, struct tug_reader *reader,
                             struct tug_writer *writer, const struct tug_io_copy_options *options);

/* Goes on with it, to the end. Suspends. Cancelling loses nothing, nor does an error of the writer:
 * what was read and not written stays, call again. Returns as tug_io_copy(). */
TUG_API int64_t tug_io_copy_run(struct tug_io_copy *copy);

/* The same as a poll function, by the rules of <tug/io.h>. Returns TUG_IO_PENDING or as
 * tug_io_copy(). */
TUG_API int64_t tug_io_copy_poll(struct tug_io_copy *copy, const struct tug_waker *waker);

/* Frees the buffer; what is in it is lost. */
TUG_API void tug_io_copy_free(struct tug_io_copy *copy);

/* What is copied from and to: one side of a connection. */
struct tug_io_side {
    struct tug_reader *reader;
    struct tug_writer *writer;
};

/*
 * Copies from a to b and from b to a until both readers have ended. When one ends the writer it
 * went to is shut down, and the other direction goes on: half-closed, as a proxy has to.
 * Stores in copied[0] how many bytes were written to b, in copied[1] to a, whatever is returned;
 * `copied` and `options` may be NULL. Suspends; charged to the coop budget. Cancelling, or an error
 * of any of the four, ends both directions, and loses what was in the buffers.
 * Returns 0; the first error; -EIO: a write took nothing; -ENOMEM.
 */
TUG_API int tug_io_copy_bidirectional(const struct tug_io_side *a, const struct tug_io_side *b,
                                      const struct tug_io_copy_options *options,
                                      uint64_t copied[2]);

TUG_END_DECLS

#endif
