/* SPDX-License-Identifier: MIT */
/*
 * Where streams come from: an array, the clock, the lines of a reader, a coroutine that yields one
 * value after another. (Directories, with a depth of 1, and trees: <tug/walk.h>.)
 */
#ifndef TUG_STREAM_SOURCE_H
#define TUG_STREAM_SOURCE_H

#include <stddef.h>
#include <stdint.h>

#include <tug/config.h>
#include <tug/mpsc.h>
#include <tug/stream.h>
#include <tug/time.h>

TUG_BEGIN_DECLS

struct tug_buffered_reader;
struct tug_task;

/* All members of the structs here are private, but for those of items. */

struct tug_stream_items {
    struct tug_stream stream;
    unsigned char *items;
    size_t left;
};

/*
 * The `count` items of an array, in order. The stream takes the items over, not the array, which
 * must stay where it is until the stream is closed. Does not suspend. Returns the stream.
 */
TUG_API struct tug_stream *tug_stream_items(struct tug_stream_items *self, void *items,
                                            size_t count, struct tug_item item);

/* One item; none. */
static inline struct tug_stream *tug_stream_once(struct tug_stream_items *self, void *value,
                                                 struct tug_item item)
{
    return tug_stream_items(self, value, 1, item);
}

static inline struct tug_stream *tug_stream_empty(struct tug_stream_items *self,
                                                  struct tug_item item)
{
    return tug_stream_items(self, NULL, 0, item);
}

struct tug_stream_interval {
    struct tug_stream stream;
    struct tug_interval interval;
    struct tug_stream_timer timer;
};

/*
 * The ticks of an interval, which is copied: items are the times, uint64_t in ns, for which the
 * ticks were set. Without an end; -EINVAL again and again if the period is 0. Does not suspend.
 * Returns the stream.
 */
TUG_API struct tug_stream *tug_stream_interval(struct tug_stream_interval *self,
                                               const struct tug_interval *interval);

struct tug_stream_channel {
    struct tug_stream stream;
    struct tug_mpsc_receive_future receive;
};

/*
 * The values of a channel, up to its end. The channel's values must have item.size bytes; its
 * function that destroys values is item.drop or does the same. The stream takes the receiver over,
 * and drops it when it is closed: then senders get -EPIPE, and what is queued is destroyed. Does
 * not suspend. Returns the stream.
 */
TUG_API struct tug_stream *tug_stream_channel(struct tug_stream_channel *self,
                                              struct tug_mpsc_receiver *receiver,
                                              struct tug_item item);

/* A line: malloc'ed text without its end and with a zero byte behind it. */
struct tug_line {
    char *text;
    size_t length;
};

struct tug_stream_lines {
    struct tug_stream stream;
    struct tug_buffered_reader *reader;
    size_t limit;
    bool ended;
};

/*
 * The lines of a reader, as struct tug_line, ended by "\n", "\r\n" or the reader's end. The reader
 * stays the caller's and must outlive the stream. An error of the reader, -ENOMEM or, for a line of
 * more than `limit` bytes, -EMSGSIZE ends the stream; what was read stays in the reader. Does not
 * suspend. Returns the stream.
 */
TUG_API struct tug_stream *tug_stream_lines(struct tug_stream_lines *self,
                                            struct tug_buffered_reader *reader, size_t limit);

struct tug_generator {
    struct tug_stream stream;
    int64_t (*fn)(struct tug_generator *self, void *argument);
    void *argument;
    struct tug_task *task;
    void *slot;
    uint32_t lock;
    int state, result;
    bool wanted;
    struct tug_waker consumer, producer;
};

/*
 * What a coroutine yields: fn(self, argument) runs as a task of its own, begun when the first item
 * is asked for, and calls tug_generator_yield() for each item. It runs on only when the next item
 * is asked for. When it returns the stream ends, after an error if it returned a negative value.
 * -ENOMEM or -ECANCELED, if the task cannot be started, ends the stream.
 * Closing the stream aborts the task and waits for it. Does not suspend. Returns the stream.
 */
TUG_API struct tug_stream *tug_generator(struct tug_generator *self, struct tug_item item,
                                         int64_t (*fn)(struct tug_generator *self, void *argument),
                                         void *argument);

/*
 * From fn: hands an item over, which is copied and belongs to the stream from then on, whatever is
 * returned; and waits until the next one is wanted. Suspends.
 * Returns 0; the scope's reason, -ECANCELED when the stream is being closed: fn is to return. An
 * item that has not been taken by then is dropped.
 */
TUG_API int tug_generator_yield(struct tug_generator *self, const void *item);

TUG_END_DECLS

#endif
