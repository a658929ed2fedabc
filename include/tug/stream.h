/* SPDX-License-Identifier: MIT */
/*
 * Streams: values that arrive over time, one after another (Rust's Stream). A stream is asked for
 * its next item; what makes items, and what changes those of another stream, is found in
 * <tug/stream_source.h>, <tug/walk.h>, <tug/stream_combine.h>, <tug/stream_time.h> and
 * <tug/stream_concurrent.h>. A pipeline is a few structs in the frame of the function that runs it:
 *
 *     struct tug_walk walk;
 *     struct tug_stream_filter files;
 *     struct tug_stream *stream = tug_walk(&walk, "src", 0);
 *     stream = tug_stream_filter(&files, stream, is_file, NULL);
 *     struct tug_walk_entry entry;
 *     while ((result = tug_next(stream, &entry)) == 1) {
 *         puts(entry.path);
 *         tug_stream_drop(stream, &entry);
 *     }
 *     tug_stream_close(stream);
 *
 * Whose an item is. Items have a fixed size and are copied into memory that the asker gives; an
 * item may own something, which its `drop` gives up. What tug_next() has stored is the caller's. To
 * a function given to a combinator items are lent: they are dropped afterwards, by the stream. (A
 * function that wants to keep what an item owns takes it out and leaves NULL behind.) A stream
 * drops the items that nobody has taken, and a stream made of others owns those: only the last one
 * is asked, and closed.
 *
 * Making a stream cannot fail: what goes wrong is told by the first call that asks for an item.
 *
 * Who implements a stream keeps these rules:
 *
 *  1. poll_next() never blocks. It returns 1 when it has stored an item; 0 at the end, and from
 *     then on always; TUG_STREAM_PENDING if there is nothing yet; or a negative errno, which takes
 *     the place of an item: another call goes on behind it, unless the stream's comment says that
 *     errors are its end (then 0 follows).
 *  2. Before it returns TUG_STREAM_PENDING it has arranged for the waker of the most recent poll to
 *     be woken when polling again is worth while. Spurious polls are allowed, lost wakes are not.
 *     The waker is borrowed: it is kept as a clone.
 *  3. After TUG_STREAM_PENDING nobody has to poll again, and the memory for the item is not lent to
 *     the stream. What the stream has in flight goes on until it is asked again or closed.
 *  4. close() asks all that is in flight to end, waits for that and frees what the stream owns, the
 *     streams below it included. It is called by a coroutine and may suspend; but a stream that has
 *     come to its end, and has not cut another short, has nothing left to wait for.
 *
 * A stream that is not made of others charges a unit of the coop budget for each item
 * (tug_coop_poll()). A stream is polled by one task at a time; it may change hands between polls.
 */
#ifndef TUG_STREAM_H
#define TUG_STREAM_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tug/config.h>
#include <tug/future.h>
#include <tug/time.h>

TUG_BEGIN_DECLS

/* Not yet. No errno, since an error of any number may come in an item's place. */
#define TUG_STREAM_PENDING INT_MIN

/* What the items of a stream are. */
struct tug_item {
    size_t size; /* bytes, at most TUG_ITEM_MAX */
    /* Gives up what an item owns, from any thread, without suspending. NULL: nothing. */
    void (*drop)(void *item);
};

/* Items are copied, also through small arrays on stacks: what is larger travels as a pointer. */
#define TUG_ITEM_MAX 1024

/* Items of a type that owns nothing. */
static inline struct tug_item tug_item_plain(size_t size)
{
    struct tug_item item = {size, NULL};
    return item;
}
#define TUG_ITEM(type) tug_item_plain(sizeof(type))

struct tug_stream;

struct tug_stream_vtable {
    int (*poll_next)(struct tug_stream *self, const struct tug_waker *waker, void *item);
    /* Called once, by a coroutine, in a shield; may suspend. NULL: there is nothing to do. */
    void (*close)(struct tug_stream *self);
};

struct tug_stream {
    const struct tug_stream_vtable *vtable;
    struct tug_item item;
};

/* poll_next() as a call, for streams made of others. Does not suspend. */
static inline int tug_stream_poll(struct tug_stream *stream, const struct tug_waker *waker,
                                  void *item)
{
    return stream->vtable->poll_next(stream, waker, item);
}

/* Gives up an item of the stream. Does not suspend. */
static inline void tug_stream_drop(const struct tug_stream *stream, void *item)
{
    if (stream->item.drop != NULL)
        stream->item.drop(item);
}

/*
 * Waits for the next item and stores it in `*item`, which has stream->item.size bytes. Suspends.
 * Cancelling loses nothing: the item comes with the next call.
 * Returns 1; 0 at the end; a negative errno that came in an item's place; the scope's reason;
 * -EPERM outside of a coroutine.
 */
TUG_API int tug_next(struct tug_stream *stream, void *item);

/* The same as a future, for tug_select() and the like. Cancelling loses nothing. All members but
 * `future` are private. */
struct tug_next_future {
    struct tug_future future;
    struct tug_stream *stream;
    void *item;
    bool cancelled;
};
TUG_API void tug_next_future_init(struct tug_next_future *next, struct tug_stream *stream,
                                  void *item);

/*
 * Ends a stream and all below it: asks what is in flight to end and waits for that, whatever scopes
 * are cancelled, and drops the items that nobody has taken. Must be called once, by a coroutine,
 * before the memory of the stream's structs goes. Suspends; never cancelled.
 */
TUG_API void tug_stream_close(struct tug_stream *stream);

/*
 * Takes all items, up to the end or the first error. Stores a malloc'ed array in `*items` (NULL if
 * there are none) and their number; the caller drops each and frees the array. Suspends.
 * Returns 0; the first error, the scope's reason or -ENOMEM: the items taken before are dropped.
 */
TUG_API int tug_stream_collect(struct tug_stream *stream, void **items, size_t *count);

/*
 * Calls fn(accumulator, item) for each item, in order, up to the end, the first error or the first
 * negative value of fn; fn may suspend. Suspends. Cancelling loses nothing but what fn does.
 * Returns 0, or that error or value, or the scope's reason.
 */
TUG_API int64_t tug_stream_fold(struct tug_stream *stream,
                                int64_t (*fn)(void *accumulator, void *item), void *accumulator);

/*
 * The rest is for streams that keep futures: what they wait for holds a waker which is part of the
 * stream, so that the task that polls may be another one each time.
 */

/* Wakes whoever polled last. All members are private; zeroed is empty. */
struct tug_stream_relay {
    uint32_t lock;
    struct tug_waker waker;
};

/* A timer that a stream keeps. All members are private; zeroed is stopped. */
struct tug_stream_timer {
    struct tug_sleep_future sleep;
    struct tug_stream_relay relay;
    bool armed;
};

/* Notes `waker` and returns one that wakes it and lives as long as the relay does: it need not be
 * cloned nor dropped, though it may. Does not suspend. */
TUG_API struct tug_waker tug_stream_relay_set(struct tug_stream_relay *relay,
                                              const struct tug_waker *waker);

/* Wakes who was noted, if anybody was since the last call. From any thread. Does not suspend. */
TUG_API void tug_stream_relay_wake(struct tug_stream_relay *relay);

/* Forgets the waker. Nothing may hold the relay's waker any more. Does not suspend. */
TUG_API void tug_stream_relay_free(struct tug_stream_relay *relay);

/* Whether the time `deadline` has come; if not, `waker` is woken when it has. A deadline may be put
 * off by a later call, not brought forward. Does not suspend. */
TUG_API bool tug_stream_timer_poll(struct tug_stream_timer *timer, uint64_t deadline,
                                   const struct tug_waker *waker);

/* Stops the timer and forgets the waker. Does not suspend. */
TUG_API void tug_stream_timer_stop(struct tug_stream_timer *timer);

TUG_END_DECLS

#endif
