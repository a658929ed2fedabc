/* SPDX-License-Identifier: MIT */
/*
 * The calls in POSIX's shape, in a coroutine and outside of one: each does what its namesake does,
 * waits where that would, and returns its errors.
 */
#include "../fs/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/un.h>
#include <unistd.h>

/* Enough to fill the buffers of any socket here. */
#define MUCH ((size_t)8 << 20)

struct listener {
    int fd;
    struct sockaddr_in address;
};

static int64_t listen_on_loopback(struct listener *listener)
{
    socklen_t length = sizeof(listener->address);
    listener->address =
        (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    listener->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(listener->fd >= 0);
    CHECK_EQUAL(bind(listener->fd, (struct sockaddr *)&listener->address, length), 0);
    CHECK_EQUAL(listen(listener->fd, 16), 0);
    CHECK_EQUAL(getsockname(listener->fd, (struct sockaddr *)&listener->address, &length), 0);
    return 0;
}

static int64_t connect_to(const struct listener *listener)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int64_t result =
        tug_connect(fd, (const struct sockaddr *)&listener->address, sizeof(listener->address));
    if (result == 0)
        return fd;
    close(fd);
    return result;
}

/* A client that is told once and answers. */
static int64_t client(void *argument)
{
    int64_t fd = connect_to(argument);
    char text[16];
    if (fd < 0)
        return fd;
    int64_t result = tug_recv((int)fd, text, sizeof(text), 0);
    if (result > 0)
        result = tug_send((int)fd, text, (size_t)result, 0);
    close((int)fd);
    return result;
}

static int64_t accepts_and_talks(void *unused)
{
    (void)unused;
    struct listener listener;
    CHECK_EQUAL(listen_on_loopback(&listener), 0);
    struct tug_task *task = tug_spawn(client, &listener);
    struct sockaddr_in peer;
    socklen_t length = sizeof(peer);
    int fd = tug_accept(listener.fd, (struct sockaddr *)&peer, &length, 0);
    CHECK(fd >= 0);
    CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    CHECK_EQUAL(length, sizeof(peer));
    CHECK_EQUAL(peer.sin_family, AF_INET);
    char text[16];
    CHECK_EQUAL(tug_send(fd, "hello", 5, 0), 5);
    CHECK_EQUAL(tug_recv(fd, text, sizeof(text), 0), 5);
    CHECK(memcmp(text, "hello", 5) == 0);
    CHECK_EQUAL(tug_recv(fd, text, sizeof(text), 0), 0);
    int64_t result;
    CHECK_EQUAL(tug_join(task, &result), 0);
    CHECK_EQUAL(result, 5);
    close(fd);
    close(listener.fd);
    return 0;
}

/* The connection is there before anybody asks, in both modes of the listener. */
static int64_t accepts_what_waits(void *unused)
{
    (void)unused;
    for (int nonblocking = 0; nonblocking < 2; nonblocking++) {
        struct listener listener;
        CHECK_EQUAL(listen_on_loopback(&listener), 0);
        int on = nonblocking;
        CHECK_EQUAL(ioctl(listener.fd, FIONBIO, &on), 0);
        int64_t fd = connect_to(&listener);
        CHECK(fd >= 0);
        CHECK_EQUAL(fcntl((int)fd, F_GETFL) & O_NONBLOCK, 0);
        int other = tug_accept(listener.fd, NULL, NULL, SOCK_NONBLOCK);
        CHECK(other >= 0);
        CHECK(fcntl(other, F_GETFL) & O_NONBLOCK);
        close(other);
        close((int)fd);
        close(listener.fd);
    }
    return 0;
}

static int64_t refused(void *unused)
{
    (void)unused;
    struct listener listener;
    CHECK_EQUAL(listen_on_loopback(&listener), 0);
    close(listener.fd);
    CHECK_EQUAL(connect_to(&listener), -ECONNREFUSED);
    CHECK_EQUAL(tug_connect(-1, (struct sockaddr *)&listener.address, sizeof(listener.address)),
                -EBADF);
    CHECK_EQUAL(tug_accept(-1, NULL, NULL, 0), -EBADF);
    CHECK_EQUAL(tug_recv(-1, NULL, 0, 0), -EBADF);
    int fds[2];
    CHECK_EQUAL(pipe(fds), 0);
    CHECK_EQUAL(tug_send(fds[1], "x", 1, 0), -ENOTSOCK);
    CHECK_EQUAL(tug_accept(fds[0], NULL, NULL, 0), -ENOTSOCK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK_EQUAL(tug_accept(fd, NULL, NULL, 0), -EINVAL);
    close(fd);
    close(fds[0]);
    close(fds[1]);
    return 0;
}

static int64_t connected_twice(void *unused)
{
    (void)unused;
    struct listener listener;
    CHECK_EQUAL(listen_on_loopback(&listener), 0);
    int64_t fd = connect_to(&listener);
    CHECK(fd >= 0);
    CHECK_EQUAL(
        tug_connect((int)fd, (struct sockaddr *)&listener.address, sizeof(listener.address)),
        -EISCONN);
    close((int)fd);
    close(listener.fd);
    return 0;
}

/* Two that are connected. */
static int64_t make_pair(int fds[2])
{
    CHECK_EQUAL(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    return 0;
}

static void close_pair(int fds[2])
{
    close(fds[0]);
    close(fds[1]);
}

/* ---- Ends ---- */

static int64_t nobody_listens_any_more(void *unused)
{
    (void)unused;
    int fds[2];
    CHECK_EQUAL(make_pair(fds), 0);
    close(fds[1]);
    /* SIGPIPE would end the program. */
    CHECK_EQUAL(tug_send(fds[0], "x", 1, 0), -EPIPE);
    struct iovec vector = {.iov_base = (char[]){'x'}, .iov_len = 1};
    struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};
    CHECK_EQUAL(tug_sendmsg(fds[0], &message, 0), -EPIPE);
    CHECK_EQUAL(tug_send_all(fds[0], "x", 1, 0), -EPIPE);
    char byte;
    CHECK_EQUAL(tug_recv(fds[0], &byte, 1, 0), 0);
    close(fds[0]);
    return 0;
}

static int64_t half_closed(void *unused)
{
    (void)unused;
    int fds[2];
    char text[8];
    CHECK_EQUAL(make_pair(fds), 0);
    CHECK_EQUAL(tug_send(fds[0], "last", 4, 0), 4);
    CHECK_EQUAL(tug_shutdown(fds[0], SHUT_WR), 0);
    CHECK_EQUAL(tug_recv(fds[1], text, sizeof(text), 0), 4);
    CHECK_EQUAL(tug_recv(fds[1], text, sizeof(text), 0), 0);
    CHECK_EQUAL(tug_send(fds[1], "answer", 6, 0), 6);
    CHECK_EQUAL(tug_recv(fds[0], text, sizeof(text), 0), 6);
    CHECK_EQUAL(tug_shutdown(fds[0], SHUT_RDWR), 0);
    close(fds[0]);
    CHECK_EQUAL(tug_shutdown(fds[1], SHUT_RDWR), 0);
    close(fds[1]);
    CHECK_EQUAL(tug_shutdown(-1, SHUT_WR), -EBADF);
    return 0;
}

/* A peer with a reset in its pocket: it is closed with data that it has not read. */
static int64_t reset_by_peer(void *unused)
{
    (void)unused;
    struct listener listener;
    CHECK_EQUAL(listen_on_loopback(&listener), 0);
    int64_t fd = connect_to(&listener);
    CHECK(fd >= 0);
    int other = tug_accept(listener.fd, NULL, NULL, 0);
    CHECK(other >= 0);
    CHECK_EQUAL(tug_send((int)fd, "unread", 6, 0), 6);
    CHECK_EQUAL(tug_poll_fd(other, POLLIN), POLLIN);
    close(other);
    char byte;
    CHECK_EQUAL(tug_recv((int)fd, &byte, 1, 0), -ECONNRESET);
    CHECK_EQUAL(tug_send((int)fd, "x", 1, 0), -EPIPE);
    CHECK_EQUAL(tug_shutdown((int)fd, SHUT_WR), -ENOTCONN);
    close((int)fd);
    close(listener.fd);
    return 0;
}

/* ---- Much data ---- */

static int64_t send_much(void *argument)
{
    static unsigned char data[MUCH];
    scratch_pattern(data, MUCH, 1);
    int fd = *(int *)argument;
    int64_t result = tug_send_all(fd, data, MUCH, 0);
    tug_shutdown(fd, SHUT_WR);
    return result;
}

static int64_t waits_for_room(void *unused)
{
    (void)unused;
    static unsigned char expected[MUCH], data[MUCH];
    int fds[2];
    CHECK_EQUAL(make_pair(fds), 0);
    scratch_pattern(expected, MUCH, 1);
    struct tug_task *task = tug_spawn(send_much, &fds[0]);
    size_t length = 0;
    int64_t result;
    while ((result = tug_recv(fds[1], data + length, MUCH - length, 0)) > 0)
        length += (size_t)result;
    CHECK_EQUAL(length, MUCH);
    CHECK(memcmp(data, expected, MUCH) == 0);
    CHECK_EQUAL(tug_join(task, &result), 0);
    CHECK_EQUAL(result, MUCH);
    close_pair(fds);
    return 0;
}

/* ---- Datagrams, messages ---- */

static int64_t datagrams(void *unused)
{
    (void)unused;
    struct sockaddr_in addresses[2], from;
    int fds[2];
    for (int i = 0; i < 2; i++) {
        socklen_t length = sizeof(addresses[i]);
        addresses[i] =
            (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        fds[i] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        CHECK_EQUAL(bind(fds[i], (struct sockaddr *)&addresses[i], length), 0);
        CHECK_EQUAL(getsockname(fds[i], (struct sockaddr *)&addresses[i], &length), 0);
    }
    char text[16];
    socklen_t length = sizeof(from);
    CHECK_EQUAL(
        tug_sendto(fds[0], "one", 3, 0, (struct sockaddr *)&addresses[1], sizeof(addresses[1])), 3);
    CHECK_EQUAL(tug_recvfrom(fds[1], text, sizeof(text), 0, (struct sockaddr *)&from, &length), 3);
    CHECK(memcmp(text, "one", 3) == 0);
    CHECK_EQUAL(length, sizeof(from));
    CHECK_EQUAL(from.sin_port, addresses[0].sin_port);
    CHECK_EQUAL(tug_connect(fds[1], (struct sockaddr *)&from, length), 0);
    CHECK_EQUAL(tug_send(fds[1], "", 0, 0), 0);
    CHECK_EQUAL(tug_send(fds[1], "longer", 6, 0), 6);
    CHECK_EQUAL(tug_recv(fds[0], text, sizeof(text), 0), 0);
    CHECK_EQUAL(tug_recv(fds[0], text, 4, MSG_TRUNC), 6);
    close_pair(fds);
    return 0;
}

static int64_t passes_a_descriptor(void *unused)
{
    (void)unused;
    int fds[2], pipe_fds[2];
    CHECK_EQUAL(make_pair(fds), 0);
    CHECK_EQUAL(pipe(pipe_fds), 0);
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int))];
    } control = {.header = {.cmsg_level = SOL_SOCKET,
                            .cmsg_type = SCM_RIGHTS,
                            .cmsg_len = CMSG_LEN(sizeof(int))}};
    char byte = '!';
    struct iovec vector = {.iov_base = &byte, .iov_len = 1};
    struct msghdr message = {.msg_iov = &vector,
                             .msg_iovlen = 1,
                             .msg_control = control.space,
                             .msg_controllen = sizeof(control.space)};
    memcpy(CMSG_DATA(&control.header), &pipe_fds[1], sizeof(int));
    CHECK_EQUAL(tug_sendmsg(fds[0], &message, 0), 1);
    CHECK_EQUAL(tug_recvmsg(fds[1], &message, MSG_CMSG_CLOEXEC), 1);
    int passed;
    CHECK(CMSG_FIRSTHDR(&message) != NULL);
    memcpy(&passed, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(int));
    CHECK(passed != pipe_fds[1]);
    CHECK_EQUAL(write(passed, "x", 1), 1);
    CHECK_EQUAL(read(pipe_fds[0], &byte, 1), 1);
    close(passed);
    close_pair(fds);
    close_pair(pipe_fds);
    return 0;
}

/* ---- Cancellation ---- */

static int64_t runs_out_of_time(void *unused)
{
    (void)unused;
    int fds[2];
    char byte;
    struct listener listener;
    CHECK_EQUAL(listen_on_loopback(&listener), 0);
    CHECK_EQUAL(TUG_TIMEOUT(5 * TUG_MILLISECOND, tug_accept(listener.fd, NULL, NULL, 0)),
                -ETIMEDOUT);
    CHECK_EQUAL(make_pair(fds), 0);
    CHECK_EQUAL(TUG_TIMEOUT(5 * TUG_MILLISECOND, tug_recv(fds[0], &byte, 1, 0)), -ETIMEDOUT);
    /* Nothing was lost. */
    CHECK_EQUAL(tug_send(fds[1], "x", 1, 0), 1);
    CHECK_EQUAL(tug_recv(fds[0], &byte, 1, 0), 1);
    int64_t fd = connect_to(&listener);
    CHECK(fd >= 0);
    int other = tug_accept(listener.fd, NULL, NULL, 0);
    CHECK(other >= 0);
    close(other);
    close((int)fd);
    close_pair(fds);
    close(listener.fd);
    return 0;
}

static int64_t late_accept(void *argument)
{
    struct listener *listener = argument;
    return tug_accept(listener->fd, NULL, NULL, 0);
}

/* Each attempt is ended when a connection may just have come: none may be left open. The fixture
 * counts descriptors. */
static int64_t leaves_no_connection_open(void *unused)
{
    (void)unused;
    struct listener listener;
    CHECK_EQUAL(listen_on_loopback(&listener), 0);
    for (int i = 0; i < 200; i++) {
        struct tug_task *task = tug_spawn(late_accept, &listener);
        CHECK(task != NULL);
        tug_yield();
        int64_t fd = connect_to(&listener), result;
        CHECK(fd >= 0);
        tug_task_abort(task);
        if (tug_join(task, &result) == 0 && result >= 0)
            close((int)result);
        close((int)fd);
    }
    close(listener.fd);
    return 0;
}

static int64_t full_queue(void *unused)
{
    (void)unused;
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "socket"};
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), fds[8], count = 0;
    CHECK_EQUAL(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
    CHECK_EQUAL(listen(listener, 1), 0);
    int64_t result = 0;
    while (count < 8 && result == 0) {
        fds[count] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        result = TUG_TIMEOUT(10 * TUG_MILLISECOND,
                             tug_connect(fds[count], (struct sockaddr *)&address, sizeof(address)));
        count++;
    }
    CHECK_EQUAL(result, -ETIMEDOUT);
    int other = tug_accept(listener, NULL, NULL, 0);
    CHECK(other >= 0);
    CHECK_EQUAL(tug_connect(fds[count - 1], (struct sockaddr *)&address, sizeof(address)), 0);
    close(other);
    while (count > 0)
        close(fds[--count]);
    close(listener);
    return 0;
}

/* ---- Outside ---- */

static int64_t blocks_outside(void *unused)
{
    (void)unused;
    struct listener listener;
    CHECK_EQUAL(listen_on_loopback(&listener), 0);
    int64_t fd = connect_to(&listener);
    CHECK(fd >= 0);
    int other = tug_accept(listener.fd, NULL, NULL, 0);
    CHECK(other >= 0);
    char text[8];
    CHECK_EQUAL(tug_send_all(other, "hello", 5, 0), 5);
    CHECK_EQUAL(tug_recv((int)fd, text, 5, MSG_WAITALL), 5);
    CHECK(memcmp(text, "hello", 5) == 0);
    close(other);
    close((int)fd);
    close(listener.fd);
    return 0;
}

static void works_outside(void **state)
{
    (void)state;
    scratch_run_outside(blocks_outside);
    scratch_run_outside(nobody_listens_any_more);
    scratch_run_outside(refused);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCRATCH_TEST(accepts_and_talks),
        SCRATCH_TEST(accepts_what_waits),
        SCRATCH_TEST(refused),
        SCRATCH_TEST(connected_twice),
        SCRATCH_TEST(nobody_listens_any_more),
        SCRATCH_TEST(half_closed),
        SCRATCH_TEST(reset_by_peer),
        SCRATCH_TEST(waits_for_room),
        SCRATCH_TEST(datagrams),
        SCRATCH_TEST(passes_a_descriptor),
        SCRATCH_TEST(runs_out_of_time),
        SCRATCH_TEST(leaves_no_connection_open),
        SCRATCH_TEST(full_queue),
        cmocka_unit_test(works_outside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
