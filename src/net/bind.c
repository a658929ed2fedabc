/* SPDX-License-Identifier: MIT */
#include "net/bind.h"

#include "net/option.h"

static int prepare(int fd, const struct tug_address *address, struct tug_bind_options options)
{
    int error = 0;
    if (options.reuse_address)
        error = tug_option_set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (error == 0 && options.reuse_port)
        error = tug_option_set(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    if (error == 0 && options.broadcast)
        error = tug_option_set(fd, SOL_SOCKET, SO_BROADCAST, 1);
    if (error == 0 && address->storage.ss_family == AF_INET6)
        error = tug_option_set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
    if (error < 0)
        return error;
    return tug_sys_bind(fd, (const struct sockaddr *)&address->storage, address->length);
}

int tug_bind_new(int type, const struct tug_address *address, struct tug_bind_options options)
{
    int fd = tug_sys_socket(address->storage.ss_family, type | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return fd;
    int error = prepare(fd, address, options);
    if (error == 0)
        return fd;
    tug_sys_close(fd);
    return error;
}
