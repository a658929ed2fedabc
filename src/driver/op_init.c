/* SPDX-License-Identifier: MIT */
/*
 * The functions that fill in a struct tug_op: arguments into members, nothing else. Which member
 * holds what is known here, in op_blocking.c, op_attempt.c and op_fill.c only:
 *
 *   fd, address     the descriptor, or the directory and the path that is relative to it
 *   fd2, address2   the second pair of those, or where the answer goes
 *   length, offset  of the transfer or the range; the number of elements of a vector
 */
#include <fcntl.h>
#include <stddef.h>
#include <sys/socket.h>

#include <tug/op.h>

#include "driver/driver.h"
#include "driver/op_table.h"

/* The bits that poll(2) knows; above them epoll(7) has flags of its own. */
#define POLL_EVENTS 0xffffu

static void begin(struct tug_op *op, enum tug_op_code code, int fd)
{
    op->future.vtable = &tug_op_future_vtable;
    op->future.result = 0;
    op->job.previous = NULL;
    op->state = TUG_OP_NEW;
    op->code = (uint8_t)code;
    op->route = TUG_ROUTE_NONE;
    op->flags = 0;
    op->alone = 0;
    op->fd = fd;
}

/* What is lent for reading only is kept in the same member as what is written to. */
static void *unconst(const void *pointer)
{
    return (void *)(uintptr_t)pointer;
}

static void begin_transfer(struct tug_op *op, enum tug_op_code code, int fd, const void *address,
                           uint64_t length, int64_t offset)
{
    begin(op, code, fd);
    op->address = unconst(address);
    op->length = length;
    op->offset = offset;
}

static void begin_path(struct tug_op *op, enum tug_op_code code, int directory, const char *path,
                       uint32_t argument)
{
    begin(op, code, directory);
    op->address = unconst(path);
    op->argument = argument;
}

void tug_op_nop(struct tug_op *op)
{
    begin(op, TUG_OP_NOP, -1);
}

void tug_op_openat(struct tug_op *op, int directory, const char *path, int flags, mode_t mode)
{
    begin_path(op, TUG_OP_OPENAT, directory, path, (uint32_t)flags | O_CLOEXEC);
    op->argument2 = mode;
}

void tug_op_close(struct tug_op *op, int fd)
{
    begin(op, TUG_OP_CLOSE, fd);
}

void tug_op_read(struct tug_op *op, int fd, void *buffer, size_t length, int64_t offset)
{
    begin_transfer(op, TUG_OP_READ, fd, buffer, length, offset);
}

void tug_op_write(struct tug_op *op, int fd, const void *buffer, size_t length, int64_t offset)
{
    begin_transfer(op, TUG_OP_WRITE, fd, buffer, length, offset);
}

void tug_op_readv(struct tug_op *op, int fd, const struct iovec *vector, int count, int64_t offset)
{
    begin_transfer(op, TUG_OP_READV, fd, vector, (uint64_t)(int64_t)count, offset);
}

void tug_op_writev(struct tug_op *op, int fd, const struct iovec *vector, int count, int64_t offset)
{
    begin_transfer(op, TUG_OP_WRITEV, fd, vector, (uint64_t)(int64_t)count, offset);
}

void tug_op_fsync(struct tug_op *op, int fd)
{
    begin(op, TUG_OP_FSYNC, fd);
}

void tug_op_fdatasync(struct tug_op *op, int fd)
{
    begin(op, TUG_OP_FDATASYNC, fd);
}

void tug_op_ftruncate(struct tug_op *op, int fd, int64_t length)
{
    begin_transfer(op, TUG_OP_FTRUNCATE, fd, NULL, 0, length);
}

void tug_op_fallocate(struct tug_op *op, int fd, int mode, int64_t offset, int64_t length)
{
    begin_transfer(op, TUG_OP_FALLOCATE, fd, NULL, (uint64_t)length, offset);
    op->argument = (uint32_t)mode;
}

void tug_op_fadvise(struct tug_op *op, int fd, int64_t offset, int64_t length, int advice)
{
    begin_transfer(op, TUG_OP_FADVISE, fd, NULL, (uint64_t)length, offset);
    op->argument = (uint32_t)advice;
}

void tug_op_statx(struct tug_op *op, int directory, const char *path, int flags, unsigned mask,
                  struct statx *statx)
{
    begin_path(op, TUG_OP_STATX, directory, path, (uint32_t)flags);
    op->argument2 = mask;
    op->address2 = statx;
}

static void begin_two_paths(struct tug_op *op, enum tug_op_code code, int old_directory,
                            const char *old_path, int new_directory, const char *new_path,
                            uint32_t argument)
{
    begin_path(op, code, old_directory, old_path, argument);
    op->fd2 = new_directory;
    op->address2 = unconst(new_path);
}

void tug_op_renameat(struct tug_op *op, int old_directory, const char *old_path, int new_directory,
                     const char *new_path, unsigned flags)
{
    begin_two_paths(op, TUG_OP_RENAMEAT, old_directory, old_path, new_directory, new_path, flags);
}

void tug_op_unlinkat(struct tug_op *op, int directory, const char *path, int flags)
{
    begin_path(op, TUG_OP_UNLINKAT, directory, path, (uint32_t)flags);
}

void tug_op_mkdirat(struct tug_op *op, int directory, const char *path, mode_t mode)
{
    begin_path(op, TUG_OP_MKDIRAT, directory, path, mode);
}

void tug_op_linkat(struct tug_op *op, int old_directory, const char *old_path, int new_directory,
                   const char *new_path, int flags)
{
    begin_two_paths(op, TUG_OP_LINKAT, old_directory, old_path, new_directory, new_path,
                    (uint32_t)flags);
}

void tug_op_symlinkat(struct tug_op *op, const char *target, int directory, const char *path)
{
    begin_path(op, TUG_OP_SYMLINKAT, directory, path, 0);
    op->address2 = unconst(target);
}

void tug_op_readlinkat(struct tug_op *op, int directory, const char *path, char *buffer,
                       size_t size)
{
    begin_path(op, TUG_OP_READLINKAT, directory, path, 0);
    op->address2 = buffer;
    op->length = size;
}

void tug_op_fchmod(struct tug_op *op, int fd, mode_t mode)
{
    begin(op, TUG_OP_FCHMOD, fd);
    op->argument = mode;
}

void tug_op_fchmodat(struct tug_op *op, int directory, const char *path, mode_t mode, int flags)
{
    begin_path(op, TUG_OP_FCHMODAT, directory, path, mode);
    op->argument2 = (uint32_t)flags;
}

void tug_op_getdents(struct tug_op *op, int fd, void *buffer, size_t size)
{
    begin_transfer(op, TUG_OP_GETDENTS, fd, buffer, size, 0);
}

void tug_op_poll(struct tug_op *op, int fd, unsigned events)
{
    begin(op, TUG_OP_POLL, fd);
    op->argument = events & POLL_EVENTS;
}

void tug_op_accept(struct tug_op *op, int fd, struct sockaddr *address, unsigned *length, int flags)
{
    begin_transfer(op, TUG_OP_ACCEPT, fd, address, 0, TUG_CURRENT_POSITION);
    op->address2 = length;
    op->argument = (uint32_t)flags | SOCK_CLOEXEC;
}

static void begin_message(struct tug_op *op, enum tug_op_code code, int fd, const void *address,
                          size_t length, int flags)
{
    begin_transfer(op, code, fd, address, length, TUG_CURRENT_POSITION);
    op->argument = ((uint32_t)flags & ~(uint32_t)MSG_DONTWAIT) | MSG_NOSIGNAL;
}

void tug_op_recv(struct tug_op *op, int fd, void *buffer, size_t length, int flags)
{
    begin_message(op, TUG_OP_RECV, fd, buffer, length, flags);
}

void tug_op_send(struct tug_op *op, int fd, const void *buffer, size_t length, int flags)
{
    begin_message(op, TUG_OP_SEND, fd, buffer, length, flags);
}

void tug_op_recv_buffer(struct tug_op *op, int fd, void **buffer, int flags)
{
    /* With MSG_TRUNC the result would say of more bytes than there are that they were received. */
    begin_message(op, TUG_OP_RECV_BUFFER, fd, NULL, TUG_RECV_BUFFER_SIZE, flags & ~MSG_TRUNC);
    op->address2 = buffer;
    *buffer = NULL;
}

void tug_op_recvmsg(struct tug_op *op, int fd, struct msghdr *message, int flags)
{
    begin_message(op, TUG_OP_RECVMSG, fd, message, 0, flags);
}

void tug_op_sendmsg(struct tug_op *op, int fd, const struct msghdr *message, int flags)
{
    begin_message(op, TUG_OP_SENDMSG, fd, message, 0, flags);
}

void tug_op_blocking(struct tug_op *op, int64_t (*fn)(void *argument), void *argument)
{
    begin(op, TUG_OP_BLOCKING, -1);
    op->function = fn;
    op->address = argument;
}
