/* SPDX-License-Identifier: MIT */
/* What the files of the streams share: how each kind of descriptor is read and written. */
#ifndef TUG_IO_FD_STREAM_H
#define TUG_IO_FD_STREAM_H

#include <tug/fd_stream.h>

/* Descriptors that can be polled, in fd_stream_poll.c. */
extern const struct tug_reader_vtable tug_socket_reader_vtable, tug_pipe_reader_vtable;
extern const struct tug_writer_vtable tug_socket_writer_vtable, tug_pipe_writer_vtable;

/* Files, and what is in blocking mode, in fd_stream_file.c. */
extern const struct tug_reader_vtable tug_file_reader_vtable;
extern const struct tug_writer_vtable tug_file_writer_vtable;

/* Returns NULL if memory is short. */
struct tug_fd_stream_file *tug_fd_stream_file_new(void);

/* Whether no operation is under way, and nothing was read that was not given to anybody. */
bool tug_fd_stream_file_is_idle(const struct tug_fd_stream_file *file);

/* Waits for the last operation, which is asked to end, and frees the rest. Suspends. */
void tug_fd_stream_file_free(struct tug_fd_stream_file *file);

#endif
