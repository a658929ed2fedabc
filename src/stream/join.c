/* SPDX-License-Identifier: MIT */
/*
 * Several streams as one: one after the other, at once, in pairs, and streams of streams.
 */
#include <tug/stream_combine.h>

#include <errno.h>

#include "stream/slot.h"
#include "sys/list.h"

/* ---- chain ---- */

static int chain_next(struct tug_stream *stream, const struct tug_waker *waker, void *item)
{
    struct tug_stream_chain *self = TUG_CONTAINER_OF(stream, struct tug_stream_chain, stream);
    if (!self->first_ended) {
        int result = tug_stream_poll(self->first, waker, item);
        if (result != 0)
            return result;
        self->first_ended = true;
    }
    return tug_stream_poll(self->second, waker, item);
}

static void chain_close(struct tug_stream *stream)
{
    struct tug_stream_chain *self = TUG_CONTAINER_OF(stream, struct tug_stream_chain, stream);
    tug_stream_close(self->first);
    tug_stream_close(self->second);
}

static const struct tug_stream_vtable chain_vtable = {chain_next, chain_close};

struct tug_stream *tug_stream_chain(struct tug_stream_chain *self, struct tug_stream *first,
                                    struct tug_stream *second)
{
    *self = (struct tug_stream_chain){{&chain_vtable, first->item}, first, second, false};
    return &self->stream;
}

/* ---- merge: whose item was the last is asked last ---- */

static int merge_next(struct tug_stream *stream, const struct tug_waker *waker, void *item)
{
    struct tug_stream_merge *self = TUG_CONTAINER_OF(stream, struct tug_stream_merge, stream);
    int result = 0;
    for (size_t asked = 0; asked < self->count; asked++) {
        size_t i = self->next + asked;
        i -= i >= self->count ? self->count : 0;
        int one = tug_stream_poll(self->sources[i], waker, item);
        if (one != 0 && one != TUG_STREAM_PENDING) {
            self->next = i + 1 == self->count ? 0 : i + 1;
            return one;
        }
        if (one != 0)
            result = one;
    }
    return result;
}

static void merge_close(struct tug_stream *stream)
{
    struct tug_stream_merge *self = TUG_CONTAINER_OF(stream, struct tug_stream_merge, stream);
    for (size_t i = 0; i < self->count; i++)
        tug_stream_close(self->sources[i]);
}

static const struct tug_stream_vtable merge_vtable = {merge_next, merge_close};

struct tug_stream *tug_stream_merge(struct tug_stream_merge *self,
                                    struct tug_stream *const *sources, size_t count)
{
    *self = (struct tug_stream_merge){{&merge_vtable, sources[0]->item}, sources, count, 0};
    return &self->stream;
}

/* ---- zip ---- */

static struct tug_stream_zip *zip_of(struct tug_stream *stream)
{
    return TUG_CONTAINER_OF(stream, struct tug_stream_zip, stream);
}

static void zip_let_go(struct tug_stream_zip *self)
{
    if (self->holding)
        tug_stream_drop(self->first, self->held);
    self->holding = false;
}

static int zip_next(struct tug_stream *stream, const struct tug_waker *waker, void *item)
{
    struct tug_stream_zip *self = zip_of(stream);
    TUG_ITEM_SLOT(second, self->second->item);
    if (self->ended)
        return 0;
    if (tug_item_room(&self->held, &self->first->item) == NULL) {
        self->ended = true;
        return -ENOMEM;
    }
    int result = 1;
    if (!self->holding)
        result = tug_stream_poll(self->first, waker, self->held);
    self->holding = result == 1;
    if (result == 1)
        result = tug_stream_poll(self->second, waker, second);
    if (result == 0) {
        self->ended = true;
        zip_let_go(self);
    }
    if (result != 1)
        return result;
    result = self->fn(self->context, self->held, second, item);
    tug_stream_drop(self->second, second);
    zip_let_go(self);
    return result < 0 ? result : 1;
}

static void zip_close(struct tug_stream *stream)
{
    struct tug_stream_zip *self = zip_of(stream);
    zip_let_go(self);
    tug_sys_free(self->held);
    tug_stream_close(self->first);
    tug_stream_close(self->second);
}

static const struct tug_stream_vtable zip_vtable = {zip_next, zip_close};

struct tug_stream *tug_stream_zip(struct tug_stream_zip *self, struct tug_stream *first,
                                  struct tug_stream *second, struct tug_item item,
                                  int (*fn)(void *context, void *first, void *second, void *output),
                                  void *context)
{
    *self = (struct tug_stream_zip){
        .stream = {&zip_vtable, item},
        .first = first,
        .second = second,
        .fn = fn,
        .context = context,
    };
    return &self->stream;
}

/* ---- flatten ---- */

static struct tug_stream_flatten *flatten_of(struct tug_stream *stream)
{
    return TUG_CONTAINER_OF(stream, struct tug_stream_flatten, stream);
}

static void end_current(struct tug_stream_flatten *self)
{
    struct tug_stream *current = self->current;
    self->current = NULL;
    if (current != NULL) {
        tug_stream_close(current);
        tug_stream_drop(self->source, &current);
    }
}

static int flatten_next(struct tug_stream *stream, const struct tug_waker *waker, void *item)
{
    struct tug_stream_flatten *self = flatten_of(stream);
    for (;;) {
        int result;
        if (self->current == NULL) {
            result = tug_stream_poll(self->source, waker, &self->current);
            if (result != 1) {
                self->current = NULL;
                return result;
            }
        }
        result = tug_stream_poll(self->current, waker, item);
        if (result != 0)
            return result;
        end_current(self);
    }
}

static void flatten_close(struct tug_stream *stream)
{
    struct tug_stream_flatten *self = flatten_of(stream);
    end_current(self);
    tug_stream_close(self->source);
}

static const struct tug_stream_vtable flatten_vtable = {flatten_next, flatten_close};

struct tug_stream *tug_stream_flatten(struct tug_stream_flatten *self, struct tug_stream *source,
                                      struct tug_item item)
{
    *self = (struct tug_stream_flatten){{&flatten_vtable, item}, source, NULL};
    return &self->stream;
}
