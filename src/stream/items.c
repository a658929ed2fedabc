/* SPDX-License-Identifier: MIT */
/*
 * The items of an array.
 */
#include <tug/stream_source.h>

#include <string.h>

#include <tug/coop.h>

#include "stream/slot.h"
#include "sys/list.h"

static struct tug_stream_items *items_of(struct tug_stream *stream)
{
    return TUG_CONTAINER_OF(stream, struct tug_stream_items, stream);
}

static int items_next(struct tug_stream *stream, const struct tug_waker *waker, void *item)
{
    struct tug_stream_items *self = items_of(stream);
    if (self->left == 0)
        return 0;
    if (tug_coop_poll(waker) == TUG_PENDING)
        return TUG_STREAM_PENDING;
    memcpy(item, self->items, stream->item.size);
    self->items += stream->item.size;
    self->left--;
    return 1;
}

static void items_close(struct tug_stream *stream)
{
    struct tug_stream_items *self = items_of(stream);
    for (; self->left > 0; self->left--, self->items += stream->item.size)
        tug_stream_drop(stream, self->items);
}

static const struct tug_stream_vtable items_vtable = {items_next, items_close};

struct tug_stream *tug_stream_items(struct tug_stream_items *self, void *items, size_t count,
                                    struct tug_item item)
{
    *self = (struct tug_stream_items){{&items_vtable, item}, items, count};
    return &self->stream;
}
