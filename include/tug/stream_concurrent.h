/* SPDX-License-Identifier: MIT */
/*
 * Work on several items of a stream at once, at most so many: each item is given to a function that
 * runs as a coroutine task of its own, and may suspend. No task outlives the call that runs it or
 * the stream that it belongs to.
 */
#ifndef TUG_STREAM_CONCURRENT_H
#define TUG_STREAM_CONCURRENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tug/config.h>
#include <tug/group.h>
#include <tug/stream.h>

TUG_BEGIN_DECLS

struct tug_stream_slot;

/* All members are private. */
struct tug_stream_buffered {
    struct tug_stream stream;
    struct tug_stream *source;
    int64_t (*fn)(void *context, void *input, void *output);
    void *context;
    size_t limit, busy;
    void *slots;
    struct tug_stream_slot *unused;
    struct tug_stream_slot *first, *last; /* what comes out next; in order, or as they end */
    struct tug_group group;
    struct tug_group_future end;
    struct tug_stream_relay relay;
    uint32_t lock;
    bool ordered, source_ended, ending, ended;
};

/*
 * A stream of what fn(context, input, output) makes of the items of `source`, which it takes over:
 * fn stores an `item` and returns 0 or more, or it returns a negative errno, which comes in its
 * place. It is lent the input. At most `limit` (1 or more) items are in the works or wait to be
 * asked for; none is begun but when somebody asks. Errors of the source are handed on.
 *
 * tug_stream_buffered: what comes out is in the order of what came in. tug_stream_buffer_unordered:
 * as it is ready.
 * -ENOMEM, if there is no memory for `limit` items, ends the stream; for a single task it comes in
 * the place of its item, as does -ECANCELED when the runtime is shutting down. Closing the stream
 * aborts the tasks and waits for them. Do not suspend. Return the stream.
 */
TUG_API struct tug_stream *
tug_stream_buffered(struct tug_stream_buffered *self, struct tug_stream *source, size_t limit,
                    struct tug_item item, int64_t (*fn)(void *context, void *input, void *output),
                    void *context);
TUG_API struct tug_stream *
tug_stream_buffer_unordered(struct tug_stream_buffered *self, struct tug_stream *source,
                            size_t limit, struct tug_item item,
                            int64_t (*fn)(void *context, void *input, void *output), void *context);

/*
 * Calls fn(context, item) for each item, at most `limit` (1 or more) at once; items are lent to it.
 * The stream stays the caller's, to be closed. Suspends until all tasks have ended.
 *
 * tug_stream_for_each_concurrent goes on after errors, of the stream or of fn, and returns the
 * first in the end; the try variant stops at the first error: the rest is aborted and waited for.
 * Cancelling aborts what is in the works; items not taken yet stay in the stream.
 * Return 0 if all went well; that error; the scope's reason; -ENOMEM; -EPERM outside of a
 * coroutine.
 */
TUG_API int64_t tug_stream_for_each_concurrent(struct tug_stream *stream, size_t limit,
                                               int64_t (*fn)(void *context, void *item),
                                               void *context);
TUG_API int64_t tug_stream_try_for_each_concurrent(struct tug_stream *stream, size_t limit,
                                                   int64_t (*fn)(void *context, void *item),
                                                   void *context);

TUG_END_DECLS

#endif
