/* SPDX-License-Identifier: MIT */
/*
 * The column `blocking` of the table of operations: the system calls themselves, for the threads of
 * the pool and for callers outside of a runtime.
 *
 * Where a pipe has no reader, the thread gets -EPIPE and no signal.
 * A descriptor with O_NONBLOCK is waited for with poll(2): EAGAIN is never a result.
 */
#include <errno.h>
#include <poll.h>
#include <sys/uio.h>

#include <tug/sys.h>

#include "driver/op_table.h"
#include "sys/call.h"

int64_t tug_block_until(int fd, uint32_t events)
{
    struct pollfd poll = {.fd = fd, .events = (short)events};
    int count;
    do
        count = tug_sys_poll(&poll, 1, -1);
    while (count == -EINTR || count == 0);
    if (count < 0)
        return count;
    return (poll.revents & POLLNVAL) != 0 ? -EBADF : (int64_t)(unsigned short)poll.revents;
}

int64_t tug_block_transfer(const struct tug_op *op, int64_t (*call)(const struct tug_op *op))
{
    for (;;) {
        int64_t result = call(op);
        if (result != -EAGAIN)
            return result;
        int64_t events = tug_block_until(op->fd, tug_op_row(op)->events);
        if (events < 0)
            return events;
    }
}

static int64_t call_read(const struct tug_op *op)
{
    if (op->offset == TUG_CURRENT_POSITION)
        return tug_sys_read(op->fd, op->address, op->length);
    return tug_sys_pread(op->fd, op->address, op->length, op->offset);
}

static int64_t call_write(const struct tug_op *op)
{
    if (op->offset == TUG_CURRENT_POSITION)
        return tug_sys_write_quietly(op->fd, op->address, op->length);
    return tug_sys_pwrite(op->fd, op->address, op->length, op->offset);
}

static int64_t call_readv(const struct tug_op *op)
{
    if (op->offset == TUG_CURRENT_POSITION)
        return tug_sys_readv(op->fd, op->address, (int)op->length);
    return tug_sys_preadv(op->fd, op->address, (int)op->length, op->offset);
}

static int64_t call_writev(const struct tug_op *op)
{
    if (op->offset == TUG_CURRENT_POSITION)
        return tug_sys_writev_quietly(op->fd, op->address, (int)op->length);
    return tug_sys_pwritev(op->fd, op->address, (int)op->length, op->offset);
}

int64_t tug_block_nop(const struct tug_op *op)
{
    (void)op;
    return 0;
}

int64_t tug_block_openat(const struct tug_op *op)
{
    return tug_sys_openat(op->fd, op->address, (int)op->argument, op->argument2);
}

int64_t tug_block_close(const struct tug_op *op)
{
    return tug_sys_close(op->fd);
}

int64_t tug_block_read(const struct tug_op *op)
{
    return tug_block_transfer(op, call_read);
}

int64_t tug_block_write(const struct tug_op *op)
{
    return tug_block_transfer(op, call_write);
}

int64_t tug_block_readv(const struct tug_op *op)
{
    return tug_block_transfer(op, call_readv);
}

int64_t tug_block_writev(const struct tug_op *op)
{
    return tug_block_transfer(op, call_writev);
}

int64_t tug_block_fsync(const struct tug_op *op)
{
    return tug_sys_fsync(op->fd);
}

int64_t tug_block_fdatasync(const struct tug_op *op)
{
    return tug_sys_fdatasync(op->fd);
}

int64_t tug_block_ftruncate(const struct tug_op *op)
{
    return tug_sys_ftruncate(op->fd, op->offset);
}

int64_t tug_block_fallocate(const struct tug_op *op)
{
    return tug_sys_fallocate(op->fd, (int)op->argument, op->offset, (int64_t)op->length);
}

int64_t tug_block_fadvise(const struct tug_op *op)
{
    return tug_sys_posix_fadvise(op->fd, op->offset, (int64_t)op->length, (int)op->argument);
}

int64_t tug_block_statx(const struct tug_op *op)
{
    return tug_sys_statx(op->fd, op->address, (int)op->argument, op->argument2, op->address2);
}

int64_t tug_block_renameat(const struct tug_op *op)
{
    return tug_sys_renameat2(op->fd, op->address, op->fd2, op->address2, op->argument);
}

int64_t tug_block_unlinkat(const struct tug_op *op)
{
    return tug_sys_unlinkat(op->fd, op->address, (int)op->argument);
}

int64_t tug_block_mkdirat(const struct tug_op *op)
{
    return tug_sys_mkdirat(op->fd, op->address, op->argument);
}

int64_t tug_block_linkat(const struct tug_op *op)
{
    return tug_sys_linkat(op->fd, op->address, op->fd2, op->address2, (int)op->argument);
}

int64_t tug_block_symlinkat(const struct tug_op *op)
{
    return tug_sys_symlinkat(op->address2, op->fd, op->address);
}

int64_t tug_block_readlinkat(const struct tug_op *op)
{
    return tug_sys_readlinkat(op->fd, op->address, op->address2, op->length);
}

int64_t tug_block_fchmod(const struct tug_op *op)
{
    return tug_sys_fchmod(op->fd, op->argument);
}

int64_t tug_block_fchmodat(const struct tug_op *op)
{
    return tug_sys_fchmodat(op->fd, op->address, op->argument, (int)op->argument2);
}

int64_t tug_block_getdents(const struct tug_op *op)
{
    return tug_sys_getdents64(op->fd, op->address, op->length);
}

int64_t tug_block_poll(const struct tug_op *op)
{
    return tug_block_until(op->fd, op->argument);
}

int64_t tug_block_function(const struct tug_op *op)
{
    return op->function(op->address);
}
