/* SPDX-License-Identifier: MIT */
/*
 * The column `attempt` of the table of operations: does it now or says -EAGAIN, and never blocks,
 * whatever the mode of the descriptor. Changing that mode is no choice: O_NONBLOCK belongs to the
 * open file, which other processes may share (a terminal, a pipe to a child).
 *
 * RWF_NOWAIT does that for one call. Files that do not know it (-EOPNOTSUPP) are asked the plain
 * way if they are in O_NONBLOCK mode and cannot seek (on files that can, that mode means nothing);
 * else the attempt cannot be made.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/uio.h>
#include <unistd.h>

#include <tug/sys.h>

#include "driver/op_table.h"
#include "sys/call.h"

static bool can_seek(int fd)
{
    return tug_sys_lseek(fd, 0, SEEK_CUR) >= 0;
}

/* Whether a plain call for this op returns at once. */
static bool plain_is_nonblocking(const struct tug_op *op)
{
    if (op->offset != TUG_CURRENT_POSITION)
        return false;
    int flags = tug_sys_fcntl(op->fd, F_GETFL, 0);
    return flags >= 0 && (flags & O_NONBLOCK) != 0 && !can_seek(op->fd);
}

/* Whether a non-blocking call could not be made for want of support. */
static bool is_unsupported(int64_t result)
{
    return result == -EOPNOTSUPP || result == -ENOSYS;
}

static int64_t plain_read(const struct tug_op *op, const struct iovec *vector, int count)
{
    if (op->offset == TUG_CURRENT_POSITION)
        return tug_sys_readv(op->fd, vector, count);
    return tug_sys_preadv(op->fd, vector, count, op->offset);
}

/* Linux 5.9 and 5.10 may return 0 from a read with RWF_NOWAIT before the end of a file
 * (preadv2(2), BUGS). The end of a pipe or socket is not a matter of pages, and believed. */
static int64_t confirm_end(const struct tug_op *op, const struct iovec *vector, int count)
{
    if (op->offset == TUG_CURRENT_POSITION && !can_seek(op->fd))
        return 0;
    return plain_read(op, vector, count);
}

static int64_t attempt_read(const struct tug_op *op, const struct iovec *vector, int count)
{
    int64_t result = tug_sys_preadv2(op->fd, vector, count, op->offset, RWF_NOWAIT);
    if (result > 0)
        return result;
    if (result == 0)
        return confirm_end(op, vector, count);
    if (!is_unsupported(result))
        return result;
    return plain_is_nonblocking(op) ? tug_sys_readv(op->fd, vector, count) : -EOPNOTSUPP;
}

static int64_t attempt_write(const struct tug_op *op, const struct iovec *vector, int count)
{
    int64_t result = tug_sys_pwritev2_quietly(op->fd, vector, count, op->offset, RWF_NOWAIT);
    if (!is_unsupported(result))
        return result;
    return plain_is_nonblocking(op) ? tug_sys_writev_quietly(op->fd, vector, count) : -EOPNOTSUPP;
}

int64_t tug_attempt_read(const struct tug_op *op)
{
    struct iovec buffer = {.iov_base = op->address, .iov_len = op->length};
    return attempt_read(op, &buffer, 1);
}

int64_t tug_attempt_write(const struct tug_op *op)
{
    struct iovec buffer = {.iov_base = op->address, .iov_len = op->length};
    return attempt_write(op, &buffer, 1);
}

int64_t tug_attempt_readv(const struct tug_op *op)
{
    return attempt_read(op, op->address, (int)op->length);
}

int64_t tug_attempt_writev(const struct tug_op *op)
{
    return attempt_write(op, op->address, (int)op->length);
}

int64_t tug_attempt_poll(const struct tug_op *op)
{
    struct pollfd poll = {.fd = op->fd, .events = (short)op->argument};
    int count = tug_sys_poll(&poll, 1, 0);
    if (count < 0)
        return count == -EINTR ? -EAGAIN : count;
    if (count == 0)
        return -EAGAIN;
    return (poll.revents & POLLNVAL) != 0 ? -EBADF : (int64_t)(unsigned short)poll.revents;
}
