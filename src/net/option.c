/* SPDX-License-Identifier: MIT */
/*
 * The options of <tug/socket_option.h>.
 */
#include <tug/socket_option.h>

#include <netinet/tcp.h>
#include <stddef.h>
#include <stdint.h>

#include "net/option.h"

int tug_socket_set_nodelay(int fd, bool on)
{
    return tug_option_set(fd, IPPROTO_TCP, TCP_NODELAY, on);
}

int tug_socket_nodelay(int fd)
{
    int value = tug_option_get(fd, IPPROTO_TCP, TCP_NODELAY);
    return value < 0 ? value : value != 0;
}

/* ---- Keepalive ---- */

/* The numbers, each with its option. */
static const struct {
    int option;
    size_t offset;
} keepalive_numbers[] = {
    {TCP_KEEPIDLE, offsetof(struct tug_keepalive, idle)},
    {TCP_KEEPINTVL, offsetof(struct tug_keepalive, interval)},
    {TCP_KEEPCNT, offsetof(struct tug_keepalive, count)},
};

#define KEEPALIVE_NUMBERS (sizeof(keepalive_numbers) / sizeof(keepalive_numbers[0]))

static unsigned *number_of(const struct tug_keepalive *keepalive, size_t index)
{
    return (unsigned *)((uintptr_t)keepalive + keepalive_numbers[index].offset);
}

/* Probes begin last, and then by these numbers. */
int tug_socket_set_keepalive(int fd, const struct tug_keepalive *keepalive)
{
    int error = 0;
    for (size_t i = 0; i < KEEPALIVE_NUMBERS && error == 0; i++) {
        unsigned number = *number_of(keepalive, i);
        if (number > INT32_MAX)
            return -EINVAL;
        if (number != 0)
            error = tug_option_set(fd, IPPROTO_TCP, keepalive_numbers[i].option, (int)number);
    }
    return error < 0 ? error : tug_option_set(fd, SOL_SOCKET, SO_KEEPALIVE, keepalive->on);
}

int tug_socket_keepalive(int fd, struct tug_keepalive *keepalive)
{
    int value = tug_option_get(fd, SOL_SOCKET, SO_KEEPALIVE);
    if (value < 0)
        return value;
    keepalive->on = value != 0;
    for (size_t i = 0; i < KEEPALIVE_NUMBERS; i++) {
        value = tug_option_get(fd, IPPROTO_TCP, keepalive_numbers[i].option);
        if (value < 0)
            return value;
        *number_of(keepalive, i) = (unsigned)value;
    }
    return 0;
}

/* ---- The end ---- */

int tug_socket_set_linger(int fd, int seconds)
{
    const struct linger linger = {.l_onoff = seconds >= 0, .l_linger = seconds < 0 ? 0 : seconds};
    return tug_sys_setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
}

int tug_socket_linger(int fd, int *seconds)
{
    struct linger linger;
    unsigned size = sizeof(linger);
    int error = tug_sys_getsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, &size);
    if (error == 0)
        *seconds = linger.l_onoff != 0 ? linger.l_linger : -1;
    return error;
}

int tug_socket_take_error(int fd)
{
    int error = tug_option_get(fd, SOL_SOCKET, SO_ERROR);
    return error > 0 ? -error : error;
}

/* ---- Addresses, buffers, routers ---- */

int tug_socket_set_reuse_address(int fd, bool on)
{
    return tug_option_set(fd, SOL_SOCKET, SO_REUSEADDR, on);
}

int tug_socket_reuse_address(int fd)
{
    return tug_option_get(fd, SOL_SOCKET, SO_REUSEADDR);
}

int tug_socket_set_reuse_port(int fd, bool on)
{
    return tug_option_set(fd, SOL_SOCKET, SO_REUSEPORT, on);
}

int tug_socket_reuse_port(int fd)
{
    return tug_option_get(fd, SOL_SOCKET, SO_REUSEPORT);
}

int tug_socket_set_send_buffer(int fd, int size)
{
    return size <= 0 ? -EINVAL : tug_option_set(fd, SOL_SOCKET, SO_SNDBUF, size);
}

int tug_socket_send_buffer(int fd)
{
    return tug_option_get(fd, SOL_SOCKET, SO_SNDBUF);
}

int tug_socket_set_receive_buffer(int fd, int size)
{
    return size <= 0 ? -EINVAL : tug_option_set(fd, SOL_SOCKET, SO_RCVBUF, size);
}

int tug_socket_receive_buffer(int fd)
{
    return tug_option_get(fd, SOL_SOCKET, SO_RCVBUF);
}

int tug_socket_set_broadcast(int fd, bool on)
{
    return tug_option_set(fd, SOL_SOCKET, SO_BROADCAST, on);
}

int tug_socket_broadcast(int fd)
{
    return tug_option_get(fd, SOL_SOCKET, SO_BROADCAST);
}

int tug_socket_set_ttl(int fd, int ttl)
{
    return ttl <= 0 ? -EINVAL : tug_option_set_in_family(fd, IP_TTL, IPV6_UNICAST_HOPS, ttl);
}

int tug_socket_ttl(int fd)
{
    return tug_option_get_in_family(fd, IP_TTL, IPV6_UNICAST_HOPS);
}
