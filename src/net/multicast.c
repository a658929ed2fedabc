/* SPDX-License-Identifier: MIT */
/*
 * Groups of hosts. IPv4 and IPv6 have the same options under different names and with different
 * types; the family of the socket says which.
 */
#include <tug/multicast.h>

#include <limits.h>

#include "net/option.h"

static int change4(int fd, const struct tug_address *group, unsigned interface, int option)
{
    const struct sockaddr_in *address = (const struct sockaddr_in *)&group->storage;
    const struct ip_mreqn request = {.imr_multiaddr = address->sin_addr,
                                     .imr_ifindex = (int)interface};
    return tug_sys_setsockopt(fd, IPPROTO_IP, option, &request, sizeof(request));
}

static int change6(int fd, const struct tug_address *group, unsigned interface, int option)
{
    const struct sockaddr_in6 *address = (const struct sockaddr_in6 *)&group->storage;
    const struct ipv6_mreq request = {.ipv6mr_multiaddr = address->sin6_addr,
                                      .ipv6mr_interface = interface};
    return tug_sys_setsockopt(fd, IPPROTO_IPV6, option, &request, sizeof(request));
}

/* The family of the socket decides; a group of the other one is refused here, where it is clear
 * why. */
static int change(int fd, const struct tug_address *group, unsigned interface, int ip4_option,
                  int ip6_option)
{
    struct tug_option_name name;
    int error = tug_option_of_family(fd, ip4_option, ip6_option, &name);
    if (error < 0)
        return error;
    if (group->storage.ss_family != (name.level == IPPROTO_IP ? AF_INET : AF_INET6))
        return -EAFNOSUPPORT;
    if (interface > INT_MAX)
        return -ENODEV;
    return name.level == IPPROTO_IP ? change4(fd, group, interface, name.option)
                                    : change6(fd, group, interface, name.option);
}

int tug_multicast_join(int fd, const struct tug_address *group, unsigned interface)
{
    return change(fd, group, interface, IP_ADD_MEMBERSHIP, IPV6_ADD_MEMBERSHIP);
}

int tug_multicast_leave(int fd, const struct tug_address *group, unsigned interface)
{
    return change(fd, group, interface, IP_DROP_MEMBERSHIP, IPV6_DROP_MEMBERSHIP);
}

int tug_multicast_set_interface(int fd, unsigned interface)
{
    struct tug_option_name name;
    int error = tug_option_of_family(fd, IP_MULTICAST_IF, IPV6_MULTICAST_IF, &name);
    if (error < 0)
        return error;
    if (interface > INT_MAX)
        return -ENODEV;
    if (name.level == IPPROTO_IPV6)
        return tug_option_set(fd, name.level, name.option, (int)interface);
    const struct ip_mreqn request = {.imr_ifindex = (int)interface};
    return tug_sys_setsockopt(fd, name.level, name.option, &request, sizeof(request));
}

int tug_multicast_set_loop(int fd, bool on)
{
    return tug_option_set_in_family(fd, IP_MULTICAST_LOOP, IPV6_MULTICAST_LOOP, on);
}

int tug_multicast_loop(int fd)
{
    return tug_option_get_in_family(fd, IP_MULTICAST_LOOP, IPV6_MULTICAST_LOOP);
}

/* The system takes -1 for its own default. */
int tug_multicast_set_ttl(int fd, int ttl)
{
    return ttl < 0 ? -EINVAL
                   : tug_option_set_in_family(fd, IP_MULTICAST_TTL, IPV6_MULTICAST_HOPS, ttl);
}

int tug_multicast_ttl(int fd)
{
    return tug_option_get_in_family(fd, IP_MULTICAST_TTL, IPV6_MULTICAST_HOPS);
}
