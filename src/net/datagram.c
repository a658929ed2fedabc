/* SPDX-License-Identifier: MIT */
/*
 * Datagrams by address: sockets of <tug/net.h>'s addresses, and the calls of <tug/socket.h>.
 *
 * MSG_TRUNC makes the kernel tell the true length of a datagram that does not fit.
 */
#include <tug/datagram.h>

#include <errno.h>

#include <tug/socket.h>
#include <tug/sys.h>

#include "net/bind.h"

int tug_datagram_bind(const struct tug_address *address, const struct tug_datagram_options *options)
{
    static const struct tug_datagram_options usual = TUG_DATAGRAM_OPTIONS;
    if (options == NULL)
        options = &usual;
    return tug_bind_new(SOCK_DGRAM, address,
                        (struct tug_bind_options){.reuse_address = options->reuse_address,
                                                  .reuse_port = options->reuse_port,
                                                  .broadcast = options->broadcast});
}

int tug_datagram_connect(const struct tug_address *peer, const struct tug_address *local)
{
    int fd = local != NULL ? tug_datagram_bind(local, NULL)
                           : tug_sys_socket(peer->storage.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return fd;
    int error = tug_sys_connect(fd, (const struct sockaddr *)&peer->storage, peer->length);
    if (error == 0)
        return fd;
    tug_sys_close(fd);
    return error;
}

int64_t tug_datagram_send(int fd, const void *data, size_t size, const struct tug_address *to)
{
    if (to == NULL)
        return tug_send(fd, data, size, 0);
    return tug_sendto(fd, data, size, 0, (const struct sockaddr *)&to->storage, to->length);
}

static int64_t receive(int fd, void *buffer, size_t size, int flags, struct tug_address *from)
{
    if (from == NULL)
        return tug_recv(fd, buffer, size, flags);
    from->length = sizeof(from->storage);
    return tug_recvfrom(fd, buffer, size, flags, (struct sockaddr *)&from->storage, &from->length);
}

int64_t tug_datagram_receive(int fd, void *buffer, size_t size, struct tug_address *from)
{
    return receive(fd, buffer, size, MSG_TRUNC, from);
}

int64_t tug_datagram_peek(int fd, void *buffer, size_t size, struct tug_address *from)
{
    return receive(fd, buffer, size, MSG_TRUNC | MSG_PEEK, from);
}
