/* SPDX-License-Identifier: MIT */
/*
 * Datagrams by address, to one, to a group and to all: what comes, whole, in its order, and from
 * whom.
 */
#include "../fs/scratch.h"

#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool same(const struct tug_address *a, const struct tug_address *b)
{
    return a->length == b->length && memcmp(&a->storage, &b->storage, a->length) == 0;
}

static int64_t open_at(const char *text, int *fd, struct tug_address *address)
{
    CHECK_EQUAL(tug_address_parse(address, text), 0);
    *fd = tug_datagram_bind(address, NULL);
    CHECK(*fd >= 0);
    CHECK_EQUAL(tug_address_of_socket(*fd, address), 0);
    return 0;
}

/* Between two sockets without a peer. */
static int64_t talk(const char *first, const char *second)
{
    struct tug_address addresses[2], from;
    int fds[2];
    char text[16];
    CHECK_EQUAL(open_at(first, &fds[0], &addresses[0]), 0);
    CHECK_EQUAL(open_at(second, &fds[1], &addresses[1]), 0);
    CHECK_EQUAL(tug_datagram_send(fds[0], "one", 3, &addresses[1]), 3);
    CHECK_EQUAL(tug_datagram_send(fds[0], "", 0, &addresses[1]), 0);
    CHECK_EQUAL(tug_datagram_send(fds[0], "longer", 6, &addresses[1]), 6);
    CHECK_EQUAL(tug_datagram_peek(fds[1], text, sizeof(text), &from), 3);
    CHECK(same(&from, &addresses[0]));
    memset(&from, 0, sizeof(from));
    CHECK_EQUAL(tug_datagram_receive(fds[1], text, sizeof(text), &from), 3);
    CHECK(memcmp(text, "one", 3) == 0);
    CHECK(same(&from, &addresses[0]));
    CHECK_EQUAL(tug_datagram_receive(fds[1], text, sizeof(text), NULL), 0);
    /* What does not fit is lost, and told. */
    CHECK_EQUAL(tug_datagram_peek(fds[1], text, 2, NULL), 6);
    CHECK_EQUAL(tug_datagram_receive(fds[1], text, 2, &from), 6);
    CHECK(memcmp(text, "lo", 2) == 0);
    CHECK_EQUAL(TUG_TIMEOUT(TUG_MILLISECOND, tug_datagram_receive(fds[1], text, 2, &from)),
                -ETIMEDOUT);
    CHECK(tug_datagram_send(fds[0], "x", 1, NULL) < 0);
    CHECK_EQUAL(tug_datagram_bind(&addresses[0], NULL), -EADDRINUSE);
    close(fds[0]);
    close(fds[1]);
    return 0;
}

static int64_t without_a_peer(void *unused)
{
    (void)unused;
    CHECK_EQUAL(talk("127.0.0.1:0", "127.0.0.2:0"), 0);
    CHECK_EQUAL(talk("unix:first", "unix:second"), 0);
    /* The abstract name space is shared with all that runs at this time. */
    static int rounds;
    char names[2][64];
    rounds++;
    for (int i = 0; i < 2; i++)
        snprintf(names[i], sizeof(names[i]), "unix:@tug %d %d %d", (int)getpid(), rounds, i);
    CHECK_EQUAL(talk(names[0], names[1]), 0);
    int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const struct sockaddr_in6 loopback = {.sin6_family = AF_INET6,
                                          .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    bool has_ip6 = fd >= 0 && bind(fd, (const struct sockaddr *)&loopback, sizeof(loopback)) == 0;
    if (fd >= 0)
        close(fd);
    if (has_ip6)
        CHECK_EQUAL(talk("[::1]:0", "[::1]:0"), 0);
    return 0;
}

static int64_t with_a_peer(void *unused)
{
    (void)unused;
    struct tug_address server, local, from;
    int fd = -1;
    char text[16];
    CHECK_EQUAL(open_at("127.0.0.1:0", &fd, &server), 0);
    CHECK_EQUAL(tug_address_parse(&local, "127.0.0.3:0"), 0);
    int client = tug_datagram_connect(&server, &local);
    CHECK(client >= 0);
    CHECK_EQUAL(tug_datagram_send(client, "ask", 3, NULL), 3);
    CHECK_EQUAL(tug_datagram_receive(fd, text, sizeof(text), &from), 3);
    CHECK_EQUAL(tug_address_of_socket(client, &local), 0);
    CHECK(same(&from, &local));
    /* A stranger is not heard. */
    int stranger = tug_datagram_connect(&local, NULL);
    CHECK(stranger >= 0);
    CHECK_EQUAL(tug_send(stranger, "strange", 7, 0), 7);
    CHECK_EQUAL(tug_datagram_send(fd, "answer", 6, &from), 6);
    CHECK_EQUAL(tug_datagram_receive(client, text, sizeof(text), &from), 6);
    CHECK(same(&from, &server));
    close(stranger);
    /* Nobody is there any more: the next call is told. */
    close(fd);
    CHECK_EQUAL(tug_send(client, "ask", 3, 0), 3);
    CHECK_EQUAL(TUG_TIMEOUT(10 * TUG_SECOND, tug_recv(client, text, sizeof(text), 0)),
                -ECONNREFUSED);
    static char much[70000];
    CHECK_EQUAL(tug_datagram_send(client, much, sizeof(much), NULL), -EMSGSIZE);
    close(client);
    CHECK_EQUAL(tug_address_parse(&local, "unix:nobody"), 0);
    CHECK_EQUAL(tug_datagram_connect(&local, NULL), -ENOENT);
    CHECK_EQUAL(tug_address_parse(&local, "192.0.2.1:0"), 0);
    CHECK_EQUAL(tug_datagram_connect(&server, &local), -EADDRNOTAVAIL);
    return 0;
}

/* A local sender without a name. */
static int64_t from_nobody(void *unused)
{
    (void)unused;
    struct tug_address address, from;
    int fd = -1;
    char byte;
    CHECK_EQUAL(open_at("unix:named", &fd, &address), 0);
    int client = tug_datagram_connect(&address, NULL);
    CHECK(client >= 0);
    CHECK_EQUAL(tug_send(client, "x", 1, 0), 1);
    CHECK_EQUAL(tug_datagram_receive(fd, &byte, 1, &from), 1);
    CHECK_EQUAL(from.length, 0);
    close(client);
    close(fd);
    return 0;
}

static int64_t options(void *unused)
{
    (void)unused;
    struct tug_datagram_options options = TUG_DATAGRAM_OPTIONS;
    struct tug_address address, everybody;
    CHECK_EQUAL(tug_address_parse(&address, "127.0.0.1:0"), 0);
    CHECK_EQUAL(tug_address_parse(&everybody, "255.255.255.255:9"), 0);
    int fd = tug_datagram_bind(&address, &options);
    CHECK(fd >= 0);
    CHECK_EQUAL(tug_datagram_send(fd, "x", 1, &everybody), -EACCES);
    close(fd);
    options = (struct tug_datagram_options){true, true, true};
    int first = tug_datagram_bind(&address, &options);
    CHECK(first >= 0);
    CHECK_EQUAL(tug_socket_broadcast(first), 1);
    CHECK_EQUAL(tug_socket_reuse_address(first), 1);
    CHECK_EQUAL(tug_socket_reuse_port(first), 1);
    CHECK_EQUAL(tug_address_of_socket(first, &address), 0);
    int second = tug_datagram_bind(&address, &options);
    CHECK(second >= 0);
    close(first);
    close(second);
    return 0;
}

/* ---- Groups ---- */

static int64_t group_options(const char *any, const char *group_text, const char *other_text)
{
    struct tug_address address, group, other;
    unsigned loopback = if_nametoindex("lo");
    CHECK_EQUAL(tug_address_parse(&address, any), 0);
    CHECK_EQUAL(tug_address_parse(&group, group_text), 0);
    CHECK_EQUAL(tug_address_parse(&other, other_text), 0);
    int fd = tug_datagram_bind(&address, NULL);
    if (fd == -EAFNOSUPPORT)
        return 0;
    CHECK(fd >= 0);
    CHECK_EQUAL(tug_multicast_loop(fd), 1);
    CHECK_EQUAL(tug_multicast_set_loop(fd, false), 0);
    CHECK_EQUAL(tug_multicast_loop(fd), 0);
    CHECK_EQUAL(tug_multicast_ttl(fd), 1);
    CHECK_EQUAL(tug_multicast_set_ttl(fd, 3), 0);
    CHECK_EQUAL(tug_multicast_ttl(fd), 3);
    CHECK_EQUAL(tug_multicast_set_ttl(fd, -1), -EINVAL);
    CHECK_EQUAL(tug_multicast_set_ttl(fd, 256), -EINVAL);
    CHECK_EQUAL(tug_multicast_join(fd, &group, loopback), 0);
    CHECK_EQUAL(tug_multicast_join(fd, &group, loopback), -EADDRINUSE);
    CHECK_EQUAL(tug_multicast_leave(fd, &group, loopback), 0);
    CHECK_EQUAL(tug_multicast_leave(fd, &group, loopback), -EADDRNOTAVAIL);
    CHECK_EQUAL(tug_multicast_join(fd, &other, loopback), -EAFNOSUPPORT);
    CHECK_EQUAL(tug_multicast_join(fd, &address, loopback), -EINVAL);
    CHECK_EQUAL(tug_multicast_join(fd, &group, 1u << 31), -ENODEV);
    CHECK_EQUAL(tug_multicast_set_interface(fd, loopback), 0);
    CHECK_EQUAL(tug_multicast_set_interface(fd, 1u << 31), -ENODEV);
    close(fd);
    return 0;
}

static int64_t groups(void *unused)
{
    (void)unused;
    struct tug_address address;
    CHECK_EQUAL(group_options("0.0.0.0:0", "239.7.7.7:0", "[ff02::7:7]:0"), 0);
    CHECK_EQUAL(group_options("[::]:0", "[ff02::7:7]:0", "239.7.7.7:0"), 0);
    CHECK_EQUAL(tug_address_parse(&address, "unix:local"), 0);
    int fd = tug_datagram_bind(&address, NULL);
    CHECK(fd >= 0);
    CHECK_EQUAL(tug_multicast_join(fd, &address, 0), -EOPNOTSUPP);
    CHECK_EQUAL(tug_multicast_set_ttl(fd, 1), -EOPNOTSUPP);
    CHECK_EQUAL(tug_multicast_set_interface(fd, 0), -EOPNOTSUPP);
    close(fd);
    CHECK_EQUAL(tug_multicast_loop(-1), -EBADF);
    return 0;
}

/* Everybody in the group hears it, on this machine, and nobody who has left. */
static int64_t heard_by_the_group(void *unused)
{
    (void)unused;
    struct tug_datagram_options options = {true, false, false};
    struct tug_address address, group, from;
    unsigned loopback = if_nametoindex("lo");
    int members[2], fd;
    char text[TUG_ADDRESS_TEXT_SIZE];
    CHECK_EQUAL(tug_address_parse(&address, "0.0.0.0:0"), 0);
    for (int i = 0; i < 2; i++) {
        members[i] = tug_datagram_bind(&address, &options);
        CHECK(members[i] >= 0);
        CHECK_EQUAL(tug_address_of_socket(members[i], &address), 0);
    }
    tug_address_format(&address, text, sizeof(text));
    char group_text[TUG_ADDRESS_TEXT_SIZE];
    snprintf(group_text, sizeof(group_text), "239.7.7.8%s", strrchr(text, ':'));
    CHECK_EQUAL(tug_address_parse(&group, group_text), 0);
    for (int i = 0; i < 2; i++)
        CHECK_EQUAL(tug_multicast_join(members[i], &group, loopback), 0);
    CHECK_EQUAL(open_at("127.0.0.1:0", &fd, &address), 0);
    CHECK_EQUAL(tug_multicast_set_interface(fd, loopback), 0);
    CHECK_EQUAL(tug_datagram_send(fd, "all", 3, &group), 3);
    for (int i = 0; i < 2; i++) {
        CHECK_EQUAL(TUG_TIMEOUT(10 * TUG_SECOND, tug_datagram_receive(members[i], text, 8, &from)),
                    3);
        CHECK(same(&from, &address));
    }
    for (int i = 0; i < 2; i++)
        CHECK_EQUAL(tug_multicast_leave(members[i], &group, loopback), 0);
    CHECK_EQUAL(tug_datagram_send(fd, "none", 4, &group), 4);
    CHECK_EQUAL(TUG_TIMEOUT(5 * TUG_MILLISECOND, tug_recv(members[1], text, 8, 0)), -ETIMEDOUT);
    close(fd);
    close(members[0]);
    close(members[1]);
    return 0;
}

static void works_outside(void **state)
{
    (void)state;
    scratch_run_outside(from_nobody);
    scratch_run_outside(options);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCRATCH_TEST(without_a_peer),
        SCRATCH_TEST(with_a_peer),
        SCRATCH_TEST(from_nobody),
        SCRATCH_TEST(options),
        SCRATCH_TEST(groups),
        SCRATCH_TEST(heard_by_the_group),
        cmocka_unit_test(works_outside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
