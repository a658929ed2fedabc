/* SPDX-License-Identifier: MIT */
/*
 * Listeners for signals. Each has an eventfd that the handler adds to, so that waiting is reading
 * it: an operation like any other, for which no runtime needs to know of signals.
 */
#include <tug/signal.h>

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/eventfd.h>

#include <tug/sys.h>

#include "signal/registry.h"
#include "sys/call.h"
#include "sys/list.h"
#include "task/carry_out.h"

static bool can_be_listened_for(int number)
{
    switch (number) {
    case SIGKILL:
    case SIGSTOP:
    case SIGILL:
    case SIGFPE:
    case SIGSEGV:
        return false;
    default:
        return number > 0 && number < NSIG;
    }
}

int tug_signal_open(struct tug_signal *listener, int number)
{
    *listener = (struct tug_signal){.fd = -1, .number = number};
    if (!can_be_listened_for(number))
        return -EINVAL;
    int fd = tug_sys_eventfd(0, EFD_CLOEXEC);
    if (fd < 0)
        return fd;
    listener->fd = fd;
    int error = tug_signal_registry_add(listener);
    if (error != 0) {
        tug_sys_close(fd);
        listener->fd = -1;
    }
    return error;
}

void tug_signal_close(struct tug_signal *listener)
{
    if (listener->fd < 0)
        return;
    tug_signal_registry_remove(listener);
    tug_sys_close(listener->fd);
    listener->fd = -1;
}

int tug_signal_restore(int number)
{
    return number > 0 && number < NSIG ? tug_signal_registry_restore(number) : -EINVAL;
}

/* ---- Waiting ---- */

static void begin_wait(struct tug_signal_future *wait, const struct tug_signal *listener)
{
    tug_op_read(&wait->op, listener->fd, &wait->count, sizeof(wait->count), TUG_CURRENT_POSITION);
}

static int64_t outcome(int64_t length)
{
    return length < 0 ? length : 0;
}

static int signal_future_poll(struct tug_future *self, const struct tug_waker *waker)
{
    struct tug_signal_future *wait = TUG_CONTAINER_OF(self, struct tug_signal_future, future);
    struct tug_future *read = &wait->op.future;
    if (read->vtable->poll(read, waker) == TUG_PENDING)
        return TUG_PENDING;
    self->result = outcome(read->result);
    return TUG_READY;
}

static void signal_future_cancel(struct tug_future *self)
{
    struct tug_signal_future *wait = TUG_CONTAINER_OF(self, struct tug_signal_future, future);
    wait->op.future.vtable->cancel(&wait->op.future);
}

static const struct tug_future_vtable signal_future_vtable = {
    .poll = signal_future_poll,
    .cancel = signal_future_cancel,
};

void tug_signal_future_init(struct tug_signal_future *wait, struct tug_signal *listener)
{
    wait->future = (struct tug_future){&signal_future_vtable, 0};
    begin_wait(wait, listener);
}

int tug_signal_recv(struct tug_signal *listener)
{
    struct tug_signal_future wait;
    begin_wait(&wait, listener);
    return (int)outcome(tug_op_carry_out(&wait.op));
}

int tug_ctrl_c(void)
{
    struct tug_signal listener;
    int result = tug_signal_open(&listener, SIGINT);
    if (result != 0)
        return result;
    result = tug_signal_recv(&listener);
    tug_signal_close(&listener);
    return result;
}
