/* SPDX-License-Identifier: MIT */
/*
 * A server that goes on: connections that are given up, and times without descriptors. Connections
 * from a chosen address, and within a time. What is asked without waiting.
 */
#include "../fs/scratch.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "sys/fault.h"

static int64_t listen_at(const char *text, int *fd, struct tug_address *address)
{
    CHECK_EQUAL(tug_address_parse(address, text), 0);
    *fd = tug_listen(address, NULL);
    CHECK(*fd >= 0);
    CHECK_EQUAL(tug_address_of_socket(*fd, address), 0);
    return 0;
}

static int64_t accept_next(void *listener)
{
    return tug_accept_next(*(int *)listener, NULL);
}

/* ---- Accepting ---- */

static int64_t says_who_it_is(void *unused)
{
    (void)unused;
    struct tug_address address, own, peer;
    int listener = -1;
    CHECK_EQUAL(listen_at("127.0.0.1:0", &listener, &address), 0);
    int client = tug_connect_to_address(&address);
    CHECK(client >= 0);
    int server = tug_accept_next(listener, &peer);
    CHECK(server >= 0);
    CHECK_EQUAL(tug_address_of_socket(client, &own), 0);
    CHECK_EQUAL(own.length, peer.length);
    CHECK(memcmp(&own.storage, &peer.storage, own.length) == 0);
    CHECK_EQUAL(tug_accept_next(client, NULL), -EINVAL);
    CHECK_EQUAL(tug_accept_next(-1, NULL), -EBADF);
    close(server);
    close(client);
    close(listener);
    return 0;
}

/* Lets the process have no descriptor more, but as many as it has: poll(2) wants that, too. */
static int64_t take_descriptors(struct rlimit *before)
{
    CHECK_EQUAL(getrlimit(RLIMIT_NOFILE, before), 0);
    int lowest = dup(STDERR_FILENO);
    CHECK(lowest > 0);
    close(lowest);
    struct rlimit none = {(rlim_t)lowest, before->rlim_max};
    CHECK_EQUAL(setrlimit(RLIMIT_NOFILE, &none), 0);
    return 0;
}

/* No descriptor is free: it waits until one is, and what came meanwhile is still there. */
static int64_t shortage(void *unused)
{
    (void)unused;
    struct tug_address address;
    struct rlimit limit;
    int listener = -1;
    CHECK_EQUAL(listen_at("127.0.0.1:0", &listener, &address), 0);
    int client = tug_connect_to_address(&address);
    CHECK(client >= 0);
    CHECK_EQUAL(take_descriptors(&limit), 0);
    int refused = tug_accept(listener, NULL, NULL, 0);
    struct tug_task *task = tug_spawn(accept_next, &listener);
    int slept = tug_sleep(20 * TUG_MILLISECOND);
    bool early = tug_task_is_finished(task);
    /* Cancelling reaches it in its pause, too. */
    int64_t late = TUG_TIMEOUT(TUG_MILLISECOND, tug_accept_next(listener, NULL)), server;
    CHECK_EQUAL(setrlimit(RLIMIT_NOFILE, &limit), 0);
    CHECK_EQUAL(tug_join(task, &server), 0);
    CHECK_EQUAL(refused, -EMFILE);
    CHECK_EQUAL(slept, 0);
    CHECK(!early);
    CHECK_EQUAL(late, -ETIMEDOUT);
    CHECK(server >= 0);
    close((int)server);
    close(client);
    close(listener);
    return 0;
}

/* It does not spin: in the time in which it could try 10,000 times it tries a few. */
static int64_t shortage_is_quiet(void *unused)
{
    (void)unused;
    struct tug_address address;
    struct rlimit limit;
    struct tug_worker_metrics before, after;
    int listener = -1;
    CHECK_EQUAL(listen_at("127.0.0.1:0", &listener, &address), 0);
    int client = tug_connect_to_address(&address);
    CHECK(client >= 0);
    CHECK_EQUAL(tug_runtime_worker_metrics(tug_runtime_current(), 0, &before), 0);
    CHECK_EQUAL(take_descriptors(&limit), 0);
    int64_t result = TUG_TIMEOUT(100 * TUG_MILLISECOND, tug_accept_next(listener, NULL));
    CHECK_EQUAL(setrlimit(RLIMIT_NOFILE, &limit), 0);
    CHECK_EQUAL(result, -ETIMEDOUT);
    CHECK_EQUAL(tug_runtime_worker_metrics(tug_runtime_current(), 0, &after), 0);
    CHECK(after.polls - before.polls < 40);
    close(client);
    close(listener);
    return 0;
}

#if TUG_FAULT_INJECTION

/* Whatever happens to other connections, and for lack of what, the next one is accepted. */
static int64_t passes_over(void *unused)
{
    (void)unused;
    static const int errors[] = {ECONNABORTED, EPROTO, ENETDOWN, EHOSTUNREACH,
                                 ENFILE,       EMFILE, ENOBUFS,  ENOMEM};
    struct tug_address address;
    int listener = -1;
    CHECK_EQUAL(listen_at("127.0.0.1:0", &listener, &address), 0);
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        int client = tug_connect_to_address(&address);
        CHECK(client >= 0);
        CHECK_EQUAL(tug_fault_fail("accept4", 1, 3, errors[i]), 0);
        int server = tug_accept_next(listener, NULL);
        tug_fault_reset();
        CHECK(server >= 0);
        close(server);
        close(client);
    }
    close(listener);
    return 0;
}

#endif

static void passes_over_outside(void **state)
{
    (void)state;
#if TUG_FAULT_INJECTION
    scratch_run_outside(passes_over);
#else
    skip();
#endif
}

/* ---- From an address of one's own, and within a time ---- */

static int64_t from_an_address(void *unused)
{
    (void)unused;
    struct tug_connect_options options = TUG_CONNECT_OPTIONS;
    struct tug_address addresses[2], local, peer;
    char text[TUG_ADDRESS_TEXT_SIZE];
    int listener = -1;
    CHECK_EQUAL(listen_at("127.0.0.1:0", &listener, &addresses[0]), 0);
    CHECK_EQUAL(tug_address_parse(&local, "127.0.0.2:0"), 0);
    options.local = &local;
    /* Alone, and in a race, whose other address has another family. */
    CHECK_EQUAL(tug_address_parse(&addresses[1], "unix:@nobody listens here"), 0);
    for (size_t count = 1; count <= 2; count++) {
        int client = tug_connect_with(addresses, count, &options);
        CHECK(client >= 0);
        int server = tug_accept_next(listener, &peer);
        CHECK(server >= 0);
        tug_address_format(&peer, text, sizeof(text));
        CHECK(strncmp(text, "127.0.0.2:", 10) == 0);
        close(client);
        close(server);
    }
    CHECK_EQUAL(tug_address_parse(&local, "192.0.2.1:0"), 0);
    CHECK_EQUAL(tug_connect_with(addresses, 1, &options), -EADDRNOTAVAIL);
    close(listener);
    CHECK_EQUAL(tug_connect_with(addresses, 1, NULL), -ECONNREFUSED);
    CHECK_EQUAL(tug_connect_with(addresses, 0, NULL), -EINVAL);
    return 0;
}

/* A port of one's own can be used again at once. */
static int64_t from_a_port(void *unused)
{
    (void)unused;
    struct tug_connect_options options = TUG_CONNECT_OPTIONS;
    struct tug_address address, local, own;
    int listener, other;
    CHECK_EQUAL(listen_at("127.0.0.1:0", &listener, &address), 0);
    CHECK_EQUAL(listen_at("127.0.0.1:0", &other, &local), 0);
    close(other);
    options.local = &local;
    int client = tug_connect_with(&address, 1, &options);
    CHECK(client >= 0);
    CHECK_EQUAL(tug_address_of_socket(client, &own), 0);
    CHECK(memcmp(&own.storage, &local.storage, local.length) == 0);
    CHECK(tug_connect_with(&address, 1, &options) < 0);
    close(client);
    close(listener);
    return 0;
}

static int64_t in_time(void *unused)
{
    (void)unused;
    struct tug_connect_options options = TUG_CONNECT_OPTIONS;
    struct tug_listen_options deaf_options = {0, true, false};
    struct tug_address address;
    int fds[8], count = 0;
    CHECK_EQUAL(tug_address_parse(&address, "127.0.0.1:0"), 0);
    int deaf = tug_listen(&address, &deaf_options);
    CHECK(deaf >= 0);
    CHECK_EQUAL(tug_address_of_socket(deaf, &address), 0);
    do {
        options.deadline = tug_deadline_after(50 * TUG_MILLISECOND);
        fds[count] = tug_connect_with(&address, 1, &options);
    } while (fds[count] >= 0 && ++count < 8);
    CHECK(count < 8);
    CHECK_EQUAL(fds[count], -ETIMEDOUT);
    while (count > 0)
        close(fds[--count]);
    close(deaf);
    return 0;
}

static void a_deadline_needs_a_task(void **state)
{
    (void)state;
    struct tug_connect_options options = {NULL, 1};
    struct tug_address address;
    assert_int_equal(tug_address_parse(&address, "127.0.0.1:1"), 0);
    assert_int_equal(tug_connect_with(&address, 1, &options), -EPERM);
}

/* ---- Without waiting ---- */

static int64_t at_once_or_not(void *unused)
{
    (void)unused;
    struct tug_address address;
    char text[8] = "";
    int listener = -1;
    CHECK_EQUAL(listen_at("127.0.0.1:0", &listener, &address), 0);
    CHECK_EQUAL(tug_try_accept(listener, NULL, NULL, 0), -EAGAIN);
    int client = tug_connect_to_address(&address);
    CHECK(client >= 0);
    int server = tug_try_accept(listener, NULL, NULL, 0);
    CHECK(server >= 0);
    CHECK_EQUAL(tug_try_recv(server, text, sizeof(text), 0), -EAGAIN);
    CHECK_EQUAL(tug_try_send(client, "hello", 5, 0), 5);
    /* What was peeked at is still there. */
    CHECK_EQUAL(tug_peek(server, text, 2), 2);
    CHECK(memcmp(text, "he", 2) == 0);
    CHECK_EQUAL(tug_peek(server, text, sizeof(text)), 5);
    CHECK_EQUAL(tug_try_recv(server, text, sizeof(text), 0), 5);
    CHECK(memcmp(text, "hello", 5) == 0);
    CHECK_EQUAL(TUG_TIMEOUT(TUG_MILLISECOND, tug_peek(server, text, 1)), -ETIMEDOUT);
    static const char much[65536];
    int64_t result;
    while ((result = tug_try_send(client, much, sizeof(much), 0)) > 0)
        ;
    CHECK_EQUAL(result, -EAGAIN);
    close(server);
    while ((result = tug_try_send(client, much, sizeof(much), 0)) == -EAGAIN)
        CHECK_EQUAL(tug_sleep(TUG_MILLISECOND), 0);
    CHECK(result == -ECONNRESET || result == -EPIPE);
    CHECK_EQUAL(tug_peek(-1, text, 1), -EBADF);
    close(client);
    close(listener);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCRATCH_TEST(says_who_it_is),
        SCRATCH_TEST(shortage),
        SCRATCH_TEST_CURRENT_THREAD(shortage_is_quiet),
        cmocka_unit_test(passes_over_outside),
        SCRATCH_TEST(from_an_address),
        SCRATCH_TEST(from_a_port),
        SCRATCH_TEST(in_time),
        cmocka_unit_test(a_deadline_needs_a_task),
        SCRATCH_TEST(at_once_or_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
