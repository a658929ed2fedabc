/* SPDX-License-Identifier: MIT */
/*
 * Opening and closing streams: which kind a descriptor is, and whose it is.
 *
 * What can be polled has `readiness`, a file has `file`, and what ought to be polled but is in
 * blocking mode for good has both (fd_stream_file.c). `flags` is negative unless the mode was
 * changed and has to be restored.
 */
#include "io/fd_stream.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include <tug/cancel.h>
#include <tug/op.h>

#include "sys/call.h"
#include "task/carry_out.h"

static int type_of(int fd, unsigned *type)
{
    struct statx status;
    int error = tug_sys_statx(fd, "", AT_EMPTY_PATH, STATX_TYPE, &status);
    *type = error == 0 ? status.stx_mode & S_IFMT : 0;
    return error;
}

static bool is_file(unsigned type)
{
    return type == S_IFREG || type == S_IFBLK || type == S_IFDIR;
}

/* A mode of O_NONBLOCK makes no difference to a file, and sockets have a flag for each call. */
static int open_pollable(struct tug_fd_stream *stream, bool is_socket)
{
    int error = tug_async_fd_create(&stream->readiness, stream->fd);
    if (error < 0)
        return error;
    stream->reader.vtable = is_socket ? &tug_socket_reader_vtable : &tug_pipe_reader_vtable;
    stream->writer.vtable = is_socket ? &tug_socket_writer_vtable : &tug_pipe_writer_vtable;
    if (is_socket)
        return 0;
    int flags = tug_sys_fcntl(stream->fd, F_GETFL, 0);
    error = flags;
    if (flags >= 0 && (flags & O_NONBLOCK) == 0) {
        error = tug_sys_fcntl(stream->fd, F_SETFL, flags | O_NONBLOCK);
        stream->flags = flags;
    }
    if (error < 0)
        tug_async_fd_destroy(stream->readiness);
    return error < 0 ? error : 0;
}

static int open_file(struct tug_fd_stream *stream)
{
    stream->file = tug_fd_stream_file_new();
    if (stream->file == NULL)
        return -ENOMEM;
    stream->reader.vtable = &tug_file_reader_vtable;
    stream->writer.vtable = &tug_file_writer_vtable;
    return 0;
}

static int open_blocking(struct tug_fd_stream *stream)
{
    int error = tug_async_fd_create(&stream->readiness, stream->fd);
    if (error < 0)
        return error;
    error = open_file(stream);
    if (error < 0)
        tug_async_fd_destroy(stream->readiness);
    return error;
}

/* Makes a stream of a descriptor. `keep_mode`: nothing is changed that others may share. */
static int begin(struct tug_fd_stream *stream, int fd, bool keep_mode)
{
    unsigned type;
    *stream = (struct tug_fd_stream){.fd = fd, .flags = -1};
    int error = type_of(fd, &type);
    if (error < 0)
        return error;
    if (is_file(type))
        return open_file(stream);
    return keep_mode ? open_blocking(stream) : open_pollable(stream, type == S_IFSOCK);
}

int tug_fd_stream_open(struct tug_fd_stream *stream, int fd)
{
    return begin(stream, fd, false);
}

/* ---- Standard input, output and error ---- */

/* The same pipe or device, as an open file of our own. */
static int open_again(int fd)
{
    char path[32];
    int flags = tug_sys_fcntl(fd, F_GETFL, 0);
    if (flags < 0)
        return flags;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return tug_sys_openat(AT_FDCWD, path,
                          (flags & (O_ACCMODE | O_APPEND)) | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0);
}

int tug_fd_stream_open_standard(struct tug_fd_stream *stream, int fd)
{
    unsigned type;
    if (fd < 0 || fd > 2)
        return -EINVAL;
    int error = type_of(fd, &type);
    if (error < 0)
        return error;
    bool shared = type == S_IFSOCK || is_file(type);
    int own = shared ? -1 : open_again(fd);
    bool keep_mode = own < 0 && !shared;
    if (own < 0)
        own = tug_sys_fcntl(fd, F_DUPFD_CLOEXEC, 3);
    if (own < 0)
        return own;
    error = begin(stream, own, keep_mode);
    if (error < 0)
        tug_sys_close(own);
    return error;
}

/* ---- The end ---- */

/* Under a shield: the memory of an operation is not given up before its end. */
static void end_operations(struct tug_fd_stream *stream)
{
    struct tug_scope shield;
    if (stream->readiness != NULL)
        tug_async_fd_destroy(stream->readiness);
    if (stream->file != NULL) {
        tug_shield_begin(&shield);
        tug_fd_stream_file_free(stream->file);
        tug_scope_end(&shield, 0);
    }
    stream->readiness = NULL;
    stream->file = NULL;
}

int tug_fd_stream_release(struct tug_fd_stream *stream)
{
    int fd = stream->fd;
    end_operations(stream);
    if (fd >= 0 && stream->flags >= 0)
        tug_sys_fcntl(fd, F_SETFL, stream->flags);
    stream->fd = -EBADF;
    return fd;
}

int tug_fd_stream_close(struct tug_fd_stream *stream)
{
    struct tug_op op;
    struct tug_scope shield;
    int fd = stream->fd;
    stream->fd = -EBADF;
    end_operations(stream);
    if (fd < 0)
        return 0;
    tug_op_close(&op, fd);
    tug_shield_begin(&shield);
    int64_t result = tug_op_carry_out(&op);
    tug_scope_end(&shield, 0);
    return result == -EINTR ? -EIO : (int)result;
}

int tug_fd_stream_descriptor(const struct tug_fd_stream *stream)
{
    return stream->fd;
}
