/* SPDX-License-Identifier: MIT */
/* What the files of the copies share: the way through the kernel. */
#ifndef TUG_IO_COPY_INTERNAL_H
#define TUG_IO_COPY_INTERNAL_H

#include <tug/fd_stream.h>
#include <tug/io_copy.h>

/* What tug_io_splice_turn() returns when the kernel does not join these two. */
#define TUG_SPLICE_REFUSED (-EOPNOTSUPP)

/* The same, but not for ever: this turn goes through memory. */
#define TUG_SPLICE_NOT_NOW (-4096) /* no errno */

/* Returns NULL if the kernel cannot copy between these two, or is short of something. */
struct tug_io_splice *tug_io_splice_new(struct tug_reader *reader, struct tug_writer *writer);

/* What the kernel has taken and not given yet is lost. */
void tug_io_splice_free(struct tug_io_splice *splice);

/* One turn of a copy: some bytes read or written, or `read_done`. Returns 0, TUG_IO_PENDING,
 * TUG_SPLICE_REFUSED, TUG_SPLICE_NOT_NOW or an error of the writer; `error` of the copy is the
 * reader's. */
int tug_io_splice_turn(struct tug_io_copy *copy, const struct tug_waker *waker);

/* Whether there are bytes that were read and not written, and how many. */
size_t tug_io_splice_held(const struct tug_io_splice *splice);

/* Reads what is held into `buffer`, which has room for all of it. Returns 0 or an error. */
int tug_io_splice_take(struct tug_io_splice *splice, unsigned char *buffer);

/* Moves bytes of a regular file from its position on, at most `most`, to a pipe in O_NONBLOCK mode,
 * if that needs no waiting for the file. Does not suspend. Returns the number of bytes;
 * TUG_SPLICE_NOT_NOW; -EAGAIN: `to` has no room; another error of either. */
int64_t tug_io_move_from_file(struct tug_fd_stream *from, struct tug_fd_stream *to, size_t most);

/* Counts what was written, and tells. */
void tug_io_copy_note(struct tug_io_copy *copy, int64_t written);

#endif
