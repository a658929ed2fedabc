/* SPDX-License-Identifier: MIT */
/* Options of sockets whose value is an int, which is most of them. */
#ifndef TUG_NET_OPTION_H
#define TUG_NET_OPTION_H

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <tug/sys.h>

static inline int tug_option_set(int fd, int level, int option, int value)
{
    return tug_sys_setsockopt(fd, level, option, &value, sizeof(value));
}

/* Returns the value, which is >= 0, or the error. */
static inline int tug_option_get(int fd, int level, int option)
{
    int value = 0;
    unsigned size = sizeof(value);
    int error = tug_sys_getsockopt(fd, level, option, &value, &size);
    return error < 0 ? error : value;
}

/* An option that IPv4 and IPv6 each have under a name of their own: which of the two applies. */
struct tug_option_name {
    int level, option;
};

static inline int tug_option_of_family(int fd, int ip4_option, int ip6_option,
                                       struct tug_option_name *name)
{
    int family = tug_option_get(fd, SOL_SOCKET, SO_DOMAIN);
    if (family < 0)
        return family;
    if (family != AF_INET && family != AF_INET6)
        return -EOPNOTSUPP;
    name->level = family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6;
    name->option = family == AF_INET ? ip4_option : ip6_option;
    return 0;
}

static inline int tug_option_set_in_family(int fd, int ip4_option, int ip6_option, int value)
{
    struct tug_option_name name;
    int error = tug_option_of_family(fd, ip4_option, ip6_option, &name);
    return error < 0 ? error : tug_option_set(fd, name.level, name.option, value);
}

static inline int tug_option_get_in_family(int fd, int ip4_option, int ip6_option)
{
    struct tug_option_name name;
    int error = tug_option_of_family(fd, ip4_option, ip6_option, &name);
    return error < 0 ? error : tug_option_get(fd, name.level, name.option);
}

#endif
