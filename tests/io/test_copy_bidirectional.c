/* SPDX-License-Identifier: MIT */
/*
 * Copying in both directions at once, between two pipes in memory or two sockets, as a proxy does.
 */
#include "script.h"

#include <errno.h>
#include <sys/socket.h>

#include "sys/fault.h"

/* A client, a proxy with two sides, a server. */
struct proxy {
    struct tug_io_side client, a, b, server;
    struct tug_duplex *left[2], *right[2];
    struct tug_fd_stream streams[4];
    bool sockets;
    uint64_t copied[2];
    struct tug_task *task;
};

static int64_t run(void *argument)
{
    struct proxy *proxy = argument;
    return tug_io_copy_bidirectional(&proxy->a, &proxy->b, NULL, proxy->copied);
}

static struct tug_io_side side_of_duplex(struct tug_duplex *end)
{
    return (struct tug_io_side){&end->reader, &end->writer};
}

static struct tug_io_side side_of_stream(struct tug_fd_stream *stream)
{
    return (struct tug_io_side){&stream->reader, &stream->writer};
}

static void start(struct proxy *proxy, bool sockets)
{
    *proxy = (struct proxy){.sockets = sockets};
    if (sockets) {
        for (int i = 0; i < 4; i += 2) {
            int fds[2];
            CHECK_EQUAL(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
            CHECK_EQUAL(tug_fd_stream_open(&proxy->streams[i], fds[0]), 0);
            CHECK_EQUAL(tug_fd_stream_open(&proxy->streams[i + 1], fds[1]), 0);
        }
        proxy->client = side_of_stream(&proxy->streams[0]);
        proxy->a = side_of_stream(&proxy->streams[1]);
        proxy->b = side_of_stream(&proxy->streams[2]);
        proxy->server = side_of_stream(&proxy->streams[3]);
    } else {
        CHECK_EQUAL(tug_duplex_create(proxy->left, 512), 0);
        CHECK_EQUAL(tug_duplex_create(proxy->right, 512), 0);
        proxy->client = side_of_duplex(proxy->left[0]);
        proxy->a = side_of_duplex(proxy->left[1]);
        proxy->b = side_of_duplex(proxy->right[0]);
        proxy->server = side_of_duplex(proxy->right[1]);
    }
    proxy->task = fixture_spawn(run, proxy);
}

static int64_t finish(struct proxy *proxy)
{
    int64_t result = fixture_join(proxy->task);
    for (int i = 0; i < 4 && proxy->sockets; i++)
        CHECK_EQUAL(tug_fd_stream_close(&proxy->streams[i]), 0);
    for (int i = 0; i < 2 && !proxy->sockets; i++) {
        if (proxy->left[i] != NULL)
            tug_duplex_destroy(proxy->left[i]);
        if (proxy->right[i] != NULL)
            tug_duplex_destroy(proxy->right[i]);
    }
    return result;
}

static void check_passes(const struct tug_io_side *from, const struct tug_io_side *to,
                         const char *text)
{
    char buffer[64];
    int64_t length = (int64_t)strlen(text);
    CHECK_EQUAL(tug_io_write_all(from->writer, text, strlen(text)), length);
    CHECK_EQUAL(tug_io_read_exact(to->reader, buffer, strlen(text)), length);
    CHECK(memcmp(buffer, text, strlen(text)) == 0);
}

/* Writes until nothing is taken any more. */
static uint64_t fill_up(const struct tug_io_side *side)
{
    static const char much[4096];
    uint64_t total = 0;
    int64_t n;
    while ((n = TUG_TIMEOUT(20 * TUG_MILLISECOND, tug_io_write(side->writer, much, sizeof(much)))) >
           0)
        total += (uint64_t)n;
    CHECK_EQUAL(n, -ETIMEDOUT);
    return total;
}

static int64_t basic_transfer(void *unused)
{
    (void)unused;
    for (int sockets = 0; sockets < 2; sockets++) {
        struct proxy proxy;
        start(&proxy, sockets);
        check_passes(&proxy.client, &proxy.server, "question");
        check_passes(&proxy.server, &proxy.client, "a longer answer");
        CHECK_EQUAL(tug_io_shutdown(proxy.client.writer), 0);
        CHECK_EQUAL(tug_io_shutdown(proxy.server.writer), 0);
        CHECK_EQUAL(finish(&proxy), 0);
        CHECK(proxy.copied[0] == 8 && proxy.copied[1] == 15);
    }
    return 0;
}

static int64_t transfer_after_close(void *unused)
{
    (void)unused;
    for (int sockets = 0; sockets < 2; sockets++) {
        struct proxy proxy;
        char byte;
        start(&proxy, sockets);
        check_passes(&proxy.client, &proxy.server, "last words");
        CHECK_EQUAL(tug_io_shutdown(proxy.client.writer), 0);
        CHECK_EQUAL(tug_io_read(proxy.server.reader, &byte, 1), 0);
        for (int i = 0; i < 3; i++)
            check_passes(&proxy.server, &proxy.client, "and still it goes on");
        CHECK(!tug_task_is_finished(proxy.task));
        CHECK_EQUAL(tug_io_shutdown(proxy.server.writer), 0);
        CHECK_EQUAL(tug_io_read(proxy.client.reader, &byte, 1), 0);
        CHECK_EQUAL(finish(&proxy), 0);
        CHECK(proxy.copied[0] == 10 && proxy.copied[1] == 60);
    }
    return 0;
}

static int64_t blocking_one_side_does_not_block_other(void *unused)
{
    (void)unused;
    for (int sockets = 0; sockets < 2; sockets++) {
        struct proxy proxy;
        void *data;
        start(&proxy, sockets);
        uint64_t filled = fill_up(&proxy.client);
        for (int i = 0; i < 3; i++)
            check_passes(&proxy.server, &proxy.client, "the other way");
        CHECK_EQUAL(tug_io_shutdown(proxy.server.writer), 0);
        CHECK_EQUAL(tug_io_shutdown(proxy.client.writer), 0);
        CHECK_EQUAL(tug_io_read_to_end(proxy.server.reader, &data, SIZE_MAX), filled);
        free(data);
        CHECK_EQUAL(finish(&proxy), 0);
        CHECK(proxy.copied[0] == filled && proxy.copied[1] == 39);
    }
    return 0;
}

static int64_t immediate_exit_on_write_error(void *unused)
{
    (void)unused;
    struct proxy proxy;
    start(&proxy, false);
    /* Neither direction can go on, until one writer has nobody to write to. */
    fill_up(&proxy.client);
    fill_up(&proxy.server);
    tug_duplex_destroy(proxy.right[1]);
    proxy.right[1] = NULL;
    CHECK_EQUAL(finish(&proxy), -EPIPE);
    return 0;
}

static int64_t immediate_exit_on_read_error(void *unused)
{
    (void)unused;
    static const struct script_step failing[] = {PAUSE, ERROR(-ECONNRESET), END};
    static const struct script_step blocked[] = {TEXT("for nobody"), BLOCK, END};
    static const struct script_step stuck[] = {BLOCK, END};
    struct script a_reader, a_writer, b_reader, b_writer;
    script_init(&a_reader, failing);
    script_init(&a_writer, stuck);
    script_init(&b_reader, blocked);
    script_init(&b_writer, stuck);
    const struct tug_io_side a = {&a_reader.reader, &a_writer.writer};
    const struct tug_io_side b = {&b_reader.reader, &b_writer.writer};
    CHECK_EQUAL(tug_io_copy_bidirectional(&a, &b, NULL, NULL), -ECONNRESET);
    script_go_on(&a_writer);
    script_go_on(&b_reader);
    return 0;
}

static int64_t a_shutdown_that_fails(void *unused)
{
    (void)unused;
    static const struct script_step text[] = {TEXT("abc"), END};
    static const struct script_step end[] = {END};
    struct script a_reader, b_writer;
    script_init(&a_reader, text);
    script_init(&b_writer, end);
    struct tug_writer_vtable flush_only = {b_writer.writer.vtable->poll_write, NULL,
                                           b_writer.writer.vtable->poll_flush, NULL};
    const struct tug_io_side a = {&a_reader.reader, tug_io_sink()};
    const struct tug_io_side b = {tug_io_empty(), &b_writer.writer};
    uint64_t copied[2];
    CHECK_EQUAL(tug_io_copy_bidirectional(&a, &b, NULL, copied), 0);
    CHECK(b_writer.shutdowns == 1 && copied[0] == 3 && copied[1] == 0);
    /* After the last flush has succeeded. */
    script_init(&a_reader, end);
    b_writer.writer.vtable = &flush_only;
    b_writer.flush_error = -ENOSPC;
    CHECK_EQUAL(tug_io_copy_bidirectional(&a, &b, NULL, copied), -ENOSPC);
    return 0;
}

static int64_t cancelled_with_its_count(void *unused)
{
    (void)unused;
    struct proxy proxy;
    start(&proxy, true);
    check_passes(&proxy.client, &proxy.server, "half of it");
    tug_task_abort(proxy.task);
    CHECK_EQUAL(finish(&proxy), -ECANCELED);
    CHECK(proxy.copied[0] == 10 && proxy.copied[1] == 0);
    return 0;
}

static void count_directions(void *argument, int direction, uint64_t copied)
{
    ((uint64_t *)argument)[direction] = copied;
}

static int64_t copy_without_end(void *argument)
{
    struct tug_repeat_reader zeroes;
    tug_repeat_reader_init(&zeroes, 0);
    const struct tug_io_side side = {&zeroes.reader, tug_io_sink()};
    const struct tug_io_copy_options options = {
        .buffer_size = 16, .progress = count_directions, .argument = argument};
    return tug_io_copy_bidirectional(&side, &side, &options, NULL);
}

static int64_t copy_bidirectional_is_cooperative(void *unused)
{
    (void)unused;
    uint64_t copied[2] = {0, 0};
    struct tug_task *task = fixture_spawn(copy_without_end, copied);
    for (int i = 0; i < 20; i++)
        CHECK_EQUAL(tug_yield(), 0);
    CHECK_EQUAL(tug_sleep(2 * TUG_MILLISECOND), 0);
    tug_task_abort(task);
    CHECK_EQUAL(fixture_join(task), -ECANCELED);
    /* Neither has starved the other. */
    CHECK(copied[0] > 0 && copied[1] > 0);
    return 0;
}

static int64_t memory_is_short(void *unused)
{
    (void)unused;
#if TUG_FAULT_INJECTION
    const struct tug_io_side side = {tug_io_empty(), tug_io_sink()};
    for (unsigned occurrence = 1; occurrence <= 2; occurrence++) {
        uint64_t copied[2] = {7, 7};
        CHECK_EQUAL(tug_fault_fail("malloc", occurrence, 1, ENOMEM), 0);
        CHECK_EQUAL(tug_io_copy_bidirectional(&side, &side, NULL, copied), -ENOMEM);
        tug_fault_reset();
        CHECK(copied[0] == 0 && copied[1] == 0);
    }
#endif
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_EACH(basic_transfer),
        IN_EACH(transfer_after_close),
        IN_EACH(blocking_one_side_does_not_block_other),
        IN_EACH(immediate_exit_on_write_error),
        IN_EACH(immediate_exit_on_read_error),
        IN_EACH(a_shutdown_that_fails),
        IN_EACH(cancelled_with_its_count),
        IN_EACH(copy_bidirectional_is_cooperative),
        IN_EACH(memory_is_short),
    };
    return cmocka_run_group_tests_name("io/copy_bidirectional", tests, NULL, NULL);
}
