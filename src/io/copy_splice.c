/* SPDX-License-Identifier: MIT */
/*
 * A copy within the kernel: splice(2) from a pipe or to one is one call; between two sockets there
 * is a pipe of our own in the middle; a file as the source has a way of its own (copy_file.c).
 *
 * Invariants:
 *  - Both descriptors, unless one is a file's, are in O_NONBLOCK mode: the flag of splice(2)
 *    concerns pipes alone.
 *  - `held` bytes have been taken and not given, and are in our pipe; 0 if there is none. They are
 *    given before more is waited for.
 *  - When splice(2) says EAGAIN it does not say of which end; poll(2) does, and that one is waited
 *    for. If it is neither, things have changed meanwhile.
 */
#include "io/copy.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "io/fd_stream.h"
#include "sys/call.h"
#include "sys/list.h"

/* How much one call may move, and the wish for the size of our pipe. */
#define CHUNK ((size_t)256 << 10)
/* From a file as much is made sure of as may well find room: this, or twice what did last. */
#define LEAST ((size_t)32 << 10)

struct tug_io_splice {
    struct tug_fd_stream *from, *to;
    bool from_file;
    bool through; /* our pipe, from pipe[1] to pipe[0] */
    int pipe[2];
    size_t held;
    size_t most; /* to be moved from a file at once */
};

/* ---- What can be joined ---- */

enum kind { NEITHER, PIPE, SOCKET, REGULAR };

static enum kind kind_of(int fd)
{
    struct statx status;
    int type = 0;
    unsigned size = sizeof type;
    if (fd < 0 || tug_sys_statx(fd, "", AT_EMPTY_PATH, STATX_TYPE, &status) < 0)
        return NEITHER;
    if ((status.stx_mode & S_IFMT) == S_IFIFO)
        return PIPE;
    if ((status.stx_mode & S_IFMT) == S_IFREG)
        return REGULAR;
    if ((status.stx_mode & S_IFMT) != S_IFSOCK)
        return NEITHER;
    int error = tug_sys_getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size);
    return error == 0 && type == SOCK_STREAM ? SOCKET : NEITHER;
}

/* The first flags win: two tasks may do this for the two directions of one socket. */
static int make_nonblocking(struct tug_fd_stream *stream)
{
    int none = -1;
    int flags = tug_sys_fcntl(stream->fd, F_GETFL, 0);
    if (flags < 0 || (flags & O_NONBLOCK) != 0)
        return flags < 0 ? flags : 0;
    __atomic_compare_exchange_n(&stream->flags, &none, flags, false, __ATOMIC_RELAXED,
                                __ATOMIC_RELAXED);
    return tug_sys_fcntl(stream->fd, F_SETFL, flags | O_NONBLOCK);
}

static struct tug_fd_stream *stream_of_reader(struct tug_reader *reader)
{
    if (reader->vtable != &tug_socket_reader_vtable && reader->vtable != &tug_pipe_reader_vtable &&
        reader->vtable != &tug_file_reader_vtable)
        return NULL;
    return TUG_CONTAINER_OF(reader, struct tug_fd_stream, reader);
}

static struct tug_fd_stream *stream_of_writer(struct tug_writer *writer)
{
    if (writer->vtable != &tug_socket_writer_vtable && writer->vtable != &tug_pipe_writer_vtable)
        return NULL;
    return TUG_CONTAINER_OF(writer, struct tug_fd_stream, writer);
}

struct tug_io_splice *tug_io_splice_new(struct tug_reader *reader, struct tug_writer *writer)
{
    struct tug_fd_stream *from = stream_of_reader(reader), *to = stream_of_writer(writer);
    if (from == NULL || to == NULL)
        return NULL;
    enum kind kinds[2] = {kind_of(from->fd), kind_of(to->fd)};
    /* A file that is written waits for its disk, too, and to sockets nothing is gained. What has
     * the functions of a file and is none cannot be put into O_NONBLOCK mode. */
    if (kinds[0] == NEITHER || kinds[1] == NEITHER || kinds[1] == REGULAR ||
        (kinds[0] == REGULAR ? kinds[1] != PIPE : from->file != NULL))
        return NULL;
    struct tug_io_splice *splice = tug_sys_malloc(sizeof *splice);
    if (splice == NULL)
        return NULL;
    bool from_file = kinds[0] == REGULAR;
    bool through = kinds[0] == SOCKET && kinds[1] == SOCKET;
    *splice = (struct tug_io_splice){from, to, from_file, through, {-1, -1}, 0, CHUNK};
    if ((!from_file && make_nonblocking(from) < 0) || make_nonblocking(to) < 0 ||
        (through && tug_sys_pipe2(splice->pipe, O_CLOEXEC | O_NONBLOCK) < 0)) {
        tug_sys_free(splice);
        return NULL;
    }
    if (through) /* a smaller one works as well */
        tug_sys_fcntl(splice->pipe[1], F_SETPIPE_SZ, (int)CHUNK);
    return splice;
}

void tug_io_splice_free(struct tug_io_splice *splice)
{
    if (splice == NULL)
        return;
    if (splice->through) {
        tug_sys_close(splice->pipe[0]);
        tug_sys_close(splice->pipe[1]);
    }
    tug_sys_free(splice);
}

size_t tug_io_splice_held(const struct tug_io_splice *splice)
{
    return splice->held;
}

int tug_io_splice_take(struct tug_io_splice *splice, unsigned char *buffer)
{
    while (splice->held > 0) {
        int64_t n = tug_sys_read(splice->pipe[0], buffer, splice->held);
        if (n <= 0)
            return n < 0 ? (int)n : -EIO;
        buffer += n;
        splice->held -= (size_t)n;
    }
    return 0;
}

/* ---- One turn ---- */

static bool is_refusal(int64_t result)
{
    return result == -EINVAL || result == -ENOSYS || result == -EPERM || result == -EOPNOTSUPP;
}

/* Returns 0 if it is ready by now, TUG_IO_PENDING or an error. */
static int wait_for(struct tug_fd_stream *stream, enum tug_interest interest,
                    const struct tug_waker *waker)
{
    tug_async_fd_clear(stream->readiness, interest);
    int events = tug_async_fd_poll(stream->readiness, interest, waker);
    return events < 0 ? events : 0;
}

static int wait_for_either(struct tug_io_splice *splice, const struct tug_waker *waker)
{
    struct pollfd fds[2] = {{.fd = splice->from->fd, .events = POLLIN},
                            {.fd = splice->to->fd, .events = POLLOUT}};
    int count = tug_sys_poll(fds, 2, 0);
    if (count < 0)
        return count == -EINTR ? 0 : count;
    if (fds[0].revents == 0)
        return wait_for(splice->from, TUG_READABLE, waker);
    if (fds[1].revents == 0)
        return wait_for(splice->to, TUG_WRITABLE, waker);
    return 0;
}

/* From a pipe, or to one. An error may be of either end; it ends the copy in any case. */
static int move_directly(struct tug_io_copy *copy, const struct tug_waker *waker)
{
    struct tug_io_splice *splice = copy->splice;
    int64_t n = tug_sys_splice_quietly(splice->from->fd, splice->to->fd, CHUNK,
                                       SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
    if (n == -EAGAIN)
        return wait_for_either(splice, waker);
    if (n < 0)
        return is_refusal(n) ? TUG_SPLICE_REFUSED : (int)n;
    if (n == 0)
        copy->read_done = true;
    else
        tug_io_copy_note(copy, n);
    return 0;
}

static int move_from_file(struct tug_io_copy *copy, const struct tug_waker *waker)
{
    struct tug_io_splice *splice = copy->splice;
    int64_t n = tug_io_move_from_file(splice->from, splice->to, splice->most);
    if (n == -EAGAIN)
        return wait_for(splice->to, TUG_WRITABLE, waker);
    if (n < 0)
        return is_refusal(n) ? TUG_SPLICE_REFUSED : (int)n;
    size_t twice = 2 * (size_t)n;
    splice->most = twice < LEAST ? LEAST : twice < CHUNK ? twice : CHUNK;
    tug_io_copy_note(copy, n);
    return 0;
}

/* Into our pipe. That an error of the reader is told after all has been written is seen to by the
 * caller. */
static int take(struct tug_io_copy *copy, const struct tug_waker *waker)
{
    struct tug_io_splice *splice = copy->splice;
    int64_t n = tug_sys_splice(splice->from->fd, NULL, splice->pipe[1], NULL, CHUNK,
                               SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
    if (n == -EAGAIN)
        return splice->held > 0 ? 0 : wait_for(splice->from, TUG_READABLE, waker);
    if (n < 0 && is_refusal(n))
        return TUG_SPLICE_REFUSED;
    if (n <= 0) {
        copy->read_done = true;
        copy->error = (int)n;
        return 0;
    }
    splice->held += (size_t)n;
    return 0;
}

static int give(struct tug_io_copy *copy, const struct tug_waker *waker)
{
    struct tug_io_splice *splice = copy->splice;
    int64_t n = tug_sys_splice_quietly(splice->pipe[0], splice->to->fd, splice->held,
                                       SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
    if (n == -EAGAIN)
        return wait_for(splice->to, TUG_WRITABLE, waker);
    if (n < 0)
        return is_refusal(n) ? TUG_SPLICE_REFUSED : (int)n;
    if (n == 0 || (size_t)n > splice->held)
        return -EIO;
    splice->held -= (size_t)n;
    tug_io_copy_note(copy, n);
    return 0;
}

int tug_io_splice_turn(struct tug_io_copy *copy, const struct tug_waker *waker)
{
    struct tug_io_splice *splice = copy->splice;
    if (splice->to->fd < 0)
        return -EPIPE;
    if (splice->from->fd < 0)
        return -EBADF;
    if (splice->from_file)
        return move_from_file(copy, waker);
    if (!splice->through)
        return move_directly(copy, waker);
    if (!copy->read_done) {
        int error = take(copy, waker);
        if (error < 0)
            return error;
    }
    return splice->held > 0 ? give(copy, waker) : 0;
}
