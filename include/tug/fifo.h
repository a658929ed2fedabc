/* SPDX-License-Identifier: MIT */
/*
 * Named pipes (fifo(7)). Opening one in the usual way blocks until the other end is opened, too;
 * here it does not, and who wants to wait suspends. The descriptors are plain ones in O_NONBLOCK
 * mode, for tug_read() and tug_write(), or as a reader and a writer for tug_fd_stream_open().
 *
 *     int fd = tug_fifo_open_receiver("/run/commands", TUG_FIFO_KEEP_OPEN);
 *     while ((n = tug_read(fd, buffer, sizeof(buffer))) > 0)
 *         ...
 */
#ifndef TUG_FIFO_H
#define TUG_FIFO_H

#include <sys/types.h>

#include <tug/config.h>

TUG_BEGIN_DECLS

/* Makes a named pipe. `mode`: permission bits, less the umask. Suspends. Cancelling loses nothing:
 * it was not made. Returns 0; -EEXIST and the rest of mkfifo(3). */
TUG_API int tug_fifo_create(const char *path, mode_t mode);

enum {
    /* Waits for the other end. A sender: until there is a receiver. A receiver: until a sender has
     * written something, or has come and gone. */
    TUG_FIFO_WAIT = 1,
    /* A receiver holds a sending end itself: there is never an end, however many senders come and
     * go. Senders are never told that nobody listens as long as it is open. */
    TUG_FIFO_KEEP_OPEN = 2
};

/*
 * Opens the receiving end. Without flags it does not wait, and reading returns 0, the end, whenever
 * no sender is there and nothing is left: before the first comes, and again after the last has
 * gone; what a later sender writes can then be read. Suspends. Cancelling loses nothing. Returns
 * the descriptor, close-on-exec; -EINVAL: it is no named pipe, or unknown flags; as open(2).
 */
TUG_API int tug_fifo_open_receiver(const char *path, unsigned flags);

/*
 * Opens the sending end. `flags`: 0 or TUG_FIFO_WAIT, which looks again and again, at pauses of at
 * most 16 ms. Suspends. Cancelling loses nothing. Returns the descriptor, close-on-exec; -ENXIO:
 * without TUG_FIFO_WAIT, there is no receiver; -EINVAL: it is no named pipe, or unknown flags; as
 * open(2). When all receivers are gone, writing returns -EPIPE.
 */
TUG_API int tug_fifo_open_sender(const char *path, unsigned flags);

TUG_END_DECLS

#endif
