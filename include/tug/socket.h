/* SPDX-License-Identifier: MIT */
/*
 * Sockets, in POSIX's shape: if you know accept(2) you know tug_accept(). Each call suspends the
 * calling coroutine, never the thread. Names, listeners and streams ready made are in <tug/net.h>.
 *
 * What holds for every call here, beyond its own comment:
 *  - Returns >= 0, or a negative errno of the system call. EINTR and EAGAIN are never seen: the
 *    call waits.
 *  - SIGPIPE is never raised: who sends to a peer that is gone gets -EPIPE or -ECONNRESET.
 *  - -ECANCELED or -ETIMEDOUT: the scope around the call was cancelled, and the call had no effect:
 *    no byte was moved, no connection taken. What was completed before the cancellation reached it
 *    is returned, except that a connection that was accepted too late to be wanted is closed.
 *  - Whether the socket is in O_NONBLOCK mode makes no difference, and is not changed.
 *  - Outside of a coroutine the call blocks the thread, as its POSIX namesake does.
 *  - Several tasks may wait for one socket; those that wait for the same direction are served in
 *    the order in which they came.
 */
#ifndef TUG_SOCKET_H
#define TUG_SOCKET_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include <tug/config.h>
#include <tug/op.h>

struct mmsghdr;

TUG_BEGIN_DECLS

/* accept4(2): waits for a connection. `address` and `length` (bytes, in and out) may be NULL;
 * `flags`: SOCK_NONBLOCK or 0, SOCK_CLOEXEC is always set. Returns the descriptor. -EMFILE and
 * -ENFILE leave the connection where it is. */
TUG_API int tug_accept(int fd, struct sockaddr *address, socklen_t *length, int flags);

/* connect(2): waits until the connection is there, or refused. A datagram socket is connected at
 * once. Cancelling it leaves the attempt under way: the socket is of no use then but to be closed.
 * Not for two tasks and one socket at a time. Returns 0; -ECONNREFUSED, -EHOSTUNREACH and the rest
 * of the manual page; -EISCONN. */
TUG_API int tug_connect(int fd, const struct sockaddr *address, socklen_t length);

/* recv(2), send(2), with the MSG_ flags of the manual page. Return the number of bytes, which may
 * be less than `length`; tug_recv() 0: the peer has ended its side, or an empty datagram. */
TUG_API int64_t tug_recv(int fd, void *buffer, size_t length, int flags);
TUG_API int64_t tug_send(int fd, const void *buffer, size_t length, int flags);

/*
 * recv(2) into a buffer of the runtime's, which is taken when something has come: thousands of
 * tasks that wait for their peers hold no buffers meanwhile. Stores its address in `*buffer` and
 * returns the number of bytes, at most TUG_RECV_BUFFER_SIZE; so many are the caller's, to read
 * and to write, until it is given to tug_recv_buffer_release(), once, on any thread. It is of no
 * use to keep many. MSG_TRUNC is never set. Returns 0 and the errors as tug_recv(), and stores NULL
 * then; -ENOMEM; with io_uring the -ENOBUFS of a netlink socket, that messages were lost, may not
 * be told. Suspends. Cancelling loses nothing.
 */
TUG_API int64_t tug_recv_buffer(int fd, void **buffer, int flags);

/* Gives a buffer back. `buffer` may be NULL. Does not suspend. */
TUG_API void tug_recv_buffer_release(void *buffer);

/* recv(2) with MSG_PEEK: what is received stays where it is, for the next call. A later peek may
 * see more. Returns as tug_recv(). */
TUG_API int64_t tug_peek(int fd, void *buffer, size_t length);

/* Accept, receive, send at once or not at all: do not suspend, cost no coop budget. -EAGAIN: it
 * would have to wait. Not for a loop of its own, which would keep the worker from those it waits
 * for. */
TUG_API int tug_try_accept(int fd, struct sockaddr *address, socklen_t *length, int flags);
TUG_API int64_t tug_try_recv(int fd, void *buffer, size_t length, int flags);
TUG_API int64_t tug_try_send(int fd, const void *buffer, size_t length, int flags);

/* Sends until all `length` bytes have been taken. Returns `length`. A cancellation or an error in
 * the middle loses the count of what was sent before. */
TUG_API int64_t tug_send_all(int fd, const void *buffer, size_t length, int flags);

/* recvfrom(2), sendto(2). `length` of the address: bytes, in and out; both may be NULL. Return the
 * number of bytes. */
TUG_API int64_t tug_recvfrom(int fd, void *buffer, size_t size, int flags, struct sockaddr *address,
                             socklen_t *length);
TUG_API int64_t tug_sendto(int fd, const void *buffer, size_t size, int flags,
                           const struct sockaddr *address, socklen_t length);

/* recvmsg(2), sendmsg(2): with several buffers, or descriptors that are passed. Return the number
 * of bytes. */
TUG_API int64_t tug_recvmsg(int fd, struct msghdr *message, int flags);
TUG_API int64_t tug_sendmsg(int fd, const struct msghdr *message, int flags);

/*
 * recvmmsg(2), sendmmsg(2): wait until one of `count` messages can be moved, and then move as many
 * as can be at once, for datagrams with one call to the kernel. No more than the task has coop
 * budget left, of which each costs a unit. With MSG_PEEK it is the first message each time. Return
 * the number of messages moved, >= 1 unless `count` is 0; an error that comes after the first is
 * told by the next call.
 */
TUG_API int tug_recvmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags);
TUG_API int tug_sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags);

/* shutdown(2): ends one side, SHUT_RD or SHUT_WR, or both. Who waits for it is woken. Does not
 * suspend. Returns 0; -ENOTCONN: also when the peer has reset the connection. */
TUG_API int tug_shutdown(int fd, int how);

TUG_END_DECLS

#endif
