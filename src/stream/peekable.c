/* SPDX-License-Identifier: MIT */
/*
 * A look at the next item. What the look has found, an item, an error or the end, is kept until the
 * stream is asked.
 */
#include <tug/stream_combine.h>

#include <errno.h>
#include <string.h>

#include "stream/slot.h"
#include "sys/list.h"

static struct tug_stream_peekable *peekable_of(struct tug_stream *stream)
{
    return TUG_CONTAINER_OF(stream, struct tug_stream_peekable, stream);
}

static int peekable_next(struct tug_stream *stream, const struct tug_waker *waker, void *item)
{
    struct tug_stream_peekable *self = peekable_of(stream);
    if (!self->looked)
        return tug_stream_poll(self->source, waker, item);
    if (self->result == 1)
        memcpy(item, self->held, stream->item.size);
    self->looked = self->result == 0; /* the end is seen again and again */
    return self->result;
}

static void peekable_close(struct tug_stream *stream)
{
    struct tug_stream_peekable *self = peekable_of(stream);
    if (self->looked && self->result == 1)
        tug_stream_drop(stream, self->held);
    tug_sys_free(self->held);
    tug_stream_close(self->source);
}

static const struct tug_stream_vtable peekable_vtable = {peekable_next, peekable_close};

struct tug_stream *tug_stream_peekable(struct tug_stream_peekable *self, struct tug_stream *source)
{
    *self = (struct tug_stream_peekable){
        .stream = {&peekable_vtable, source->item},
        .source = source,
    };
    return &self->stream;
}

struct peeking {
    struct tug_future future;
    struct tug_stream_peekable *peekable;
    bool cancelled;
};

static int peeking_poll(struct tug_future *future, const struct tug_waker *waker)
{
    struct peeking *peeking = TUG_CONTAINER_OF(future, struct peeking, future);
    struct tug_stream_peekable *self = peeking->peekable;
    if (!self->looked) {
        int result = tug_stream_poll(self->source, waker, self->held);
        self->looked = result != TUG_STREAM_PENDING;
        if (self->looked)
            self->result = result;
        else if (!peeking->cancelled)
            return TUG_PENDING;
    }
    future->result = self->looked ? 0 : -ECANCELED;
    return TUG_READY;
}

static void peeking_cancel(struct tug_future *future)
{
    TUG_CONTAINER_OF(future, struct peeking, future)->cancelled = true;
}

static const struct tug_future_vtable peeking_vtable = {peeking_poll, peeking_cancel, NULL};

int tug_stream_peek(struct tug_stream_peekable *self, void **item)
{
    if (tug_item_room(&self->held, &self->stream.item) == NULL)
        return -ENOMEM;
    struct peeking peeking = {{&peeking_vtable, 0}, self, false};
    int result = (int)tug_await(&peeking.future);
    if (result != 0)
        return result;
    *item = self->held;
    return self->result;
}

int tug_stream_next_if(struct tug_stream_peekable *self, void *item,
                       bool (*wanted)(void *context, const void *item), void *context)
{
    void *next;
    int result = tug_stream_peek(self, &next);
    if (result != 1)
        return result;
    if (!wanted(context, next))
        return 0;
    memcpy(item, self->held, self->stream.item.size);
    self->looked = false;
    return 1;
}
