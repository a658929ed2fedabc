/* SPDX-License-Identifier: MIT */
/*
 * Several messages with one system call.
 *
 * Neither is an operation of the drivers: the call is tried at once, and only a wait for the socket
 * goes to the driver. A batch is cut to the coop budget that is left, so that nobody has to give
 * way with messages in his hands; the first unit is paid before the attempt, or by the wait.
 */
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include <tug/coop.h>
#include <tug/socket.h>
#include <tug/sys.h>

#include "task/carry_out.h"
#include "task/executor.h"

typedef int (*attempt_fn)(int fd, struct mmsghdr *messages, unsigned count, int flags);

/* How many messages may be moved by a caller that has paid for one. */
static unsigned affordable(unsigned count)
{
    const struct tug_executor *executor = tug_executor_current();
    if (executor == NULL || executor->current == NULL || executor->unconstrained)
        return count;
    return count <= executor->budget ? count : executor->budget + 1;
}

/* The first was paid for beforehand; how many more there are only the call has told. */
static void pay_for(unsigned count)
{
    struct tug_executor *executor = tug_executor_current();
    if (executor == NULL || executor->current == NULL)
        return;
    while (count-- > 1)
        tug_coop_take(executor);
}

static int move(int fd, struct mmsghdr *messages, unsigned count, int flags, attempt_fn attempt,
                unsigned events)
{
    int64_t result = tug_coop_consume();
    while (result >= 0) {
        int moved = attempt(fd, messages, affordable(count), flags);
        if (moved != -EAGAIN) {
            if (moved > 0)
                pay_for((unsigned)moved);
            return moved;
        }
        struct tug_op op;
        tug_coop_restore();
        tug_op_poll(&op, fd, events);
        result = tug_op_carry_out(&op);
    }
    return (int)result;
}

int tug_recvmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags)
{
    return move(fd, messages, count, (flags | MSG_DONTWAIT) & ~MSG_WAITFORONE, tug_sys_recvmmsg,
                POLLIN);
}

int tug_sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags)
{
    return move(fd, messages, count, flags | MSG_DONTWAIT | MSG_NOSIGNAL, tug_sys_sendmmsg,
                POLLOUT);
}
