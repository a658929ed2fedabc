/* SPDX-License-Identifier: MIT */
/*
 * Copies between streams that the kernel can join: whether it does or not, the results are the
 * same. What makes the kernel refuse, stop short or fail is arranged.
 */
#include "script.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "sys/fault.h"

enum { MANY = 300000 };

/* What the copy reads, from `source`, and writes, to `target`. */
struct line {
    struct tug_fd_stream source, from, to, target;
};

static void connect_pair(struct tug_fd_stream *reading, struct tug_fd_stream *writing, bool socket)
{
    int fds[2];
    if (socket)
        CHECK_EQUAL(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    else
        CHECK_EQUAL(pipe2(fds, O_CLOEXEC), 0);
    CHECK_EQUAL(tug_fd_stream_open(reading, fds[0]), 0);
    CHECK_EQUAL(tug_fd_stream_open(writing, fds[1]), 0);
}

/* `kind`: 0 to 3, sockets or pipes on either side. */
static void open_line(struct line *line, int kind)
{
    connect_pair(&line->from, &line->source, (kind & 1) != 0);
    connect_pair(&line->target, &line->to, (kind & 2) != 0);
}

static void close_line(struct line *line)
{
    CHECK_EQUAL(tug_fd_stream_close(&line->source), 0);
    CHECK_EQUAL(tug_fd_stream_close(&line->from), 0);
    CHECK_EQUAL(tug_fd_stream_close(&line->to), 0);
    CHECK_EQUAL(tug_fd_stream_close(&line->target), 0);
}

static unsigned char byte_at(size_t position)
{
    return (unsigned char)(position * 31 + position / 256);
}

static int64_t feed(void *argument)
{
    struct line *line = argument;
    unsigned char *all = malloc(MANY);
    for (size_t i = 0; i < MANY; i++)
        all[i] = byte_at(i);
    for (size_t sent = 0; sent < MANY; sent += MANY / 10) {
        CHECK_EQUAL(tug_io_write_all(&line->source.writer, all + sent, MANY / 10), MANY / 10);
        if (sent == MANY / 2)
            CHECK_EQUAL(tug_sleep(TUG_MILLISECOND), 0);
    }
    free(all);
    return tug_io_shutdown(&line->source.writer);
}

static int64_t check_all(void *argument)
{
    struct line *line = argument;
    void *data;
    CHECK_EQUAL(tug_sleep(2 * TUG_MILLISECOND), 0); /* so that the writer stalls */
    CHECK_EQUAL(tug_io_read_to_end(&line->target.reader, &data, MANY), MANY);
    for (size_t i = 0; i < MANY; i++)
        CHECK_EQUAL(((unsigned char *)data)[i], byte_at(i));
    free(data);
    return 0;
}

static void note_progress(void *argument, int direction, uint64_t copied)
{
    uint64_t *noted = argument;
    CHECK_EQUAL(direction, 0);
    CHECK(copied > *noted);
    *noted = copied;
}

/* All bytes, through a copy that is cancelled every millisecond, and tells how far it is. */
static void copy_all(int kind, bool in_memory)
{
    uint64_t noted = 0;
    const struct tug_io_copy_options options = {
        .in_memory = in_memory, .progress = note_progress, .argument = &noted};
    struct line line;
    struct tug_io_copy copy;
    int64_t result;
    open_line(&line, kind);
    struct tug_task *feeder = fixture_spawn(feed, &line);
    struct tug_task *checker = fixture_spawn(check_all, &line);
    CHECK_EQUAL(tug_io_copy_init(&copy, &line.from.reader, &line.to.writer, &options), 0);
    do
        result = TUG_TIMEOUT(TUG_MILLISECOND, tug_io_copy_run(&copy));
    while (result == -ETIMEDOUT);
    CHECK_EQUAL(result, MANY);
    CHECK_EQUAL(copy.copied, MANY);
    CHECK_EQUAL(noted, MANY);
    tug_io_copy_free(&copy);
    CHECK_EQUAL(tug_io_shutdown(&line.to.writer), 0);
    CHECK_EQUAL(fixture_join(feeder), 0);
    CHECK_EQUAL(fixture_join(checker), 0);
    close_line(&line);
}

static int64_t the_results_are_the_same(void *unused)
{
    (void)unused;
    for (int kind = 0; kind < 4; kind++) {
        copy_all(kind, true);
        copy_all(kind, false);
    }
    return 0;
}

/* A file of MANY bytes as the source, and no writer to it. Not in memory: files there cannot be
 * asked what is at hand, which the kernel's way needs. Returns whether this one can. */
static bool open_file_line(struct line *line)
{
    unsigned char *all = malloc(MANY);
    char name[] = "test_copy_splice.XXXXXX";
    int fd = mkstemp(name);
    CHECK(fd >= 0);
    CHECK_EQUAL(unlink(name), 0);
    for (size_t i = 0; i < MANY; i++)
        all[i] = byte_at(i);
    CHECK_EQUAL(pwrite(fd, all, MANY, 0), MANY);
    const struct iovec first = {.iov_base = all, .iov_len = 1};
    bool is_told = preadv2(fd, &first, 1, 0, RWF_NOWAIT) == 1;
    free(all);
    CHECK_EQUAL(tug_fd_stream_open(&line->from, fd), 0);
    connect_pair(&line->target, &line->to, false);
    return is_told;
}

static void close_file_line(struct line *line)
{
    CHECK_EQUAL(tug_fd_stream_close(&line->from), 0);
    CHECK_EQUAL(tug_fd_stream_close(&line->to), 0);
    CHECK_EQUAL(tug_fd_stream_close(&line->target), 0);
}

/* All of the file, through a copy that is cancelled every millisecond. */
static void copy_file(struct line *line, bool in_memory)
{
    uint64_t noted = 0;
    const struct tug_io_copy_options options = {.in_memory = in_memory,
                                                .buffer_size = 20000,
                                                .progress = note_progress,
                                                .argument = &noted};
    struct tug_io_copy copy;
    int64_t result;
    struct tug_task *checker = fixture_spawn(check_all, line);
    CHECK_EQUAL(tug_io_copy_init(&copy, &line->from.reader, &line->to.writer, &options), 0);
    do
        result = TUG_TIMEOUT(TUG_MILLISECOND, tug_io_copy_run(&copy));
    while (result == -ETIMEDOUT);
    CHECK_EQUAL(result, MANY);
    CHECK_EQUAL(noted, MANY);
    tug_io_copy_free(&copy);
    CHECK_EQUAL(tug_fd_stream_seek(&line->from, 0, SEEK_CUR), MANY);
    CHECK_EQUAL(tug_io_shutdown(&line->to.writer), 0);
    CHECK_EQUAL(fixture_join(checker), 0);
}

static int64_t a_file_as_the_source(void *unused)
{
    (void)unused;
    for (int in_memory = 0; in_memory < 2; in_memory++) {
        struct line line;
        open_file_line(&line);
        copy_file(&line, in_memory);
        CHECK_EQUAL(tug_io_copy(&line.from.reader, &line.to.writer, NULL), 0);
        close_file_line(&line);
    }
    return 0;
}

static int64_t a_part_of_a_file(void *unused)
{
    (void)unused;
    struct line line;
    unsigned char buffer[600];
    open_file_line(&line);
    CHECK_EQUAL(tug_fd_stream_seek(&line.from, MANY - 5000, SEEK_SET), MANY - 5000);
    CHECK_EQUAL(tug_io_read_exact(&line.from.reader, buffer, 600), 600);
    CHECK_EQUAL(tug_io_copy(&line.from.reader, &line.to.writer, NULL), 4400);
    for (size_t i = MANY - 4400; i < MANY; i++) {
        CHECK_EQUAL(tug_io_read_exact(&line.target.reader, buffer, 1), 1);
        CHECK_EQUAL(buffer[0], byte_at(i));
    }
    CHECK_EQUAL(tug_fd_stream_seek(&line.from, 0, SEEK_SET), 0);
    CHECK_EQUAL(tug_fd_stream_close(&line.target), 0);
    CHECK_EQUAL(tug_io_copy(&line.from.reader, &line.to.writer, NULL), -EPIPE);
    CHECK_EQUAL(tug_fd_stream_close(&line.from), 0);
    CHECK_EQUAL(tug_fd_stream_close(&line.to), 0);
    return 0;
}

/* Without a handler, nor is it ignored. */
static int64_t a_target_that_is_gone(void *unused)
{
    (void)unused;
    for (int kind = 0; kind < 4; kind++) {
        struct line line;
        open_line(&line, kind);
        CHECK_EQUAL(tug_fd_stream_close(&line.target), 0);
        CHECK_EQUAL(tug_io_write_all(&line.source.writer, "for nobody", 10), 10);
        CHECK_EQUAL(tug_io_copy(&line.from.reader, &line.to.writer, NULL), -EPIPE);
        CHECK_EQUAL(tug_fd_stream_close(&line.source), 0);
        CHECK_EQUAL(tug_fd_stream_close(&line.from), 0);
        CHECK_EQUAL(tug_fd_stream_close(&line.to), 0);
    }
    return 0;
}

static int64_t a_stream_that_was_shut_down(void *unused)
{
    (void)unused;
    struct line line;
    struct tug_io_copy copy;
    open_line(&line, 0);
    CHECK_EQUAL(tug_io_copy_init(&copy, &line.from.reader, &line.to.writer, NULL), 0);
    CHECK_EQUAL(tug_io_shutdown(&line.to.writer), 0);
    CHECK_EQUAL(tug_io_copy_run(&copy), -EPIPE);
    tug_io_copy_free(&copy);
    close_line(&line);
    return 0;
}

static int64_t the_mode_is_restored(void *unused)
{
    (void)unused;
    struct line line;
    open_line(&line, 3);
    CHECK_EQUAL(tug_io_shutdown(&line.source.writer), 0);
    CHECK_EQUAL(tug_io_copy(&line.from.reader, &line.to.writer, NULL), 0);
    int fd = tug_fd_stream_release(&line.from);
    CHECK(!(fcntl(fd, F_GETFL) & O_NONBLOCK));
    CHECK_EQUAL(tug_fd_stream_open(&line.from, fd), 0);
    close_line(&line);
    return 0;
}

#if TUG_FAULT_INJECTION

static int64_t the_kernel_does_it(void *unused)
{
    (void)unused;
    for (int kind = 0; kind < 4; kind++) {
        tug_fault_reset();
        copy_all(kind, true);
        CHECK_EQUAL(tug_fault_calls("splice"), 0);
        copy_all(kind, false);
        CHECK(tug_fault_calls("splice") > 0);
    }
    tug_fault_reset();
    return 0;
}

static int64_t it_may_refuse_at_any_time(void *unused)
{
    (void)unused;
    static const int refusals[] = {EINVAL, ENOSYS, EPERM};
    for (int kind = 0; kind < 4; kind++)
        for (unsigned occurrence = 1; occurrence <= 4; occurrence++) {
            tug_fault_reset();
            CHECK_EQUAL(tug_fault_fail("splice", occurrence, 1, refusals[occurrence % 3]), 0);
            copy_all(kind, false);
        }
    tug_fault_reset();
    return 0;
}

static int64_t it_may_be_short_of_something(void *unused)
{
    (void)unused;
    static const char *const calls[] = {"pipe2", "malloc", "getsockopt", "statx"};
    for (int kind = 0; kind < 4; kind++)
        for (int i = 0; i < 4; i++) {
            struct line line;
            tug_fault_reset();
            open_line(&line, kind);
            CHECK_EQUAL(tug_io_write_all(&line.source.writer, "a few bytes", 11), 11);
            CHECK_EQUAL(tug_io_shutdown(&line.source.writer), 0);
            CHECK_EQUAL(tug_fault_fail(calls[i], 1, 1, EMFILE), 0);
            CHECK_EQUAL(tug_io_copy(&line.from.reader, &line.to.writer, NULL), 11);
            tug_fault_reset();
            close_line(&line);
        }
    return 0;
}

static int64_t moves_that_stop_short(void *unused)
{
    (void)unused;
    for (int kind = 0; kind < 4; kind++) {
        tug_fault_reset();
        CHECK_EQUAL(tug_fault_short("splice", 1, 40, 77), 0);
        copy_all(kind, false);
    }
    tug_fault_reset();
    return 0;
}

static int64_t what_was_taken_before_an_error_is_given(void *unused)
{
    (void)unused;
    struct line line;
    char buffer[16];
    open_line(&line, 3);
    CHECK_EQUAL(tug_io_write_all(&line.source.writer, "abc", 3), 3);
    tug_fault_only_fd(tug_fd_stream_descriptor(&line.from));
    CHECK_EQUAL(tug_fault_fail("splice", 2, 1, ECONNRESET), 0);
    CHECK_EQUAL(tug_io_copy(&line.from.reader, &line.to.writer, NULL), -ECONNRESET);
    tug_fault_reset();
    CHECK_EQUAL(tug_io_read(&line.target.reader, buffer, 16), 3);
    close_line(&line);
    return 0;
}

/* A wait is a call or two and a sleep, whichever end stalls. */
static int64_t a_wait_is_no_loop(void *unused)
{
    (void)unused;
    static const char much[1 << 16];
    for (int kind = 0; kind < 4; kind++)
        for (int full = 0; full < 2; full++) {
            struct line line;
            struct tug_io_copy copy;
            open_line(&line, kind);
            if (full) {
                while (TUG_TIMEOUT(TUG_MILLISECOND,
                                   tug_io_write(&line.to.writer, much, sizeof(much))) > 0)
                    ;
                CHECK_EQUAL(tug_io_write_all(&line.source.writer, "wait", 4), 4);
            }
            CHECK_EQUAL(tug_io_copy_init(&copy, &line.from.reader, &line.to.writer, NULL), 0);
            for (int round = 0; round < 2; round++) {
                uint64_t before = tug_fault_calls("splice");
                CHECK_EQUAL(TUG_TIMEOUT(3 * TUG_MILLISECOND, tug_io_copy_run(&copy)), -ETIMEDOUT);
                CHECK_RANGE(tug_fault_calls("splice") - before, 1, 6);
            }
            tug_io_copy_free(&copy);
            close_line(&line);
        }
    tug_fault_reset();
    return 0;
}

/* What is in the cache is moved by the kernel, the rest is waited for elsewhere, in any order. */
static int64_t a_file_that_is_cold_in_places(void *unused)
{
    (void)unused;
    for (unsigned first = 1; first <= 40; first += 6)
        for (int refusal = 0; refusal < 2; refusal++) {
            struct line line;
            tug_fault_reset();
            bool is_told = open_file_line(&line);
            tug_fault_only_fd(tug_fd_stream_descriptor(&line.from));
            CHECK_EQUAL(
                tug_fault_fail("preadv2", first, 1 + first % 5, refusal ? EOPNOTSUPP : EAGAIN), 0);
            copy_file(&line, false);
            CHECK((tug_fault_calls("splice") > 0) == is_told);
            tug_fault_reset();
            close_file_line(&line);
        }
    return 0;
}

/* Bytes that a cancelled read has taken from the file belong to the copy. */
static int64_t a_file_with_a_read_under_way(void *unused)
{
    (void)unused;
    struct line line;
    char buffer[3000];
    tug_fault_reset();
    open_file_line(&line);
    tug_fault_only_fd(tug_fd_stream_descriptor(&line.from));
    CHECK_EQUAL(tug_fault_fail("preadv2", 1, 2, EAGAIN), 0);
    CHECK_EQUAL(script_begin_read(&line.from.reader, buffer, sizeof(buffer)), TUG_IO_PENDING);
    copy_file(&line, false);
    tug_fault_reset();
    close_file_line(&line);
    return 0;
}

/* The file may be refused, or the pipe fail, at any time. */
static int64_t a_file_and_a_refusal(void *unused)
{
    (void)unused;
    for (unsigned occurrence = 1; occurrence <= 3; occurrence++) {
        struct line line;
        tug_fault_reset();
        open_file_line(&line);
        CHECK_EQUAL(tug_fault_fail("splice", occurrence, 1, EINVAL), 0);
        copy_file(&line, false);
        tug_fault_reset();
        CHECK_EQUAL(tug_fault_short("splice", 1, 40, 77), 0);
        CHECK_EQUAL(tug_fd_stream_seek(&line.from, 0, SEEK_SET), 0);
        close_file_line(&line);
        open_file_line(&line);
        copy_file(&line, false);
        tug_fault_reset();
        close_file_line(&line);
    }
    return 0;
}

/* Messages would run together. */
static int64_t datagrams_keep_their_bounds(void *unused)
{
    (void)unused;
    int fds[4];
    struct tug_fd_stream streams[4];
    char buffer[16];
    tug_fault_reset();
    CHECK_EQUAL(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
    CHECK_EQUAL(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds + 2), 0);
    for (int i = 0; i < 4; i++)
        CHECK_EQUAL(tug_fd_stream_open(&streams[i], fds[i]), 0);
    CHECK_EQUAL(tug_io_write(&streams[0].writer, "one", 3), 3);
    CHECK_EQUAL(tug_io_write(&streams[0].writer, "other", 5), 5);
    CHECK_EQUAL(
        TUG_TIMEOUT(2 * TUG_MILLISECOND, tug_io_copy(&streams[1].reader, &streams[2].writer, NULL)),
        -ETIMEDOUT);
    CHECK_EQUAL(tug_fault_calls("splice"), 0);
    CHECK_EQUAL(tug_io_read(&streams[3].reader, buffer, 16), 3);
    CHECK_EQUAL(tug_io_read(&streams[3].reader, buffer, 16), 5);
    for (int i = 0; i < 4; i++)
        CHECK_EQUAL(tug_fd_stream_close(&streams[i]), 0);
    tug_fault_reset();
    return 0;
}

#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_EACH(the_results_are_the_same),
        IN_EACH(a_target_that_is_gone),
        IN_EACH(a_stream_that_was_shut_down),
        IN_EACH(the_mode_is_restored),
        IN_EACH(a_file_as_the_source),
        IN_EACH(a_part_of_a_file),
#if TUG_FAULT_INJECTION
        IN_EACH(the_kernel_does_it),
        IN_EACH(it_may_refuse_at_any_time),
        IN_EACH(it_may_be_short_of_something),
        IN_EACH(moves_that_stop_short),
        IN_EACH(what_was_taken_before_an_error_is_given),
        IN_EACH(a_wait_is_no_loop),
        IN_EACH(a_file_that_is_cold_in_places),
        IN_EACH(a_file_with_a_read_under_way),
        IN_EACH(a_file_and_a_refusal),
        IN_EACH(datagrams_keep_their_bounds),
#endif
    };
    return cmocka_run_group_tests_name("io/copy_splice", tests, NULL, NULL);
}
