/* SPDX-License-Identifier: MIT */
/*
 * Options of sockets: what is set is there, for the system and for us, and what is wrong is
 * refused.
 */
#include "../fs/scratch.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

static int open_socket(int family, int type)
{
    int fd = socket(family, type | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    return fd;
}

/* What the system says. */
static int ask(int fd, int level, int option)
{
    int value = -1;
    socklen_t size = sizeof(value);
    assert_int_equal(getsockopt(fd, level, option, &value, &size), 0);
    return value;
}

/* Each switch that is on or off. */
static void switches(void **state)
{
    (void)state;
    static const struct {
        int (*set)(int fd, bool on);
        int (*get)(int fd);
        int level, option;
    } all[] = {
        {tug_socket_set_nodelay, tug_socket_nodelay, IPPROTO_TCP, TCP_NODELAY},
        {tug_socket_set_broadcast, tug_socket_broadcast, SOL_SOCKET, SO_BROADCAST},
        {tug_socket_set_reuse_address, tug_socket_reuse_address, SOL_SOCKET, SO_REUSEADDR},
        {tug_socket_set_reuse_port, tug_socket_reuse_port, SOL_SOCKET, SO_REUSEPORT},
    };
    int fd = open_socket(AF_INET, SOCK_STREAM);
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        assert_int_equal(all[i].get(fd), 0);
        assert_int_equal(all[i].set(fd, true), 0);
        assert_int_equal(all[i].get(fd), 1);
        assert_true(ask(fd, all[i].level, all[i].option) != 0);
        assert_int_equal(all[i].set(fd, false), 0);
        assert_int_equal(all[i].get(fd), 0);
        assert_int_equal(all[i].set(-1, true), -EBADF);
        assert_int_equal(all[i].get(-1), -EBADF);
    }
    close(fd);
}

static void keepalive(void **state)
{
    (void)state;
    struct tug_keepalive set = {true, 61, 7, 5}, found;
    int fd = open_socket(AF_INET, SOCK_STREAM);
    assert_int_equal(tug_socket_keepalive(fd, &found), 0);
    assert_false(found.on);
    assert_int_equal(tug_socket_set_keepalive(fd, &set), 0);
    assert_int_equal(ask(fd, SOL_SOCKET, SO_KEEPALIVE), 1);
    assert_int_equal(ask(fd, IPPROTO_TCP, TCP_KEEPIDLE), 61);
    assert_int_equal(ask(fd, IPPROTO_TCP, TCP_KEEPINTVL), 7);
    assert_int_equal(ask(fd, IPPROTO_TCP, TCP_KEEPCNT), 5);
    /* What is 0 stays. */
    set = (struct tug_keepalive){.on = false, .count = 6};
    assert_int_equal(tug_socket_set_keepalive(fd, &set), 0);
    assert_int_equal(tug_socket_keepalive(fd, &found), 0);
    assert_false(found.on);
    assert_int_equal(found.idle, 61);
    assert_int_equal(found.interval, 7);
    assert_int_equal(found.count, 6);
    set.count = 128;
    assert_int_equal(tug_socket_set_keepalive(fd, &set), -EINVAL);
    set.count = UINT32_MAX;
    assert_int_equal(tug_socket_set_keepalive(fd, &set), -EINVAL);
    assert_int_equal(tug_socket_set_keepalive(-1, &found), -EBADF);
    assert_int_equal(tug_socket_keepalive(-1, &found), -EBADF);
    close(fd);
}

static void linger(void **state)
{
    (void)state;
    int fd = open_socket(AF_INET, SOCK_STREAM), seconds = 0;
    assert_int_equal(tug_socket_linger(fd, &seconds), 0);
    assert_int_equal(seconds, -1);
    for (int wanted = 2; wanted >= -1; wanted--) {
        assert_int_equal(tug_socket_set_linger(fd, wanted), 0);
        assert_int_equal(tug_socket_linger(fd, &seconds), 0);
        assert_int_equal(seconds, wanted);
    }
    assert_int_equal(tug_socket_set_linger(-1, 0), -EBADF);
    assert_int_equal(tug_socket_linger(-1, &seconds), -EBADF);
    close(fd);
}

static void buffers(void **state)
{
    (void)state;
    int fd = open_socket(AF_INET, SOCK_STREAM);
    assert_int_equal(tug_socket_set_send_buffer(fd, 30000), 0);
    assert_int_equal(tug_socket_set_receive_buffer(fd, 20000), 0);
    assert_int_equal(tug_socket_send_buffer(fd), ask(fd, SOL_SOCKET, SO_SNDBUF));
    assert_int_equal(tug_socket_receive_buffer(fd), ask(fd, SOL_SOCKET, SO_RCVBUF));
    assert_true(tug_socket_send_buffer(fd) >= 30000);
    assert_true(tug_socket_receive_buffer(fd) >= 20000);
    assert_true(tug_socket_send_buffer(fd) != tug_socket_receive_buffer(fd));
    assert_int_equal(tug_socket_set_send_buffer(fd, 0), -EINVAL);
    assert_int_equal(tug_socket_set_receive_buffer(fd, -1), -EINVAL);
    assert_int_equal(tug_socket_send_buffer(-1), -EBADF);
    assert_int_equal(tug_socket_receive_buffer(-1), -EBADF);
    close(fd);
}

static void ttl_of(int family)
{
    int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 && family == AF_INET6)
        return;
    assert_int_equal(tug_socket_set_ttl(fd, 9), 0);
    assert_int_equal(tug_socket_ttl(fd), 9);
    assert_int_equal(family == AF_INET ? ask(fd, IPPROTO_IP, IP_TTL)
                                       : ask(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS),
                     9);
    assert_int_equal(tug_socket_set_ttl(fd, 256), -EINVAL);
    assert_int_equal(tug_socket_set_ttl(fd, 0), -EINVAL);
    assert_int_equal(tug_socket_set_ttl(fd, -1), -EINVAL);
    assert_int_equal(tug_socket_ttl(fd), 9);
    close(fd);
}

static void ttl(void **state)
{
    (void)state;
    ttl_of(AF_INET);
    ttl_of(AF_INET6);
    int fd = open_socket(AF_UNIX, SOCK_STREAM);
    assert_int_equal(tug_socket_set_ttl(fd, 9), -EOPNOTSUPP);
    assert_int_equal(tug_socket_ttl(fd), -EOPNOTSUPP);
    assert_int_equal(tug_socket_set_nodelay(fd, true), -EOPNOTSUPP);
    close(fd);
    assert_int_equal(tug_socket_ttl(-1), -EBADF);
}

/* The answer of a port where nobody is comes later than the datagram has left. */
static void error_is_taken_once(void **state)
{
    (void)state;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(address);
    int nobody = open_socket(AF_INET, SOCK_DGRAM), fd = open_socket(AF_INET, SOCK_DGRAM);
    assert_int_equal(bind(nobody, (struct sockaddr *)&address, length), 0);
    assert_int_equal(getsockname(nobody, (struct sockaddr *)&address, &length), 0);
    close(nobody);
    assert_int_equal(tug_socket_take_error(fd), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, length), 0);
    assert_int_equal(send(fd, "x", 1, 0), 1);
    int error = 0;
    for (int i = 0; i < 1000 && error == 0; i++) {
        error = tug_socket_take_error(fd);
        if (error == 0)
            usleep(1000);
    }
    assert_int_equal(error, -ECONNREFUSED);
    assert_int_equal(tug_socket_take_error(fd), 0);
    assert_int_equal(tug_socket_take_error(-1), -EBADF);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(switches), cmocka_unit_test(keepalive),           cmocka_unit_test(linger),
        cmocka_unit_test(buffers),  cmocka_unit_test(error_is_taken_once), cmocka_unit_test(ttl),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
