/* SPDX-License-Identifier: MIT */
/*
 * The rows of the table of operations.
 *
 * What the ring carries out and what the pool does was chosen by what is safe everywhere; the ring
 * hands most metadata operations to threads of the kernel's own anyway. TUG_ROUTE changes it for a
 * measurement (uring_route.c).
 */
#include "driver/op_table.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>

#include <tug/sys.h>

#if TUG_HAVE_IO_URING
#include <liburing.h>
#define RING(opcode, function) .ring = true, .ring_opcode = (opcode), .fill = (function)
/* Linux 6.9; liburing's headers may be older. */
#define OP_FTRUNCATE 55
#else
#define RING(opcode, function) .ring = false
#endif

/* A descriptor that nobody waits for any more is closed; the file it would have made is there. */
static int64_t close_unwanted(const struct tug_op *op, int64_t result)
{
    (void)op;
    if (result < 0)
        return result;
    tug_sys_close((int)result);
    return -ECANCELED;
}

/* clang-format off */
const struct tug_op_row tug_op_table[TUG_OP_CODE_COUNT] = {
    [TUG_OP_NOP] = {
        .name = "nop", RING(IORING_OP_NOP, tug_fill_nop),
        .attempt = tug_block_nop, .blocking = tug_block_nop,
    },
    [TUG_OP_OPENAT] = {
        .name = "openat", RING(IORING_OP_OPENAT, tug_fill_openat),
        .blocking = tug_block_openat, .finish_cancelled = close_unwanted,
    },
    [TUG_OP_CLOSE] = {
        .name = "close", RING(IORING_OP_CLOSE, tug_fill_close), .uncancellable = true,
        .blocking = tug_block_close,
    },
    [TUG_OP_READ] = {
        .name = "read", RING(IORING_OP_READ, tug_fill_read), .events = POLLIN,
        .attempt = tug_attempt_read, .blocking = tug_block_read,
    },
    [TUG_OP_WRITE] = {
        .name = "write", RING(IORING_OP_WRITE, tug_fill_write), .events = POLLOUT,
        .raises_sigpipe = true,
        .attempt = tug_attempt_write, .blocking = tug_block_write,
    },
    [TUG_OP_READV] = {
        .name = "readv", RING(IORING_OP_READV, tug_fill_readv), .events = POLLIN,
        .attempt = tug_attempt_readv, .blocking = tug_block_readv,
    },
    [TUG_OP_WRITEV] = {
        .name = "writev", RING(IORING_OP_WRITEV, tug_fill_writev), .events = POLLOUT,
        .raises_sigpipe = true,
        .attempt = tug_attempt_writev, .blocking = tug_block_writev,
    },
    [TUG_OP_FSYNC] = {
        .name = "fsync", RING(IORING_OP_FSYNC, tug_fill_fsync),
        .blocking = tug_block_fsync,
    },
    [TUG_OP_FDATASYNC] = {
        .name = "fdatasync", RING(IORING_OP_FSYNC, tug_fill_fdatasync),
        .blocking = tug_block_fdatasync,
    },
    [TUG_OP_FTRUNCATE] = {
        .name = "ftruncate", RING(OP_FTRUNCATE, tug_fill_ftruncate),
        .blocking = tug_block_ftruncate,
    },
    [TUG_OP_FALLOCATE] = {
        .name = "fallocate", RING(IORING_OP_FALLOCATE, tug_fill_fallocate),
        .blocking = tug_block_fallocate,
    },
    [TUG_OP_FADVISE] = {
        .name = "fadvise", RING(IORING_OP_FADVISE, tug_fill_fadvise),
        .ring_length_is_32_bits = true,
        .blocking = tug_block_fadvise,
    },
    [TUG_OP_STATX] = {
        .name = "statx", RING(IORING_OP_STATX, tug_fill_statx),
        .blocking = tug_block_statx,
    },
    [TUG_OP_RENAMEAT] = {
        .name = "renameat", RING(IORING_OP_RENAMEAT, tug_fill_renameat),
        .blocking = tug_block_renameat,
    },
    [TUG_OP_UNLINKAT] = {
        .name = "unlinkat", RING(IORING_OP_UNLINKAT, tug_fill_unlinkat),
        .blocking = tug_block_unlinkat,
    },
    [TUG_OP_MKDIRAT] = {
        .name = "mkdirat", RING(IORING_OP_MKDIRAT, tug_fill_mkdirat),
        .blocking = tug_block_mkdirat,
    },
    [TUG_OP_LINKAT] = {
        .name = "linkat", RING(IORING_OP_LINKAT, tug_fill_linkat),
        .blocking = tug_block_linkat,
    },
    [TUG_OP_SYMLINKAT] = {
        .name = "symlinkat", RING(IORING_OP_SYMLINKAT, tug_fill_symlinkat),
        .blocking = tug_block_symlinkat,
    },
    [TUG_OP_READLINKAT] = {
        .name = "readlinkat", .blocking = tug_block_readlinkat,
    },
    [TUG_OP_FCHMOD] = {
        .name = "fchmod", .blocking = tug_block_fchmod,
    },
    [TUG_OP_FCHMODAT] = {
        .name = "fchmodat", .blocking = tug_block_fchmodat,
    },
    [TUG_OP_GETDENTS] = {
        .name = "getdents", .blocking = tug_block_getdents,
    },
    [TUG_OP_POLL] = {
        .name = "poll", RING(IORING_OP_POLL_ADD, tug_fill_poll), .events = TUG_EVENTS_OF_ARGUMENT,
        .attempt = tug_attempt_poll, .blocking = tug_block_poll,
    },
    [TUG_OP_ACCEPT] = {
        .name = "accept", RING(IORING_OP_ACCEPT, tug_fill_accept), .events = POLLIN,
        .attempt = tug_attempt_accept, .blocking = tug_block_accept,
        .finish_cancelled = close_unwanted,
    },
    [TUG_OP_RECV] = {
        .name = "recv", RING(IORING_OP_RECV, tug_fill_recv), .events = POLLIN,
        .attempt = tug_attempt_recv, .blocking = tug_block_recv,
    },
    [TUG_OP_SEND] = {
        .name = "send", RING(IORING_OP_SEND, tug_fill_send), .events = POLLOUT,
        .attempt = tug_attempt_send, .blocking = tug_block_send,
    },
    [TUG_OP_RECV_BUFFER] = {
        .name = "recv_buffer", RING(IORING_OP_RECV, tug_fill_recv_buffer),
        .ring_has_buffers = true, .events = POLLIN,
        .attempt = tug_attempt_recv_buffer, .blocking = tug_block_recv_buffer,
    },
    [TUG_OP_RECVMSG] = {
        .name = "recvmsg", RING(IORING_OP_RECVMSG, tug_fill_recvmsg), .events = POLLIN,
        .attempt = tug_attempt_recvmsg, .blocking = tug_block_recvmsg,
    },
    [TUG_OP_SENDMSG] = {
        .name = "sendmsg", RING(IORING_OP_SENDMSG, tug_fill_sendmsg), .events = POLLOUT,
        .attempt = tug_attempt_sendmsg, .blocking = tug_block_sendmsg,
    },
    [TUG_OP_BLOCKING] = {
        .name = "blocking", .blocking = tug_block_function,
    },
};
/* clang-format on */
