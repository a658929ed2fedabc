/* SPDX-License-Identifier: MIT */
/*
 * A pipe in memory, in both directions: two ends, each a reader and a writer, and what is written
 * at one is read at the other. A writer waits while `capacity` bytes are on their way. (Tokio's
 * io::duplex.) For tests of protocols, and between tasks that talk in bytes.
 */
#ifndef TUG_DUPLEX_H
#define TUG_DUPLEX_H

#include <stddef.h>

#include <tug/config.h>
#include <tug/io.h>

TUG_BEGIN_DECLS

/*
 * One end. Its reader and its writer may be used by two tasks at once, on any workers.
 *
 * After a shutdown of the writer (tug_io_shutdown()) the other end reads what is on its way, then
 * the end, and further writes here return -EPIPE. When the other end has been destroyed, what it
 * had written is still read, and writes return -EPIPE; a writer that waits is woken for that.
 */
struct tug_duplex {
    struct tug_reader reader;
    struct tug_writer writer;
};

/* Makes both ends, stores them in ends[0] and ends[1]. `capacity`: bytes in each direction, at
 * least 1. Does not suspend. Returns 0; -EINVAL: capacity is 0; -ENOMEM. */
TUG_API int tug_duplex_create(struct tug_duplex *ends[2], size_t capacity);

/* Destroys one end, from any thread. No task may be waiting in it. Does not suspend. */
TUG_API void tug_duplex_destroy(struct tug_duplex *end);

TUG_END_DECLS

#endif
