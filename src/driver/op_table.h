/* SPDX-License-Identifier: MIT */
/*
 * The table of operations: one row per opcode, one column per way of carrying it out. A driver
 * reads a row and never asks which operation it has.
 */
#ifndef TUG_DRIVER_OP_TABLE_H
#define TUG_DRIVER_OP_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include <tug/op.h>

struct io_uring_sqe;

enum tug_op_code {
    TUG_OP_NOP,
    TUG_OP_OPENAT,
    TUG_OP_CLOSE,
    TUG_OP_READ,
    TUG_OP_WRITE,
    TUG_OP_READV,
    TUG_OP_WRITEV,
    TUG_OP_FSYNC,
    TUG_OP_FDATASYNC,
    TUG_OP_FTRUNCATE,
    TUG_OP_FALLOCATE,
    TUG_OP_FADVISE,
    TUG_OP_STATX,
    TUG_OP_RENAMEAT,
    TUG_OP_UNLINKAT,
    TUG_OP_MKDIRAT,
    TUG_OP_LINKAT,
    TUG_OP_SYMLINKAT,
    TUG_OP_READLINKAT,
    TUG_OP_FCHMOD,
    TUG_OP_FCHMODAT,
    TUG_OP_GETDENTS,
    TUG_OP_POLL,
    TUG_OP_ACCEPT,
    TUG_OP_RECV,
    TUG_OP_SEND,
    TUG_OP_RECV_BUFFER,
    TUG_OP_RECVMSG,
    TUG_OP_SENDMSG,
    TUG_OP_BLOCKING,
    TUG_OP_CODE_COUNT,
};

/* row->events: the operation says in op->argument what it waits for. */
#define TUG_EVENTS_OF_ARGUMENT UINT32_MAX

struct tug_op_row {
    const char *name;
    /* The ring's opcode. */
    uint8_t ring_opcode;
    /* Whether the ring carries it out, if it knows the opcode; else the pool does. */
    bool ring;
    /* The ring counts the length in 32 bits: above that, the pool. */
    bool ring_length_is_32_bits;
    /* The ring is lent buffers, of which the kernel chooses one (uring_buffers.c). */
    bool ring_has_buffers;
    /* Where nobody reads, SIGPIPE is sent to who makes the call. */
    bool raises_sigpipe;
    /* tug_op_cancel() does nothing. */
    bool uncancellable;
    /* The poll(2) events that make another attempt worth while; 0: the descriptor, if there is one,
     * cannot be waited for. */
    uint32_t events;
    /* Fills in a submission queue entry, all but its user_data. NULL: there is no such opcode. */
    void (*fill)(const struct tug_op *op, struct io_uring_sqe *sqe);
    /* Does it if that does not block. -EAGAIN: it would block; -EOPNOTSUPP: the descriptor does not
     * tell. NULL: always blocks, or may. */
    int64_t (*attempt)(const struct tug_op *op);
    /* Does it, blocking the thread. */
    int64_t (*blocking)(const struct tug_op *op);
    /* What becomes of the result of an op that was asked to end and was completed all the same.
     * NULL: nothing. */
    int64_t (*finish_cancelled)(const struct tug_op *op, int64_t result);
};

extern const struct tug_op_row tug_op_table[TUG_OP_CODE_COUNT];

static inline const struct tug_op_row *tug_op_row(const struct tug_op *op)
{
    return &tug_op_table[op->code];
}

static inline uint32_t tug_op_events(const struct tug_op *op)
{
    uint32_t events = tug_op_row(op)->events;
    return events == TUG_EVENTS_OF_ARGUMENT ? op->argument : events;
}

/* Waits until one of the poll(2) `events` holds, blocking the thread. Returns the events that hold,
 * or a negative errno. */
int64_t tug_block_until(int fd, uint32_t events);

/* Calls `call` until it does not say that it would block, which is what a descriptor in O_NONBLOCK
 * mode says; waits for the events of the op's row between. Returns what the last call returned, or
 * the error of the wait. */
int64_t tug_block_transfer(const struct tug_op *op, int64_t (*call)(const struct tug_op *op));

/* The column `blocking`, in op_blocking.c and op_socket.c. */
int64_t tug_block_nop(const struct tug_op *op);
int64_t tug_block_openat(const struct tug_op *op);
int64_t tug_block_close(const struct tug_op *op);
int64_t tug_block_read(const struct tug_op *op);
int64_t tug_block_write(const struct tug_op *op);
int64_t tug_block_readv(const struct tug_op *op);
int64_t tug_block_writev(const struct tug_op *op);
int64_t tug_block_fsync(const struct tug_op *op);
int64_t tug_block_fdatasync(const struct tug_op *op);
int64_t tug_block_ftruncate(const struct tug_op *op);
int64_t tug_block_fallocate(const struct tug_op *op);
int64_t tug_block_fadvise(const struct tug_op *op);
int64_t tug_block_statx(const struct tug_op *op);
int64_t tug_block_renameat(const struct tug_op *op);
int64_t tug_block_unlinkat(const struct tug_op *op);
int64_t tug_block_mkdirat(const struct tug_op *op);
int64_t tug_block_linkat(const struct tug_op *op);
int64_t tug_block_symlinkat(const struct tug_op *op);
int64_t tug_block_readlinkat(const struct tug_op *op);
int64_t tug_block_fchmod(const struct tug_op *op);
int64_t tug_block_fchmodat(const struct tug_op *op);
int64_t tug_block_getdents(const struct tug_op *op);
int64_t tug_block_poll(const struct tug_op *op);
int64_t tug_block_accept(const struct tug_op *op);
int64_t tug_block_recv(const struct tug_op *op);
int64_t tug_block_send(const struct tug_op *op);
int64_t tug_block_recv_buffer(const struct tug_op *op);
int64_t tug_block_recvmsg(const struct tug_op *op);
int64_t tug_block_sendmsg(const struct tug_op *op);
int64_t tug_block_function(const struct tug_op *op);

/* The column `attempt`, in op_attempt.c and op_socket.c. */
int64_t tug_attempt_read(const struct tug_op *op);
int64_t tug_attempt_write(const struct tug_op *op);
int64_t tug_attempt_readv(const struct tug_op *op);
int64_t tug_attempt_writev(const struct tug_op *op);
int64_t tug_attempt_poll(const struct tug_op *op);
int64_t tug_attempt_accept(const struct tug_op *op);
int64_t tug_attempt_recv(const struct tug_op *op);
int64_t tug_attempt_send(const struct tug_op *op);
int64_t tug_attempt_recv_buffer(const struct tug_op *op);
int64_t tug_attempt_recvmsg(const struct tug_op *op);
int64_t tug_attempt_sendmsg(const struct tug_op *op);

#if TUG_HAVE_IO_URING
/* The only group of buffers that a ring is lent. */
#define TUG_RING_BUFFERS 0

/* The column `fill`, in op_fill.c. */
void tug_fill_nop(const struct tug_op *op, struct io_uring_sqe *sqe);
void tug_fill_openat(const struct tug_op *op, struct io_uring_sqe *sqe);
void tug_fill_close(const struct tug_op *op, struct io_uring_sqe *sqe);
void tug_fill_read(const struct tug_op *op, struct io_uring_sqe *sqe);
void tug_fill_write(const struct tug_op *op, struct io_uring_sqe *sqe);
void tug_fill_readv(const struct tug_op *op, struct io_uring_sqe *sqe);
void tug_fill_writev(const struct tug_op *op, struct io_uring_sqe *sqe);
void tug_fill_fsync(const struct tug_op *op, struct io_uring_sqe *sqe);
void tug_fill_fdatasync(const struct tug_op *op, struct io_uring_sqe *sqe);
void tug_fill_ftruncate(const struct tug_op *op, struct io_uring_sqe *sqe);
void tug_fill_fallocate(const struct tug_op *op, struct io_uring_sqe *sqe);
void tug_fill_fadvise(const struct tug_op *op, struct io_uring_sqe *sqe);
void tug_fill_statx(const struct tug_op *op, struct io_uring_sqe *sqe);
void tug_fill_renameat(const struct tug_op *op, struct io_uring_sqe *sqe);
void tug_fill_unlinkat(const struct tug_op *op, struct io_uring_sqe *sqe);
void tug_fill_mkdirat(const struct tug_op *op, struct io_uring_sqe *sqe);
void tug_fill_linkat(const struct tug_op *op, struct io_uring_sqe *sqe);
void tug_fill_symlinkat(const struct tug_op *op, struct io_uring_sqe *sqe);
void tug_fill_poll(const struct tug_op *op, struct io_uring_sqe *sqe);
void tug_fill_accept(const struct tug_op *op, struct io_uring_sqe *sqe);
void tug_fill_recv(const struct tug_op *op, struct io_uring_sqe *sqe);
void tug_fill_send(const struct tug_op *op, struct io_uring_sqe *sqe);
void tug_fill_recv_buffer(const struct tug_op *op, struct io_uring_sqe *sqe);
void tug_fill_recvmsg(const struct tug_op *op, struct io_uring_sqe *sqe);
void tug_fill_sendmsg(const struct tug_op *op, struct io_uring_sqe *sqe);
#endif

#endif
