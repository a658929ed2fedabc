/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <netinet/in.h>

#include <tug/net.h>
#include <tug/sys.h>

/* As many as a name ever has. */
#define MOST_ADDRESSES 16

static int switch_on(int fd, int level, int option, int value)
{
    return tug_sys_setsockopt(fd, level, option, &value, sizeof(value));
}

static int prepare(int fd, const struct tug_address *address,
                   const struct tug_listen_options *options)
{
    int family = address->storage.ss_family, error = 0;
    if (options->reuse_address && family != AF_UNIX)
        error = switch_on(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (error == 0 && options->reuse_port)
        error = switch_on(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    if (error == 0 && family == AF_INET6)
        error = switch_on(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
    if (error == 0)
        error = tug_sys_bind(fd, (const struct sockaddr *)&address->storage, address->length);
    return error == 0 ? tug_sys_listen(fd, options->backlog) : error;
}

int tug_listen(const struct tug_address *address, const struct tug_listen_options *options)
{
    static const struct tug_listen_options usual = TUG_LISTEN_OPTIONS;
    int fd = tug_sys_socket(address->storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return fd;
    int error = prepare(fd, address, options != NULL ? options : &usual);
    if (error == 0)
        return fd;
    tug_sys_close(fd);
    return error;
}

int tug_listen_on(const char *host, const char *service, const struct tug_listen_options *options)
{
    struct tug_address addresses[MOST_ADDRESSES];
    int count = tug_resolve(host, service, true, addresses, MOST_ADDRESSES);
    int fd = count;
    for (int i = 0; i < count; i++) {
        fd = tug_listen(&addresses[i], options);
        if (fd >= 0)
            break;
    }
    return fd;
}
