/* SPDX-License-Identifier: MIT */
/*
 * Several items of a stream in the works at once, each in a task of its own.
 *
 * There are `limit` slots, each with room for an input and an output, in one block. A slot is
 * unused; or busy, from when it is filled until its output has been handed out. The list `first`
 * holds what comes out next: in order, all busy slots in the order in which they were filled, of
 * which the first may not be done yet; otherwise those that are done. `done` and the list are
 * guarded by the lock where tasks change them; the rest belongs to whoever asks.
 *
 * A task's last access to the stream is the wake; the group holds it until its function has
 * returned, and the end is not told before the group is empty.
 */
#include <tug/stream_concurrent.h>

#include <errno.h>
#include <string.h>

#include <tug/cancel.h>

#include "stream/slot.h"
#include "sys/list.h"
#include "sys/mutex.h"
#include "task/coroutine.h"

struct tug_stream_slot {
    struct tug_stream_buffered *owner;
    struct tug_stream_slot *next;
    void *input, *output;
    int result;
    bool done;
};

static struct tug_stream_buffered *buffered_of(struct tug_stream *stream)
{
    return TUG_CONTAINER_OF(stream, struct tug_stream_buffered, stream);
}

static void lock(struct tug_stream_buffered *self)
{
    tug_sys_mutex_lock(tug_sys_mutex_of_word(&self->lock));
}

static void unlock(struct tug_stream_buffered *self)
{
    tug_sys_mutex_unlock(tug_sys_mutex_of_word(&self->lock));
}

/* ---- Slots ---- */

static size_t rounded(size_t size)
{
    return (size + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
}

static int make_slots(struct tug_stream_buffered *self)
{
    size_t head = rounded(sizeof(struct tug_stream_slot));
    size_t input = rounded(self->source->item.size), output = rounded(self->stream.item.size);
    self->slots = tug_sys_calloc(self->limit, head + input + output);
    if (self->slots == NULL)
        return -ENOMEM;
    char *place = self->slots;
    for (size_t i = 0; i < self->limit; i++, place += head + input + output) {
        struct tug_stream_slot *slot = (void *)place;
        slot->owner = self;
        slot->input = place + head;
        slot->output = place + head + input;
        slot->next = self->unused;
        self->unused = slot;
    }
    tug_group_init(&self->group, 0);
    return 0;
}

static void append(struct tug_stream_buffered *self, struct tug_stream_slot *slot)
{
    slot->next = NULL;
    if (self->first == NULL)
        self->first = slot;
    else
        self->last->next = slot;
    self->last = slot;
}

static void fill(struct tug_stream_buffered *self, struct tug_stream_slot *slot)
{
    self->unused = slot->next;
    self->busy++;
    slot->done = false;
    if (self->ordered) {
        lock(self);
        append(self, slot);
        unlock(self);
    }
}

static void finish(struct tug_stream_slot *slot, int result)
{
    struct tug_stream_buffered *self = slot->owner;
    lock(self);
    slot->result = result;
    slot->done = true;
    if (!self->ordered)
        append(self, slot);
    unlock(self);
}

/* Takes out the next slot that is done, or returns NULL. */
static struct tug_stream_slot *take_done(struct tug_stream_buffered *self)
{
    lock(self);
    struct tug_stream_slot *slot = self->first;
    if (slot != NULL && slot->done)
        self->first = slot->next;
    else
        slot = NULL;
    unlock(self);
    return slot;
}

static void release(struct tug_stream_buffered *self, struct tug_stream_slot *slot)
{
    slot->next = self->unused;
    self->unused = slot;
    self->busy--;
}

/* ---- Tasks ---- */

static int64_t work(void *argument)
{
    struct tug_stream_slot *slot = argument;
    struct tug_stream_buffered *self = slot->owner;
    int64_t result = self->fn(self->context, slot->input, slot->output);
    tug_stream_drop(self->source, slot->input);
    finish(slot, result < 0 ? (int)result : 0);
    tug_stream_relay_wake(&self->relay);
    return 0;
}

static void begin(struct tug_stream_buffered *self, struct tug_stream_slot *slot)
{
    fill(self, slot);
    int error = tug_group_spawn(&self->group, work, slot);
    if (error == 0)
        return;
    tug_stream_drop(self->source, slot->input);
    finish(slot, error);
}

/* As many as there are slots, so that the source is never further ahead than its user allows. */
static void take_in(struct tug_stream_buffered *self, const struct tug_waker *waker)
{
    while (self->unused != NULL && !self->source_ended) {
        struct tug_stream_slot *slot = self->unused;
        int result = tug_stream_poll(self->source, waker, slot->input);
        if (result == TUG_STREAM_PENDING)
            return;
        if (result == 1) {
            begin(self, slot);
        } else if (result == 0) {
            self->source_ended = true;
        } else {
            fill(self, slot);
            finish(slot, result);
        }
    }
}

/* The tasks have nothing to do any more; but until they are gone they touch the slots. */
static int await_tasks(struct tug_stream_buffered *self, const struct tug_waker *relayed)
{
    if (!self->ending)
        tug_group_future_init(&self->end, &self->group);
    self->ending = true;
    struct tug_future *end = &self->end.future;
    if (end->vtable->poll(end, relayed) == TUG_PENDING)
        return TUG_STREAM_PENDING;
    self->ending = false;
    self->ended = true;
    return 0;
}

/* ---- The stream ---- */

static int buffered_next(struct tug_stream *stream, const struct tug_waker *waker, void *item)
{
    struct tug_stream_buffered *self = buffered_of(stream);
    if (self->ended)
        return 0;
    if (self->slots == NULL && make_slots(self) != 0) {
        self->ended = true;
        return -ENOMEM;
    }
    const struct tug_waker relayed = tug_stream_relay_set(&self->relay, waker);
    take_in(self, waker);
    struct tug_stream_slot *slot = take_done(self);
    if (slot != NULL) {
        int result = slot->result;
        if (result == 0)
            memcpy(item, slot->output, stream->item.size);
        release(self, slot);
        return result == 0 ? 1 : result;
    }
    if (self->busy > 0 || !self->source_ended)
        return TUG_STREAM_PENDING;
    return await_tasks(self, &relayed);
}

/* Ends all but the source. */
static void end_tasks(struct tug_stream_buffered *self)
{
    struct tug_stream_slot *slot;
    if (self->slots != NULL) {
        tug_group_cancel(&self->group);
        if (!self->ending)
            tug_group_future_init(&self->end, &self->group);
        tug_await(&self->end.future);
        while ((slot = take_done(self)) != NULL)
            if (slot->result == 0)
                tug_stream_drop(&self->stream, slot->output);
        tug_sys_free(self->slots);
    }
    tug_stream_relay_free(&self->relay);
}

static void buffered_close(struct tug_stream *stream)
{
    struct tug_stream_buffered *self = buffered_of(stream);
    end_tasks(self);
    tug_stream_close(self->source);
}

static const struct tug_stream_vtable buffered_vtable = {buffered_next, buffered_close};

static struct tug_stream *init(struct tug_stream_buffered *self, struct tug_stream *source,
                               size_t limit, struct tug_item item,
                               int64_t (*fn)(void *context, void *input, void *output),
                               void *context)
{
    *self = (struct tug_stream_buffered){
        .stream = {&buffered_vtable, item},
        .source = source,
        .fn = fn,
        .context = context,
        .limit = limit > 0 ? limit : 1,
    };
    return &self->stream;
}

struct tug_stream *tug_stream_buffered(struct tug_stream_buffered *self, struct tug_stream *source,
                                       size_t limit, struct tug_item item,
                                       int64_t (*fn)(void *context, void *input, void *output),
                                       void *context)
{
    init(self, source, limit, item, fn, context);
    self->ordered = true;
    return &self->stream;
}

struct tug_stream *
tug_stream_buffer_unordered(struct tug_stream_buffered *self, struct tug_stream *source,
                            size_t limit, struct tug_item item,
                            int64_t (*fn)(void *context, void *input, void *output), void *context)
{
    return init(self, source, limit, item, fn, context);
}

/* ---- For each, whose results are no items but errors ---- */

struct visit {
    int64_t (*fn)(void *context, void *item);
    void *context;
};

static int64_t visit_one(void *context, void *input, void *output)
{
    struct visit *visit = context;
    (void)output;
    return visit->fn(visit->context, input);
}

static int64_t for_each(struct tug_stream *stream, size_t limit,
                        int64_t (*fn)(void *context, void *item), void *context, bool stop_at_error)
{
    struct visit visit = {fn, context};
    struct tug_stream_buffered buffered;
    struct tug_scope shield;
    char nothing;
    int64_t result, first = 0;
    if (tug_coroutine_current() == NULL)
        return -EPERM;
    init(&buffered, stream, limit, tug_item_plain(0), visit_one, &visit);
    while ((result = tug_next(&buffered.stream, &nothing)) != 0) {
        if (result < 0 && first == 0)
            first = result;
        if (result < 0 && (stop_at_error || tug_cancelled() != 0))
            break;
    }
    tug_shield_begin(&shield);
    end_tasks(&buffered);
    tug_scope_end(&shield, 0);
    return first;
}

int64_t tug_stream_for_each_concurrent(struct tug_stream *stream, size_t limit,
                                       int64_t (*fn)(void *context, void *item), void *context)
{
    return for_each(stream, limit, fn, context, false);
}

int64_t tug_stream_try_for_each_concurrent(struct tug_stream *stream, size_t limit,
                                           int64_t (*fn)(void *context, void *item), void *context)
{
    return for_each(stream, limit, fn, context, true);
}
