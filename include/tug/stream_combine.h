/* SPDX-License-Identifier: MIT */
/*
 * Streams made of streams, one item at a time: changed, left out, put together.
 *
 * Each takes over the stream or streams it is made of: close the last one only. Errors that come in
 * an item's place are handed on unless the comment says otherwise. No function here suspends, and
 * the functions that are given must not either; they are called by whoever asks for an item.
 * All members of the structs are private.
 */
#ifndef TUG_STREAM_COMBINE_H
#define TUG_STREAM_COMBINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tug/config.h>
#include <tug/stream.h>

TUG_BEGIN_DECLS

struct tug_stream_map {
    struct tug_stream stream;
    struct tug_stream *source;
    int (*fn)(void *context, void *input, void *output);
    void *context;
    bool filters;
};

/*
 * fn(context, input, output) makes an `item` of each input, which it is lent. It returns 0, or a
 * negative errno: then there is no output, and the error takes its place. Returns the stream.
 */
TUG_API struct tug_stream *tug_stream_map(struct tug_stream_map *self, struct tug_stream *source,
                                          struct tug_item item,
                                          int (*fn)(void *context, void *input, void *output),
                                          void *context);

/* The same, where fn may also leave an input out: it returns 1 when it has made an item, 0 if there
 * is none, or a negative errno. */
TUG_API struct tug_stream *
tug_stream_filter_map(struct tug_stream_map *self, struct tug_stream *source, struct tug_item item,
                      int (*fn)(void *context, void *input, void *output), void *context);

struct tug_stream_filter {
    struct tug_stream stream;
    struct tug_stream *source;
    bool (*keep)(void *context, const void *item);
    void *context;
    bool ended;
};

/* The items for which keep(context, item) is true; the others are dropped. */
TUG_API struct tug_stream *tug_stream_filter(struct tug_stream_filter *self,
                                             struct tug_stream *source,
                                             bool (*keep)(void *context, const void *item),
                                             void *context);

/* The items before the first for which keep(context, item) is false, which is dropped; then the
 * end. */
TUG_API struct tug_stream *tug_stream_take_while(struct tug_stream_filter *self,
                                                 struct tug_stream *source,
                                                 bool (*keep)(void *context, const void *item),
                                                 void *context);

struct tug_stream_count {
    struct tug_stream stream;
    struct tug_stream *source;
    uint64_t left;
};

/* The first `count` items, then the end. Errors are not counted. */
TUG_API struct tug_stream *tug_stream_take(struct tug_stream_count *self, struct tug_stream *source,
                                           uint64_t count);

/* What comes after the first `count` items, which are dropped. Errors are not counted. */
TUG_API struct tug_stream *tug_stream_skip(struct tug_stream_count *self, struct tug_stream *source,
                                           uint64_t count);

struct tug_stream_chain {
    struct tug_stream stream;
    struct tug_stream *first, *second;
    bool first_ended;
};

/* One stream to its end, then another of the same items. */
TUG_API struct tug_stream *tug_stream_chain(struct tug_stream_chain *self, struct tug_stream *first,
                                            struct tug_stream *second);

struct tug_stream_merge {
    struct tug_stream stream;
    struct tug_stream *const *sources;
    size_t count, next;
};

/*
 * `count` streams of the same items at once, in the order in which their items come; the end when
 * all have ended. They are asked in turns, so that none which always has an item keeps the others
 * waiting. The array `sources` must stay until the stream is closed. `count` is 1 or more.
 */
TUG_API struct tug_stream *tug_stream_merge(struct tug_stream_merge *self,
                                            struct tug_stream *const *sources, size_t count);

struct tug_stream_zip {
    struct tug_stream stream;
    struct tug_stream *first, *second;
    int (*fn)(void *context, void *first, void *second, void *output);
    void *context;
    void *held; /* an item of the first, which waits for one of the second */
    bool holding, ended;
};

/*
 * Pairs: fn(context, first, second, output) makes an `item` of one item of each stream, which it is
 * lent, and returns 0 or a negative errno. The end when either has ended; the first is asked first,
 * and an item of it that has no partner is dropped. -ENOMEM.
 */
TUG_API struct tug_stream *
tug_stream_zip(struct tug_stream_zip *self, struct tug_stream *first, struct tug_stream *second,
               struct tug_item item,
               int (*fn)(void *context, void *first, void *second, void *output), void *context);

struct tug_stream_flatten {
    struct tug_stream stream;
    struct tug_stream *source;
    struct tug_stream *current;
};

/*
 * The items of streams, one stream after the other. Items of `source` are pointers, struct
 * tug_stream *, to streams of items as `item` says. Each is closed when it has ended (which
 * suspends whoever asks if it has cut another stream short), and then the drop of `source` gives it
 * up: it frees its memory, for instance. A stream that was never asked is dropped without being
 * closed.
 */
TUG_API struct tug_stream *tug_stream_flatten(struct tug_stream_flatten *self,
                                              struct tug_stream *source, struct tug_item item);

struct tug_stream_peekable {
    struct tug_stream stream;
    struct tug_stream *source;
    void *held;
    int result; /* of the look ahead */
    bool looked;
};

/* The same items, of which the next one can be looked at. */
TUG_API struct tug_stream *tug_stream_peekable(struct tug_stream_peekable *self,
                                               struct tug_stream *source);

/*
 * Looks at the next item without taking it, and stores where it is, until the stream is asked for
 * it. Suspends. Cancelling loses nothing. Returns as tug_next(), which will return the same:
 * an error is not taken, either; or -ENOMEM.
 */
TUG_API int tug_stream_peek(struct tug_stream_peekable *self, void **item);

/* Takes the next item if wanted(context, item) is true. Suspends; cancelling loses nothing. Returns
 * 1 and stores it; 0 if it is not wanted, or at the end; else as tug_stream_peek(). */
TUG_API int tug_stream_next_if(struct tug_stream_peekable *self, void *item,
                               bool (*wanted)(void *context, const void *item), void *context);

TUG_END_DECLS

#endif
