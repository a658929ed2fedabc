/* SPDX-License-Identifier: MIT */
/*
 * Buffers above readers and writers: how often they call what is below, what they keep when
 * something fails or is cancelled, and lines.
 */
#include "script.h"

#include <errno.h>
#include <sys/uio.h>

#include "sys/fault.h"

static const struct script_step nothing[] = {END};

/* ---- Reading ---- */

static struct tug_buffered_reader over(struct script *script, const struct script_step *steps,
                                       size_t size)
{
    struct tug_buffered_reader buffered;
    script_init(script, steps);
    CHECK_EQUAL(tug_buffered_reader_init(&buffered, &script->reader, size), 0);
    return buffered;
}

static int64_t few_reads_for_many(void *unused)
{
    (void)unused;
    static const struct script_step steps[] = {TEXT("0123456789"), PAUSE, TEXT("abcdef"), END};
    struct script script;
    struct tug_buffered_reader buffered = over(&script, steps, 8);
    char byte, large[16];
    for (char expected = '0'; expected < '8'; expected++) {
        CHECK_EQUAL(tug_io_read(&buffered.reader, &byte, 1), 1);
        CHECK_EQUAL(byte, expected);
    }
    CHECK_EQUAL(script.polls, 1);
    /* As much as the buffer's size goes past it, but not past what is in it. */
    CHECK_EQUAL(tug_io_read(&buffered.reader, large, 16), 2);
    CHECK_EQUAL(tug_io_read(&buffered.reader, large, 3), 3);
    CHECK_EQUAL(tug_io_read(&buffered.reader, large, 16), 3);
    CHECK(memcmp(large, "def", 3) == 0);
    CHECK_EQUAL(tug_io_read(&buffered.reader, large, 16), 0);
    CHECK_EQUAL(tug_io_read(&buffered.reader, large, 0), 0);
    tug_buffered_reader_free(&buffered);
    return 0;
}

static int64_t a_look_ahead_takes_nothing(void *unused)
{
    (void)unused;
    static const struct script_step steps[] = {TEXT("ab"),   PAUSE,       TEXT("cd"), BLOCK,
                                               TEXT("efgh"), ERROR(-EIO), END};
    struct script script;
    struct tug_buffered_reader buffered = over(&script, steps, 4);
    const void *data;
    CHECK_EQUAL(tug_buffered_fill(&buffered, 1, &data), 2);
    CHECK_EQUAL(tug_buffered_fill(&buffered, 3, &data), 4);
    CHECK(memcmp(data, "abcd", 4) == 0);
    tug_buffered_consume(&buffered, 3);
    CHECK_EQUAL(TUG_TIMEOUT(TUG_MILLISECOND, tug_buffered_fill(&buffered, 2, &data)), -ETIMEDOUT);
    script_go_on(&script);
    /* More than its size. */
    CHECK_EQUAL(tug_buffered_fill(&buffered, 5, &data), 5);
    CHECK(memcmp(data, "defgh", 5) == 0);
    CHECK_EQUAL(tug_buffered_fill(&buffered, 6, &data), -EIO);
    CHECK_EQUAL(tug_buffered_fill(&buffered, 6, &data), 5);
    tug_buffered_consume(&buffered, 100);
    CHECK_EQUAL(tug_buffered_fill(&buffered, 1, &data), 0);
    tug_buffered_reader_free(&buffered);
    return 0;
}

static int64_t read_until_a_byte(void *unused)
{
    (void)unused;
    static const struct script_step steps[] = {TEXT("one,t"), BLOCK, TEXT("wo,,th"), TEXT("ree"),
                                               END};
    static const struct script_step failing[] = {TEXT("ab"), ERROR(-EIO), TEXT("c,"), END};
    struct script script;
    struct tug_buffered_reader buffered = over(&script, steps, 3);
    const void *data;
    CHECK_EQUAL(tug_buffered_read_until(&buffered, ',', 100, &data), 4);
    CHECK(memcmp(data, "one,", 4) == 0);
    CHECK_EQUAL(TUG_TIMEOUT(TUG_MILLISECOND, tug_buffered_read_until(&buffered, ',', 9, &data)),
                -ETIMEDOUT);
    script_go_on(&script);
    CHECK_EQUAL(tug_buffered_read_until(&buffered, ',', 3, &data), -EMSGSIZE);
    CHECK_EQUAL(tug_buffered_read_until(&buffered, ',', 4, &data), 4);
    CHECK(memcmp(data, "two,", 4) == 0);
    CHECK_EQUAL(tug_buffered_read_until(&buffered, ',', 1, &data), 1);
    CHECK_EQUAL(tug_buffered_read_until(&buffered, ',', 4, &data), -EMSGSIZE);
    CHECK_EQUAL(tug_buffered_read_until(&buffered, ',', 5, &data), 5);
    CHECK(memcmp(data, "three", 5) == 0);
    CHECK_EQUAL(tug_buffered_read_until(&buffered, ',', 5, &data), 0);
    tug_buffered_reader_free(&buffered);
    buffered = over(&script, failing, 8);
    CHECK_EQUAL(tug_buffered_read_until(&buffered, ',', 100, &data), -EIO);
    CHECK_EQUAL(tug_buffered_read_until(&buffered, ',', 100, &data), 4);
    CHECK(memcmp(data, "abc,", 4) == 0);
    tug_buffered_reader_free(&buffered);
    return 0;
}

static int64_t lines_of_all_kinds(void *unused)
{
    (void)unused;
    static const struct script_step steps[] = {
        TEXT("unix\nwin"), PAUSE, TEXT("dows\r"), TEXT("\n\n\r\n\r"), TEXT("a\rb\n\rlast\r"), END};
    static const char *const lines[] = {"unix", "windows", "", "", "\ra\rb", "\rlast\r"};
    for (size_t size = 1; size < 20; size++) {
        struct script script;
        struct tug_buffered_reader buffered = over(&script, steps, size);
        char *line;
        size_t length;
        for (int i = 0; i < 6; i++) {
            CHECK_EQUAL(tug_buffered_read_line(&buffered, 100, &line, &length), 1);
            CHECK_EQUAL(length, strlen(lines[i]));
            CHECK(strcmp(line, lines[i]) == 0);
        }
        CHECK_EQUAL(tug_buffered_read_line(&buffered, 100, &line, NULL), 0);
        CHECK_EQUAL(tug_buffered_read_line(&buffered, 100, &line, NULL), 0);
        tug_buffered_reader_free(&buffered);
    }
    return 0;
}

static int64_t lines_have_a_limit(void *unused)
{
    (void)unused;
    static const struct script_step steps[] = {TEXT("1234\r\n12345"), PAUSE, TEXT("\n123456"), END};
    struct script script;
    struct tug_buffered_reader buffered = over(&script, steps, 2);
    char *line;
    CHECK_EQUAL(tug_buffered_read_line(&buffered, 3, &line, NULL), -EMSGSIZE);
    CHECK_EQUAL(tug_buffered_read_line(&buffered, 4, &line, NULL), 1);
    CHECK(strcmp(line, "1234") == 0);
    CHECK_EQUAL(tug_buffered_read_line(&buffered, 4, &line, NULL), -EMSGSIZE);
    CHECK_EQUAL(tug_buffered_read_line(&buffered, 4, &line, NULL), -EMSGSIZE);
    CHECK_EQUAL(tug_buffered_read_line(&buffered, 5, &line, NULL), 1);
    CHECK(strcmp(line, "12345") == 0);
    CHECK_EQUAL(tug_buffered_read_line(&buffered, 5, &line, NULL), -EMSGSIZE);
    CHECK_EQUAL(tug_buffered_read_line(&buffered, SIZE_MAX, &line, NULL), 1);
    CHECK(strcmp(line, "123456") == 0);
    tug_buffered_reader_free(&buffered);
    return 0;
}

/* Without an end a line takes no more memory than its limit asks for. */
static int64_t an_endless_line_is_refused(void *unused)
{
    (void)unused;
    struct tug_repeat_reader endless;
    struct tug_buffered_reader buffered;
    char *line;
    tug_repeat_reader_init(&endless, 'x');
    CHECK_EQUAL(tug_buffered_reader_init(&buffered, &endless.reader, 0), 0);
    CHECK_EQUAL(tug_buffered_read_line(&buffered, 100000, &line, NULL), -EMSGSIZE);
    CHECK(buffered.capacity < 400000);
    tug_buffered_reader_free(&buffered);
#if TUG_FAULT_INJECTION
    CHECK_EQUAL(tug_buffered_reader_init(&buffered, &endless.reader, 10), 0);
    CHECK_EQUAL(tug_fault_fail("realloc", 1, 1, ENOMEM), 0);
    CHECK_EQUAL(tug_buffered_read_line(&buffered, 100, &line, NULL), -ENOMEM);
    tug_buffered_reader_free(&buffered);
    CHECK_EQUAL(tug_fault_fail("malloc", 1, 1, ENOMEM), 0);
    CHECK_EQUAL(tug_buffered_reader_init(&buffered, &endless.reader, 10), -ENOMEM);
    tug_fault_reset();
#endif
    CHECK_EQUAL(tug_buffered_reader_init(&buffered, &endless.reader, SIZE_MAX), -ENOMEM);
    return 0;
}

/* ---- Writing ---- */

static struct tug_buffered_writer under(struct script *script, const struct script_step *steps,
                                        size_t size)
{
    struct tug_buffered_writer buffered;
    script_init_vectored(script, steps);
    CHECK_EQUAL(tug_buffered_writer_init(&buffered, &script->writer, size), 0);
    return buffered;
}

static int64_t few_writes_for_many(void *unused)
{
    (void)unused;
    struct script script;
    struct tug_buffered_writer buffered = under(&script, nothing, 4);
    CHECK_EQUAL(tug_io_write(&buffered.writer, "ab", 2), 2);
    CHECK_EQUAL(tug_io_write(&buffered.writer, "cd", 2), 2);
    CHECK_EQUAL(script.writes, 0);
    CHECK_EQUAL(tug_buffered_writer_pending(&buffered), 4);
    CHECK_EQUAL(tug_io_write(&buffered.writer, "e", 1), 1);
    CHECK(script_wrote(&script, "abcd") && script.writes == 1);
    /* As large as the buffer: past it, after what is in it. */
    CHECK_EQUAL(tug_io_write(&buffered.writer, "fghi", 4), 4);
    CHECK(script_wrote(&script, "abcdefghi") && script.writes == 3);
    CHECK_EQUAL(script.flushes, 0);
    CHECK_EQUAL(tug_io_write(&buffered.writer, "j", 1), 1);
    CHECK_EQUAL(tug_io_flush(&buffered.writer), 0);
    CHECK(script_wrote(&script, "abcdefghij") && script.flushes == 1);
    CHECK_EQUAL(tug_io_write(&buffered.writer, "k", 1), 1);
    CHECK_EQUAL(tug_io_shutdown(&buffered.writer), 0);
    CHECK(script_wrote(&script, "abcdefghijk") && script.shutdowns == 1);
    tug_buffered_writer_free(&buffered);
    return 0;
}

static int64_t what_was_not_written_is_kept(void *unused)
{
    (void)unused;
    static const struct script_step steps[] = {TAKE(2),        BLOCK,   TAKE(1),
                                               ERROR(-ENOSPC), TAKE(0), END};
    struct script script;
    struct tug_buffered_writer buffered = under(&script, steps, 6);
    CHECK_EQUAL(tug_io_write(&buffered.writer, "abcdef", 5), 5);
    CHECK_EQUAL(TUG_TIMEOUT(TUG_MILLISECOND, tug_io_flush(&buffered.writer)), -ETIMEDOUT);
    CHECK_EQUAL(tug_buffered_writer_pending(&buffered), 3);
    /* A write that has to wait for room takes nothing. */
    CHECK_EQUAL(TUG_TIMEOUT(TUG_MILLISECOND, tug_io_write(&buffered.writer, "XY", 2)), -ETIMEDOUT);
    script_go_on(&script);
    CHECK_EQUAL(tug_io_flush(&buffered.writer), -ENOSPC);
    CHECK_EQUAL(tug_io_shutdown(&buffered.writer), -EIO);
    CHECK_EQUAL(tug_buffered_writer_pending(&buffered), 2);
    CHECK_EQUAL(script.shutdowns, 0);
    CHECK_EQUAL(tug_io_write(&buffered.writer, "fg", 2), 2);
    CHECK_EQUAL(tug_io_flush(&buffered.writer), 0);
    CHECK(script_wrote(&script, "abcdefg"));
    script.flush_error = -EIO;
    CHECK_EQUAL(tug_io_flush(&buffered.writer), -EIO);
    tug_buffered_writer_free(&buffered);
    return 0;
}

static int64_t several_buffers(void *unused)
{
    (void)unused;
    struct iovec small[] = {{"ab", 2}, {"", 0}, {"c", 1}};
    struct iovec large[] = {{"defg", 4}, {"hijk", 4}};
    struct script script;
    struct tug_buffered_writer buffered = under(&script, nothing, 8);
    CHECK_EQUAL(tug_io_write_vectored(&buffered.writer, small, 3), 3);
    CHECK_EQUAL(tug_io_write_vectored(&buffered.writer, small, 3), 3);
    CHECK_EQUAL(script.writes, 0);
    CHECK_EQUAL(tug_io_write_vectored(&buffered.writer, small, 3), 3);
    CHECK(script_wrote(&script, "abcabc") && script.vectored == 0);
    CHECK_EQUAL(tug_io_write_vectored(&buffered.writer, large, 2), 8);
    CHECK(script_wrote(&script, "abcabcabcdefghijk") && script.vectored == 1);
    CHECK_EQUAL(tug_io_write_vectored(&buffered.writer, NULL, 0), 0);
    tug_buffered_writer_free(&buffered);
#if TUG_FAULT_INJECTION
    CHECK_EQUAL(tug_fault_fail("malloc", 1, 1, ENOMEM), 0);
    CHECK_EQUAL(tug_buffered_writer_init(&buffered, &script.writer, 0), -ENOMEM);
    tug_fault_reset();
#endif
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_EACH(few_reads_for_many),  IN_EACH(a_look_ahead_takes_nothing),
        IN_EACH(read_until_a_byte),   IN_EACH(lines_of_all_kinds),
        IN_EACH(lines_have_a_limit),  IN_EACH(an_endless_line_is_refused),
        IN_EACH(few_writes_for_many), IN_EACH(what_was_not_written_is_kept),
        IN_EACH(several_buffers),
    };
    return cmocka_run_group_tests_name("io/buffered", tests, NULL, NULL);
}
