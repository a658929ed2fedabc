/* SPDX-License-Identifier: MIT */
/*
 * Readers and writers: whatever bytes come from, and whatever they go to, behind two small vtables
 * (Tokio's AsyncRead and AsyncWrite). A struct tug_reader or struct tug_writer is embedded in the
 * object that has the behaviour, such as a struct tug_fd_stream (a descriptor), a struct tug_duplex
 * (a pipe in memory) or one of your own:
 *
 *     int64_t n = tug_io_read(&stream.reader, buffer, sizeof buffer);
 *
 * Who implements one keeps the rules of <tug/future.h>:
 *
 *  1. A poll function never blocks. It returns TUG_IO_PENDING if it could do nothing yet, and has
 *     then moved no byte; else what the function below of the same name returns.
 *  2. Before it returns TUG_IO_PENDING it has arranged for the waker of the most recent poll to be
 *     woken when polling again is worth while. Spurious polls are allowed, lost wakes are not. The
 *     waker is borrowed: it is kept as a clone.
 *  3. Nobody has to poll again. After TUG_IO_PENDING the reader or writer holds nothing of the
 *     caller's but the clone: the memory it was given is not lent to it. (What lends memory to the
 *     kernel is a struct tug_op.)
 *
 * A leaf, which is neither made of other readers nor of other writers, charges a unit of the coop
 * budget for each call that makes progress (tug_coop_poll()).
 *
 * A reader is polled by one task at a time, and so is a writer. The two of one object may be polled
 * by two tasks at once unless the object's comment says otherwise.
 */
#ifndef TUG_IO_H
#define TUG_IO_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tug/config.h>
#include <tug/future.h>

struct iovec;

TUG_BEGIN_DECLS

/* Not yet: what POSIX says of a descriptor in O_NONBLOCK mode. Returned by poll functions only. */
#define TUG_IO_PENDING (-EAGAIN)

struct tug_reader;
struct tug_writer;

struct tug_reader_vtable {
    /* Reads at most `size` bytes. Returns their number, 0 at the end or if `size` is 0. */
    int64_t (*poll_read)(struct tug_reader *self, const struct tug_waker *waker, void *buffer,
                         size_t size);
    /* Both or neither, of readers that have what comes next in memory: lends it in the place of
     * copying it. `poll_lend` stores where it is, and returns its length, 0 at the end; it is lent
     * until the next call on the reader. `consume` takes the first `size` bytes of it, at most what
     * was lent, as read. Both NULL: there is nothing to be lent. */
    int64_t (*poll_lend)(struct tug_reader *self, const struct tug_waker *waker, const void **data);
    void (*consume)(struct tug_reader *self, size_t size);
};

struct tug_writer_vtable {
    /* Takes at most `size` bytes. Returns their number, which is 0 only if `size` is. */
    int64_t (*poll_write)(struct tug_writer *self, const struct tug_waker *waker,
                          const void *buffer, size_t size);
    /* The same from several buffers. NULL: the first that is not empty goes to poll_write. */
    int64_t (*poll_write_vectored)(struct tug_writer *self, const struct tug_waker *waker,
                                   const struct iovec *vector, int count);
    /* Has all that was taken reach its destination. Returns 0. NULL: it always has. */
    int (*poll_flush)(struct tug_writer *self, const struct tug_waker *waker);
    /* Flushes, then ends the writer's side: the other side reads to the end. Returns 0, also when
     * it has been done before. NULL: there is no other side to be told. */
    int (*poll_shutdown)(struct tug_writer *self, const struct tug_waker *waker);
};

struct tug_reader {
    const struct tug_reader_vtable *vtable;
};

struct tug_writer {
    const struct tug_writer_vtable *vtable;
};

/*
 * The poll functions as calls, for readers and writers that are made of others. Do not suspend.
 * Return TUG_IO_PENDING or as the calls below; -EIO if more than `size` bytes are said to have been
 * moved, so that nobody who relies on the number leaves his buffer.
 */
static inline int64_t tug_io_check_moved(int64_t moved, size_t size)
{
    return moved > 0 && (uint64_t)moved > size ? -EIO : moved;
}

static inline int64_t tug_reader_poll(struct tug_reader *reader, const struct tug_waker *waker,
                                      void *buffer, size_t size)
{
    return tug_io_check_moved(reader->vtable->poll_read(reader, waker, buffer, size), size);
}

static inline int64_t tug_writer_poll(struct tug_writer *writer, const struct tug_waker *waker,
                                      const void *buffer, size_t size)
{
    return tug_io_check_moved(writer->vtable->poll_write(writer, waker, buffer, size), size);
}

TUG_API int64_t tug_writer_poll_vectored(struct tug_writer *writer, const struct tug_waker *waker,
                                         const struct iovec *vector, int count);

static inline int tug_writer_poll_flush(struct tug_writer *writer, const struct tug_waker *waker)
{
    return writer->vtable->poll_flush != NULL ? writer->vtable->poll_flush(writer, waker) : 0;
}

static inline int tug_writer_poll_shutdown(struct tug_writer *writer, const struct tug_waker *waker)
{
    if (writer->vtable->poll_shutdown != NULL)
        return writer->vtable->poll_shutdown(writer, waker);
    return tug_writer_poll_flush(writer, waker);
}

/*
 * In direct style. Each suspends the calling coroutine until it has a result.
 *
 * What holds for every call here, beyond its own comment:
 *  - Returns >= 0, or a negative errno of the reader or writer.
 *  - -ECANCELED or -ETIMEDOUT: the scope around the call was cancelled.
 *  - -EPERM: the caller is not a coroutine.
 */

/* Reads what there is, at most `size` bytes. Returns the number of bytes, 0 at the end. Cancelling
 * loses nothing. */
TUG_API int64_t tug_io_read(struct tug_reader *reader, void *buffer, size_t size);

/* Reads until there are `size` bytes or the end comes. Returns their number, less than `size` only
 * at the end. Cancelling, or an error, loses the number of those read before. */
TUG_API int64_t tug_io_read_exact(struct tug_reader *reader, void *buffer, size_t size);

/* Reads to the end, at most `limit` bytes. Stores a malloc'ed block in `*data` (the caller frees it
 * with free(); one zero byte follows the contents). Returns the length; -EFBIG: there are more than
 * `limit` bytes; -ENOMEM. Cancelling, or an error, loses what was read before. */
TUG_API int64_t tug_io_read_to_end(struct tug_reader *reader, void **data, size_t limit);

/* Writes at most `size` bytes. Returns the number of those taken, which may be less; 0 only if
 * `size` is. Cancelling loses nothing, unless the writer's comment says otherwise. */
TUG_API int64_t tug_io_write(struct tug_writer *writer, const void *buffer, size_t size);

/* The same from `count` buffers, in their order. */
TUG_API int64_t tug_io_write_vectored(struct tug_writer *writer, const struct iovec *vector,
                                      int count);

/* Writes until all `size` bytes are taken. Returns `size`; -EIO: a write took nothing. Cancelling,
 * or an error, loses the number of those taken before. */
TUG_API int64_t tug_io_write_all(struct tug_writer *writer, const void *buffer, size_t size);

/* Waits until all that was taken has reached its destination (which for a descriptor is the
 * kernel). Returns 0. Cancelling loses nothing: call again. */
TUG_API int tug_io_flush(struct tug_writer *writer);

/* Flushes, and ends the writer's side. Returns 0, also when it has been ended before. Cancelling
 * loses nothing: call again. */
TUG_API int tug_io_shutdown(struct tug_writer *writer);

/*
 * One call as a future, for tug_select() and the like. All members but `future` are private. The
 * init functions start nothing; buffer and vector are the future's until it is ready. The result is
 * that of the call. A future that was cancelled and is ready with -ECANCELED has lost what the call
 * would have.
 */
struct tug_io_future {
    struct tug_future future;
    int64_t (*step)(struct tug_io_future *self, const struct tug_waker *waker);
    union {
        struct tug_reader *reader;
        struct tug_writer *writer;
    };
    union {
        void *buffer;
        const void *data;
    };
    size_t size;
    bool cancelled;
};

TUG_API void tug_io_read_init(struct tug_io_future *io, struct tug_reader *reader, void *buffer,
                              size_t size);
TUG_API void tug_io_write_init(struct tug_io_future *io, struct tug_writer *writer,
                               const void *buffer, size_t size);
TUG_API void tug_io_write_vectored_init(struct tug_io_future *io, struct tug_writer *writer,
                                        const struct iovec *vector, int count);
TUG_API void tug_io_flush_init(struct tug_io_future *io, struct tug_writer *writer);
TUG_API void tug_io_shutdown_init(struct tug_io_future *io, struct tug_writer *writer);

TUG_END_DECLS

#endif
