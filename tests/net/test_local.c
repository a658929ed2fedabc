/* SPDX-License-Identifier: MIT */
/*
 * Sockets of the local domain: pairs of each type, the peer, and descriptors that are passed: which
 * arrive, as many as were sent, and none of which is left open when they cannot.
 */
#include "../fs/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static void close_pair(int fds[2])
{
    close(fds[0]);
    close(fds[1]);
}

static int64_t pairs(void *unused)
{
    (void)unused;
    static const int types[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET};
    for (int i = 0; i < 3; i++) {
        int fds[2], type = 0;
        char text[8];
        socklen_t size = sizeof(type);
        CHECK_EQUAL(tug_local_pair(types[i], fds), 0);
        CHECK_EQUAL(getsockopt(fds[0], SOL_SOCKET, SO_TYPE, &type, &size), 0);
        CHECK_EQUAL(type, types[i]);
        CHECK(fcntl(fds[0], F_GETFD) & FD_CLOEXEC);
        CHECK_EQUAL(tug_send(fds[0], "one", 3, 0), 3);
        CHECK_EQUAL(tug_send(fds[0], "two", 3, 0), 3);
        /* Messages stay apart, bytes do not. */
        CHECK_EQUAL(tug_recv(fds[1], text, sizeof(text), 0), types[i] == SOCK_STREAM ? 6 : 3);
        CHECK(memcmp(text, "one", 3) == 0);
        close_pair(fds);
    }
    int fds[2];
    CHECK_EQUAL(tug_local_pair(SOCK_RDM, fds), -ESOCKTNOSUPPORT);
    return 0;
}

static int64_t abstract_name(void *unused)
{
    (void)unused;
    struct tug_address address;
    struct tug_local_peer peer;
    char text[8];
    /* The abstract name space is shared with all that runs at this time. */
    static int rounds;
    char name[64];
    snprintf(name, sizeof(name), "unix:@tug local %d %d", (int)getpid(), ++rounds);
    CHECK_EQUAL(tug_address_parse(&address, name), 0);
    int listener = tug_listen(&address, NULL);
    CHECK(listener >= 0);
    int client = tug_connect_to_address(&address);
    CHECK(client >= 0);
    int server = tug_accept_next(listener, NULL);
    CHECK(server >= 0);
    CHECK_EQUAL(tug_send(client, "hello", 5, 0), 5);
    CHECK_EQUAL(tug_recv(server, text, sizeof(text), 0), 5);
    memset(&peer, 0, sizeof(peer));
    CHECK_EQUAL(tug_local_peer(server, &peer), 0);
    CHECK_EQUAL(peer.process, getpid());
    CHECK_EQUAL(peer.user, geteuid());
    CHECK_EQUAL(peer.group, getegid());
    CHECK_EQUAL(tug_local_peer(client, &peer), 0);
    close(client);
    close(server);
    close(listener);
    return 0;
}

static int64_t no_peer(void *unused)
{
    (void)unused;
    struct tug_local_peer peer;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK_EQUAL(tug_local_peer(fd, &peer), -ENOTCONN);
    close(fd);
    fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK_EQUAL(tug_local_peer(fd, &peer), -EOPNOTSUPP);
    close(fd);
    CHECK_EQUAL(tug_local_peer(-1, &peer), -EBADF);
    return 0;
}

/* ---- Descriptors ---- */

static int64_t passes_several(void *unused)
{
    (void)unused;
    enum { PIPES = 3 };
    int fds[2], pipes[PIPES][2], sent[PIPES], received[PIPES + 1];
    char text[8];
    CHECK_EQUAL(tug_local_pair(SOCK_STREAM, fds), 0);
    for (int i = 0; i < PIPES; i++) {
        CHECK_EQUAL(pipe2(pipes[i], O_CLOEXEC), 0);
        sent[i] = pipes[i][1];
    }
    CHECK_EQUAL(tug_local_send(fds[0], "three", 5, sent, PIPES), 5);
    CHECK_EQUAL(tug_local_send(fds[0], "none", 4, NULL, 0), 4);
    unsigned count = PIPES + 1;
    CHECK_EQUAL(tug_local_receive(fds[1], text, 5, received, &count), 5);
    CHECK_EQUAL(count, PIPES);
    for (int i = 0; i < PIPES; i++) {
        char byte = 0, expected = (char)('a' + i);
        CHECK(received[i] != sent[i]);
        CHECK(fcntl(received[i], F_GETFD) & FD_CLOEXEC);
        CHECK_EQUAL(write(received[i], &expected, 1), 1);
        CHECK_EQUAL(read(pipes[i][0], &byte, 1), 1);
        CHECK_EQUAL(byte, expected);
        close(received[i]);
        close_pair(pipes[i]);
    }
    count = PIPES;
    CHECK_EQUAL(tug_local_receive(fds[1], text, sizeof(text), received, &count), 4);
    CHECK_EQUAL(count, 0);
    close(fds[0]);
    count = PIPES;
    CHECK_EQUAL(tug_local_receive(fds[1], text, sizeof(text), received, &count), 0);
    CHECK_EQUAL(count, 0);
    close(fds[1]);
    return 0;
}

static int64_t as_many_as_there_can_be(void *unused)
{
    (void)unused;
    static int sent[TUG_LOCAL_MOST_DESCRIPTORS + 1], received[TUG_LOCAL_MOST_DESCRIPTORS];
    int fds[2];
    char byte;
    CHECK_EQUAL(tug_local_pair(SOCK_SEQPACKET, fds), 0);
    for (int i = 0; i <= TUG_LOCAL_MOST_DESCRIPTORS; i++)
        sent[i] = fds[0];
    CHECK_EQUAL(tug_local_send(fds[0], "x", 1, sent, TUG_LOCAL_MOST_DESCRIPTORS), 1);
    unsigned count = TUG_LOCAL_MOST_DESCRIPTORS;
    CHECK_EQUAL(tug_local_receive(fds[1], &byte, 1, received, &count), 1);
    CHECK_EQUAL(count, TUG_LOCAL_MOST_DESCRIPTORS);
    for (unsigned i = 0; i < count; i++)
        close(received[i]);
    CHECK_EQUAL(tug_local_send(fds[0], "x", 1, sent, TUG_LOCAL_MOST_DESCRIPTORS + 1), -EINVAL);
    CHECK_EQUAL(tug_local_send(fds[0], "", 0, sent, 1), -EINVAL);
    sent[0] = -1;
    CHECK_EQUAL(tug_local_send(fds[0], "x", 1, sent, 1), -EBADF);
    close_pair(fds);
    return 0;
}

/* Too many for the caller, or for the process: none is left open, as the fixture sees, too. */
static int64_t too_many(void *unused)
{
    (void)unused;
    int fds[2], received[8];
    char byte;
    struct rlimit limit;
    CHECK_EQUAL(tug_local_pair(SOCK_SEQPACKET, fds), 0);
    int before = scratch_count_fds();
    const int sent[4] = {fds[0], fds[0], fds[0], fds[0]};
    for (int i = 0; i < 2; i++)
        CHECK_EQUAL(tug_local_send(fds[0], "x", 1, sent, 4), 1);
    unsigned count = 3;
    CHECK_EQUAL(tug_local_receive(fds[1], &byte, 1, received, &count), -EMSGSIZE);
    CHECK_EQUAL(count, 0);
    CHECK_EQUAL(scratch_count_fds(), before);
    int lowest = dup(fds[0]);
    CHECK(lowest >= 0);
    close(lowest);
    CHECK_EQUAL(getrlimit(RLIMIT_NOFILE, &limit), 0);
    struct rlimit low = {(rlim_t)lowest + 2, limit.rlim_max};
    CHECK_EQUAL(setrlimit(RLIMIT_NOFILE, &low), 0);
    count = 8;
    int64_t result = tug_local_receive(fds[1], &byte, 1, received, &count);
    CHECK_EQUAL(setrlimit(RLIMIT_NOFILE, &limit), 0);
    CHECK_EQUAL(result, -EMFILE);
    CHECK_EQUAL(count, 0);
    CHECK_EQUAL(scratch_count_fds(), before);
    close_pair(fds);
    return 0;
}

/* What other options of the socket put beside the descriptors does no harm. */
static int64_t with_credentials(void *unused)
{
    (void)unused;
    int fds[2], received, on = 1;
    char byte;
    CHECK_EQUAL(tug_local_pair(SOCK_STREAM, fds), 0);
    CHECK_EQUAL(setsockopt(fds[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)), 0);
    CHECK_EQUAL(tug_local_send(fds[0], "x", 1, &fds[0], 1), 1);
    unsigned count = 1;
    CHECK_EQUAL(tug_local_receive(fds[1], &byte, 1, &received, &count), 1);
    CHECK_EQUAL(count, 1);
    close(received);
    close_pair(fds);
    return 0;
}

/* Each wait is ended when descriptors may just have come: none may be lost. */
static int64_t receive(void *argument)
{
    int *fds = argument, received;
    char byte;
    unsigned count = 1;
    int64_t result = tug_local_receive(fds[1], &byte, 1, &received, &count);
    return result < 0 ? result : received;
}

static int64_t is_cancelled(void *unused)
{
    (void)unused;
    int fds[2];
    CHECK_EQUAL(tug_local_pair(SOCK_STREAM, fds), 0);
    for (int i = 0; i < 200; i++) {
        struct tug_task *task = tug_spawn(receive, fds);
        int64_t received;
        CHECK(task != NULL);
        tug_yield();
        CHECK_EQUAL(tug_local_send(fds[0], "x", 1, &fds[0], 1), 1);
        tug_task_abort(task);
        /* The task may have been aborted before it began; then the message is still there. */
        CHECK_EQUAL(tug_join(task, &received), 0);
        if (received == -ECANCELED)
            received = receive(fds);
        CHECK(received >= 0);
        close((int)received);
    }
    close_pair(fds);
    return 0;
}

static void works_outside(void **state)
{
    (void)state;
    scratch_run_outside(passes_several);
    scratch_run_outside(abstract_name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCRATCH_TEST(pairs),
        SCRATCH_TEST(abstract_name),
        SCRATCH_TEST(no_peer),
        SCRATCH_TEST(passes_several),
        SCRATCH_TEST(as_many_as_there_can_be),
        SCRATCH_TEST(too_many),
        SCRATCH_TEST(with_credentials),
        SCRATCH_TEST(is_cancelled),
        cmocka_unit_test(works_outside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
