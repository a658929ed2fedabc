/* SPDX-License-Identifier: MIT */
/*
 * Copying in both directions at once, by one task: two copies, and for each the shutdown of the
 * writer that follows its end. Neither keeps the other from being polled. They take turns in being
 * the first, since a direction that always finds something to do spends the whole budget of a poll.
 */
#include <tug/io_copy.h>

#include <errno.h>

#include "sys/list.h"

enum phase { COPYING, SHUTTING_DOWN, DONE };

struct direction {
    struct tug_io_copy copy;
    enum phase phase;
};

struct both {
    struct tug_future future;
    struct direction directions[2];
    int first;
    bool cancelled;
};

/* Returns 0 when this direction is done, TUG_IO_PENDING, or an error. */
static int poll_direction(struct direction *direction, const struct tug_waker *waker)
{
    if (direction->phase == COPYING) {
        int64_t result = tug_io_copy_poll(&direction->copy, waker);
        if (result < 0)
            return (int)result;
        direction->phase = SHUTTING_DOWN;
    }
    if (direction->phase == SHUTTING_DOWN) {
        int error = tug_writer_poll_shutdown(direction->copy.writer, waker);
        if (error < 0)
            return error;
        direction->phase = DONE;
    }
    return 0;
}

static int both_poll(struct tug_future *future, const struct tug_waker *waker)
{
    struct both *both = TUG_CONTAINER_OF(future, struct both, future);
    bool pending = false;
    future->result = both->cancelled ? -ECANCELED : 0;
    for (int i = 0; i < 2 && future->result == 0; i++) {
        int result = poll_direction(&both->directions[i ^ both->first], waker);
        if (result == TUG_IO_PENDING)
            pending = true;
        else
            future->result = result;
    }
    both->first ^= 1;
    return pending && future->result == 0 ? TUG_PENDING : TUG_READY;
}

static void both_cancel(struct tug_future *future)
{
    TUG_CONTAINER_OF(future, struct both, future)->cancelled = true;
}

static int begin(struct both *both, const struct tug_io_side *a, const struct tug_io_side *b,
                 const struct tug_io_copy_options *options)
{
    int error = tug_io_copy_init(&both->directions[0].copy, a->reader, b->writer, options);
    if (error < 0)
        return error;
    error = tug_io_copy_init(&both->directions[1].copy, b->reader, a->writer, options);
    both->directions[1].copy.direction = 1;
    return error;
}

int tug_io_copy_bidirectional(const struct tug_io_side *a, const struct tug_io_side *b,
                              const struct tug_io_copy_options *options, uint64_t copied[2])
{
    static const struct tug_future_vtable vtable = {.poll = both_poll, .cancel = both_cancel};
    struct both both = {.future = {&vtable, 0}};
    int result = begin(&both, a, b, options);
    if (result == 0)
        result = (int)tug_await(&both.future);
    for (int i = 0; i < 2; i++) {
        if (copied != NULL)
            copied[i] = both.directions[i].copy.copied;
        tug_io_copy_free(&both.directions[i].copy);
    }
    return result;
}
