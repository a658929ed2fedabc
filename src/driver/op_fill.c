/* SPDX-License-Identifier: MIT */
/*
 * The column `fill` of the table of operations: submission queue entries.
 *
 * The kernel reads paths and vectors when an entry is submitted and writes buffers until it is
 * completed; all of it is the caller's memory, lent until the future is ready.
 */
#include "driver/op_table.h"

#include <fcntl.h>
#include <liburing.h>

/* What the kernel moves at once at most (its MAX_RW_COUNT, for pages of 4 KiB): a longer transfer
 * is short, as read(2) says. */
#define TRANSFER_MAX UINT64_C(0x7ffff000)

/* Linux 6.9; liburing's headers may be older. */
#define OP_FTRUNCATE 55

static unsigned transfer_length(const struct tug_op *op)
{
    return (unsigned)(op->length < TRANSFER_MAX ? op->length : TRANSFER_MAX);
}

void tug_fill_nop(const struct tug_op *op, struct io_uring_sqe *sqe)
{
    (void)op;
    io_uring_prep_nop(sqe);
}

/*
 * The ring tries an open with O_NONBLOCK first, and takes what that gives for the answer. For a
 * FIFO or a device that is another operation: it does not wait for the other end. So a thread of
 * the kernel's opens, unless the flags exclude those or ask for O_NONBLOCK themselves.
 */
void tug_fill_openat(const struct tug_op *op, struct io_uring_sqe *sqe)
{
    io_uring_prep_openat(sqe, op->fd, op->address, (int)op->argument, op->argument2);
    if ((op->argument & (O_DIRECTORY | O_PATH | O_NONBLOCK)) == 0)
        io_uring_sqe_set_flags(sqe, IOSQE_ASYNC);
}

void tug_fill_close(const struct tug_op *op, struct io_uring_sqe *sqe)
{
    io_uring_prep_close(sqe, op->fd);
}

void tug_fill_read(const struct tug_op *op, struct io_uring_sqe *sqe)
{
    io_uring_prep_read(sqe, op->fd, op->address, transfer_length(op), (uint64_t)op->offset);
}

void tug_fill_write(const struct tug_op *op, struct io_uring_sqe *sqe)
{
    io_uring_prep_write(sqe, op->fd, op->address, transfer_length(op), (uint64_t)op->offset);
}

void tug_fill_readv(const struct tug_op *op, struct io_uring_sqe *sqe)
{
    io_uring_prep_readv(sqe, op->fd, op->address, (unsigned)op->length, (uint64_t)op->offset);
}

void tug_fill_writev(const struct tug_op *op, struct io_uring_sqe *sqe)
{
    io_uring_prep_writev(sqe, op->fd, op->address, (unsigned)op->length, (uint64_t)op->offset);
}

void tug_fill_fsync(const struct tug_op *op, struct io_uring_sqe *sqe)
{
    io_uring_prep_fsync(sqe, op->fd, 0);
}

void tug_fill_fdatasync(const struct tug_op *op, struct io_uring_sqe *sqe)
{
    io_uring_prep_fsync(sqe, op->fd, IORING_FSYNC_DATASYNC);
}

void tug_fill_ftruncate(const struct tug_op *op, struct io_uring_sqe *sqe)
{
    io_uring_prep_rw(OP_FTRUNCATE, sqe, op->fd, NULL, 0, (uint64_t)op->offset);
}

void tug_fill_fallocate(const struct tug_op *op, struct io_uring_sqe *sqe)
{
    io_uring_prep_fallocate(sqe, op->fd, (int)op->argument, op->offset, (off_t)op->length);
}

void tug_fill_fadvise(const struct tug_op *op, struct io_uring_sqe *sqe)
{
    io_uring_prep_fadvise(sqe, op->fd, (uint64_t)op->offset, (off_t)op->length, (int)op->argument);
}

void tug_fill_statx(const struct tug_op *op, struct io_uring_sqe *sqe)
{
    io_uring_prep_statx(sqe, op->fd, op->address, (int)op->argument, op->argument2, op->address2);
}

void tug_fill_renameat(const struct tug_op *op, struct io_uring_sqe *sqe)
{
    io_uring_prep_renameat(sqe, op->fd, op->address, op->fd2, op->address2, op->argument);
}

void tug_fill_unlinkat(const struct tug_op *op, struct io_uring_sqe *sqe)
{
    io_uring_prep_unlinkat(sqe, op->fd, op->address, (int)op->argument);
}

void tug_fill_mkdirat(const struct tug_op *op, struct io_uring_sqe *sqe)
{
    io_uring_prep_mkdirat(sqe, op->fd, op->address, op->argument);
}

void tug_fill_linkat(const struct tug_op *op, struct io_uring_sqe *sqe)
{
    io_uring_prep_linkat(sqe, op->fd, op->address, op->fd2, op->address2, (int)op->argument);
}

void tug_fill_symlinkat(const struct tug_op *op, struct io_uring_sqe *sqe)
{
    io_uring_prep_symlinkat(sqe, op->address2, op->fd, op->address);
}

void tug_fill_accept(const struct tug_op *op, struct io_uring_sqe *sqe)
{
    io_uring_prep_accept(sqe, op->fd, op->address, op->address2, (int)op->argument);
}

void tug_fill_recv(const struct tug_op *op, struct io_uring_sqe *sqe)
{
    io_uring_prep_recv(sqe, op->fd, op->address, transfer_length(op), (int)op->argument);
}

void tug_fill_recv_buffer(const struct tug_op *op, struct io_uring_sqe *sqe)
{
    io_uring_prep_recv(sqe, op->fd, NULL, transfer_length(op), (int)op->argument);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = TUG_RING_BUFFERS;
}

void tug_fill_send(const struct tug_op *op, struct io_uring_sqe *sqe)
{
    io_uring_prep_send(sqe, op->fd, op->address, transfer_length(op), (int)op->argument);
}

void tug_fill_recvmsg(const struct tug_op *op, struct io_uring_sqe *sqe)
{
    io_uring_prep_recvmsg(sqe, op->fd, op->address, op->argument);
}

void tug_fill_sendmsg(const struct tug_op *op, struct io_uring_sqe *sqe)
{
    io_uring_prep_sendmsg(sqe, op->fd, op->address, op->argument);
}

void tug_fill_poll(const struct tug_op *op, struct io_uring_sqe *sqe)
{
    io_uring_prep_poll_add(sqe, op->fd, op->argument);
}
