/* SPDX-License-Identifier: MIT */
/*
 * The values of a channel. A receive of the channel copies only within a poll, so one is made anew
 * for each poll and nothing is lent in between; what waits is the channel's, and is given up when
 * the stream is closed.
 */
#include <tug/stream_source.h>

#include <errno.h>

#include "sys/list.h"

static int channel_next(struct tug_stream *stream, const struct tug_waker *waker, void *item)
{
    struct tug_stream_channel *self = TUG_CONTAINER_OF(stream, struct tug_stream_channel, stream);
    struct tug_future *receive = &self->receive.future;
    tug_mpsc_receive_future_init(&self->receive, self->receive.receiver, item, 1);
    if (receive->vtable->poll(receive, waker) == TUG_PENDING)
        return TUG_STREAM_PENDING;
    return receive->result == -EPIPE ? 0 : (int)receive->result;
}

static void channel_close(struct tug_stream *stream)
{
    struct tug_stream_channel *self = TUG_CONTAINER_OF(stream, struct tug_stream_channel, stream);
    self->receive.future.vtable->cancel(&self->receive.future);
    tug_mpsc_receiver_drop(self->receive.receiver);
}

static const struct tug_stream_vtable channel_vtable = {channel_next, channel_close};

struct tug_stream *tug_stream_channel(struct tug_stream_channel *self,
                                      struct tug_mpsc_receiver *receiver, struct tug_item item)
{
    self->stream = (struct tug_stream){&channel_vtable, item};
    tug_mpsc_receive_future_init(&self->receive, receiver, NULL, 0);
    return &self->stream;
}
