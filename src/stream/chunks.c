/* SPDX-License-Identifier: MIT */
/*
 * Items in chunks. The chunk that is being filled is the stream's, so nothing is lost when whoever
 * asks is cancelled; what makes it complete may be its size, the time, an error or the end.
 */
#include <tug/stream_time.h>

#include <errno.h>
#include <string.h>

#include "stream/slot.h"
#include "sys/list.h"

static struct tug_stream_chunks *chunks_of(struct tug_stream *stream)
{
    return TUG_CONTAINER_OF(stream, struct tug_stream_chunks, stream);
}

static void chunk_drop(void *item)
{
    struct tug_chunk *chunk = item;
    for (size_t i = 0; i < chunk->count; i++)
        tug_item_drop(&chunk->item, (char *)chunk->items + chunk->item.size * i);
    tug_sys_free(chunk->items);
}

static bool has_room(struct tug_stream_chunks *self)
{
    size_t size = self->chunk.item.size > 0 ? self->chunk.item.size : 1;
    if (self->chunk.items == NULL && self->size <= SIZE_MAX / size)
        self->chunk.items = tug_sys_malloc(self->size * size);
    return self->chunk.items != NULL;
}

/* Items up to a full chunk. Returns 1 if there is one; else what was there instead of an item. */
static int fill(struct tug_stream_chunks *self, const struct tug_waker *waker)
{
    struct tug_chunk *chunk = &self->chunk;
    while (chunk->count < self->size) {
        if (!has_room(self))
            return -ENOMEM;
        char *place = (char *)chunk->items + chunk->item.size * chunk->count;
        int result = tug_stream_poll(self->source, waker, place);
        if (result != 1)
            return result;
        if (chunk->count++ == 0 && self->duration != TUG_FOREVER)
            self->deadline = tug_deadline_after(self->duration);
    }
    return 1;
}

static int hand_out(struct tug_stream_chunks *self, void *item)
{
    memcpy(item, &self->chunk, sizeof self->chunk);
    self->chunk.items = NULL;
    self->chunk.count = 0;
    return 1;
}

static int chunks_next(struct tug_stream *stream, const struct tug_waker *waker, void *item)
{
    struct tug_stream_chunks *self = chunks_of(stream);
    int result = self->error;
    self->error = 0;
    if (result != 0 || self->ended)
        return result;
    result = fill(self, waker);
    self->ended = result == 0;
    if (result == 1)
        return hand_out(self, item);
    if (self->chunk.count == 0)
        return result;
    if (result == TUG_STREAM_PENDING) {
        if (self->duration == TUG_FOREVER ||
            !tug_stream_timer_poll(&self->timer, self->deadline, waker))
            return result;
        result = 0;
    }
    self->error = result;
    return hand_out(self, item);
}

static void chunks_close(struct tug_stream *stream)
{
    struct tug_stream_chunks *self = chunks_of(stream);
    chunk_drop(&self->chunk);
    tug_stream_timer_stop(&self->timer);
    tug_stream_close(self->source);
}

static const struct tug_stream_vtable chunks_vtable = {chunks_next, chunks_close};

struct tug_stream *tug_stream_chunks_timeout(struct tug_stream_chunks *self,
                                             struct tug_stream *source, size_t size,
                                             uint64_t duration)
{
    *self = (struct tug_stream_chunks){
        .stream = {&chunks_vtable, {sizeof(struct tug_chunk), chunk_drop}},
        .source = source,
        .chunk = {NULL, 0, source->item},
        .size = size > 0 ? size : 1,
        .duration = duration,
    };
    return &self->stream;
}

struct tug_stream *tug_stream_chunks(struct tug_stream_chunks *self, struct tug_stream *source,
                                     size_t size)
{
    return tug_stream_chunks_timeout(self, source, size, TUG_FOREVER);
}
