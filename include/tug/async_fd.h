/* SPDX-License-Identifier: MIT */
/*
 * Readiness of a descriptor that tug has no call for: a device, a library's socket, an eventfd.
 * Try first; when the call says EAGAIN, wait until another try is worth while. (Tokio's AsyncFd.)
 *
 *     static int64_t receive(int fd, void *packet)
 *     {
 *         ssize_t n = recvfrom(fd, packet, PACKET_SIZE, MSG_DONTWAIT, NULL, NULL);
 *         return n < 0 ? -errno : n;
 *     }
 *     ...
 *     int64_t n = tug_async_fd_call(socket, TUG_READABLE, receive, packet);
 *
 * Readiness is remembered until a call has found it used up (-EAGAIN) or it is cleared; then it is
 * asked for anew, from the kernel. What still holds is told again: unlike an edge it is never
 * missed. It is a hint. A descriptor that cannot be polled, like a regular file's, is always ready.
 *
 * With io_uring a wait is a poll operation of the ring, which keeps the open file alive: destroy
 * the struct tug_async_fd before its descriptor is closed, and the peer is told when the wait has
 * been taken back.
 */
#ifndef TUG_ASYNC_FD_H
#define TUG_ASYNC_FD_H

#include <stdbool.h>
#include <stdint.h>

#include <tug/config.h>
#include <tug/future.h>

TUG_BEGIN_DECLS

/* What is waited for. Errors and hang-ups make a descriptor ready for both. */
enum tug_interest { TUG_READABLE, TUG_WRITABLE };

/* The readiness of one descriptor, from any number of tasks, on any worker. */
struct tug_async_fd;

/* Makes one for a descriptor that stays the caller's; on success stores it in `*async_fd`. The mode
 * of the descriptor is not changed: calls that are tried on it must not block. Does not suspend.
 * Returns 0; -EBADF; -ENOMEM. */
TUG_API int tug_async_fd_create(struct tug_async_fd **async_fd, int fd);

/* Gives it up; the descriptor is not closed. Nobody may be waiting for it any more. From any
 * thread. Does not suspend: what the driver still has is taken back in the background. */
TUG_API void tug_async_fd_destroy(struct tug_async_fd *async_fd);

TUG_API int tug_async_fd_descriptor(const struct tug_async_fd *async_fd);

/* Waits until the descriptor is ready. Suspends. Cancelling loses nothing. Returns the poll(2)
 * events that hold, > 0; -EBADF; the scope's reason. Ready stays ready until it is cleared. */
TUG_API int tug_async_fd_wait(struct tug_async_fd *async_fd, enum tug_interest interest);

/* Forgets that it is ready, after a call has found that it is not. Does not suspend. */
TUG_API void tug_async_fd_clear(struct tug_async_fd *async_fd, enum tug_interest interest);

/* Calls call(fd, argument) once; a result of -EAGAIN clears the readiness. Does not suspend.
 * Returns what `call` returned. */
TUG_API int64_t tug_async_fd_try(struct tug_async_fd *async_fd, enum tug_interest interest,
                                 int64_t (*call)(int fd, void *argument), void *argument);

/* Calls call(fd, argument), which must not block, until it returns something else than -EAGAIN, and
 * waits for readiness in between. Suspends; costs a unit of the coop budget. Cancelling loses
 * nothing: the last call had no effect. Returns what `call` returned; the scope's reason. */
TUG_API int64_t tug_async_fd_call(struct tug_async_fd *async_fd, enum tug_interest interest,
                                  int64_t (*call)(int fd, void *argument), void *argument);

/* For poll functions, by the rules of <tug/io.h>. Returns the events; -EAGAIN: not ready, and the
 * waker will be woken, the one of the last call for this interest; -EBADF. Beside any number of
 * waits, one task at a time may poll for each interest. */
TUG_API int tug_async_fd_poll(struct tug_async_fd *async_fd, enum tug_interest interest,
                              const struct tug_waker *waker);

/* A wait as a future, whose result is that of tug_async_fd_wait(). All members but `future` are
 * private. */
struct tug_async_fd_future {
    struct tug_future future;
    struct tug_async_fd *async_fd;
    enum tug_interest interest;
    struct tug_waker waker;
    struct tug_async_fd_future *next, **previous;
    bool told;
};
TUG_API void tug_async_fd_future_init(struct tug_async_fd_future *wait,
                                      struct tug_async_fd *async_fd, enum tug_interest interest);

TUG_END_DECLS

#endif
