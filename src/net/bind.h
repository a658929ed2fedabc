/* SPDX-License-Identifier: MIT */
/* A socket that has an address of its own: what listeners and datagram sockets begin with. */
#ifndef TUG_NET_BIND_H
#define TUG_NET_BIND_H

#include <stdbool.h>

#include <tug/net.h>

struct tug_bind_options {
    bool reuse_address, reuse_port, broadcast;
};

/* A socket of this type (SOCK_STREAM, ...), closed on exec, bound to the address; IPv6 addresses
 * stand for IPv4 as well. Returns the descriptor or a negative errno. */
int tug_bind_new(int type, const struct tug_address *address, struct tug_bind_options options);

#endif
