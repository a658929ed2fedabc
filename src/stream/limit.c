/* SPDX-License-Identifier: MIT */
/*
 * Items not too fast, and not too slow. A timer that is armed is left alone when its deadline is
 * put off: a stream whose items come in time costs a timer per `duration`, not per item.
 */
#include <tug/stream_time.h>

#include <errno.h>

#include "sys/list.h"

static struct tug_stream_limit *limit_of(struct tug_stream *stream)
{
    return TUG_CONTAINER_OF(stream, struct tug_stream_limit, stream);
}

static int throttle_next(struct tug_stream *stream, const struct tug_waker *waker, void *item)
{
    struct tug_stream_limit *self = limit_of(stream);
    if (self->waiting && !tug_stream_timer_poll(&self->timer, self->deadline, waker))
        return TUG_STREAM_PENDING;
    int result = tug_stream_poll(self->source, waker, item);
    self->waiting = result == 1;
    if (self->waiting)
        self->deadline = tug_deadline_after(self->duration);
    return result;
}

static int timeout_next(struct tug_stream *stream, const struct tug_waker *waker, void *item)
{
    struct tug_stream_limit *self = limit_of(stream);
    int result = tug_stream_poll(self->source, waker, item);
    if (result == TUG_STREAM_PENDING) {
        if (!self->waiting)
            self->deadline = tug_deadline_after(self->duration);
        self->waiting = true;
        if (!tug_stream_timer_poll(&self->timer, self->deadline, waker))
            return TUG_STREAM_PENDING;
        result = -ETIMEDOUT;
    }
    self->waiting = false;
    return result;
}

static void limit_close(struct tug_stream *stream)
{
    struct tug_stream_limit *self = limit_of(stream);
    tug_stream_timer_stop(&self->timer);
    tug_stream_close(self->source);
}

static const struct tug_stream_vtable throttle_vtable = {throttle_next, limit_close};
static const struct tug_stream_vtable timeout_vtable = {timeout_next, limit_close};

static struct tug_stream *limit_init(struct tug_stream_limit *self,
                                     const struct tug_stream_vtable *vtable,
                                     struct tug_stream *source, uint64_t duration)
{
    *self = (struct tug_stream_limit){
        .stream = {vtable, source->item},
        .source = source,
        .duration = duration,
    };
    return &self->stream;
}

struct tug_stream *tug_stream_throttle(struct tug_stream_limit *self, struct tug_stream *source,
                                       uint64_t duration)
{
    return limit_init(self, &throttle_vtable, source, duration);
}

struct tug_stream *tug_stream_timeout(struct tug_stream_limit *self, struct tug_stream *source,
                                      uint64_t duration)
{
    return limit_init(self, &timeout_vtable, source, duration);
}
