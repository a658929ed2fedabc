/* SPDX-License-Identifier: MIT */
/*
 * Groups of hosts, by IPv4 and IPv6: what is sent to a group's address reaches all sockets that
 * have joined it and have the port.
 *
 * `interface`: the number of a network interface (if_nametoindex(3)), 0: the system's choice.
 *
 * What holds for every call here: it does not suspend, works on any thread, and returns 0 (or the
 * value that was asked for), -EOPNOTSUPP: the socket is neither of IPv4 nor of IPv6, or a negative
 * errno of setsockopt(2), getsockopt(2).
 */
#ifndef TUG_MULTICAST_H
#define TUG_MULTICAST_H

#include <stdbool.h>

#include <tug/config.h>
#include <tug/net.h>

TUG_BEGIN_DECLS

/* Joins a group, or leaves it; the port of the address does not matter. -EINVAL: it is no group's
 * address; -EADDRINUSE: joined already; -EADDRNOTAVAIL: not joined; -ENODEV: no such interface;
 * -EAFNOSUPPORT: an address of another family. */
TUG_API int tug_multicast_join(int fd, const struct tug_address *group, unsigned interface);
TUG_API int tug_multicast_leave(int fd, const struct tug_address *group, unsigned interface);

/* Through which interface datagrams to groups leave. */
TUG_API int tug_multicast_set_interface(int fd, unsigned interface);

/* Whether sockets of this machine get them too; so it is at first. An option of the sender. */
TUG_API int tug_multicast_set_loop(int fd, bool on);
TUG_API int tug_multicast_loop(int fd);

/* The routers they may pass, 0 to 255; at first 1, they stay in the network. -EINVAL. */
TUG_API int tug_multicast_set_ttl(int fd, int ttl);
TUG_API int tug_multicast_ttl(int fd);

TUG_END_DECLS

#endif
