/* SPDX-License-Identifier: MIT */
/*
 * Streams on files: the position, and what a cancelled read or write leaves. That an operation
 * cannot be done at once is arranged by making the attempt without blocking fail.
 */
#include "script.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>

#include "sys/fault.h"

/* An empty file without a name. */
static struct tug_fd_stream empty_file(void)
{
    struct tug_fd_stream stream;
    int fd = memfd_create("test", MFD_CLOEXEC);
    CHECK(fd >= 0);
    CHECK_EQUAL(tug_fd_stream_open(&stream, fd), 0);
    return stream;
}

static bool holds(const struct tug_fd_stream *stream, const char *text)
{
    char buffer[64];
    ssize_t n = pread(tug_fd_stream_descriptor(stream), buffer, sizeof(buffer), 0);
    return n == (ssize_t)strlen(text) && memcmp(buffer, text, (size_t)n) == 0;
}

static int64_t reads_and_writes_at_its_position(void *unused)
{
    (void)unused;
    struct tug_fd_stream stream = empty_file();
    char buffer[16];
    CHECK_EQUAL(tug_io_write_all(&stream.writer, "0123456789", 10), 10);
    CHECK_EQUAL(tug_io_flush(&stream.writer), 0);
    CHECK_EQUAL(tug_io_read(&stream.reader, buffer, 16), 0);
    CHECK_EQUAL(tug_fd_stream_seek(&stream, 2, SEEK_SET), 2);
    CHECK_EQUAL(tug_io_read(&stream.reader, buffer, 3), 3);
    CHECK(memcmp(buffer, "234", 3) == 0);
    CHECK_EQUAL(tug_io_write(&stream.writer, "x", 1), 1);
    CHECK_EQUAL(tug_fd_stream_seek(&stream, 0, SEEK_CUR), 6);
    CHECK_EQUAL(tug_fd_stream_seek(&stream, -1, SEEK_END), 9);
    CHECK_EQUAL(tug_io_read(&stream.reader, buffer, 16), 1);
    CHECK_EQUAL(tug_io_read(&stream.reader, buffer, 0), 0);
    CHECK_EQUAL(tug_fd_stream_seek(&stream, -1, SEEK_SET), -EINVAL);
    CHECK_EQUAL(tug_io_shutdown(&stream.writer), 0);
    CHECK(holds(&stream, "01234x6789"));
    int fd = tug_fd_stream_release(&stream);
    CHECK_EQUAL(lseek(fd, 0, SEEK_CUR), 10);
    close(fd);
    return 0;
}

#if TUG_FAULT_INJECTION

/* From now on nothing can be done at once, and what is done takes a while. */
static void begin_slow(void)
{
    CHECK_EQUAL(tug_fault_fail("preadv2", 1, UINT32_MAX, EAGAIN), 0);
    CHECK_EQUAL(tug_fault_fail("pwritev2", 1, UINT32_MAX, EAGAIN), 0);
    CHECK_EQUAL(tug_fault_delay("read", 1, UINT32_MAX, 3 * TUG_MILLISECOND), 0);
    CHECK_EQUAL(tug_fault_delay("write", 1, UINT32_MAX, 3 * TUG_MILLISECOND), 0);
}

static int64_t what_cannot_be_done_at_once(void *unused)
{
    (void)unused;
    struct tug_fd_stream stream = empty_file();
    char buffer[16];
    begin_slow();
    CHECK_EQUAL(tug_io_write_all(&stream.writer, "0123456789", 10), 10);
    CHECK_EQUAL(tug_fd_stream_seek(&stream, 4, SEEK_SET), 4);
    CHECK_EQUAL(tug_io_read(&stream.reader, buffer, 4), 4);
    CHECK(memcmp(buffer, "4567", 4) == 0);
    CHECK_EQUAL(tug_io_read(&stream.reader, buffer, 16), 2);
    CHECK_EQUAL(tug_io_read(&stream.reader, buffer, 16), 0);
    CHECK(holds(&stream, "0123456789"));
    tug_fault_reset();
    CHECK_EQUAL(tug_fd_stream_close(&stream), 0);
    return 0;
}

static int64_t begin_write(struct tug_fd_stream *stream, const void *buffer, size_t size)
{
    struct script_waker *counters = malloc(sizeof(*counters));
    struct tug_waker waker = script_waker(counters);
    int64_t n = tug_writer_poll(&stream->writer, &waker, buffer, size);
    if (n == TUG_IO_PENDING)
        AWAIT(__atomic_load_n(&counters->drops, __ATOMIC_SEQ_CST) == 1);
    free(counters);
    return n;
}

static int64_t a_cancelled_read_loses_nothing(void *unused)
{
    (void)unused;
    struct tug_fd_stream stream = empty_file();
    char buffer[16];
    CHECK_EQUAL(tug_io_write_all(&stream.writer, "0123456789", 10), 10);
    CHECK_EQUAL(tug_fd_stream_seek(&stream, 0, SEEK_SET), 0);
    begin_slow();
    CHECK_EQUAL(script_begin_read(&stream.reader, buffer, 6), TUG_IO_PENDING);
    CHECK_EQUAL(tug_io_read(&stream.reader, buffer, 2), 2);
    CHECK(memcmp(buffer, "01", 2) == 0);
    /* Nobody has read beyond the second byte, whatever the kernel thinks. */
    CHECK_EQUAL(tug_fd_stream_seek(&stream, 1, SEEK_CUR), 3);
    CHECK_EQUAL(script_begin_read(&stream.reader, buffer, 6), TUG_IO_PENDING);
    CHECK_EQUAL(tug_io_write(&stream.writer, "x", 1), 1);
    CHECK(holds(&stream, "012x456789"));
    CHECK_EQUAL(tug_io_read(&stream.reader, buffer, 1), 1);
    CHECK_EQUAL(buffer[0], '4');
    tug_fault_reset();
    CHECK_EQUAL(tug_fd_stream_close(&stream), 0);
    return 0;
}

static int64_t a_cancelled_write_is_carried_out(void *unused)
{
    (void)unused;
    struct tug_fd_stream stream = empty_file();
    begin_slow();
    /* Made again: once in the file. */
    CHECK_EQUAL(begin_write(&stream, "abc", 3), TUG_IO_PENDING);
    CHECK_EQUAL(tug_io_write(&stream.writer, "abcdef", 6), 3);
    CHECK(holds(&stream, "abc"));
    /* Given up for another. */
    CHECK_EQUAL(begin_write(&stream, "def", 3), TUG_IO_PENDING);
    CHECK_EQUAL(tug_io_write(&stream.writer, "xyz", 3), 3);
    CHECK(holds(&stream, "abcdefxyz"));
    /* Followed by a read, a seek, the end. */
    CHECK_EQUAL(begin_write(&stream, "0", 1), TUG_IO_PENDING);
    CHECK_EQUAL(tug_fd_stream_seek(&stream, 0, SEEK_CUR), 10);
    CHECK_EQUAL(begin_write(&stream, "1", 1), TUG_IO_PENDING);
    char byte;
    CHECK_EQUAL(tug_io_read(&stream.reader, &byte, 1), 0);
    CHECK(holds(&stream, "abcdefxyz01"));
    struct tug_waker none = script_waker(&(struct script_waker){0, 0, 0});
    int64_t n = tug_writer_poll(&stream.writer, &none, "2", 1);
    CHECK_EQUAL(n, TUG_IO_PENDING);
    int fd = tug_fd_stream_release(&stream); /* waits, and asks it to end */
    char buffer[16];
    ssize_t length = pread(fd, buffer, sizeof(buffer), 0);
    CHECK(length == 11 || (length == 12 && buffer[11] == '2'));
    tug_fault_reset();
    close(fd);
    return 0;
}

/* The error of a write that nobody asks for any more is told to whoever comes next, once. */
static int64_t no_error_is_lost(void *unused)
{
    (void)unused;
    for (int next = 0; next < 4; next++) {
        struct tug_fd_stream stream = empty_file();
        char byte;
        int64_t result;
        begin_slow();
        CHECK_EQUAL(tug_fault_fail("write", 1, UINT32_MAX, ENOSPC), 0);
        int64_t begun = begin_write(&stream, "abc", 3);
        tug_fault_reset();
        if (begun == 3 || tug_fd_stream_seek(&stream, 0, SEEK_END) == 3) {
            CHECK_EQUAL(tug_fd_stream_close(&stream), 0); /* the ring made the call, not we */
            continue;
        }
        begin_slow();
        CHECK_EQUAL(tug_fault_fail("write", 1, UINT32_MAX, ENOSPC), 0);
        CHECK_EQUAL(begin_write(&stream, "abc", 3), TUG_IO_PENDING);
        tug_fault_reset();
        if (next == 0)
            result = tug_io_write(&stream.writer, "x", 1);
        else if (next == 1)
            result = tug_io_flush(&stream.writer);
        else if (next == 2)
            result = tug_io_read(&stream.reader, &byte, 1);
        else
            result = tug_fd_stream_seek(&stream, 0, SEEK_SET);
        CHECK_EQUAL(result, -ENOSPC);
        CHECK_EQUAL(tug_io_flush(&stream.writer), 0);
        CHECK_EQUAL(tug_fd_stream_close(&stream), 0);
    }
    return 0;
}

/* A copy from file to file that is cancelled again and again: each write is given up and taken
 * over, with more behind it. */
static int64_t a_copy_between_files_is_exact(void *unused)
{
    (void)unused;
    enum { LENGTH = 600000 };
    struct tug_fd_stream from = empty_file(), to = empty_file();
    unsigned char *data = malloc(LENGTH), *copied = malloc(LENGTH + 1);
    struct tug_io_copy copy;
    int64_t result;
    for (size_t i = 0; i < LENGTH; i++)
        data[i] = (unsigned char)(i * 31 + i / 256);
    CHECK_EQUAL(tug_io_write_all(&from.writer, data, LENGTH), LENGTH);
    CHECK_EQUAL(tug_fd_stream_seek(&from, 0, SEEK_SET), 0);
    const struct tug_io_copy_options options = {.buffer_size = 100000};
    begin_slow();
    CHECK_EQUAL(tug_io_copy_init(&copy, &from.reader, &to.writer, &options), 0);
    do
        result = TUG_TIMEOUT(TUG_MILLISECOND, tug_io_copy_run(&copy));
    while (result == -ETIMEDOUT);
    CHECK_EQUAL(result, LENGTH);
    tug_fault_reset();
    tug_io_copy_free(&copy);
    CHECK_EQUAL(pread(tug_fd_stream_descriptor(&to), copied, LENGTH + 1, 0), LENGTH);
    CHECK(memcmp(copied, data, LENGTH) == 0);
    free(data);
    free(copied);
    CHECK_EQUAL(tug_fd_stream_close(&from), 0);
    CHECK_EQUAL(tug_fd_stream_close(&to), 0);
    return 0;
}

static int64_t memory_is_short(void *unused)
{
    (void)unused;
    struct tug_fd_stream stream = empty_file();
    char byte;
    begin_slow();
    CHECK_EQUAL(tug_fault_fail("malloc", 1, 2, ENOMEM), 0);
    CHECK_EQUAL(tug_io_write(&stream.writer, "x", 1), -ENOMEM);
    CHECK_EQUAL(tug_io_read(&stream.reader, &byte, 1), -ENOMEM);
    CHECK_EQUAL(tug_io_write(&stream.writer, "x", 1), 1);
    tug_fault_reset();
    CHECK_EQUAL(tug_fd_stream_close(&stream), 0);
    return 0;
}

#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_EACH(reads_and_writes_at_its_position),
#if TUG_FAULT_INJECTION
        IN_EACH(what_cannot_be_done_at_once),
        IN_EACH(a_cancelled_read_loses_nothing),
        IN_EACH(a_cancelled_write_is_carried_out),
        IN_EACH(no_error_is_lost),
        IN_EACH(a_copy_between_files_is_exact),
        IN_EACH(memory_is_short),
#endif
    };
    return cmocka_run_group_tests_name("io/stream_file", tests, NULL, NULL);
}
