/* SPDX-License-Identifier: MIT */
/*
 * The ticks of an interval.
 */
#include <tug/stream_source.h>

#include <errno.h>
#include <string.h>

#include "sys/list.h"
#include "time/interval.h"

static int interval_next(struct tug_stream *stream, const struct tug_waker *waker, void *item)
{
    struct tug_stream_interval *self = TUG_CONTAINER_OF(stream, struct tug_stream_interval, stream);
    if (self->interval.period == 0)
        return -EINVAL;
    /* A tick costs the sleep's unit of the coop budget. */
    if (!tug_stream_timer_poll(&self->timer, self->interval.next, waker))
        return TUG_STREAM_PENDING;
    memcpy(item, &self->interval.next, sizeof self->interval.next);
    tug_interval_advance(&self->interval, tug_now());
    return 1;
}

static void interval_close(struct tug_stream *stream)
{
    tug_stream_timer_stop(&TUG_CONTAINER_OF(stream, struct tug_stream_interval, stream)->timer);
}

static const struct tug_stream_vtable interval_vtable = {interval_next, interval_close};

struct tug_stream *tug_stream_interval(struct tug_stream_interval *self,
                                       const struct tug_interval *interval)
{
    *self = (struct tug_stream_interval){
        .stream = {&interval_vtable, TUG_ITEM(uint64_t)},
        .interval = *interval,
    };
    return &self->stream;
}
