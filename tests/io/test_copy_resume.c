/* SPDX-License-Identifier: MIT */
/*
 * Copies from a reader to a writer that fail or are cancelled: what was read is written, nothing is
 * lost, and the copy can go on.
 */
#include "script.h"

#include <errno.h>

#include "sys/fault.h"

static int64_t lie(struct tug_writer *writer, const struct tug_waker *waker, const void *buffer,
                   size_t size)
{
    (void)writer, (void)waker, (void)buffer;
    return (int64_t)size + 1;
}

static int64_t lie_reading(struct tug_reader *reader, const struct tug_waker *waker, void *buffer,
                           size_t size)
{
    (void)reader, (void)waker, (void)buffer;
    return (int64_t)size + 1;
}

/* What a reader says it has read may be more than there is room for. */
static int64_t a_read_of_too_much(void *unused)
{
    (void)unused;
    static const struct tug_reader_vtable lying = {.poll_read = lie_reading};
    static const struct script_step writes[] = {END};
    struct tug_reader liar = {&lying};
    struct tug_buffered_reader buffered;
    struct script to;
    char buffer[8];
    const void *data;
    script_init(&to, writes);
    CHECK_EQUAL(tug_io_copy(&liar, &to.writer, NULL), -EIO);
    CHECK_EQUAL(to.length, 0);
    CHECK_EQUAL(tug_io_read(&liar, buffer, sizeof(buffer)), -EIO);
    CHECK_EQUAL(tug_io_read_exact(&liar, buffer, sizeof(buffer)), -EIO);
    CHECK_EQUAL(tug_io_read_to_end(&liar, (void **)&data, SIZE_MAX), -EIO);
    CHECK_EQUAL(tug_buffered_reader_init(&buffered, &liar, 8), 0);
    CHECK_EQUAL(tug_buffered_fill(&buffered, 1, &data), -EIO);
    tug_buffered_reader_free(&buffered);
    return 0;
}

static int64_t a_write_of_nothing_or_too_much(void *unused)
{
    (void)unused;
    static const struct script_step reads[] = {TEXT("abc"), END};
    static const struct script_step writes[] = {TAKE(1), TAKE(0), END};
    static const struct tug_writer_vtable lying = {.poll_write = lie};
    struct tug_writer liar = {&lying};
    struct script from, to;
    script_init(&from, reads);
    script_init(&to, writes);
    CHECK_EQUAL(tug_io_copy(&from.reader, &to.writer, NULL), -EIO);
    script_init(&from, reads);
    CHECK_EQUAL(tug_io_copy(&from.reader, &liar, NULL), -EIO);
    return 0;
}

static int64_t what_was_read_before_an_error_is_written(void *unused)
{
    (void)unused;
    static const struct script_step reads[] = {TEXT("abc"), ERROR(-ECONNRESET), END};
    static const struct script_step writes[] = {PAUSE, TAKE(1), PAUSE, END};
    struct script from, to;
    script_init(&from, reads);
    script_init(&to, writes);
    CHECK_EQUAL(tug_io_copy(&from.reader, &to.writer, NULL), -ECONNRESET);
    CHECK(script_wrote(&to, "abc") && to.unflushed == 0);
    to.flush_error = -ENOSPC;
    script_init(&from, reads);
    CHECK_EQUAL(tug_io_copy(&from.reader, &to.writer, NULL), -ENOSPC);
    return 0;
}

static int64_t a_copy_goes_on_after_an_error(void *unused)
{
    (void)unused;
    static const struct script_step reads[] = {TEXT("abc"), TEXT("def"), END};
    static const struct script_step writes[] = {TAKE(2), ERROR(-ENOSPC), BLOCK, TAKE(1), END};
    struct script from, to;
    struct tug_io_copy copy;
    script_init(&from, reads);
    script_init(&to, writes);
    CHECK_EQUAL(tug_io_copy_init(&copy, &from.reader, &to.writer, NULL), 0);
    CHECK_EQUAL(tug_io_copy_run(&copy), -ENOSPC);
    CHECK_EQUAL(copy.copied, 2);
    CHECK_EQUAL(TUG_TIMEOUT(TUG_MILLISECOND, tug_io_copy_run(&copy)), -ETIMEDOUT);
    CHECK_EQUAL(copy.copied, 2);
    script_go_on(&to);
    CHECK_EQUAL(tug_io_copy_run(&copy), 6);
    CHECK(script_wrote(&to, "abcdef"));
    tug_io_copy_free(&copy);
#if TUG_FAULT_INJECTION
    CHECK_EQUAL(tug_fault_fail("malloc", 1, 1, ENOMEM), 0);
    CHECK_EQUAL(tug_io_copy(&from.reader, &to.writer, NULL), -ENOMEM);
    tug_fault_reset();
#endif
    return 0;
}

/* What is lent is read as far as it was written, and needs no buffer. */
static int64_t lent_memory_is_read_as_it_is_written(void *unused)
{
    (void)unused;
    static const struct script_step writes[] = {TAKE(2), ERROR(-ENOSPC), BLOCK, TAKE(1), END};
    static const struct script_step too_much[] = {TAKE(0), END};
    struct tug_bytes_reader from;
    struct script to;
    struct tug_io_copy copy;
    char rest[8];
    tug_bytes_reader_init(&from, "abcdefgh", 8);
    script_init(&to, writes);
#if TUG_FAULT_INJECTION
    CHECK_EQUAL(tug_fault_fail("malloc", 1, 1, ENOMEM), 0);
#endif
    CHECK_EQUAL(tug_io_copy_init(&copy, &from.reader, &to.writer, NULL), 0);
    CHECK_EQUAL(tug_io_copy_run(&copy), -ENOSPC);
    CHECK_EQUAL(TUG_TIMEOUT(TUG_MILLISECOND, tug_io_copy_run(&copy)), -ETIMEDOUT);
    CHECK_EQUAL(copy.copied, 2);
    CHECK_EQUAL(tug_io_read(&from.reader, rest, 1), 1);
    CHECK_EQUAL(rest[0], 'c');
    script_go_on(&to);
    CHECK_EQUAL(tug_io_copy_run(&copy), 7);
    CHECK(script_wrote(&to, "abdefgh"));
    CHECK(to.flushes == 1 && to.unflushed == 0);
    CHECK_EQUAL(tug_io_copy_run(&copy), 7);
    tug_io_copy_free(&copy);
#if TUG_FAULT_INJECTION
    tug_fault_reset();
#endif
    tug_bytes_reader_init(&from, "abc", 3);
    script_init(&to, too_much);
    CHECK_EQUAL(tug_io_copy(&from.reader, &to.writer, NULL), -EIO);
    CHECK_EQUAL(tug_io_read(&from.reader, rest, 8), 3);
    return 0;
}

/* ---- Cancelled again and again, between two sockets ---- */

enum { MANY = 50000 };

static int64_t feed(void *writer)
{
    unsigned char piece[997];
    for (size_t sent = 0; sent < MANY;) {
        size_t n = MANY - sent < sizeof(piece) ? MANY - sent : sizeof(piece);
        for (size_t i = 0; i < n; i++)
            piece[i] = (unsigned char)((sent + i) * 31 + (sent + i) / 256);
        CHECK_EQUAL(tug_io_write_all(writer, piece, n), n);
        sent += n;
        if (sent % 10 == 0)
            CHECK_EQUAL(tug_sleep(TUG_MILLISECOND), 0);
    }
    return tug_io_shutdown(writer);
}

static int64_t check_all(void *reader)
{
    void *data;
    int64_t length = tug_io_read_to_end(reader, &data, MANY);
    CHECK_EQUAL(length, MANY);
    for (size_t i = 0; i < MANY; i++)
        CHECK_EQUAL(((unsigned char *)data)[i], (unsigned char)(i * 31 + i / 256));
    free(data);
    return 0;
}

static int64_t nothing_is_lost_by_a_cancellation(void *unused)
{
    (void)unused;
    struct tug_duplex *source[2], *target[2];
    struct tug_io_copy copy;
    int64_t result;
    CHECK_EQUAL(tug_duplex_create(source, 700), 0);
    CHECK_EQUAL(tug_duplex_create(target, 300), 0);
    struct tug_task *feeder = fixture_spawn(feed, &source[0]->writer);
    struct tug_task *checker = fixture_spawn(check_all, &target[1]->reader);
    CHECK_EQUAL(tug_io_copy_init(&copy, &source[1]->reader, &target[0]->writer, NULL), 0);
    do
        result = TUG_TIMEOUT(TUG_MILLISECOND, tug_io_copy_run(&copy));
    while (result == -ETIMEDOUT);
    CHECK_EQUAL(result, MANY);
    CHECK_EQUAL(tug_io_shutdown(&target[0]->writer), 0);
    CHECK_EQUAL(fixture_join(feeder), 0);
    CHECK_EQUAL(fixture_join(checker), 0);
    tug_io_copy_free(&copy);
    for (int i = 0; i < 2; i++) {
        tug_duplex_destroy(source[i]);
        tug_duplex_destroy(target[i]);
    }
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_EACH(a_read_of_too_much),
        IN_EACH(a_write_of_nothing_or_too_much),
        IN_EACH(what_was_read_before_an_error_is_written),
        IN_EACH(a_copy_goes_on_after_an_error),
        IN_EACH(lent_memory_is_read_as_it_is_written),
        IN_EACH(nothing_is_lost_by_a_cancellation),
    };
    return cmocka_run_group_tests_name("io/copy_resume", tests, NULL, NULL);
}
