/* SPDX-License-Identifier: MIT */
/*
 * A walk as a stream: entries out of the current batch, while a trip brings the next one. When
 * `flying`, an operation has the trip; `landed` says that it has ended and its result, and the
 * batch in the trip, have not been looked at.
 */
#include <tug/walk.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include <tug/coop.h>

#include "fs/cleanup.h"
#include "stream/walk_trip.h"
#include "sys/list.h"

static struct tug_walk *walk_of(struct tug_stream *stream)
{
    return TUG_CONTAINER_OF(stream, struct tug_walk, stream);
}

static void entry_drop(void *item)
{
    struct tug_walk_entry *entry = item;
    tug_walk_batch_put(entry->batch);
    entry->batch = NULL;
}

/* ---- Trips ---- */

static void poll_trip(struct tug_walk *self, const struct tug_waker *waker)
{
    if (self->op.future.vtable->poll(&self->op.future, waker) == TUG_PENDING)
        return;
    self->flying = false;
    self->landed = true;
}

static void start_trip(struct tug_walk *self, const struct tug_waker *waker)
{
    if (self->trip->spare == NULL) {
        self->trip->spare = self->spare;
        self->spare = NULL;
    }
    tug_op_blocking(&self->op, tug_walk_trip_run, self->trip);
    self->flying = true;
    poll_trip(self, waker);
}

/* The current batch has been handed out: it serves again unless somebody keeps an entry. */
static void let_batch_go(struct tug_walk *self)
{
    struct tug_walk_batch *batch = self->batch;
    self->batch = NULL;
    if (batch == NULL)
        return;
    if (self->spare == NULL && __atomic_load_n(&batch->references, __ATOMIC_ACQUIRE) == 1)
        self->spare = batch;
    else
        tug_walk_batch_put(batch);
}

static int make_trip(struct tug_walk *self)
{
    if (self->trip == NULL)
        self->trip = tug_walk_trip_new(self->directory, self->path, self->max_depth);
    return self->trip != NULL ? 0 : -ENOMEM;
}

/* Returns 1 when there may be another batch; 0 at the end; else why there is none yet. An error of
 * a trip comes after what the trip has brought all the same. */
static int next_batch(struct tug_walk *self, const struct tug_waker *waker)
{
    if (!self->ended && make_trip(self) != 0) {
        self->ended = true;
        self->error = -ENOMEM;
    }
    if (self->ended) {
        int error = self->error;
        self->error = 0;
        return error;
    }
    if (self->flying)
        poll_trip(self, waker);
    else if (!self->landed)
        start_trip(self, waker);
    if (self->flying)
        return TUG_STREAM_PENDING;
    self->landed = false;
    self->error = self->op.future.result < 0 ? (int)self->op.future.result : 0;
    self->ended = self->error != 0 || self->trip->ended;
    self->batch = self->trip->batch;
    self->trip->batch = NULL;
    if (!self->ended)
        start_trip(self, waker);
    return 1;
}

/* ---- The stream ---- */

static int hand_out(struct tug_walk *self, const struct tug_walk_record *record, void *item)
{
    struct tug_walk_batch *batch = self->batch;
    if (record->error != 0) {
        self->failed = (int)(batch->next - 1);
        return record->error;
    }
    const struct tug_walk_entry entry = {
        .path = batch->text + record->path,
        .relative = batch->text + record->path + self->trip->root_length,
        .name = batch->text + record->name,
        .inode = record->inode,
        .depth = record->depth,
        .type = record->type,
        .batch = batch,
    };
    __atomic_fetch_add(&batch->references, 1, __ATOMIC_RELAXED);
    memcpy(item, &entry, sizeof entry);
    return 1;
}

static int walk_next(struct tug_stream *stream, const struct tug_waker *waker, void *item)
{
    struct tug_walk *self = walk_of(stream);
    self->failed = -1;
    while (self->batch == NULL || self->batch->next == self->batch->count) {
        let_batch_go(self);
        int result = next_batch(self, waker);
        if (result != 1)
            return result;
    }
    if (tug_coop_poll(waker) == TUG_PENDING)
        return TUG_STREAM_PENDING;
    return hand_out(self, &self->batch->records[self->batch->next++], item);
}

static void walk_close(struct tug_stream *stream)
{
    struct tug_walk *self = walk_of(stream);
    if (self->flying) {
        self->op.future.vtable->cancel(&self->op.future);
        tug_await(&self->op.future);
    }
    tug_walk_batch_put(self->batch);
    tug_walk_batch_put(self->spare);
    if (self->trip != NULL && self->trip->tree.depth > 0)
        tug_fs_clean_up(tug_walk_trip_free, self->trip);
    else if (self->trip != NULL)
        tug_walk_trip_free(self->trip);
}

static const struct tug_stream_vtable walk_vtable = {walk_next, walk_close};

struct tug_stream *tug_walk_at(struct tug_walk *self, int directory, const char *path,
                               unsigned max_depth)
{
    *self = (struct tug_walk){
        .stream = {&walk_vtable, {sizeof(struct tug_walk_entry), entry_drop}},
        .path = path,
        .max_depth = max_depth,
        .directory = directory,
        .failed = -1,
    };
    return &self->stream;
}

struct tug_stream *tug_walk(struct tug_walk *self, const char *path, unsigned max_depth)
{
    return tug_walk_at(self, AT_FDCWD, path, max_depth);
}

const char *tug_walk_failed(const struct tug_walk *self)
{
    if (self->failed < 0)
        return NULL;
    return self->batch->text + self->batch->records[self->failed].path;
}
