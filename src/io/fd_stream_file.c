/* SPDX-License-Identifier: MIT */
/*
 * Streams on files, whose operations cannot be waited for beforehand: tried first without blocking,
 * into or out of the caller's own memory; then an operation of the driver with a copy, since what
 * is pending has nothing of the caller's.
 *
 * Invariants:
 *  - At most one operation at a time, at the file's own position; `activity` says which. It is
 *    started by one call and may be brought to its end by another.
 *  - `unread` bytes from `read_start` on were read for a call that was cancelled, or for less than
 *    was asked for, and belong to the next reads; the file's position is behind them. What writes
 *    or seeks goes back by as much, if the file can.
 *  - A stream with `readiness` is of something that has to wait, but is in blocking mode and cannot
 *    be taken out of it. An operation is started only when poll(2) says that it will not wait, so
 *    that a thread of the pool is not kept, and a cancelled read has not begun.
 *  - While a write is under way `write_data` holds its `write_size` bytes. The call that finds it
 *    ended takes the result over only if it was given the same bytes.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <tug/coop.h>
#include <tug/op.h>

#include "driver/driver.h"
#include "driver/op_table.h"
#include "io/fd_stream.h"
#include "sys/call.h"
#include "sys/list.h"

/* Of each of the two buffers. With io_uring a larger operation costs less per byte; above this it
 * does not matter any more. */
#define BUFFER_SIZE ((size_t)256 << 10)

enum activity { IDLE, READING, WRITING };

struct tug_fd_stream_file {
    struct tug_op op;
    enum activity activity;
    unsigned char *read_data, *write_data;
    size_t read_start, unread, write_size;
};

static size_t at_most_buffer(size_t size)
{
    return size < BUFFER_SIZE ? size : BUFFER_SIZE;
}

/* poll(2) calls a pipe writable when a page fits in; more might block the thread. */
#define PIPE_ROOM ((size_t)4096)

/* -EAGAIN, from the blocking pool, means that no thread could be had. */
static int64_t result_of(const struct tug_op *op)
{
    return op->future.result == -EAGAIN ? -ENOMEM : op->future.result;
}

static bool would_block(int64_t result)
{
    return result == -EAGAIN || result == -EOPNOTSUPP;
}

static int need_buffer(unsigned char **data)
{
    if (*data == NULL)
        *data = tug_sys_malloc(BUFFER_SIZE);
    return *data != NULL ? 0 : -ENOMEM;
}

enum { START, TRY_AGAIN };

/* What to do after an attempt that would block: START an operation, TRY_AGAIN since it is ready by
 * now, TUG_IO_PENDING, or an error. */
static int after_attempt(struct tug_fd_stream *stream, enum tug_interest interest,
                         const struct tug_waker *waker, int64_t attempt)
{
    if (stream->readiness == NULL)
        return START;
    if (attempt == -EAGAIN)
        tug_async_fd_clear(stream->readiness, interest);
    int events = tug_async_fd_poll(stream->readiness, interest, waker);
    if (events < 0)
        return events;
    if (attempt == -EAGAIN)
        return TRY_AGAIN;
    tug_async_fd_clear(stream->readiness, interest);
    return START;
}

/* Brings the operation to its end, and stores its result. Returns 0 or TUG_IO_PENDING. */
static int finish(struct tug_fd_stream_file *file, const struct tug_waker *waker, int64_t *result)
{
    if (tug_op_drive(&file->op, waker) == TUG_PENDING)
        return TUG_IO_PENDING;
    *result = result_of(&file->op);
    if (file->activity == READING && *result > 0) {
        file->read_start = 0;
        file->unread = (size_t)*result;
    }
    file->activity = IDLE;
    return 0;
}

/* Brings to its end what nobody asks for any more. Returns 0, TUG_IO_PENDING, or the error of a
 * write, which belongs to nobody else. */
static int64_t settle(struct tug_fd_stream_file *file, const struct tug_waker *waker)
{
    int64_t result;
    enum activity activity = file->activity;
    if (activity == IDLE)
        return 0;
    int pending = finish(file, waker, &result);
    if (pending < 0)
        return pending;
    return activity == WRITING && result < 0 ? result : 0;
}

/* ---- Reading ---- */

static int64_t give(struct tug_fd_stream_file *file, void *buffer, size_t size)
{
    size_t n = size < file->unread ? size : file->unread;
    memcpy(buffer, file->read_data + file->read_start, n);
    file->read_start += n;
    file->unread -= n;
    return (int64_t)n;
}

static int64_t attempt_read(int fd, void *buffer, size_t size)
{
    struct tug_op op;
    tug_op_read(&op, fd, buffer, size, TUG_CURRENT_POSITION);
    return tug_attempt_read(&op);
}

/* Reads at once, or starts an operation, and says so. */
static int64_t start_read(struct tug_fd_stream *stream, const struct tug_waker *waker, void *buffer,
                          size_t size, bool *started)
{
    struct tug_fd_stream_file *file = stream->file;
    int64_t result = attempt_read(stream->fd, buffer, size);
    if (!would_block(result))
        return result;
    int next = after_attempt(stream, TUG_READABLE, waker, result);
    if (next < 0)
        return next;
    if (next == TRY_AGAIN) {
        tug_waker_wake_by_ref(waker);
        return TUG_IO_PENDING;
    }
    int error = need_buffer(&file->read_data);
    if (error < 0)
        return error;
    tug_op_read(&file->op, stream->fd, file->read_data, at_most_buffer(size), TUG_CURRENT_POSITION);
    file->activity = READING;
    *started = true;
    return 0;
}

static int64_t read_something(struct tug_fd_stream *stream, const struct tug_waker *waker,
                              void *buffer, size_t size)
{
    struct tug_fd_stream_file *file = stream->file;
    bool started = file->activity == READING;
    if (file->unread > 0)
        return give(file, buffer, size);
    if (!started) {
        int64_t result = start_read(stream, waker, buffer, size, &started);
        if (!started)
            return result;
    }
    int64_t result;
    int pending = finish(file, waker, &result);
    if (pending < 0)
        return pending;
    return result > 0 ? give(file, buffer, size) : result;
}

static int64_t file_read(struct tug_reader *reader, const struct tug_waker *waker, void *buffer,
                         size_t size)
{
    struct tug_fd_stream *stream = TUG_CONTAINER_OF(reader, struct tug_fd_stream, reader);
    int64_t result = stream->file->activity == WRITING ? settle(stream->file, waker) : 0;
    if (result < 0 || size == 0)
        return result;
    if (tug_coop_poll(waker) == TUG_PENDING)
        return TUG_IO_PENDING;
    result = read_something(stream, waker, buffer, size);
    if (result == TUG_IO_PENDING)
        tug_coop_restore();
    return result;
}

/* ---- Writing ---- */

/* Goes back over what was read and not given to anybody. A pipe cannot, and need not. */
static void unread(struct tug_fd_stream *stream)
{
    struct tug_fd_stream_file *file = stream->file;
    if (file->unread > 0 && tug_sys_lseek(stream->fd, -(int64_t)file->unread, SEEK_CUR) >= 0)
        file->unread = 0;
}

static int64_t attempt_write(int fd, const void *buffer, size_t size)
{
    struct tug_op op;
    tug_op_write(&op, fd, buffer, size, TUG_CURRENT_POSITION);
    return tug_attempt_write(&op);
}

/* Whether the write under way is of bytes that the caller has come with again. */
static bool is_of(const struct tug_fd_stream_file *file, const void *buffer, size_t size)
{
    return size >= file->write_size && memcmp(buffer, file->write_data, file->write_size) == 0;
}

static int64_t start_write(struct tug_fd_stream *stream, const struct tug_waker *waker,
                           const void *buffer, size_t size)
{
    struct tug_fd_stream_file *file = stream->file;
    unread(stream);
    int64_t result = attempt_write(stream->fd, buffer, size);
    if (!would_block(result))
        return result;
    int next = after_attempt(stream, TUG_WRITABLE, waker, result);
    if (next == TRY_AGAIN)
        tug_waker_wake_by_ref(waker);
    if (next != START)
        return next == TRY_AGAIN ? TUG_IO_PENDING : next;
    result = need_buffer(&file->write_data);
    if (result < 0)
        return result;
    file->write_size = at_most_buffer(size);
    if (stream->readiness != NULL && file->write_size > PIPE_ROOM)
        file->write_size = PIPE_ROOM;
    memcpy(file->write_data, buffer, file->write_size);
    tug_op_write(&file->op, stream->fd, file->write_data, file->write_size, TUG_CURRENT_POSITION);
    file->activity = WRITING;
    int pending = finish(file, waker, &result);
    return pending < 0 ? pending : result;
}

static int64_t file_write(struct tug_writer *writer, const struct tug_waker *waker,
                          const void *buffer, size_t size)
{
    struct tug_fd_stream *stream = TUG_CONTAINER_OF(writer, struct tug_fd_stream, writer);
    struct tug_fd_stream_file *file = stream->file;
    if (size == 0)
        return 0;
    if (tug_coop_poll(waker) == TUG_PENDING)
        return TUG_IO_PENDING;
    bool is_ours = file->activity == WRITING && is_of(file, buffer, size);
    int64_t result = 0;
    if (is_ours) {
        int pending = finish(file, waker, &result);
        result = pending < 0 ? pending : result;
    } else {
        result = settle(file, waker);
        if (result == 0)
            result = start_write(stream, waker, buffer, size);
    }
    if (result == TUG_IO_PENDING)
        tug_coop_restore();
    return result;
}

static int file_flush(struct tug_writer *writer, const struct tug_waker *waker)
{
    struct tug_fd_stream *stream = TUG_CONTAINER_OF(writer, struct tug_fd_stream, writer);
    return stream->file->activity == WRITING ? (int)settle(stream->file, waker) : 0;
}

const struct tug_reader_vtable tug_file_reader_vtable = {.poll_read = file_read};

const struct tug_writer_vtable tug_file_writer_vtable = {
    .poll_write = file_write,
    .poll_flush = file_flush,
};

/* ---- The position, and the end ---- */

struct settle_future {
    struct tug_future future;
    struct tug_fd_stream_file *file;
    bool cancelled;
};

static int settle_poll(struct tug_future *future, const struct tug_waker *waker)
{
    struct settle_future *self = TUG_CONTAINER_OF(future, struct settle_future, future);
    future->result = settle(self->file, waker);
    if (future->result == TUG_IO_PENDING) {
        if (!self->cancelled)
            return TUG_PENDING;
        future->result = -ECANCELED;
    }
    return TUG_READY;
}

static void settle_cancel(struct tug_future *future)
{
    TUG_CONTAINER_OF(future, struct settle_future, future)->cancelled = true;
}

static int settle_and_wait(struct tug_fd_stream_file *file)
{
    static const struct tug_future_vtable vtable = {.poll = settle_poll, .cancel = settle_cancel};
    struct settle_future settling = {.future = {&vtable, 0}, .file = file};
    return (int)tug_await(&settling.future);
}

int64_t tug_fd_stream_seek(struct tug_fd_stream *stream, int64_t offset, int whence)
{
    struct tug_fd_stream_file *file = stream->file;
    if (stream->fd < 0)
        return stream->fd;
    if (file != NULL && file->activity != IDLE) {
        int error = settle_and_wait(file);
        if (error < 0)
            return error;
    }
    if (file != NULL && whence == SEEK_CUR)
        offset -= (int64_t)file->unread;
    int64_t position = tug_sys_lseek(stream->fd, offset, whence);
    if (position >= 0 && file != NULL)
        file->unread = 0;
    return position;
}

struct tug_fd_stream_file *tug_fd_stream_file_new(void)
{
    return tug_sys_calloc(1, sizeof(struct tug_fd_stream_file));
}

bool tug_fd_stream_file_is_idle(const struct tug_fd_stream_file *file)
{
    return file->activity == IDLE && file->unread == 0;
}

/* A thread outside of the runtime cannot await; it is here, if an operation runs at all, for a
 * moment only. */
void tug_fd_stream_file_free(struct tug_fd_stream_file *file)
{
    if (file->activity != IDLE) {
        tug_op_cancel(&file->op);
        if (tug_await(&file->op.future) == -EPERM)
            while (__atomic_load_n(&file->op.state, __ATOMIC_ACQUIRE) != TUG_OP_DONE)
                tug_sys_poll(NULL, 0, 1);
    }
    tug_sys_free(file->read_data);
    tug_sys_free(file->write_data);
    tug_sys_free(file);
}
