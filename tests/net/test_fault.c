/* SPDX-License-Identifier: MIT */
/*
 * Each system call below the calls of this layer fails once, at each of its occurrences: the call
 * says so, or does without, and leaves no descriptor open.
 */
#include "../fs/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sys/fault.h"

#if TUG_FAULT_INJECTION

/* What the actions are made with; the descriptors stay open. */
struct scene {
    struct tug_address listening, local, any;
    int listener, pair[2];
};

/* Actions return a descriptor, which is closed, or 0, or an error. */
static int64_t listens(struct scene *scene)
{
    struct tug_listen_options options = {1, true, true};
    return tug_listen(&scene->any, &options);
}

static int64_t connects(struct scene *scene)
{
    struct tug_connect_options options = {&scene->local, TUG_FOREVER};
    return tug_connect_with(&scene->listening, 1, &options);
}

static int64_t races(struct scene *scene)
{
    const struct tug_address twice[2] = {scene->listening, scene->listening};
    struct tug_connect_options options = {&scene->local, TUG_FOREVER};
    return tug_connect_with(twice, 2, &options);
}

static int64_t binds(struct scene *scene)
{
    const struct tug_datagram_options options = {true, true, true};
    return tug_datagram_bind(&scene->any, &options);
}

static int64_t connects_datagrams(struct scene *scene)
{
    return tug_datagram_connect(&scene->listening, &scene->local);
}

static int64_t makes_pair(struct scene *scene)
{
    int fds[2];
    (void)scene;
    int error = tug_local_pair(SOCK_STREAM, fds);
    if (error < 0)
        return error;
    close(fds[1]);
    return fds[0];
}

static int64_t asks_for_peer(struct scene *scene)
{
    struct tug_local_peer peer;
    return tug_local_peer(scene->pair[0], &peer);
}

static int64_t opens_receiver(struct scene *scene)
{
    (void)scene;
    return tug_fifo_open_receiver("fifo", TUG_FIFO_KEEP_OPEN);
}

static int64_t makes_fifo(struct scene *scene)
{
    (void)scene;
    int error = tug_fifo_create("other", 0600);
    unlink("other");
    return error;
}

static int64_t sends_in_batch(struct scene *scene)
{
    char byte = 'x';
    struct iovec vector = {&byte, 1};
    struct mmsghdr message = {.msg_hdr = {.msg_iov = &vector, .msg_iovlen = 1}};
    int result = tug_sendmmsg(scene->pair[0], &message, 1, 0);
    if (result < 0)
        return result;
    result = tug_recvmmsg(scene->pair[1], &message, 1, 0);
    /* For the next time. */
    while (recv(scene->pair[1], &byte, 1, MSG_DONTWAIT) > 0)
        ;
    return result < 0 ? result : 0;
}

static int64_t sets_keepalive(struct scene *scene)
{
    const struct tug_keepalive keepalive = {true, 10, 10, 10};
    struct tug_keepalive found;
    int error = tug_socket_set_keepalive(scene->listener, &keepalive);
    return error < 0 ? error : tug_socket_keepalive(scene->listener, &found);
}

static int64_t (*const actions[])(struct scene *scene) = {
    listens,       connects,       races,      binds,          connects_datagrams, makes_pair,
    asks_for_peer, opens_receiver, makes_fifo, sends_in_batch, sets_keepalive,
};

/* Whether an action must fail with the call, or may do without it. */
static const struct {
    const char *name;
    bool may_do_without;
} calls[] = {
    {"socket", true}, /* of two attempts, the other may succeed */
    {"socketpair", false}, {"bind", true},        {"listen", false}, {"connect", true},
    {"setsockopt", true},  {"getsockopt", false}, {"statx", false},  {"mknodat", false},
    {"recvmmsg", false},   {"sendmmsg", false},   {"fcntl", true},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Returns how often the call occurred and failed, or what is wrong. */
static int64_t fail_each(struct scene *scene, size_t action, size_t call, int *failures)
{
    for (unsigned n = 1;; n++) {
        int before = scratch_count_fds();
        CHECK_EQUAL(tug_fault_fail(calls[call].name, n, 1, EXFULL), 0);
        int64_t result = actions[action](scene);
        bool occurred = tug_fault_calls(calls[call].name) >= n;
        tug_fault_reset();
        if (result < 0 && result != -EXFULL)
            fprintf(stderr, "action %zu, %s %u\n", action, calls[call].name, n);
        CHECK(result >= 0 || result == -EXFULL);
        CHECK(result < 0 || !occurred || calls[call].may_do_without);
        *failures += result < 0;
        if (result > 0)
            close((int)result);
        CHECK_EQUAL(scratch_count_fds(), before);
        if (!occurred)
            return 0;
    }
}

static int64_t each_call_fails(void *unused)
{
    (void)unused;
    struct scene scene;
    CHECK_EQUAL(tug_address_parse(&scene.any, "127.0.0.1:0"), 0);
    CHECK_EQUAL(tug_address_parse(&scene.local, "127.0.0.2:0"), 0);
    scene.listener = tug_listen(&scene.any, NULL);
    CHECK(scene.listener >= 0);
    CHECK_EQUAL(tug_address_of_socket(scene.listener, &scene.listening), 0);
    CHECK_EQUAL(tug_local_pair(SOCK_DGRAM, scene.pair), 0);
    CHECK_EQUAL(tug_fifo_create("fifo", 0600), 0);
    for (size_t call = 0; call < COUNT(calls); call++) {
        int failures = 0;
        for (size_t action = 0; action < COUNT(actions); action++)
            CHECK_EQUAL(fail_each(&scene, action, call, &failures), 0);
        if (failures == 0)
            fprintf(stderr, "%s never failed\n", calls[call].name);
        CHECK(failures > 0);
    }
    close(scene.pair[0]);
    close(scene.pair[1]);
    close(scene.listener);
    return 0;
}

static void each_call_fails_outside(void **state)
{
    (void)state;
    scratch_run_outside(each_call_fails);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCRATCH_TEST(each_call_fails),
        cmocka_unit_test(each_call_fails_outside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

int main(void)
{
    return 77;
}

#endif
