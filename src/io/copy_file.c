/* SPDX-License-Identifier: MIT */
/*
 * A copy within the kernel from a regular file to a pipe.
 *
 * splice(2) would wait for the disk, on the worker, for what is not in the page cache, and no flag
 * keeps it from that. So each page is asked for one byte first, which with RWF_NOWAIT is refused if
 * the page is not there or still being read; what is there is moved at once. Anything else, the end
 * and all errors included, is a turn through memory, which waits as it always does.
 *
 * Invariant: between two turns the position of the file is behind all that was moved, as after
 * reads. Nothing is moved while the stream has bytes that were read and not given.
 */
#include "io/copy.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "io/fd_stream.h"
#include "sys/call.h"

/* A smaller step than the system's pages asks about some twice, a larger one about some never. */
#define PAGE ((size_t)4096)

/* How many bytes from the file's position on can be moved without waiting, at most `most`. */
static size_t bytes_at_hand(int fd, size_t most)
{
    unsigned char byte;
    const struct iovec vector = {.iov_base = &byte, .iov_len = 1};
    int64_t start = tug_sys_lseek(fd, 0, SEEK_CUR);
    if (start < 0)
        return 0;
    /* Pages are cached or not as a whole, so one byte of each tells. */
    size_t length = 0, next = PAGE - (size_t)start % PAGE;
    while (length < most) {
        if (tug_sys_preadv2(fd, &vector, 1, start + (int64_t)length, RWF_NOWAIT) != 1)
            break;
        length = next;
        next += PAGE;
    }
    return length < most ? length : most;
}

int64_t tug_io_move_from_file(struct tug_fd_stream *from, struct tug_fd_stream *to, size_t most)
{
    if (!tug_fd_stream_file_is_idle(from->file))
        return TUG_SPLICE_NOT_NOW;
    size_t length = bytes_at_hand(from->fd, most);
    if (length == 0)
        return TUG_SPLICE_NOT_NOW;
    int64_t n = tug_sys_splice_quietly(from->fd, to->fd, length, SPLICE_F_NONBLOCK);
    /* It has become shorter meanwhile. */
    return n == 0 ? TUG_SPLICE_NOT_NOW : n;
}
