/* SPDX-License-Identifier: MIT */
/*
 * A coroutine that yields values: a task of its own, and a slot between it and who asks. The two
 * take turns:
 *
 *   NEW     there is no task yet
 *   EMPTY   the task is to make an item
 *   FULL    there is one, and the task waits until it is `wanted` again
 *   ENDED   fn has returned; then the task does not touch the generator any more
 *
 * All of that is guarded by the lock. The task's last word is said, and the consumer woken, while
 * it is held, because the generator may go as soon as ENDED is seen.
 */
#include <tug/stream_source.h>

#include <errno.h>
#include <string.h>

#include <tug/coop.h>
#include <tug/task.h>

#include "io/waker_slot.h"
#include "stream/slot.h"
#include "sys/list.h"
#include "sys/mutex.h"

enum { NEW, EMPTY, FULL, ENDED };

static struct tug_generator *generator_of(struct tug_stream *stream)
{
    return TUG_CONTAINER_OF(stream, struct tug_generator, stream);
}

static void lock(struct tug_generator *self)
{
    tug_sys_mutex_lock(tug_sys_mutex_of_word(&self->lock));
}

static void unlock(struct tug_generator *self)
{
    tug_sys_mutex_unlock(tug_sys_mutex_of_word(&self->lock));
}

/* ---- The coroutine's side ---- */

static int64_t run(void *argument)
{
    struct tug_generator *self = argument;
    int64_t result = self->fn(self, self->argument);
    lock(self);
    self->result = result < 0 ? (int)result : 0;
    self->state = ENDED;
    tug_waker_slot_wake(tug_waker_slot_take(&self->consumer));
    unlock(self);
    return result;
}

struct yielding {
    struct tug_future future;
    struct tug_generator *generator;
    bool cancelled;
};

static int yielding_poll(struct tug_future *future, const struct tug_waker *waker)
{
    struct yielding *yielding = TUG_CONTAINER_OF(future, struct yielding, future);
    struct tug_generator *self = yielding->generator;
    struct tug_waker old = {NULL, NULL};
    lock(self);
    bool ready = self->wanted || yielding->cancelled;
    future->result = self->wanted ? 0 : -ECANCELED;
    if (ready)
        old = tug_waker_slot_take(&self->producer);
    else
        old = tug_waker_slot_put(&self->producer, waker);
    unlock(self);
    tug_waker_slot_drop(old);
    return ready ? TUG_READY : TUG_PENDING;
}

static void yielding_cancel(struct tug_future *future)
{
    TUG_CONTAINER_OF(future, struct yielding, future)->cancelled = true;
}

static const struct tug_future_vtable yielding_vtable = {
    .poll = yielding_poll,
    .cancel = yielding_cancel,
};

int tug_generator_yield(struct tug_generator *self, const void *item)
{
    lock(self);
    memcpy(self->slot, item, self->stream.item.size);
    self->state = FULL;
    self->wanted = false;
    struct tug_waker consumer = tug_waker_slot_take(&self->consumer);
    unlock(self);
    tug_waker_slot_wake(consumer);
    struct yielding yielding = {{&yielding_vtable, 0}, self, false};
    int result = (int)tug_await(&yielding.future);
    if (result == 0)
        return 0;
    lock(self);
    bool left = self->state == FULL;
    if (left)
        self->state = EMPTY;
    unlock(self);
    if (left)
        tug_stream_drop(&self->stream, self->slot);
    return result;
}

/* ---- The stream's side ---- */

static int begin(struct tug_generator *self)
{
    const struct tug_spawn_options options = TUG_SPAWN_OPTIONS_INIT;
    int error = -ENOMEM;
    self->state = EMPTY;
    if (tug_item_room(&self->slot, &self->stream.item) != NULL)
        error = tug_spawn_with(&self->task, &options, run, self);
    if (error != 0)
        self->state = ENDED;
    return error;
}

static int generator_next(struct tug_stream *stream, const struct tug_waker *waker, void *item)
{
    struct tug_generator *self = generator_of(stream);
    struct tug_waker producer = {NULL, NULL}, old = {NULL, NULL};
    if (tug_coop_poll(waker) == TUG_PENDING)
        return TUG_STREAM_PENDING;
    /* Once there is a task, the state is looked at under the lock only. */
    if (self->task == NULL && self->state == NEW) {
        int error = begin(self);
        if (error != 0)
            return error;
    }
    int result = TUG_STREAM_PENDING;
    lock(self);
    if (self->state == FULL) {
        memcpy(item, self->slot, stream->item.size);
        self->state = EMPTY;
        result = 1;
    } else if (self->state == ENDED) {
        result = self->result;
        self->result = 0;
    } else {
        old = tug_waker_slot_put(&self->consumer, waker);
        self->wanted = true;
        producer = tug_waker_slot_take(&self->producer);
    }
    unlock(self);
    tug_waker_slot_drop(old);
    tug_waker_slot_wake(producer);
    if (result == TUG_STREAM_PENDING)
        tug_coop_restore();
    return result;
}

static void generator_close(struct tug_stream *stream)
{
    struct tug_generator *self = generator_of(stream);
    lock(self);
    bool ended = self->state == ENDED;
    unlock(self);
    if (self->task != NULL && ended) {
        tug_task_detach(self->task);
    } else if (self->task != NULL) {
        tug_task_abort(self->task);
        tug_join(self->task, NULL);
    }
    tug_waker_slot_drop(tug_waker_slot_take(&self->consumer));
    tug_sys_free(self->slot);
}

static const struct tug_stream_vtable generator_vtable = {generator_next, generator_close};

struct tug_stream *tug_generator(struct tug_generator *self, struct tug_item item,
                                 int64_t (*fn)(struct tug_generator *self, void *argument),
                                 void *argument)
{
    *self = (struct tug_generator){
        .stream = {&generator_vtable, item},
        .fn = fn,
        .argument = argument,
    };
    return &self->stream;
}
