/* SPDX-License-Identifier: MIT */
/*
 * A stream in direct style: the next item, all of them, and the end.
 */
#include <tug/stream.h>

#include <errno.h>
#include <string.h>

#include <tug/cancel.h>

#include "stream/slot.h"
#include "sys/list.h"

/* ---- One item ---- */

/* A poll that was cancelled is made once more: what is there at this moment was not cancelled in
 * time. */
static int next_poll(struct tug_future *future, const struct tug_waker *waker)
{
    struct tug_next_future *self = TUG_CONTAINER_OF(future, struct tug_next_future, future);
    int result = tug_stream_poll(self->stream, waker, self->item);
    if (result == TUG_STREAM_PENDING) {
        if (!self->cancelled)
            return TUG_PENDING;
        result = -ECANCELED;
    }
    future->result = result;
    return TUG_READY;
}

static void next_cancel(struct tug_future *future)
{
    TUG_CONTAINER_OF(future, struct tug_next_future, future)->cancelled = true;
}

static const struct tug_future_vtable next_vtable = {.poll = next_poll, .cancel = next_cancel};

void tug_next_future_init(struct tug_next_future *next, struct tug_stream *stream, void *item)
{
    *next = (struct tug_next_future){{&next_vtable, 0}, stream, item, false};
}

int tug_next(struct tug_stream *stream, void *item)
{
    struct tug_next_future next;
    tug_next_future_init(&next, stream, item);
    return (int)tug_await(&next.future);
}

void tug_stream_close(struct tug_stream *stream)
{
    if (stream->vtable->close == NULL)
        return;
    struct tug_scope shield;
    tug_shield_begin(&shield);
    stream->vtable->close(stream);
    tug_scope_end(&shield, 0);
}

/* ---- All items ---- */

struct collection {
    const struct tug_item *item;
    unsigned char *items;
    size_t count, capacity;
};

static int64_t collect_one(void *argument, void *item)
{
    struct collection *collection = argument;
    size_t size = collection->item->size;
    if (collection->count == collection->capacity) {
        size_t capacity = collection->capacity * 2 + 16;
        void *items = tug_sys_realloc(collection->items, capacity * (size > 0 ? size : 1));
        if (items == NULL)
            return -ENOMEM;
        collection->items = items;
        collection->capacity = capacity;
    }
    memcpy(collection->items + size * collection->count++, item, size);
    return 1;
}

static void drop_collection(struct collection *collection)
{
    for (size_t i = 0; i < collection->count; i++)
        tug_item_drop(collection->item, collection->items + collection->item->size * i);
    tug_sys_free(collection->items);
}

/* Has fn see each item; what it returns 1 for it has taken over. */
static int64_t for_each(struct tug_stream *stream, int64_t (*fn)(void *context, void *item),
                        void *context, bool may_take)
{
    TUG_ITEM_SLOT(item, stream->item);
    for (;;) {
        int64_t result = tug_next(stream, item);
        if (result <= 0)
            return result;
        result = fn(context, item);
        if (!may_take || result != 1)
            tug_stream_drop(stream, item);
        if (result < 0)
            return result;
    }
}

int tug_stream_collect(struct tug_stream *stream, void **items, size_t *count)
{
    struct collection collection = {.item = &stream->item};
    int64_t result = for_each(stream, collect_one, &collection, true);
    if (result < 0) {
        drop_collection(&collection);
        return (int)result;
    }
    *items = collection.items;
    *count = collection.count;
    return 0;
}

int64_t tug_stream_fold(struct tug_stream *stream, int64_t (*fn)(void *accumulator, void *item),
                        void *accumulator)
{
    return for_each(stream, fn, accumulator, false);
}
