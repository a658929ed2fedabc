/* SPDX-License-Identifier: MIT */
/*
 * Datagrams by address: UDP, and the local domain's. Descriptors are plain ones, for the calls of
 * <tug/socket.h> too: tug_send() and tug_recv() once they are connected, tug_recvmmsg() for many at
 * once, tug_fd_stream_open() for a reader and a writer of single datagrams.
 *
 *     int fd = tug_datagram_bind(&address, NULL);
 *     while ((n = tug_datagram_receive(fd, buffer, sizeof(buffer), &peer)) >= 0)
 *         tug_datagram_send(fd, buffer, (size_t)n, &peer);
 */
#ifndef TUG_DATAGRAM_H
#define TUG_DATAGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tug/config.h>
#include <tug/net.h>

TUG_BEGIN_DECLS

/* All false: TUG_DATAGRAM_OPTIONS. */
struct tug_datagram_options {
    bool reuse_address; /* several sockets may have the port: each gets what is sent to a group */
    bool reuse_port;    /* several sockets share what is sent to the port */
    bool broadcast;     /* what is sent may go to all hosts of a network */
};

#define TUG_DATAGRAM_OPTIONS                                                                       \
    {                                                                                              \
        false, false, false                                                                        \
    }

/*
 * A socket for datagrams that has an address: ":0" for one of IPv6 and IPv4 with any free port.
 * `options` NULL: none. The name of a local socket must be free; it is not removed afterwards. Does
 * not suspend. Returns the descriptor, close-on-exec; -EADDRINUSE, -EACCES, -EADDRNOTAVAIL and the
 * rest of socket(2) and bind(2).
 */
TUG_API int tug_datagram_bind(const struct tug_address *address,
                              const struct tug_datagram_options *options);

/*
 * A socket for datagrams to and from one peer, from the address `local` or, with NULL, one that the
 * system chooses (in the local domain none: the peer cannot answer). Does not suspend. Returns the
 * descriptor, close-on-exec; or as tug_datagram_bind() and connect(2).
 */
TUG_API int tug_datagram_connect(const struct tug_address *peer, const struct tug_address *local);

/* Sends one datagram to an address, NULL: to the peer. Suspends. Cancelling loses nothing: it was
 * not sent. Returns `size`; -EMSGSIZE: it is too long; -ECONNREFUSED: nobody was there for an
 * earlier one; -EDESTADDRREQ: there is no peer. */
TUG_API int64_t tug_datagram_send(int fd, const void *data, size_t size,
                                  const struct tug_address *to);

/*
 * Receives one datagram, and where it comes from (`from` may be NULL; of length 0: the sender has
 * no address); the second leaves it where it is. Suspend. Cancelling loses nothing. Return the
 * length of the datagram, which may be 0; more than `size`: the rest of it is lost. -ECONNREFUSED
 * as above.
 */
TUG_API int64_t tug_datagram_receive(int fd, void *buffer, size_t size, struct tug_address *from);
TUG_API int64_t tug_datagram_peek(int fd, void *buffer, size_t size, struct tug_address *from);

TUG_END_DECLS

#endif
