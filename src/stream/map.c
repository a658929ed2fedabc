/* SPDX-License-Identifier: MIT */
/*
 * Items changed and left out, by functions of the user's. All of these keep nothing between two
 * polls: an item that comes in is at once handed out or dropped.
 */
#include <tug/stream_combine.h>

#include "stream/slot.h"
#include "sys/list.h"

/* ---- map, filter_map ---- */

static int map_next(struct tug_stream *stream, const struct tug_waker *waker, void *item)
{
    struct tug_stream_map *self = TUG_CONTAINER_OF(stream, struct tug_stream_map, stream);
    TUG_ITEM_SLOT(input, self->source->item);
    for (;;) {
        int result = tug_stream_poll(self->source, waker, input);
        if (result != 1)
            return result;
        result = self->fn(self->context, input, item);
        tug_stream_drop(self->source, input);
        if (result < 0)
            return result;
        if (!self->filters || result > 0)
            return 1;
    }
}

static void map_close(struct tug_stream *stream)
{
    tug_stream_close(TUG_CONTAINER_OF(stream, struct tug_stream_map, stream)->source);
}

static const struct tug_stream_vtable map_vtable = {map_next, map_close};

static struct tug_stream *map_init(struct tug_stream_map *self, struct tug_stream *source,
                                   struct tug_item item,
                                   int (*fn)(void *context, void *input, void *output),
                                   void *context, bool filters)
{
    *self = (struct tug_stream_map){{&map_vtable, item}, source, fn, context, filters};
    return &self->stream;
}

struct tug_stream *tug_stream_map(struct tug_stream_map *self, struct tug_stream *source,
                                  struct tug_item item,
                                  int (*fn)(void *context, void *input, void *output),
                                  void *context)
{
    return map_init(self, source, item, fn, context, false);
}

struct tug_stream *tug_stream_filter_map(struct tug_stream_map *self, struct tug_stream *source,
                                         struct tug_item item,
                                         int (*fn)(void *context, void *input, void *output),
                                         void *context)
{
    return map_init(self, source, item, fn, context, true);
}

/* ---- filter, take_while ---- */

static struct tug_stream_filter *filter_of(struct tug_stream *stream)
{
    return TUG_CONTAINER_OF(stream, struct tug_stream_filter, stream);
}

static int filter_next(struct tug_stream *stream, const struct tug_waker *waker, void *item)
{
    struct tug_stream_filter *self = filter_of(stream);
    for (;;) {
        int result = tug_stream_poll(self->source, waker, item);
        if (result != 1 || self->keep(self->context, item))
            return result;
        tug_stream_drop(stream, item);
    }
}

static int take_while_next(struct tug_stream *stream, const struct tug_waker *waker, void *item)
{
    struct tug_stream_filter *self = filter_of(stream);
    if (self->ended)
        return 0;
    int result = tug_stream_poll(self->source, waker, item);
    if (result != 1 || self->keep(self->context, item))
        return result;
    tug_stream_drop(stream, item);
    self->ended = true;
    return 0;
}

static void filter_close(struct tug_stream *stream)
{
    tug_stream_close(filter_of(stream)->source);
}

static const struct tug_stream_vtable filter_vtable = {filter_next, filter_close};
static const struct tug_stream_vtable take_while_vtable = {take_while_next, filter_close};

static struct tug_stream *filter_init(struct tug_stream_filter *self,
                                      const struct tug_stream_vtable *vtable,
                                      struct tug_stream *source,
                                      bool (*keep)(void *context, const void *item), void *context)
{
    *self = (struct tug_stream_filter){{vtable, source->item}, source, keep, context, false};
    return &self->stream;
}

struct tug_stream *tug_stream_filter(struct tug_stream_filter *self, struct tug_stream *source,
                                     bool (*keep)(void *context, const void *item), void *context)
{
    return filter_init(self, &filter_vtable, source, keep, context);
}

struct tug_stream *tug_stream_take_while(struct tug_stream_filter *self, struct tug_stream *source,
                                         bool (*keep)(void *context, const void *item),
                                         void *context)
{
    return filter_init(self, &take_while_vtable, source, keep, context);
}

/* ---- take, skip ---- */

static struct tug_stream_count *count_of(struct tug_stream *stream)
{
    return TUG_CONTAINER_OF(stream, struct tug_stream_count, stream);
}

static int take_next(struct tug_stream *stream, const struct tug_waker *waker, void *item)
{
    struct tug_stream_count *self = count_of(stream);
    if (self->left == 0)
        return 0;
    int result = tug_stream_poll(self->source, waker, item);
    self->left -= result == 1;
    return result;
}

static int skip_next(struct tug_stream *stream, const struct tug_waker *waker, void *item)
{
    struct tug_stream_count *self = count_of(stream);
    for (;;) {
        int result = tug_stream_poll(self->source, waker, item);
        if (result != 1 || self->left == 0)
            return result;
        tug_stream_drop(stream, item);
        self->left--;
    }
}

static void count_close(struct tug_stream *stream)
{
    tug_stream_close(count_of(stream)->source);
}

static const struct tug_stream_vtable take_vtable = {take_next, count_close};
static const struct tug_stream_vtable skip_vtable = {skip_next, count_close};

struct tug_stream *tug_stream_take(struct tug_stream_count *self, struct tug_stream *source,
                                   uint64_t count)
{
    *self = (struct tug_stream_count){{&take_vtable, source->item}, source, count};
    return &self->stream;
}

struct tug_stream *tug_stream_skip(struct tug_stream_count *self, struct tug_stream *source,
                                   uint64_t count)
{
    *self = (struct tug_stream_count){{&skip_vtable, source->item}, source, count};
    return &self->stream;
}
