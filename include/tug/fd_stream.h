/* SPDX-License-Identifier: MIT */
/*
 * A descriptor as a reader and a writer: a socket, a pipe, a terminal, an eventfd, a file.
 *
 *     struct tug_fd_stream stream;
 *     int fd = tug_connect_to("example.org", "http");
 *     if (fd >= 0 && tug_fd_stream_open(&stream, fd) == 0) {
 *         tug_io_write_all(&stream.writer, request, length);
 *         ...
 *         tug_fd_stream_close(&stream);
 *     }
 *
 * What can be polled is tried first and waited for afterwards, so that no memory is lent to the
 * kernel: a read or write that is cancelled has moved no byte. Two tasks, on any workers, may use
 * reader and writer at once.
 *
 * Files are always ready for poll(2) and may keep the caller waiting all the same, so what does not
 * succeed at once is an operation of the driver, with memory of the stream's own. A file has one
 * position: one task at a time may use the stream. A read that is cancelled loses nothing. A write
 * that is cancelled is carried out: if the next one begins with the same bytes, it takes the result
 * over; else it waits for it, and an error is returned by whatever call comes next.
 *
 * Nothing is buffered: a write is done when the kernel has the bytes. SIGPIPE is never raised: who
 * writes to a pipe or socket that nobody reads gets -EPIPE.
 */
#ifndef TUG_FD_STREAM_H
#define TUG_FD_STREAM_H

#include <stdint.h>

#include <tug/async_fd.h>
#include <tug/config.h>
#include <tug/io.h>

TUG_BEGIN_DECLS

struct tug_fd_stream_file;

/* Members other than `reader` and `writer` are private. It must not be moved while a call is using
 * it. */
struct tug_fd_stream {
    struct tug_reader reader;
    struct tug_writer writer;
    int fd;
    int flags; /* of the descriptor, before it was opened here */
    struct tug_async_fd *readiness;
    struct tug_fd_stream_file *file;
};

/*
 * Opens a stream on a descriptor, which it takes over if that succeeds. What is neither a socket
 * nor a file is put into O_NONBLOCK mode, which everybody sees who shares the open file: for the
 * descriptors 0 to 2 use tug_fd_stream_open_standard().
 * A shutdown of the writer (tug_io_shutdown()) ends the sending side of a socket, and closes the
 * writing end of a pipe; elsewhere it does nothing.
 * Does not suspend. Returns 0; -EBADF; -ENOMEM.
 */
TUG_API int tug_fd_stream_open(struct tug_fd_stream *stream, int fd);

/*
 * Opens standard input, output or error (`fd`: 0, 1 or 2), which stay open and in their mode. The
 * worker is never blocked by them, nor the end of the process or the runtime by a read or write
 * that waits: a pipe or terminal is opened a second time, by way of /proc, in a mode of its own;
 * where that is not possible it is waited for, and a thread of the blocking pool makes the call.
 * Only there, if another process takes the bytes in between, that thread waits for more. Reads no
 * more than it is asked for. Does not suspend. Returns 0; -EBADF; -EINVAL; -EMFILE; -ENOMEM.
 */
TUG_API int tug_fd_stream_open_standard(struct tug_fd_stream *stream, int fd);

/* Closes the stream and its descriptor. No task may be waiting in it. Suspends, and is not
 * cancelled, as tug_close(). Returns 0 or an error of late writing. */
TUG_API int tug_fd_stream_close(struct tug_fd_stream *stream);

/* Closes the stream and gives the descriptor back, in the mode that it had. Suspends if a file's
 * operation was cancelled and still runs. Returns the descriptor; -EBADF: a shutdown closed it. */
TUG_API int tug_fd_stream_release(struct tug_fd_stream *stream);

/* The descriptor, which stays the stream's; -EBADF: a shutdown closed it. */
TUG_API int tug_fd_stream_descriptor(const struct tug_fd_stream *stream);

/* lseek(2). Suspends if a file's operation was cancelled and still runs. Returns the new position;
 * -ESPIPE; the scope's reason, and then nothing was changed; the error of a cancelled write. */
TUG_API int64_t tug_fd_stream_seek(struct tug_fd_stream *stream, int64_t offset, int whence);

TUG_END_DECLS

#endif
