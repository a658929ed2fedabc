/* SPDX-License-Identifier: MIT */
/*
 * Streams and the clock: limits on how fast items come, and on how long one waits for them; items
 * in chunks. Each takes over the stream it is made of, as in <tug/stream_combine.h>. Times are in
 * ns, with the timers' resolution of 1 ms. No function here suspends. All members of the structs
 * are private, but for those of items.
 */
#ifndef TUG_STREAM_TIME_H
#define TUG_STREAM_TIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tug/config.h>
#include <tug/stream.h>

TUG_BEGIN_DECLS

struct tug_stream_limit {
    struct tug_stream stream;
    struct tug_stream *source;
    uint64_t duration, deadline;
    struct tug_stream_timer timer;
    bool waiting;
};

/* The same items, each at least `duration` after the one before. Errors are not held back. Returns
 * the stream. */
TUG_API struct tug_stream *tug_stream_throttle(struct tug_stream_limit *self,
                                               struct tug_stream *source, uint64_t duration);

/*
 * The same items; and -ETIMEDOUT in the place of one if it does not come within `duration` from
 * when it was first asked for. The stream goes on: who asks again waits for it as long again.
 * Returns the stream.
 */
TUG_API struct tug_stream *tug_stream_timeout(struct tug_stream_limit *self,
                                              struct tug_stream *source, uint64_t duration);

/* Several items in one: a malloc'ed array, which drop gives up together with what is in it. */
struct tug_chunk {
    void *items;
    size_t count;
    struct tug_item item;
};

struct tug_stream_chunks {
    struct tug_stream stream;
    struct tug_stream *source;
    struct tug_chunk chunk; /* that is being filled */
    size_t size;
    uint64_t duration, deadline;
    struct tug_stream_timer timer;
    int error; /* comes after the chunk before it */
    bool ended;
};

/*
 * Items in chunks (struct tug_chunk) of `size`, 1 or more; fewer at the end and before an error.
 * -ENOMEM in the place of a chunk, whose items come later. Returns the stream.
 */
TUG_API struct tug_stream *tug_stream_chunks(struct tug_stream_chunks *self,
                                             struct tug_stream *source, size_t size);

/* The same; and a chunk comes `duration` after its first item, whatever is in it. */
TUG_API struct tug_stream *tug_stream_chunks_timeout(struct tug_stream_chunks *self,
                                                     struct tug_stream *source, size_t size,
                                                     uint64_t duration);

TUG_END_DECLS

#endif
