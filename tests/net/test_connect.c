/* SPDX-License-Identifier: MIT */
/*
 * Listeners and connections by name.
 */
#include "../fs/scratch.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int64_t listen_at(const char *text, int *fd, char *port, size_t size)
{
    struct tug_address address;
    CHECK_EQUAL(tug_address_parse(&address, text), 0);
    *fd = tug_listen(&address, NULL);
    CHECK(*fd >= 0);
    CHECK_EQUAL(tug_address_of_socket(*fd, &address), 0);
    char full[TUG_ADDRESS_TEXT_SIZE];
    tug_address_format(&address, full, sizeof(full));
    snprintf(port, size, "%.*s", (int)size - 1, strrchr(full, ':') + 1);
    return 0;
}

/* Says a word through both ends. */
static int64_t talk(int client, int server)
{
    char text[8];
    CHECK_EQUAL(tug_send(client, "ping", 4, 0), 4);
    CHECK_EQUAL(tug_recv(server, text, sizeof(text), 0), 4);
    CHECK(memcmp(text, "ping", 4) == 0);
    return 0;
}

/* Accepts `client`, talks to it, and closes everything. */
static int64_t serve_once(int listener, int client)
{
    CHECK(client >= 0);
    int server = tug_accept(listener, NULL, NULL, 0);
    CHECK(server >= 0);
    CHECK_EQUAL(talk(client, server), 0);
    close(server);
    close(client);
    close(listener);
    return 0;
}

static int64_t by_name(void *unused)
{
    (void)unused;
    int listener, on = 0;
    char port[8];
    socklen_t size = sizeof(on);
    CHECK_EQUAL(listen_at("127.0.0.1:0", &listener, port, sizeof(port)), 0);
    int client = tug_connect_to("localhost", port);
    CHECK(client >= 0);
    int server = tug_accept(listener, NULL, NULL, 0);
    CHECK(server >= 0);
    CHECK_EQUAL(talk(client, server), 0);
    CHECK_EQUAL(fcntl(client, F_GETFL) & O_NONBLOCK, 0);
    CHECK(fcntl(client, F_GETFD) & FD_CLOEXEC);
    CHECK_EQUAL(getsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, &size), 0);
    CHECK(on);
    struct tug_address mine, peers;
    CHECK_EQUAL(tug_address_of_socket(client, &mine), 0);
    CHECK_EQUAL(tug_address_of_peer(server, &peers), 0);
    CHECK_EQUAL(mine.length, peers.length);
    CHECK(memcmp(&mine.storage, &peers.storage, mine.length) == 0);
    close(server);
    close(client);
    close(listener);
    return 0;
}

static int64_t all_addresses(void *unused)
{
    (void)unused;
    char port[8];
    struct tug_address address;
    int listener = tug_listen_on(NULL, "0", NULL);
    CHECK(listener >= 0);
    CHECK_EQUAL(tug_address_of_socket(listener, &address), 0);
    snprintf(port, sizeof(port), "%u", ntohs(((struct sockaddr_in *)&address.storage)->sin_port));
    return serve_once(listener, tug_connect_to("127.0.0.1", port));
}

static int64_t local(void *unused)
{
    (void)unused;
    struct tug_address address;
    CHECK_EQUAL(tug_address_parse(&address, "unix:socket"), 0);
    CHECK_EQUAL(tug_connect_to_address(&address), -ENOENT);
    int listener = tug_listen(&address, NULL);
    CHECK(listener >= 0);
    CHECK_EQUAL(tug_listen(&address, NULL), -EADDRINUSE);
    CHECK_EQUAL(serve_once(listener, tug_connect_to_address(&address)), 0);
    CHECK_EQUAL(tug_connect_to_address(&address), -ECONNREFUSED);
    return 0;
}

static int64_t refused(void *unused)
{
    (void)unused;
    int listener;
    char port[8];
    CHECK_EQUAL(listen_at("127.0.0.1:0", &listener, port, sizeof(port)), 0);
    close(listener);
    CHECK_EQUAL(tug_connect_to("127.0.0.1", port), -ECONNREFUSED);
    CHECK_EQUAL(tug_connect_to("localhost", port), -ECONNREFUSED);
    CHECK_EQUAL(tug_connect_to("127.0.0.1", "no such service"), -ENOENT);
    return 0;
}

static int64_t shared_port(void *unused)
{
    (void)unused;
    struct tug_listen_options options = TUG_LISTEN_OPTIONS;
    struct tug_address address;
    CHECK_EQUAL(tug_address_parse(&address, "127.0.0.1:0"), 0);
    options.reuse_port = true;
    int first = tug_listen(&address, &options);
    CHECK(first >= 0);
    CHECK_EQUAL(tug_address_of_socket(first, &address), 0);
    int second = tug_listen(&address, &options);
    CHECK(second >= 0);
    options.reuse_port = false;
    CHECK_EQUAL(tug_listen(&address, &options), -EADDRINUSE);
    close(first);
    close(second);
    return 0;
}

/* ---- Happy eyeballs: an address does not answer ---- */

/* A listener that answers nobody: its queue is full. */
static int64_t fill_queue(const struct tug_address *address, int fds[4])
{
    for (int i = 0; i < 4; i++)
        fds[i] = -1;
    for (int i = 0; i < 4; i++) {
        fds[i] = socket(address->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        connect(fds[i], (const struct sockaddr *)&address->storage, address->length);
        struct pollfd poll_fd = {.fd = fds[i], .events = POLLOUT};
        if (poll(&poll_fd, 1, 20) == 0)
            return 1;
    }
    return 0;
}

static int64_t goes_on_to_the_next(void *unused)
{
    (void)unused;
    struct tug_address addresses[2];
    struct tug_listen_options options = {0, true, false};
    int listener, fds[4];
    char port[8];
    CHECK_EQUAL(tug_address_parse(&addresses[0], "127.0.0.1:0"), 0);
    int deaf = tug_listen(&addresses[0], &options);
    CHECK(deaf >= 0);
    CHECK_EQUAL(tug_address_of_socket(deaf, &addresses[0]), 0);
    CHECK_EQUAL(fill_queue(&addresses[0], fds), 1);
    CHECK_EQUAL(listen_at("127.0.0.1:0", &listener, port, sizeof(port)), 0);
    CHECK_EQUAL(tug_address_of_socket(listener, &addresses[1]), 0);
    uint64_t begin = tug_now();
    int client = tug_connect_to_any(addresses, 2);
    CHECK(client >= 0);
    CHECK(tug_now() - begin >= 250 * TUG_MILLISECOND);
    CHECK_EQUAL(serve_once(listener, client), 0);
    /* Now the second one refuses, and nobody answers: a deadline ends all, no socket is left. */
    CHECK_EQUAL(TUG_TIMEOUT(400 * TUG_MILLISECOND, tug_connect_to_any(addresses, 2)), -ETIMEDOUT);
    for (int i = 0; i < 4; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    close(deaf);
    return 0;
}

/* The first one refuses: the second has not to wait for its turn. */
static int64_t loses_no_time(void *unused)
{
    (void)unused;
    struct tug_address addresses[3];
    int closed, listener;
    char port[8];
    CHECK_EQUAL(listen_at("127.0.0.1:0", &closed, port, sizeof(port)), 0);
    CHECK_EQUAL(tug_address_of_socket(closed, &addresses[0]), 0);
    close(closed);
    addresses[1] = addresses[0];
    CHECK_EQUAL(tug_connect_to_any(addresses, 2), -ECONNREFUSED);
    CHECK_EQUAL(listen_at("127.0.0.1:0", &listener, port, sizeof(port)), 0);
    CHECK_EQUAL(tug_address_of_socket(listener, &addresses[2]), 0);
    int client = TUG_TIMEOUT(200 * TUG_MILLISECOND, tug_connect_to_any(addresses, 3));
    CHECK(client >= 0);
    close(client);
    close(listener);
    CHECK_EQUAL(tug_connect_to_any(addresses, 0), -EINVAL);
    return 0;
}

/* ---- The order ---- */

/* A socket that listens, or whose port refuses. Returns whether the family is there. */
static bool make_candidate(const char *text, bool live, struct tug_address *address, int *fd)
{
    if (tug_address_parse(address, text) < 0)
        return false;
    *fd = tug_listen(address, NULL);
    if (*fd < 0 || tug_address_of_socket(*fd, address) < 0)
        return false;
    if (!live) {
        close(*fd);
        *fd = -1;
    }
    return true;
}

struct order {
    const char *addresses; /* of each: 4 or 6 if it refuses, f or s if it answers */
    unsigned winner;
};

/* The families in turn, beginning with the first one's; each in its own order. */
static const struct order orders[] = {
    {"sf", 0},   {"fs", 0},   {"6sf", 2},    {"4fs", 2},     {"64sf", 2},
    {"46fs", 2}, {"66sf", 3}, {"4446ff", 4}, {"66644sf", 6}, {"6s", 1},
};

static int64_t answers(const struct order *order)
{
    struct tug_address addresses[8], peer;
    int fds[8];
    size_t count = strlen(order->addresses);
    for (size_t i = 0; i < count; i++) {
        char kind = order->addresses[i];
        const char *text = kind == '6' || kind == 's' ? "[::1]:0" : "127.0.0.1:0";
        CHECK(make_candidate(text, kind == 's' || kind == 'f', &addresses[i], &fds[i]));
    }
    int client = tug_connect_to_any(addresses, count);
    CHECK(client >= 0);
    CHECK_EQUAL(tug_address_of_peer(client, &peer), 0);
    CHECK_EQUAL(peer.length, addresses[order->winner].length);
    CHECK(memcmp(&peer.storage, &addresses[order->winner].storage, peer.length) == 0);
    close(client);
    for (size_t i = 0; i < count; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    return 0;
}

static int64_t families_take_turns(void *unused)
{
    (void)unused;
    struct tug_address address;
    int fd;
    if (!make_candidate("[::1]:0", false, &address, &fd))
        return 0; /* no IPv6 here */
    for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++)
        CHECK_EQUAL(answers(&orders[i]), 0);
    return 0;
}

/* Without a task they are tried one after the other, as they come. */
static int64_t one_after_the_other(void *unused)
{
    (void)unused;
    static const struct order order = {"44ff", 2};
    return answers(&order);
}

static void works_outside(void **state)
{
    (void)state;
    scratch_run_outside(by_name);
    scratch_run_outside(local);
    scratch_run_outside(refused);
    scratch_run_outside(one_after_the_other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCRATCH_TEST(by_name),
        SCRATCH_TEST(all_addresses),
        SCRATCH_TEST(local),
        SCRATCH_TEST(refused),
        SCRATCH_TEST(shared_port),
        SCRATCH_TEST(goes_on_to_the_next),
        SCRATCH_TEST(loses_no_time),
        SCRATCH_TEST(families_take_turns),
        cmocka_unit_test(works_outside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
