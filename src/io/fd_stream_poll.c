/* SPDX-License-Identifier: MIT */
/*
 * Streams on what can be polled: try first, then wait for readiness, then try again.
 *
 * Reader and writer have nothing in common that changes, but for the descriptor of a pipe's writing
 * end, which has no reader.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include <tug/coop.h>

#include "io/fd_stream.h"
#include "sys/call.h"
#include "sys/list.h"

/* One transfer, to be tried: `vector` or `buffer`. */
struct transfer {
    int fd;
    void *buffer;
    size_t size;
    const struct iovec *vector;
    int count;
};

typedef int64_t (*attempt_fn)(const struct transfer *transfer);

static int64_t attempt_recv(const struct transfer *transfer)
{
    return tug_sys_recv(transfer->fd, transfer->buffer, transfer->size, MSG_DONTWAIT);
}

static int64_t attempt_send(const struct transfer *transfer)
{
    return tug_sys_send(transfer->fd, transfer->buffer, transfer->size,
                        MSG_DONTWAIT | MSG_NOSIGNAL);
}

static int64_t attempt_sendmsg(const struct transfer *transfer)
{
    const struct msghdr message = {
        .msg_iov = (struct iovec *)(uintptr_t)transfer->vector,
        .msg_iovlen = (size_t)transfer->count,
    };
    return tug_sys_sendmsg(transfer->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static int64_t attempt_read(const struct transfer *transfer)
{
    return tug_sys_read(transfer->fd, transfer->buffer, transfer->size);
}

static int64_t attempt_write(const struct transfer *transfer)
{
    return tug_sys_write_quietly(transfer->fd, transfer->buffer, transfer->size);
}

static int64_t attempt_writev(const struct transfer *transfer)
{
    return tug_sys_writev_quietly(transfer->fd, transfer->vector, transfer->count);
}

/* Every attempt costs a unit, so that a descriptor that says it is ready and is not cannot keep the
 * worker; only a wait gives its unit back. */
static int64_t try_or_wait(struct tug_fd_stream *stream, enum tug_interest interest,
                           const struct tug_waker *waker, attempt_fn attempt,
                           const struct transfer *transfer)
{
    for (;;) {
        if (tug_coop_poll(waker) == TUG_PENDING)
            return TUG_IO_PENDING;
        int64_t result = attempt(transfer);
        if (result != -EAGAIN)
            return result;
        tug_async_fd_clear(stream->readiness, interest);
        int events = tug_async_fd_poll(stream->readiness, interest, waker);
        if (events == TUG_IO_PENDING)
            tug_coop_restore();
        if (events < 0)
            return events;
    }
}

static int64_t poll_reader(struct tug_reader *reader, const struct tug_waker *waker, void *buffer,
                           size_t size, attempt_fn attempt)
{
    struct tug_fd_stream *stream = TUG_CONTAINER_OF(reader, struct tug_fd_stream, reader);
    const struct transfer transfer = {.fd = stream->fd, .buffer = buffer, .size = size};
    if (transfer.fd < 0)
        return transfer.fd;
    return try_or_wait(stream, TUG_READABLE, waker, attempt, &transfer);
}

static int64_t poll_writer(struct tug_writer *writer, const struct tug_waker *waker,
                           struct transfer transfer, attempt_fn attempt)
{
    struct tug_fd_stream *stream = TUG_CONTAINER_OF(writer, struct tug_fd_stream, writer);
    transfer.fd = stream->fd;
    if (transfer.fd < 0)
        return -EPIPE;
    return try_or_wait(stream, TUG_WRITABLE, waker, attempt, &transfer);
}

static struct transfer from_buffer(const void *buffer, size_t size)
{
    return (struct transfer){.buffer = (void *)(uintptr_t)buffer, .size = size};
}

static struct transfer from_vector(const struct iovec *vector, int count)
{
    return (struct transfer){.vector = vector, .count = count};
}

/* ---- Sockets ---- */

static int64_t socket_read(struct tug_reader *reader, const struct tug_waker *waker, void *buffer,
                           size_t size)
{
    /* From a stream socket recv(2) of no bytes waits for some. */
    return size == 0 ? 0 : poll_reader(reader, waker, buffer, size, attempt_recv);
}

static int64_t socket_write(struct tug_writer *writer, const struct tug_waker *waker,
                            const void *buffer, size_t size)
{
    return poll_writer(writer, waker, from_buffer(buffer, size), attempt_send);
}

static int64_t socket_write_vectored(struct tug_writer *writer, const struct tug_waker *waker,
                                     const struct iovec *vector, int count)
{
    return poll_writer(writer, waker, from_vector(vector, count), attempt_sendmsg);
}

/* A connection that has been reset has no side left to be ended. */
static int socket_shutdown(struct tug_writer *writer, const struct tug_waker *waker)
{
    struct tug_fd_stream *stream = TUG_CONTAINER_OF(writer, struct tug_fd_stream, writer);
    (void)waker;
    int error = tug_sys_shutdown(stream->fd, SHUT_WR);
    return error == -ENOTCONN ? 0 : error;
}

const struct tug_reader_vtable tug_socket_reader_vtable = {.poll_read = socket_read};

const struct tug_writer_vtable tug_socket_writer_vtable = {
    .poll_write = socket_write,
    .poll_write_vectored = socket_write_vectored,
    .poll_shutdown = socket_shutdown,
};

/* ---- Pipes, terminals, and the like ---- */

static int64_t pipe_read(struct tug_reader *reader, const struct tug_waker *waker, void *buffer,
                         size_t size)
{
    return poll_reader(reader, waker, buffer, size, attempt_read);
}

static int64_t pipe_write(struct tug_writer *writer, const struct tug_waker *waker,
                          const void *buffer, size_t size)
{
    return poll_writer(writer, waker, from_buffer(buffer, size), attempt_write);
}

static int64_t pipe_write_vectored(struct tug_writer *writer, const struct tug_waker *waker,
                                   const struct iovec *vector, int count)
{
    return poll_writer(writer, waker, from_vector(vector, count), attempt_writev);
}

/* Only its last writer's close tells a pipe's reader of the end. The wait is taken back first: it
 * keeps the open file alive. */
static int pipe_shutdown(struct tug_writer *writer, const struct tug_waker *waker)
{
    struct tug_fd_stream *stream = TUG_CONTAINER_OF(writer, struct tug_fd_stream, writer);
    (void)waker;
    int fd = stream->fd;
    int flags = fd >= 0 ? tug_sys_fcntl(fd, F_GETFL, 0) : 0;
    if (fd < 0 || flags < 0 || (flags & O_ACCMODE) != O_WRONLY)
        return flags < 0 ? flags : 0;
    struct statx status;
    int error = tug_sys_statx(fd, "", AT_EMPTY_PATH, STATX_TYPE, &status);
    if (error < 0 || (status.stx_mode & S_IFMT) != S_IFIFO)
        return error;
    tug_async_fd_destroy(stream->readiness);
    stream->readiness = NULL;
    stream->fd = -EBADF;
    return tug_sys_close(fd);
}

const struct tug_reader_vtable tug_pipe_reader_vtable = {.poll_read = pipe_read};

const struct tug_writer_vtable tug_pipe_writer_vtable = {
    .poll_write = pipe_write,
    .poll_write_vectored = pipe_write_vectored,
    .poll_shutdown = pipe_shutdown,
};
