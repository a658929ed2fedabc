/* SPDX-License-Identifier: MIT */
/*
 * The options of sockets that programs set most, by name: each is setsockopt(2) or getsockopt(2)
 * with the level, the number and the type that belong to it.
 *
 * What holds for every call here, beyond its own comment:
 *  - Does not suspend, and works on any thread.
 *  - A `set` returns 0, its counterpart the value (0 or 1 for what is on or off).
 *  - Or a negative errno: -EBADF, -ENOTSOCK; -ENOPROTOOPT or -EOPNOTSUPP: not for such a socket.
 */
#ifndef TUG_SOCKET_OPTION_H
#define TUG_SOCKET_OPTION_H

#include <stdbool.h>

#include <tug/config.h>

TUG_BEGIN_DECLS

/* TCP_NODELAY: what is sent leaves at once, and does not wait for the peer's acknowledgement of
 * what was sent before. On by default for connections made by <tug/net.h>; off for those accepted.
 */
TUG_API int tug_socket_set_nodelay(int fd, bool on);
TUG_API int tug_socket_nodelay(int fd);

/* Whether and when a connection is probed that says nothing; a peer that does not answer is found
 * out that way, and receiving returns -ETIMEDOUT. */
struct tug_keepalive {
    bool on;
    unsigned idle;     /* seconds of silence before the first probe, 1 to 32767 */
    unsigned interval; /* seconds between probes, 1 to 32767 */
    unsigned count;    /* probes without an answer that end the connection, 1 to 127 */
};

/* SO_KEEPALIVE, TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT. A number of 0 leaves what is set. Return
 * 0 and store what is set; -EINVAL: a number is out of its range, and none after it was set. */
TUG_API int tug_socket_set_keepalive(int fd, const struct tug_keepalive *keepalive);
TUG_API int tug_socket_keepalive(int fd, struct tug_keepalive *keepalive);

/*
 * SO_LINGER: what becomes of data that is not sent yet when the socket is closed. `seconds` < 0,
 * the default: it is sent in the background. 0: it is thrown away, and the peer gets a reset.
 * Above: the close waits for it, that long at most, and keeps the thread that makes it; a task is
 * better off with tug_shutdown() and a tug_recv() of the end. Stores what is set in `*seconds`.
 * Return 0.
 */
TUG_API int tug_socket_set_linger(int fd, int seconds);
TUG_API int tug_socket_linger(int fd, int *seconds);

/* SO_REUSEADDR, SO_REUSEPORT: see struct tug_listen_options. To be set before bind(2). */
TUG_API int tug_socket_set_reuse_address(int fd, bool on);
TUG_API int tug_socket_reuse_address(int fd);
TUG_API int tug_socket_set_reuse_port(int fd, bool on);
TUG_API int tug_socket_reuse_port(int fd);

/* SO_SNDBUF, SO_RCVBUF: bytes that may wait in the kernel, > 0. The system doubles what is set, for
 * its own needs, and has limits; what is returned is what has become of it. -EINVAL: not > 0. */
TUG_API int tug_socket_set_send_buffer(int fd, int size);
TUG_API int tug_socket_send_buffer(int fd);
TUG_API int tug_socket_set_receive_buffer(int fd, int size);
TUG_API int tug_socket_receive_buffer(int fd);

/* SO_BROADCAST: datagrams may be sent to all hosts of a network (-EACCES without). */
TUG_API int tug_socket_set_broadcast(int fd, bool on);
TUG_API int tug_socket_broadcast(int fd);

/* IP_TTL, or IPV6_UNICAST_HOPS: the routers that a packet may pass, 1 to 255. */
TUG_API int tug_socket_set_ttl(int fd, int ttl);
TUG_API int tug_socket_ttl(int fd);

/* SO_ERROR: takes the error that has happened meanwhile and was told to nobody yet. Returns 0:
 * none; the error. */
TUG_API int tug_socket_take_error(int fd);

TUG_END_DECLS

#endif
