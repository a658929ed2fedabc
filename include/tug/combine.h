/* SPDX-License-Identifier: MIT */
/*
 * Readers made of readers, and an object in two halves.
 */
#ifndef TUG_COMBINE_H
#define TUG_COMBINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tug/config.h>
#include <tug/io.h>

TUG_BEGIN_DECLS

/* The first `left` bytes of another reader, then the end. Never reads beyond them. `left` may be
 * read and set at any time. */
struct tug_take_reader {
    struct tug_reader reader;
    struct tug_reader *inner;
    uint64_t left;
};
TUG_API void tug_take_reader_init(struct tug_take_reader *self, struct tug_reader *inner,
                                  uint64_t limit);

/* One reader to its end, then another. `first` is NULL when it has ended. */
struct tug_chain_reader {
    struct tug_reader reader;
    struct tug_reader *first, *second;
};
TUG_API void tug_chain_reader_init(struct tug_chain_reader *self, struct tug_reader *first,
                                   struct tug_reader *second);

/*
 * An object that reads and writes, in two halves of which each has an owner: two tasks that end at
 * different times. The object ends with the second half. (As long as somebody outlives both tasks
 * this is not needed: use the object's reader and writer from both.)
 */
struct tug_read_half {
    struct tug_reader *reader;
};
struct tug_write_half {
    struct tug_writer *writer;
};

/* Makes both halves. end(object), unless NULL, is called when both have been given up, by whoever
 * comes last; it may suspend if that one is a coroutine. Does not suspend. Returns 0; -ENOMEM. */
TUG_API int tug_split(struct tug_read_half **read_half, struct tug_write_half **write_half,
                      struct tug_reader *reader, struct tug_writer *writer,
                      void (*end)(void *object), void *object);

/* Give up one half, from any thread. The writer's side is not shut down by that: call
 * tug_io_shutdown() first if the other side is to be told. */
TUG_API void tug_read_half_drop(struct tug_read_half *half);
TUG_API void tug_write_half_drop(struct tug_write_half *half);

/* Takes the halves back without an end of the object. Does not suspend. Returns 0; -EINVAL: they
 * are not of one object, and nothing was done. */
TUG_API int tug_reunite(struct tug_read_half *read_half, struct tug_write_half *write_half);

TUG_END_DECLS

#endif
