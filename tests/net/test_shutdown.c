/* SPDX-License-Identifier: MIT */
/*
 * A runtime that ends while tasks wait for sockets and pipes: each wait returns -ECANCELED, nothing
 * of it stays open, and the descriptors can be used in another runtime.
 */
#include "../runtime/fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>

#define STILL_WAITING INT64_MAX

/* What is waited for, in vain. */
struct scene {
    int listener, deaf, pair[2], datagrams[2];
    struct tug_address deaf_address;
    struct tug_fd_stream stream;
    struct tug_async_fd *ready; /* of what cannot be read */
    char fifo[64];
};

struct waiter {
    struct scene *scene;
    int64_t (*wait)(struct scene *scene);
    int64_t result;
};

static int64_t wait_accept(struct scene *scene)
{
    return tug_accept(scene->listener, NULL, NULL, 0);
}

static int64_t wait_accept_next(struct scene *scene)
{
    return tug_accept_next(scene->listener, NULL);
}

static int64_t wait_connect(struct scene *scene)
{
    return tug_connect_to_address(&scene->deaf_address);
}

static int64_t wait_race(struct scene *scene)
{
    const struct tug_address both[2] = {scene->deaf_address, scene->deaf_address};
    return tug_connect_to_any(both, 2);
}

static int64_t wait_recv(struct scene *scene)
{
    char byte;
    return tug_recv(scene->pair[0], &byte, 1, 0);
}

static int64_t wait_peek(struct scene *scene)
{
    char byte;
    return tug_peek(scene->pair[0], &byte, 1);
}

static int64_t wait_local_receive(struct scene *scene)
{
    char byte;
    int fd;
    unsigned one = 1;
    return tug_local_receive(scene->pair[0], &byte, 1, &fd, &one);
}

static int64_t wait_send(struct scene *scene)
{
    static const char much[65536];
    int64_t result;
    while ((result = tug_send(scene->pair[0], much, sizeof(much), 0)) > 0)
        ;
    return result;
}

static int64_t wait_datagram(struct scene *scene)
{
    char byte;
    struct tug_address from;
    return tug_datagram_receive(scene->datagrams[0], &byte, 1, &from);
}

static int64_t wait_batch(struct scene *scene)
{
    struct mmsghdr messages[2];
    memset(messages, 0, sizeof(messages));
    return tug_recvmmsg(scene->datagrams[0], messages, 2, 0);
}

static int64_t wait_stream(struct scene *scene)
{
    char byte;
    return tug_io_read(&scene->stream.reader, &byte, 1);
}

static int64_t wait_stream_write(struct scene *scene)
{
    static const char much[65536];
    int64_t result;
    while ((result = tug_io_write(&scene->stream.writer, much, sizeof(much))) > 0)
        ;
    return result;
}

static int64_t wait_ready(struct scene *scene)
{
    return tug_async_fd_wait(scene->ready, TUG_READABLE);
}

static int64_t wait_sender(struct scene *scene)
{
    return tug_fifo_open_sender(scene->fifo, TUG_FIFO_WAIT);
}

static int64_t wait_receiver(struct scene *scene)
{
    return tug_fifo_open_receiver(scene->fifo, TUG_FIFO_WAIT | TUG_FIFO_KEEP_OPEN);
}

static int64_t (*const waits[])(struct scene *scene) = {
    wait_accept, wait_accept_next,   wait_connect,      wait_race,  wait_recv,
    wait_peek,   wait_local_receive, wait_send,         wait_batch, wait_stream,
    wait_sender, wait_datagram,      wait_stream_write, wait_ready,
};

enum { WAITS = sizeof(waits) / sizeof(waits[0]) };

/* A listener whose queue is full: connections wait. */
static void make_deaf(struct scene *scene)
{
    struct tug_listen_options options = {0, true, false};
    CHECK_EQUAL(tug_address_parse(&scene->deaf_address, "127.0.0.1:0"), 0);
    scene->deaf = tug_listen(&scene->deaf_address, &options);
    CHECK(scene->deaf >= 0);
    CHECK_EQUAL(tug_address_of_socket(scene->deaf, &scene->deaf_address), 0);
}

static void set_up(struct scene *scene)
{
    struct tug_address address;
    int fds[2];
    make_deaf(scene);
    CHECK_EQUAL(tug_address_parse(&address, "127.0.0.1:0"), 0);
    scene->listener = tug_listen(&address, NULL);
    scene->datagrams[0] = tug_datagram_bind(&address, NULL);
    CHECK(scene->listener >= 0 && scene->datagrams[0] >= 0);
    CHECK_EQUAL(tug_local_pair(SOCK_STREAM, scene->pair), 0);
    CHECK_EQUAL(tug_local_pair(SOCK_STREAM, fds), 0);
    CHECK_EQUAL(tug_fd_stream_open(&scene->stream, fds[0]), 0);
    CHECK_EQUAL(tug_async_fd_create(&scene->ready, scene->datagrams[0]), 0);
    scene->datagrams[1] = fds[1];
    const char *directory = getenv("TMPDIR");
    snprintf(scene->fifo, sizeof(scene->fifo), "%s/tug-fifo-%d",
             directory != NULL && strlen(directory) < 40 ? directory : "/tmp", (int)getpid());
    CHECK_EQUAL(tug_fifo_create(scene->fifo, 0600), 0);
}

static void tear_down(struct scene *scene)
{
    unlink(scene->fifo);
    tug_async_fd_destroy(scene->ready);
    tug_fd_stream_close(&scene->stream);
    close(scene->datagrams[0]);
    close(scene->datagrams[1]);
    close(scene->pair[0]);
    close(scene->pair[1]);
    close(scene->listener);
    close(scene->deaf);
}

static int64_t run_waiter(void *argument)
{
    struct waiter *waiter = argument;
    waiter->result = waiter->wait(waiter->scene);
    return 0;
}

/* Fills the queue of the deaf listener; leaves everybody waiting. */
static int64_t leave_waiting(void *argument)
{
    struct waiter *waiters = argument;
    struct tug_connect_options options = TUG_CONNECT_OPTIONS;
    int fds[8], used = 0;
    do {
        options.deadline = tug_deadline_after(20 * TUG_MILLISECOND);
        fds[used] = tug_connect_with(&waiters[0].scene->deaf_address, 1, &options);
    } while (fds[used] >= 0 && ++used < 8);
    CHECK(used < 8);
    for (int i = 0; i < WAITS; i++)
        tug_task_detach(fixture_spawn(run_waiter, &waiters[i]));
    CHECK_EQUAL(tug_sleep(10 * TUG_MILLISECOND), 0);
    for (int i = 0; i < WAITS; i++)
        CHECK_EQUAL(__atomic_load_n(&waiters[i].result, __ATOMIC_RELAXED), STILL_WAITING);
    while (used > 0)
        close(fds[--used]);
    return 0;
}

/* A byte that nobody has taken is still there for the next runtime. */
static int64_t receive_after_all(void *argument)
{
    struct scene *scene = argument;
    char byte;
    CHECK_EQUAL(tug_send(scene->datagrams[1], "x", 1, 0), 1);
    CHECK_EQUAL(tug_io_read(&scene->stream.reader, &byte, 1), 1);
    return 0;
}

static void shutdown_wakes(unsigned workers)
{
    int before = fixture_count_descriptors();
    struct tug_runtime_options options = fixture_options(workers);
    struct waiter waiters[WAITS];
    struct scene scene;
    set_up(&scene);
    int open_before = fixture_count_descriptors();
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < WAITS; i++)
            waiters[i] = (struct waiter){&scene, waits[i], STILL_WAITING};
        CHECK_EQUAL(fixture_run(&options, leave_waiting, waiters), 0);
        for (int i = 0; i < WAITS; i++)
            CHECK_EQUAL(waiters[i].result, -ECANCELED);
        CHECK_EQUAL(fixture_count_descriptors(), open_before);
    }
    CHECK_EQUAL(fixture_run(&options, receive_after_all, &scene), 0);
    tear_down(&scene);
    CHECK_EQUAL(fixture_count_descriptors(), before);
}

/* A receiver that waits in its open is one for senders, so it has a test of its own. */
static int64_t leave_receiver_waiting(void *argument)
{
    struct waiter *waiter = argument;
    tug_task_detach(fixture_spawn(run_waiter, waiter));
    return tug_sleep(5 * TUG_MILLISECOND);
}

static void shutdown_wakes_receiver(unsigned workers)
{
    int before = fixture_count_descriptors();
    struct tug_runtime_options options = fixture_options(workers);
    struct scene scene;
    set_up(&scene);
    struct waiter waiter = {&scene, wait_receiver, STILL_WAITING};
    CHECK_EQUAL(fixture_run(&options, leave_receiver_waiting, &waiter), 0);
    CHECK_EQUAL(waiter.result, -ECANCELED);
    tear_down(&scene);
    CHECK_EQUAL(fixture_count_descriptors(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ALONE_EACH(shutdown_wakes),
        ALONE_EACH(shutdown_wakes_receiver),
    };
    return cmocka_run_group_tests_name("net/shutdown", tests, NULL, NULL);
}
