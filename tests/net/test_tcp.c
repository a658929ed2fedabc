/* SPDX-License-Identifier: MIT */
/*
 * The ends of a connection: one side, both, and a reset, for who waits at that moment and for who
 * comes later; as calls on descriptors, and as streams.
 */
#include "../fs/scratch.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct connection {
    int listener, client, server;
};

static int64_t open_connection(struct connection *connection)
{
    struct tug_address address;
    CHECK_EQUAL(tug_address_parse(&address, "127.0.0.1:0"), 0);
    connection->listener = tug_listen(&address, NULL);
    CHECK(connection->listener >= 0);
    CHECK_EQUAL(tug_address_of_socket(connection->listener, &address), 0);
    connection->client = tug_connect_to_address(&address);
    CHECK(connection->client >= 0);
    connection->server = tug_accept_next(connection->listener, NULL);
    CHECK(connection->server >= 0);
    return 0;
}

/* Throws the client's end away. */
static void reset(struct connection *connection)
{
    tug_socket_set_linger(connection->client, 0);
    close(connection->client);
    connection->client = -1;
}

static void close_connection(struct connection *connection)
{
    if (connection->client >= 0)
        close(connection->client);
    if (connection->server >= 0)
        close(connection->server);
    close(connection->listener);
}

static int64_t receive(void *argument)
{
    char byte;
    return tug_recv(*(int *)argument, &byte, 1, 0);
}

static int64_t send_for_ever(void *argument)
{
    static const char much[65536];
    int64_t result;
    while ((result = tug_send(*(int *)argument, much, sizeof(much), 0)) > 0)
        ;
    return result;
}

/* Starts a task that will have to wait, and waits until it does. */
static int64_t start(tug_task_fn fn, void *argument, struct tug_task **task)
{
    *task = tug_spawn(fn, argument);
    CHECK(*task != NULL);
    CHECK_EQUAL(tug_sleep(3 * TUG_MILLISECOND), 0);
    CHECK(!tug_task_is_finished(*task));
    return 0;
}

static int64_t result_of(struct tug_task *task)
{
    int64_t result;
    CHECK_EQUAL(tug_join(task, &result), 0);
    return result;
}

/* ---- One side ---- */

static int64_t read_closed(void *unused)
{
    (void)unused;
    struct connection connection;
    struct tug_task *task;
    char byte;
    CHECK_EQUAL(open_connection(&connection), 0);
    CHECK_EQUAL(start(receive, &connection.server, &task), 0);
    CHECK_EQUAL(tug_shutdown(connection.client, SHUT_WR), 0);
    CHECK_EQUAL(result_of(task), 0);
    CHECK_EQUAL(tug_recv(connection.server, &byte, 1, 0), 0);
    CHECK_EQUAL(tug_peek(connection.server, &byte, 1), 0);
    /* The other direction goes on. */
    CHECK_EQUAL(tug_send(connection.server, "x", 1, 0), 1);
    CHECK_EQUAL(tug_recv(connection.client, &byte, 1, 0), 1);
    CHECK_EQUAL(tug_send(connection.client, "x", 1, 0), -EPIPE);
    close_connection(&connection);
    return 0;
}

/* Who waits on the side that is ended here is woken. */
static int64_t ended_here(void *unused)
{
    (void)unused;
    struct connection connection;
    struct tug_task *task;
    CHECK_EQUAL(open_connection(&connection), 0);
    CHECK_EQUAL(start(receive, &connection.server, &task), 0);
    CHECK_EQUAL(tug_shutdown(connection.server, SHUT_RD), 0);
    CHECK_EQUAL(result_of(task), 0);
    CHECK_EQUAL(start(send_for_ever, &connection.server, &task), 0);
    CHECK_EQUAL(tug_shutdown(connection.server, SHUT_WR), 0);
    CHECK_EQUAL(result_of(task), -EPIPE);
    close_connection(&connection);
    return 0;
}

/* ---- A reset ---- */

static int64_t reset_wakes_who_receives(void *unused)
{
    (void)unused;
    struct connection connection;
    struct tug_task *task;
    CHECK_EQUAL(open_connection(&connection), 0);
    CHECK_EQUAL(start(receive, &connection.server, &task), 0);
    reset(&connection);
    CHECK_EQUAL(result_of(task), -ECONNRESET);
    CHECK_EQUAL(receive(&connection.server), 0);
    CHECK_EQUAL(tug_shutdown(connection.server, SHUT_WR), -ENOTCONN);
    close_connection(&connection);
    return 0;
}

static int64_t reset_wakes_who_sends(void *unused)
{
    (void)unused;
    struct connection connection;
    struct tug_task *task;
    CHECK_EQUAL(open_connection(&connection), 0);
    CHECK_EQUAL(start(send_for_ever, &connection.server, &task), 0);
    reset(&connection);
    int64_t result = result_of(task);
    CHECK(result == -ECONNRESET || result == -EPIPE);
    close_connection(&connection);
    return 0;
}

/* A stream is shut down after a reset, and twice, without an error: there is nothing to end. */
static int64_t shutdown_after_a_reset(void *unused)
{
    (void)unused;
    struct connection connection;
    struct tug_fd_stream stream;
    char byte;
    CHECK_EQUAL(open_connection(&connection), 0);
    CHECK_EQUAL(tug_fd_stream_open(&stream, connection.server), 0);
    connection.server = -1;
    reset(&connection);
    CHECK_EQUAL(tug_io_read(&stream.reader, &byte, 1), -ECONNRESET);
    CHECK_EQUAL(tug_io_shutdown(&stream.writer), 0);
    CHECK_EQUAL(tug_io_shutdown(&stream.writer), 0);
    CHECK_EQUAL(tug_io_write(&stream.writer, "x", 1), -EPIPE);
    CHECK_EQUAL(tug_fd_stream_close(&stream), 0);
    close_connection(&connection);
    return 0;
}

/* ---- Streams ---- */

/* Answers with what it has heard, when it has heard all of it. */
static int64_t answer_at_the_end(void *argument)
{
    struct tug_fd_stream stream;
    void *data;
    int64_t result = tug_fd_stream_open(&stream, *(int *)argument);
    if (result < 0)
        return result;
    *(int *)argument = -1;
    int64_t length = tug_io_read_to_end(&stream.reader, &data, 1 << 20);
    if (length >= 0) {
        result = tug_io_write_all(&stream.writer, data, (size_t)length);
        free(data);
    }
    if (result >= 0)
        result = tug_io_shutdown(&stream.writer);
    tug_fd_stream_close(&stream);
    return length < 0 ? length : result;
}

static int64_t half_closed(void *unused)
{
    (void)unused;
    struct connection connection;
    struct tug_fd_stream stream;
    char text[8];
    CHECK_EQUAL(open_connection(&connection), 0);
    struct tug_task *task = tug_spawn(answer_at_the_end, &connection.server);
    CHECK_EQUAL(tug_fd_stream_open(&stream, connection.client), 0);
    connection.client = -1;
    CHECK_EQUAL(tug_io_write_all(&stream.writer, "ask", 3), 3);
    CHECK_EQUAL(tug_io_shutdown(&stream.writer), 0);
    CHECK_EQUAL(tug_io_shutdown(&stream.writer), 0);
    CHECK_EQUAL(tug_io_write(&stream.writer, "x", 1), -EPIPE);
    CHECK_EQUAL(tug_io_read_exact(&stream.reader, text, sizeof(text)), 3);
    CHECK(memcmp(text, "ask", 3) == 0);
    CHECK_EQUAL(tug_io_read(&stream.reader, text, 1), 0);
    CHECK_EQUAL(result_of(task), 0);
    CHECK_EQUAL(tug_fd_stream_close(&stream), 0);
    close_connection(&connection);
    return 0;
}

/* ---- Readiness ---- */

/* What was read up is not ready until there is more, and then it is again. */
static int64_t reset_readable(void *unused)
{
    (void)unused;
    struct connection connection;
    struct tug_async_fd *ready;
    char byte;
    CHECK_EQUAL(open_connection(&connection), 0);
    CHECK_EQUAL(tug_async_fd_create(&ready, connection.server), 0);
    for (int i = 0; i < 3; i++) {
        CHECK_EQUAL(TUG_TIMEOUT(2 * TUG_MILLISECOND, tug_async_fd_wait(ready, TUG_READABLE)),
                    -ETIMEDOUT);
        CHECK_EQUAL(tug_send(connection.client, "x", 1, 0), 1);
        CHECK(tug_async_fd_wait(ready, TUG_READABLE) & POLLIN);
        CHECK_EQUAL(tug_try_recv(connection.server, &byte, 1, 0), 1);
        CHECK_EQUAL(tug_try_recv(connection.server, &byte, 1, 0), -EAGAIN);
        tug_async_fd_clear(ready, TUG_READABLE);
    }
    /* The end is something to be read, and stays so. */
    close(connection.client);
    connection.client = -1;
    for (int i = 0; i < 3; i++) {
        CHECK(tug_async_fd_wait(ready, TUG_READABLE) & POLLIN);
        CHECK_EQUAL(tug_try_recv(connection.server, &byte, 1, 0), 0);
        tug_async_fd_clear(ready, TUG_READABLE);
    }
    tug_async_fd_destroy(ready);
    close_connection(&connection);
    return 0;
}

/* A local connection whose listener goes before it was accepted: the wait ends. */
static int64_t never_accepted(void *unused)
{
    (void)unused;
    struct tug_address address;
    struct tug_task *task;
    CHECK_EQUAL(tug_address_parse(&address, "unix:socket"), 0);
    int listener = tug_listen(&address, NULL);
    CHECK(listener >= 0);
    int client = tug_connect_to_address(&address);
    CHECK(client >= 0);
    CHECK_EQUAL(start(receive, &client, &task), 0);
    close(listener);
    CHECK_EQUAL(result_of(task), -ECONNRESET);
    close(client);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCRATCH_TEST(read_closed),
        SCRATCH_TEST(ended_here),
        SCRATCH_TEST(reset_wakes_who_receives),
        SCRATCH_TEST(reset_wakes_who_sends),
        SCRATCH_TEST(shutdown_after_a_reset),
        SCRATCH_TEST(half_closed),
        SCRATCH_TEST(reset_readable),
        SCRATCH_TEST(never_accepted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
