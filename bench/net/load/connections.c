/* SPDX-License-Identifier: MIT */
/*
 * A bare epoll loop: whoever has an answer gets the next message. One look at the clock per answer
 * ends its latency and begins the next one's.
 *
 * A latency is counted from the send to the moment that we have read the answer, so it includes the
 * time it waits for us behind others of its batch, which is the same for all servers.
 */
#include "load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>

#define BATCH 256

/* Source addresses are used up one after the other, each long before its ports are. */
#define PER_ADDRESS 8192

struct connection {
    int fd;
    unsigned received; /* bytes of the answer that is coming */
    uint64_t sent;
};

struct connections {
    int epoll;
    unsigned count;
    struct connection all[];
};

static const char message[MESSAGE_SIZE] =
    "sixty-four bytes, of which nobody reads more than the size";

uint64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static struct sockaddr_in loopback(unsigned host, uint16_t port)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons(port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK + host)};
}

static int connect_from(unsigned host, uint16_t port)
{
    struct sockaddr_in own = loopback(host, 0), server = loopback(0, port);
    struct linger abort = {.l_onoff = 1, .l_linger = 0}; /* leaves no port in TIME_WAIT behind */
    int yes = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        fail("socket", errno);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &yes, sizeof(yes));
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &abort, sizeof(abort));
    if (bind(fd, (struct sockaddr *)&own, sizeof(own)) < 0)
        fail("bind", errno);
    if (connect(fd, (struct sockaddr *)&server, sizeof(server)) < 0)
        fail("connect", errno);
    return fd;
}

static void send_message(struct connection *connection, uint64_t time)
{
    connection->sent = time;
    connection->received = 0;
    /* A socket with room for nothing but what is unanswered always takes 64 bytes. */
    if (send(connection->fd, message, sizeof(message), MSG_NOSIGNAL) != sizeof(message))
        fail("send", errno);
}

/* Returns whether the answer is whole. */
static int receive(struct connection *connection)
{
    char buffer[MESSAGE_SIZE];
    ssize_t length =
        recv(connection->fd, buffer, sizeof(buffer) - connection->received, MSG_DONTWAIT);
    if (length < 0 && errno == EAGAIN)
        return 0;
    if (length <= 0)
        fail("the server closed a connection", length < 0 ? errno : 0);
    connection->received += (unsigned)length;
    return connection->received == MESSAGE_SIZE;
}

/* One answer from the server shows that it has accepted this connection and those before it, so
 * that its queue never overflows. */
static void wait_for_server(struct connection *connection)
{
    char buffer[MESSAGE_SIZE];
    send_message(connection, 0);
    if (recv(connection->fd, buffer, sizeof(buffer), MSG_WAITALL) != sizeof(buffer))
        fail("the server does not answer", errno);
}

static void watch(const struct connections *connections, struct connection *connection)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    if (epoll_ctl(connections->epoll, EPOLL_CTL_ADD, connection->fd, &event) < 0)
        fail("epoll_ctl", errno);
}

struct connections *connections_open(uint16_t port, unsigned count)
{
    struct connections *connections =
        calloc(1, sizeof(*connections) + count * sizeof(struct connection));
    if (connections == NULL || (connections->epoll = epoll_create1(EPOLL_CLOEXEC)) < 0)
        fail("preparing", errno);
    connections->count = count;
    for (unsigned i = 0; i < count; i++) {
        struct connection *connection = &connections->all[i];
        connection->fd = connect_from(i / PER_ADDRESS, port);
        if (i % 100 == 99 || i + 1 == count)
            wait_for_server(connection);
        watch(connections, connection);
    }
    for (unsigned i = 0; i < count; i++)
        send_message(&connections->all[i], now());
    return connections;
}

uint64_t connections_run(struct connections *connections, uint64_t ns, struct histogram *histogram)
{
    struct epoll_event events[BATCH];
    uint64_t answers = 0, time = now(), end = time + ns;
    while (time < end) {
        int count = epoll_wait(connections->epoll, events, BATCH, 1000);
        if (count == 0)
            fail("the server has stopped answering", 0);
        for (int i = 0; i < count; i++) {
            struct connection *connection = events[i].data.ptr;
            if (!receive(connection))
                continue;
            time = now();
            if (histogram != NULL)
                histogram_add(histogram, time - connection->sent);
            send_message(connection, time);
            answers++;
        }
    }
    return answers;
}
