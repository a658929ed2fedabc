/* SPDX-License-Identifier: MIT */
/*
 * The future, by the rules of <tug/future.h>: it keeps a clone of the waker of its last poll while
 * it is pending, and wakes it when it is not any more.
 */
#include "outbox.h"

#include <errno.h>

#include <tug/socket.h>

/* The waker that was kept, to be woken or dropped once the lock is given back. */
static struct tug_waker take_waker(struct outbox *outbox)
{
    struct tug_waker waker = outbox->waker;
    outbox->waker.vtable = NULL;
    return waker;
}

static int poll_outbox(struct tug_future *self, const struct tug_waker *waker)
{
    struct outbox *outbox = (struct outbox *)(void *)self;
    struct tug_waker old;
    pthread_mutex_lock(&outbox->lock);
    bool ready = outbox->bytes.length > 0 || outbox->dropped;
    old = take_waker(outbox);
    if (!ready && !outbox->cancelled)
        outbox->waker = tug_waker_clone(waker);
    pthread_mutex_unlock(&outbox->lock);
    if (old.vtable != NULL)
        tug_waker_drop(old);
    if (!ready && !outbox->cancelled)
        return TUG_PENDING;
    self->result = ready ? 0 : -ECANCELED;
    return TUG_READY;
}

static void cancel_outbox(struct tug_future *self)
{
    ((struct outbox *)(void *)self)->cancelled = true;
}

void outbox_rearm(struct outbox *outbox)
{
    static const struct tug_future_vtable vtable = {poll_outbox, cancel_outbox, NULL};
    outbox->future.vtable = &vtable;
    outbox->cancelled = false;
}

void outbox_init(struct outbox *outbox, int fd, size_t limit)
{
    *outbox = (struct outbox){.fd = fd, .limit = limit};
    pthread_mutex_init(&outbox->lock, NULL);
}

void outbox_destroy(struct outbox *outbox)
{
    reply_free(&outbox->bytes);
    pthread_mutex_destroy(&outbox->lock);
}

void outbox_put(struct outbox *outbox, const char *data, size_t length)
{
    pthread_mutex_lock(&outbox->lock);
    bool dropped = outbox->dropped;
    if (!dropped && outbox->bytes.length + length <= outbox->limit)
        reply_raw(&outbox->bytes, data, length);
    else
        outbox->dropped = true;
    outbox->dropped |= outbox->bytes.failed;
    bool drop = outbox->dropped && !dropped;
    struct tug_waker waker = take_waker(outbox);
    pthread_mutex_unlock(&outbox->lock);
    if (drop)
        tug_shutdown(outbox->fd, SHUT_RDWR);
    if (waker.vtable != NULL)
        tug_waker_wake(waker);
}

bool outbox_take(struct outbox *outbox, struct reply *reply)
{
    pthread_mutex_lock(&outbox->lock);
    reply_raw(reply, outbox->bytes.data, outbox->bytes.length);
    reply_clear(&outbox->bytes);
    bool wanted = !outbox->dropped;
    pthread_mutex_unlock(&outbox->lock);
    return wanted;
}
