/* SPDX-License-Identifier: MIT */
/*
 * Listeners and connections by name: what stands between a text like "example.org" "https" and a
 * socket for <tug/socket.h>. Descriptors are plain ones, to be used and closed like any other.
 */
#ifndef TUG_NET_H
#define TUG_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include <tug/cancel.h>
#include <tug/config.h>

TUG_BEGIN_DECLS

/* Where a socket is bound or connected to: IPv4, IPv6 or the local domain. */
struct tug_address {
    struct sockaddr_storage storage;
    socklen_t length; /* bytes of `storage` that count */
};

/* What tug_address_format() needs at most. */
#define TUG_ADDRESS_TEXT_SIZE 128

/*
 * Reads a numeric address: "127.0.0.1:80", "[::1]:80", "[fe80::1%eth0]:80", ":80" (all addresses of
 * this machine, by IPv6 and IPv4), "unix:/path" or "unix:@name" (in the abstract name space).
 * Asks no name server. Does not suspend. Returns 0; -EINVAL: it is none of these, or a port above
 * 65535; -ENAMETOOLONG: a path that does not fit.
 */
TUG_API int tug_address_parse(struct tug_address *address, const char *text);

/* Writes an address as tug_address_parse() reads it, terminated by a zero byte and cut at `size`
 * bytes. Does not suspend. Returns the length that it has uncut; -EAFNOSUPPORT. */
TUG_API int tug_address_format(const struct tug_address *address, char *text, size_t size);

/* The addresses of a socket's own end, and of its peer's. Do not suspend. Return 0 or as
 * getsockname(2), getpeername(2). */
TUG_API int tug_address_of_socket(int fd, struct tug_address *address);
TUG_API int tug_address_of_peer(int fd, struct tug_address *address);

/*
 * Looks up the addresses of a host and a service, on the blocking pool. `host`: a name or a numeric
 * address; NULL: this machine, any address if `passive`, else the loopback. `service`: a name or a
 * port; NULL: port 0. Stores at most `count` addresses for stream sockets, in the order in which
 * they should be tried.
 * Suspends. Cancelling it does not stop the look-up, which goes on unheeded, and loses its answer.
 * Returns the number of addresses stored; -ENOENT: no such host or service; -EBUSY: the name server
 * does not answer, try later; -EIO: it failed; -EINVAL: neither host nor service, or count is 0;
 * -ENOMEM, and as tug_spawn_blocking().
 */
TUG_API int tug_resolve(const char *host, const char *service, bool passive,
                        struct tug_address *addresses, size_t count);

/* The usual ones by TUG_LISTEN_OPTIONS. */
struct tug_listen_options {
    /* Connections that may wait for tug_accept(); the system has a limit of its own (somaxconn). */
    int backlog;
    /* A port may be used again at once after its last user (SO_REUSEADDR). */
    bool reuse_address;
    /* Several sockets, of as many processes, share the port and its connections (SO_REUSEPORT). */
    bool reuse_port;
};

#define TUG_LISTEN_OPTIONS                                                                         \
    {                                                                                              \
        1024, true, false                                                                          \
    }

/*
 * A socket that listens at an address. `options` NULL: the usual ones. An IPv6 listener for all
 * addresses also takes IPv4. The name of a local socket must be free; it is not removed afterwards.
 * Does not suspend. Returns the descriptor, close-on-exec; -EADDRINUSE, -EACCES, -EADDRNOTAVAIL and
 * the rest of socket(2), bind(2), listen(2).
 */
TUG_API int tug_listen(const struct tug_address *address, const struct tug_listen_options *options);

/* The same at the first address of a host and service that can be had. Suspends, for the look-up.
 * Returns the descriptor, or why the last address could not be had, or as tug_resolve(). */
TUG_API int tug_listen_on(const char *host, const char *service,
                          const struct tug_listen_options *options);

/*
 * Accepts the next connection that is there to stay, whatever becomes of others: the call for the
 * loop of a server. A connection that its client has given up before it could be accepted, or that
 * the network has failed (-ECONNABORTED, -EPROTO and the like), is passed over. While the process
 * or the system lacks descriptors or memory (-EMFILE, -ENFILE, -ENOBUFS, -ENOMEM), it pauses, for 1
 * ms at first and up to 1 s, and leaves the connections in the queue; it does not spin. `peer` may
 * be NULL. Suspends. Cancelling loses nothing, as tug_accept(). Returns the descriptor,
 * close-on-exec; -EBADF, -EINVAL and what else is wrong with the listener itself.
 */
TUG_API int tug_accept_next(int fd, struct tug_address *peer);

/*
 * Connects to one address; to whichever of several answers first; or to a host and service, which
 * is the same with the addresses of tug_resolve(). They are tried in the order given, but IPv6 and
 * IPv4 in turn, a next one when the last has failed or has not answered for 250 ms (RFC 8305,
 * "happy eyeballs"); no more than 16. Suspend; a deadline around them counts for all attempts
 * together. Cancelling closes all sockets. Return the descriptor of a stream socket, close-on-exec,
 * with TCP_NODELAY where there is such; or why the last attempt failed, or as tug_resolve();
 * -EINVAL: no addresses.
 */
TUG_API int tug_connect_to_address(const struct tug_address *address);
TUG_API int tug_connect_to_any(const struct tug_address *addresses, size_t count);
TUG_API int tug_connect_to(const char *host, const char *service);

/* The usual ones by TUG_CONNECT_OPTIONS. */
struct tug_connect_options {
    /* The own end of the connection, with a port or 0 for any; NULL: the system chooses. Addresses
     * of another family cannot be reached from it. */
    const struct tug_address *local;
    /* When all attempts end, as a time of tug_now(); other than TUG_FOREVER in a coroutine only. */
    uint64_t deadline;
};

#define TUG_CONNECT_OPTIONS                                                                        \
    {                                                                                              \
        NULL, TUG_FOREVER                                                                          \
    }

/* tug_connect_to_any() with options. -ETIMEDOUT: the deadline has passed, or the kernel's own limit
 * for an attempt; -EADDRNOTAVAIL, -EADDRINUSE: not from that local address; -EPERM: a deadline, and
 * the caller is not a coroutine. */
TUG_API int tug_connect_with(const struct tug_address *addresses, size_t count,
                             const struct tug_connect_options *options);

TUG_END_DECLS

#endif
