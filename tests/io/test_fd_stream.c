/* SPDX-License-Identifier: MIT */
/*
 * Streams on sockets and pipes: bytes in both directions at once, nothing lost by a cancellation,
 * the end of one side, and what becomes of the descriptor.
 */
#include "script.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "sys/fault.h"

static struct tug_fd_stream opened(int fd)
{
    struct tug_fd_stream stream;
    CHECK_EQUAL(tug_fd_stream_open(&stream, fd), 0);
    CHECK_EQUAL(tug_fd_stream_descriptor(&stream), fd);
    return stream;
}

static void make_sockets(struct tug_fd_stream streams[2])
{
    int fds[2];
    CHECK_EQUAL(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    streams[0] = opened(fds[0]);
    streams[1] = opened(fds[1]);
}

static void make_pipe(struct tug_fd_stream streams[2])
{
    int fds[2];
    CHECK_EQUAL(pipe2(fds, O_CLOEXEC), 0);
    streams[0] = opened(fds[0]);
    streams[1] = opened(fds[1]);
}

static void close_both(struct tug_fd_stream streams[2])
{
    CHECK_EQUAL(tug_fd_stream_close(&streams[0]), 0);
    CHECK_EQUAL(tug_fd_stream_close(&streams[1]), 0);
}

/* ---- Many bytes ---- */

enum { MANY = 1 << 20 };

static unsigned char byte_at(size_t position)
{
    return (unsigned char)(position * 31 + position / 256);
}

static int64_t send_many(void *writer)
{
    unsigned char *all = malloc(MANY);
    size_t sent = 0;
    for (size_t i = 0; i < MANY; i++)
        all[i] = byte_at(i);
    while (sent < MANY) {
        size_t half = (MANY - sent) / 2;
        struct iovec vector[] = {{all + sent, half}, {all + sent + half, MANY - sent - half}};
        int64_t n = TUG_TIMEOUT(TUG_MILLISECOND, tug_io_write_vectored(writer, vector, 2));
        if (n == -ETIMEDOUT)
            continue;
        CHECK(n > 0);
        sent += (size_t)n;
        if (sent > MANY / 2)
            break;
    }
    CHECK_EQUAL(tug_io_write_all(writer, all + sent, MANY - sent), MANY - sent);
    free(all);
    return tug_io_shutdown(writer);
}

static int64_t receive_many(void *reader)
{
    unsigned char *piece = malloc(10000);
    size_t received = 0;
    for (;;) {
        int64_t n = TUG_TIMEOUT(TUG_MILLISECOND, tug_io_read(reader, piece, 10000));
        if (n == -ETIMEDOUT)
            continue;
        CHECK(n >= 0);
        if (n == 0)
            break;
        for (int64_t i = 0; i < n; i++)
            CHECK_EQUAL(piece[i], byte_at(received + (size_t)i));
        received += (size_t)n;
    }
    free(piece);
    CHECK_EQUAL(received, MANY);
    return 0;
}

static int64_t sockets_carry_both_ways_at_once(void *unused)
{
    (void)unused;
    struct tug_fd_stream streams[2];
    struct tug_task *tasks[4];
    make_sockets(streams);
    for (int i = 0; i < 2; i++) {
        tasks[2 * i] = fixture_spawn(send_many, &streams[i].writer);
        tasks[2 * i + 1] = fixture_spawn(receive_many, &streams[i].reader);
    }
    for (int i = 0; i < 4; i++)
        CHECK_EQUAL(fixture_join(tasks[i]), 0);
    close_both(streams);
    return 0;
}

static int64_t pipes_carry(void *unused)
{
    (void)unused;
    struct tug_fd_stream streams[2];
    make_pipe(streams);
    struct tug_task *sender = fixture_spawn(send_many, &streams[1].writer);
    CHECK_EQUAL(receive_many(&streams[0].reader), 0);
    CHECK_EQUAL(fixture_join(sender), 0);
    close_both(streams);
    return 0;
}

/* ---- The end ---- */

static int64_t a_shutdown_of_a_pipe_closes_it(void *unused)
{
    (void)unused;
    struct tug_fd_stream streams[2];
    char buffer[8];
    make_pipe(streams);
    /* A wait of the writer's keeps the open file alive, until it is taken back. */
    static const char much[1 << 16];
    while (TUG_TIMEOUT(TUG_MILLISECOND, tug_io_write(&streams[1].writer, much, sizeof(much))) > 0)
        ;
    int64_t n;
    CHECK_EQUAL(tug_io_shutdown(&streams[1].writer), 0);
    CHECK_EQUAL(tug_io_shutdown(&streams[1].writer), 0);
    CHECK_EQUAL(tug_io_write(&streams[1].writer, "x", 1), -EPIPE);
    CHECK_EQUAL(tug_io_read(&streams[1].reader, buffer, 1), -EBADF);
    CHECK_EQUAL(tug_fd_stream_descriptor(&streams[1]), -EBADF);
    do
        n = tug_io_read(&streams[0].reader, buffer, sizeof(buffer));
    while (n > 0);
    CHECK_EQUAL(n, 0);
    CHECK_EQUAL(tug_fd_stream_release(&streams[1]), -EBADF);
    close_both(streams);
    return 0;
}

static int64_t who_writes_to_nobody_is_told(void *unused)
{
    (void)unused;
    struct tug_fd_stream streams[2];
    make_pipe(streams);
    CHECK_EQUAL(tug_fd_stream_close(&streams[0]), 0);
    CHECK_EQUAL(tug_io_write(&streams[1].writer, "x", 1), -EPIPE);
    CHECK_EQUAL(tug_fd_stream_close(&streams[1]), 0);
    make_sockets(streams);
    CHECK_EQUAL(tug_fd_stream_close(&streams[0]), 0);
    CHECK_EQUAL(tug_io_write(&streams[1].writer, "x", 1), -EPIPE);
    CHECK_EQUAL(tug_fd_stream_close(&streams[1]), 0);
    return 0;
}

/* The peer is told of the end though a wait was in flight. */
static int64_t a_closed_stream_leaves_nothing_behind(void *unused)
{
    (void)unused;
    for (int round = 0; round < 10; round++) {
        struct tug_fd_stream streams[2];
        char byte;
        make_sockets(streams);
        CHECK_EQUAL(TUG_TIMEOUT(TUG_MILLISECOND, tug_io_read(&streams[0].reader, &byte, 1)),
                    -ETIMEDOUT);
        CHECK_EQUAL(tug_fd_stream_close(&streams[0]), 0);
        CHECK_EQUAL(tug_io_read(&streams[1].reader, &byte, 1), 0);
        CHECK_EQUAL(tug_fd_stream_close(&streams[1]), 0);
    }
    return 0;
}

static int64_t a_shutdown_of_a_reset_connection(void *unused)
{
    (void)unused;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct tug_fd_stream stream = opened(fd);
    CHECK_EQUAL(tug_io_shutdown(&stream.writer), 0); /* ENOTCONN */
    CHECK_EQUAL(tug_fd_stream_close(&stream), 0);
    return 0;
}

/* ---- The descriptor ---- */

static int64_t the_mode_is_restored(void *unused)
{
    (void)unused;
    int fds[2];
    CHECK_EQUAL(pipe2(fds, O_CLOEXEC), 0);
    struct tug_fd_stream stream = opened(fds[0]);
    CHECK(fcntl(fds[0], F_GETFL) & O_NONBLOCK);
    CHECK_EQUAL(tug_fd_stream_release(&stream), fds[0]);
    CHECK(!(fcntl(fds[0], F_GETFL) & O_NONBLOCK));
    CHECK_EQUAL(fcntl(fds[1], F_SETFL, O_NONBLOCK), 0);
    stream = opened(fds[1]);
    CHECK_EQUAL(tug_fd_stream_release(&stream), fds[1]);
    CHECK(fcntl(fds[1], F_GETFL) & O_NONBLOCK);
    close(fds[0]);
    close(fds[1]);
    CHECK_EQUAL(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    stream = opened(fds[0]);
    CHECK(!(fcntl(fds[0], F_GETFL) & O_NONBLOCK));
    CHECK_EQUAL(tug_fd_stream_seek(&stream, 0, SEEK_SET), -ESPIPE);
    CHECK_EQUAL(tug_fd_stream_close(&stream), 0);
    close(fds[1]);
    CHECK_EQUAL(tug_fd_stream_open(&stream, -1), -EBADF);
    return 0;
}

static int64_t an_eventfd_and_a_device(void *unused)
{
    (void)unused;
    uint64_t value = 5;
    struct tug_fd_stream stream = opened(eventfd(0, EFD_CLOEXEC));
    CHECK_EQUAL(TUG_TIMEOUT(TUG_MILLISECOND, tug_io_read(&stream.reader, &value, 8)), -ETIMEDOUT);
    CHECK_EQUAL(tug_io_write(&stream.writer, &value, 8), 8);
    value = 0;
    CHECK_EQUAL(tug_io_read(&stream.reader, &value, 8), 8);
    CHECK_EQUAL(value, 5);
    CHECK_EQUAL(tug_io_shutdown(&stream.writer), 0);
    CHECK_EQUAL(tug_fd_stream_close(&stream), 0);
    stream = opened(open("/dev/null", O_RDWR | O_CLOEXEC));
    CHECK_EQUAL(tug_io_write(&stream.writer, &value, 8), 8);
    CHECK_EQUAL(tug_io_read(&stream.reader, &value, 8), 0);
    CHECK_EQUAL(tug_fd_stream_close(&stream), 0);
    return 0;
}

/* Whatever fails while a stream is opened, the descriptor stays the caller's, as it was. */
static int64_t opening_fails_in_whole(void *unused)
{
    (void)unused;
#if TUG_FAULT_INJECTION
    static const char *const calls[] = {"statx", "calloc", "fcntl"};
    int fds[2];
    CHECK_EQUAL(pipe2(fds, O_CLOEXEC), 0);
    for (int i = 0; i < 3; i++) {
        for (unsigned occurrence = 1;; occurrence++) {
            struct tug_fd_stream stream;
            tug_fault_reset();
            CHECK_EQUAL(tug_fault_fail(calls[i], occurrence, 1, ENOMEM), 0);
            int error = tug_fd_stream_open(&stream, fds[0]);
            tug_fault_reset();
            if (error == 0) {
                CHECK(occurrence > 1);
                CHECK_EQUAL(tug_fd_stream_release(&stream), fds[0]);
                break;
            }
            CHECK_EQUAL(error, -ENOMEM);
            CHECK(!(fcntl(fds[0], F_GETFL) & O_NONBLOCK));
        }
    }
    close(fds[0]);
    close(fds[1]);
#endif
    return 0;
}

static int64_t errors_are_passed_on(void *unused)
{
    (void)unused;
#if TUG_FAULT_INJECTION
    struct tug_fd_stream streams[2];
    char byte;
    make_sockets(streams);
    CHECK_EQUAL(tug_fault_fail("recv", 1, 1, ECONNRESET), 0);
    CHECK_EQUAL(tug_io_read(&streams[0].reader, &byte, 1), -ECONNRESET);
    CHECK_EQUAL(tug_fault_fail("send", 1, 1, ECONNRESET), 0);
    CHECK_EQUAL(tug_io_write(&streams[0].writer, "x", 1), -ECONNRESET);
    CHECK_EQUAL(tug_fault_fail("shutdown", 1, 1, EIO), 0);
    CHECK_EQUAL(tug_io_shutdown(&streams[0].writer), -EIO);
    tug_fault_reset();
    /* A call that says it would block though the descriptor is ready does not hang the worker. */
    CHECK_EQUAL(write(tug_fd_stream_descriptor(&streams[1]), "x", 1), 1);
    CHECK_EQUAL(tug_fault_fail("recv", 1, 300, EAGAIN), 0);
    CHECK_EQUAL(tug_io_read(&streams[0].reader, &byte, 1), 1);
    tug_fault_reset();
    close_both(streams);
#endif
    return 0;
}

#if TUG_FAULT_INJECTION

static int64_t write_later(void *argument)
{
    struct tug_fd_stream *stream = argument;
    CHECK_EQUAL(tug_sleep(TUG_MILLISECOND), 0);
    CHECK_EQUAL(tug_io_write(&stream->writer, "x", 1), 1);
    return 0;
}

/* Readiness is a hint that is used up: who waits in vain makes a call or two, and sleeps. */
static int64_t a_wait_is_no_loop(void *unused)
{
    (void)unused;
    struct tug_fd_stream streams[2];
    char byte;
    make_sockets(streams);
    for (int round = 0; round < 3; round++) {
        struct tug_task *task = fixture_spawn(write_later, &streams[1]);
        CHECK_EQUAL(tug_io_read(&streams[0].reader, &byte, 1), 1);
        CHECK_EQUAL(fixture_join(task), 0);
        uint64_t before = tug_fault_calls("recv");
        CHECK_EQUAL(TUG_TIMEOUT(5 * TUG_MILLISECOND, tug_io_read(&streams[0].reader, &byte, 1)),
                    -ETIMEDOUT);
        CHECK_RANGE(tug_fault_calls("recv") - before, 1, 4);
    }
    close_both(streams);
    return 0;
}

#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_EACH(sockets_carry_both_ways_at_once),
        IN_EACH(pipes_carry),
        IN_EACH(a_shutdown_of_a_pipe_closes_it),
        IN_EACH(who_writes_to_nobody_is_told),
        IN_EACH(a_closed_stream_leaves_nothing_behind),
        IN_EACH(a_shutdown_of_a_reset_connection),
        IN_EACH(the_mode_is_restored),
        IN_EACH(an_eventfd_and_a_device),
        IN_EACH(opening_fails_in_whole),
        IN_EACH(errors_are_passed_on),
#if TUG_FAULT_INJECTION
        IN_EACH(a_wait_is_no_loop),
#endif
    };
    return cmocka_run_group_tests_name("io/stream", tests, NULL, NULL);
}
