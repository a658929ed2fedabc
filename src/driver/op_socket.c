/* SPDX-License-Identifier: MIT */
/*
 * The columns `attempt` and `blocking` of the operations of sockets.
 *
 * Sockets are left in blocking mode, so that they are of use to other code, too, and a ring waits
 * for them by itself. MSG_DONTWAIT makes one call return at once; accept4(2) has no such flag, and
 * is made when poll(2) has seen a connection. (If another process takes that one meanwhile, and the
 * listener is in blocking mode, the thread waits for the next.)
 */
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include <tug/sys.h>

#include "driver/buffer.h"
#include "driver/op_table.h"

static int64_t call_accept(const struct tug_op *op)
{
    return tug_sys_accept4(op->fd, op->address, op->address2, (int)op->argument);
}

/* Nobody would ever connect to what is no listener. */
static int check_listener(int fd)
{
    int listens = 0;
    unsigned size = sizeof(listens);
    int error = tug_sys_getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size);
    return error == 0 && !listens ? -EINVAL : error;
}

int64_t tug_attempt_accept(const struct tug_op *op)
{
    struct pollfd poll = {.fd = op->fd, .events = POLLIN};
    int count = tug_sys_poll(&poll, 1, 0);
    if (count > 0)
        return call_accept(op);
    int error = count == 0 || count == -EINTR ? check_listener(op->fd) : count;
    return error < 0 ? error : -EAGAIN;
}

static int64_t call_recv(const struct tug_op *op)
{
    return tug_sys_recv(op->fd, op->address, op->length, (int)op->argument);
}

/* The driver of the calling thread keeps its own; a thread of the pool has none. */
static int64_t receive_into_buffer(const struct tug_op *op, int flags)
{
    struct tug_driver *driver = tug_driver_current();
    void *buffer = tug_buffer_take(driver);
    if (buffer == NULL)
        return -ENOMEM;
    int64_t result = tug_sys_recv(op->fd, buffer, op->length, flags);
    tug_buffer_hand_over(driver, op, buffer, result);
    return result;
}

static int64_t call_recv_buffer(const struct tug_op *op)
{
    return receive_into_buffer(op, (int)op->argument);
}

static int64_t call_send(const struct tug_op *op)
{
    return tug_sys_send(op->fd, op->address, op->length, (int)op->argument);
}

static int64_t call_recvmsg(const struct tug_op *op)
{
    return tug_sys_recvmsg(op->fd, op->address, (int)op->argument);
}

static int64_t call_sendmsg(const struct tug_op *op)
{
    return tug_sys_sendmsg(op->fd, op->address, (int)op->argument);
}

int64_t tug_attempt_recv(const struct tug_op *op)
{
    return tug_sys_recv(op->fd, op->address, op->length, (int)op->argument | MSG_DONTWAIT);
}

int64_t tug_attempt_recv_buffer(const struct tug_op *op)
{
    return receive_into_buffer(op, (int)op->argument | MSG_DONTWAIT);
}

int64_t tug_attempt_send(const struct tug_op *op)
{
    return tug_sys_send(op->fd, op->address, op->length, (int)op->argument | MSG_DONTWAIT);
}

int64_t tug_attempt_recvmsg(const struct tug_op *op)
{
    return tug_sys_recvmsg(op->fd, op->address, (int)op->argument | MSG_DONTWAIT);
}

int64_t tug_attempt_sendmsg(const struct tug_op *op)
{
    return tug_sys_sendmsg(op->fd, op->address, (int)op->argument | MSG_DONTWAIT);
}

int64_t tug_block_accept(const struct tug_op *op)
{
    return tug_block_transfer(op, call_accept);
}

int64_t tug_block_recv(const struct tug_op *op)
{
    return tug_block_transfer(op, call_recv);
}

int64_t tug_block_recv_buffer(const struct tug_op *op)
{
    return tug_block_transfer(op, call_recv_buffer);
}

int64_t tug_block_send(const struct tug_op *op)
{
    return tug_block_transfer(op, call_send);
}

int64_t tug_block_recvmsg(const struct tug_op *op)
{
    return tug_block_transfer(op, call_recvmsg);
}

int64_t tug_block_sendmsg(const struct tug_op *op)
{
    return tug_block_transfer(op, call_sendmsg);
}
