/* SPDX-License-Identifier: MIT */
/*
 * Named pipes: opening never blocks a worker, whoever comes first; receivers live through senders
 * that come and go.
 */
#include "../fs/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MUCH ((size_t)1 << 20)

static int64_t makes_one(void *unused)
{
    (void)unused;
    struct stat status;
    mode_t mask = umask(022);
    CHECK_EQUAL(tug_fifo_create("fifo", 0666), 0);
    umask(mask);
    CHECK_EQUAL(stat("fifo", &status), 0);
    CHECK(S_ISFIFO(status.st_mode));
    CHECK_EQUAL(status.st_mode & 07777, 0644);
    CHECK_EQUAL(tug_fifo_create("fifo", 0666), -EEXIST);
    CHECK_EQUAL(tug_fifo_create("no/fifo", 0666), -ENOENT);
    return 0;
}

static int64_t refuses(void *unused)
{
    (void)unused;
    CHECK_EQUAL(tug_fifo_create("fifo", 0600), 0);
    scratch_make_file("file", "text", 4);
    CHECK_EQUAL(tug_fifo_open_sender("fifo", 0), -ENXIO);
    CHECK_EQUAL(tug_fifo_open_sender("none", 0), -ENOENT);
    CHECK_EQUAL(tug_fifo_open_sender("none", TUG_FIFO_WAIT), -ENOENT);
    CHECK_EQUAL(tug_fifo_open_sender("file", 0), -EINVAL);
    CHECK_EQUAL(tug_fifo_open_sender("fifo", TUG_FIFO_KEEP_OPEN), -EINVAL);
    CHECK_EQUAL(tug_fifo_open_receiver("none", 0), -ENOENT);
    CHECK_EQUAL(tug_fifo_open_receiver("file", 0), -EINVAL);
    CHECK_EQUAL(tug_fifo_open_receiver("fifo", 4), -EINVAL);
    CHECK(scratch_file_is("file", "text", 4));
    return 0;
}

/* A sender comes, says something and goes. */
static int64_t say(const char *text)
{
    int fd = tug_fifo_open_sender("fifo", 0);
    CHECK(fd >= 0);
    CHECK(fcntl(fd, F_GETFL) & O_NONBLOCK);
    CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    CHECK_EQUAL(tug_write(fd, text, strlen(text)), strlen(text));
    close(fd);
    return 0;
}

static int64_t sender_comes_and_goes(void *unused)
{
    (void)unused;
    char text[8];
    CHECK_EQUAL(tug_fifo_create("fifo", 0600), 0);
    int fd = tug_fifo_open_receiver("fifo", 0);
    CHECK(fd >= 0);
    CHECK_EQUAL(tug_read(fd, text, sizeof(text)), 0);
    for (int i = 0; i < 3; i++) {
        CHECK_EQUAL(say("word"), 0);
        CHECK_EQUAL(tug_read(fd, text, sizeof(text)), 4);
        CHECK(memcmp(text, "word", 4) == 0);
        CHECK_EQUAL(tug_read(fd, text, sizeof(text)), 0);
    }
    close(fd);
    CHECK_EQUAL(tug_fifo_open_sender("fifo", 0), -ENXIO);
    return 0;
}

/* The same for a receiver that never sees an end, also as a stream. */
static int64_t resilient_reader(void *unused)
{
    (void)unused;
    char text[8];
    struct tug_fd_stream stream;
    CHECK_EQUAL(tug_fifo_create("fifo", 0600), 0);
    int fd = tug_fifo_open_receiver("fifo", TUG_FIFO_KEEP_OPEN);
    CHECK(fd >= 0);
    CHECK_EQUAL(tug_fd_stream_open(&stream, fd), 0);
    for (int i = 0; i < 3; i++) {
        CHECK_EQUAL(TUG_TIMEOUT(TUG_MILLISECOND, tug_io_read(&stream.reader, text, sizeof(text))),
                    -ETIMEDOUT);
        CHECK_EQUAL(say("word"), 0);
        CHECK_EQUAL(tug_io_read(&stream.reader, text, sizeof(text)), 4);
        CHECK(memcmp(text, "word", 4) == 0);
    }
    CHECK_EQUAL(TUG_TIMEOUT(TUG_MILLISECOND, tug_read(fd, text, sizeof(text))), -ETIMEDOUT);
    CHECK_EQUAL(tug_fd_stream_close(&stream), 0);
    return 0;
}

/* ---- Waiting for the other end ---- */

static int64_t open_sender(void *unused)
{
    (void)unused;
    return tug_fifo_open_sender("fifo", TUG_FIFO_WAIT);
}

static int64_t open_receiver(void *unused)
{
    (void)unused;
    return tug_fifo_open_receiver("fifo", TUG_FIFO_WAIT);
}

static int64_t sender_waits(void *unused)
{
    (void)unused;
    int64_t sender;
    char text[8];
    CHECK_EQUAL(tug_fifo_create("fifo", 0600), 0);
    CHECK_EQUAL(TUG_TIMEOUT(5 * TUG_MILLISECOND, open_sender(NULL)), -ETIMEDOUT);
    struct tug_task *task = tug_spawn(open_sender, NULL);
    CHECK_EQUAL(tug_sleep(5 * TUG_MILLISECOND), 0);
    CHECK(!tug_task_is_finished(task));
    int fd = tug_fifo_open_receiver("fifo", 0);
    CHECK(fd >= 0);
    CHECK_EQUAL(tug_join(task, &sender), 0);
    CHECK(sender >= 0);
    CHECK_EQUAL(tug_write((int)sender, "word", 4), 4);
    CHECK_EQUAL(tug_read(fd, text, sizeof(text)), 4);
    close((int)sender);
    close(fd);
    return 0;
}

static int64_t receiver_waits(void *unused)
{
    (void)unused;
    int64_t receiver;
    char text[8];
    CHECK_EQUAL(tug_fifo_create("fifo", 0600), 0);
    CHECK_EQUAL(TUG_TIMEOUT(5 * TUG_MILLISECOND, open_receiver(NULL)), -ETIMEDOUT);
    for (int silent = 0; silent < 2; silent++) {
        struct tug_task *task = tug_spawn(open_receiver, NULL);
        int sender = tug_fifo_open_sender("fifo", TUG_FIFO_WAIT);
        CHECK(sender >= 0);
        CHECK_EQUAL(tug_sleep(2 * TUG_MILLISECOND), 0);
        CHECK(!tug_task_is_finished(task));
        if (!silent)
            CHECK_EQUAL(tug_write(sender, "word", 4), 4);
        close(sender);
        CHECK_EQUAL(tug_join(task, &receiver), 0);
        CHECK(receiver >= 0);
        CHECK_EQUAL(tug_read((int)receiver, text, sizeof(text)), silent ? 0 : 4);
        close((int)receiver);
    }
    return 0;
}

static int64_t open_usually(void *unused)
{
    (void)unused;
    return open("fifo", O_RDONLY | O_CLOEXEC);
}

/* A receiver that is itself blocked in open(2) is found, too. */
static int64_t sender_finds_who_blocks(void *unused)
{
    (void)unused;
    struct tug_task *task;
    int64_t receiver;
    CHECK_EQUAL(tug_fifo_create("fifo", 0600), 0);
    CHECK_EQUAL(tug_spawn_blocking(&task, NULL, open_usually, NULL), 0);
    int64_t sender = open_sender(NULL);
    CHECK(sender >= 0);
    CHECK_EQUAL(tug_join(task, &receiver), 0);
    CHECK(receiver >= 0);
    close((int)sender);
    close((int)receiver);
    return 0;
}

/* ---- Much, and nobody ---- */

static int64_t send_much(void *unused)
{
    (void)unused;
    static unsigned char data[MUCH];
    struct tug_fd_stream stream;
    int64_t fd = open_sender(NULL);
    if (fd < 0)
        return fd;
    scratch_pattern(data, MUCH, 7);
    int64_t result = tug_fd_stream_open(&stream, (int)fd);
    if (result == 0)
        result = tug_io_write_all(&stream.writer, data, MUCH);
    /* The writer's end is the reader's. */
    int error = tug_io_shutdown(&stream.writer);
    tug_fd_stream_close(&stream);
    return error < 0 ? error : result;
}

static int64_t much(void *unused)
{
    (void)unused;
    static unsigned char expected[MUCH];
    struct tug_fd_stream stream;
    void *data;
    int64_t sent;
    CHECK_EQUAL(tug_fifo_create("fifo", 0600), 0);
    struct tug_task *task = tug_spawn(send_much, NULL);
    int64_t fd = open_receiver(NULL);
    CHECK(fd >= 0);
    CHECK_EQUAL(tug_fd_stream_open(&stream, (int)fd), 0);
    CHECK_EQUAL(tug_io_read_to_end(&stream.reader, &data, MUCH), MUCH);
    scratch_pattern(expected, MUCH, 7);
    CHECK(memcmp(data, expected, MUCH) == 0);
    free(data);
    CHECK_EQUAL(tug_join(task, &sent), 0);
    CHECK_EQUAL(sent, MUCH);
    CHECK_EQUAL(tug_fd_stream_close(&stream), 0);
    return 0;
}

/* Who writes when the receiver goes is woken and told. */
static int64_t receiver_goes(void *unused)
{
    (void)unused;
    int64_t sent;
    char byte;
    CHECK_EQUAL(tug_fifo_create("fifo", 0600), 0);
    struct tug_task *task = tug_spawn(send_much, NULL);
    int64_t fd = open_receiver(NULL);
    CHECK(fd >= 0);
    CHECK_EQUAL(tug_read((int)fd, &byte, 1), 1);
    CHECK_EQUAL(tug_sleep(2 * TUG_MILLISECOND), 0);
    CHECK(!tug_task_is_finished(task));
    close((int)fd);
    CHECK_EQUAL(tug_join(task, &sent), 0);
    CHECK_EQUAL(sent, -EPIPE);
    return 0;
}

static void works_outside(void **state)
{
    (void)state;
    scratch_run_outside(makes_one);
    scratch_run_outside(refuses);
    scratch_run_outside(sender_comes_and_goes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCRATCH_TEST(makes_one),
        SCRATCH_TEST(refuses),
        SCRATCH_TEST(sender_comes_and_goes),
        SCRATCH_TEST(resilient_reader),
        SCRATCH_TEST(sender_waits),
        SCRATCH_TEST(receiver_waits),
        SCRATCH_TEST(sender_finds_who_blocks),
        SCRATCH_TEST(much),
        SCRATCH_TEST(receiver_goes),
        cmocka_unit_test(works_outside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
