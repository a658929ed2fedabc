/* SPDX-License-Identifier: MIT */
/*
 * Calls that always find something to do give way, and how often, exactly: streams in memory and on
 * descriptors, which are tried first; operations, where the driver tries them first, too; and a
 * copy that the kernel makes.
 */
#include "ready_pair.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/eventfd.h>
#include <sys/un.h>

#include "sys/fault.h"

enum { BUDGET = 128, ROUNDS = 300 };

/* Each round costs so many units; 0: it waits for the driver's answer and gives way by that. */
static void measure(int64_t (*round)(void *scene), void *scene, unsigned units)
{
    CHECK_EQUAL(tug_yield(), 0);
    uint64_t before = fixture_budget_exhausted();
    for (int i = 0; i < ROUNDS; i++)
        CHECK_EQUAL(round(scene), 1);
    CHECK_EQUAL(fixture_budget_exhausted() - before,
                units == 0 ? 0 : (ROUNDS * units - 1) / BUDGET);
}

/* ---- Streams ---- */

struct line {
    struct tug_reader *from;
    struct tug_writer *to;
};

static int64_t one_byte_through(void *scene)
{
    const struct line *line = scene;
    char byte = 'x';
    CHECK_EQUAL(tug_io_write(line->to, &byte, 1), 1);
    return tug_io_read(line->from, &byte, 1);
}

static int64_t one_vector_through(void *scene)
{
    const struct line *line = scene;
    char byte = 'x';
    const struct iovec vector = {&byte, 1};
    CHECK_EQUAL(tug_io_write_vectored(line->to, &vector, 1), 1);
    return tug_io_read(line->from, &byte, 1);
}

static int64_t one_byte_written(void *writer)
{
    return tug_io_write(writer, "x", 1);
}

static int64_t memory_gives_way(void *unused)
{
    (void)unused;
    struct tug_duplex *ends[2];
    struct tug_bytes_writer bytes;
    CHECK_EQUAL(tug_duplex_create(ends, 16), 0);
    struct line line = {&ends[0]->reader, &ends[1]->writer};
    measure(one_byte_through, &line, 2);
    measure(one_vector_through, &line, 2);
    tug_duplex_destroy(ends[0]);
    tug_duplex_destroy(ends[1]);
    tug_bytes_writer_init_growing(&bytes, SIZE_MAX);
    measure(one_byte_written, &bytes.writer, 1);
    tug_bytes_writer_free(&bytes);
    return 0;
}

static int64_t descriptors_give_way(void *unused)
{
    (void)unused;
    for (int socket = 0; socket < 2; socket++) {
        struct tug_fd_stream from, to;
        int fds[2];
        if (socket)
            CHECK_EQUAL(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
        else
            CHECK_EQUAL(pipe2(fds, O_CLOEXEC), 0);
        CHECK_EQUAL(tug_fd_stream_open(&from, fds[0]), 0);
        CHECK_EQUAL(tug_fd_stream_open(&to, fds[1]), 0);
        struct line line = {&from.reader, &to.writer};
        measure(one_byte_through, &line, 2);
        measure(one_vector_through, &line, 2);
        CHECK_EQUAL(tug_fd_stream_close(&from), 0);
        CHECK_EQUAL(tug_fd_stream_close(&to), 0);
    }
    return 0;
}

static int64_t nothing_to_do(int fd, void *unused)
{
    (void)fd, (void)unused;
    return 1;
}

static int64_t one_call(void *ready)
{
    return tug_async_fd_call(ready, TUG_READABLE, nothing_to_do, NULL);
}

static int64_t calls_give_way(void *unused)
{
    (void)unused;
    struct ready_pair pair = ready_pair_make();
    measure(one_call, pair.ready[0], 1);
    ready_pair_destroy(&pair);
    return 0;
}

/* ---- Operations ---- */

static int64_t send_and_receive(void *scene)
{
    const int *fds = scene;
    char byte = 'x';
    CHECK_EQUAL(tug_send(fds[0], &byte, 1, 0), 1);
    return tug_recv(fds[1], &byte, 1, 0);
}

static int64_t send_and_receive_buffer(void *scene)
{
    const int *fds = scene;
    void *buffer;
    CHECK_EQUAL(tug_send(fds[0], "x", 1, 0), 1);
    int64_t n = tug_recv_buffer(fds[1], &buffer, 0);
    tug_recv_buffer_release(buffer);
    return n;
}

struct server {
    int listener;
    struct sockaddr_un address;
    socklen_t size;
};

static int64_t accept_one(void *scene)
{
    const struct server *server = scene;
    int client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK_EQUAL(connect(client, (const struct sockaddr *)&server->address, server->size), 0);
    int accepted = tug_accept(server->listener, NULL, NULL, 0);
    CHECK(accepted >= 0);
    close(accepted);
    close(client);
    return 1;
}

/* An address that the kernel chooses, outside of the file system. */
static struct server make_server(void)
{
    struct server server = {.address = {.sun_family = AF_UNIX}};
    server.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr *address = (struct sockaddr *)&server.address;
    CHECK_EQUAL(bind(server.listener, address, offsetof(struct sockaddr_un, sun_path)), 0);
    server.size = sizeof(server.address);
    CHECK_EQUAL(getsockname(server.listener, address, &server.size), 0);
    CHECK_EQUAL(listen(server.listener, 4), 0);
    return server;
}

static int64_t operations_give_way(void *unused)
{
    (void)unused;
    bool tries = strcmp(tug_runtime_driver_name(tug_runtime_current()), "epoll") == 0;
    int fds[2];
    CHECK_EQUAL(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    measure(send_and_receive, fds, tries ? 2 : 0);
    measure(send_and_receive_buffer, fds, tries ? 2 : 0);
    close(fds[0]);
    close(fds[1]);
    struct server server = make_server();
    measure(accept_one, &server, tries ? 1 : 0);
    close(server.listener);
    return 0;
}

/* ---- A copy by the kernel ---- */

#if TUG_FAULT_INJECTION

static void note_progress(void *argument, int direction, uint64_t copied)
{
    uint64_t *noted = argument;
    CHECK_EQUAL(direction, 0);
    CHECK_EQUAL(copied, *noted + 1);
    *noted = copied;
}

/* By one byte at a time, each of which is told of and costs a unit; the end costs one, too. */
static int64_t kernel_copies_give_way(void *unused)
{
    (void)unused;
    static const char bytes[200]; /* each takes a slot of the pipe, of 256 */
    uint64_t noted = 0;
    const struct tug_io_copy_options options = {.progress = note_progress, .argument = &noted};
    struct tug_fd_stream from, to;
    int source[2], target[2];
    CHECK_EQUAL(pipe2(source, O_CLOEXEC), 0);
    CHECK_EQUAL(pipe2(target, O_CLOEXEC), 0);
    CHECK_EQUAL(fcntl(target[1], F_SETPIPE_SZ, 1 << 20) > 0, 1);
    CHECK_EQUAL(write(source[1], bytes, sizeof(bytes)), sizeof(bytes));
    close(source[1]);
    CHECK_EQUAL(tug_fd_stream_open(&from, source[0]), 0);
    CHECK_EQUAL(tug_fd_stream_open(&to, target[1]), 0);
    CHECK_EQUAL(tug_fault_short("splice", 1, TUG_FAULT_ALWAYS, 1), 0);
    CHECK_EQUAL(tug_yield(), 0);
    uint64_t before = fixture_budget_exhausted();
    CHECK_EQUAL(tug_io_copy(&from.reader, &to.writer, &options), sizeof(bytes));
    CHECK(tug_fault_calls("splice") >= sizeof(bytes));
    tug_fault_reset();
    CHECK_EQUAL(fixture_budget_exhausted() - before, sizeof(bytes) / BUDGET);
    CHECK_EQUAL(noted, sizeof(bytes));
    CHECK_EQUAL(tug_fd_stream_close(&from), 0);
    CHECK_EQUAL(tug_fd_stream_close(&to), 0);
    close(target[0]);
    return 0;
}

#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_CURRENT_THREAD(memory_gives_way),
        IN_WORKERS(memory_gives_way, 1),
        IN_CURRENT_THREAD(descriptors_give_way),
        IN_WORKERS(descriptors_give_way, 1),
        IN_CURRENT_THREAD(calls_give_way),
        IN_WORKERS(calls_give_way, 1),
        IN_CURRENT_THREAD(operations_give_way),
        IN_WORKERS(operations_give_way, 1),
#if TUG_FAULT_INJECTION
        IN_CURRENT_THREAD(kernel_copies_give_way),
        IN_WORKERS(kernel_copies_give_way, 1),
#endif
    };
    return cmocka_run_group_tests_name("io/coop", tests, NULL, NULL);
}
