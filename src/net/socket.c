/* SPDX-License-Identifier: MIT */
/*
 * The calls of <tug/socket.h>.
 *
 * A socket is connected in O_NONBLOCK mode, and waited for until it can be written to. That is the
 * same with every driver, and can be cancelled. Its mode is restored.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/uio.h>

#include <tug/socket.h>
#include <tug/sys.h>

#include "driver/buffer.h"
#include "net/pause.h"
#include "task/carry_out.h"

/* Between two attempts at a queue that is full, in ns. */
#define FIRST_PAUSE TUG_MILLISECOND
#define LAST_PAUSE (16 * TUG_MILLISECOND)

int tug_accept(int fd, struct sockaddr *address, socklen_t *length, int flags)
{
    struct tug_op op;
    tug_op_accept(&op, fd, address, length, flags);
    return (int)tug_op_carry_out(&op);
}

/* ---- Connecting ---- */

/* The second call is what completes it: it says how the attempt has ended. */
static int wait_until_connected(int fd, const struct sockaddr *address, socklen_t length)
{
    int result;
    do {
        struct tug_op op;
        tug_op_poll(&op, fd, POLLOUT);
        int64_t events = tug_op_carry_out(&op);
        if (events < 0)
            return (int)events;
        result = tug_sys_connect(fd, address, length);
    } while (result == -EALREADY || result == -EINPROGRESS);
    return result == -EISCONN ? 0 : result;
}

/* Where the peer's queue is full a local socket has nothing to be waited for. */
static int connect_patiently(int fd, const struct sockaddr *address, socklen_t length)
{
    int result;
    uint64_t pause = FIRST_PAUSE;
    while ((result = tug_sys_connect(fd, address, length)) == -EAGAIN) {
        int slept = tug_pause(&pause, LAST_PAUSE);
        if (slept < 0)
            return slept;
    }
    return result;
}

int tug_connect(int fd, const struct sockaddr *address, socklen_t length)
{
    int flags = tug_sys_fcntl(fd, F_GETFL, 0);
    if (flags < 0)
        return flags;
    int result = 0;
    if ((flags & O_NONBLOCK) == 0)
        result = tug_sys_fcntl(fd, F_SETFL, flags | O_NONBLOCK);
    if (result < 0)
        return result;
    result = connect_patiently(fd, address, length);
    if (result == -EINPROGRESS)
        result = wait_until_connected(fd, address, length);
    if ((flags & O_NONBLOCK) == 0)
        tug_sys_fcntl(fd, F_SETFL, flags);
    return result;
}

/* ---- Receiving and sending ---- */

int64_t tug_recv(int fd, void *buffer, size_t length, int flags)
{
    struct tug_op op;
    tug_op_recv(&op, fd, buffer, length, flags);
    return tug_op_carry_out(&op);
}

static inline __attribute__((always_inline)) int64_t send_some(int fd, const void *buffer,
                                                               size_t length, int flags)
{
    struct tug_op op;
    tug_op_send(&op, fd, buffer, length, flags);
    return tug_op_carry_out(&op);
}

int64_t tug_send(int fd, const void *buffer, size_t length, int flags)
{
    return send_some(fd, buffer, length, flags);
}

int64_t tug_recv_buffer(int fd, void **buffer, int flags)
{
    struct tug_op op;
    tug_op_recv_buffer(&op, fd, buffer, flags);
    return tug_op_carry_out(&op);
}

void tug_recv_buffer_release(void *buffer)
{
    tug_buffer_put(tug_driver_current(), buffer);
}

int64_t tug_peek(int fd, void *buffer, size_t length)
{
    return tug_recv(fd, buffer, length, MSG_PEEK);
}

int64_t tug_send_all(int fd, const void *buffer, size_t length, int flags)
{
    const unsigned char *data = buffer;
    size_t sent = 0;
    while (sent < length) {
        int64_t result = send_some(fd, data + sent, length - sent, flags);
        if (result < 0)
            return result;
        if (result == 0)
            return -EIO;
        sent += (size_t)result;
    }
    return (int64_t)sent;
}

int64_t tug_recvmsg(int fd, struct msghdr *message, int flags)
{
    struct tug_op op;
    tug_op_recvmsg(&op, fd, message, flags);
    return tug_op_carry_out(&op);
}

int64_t tug_sendmsg(int fd, const struct msghdr *message, int flags)
{
    struct tug_op op;
    tug_op_sendmsg(&op, fd, message, flags);
    return tug_op_carry_out(&op);
}

int64_t tug_recvfrom(int fd, void *buffer, size_t size, int flags, struct sockaddr *address,
                     socklen_t *length)
{
    struct iovec vector = {.iov_base = buffer, .iov_len = size};
    struct msghdr message = {
        .msg_name = address,
        .msg_namelen = address != NULL && length != NULL ? *length : 0,
        .msg_iov = &vector,
        .msg_iovlen = 1,
    };
    int64_t result = tug_recvmsg(fd, &message, flags);
    if (result >= 0 && length != NULL)
        *length = message.msg_namelen;
    return result;
}

int64_t tug_sendto(int fd, const void *buffer, size_t size, int flags,
                   const struct sockaddr *address, socklen_t length)
{
    struct iovec vector = {.iov_base = (void *)(uintptr_t)buffer, .iov_len = size};
    const struct msghdr message = {
        .msg_name = (void *)(uintptr_t)address,
        .msg_namelen = address != NULL ? length : 0,
        .msg_iov = &vector,
        .msg_iovlen = 1,
    };
    return tug_sendmsg(fd, &message, flags);
}

/* ---- Without waiting ---- */

/* accept4(2) knows no MSG_DONTWAIT: the driver's attempt asks poll(2) first. */
int tug_try_accept(int fd, struct sockaddr *address, socklen_t *length, int flags)
{
    struct tug_op op;
    tug_op_accept(&op, fd, address, length, flags);
    return (int)tug_op_row(&op)->attempt(&op);
}

int64_t tug_try_recv(int fd, void *buffer, size_t length, int flags)
{
    return tug_sys_recv(fd, buffer, length, flags | MSG_DONTWAIT);
}

int64_t tug_try_send(int fd, const void *buffer, size_t length, int flags)
{
    return tug_sys_send(fd, buffer, length, flags | MSG_DONTWAIT | MSG_NOSIGNAL);
}

int tug_shutdown(int fd, int how)
{
    return tug_sys_shutdown(fd, how);
}
