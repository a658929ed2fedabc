/* SPDX-License-Identifier: MIT */
/*
 * Copying from a reader to a writer: all bytes, in few and large writes, with a flush before every
 * wait, whatever stalls.
 */
#include "script.h"

#include <errno.h>

static const struct script_step nothing[] = {END};

/* What should have happened long ago. */
#define SOON(expression) TUG_TIMEOUT(30 * TUG_SECOND, expression)

static int64_t copies_and_flushes(void *unused)
{
    (void)unused;
    static const struct script_step steps[] = {TEXT("hello "), TEXT("world"), END};
    struct script from, to;
    script_init(&from, steps);
    script_init(&to, nothing);
    CHECK_EQUAL(tug_io_copy(&from.reader, &to.writer, NULL), 11);
    CHECK(script_wrote(&to, "hello world"));
    CHECK(to.flushes == 1 && to.unflushed == 0);
    CHECK_EQUAL(to.shutdowns, 0);
    /* Nothing to be flushed. */
    script_init(&to, nothing);
    CHECK_EQUAL(tug_io_copy(tug_io_empty(), &to.writer, NULL), 0);
    CHECK(to.flushes == 0 && to.writes == 0);
    return 0;
}

enum { MANY = 50000 };

/* From memory that is lent, or, through a reader that lends nothing, by a buffer. */
static void copy_all(const unsigned char *source, size_t buffer_size, bool lent)
{
    const struct tug_io_copy_options options = {.buffer_size = buffer_size};
    struct tug_bytes_reader reader;
    struct tug_take_reader take;
    struct tug_bytes_writer writer;
    tug_bytes_reader_init(&reader, source, MANY);
    tug_take_reader_init(&take, &reader.reader, MANY);
    tug_bytes_writer_init_growing(&writer, MANY);
    CHECK_EQUAL(tug_io_copy(lent ? &reader.reader : &take.reader, &writer.writer, &options), MANY);
    CHECK(writer.length == MANY && memcmp(writer.data, source, MANY) == 0);
    tug_bytes_writer_free(&writer);
}

static int64_t sizes_of_all_kinds(void *unused)
{
    (void)unused;
    unsigned char *source = malloc(MANY);
    for (size_t i = 0; i < MANY; i++)
        source[i] = (unsigned char)(i * 31 + i / 256);
    for (size_t size = 1; size <= 1 << 20; size = size * 5 + 2) {
        copy_all(source, size, true);
        copy_all(source, size, false);
    }
    free(source);
    return 0;
}

/* ---- The proxy: what waits for an answer must have been sent ---- */

struct answer {
    struct script *asked, *answering;
};

static int64_t answer(void *argument)
{
    struct answer *question = argument;
    AWAIT(script_wrote(question->asked, "ping"));
    script_go_on(question->answering);
    return 0;
}

static int64_t proxy(void *unused)
{
    (void)unused;
    static const struct script_step steps[] = {TEXT("ping"), BLOCK, TEXT("thanks"), END};
    struct script from, to;
    struct tug_buffered_writer buffered;
    script_init(&from, steps);
    script_init(&to, nothing);
    CHECK_EQUAL(tug_buffered_writer_init(&buffered, &to.writer, 0), 0);
    struct answer question = {&to, &from};
    struct tug_task *task = fixture_spawn(answer, &question);
    CHECK_EQUAL(SOON(tug_io_copy(&from.reader, &buffered.writer, NULL)), 10);
    CHECK_EQUAL(fixture_join(task), 0);
    CHECK(script_wrote(&to, "pingthanks"));
    CHECK_EQUAL(to.flushes, 2);
    tug_buffered_writer_free(&buffered);
    return 0;
}

static int64_t no_flush_while_there_is_something_to_read(void *unused)
{
    (void)unused;
    static const struct script_step steps[] = {TEXT("a"), TEXT("b"), PAUSE, TEXT("c"), END};
    struct script from, to;
    script_init(&from, steps);
    script_init(&to, nothing);
    CHECK_EQUAL(tug_io_copy(&from.reader, &to.writer, NULL), 3);
    CHECK_EQUAL(to.flushes, 2); /* before the pause, and at the end */
    return 0;
}

/* ---- Reading goes on while the writer stalls ---- */

static int64_t a_stalled_writer_gets_one_large_write(void *unused)
{
    (void)unused;
    static const struct script_step reads[] = {TEXT("abc"), TEXT("def"), BLOCK,
                                               TEXT("ghi"), TEXT("jkl"), END};
    static const struct script_step writes[] = {BLOCK, END};
    struct script from, to;
    struct tug_io_copy copy;
    struct script_waker counters;
    struct tug_waker waker = script_waker(&counters);
    script_init(&from, reads);
    script_init(&to, writes);
    CHECK_EQUAL(tug_io_copy_init(&copy, &from.reader, &to.writer, NULL), 0);
    CHECK_EQUAL(tug_io_copy_poll(&copy, &waker), TUG_IO_PENDING);
    /* Both will wake: the reader is not forgotten. */
    CHECK(from.blocked && to.blocked);
    script_go_on(&from);
    CHECK_EQUAL(counters.wakes, 1);
    CHECK_EQUAL(tug_io_copy_poll(&copy, &waker), TUG_IO_PENDING);
    CHECK(from.step->kind == SCRIPT_END && to.writes == 0);
    script_go_on(&to);
    CHECK_EQUAL(tug_io_copy_poll(&copy, &waker), 12);
    CHECK(script_wrote(&to, "abcdefghijkl") && to.writes == 1);
    CHECK_EQUAL(counters.clones, counters.drops);
    tug_io_copy_free(&copy);
    return 0;
}

static int64_t a_full_buffer_is_not_filled(void *unused)
{
    (void)unused;
    static const struct script_step reads[] = {TEXT("abcdef"), END};
    static const struct script_step writes[] = {TAKE(1), BLOCK, END};
    const struct tug_io_copy_options options = {.buffer_size = 4};
    struct script from, to;
    struct tug_io_copy copy;
    struct script_waker counters;
    struct tug_waker waker = script_waker(&counters);
    script_init(&from, reads);
    script_init(&to, writes);
    CHECK_EQUAL(tug_io_copy_init(&copy, &from.reader, &to.writer, &options), 0);
    CHECK_EQUAL(tug_io_copy_poll(&copy, &waker), TUG_IO_PENDING);
    CHECK_EQUAL(from.offset, 4);
    CHECK_EQUAL(copy.copied, 1);
    script_go_on(&to);
    CHECK_EQUAL(tug_io_copy_poll(&copy, &waker), 6);
    CHECK(script_wrote(&to, "abcdef"));
    tug_io_copy_free(&copy);
    return 0;
}

/* ---- Fairness, progress ---- */

/* A reader and a writer that never heard of the budget. */
static int64_t always_read(struct tug_reader *reader, const struct tug_waker *waker, void *buffer,
                           size_t size)
{
    (void)reader, (void)waker, (void)buffer;
    return size > 10 ? 10 : (int64_t)size;
}

static int64_t always_write(struct tug_writer *writer, const struct tug_waker *waker,
                            const void *buffer, size_t size)
{
    (void)writer, (void)waker, (void)buffer;
    return (int64_t)size;
}

static int64_t copy_without_end(void *unused)
{
    static const struct tug_reader_vtable reading = {.poll_read = always_read};
    static const struct tug_writer_vtable writing = {.poll_write = always_write};
    struct tug_reader reader = {&reading};
    struct tug_writer writer = {&writing};
    (void)unused;
    return tug_io_copy(&reader, &writer, NULL);
}

static int64_t copy_is_cooperative(void *unused)
{
    (void)unused;
    struct tug_task *task = fixture_spawn(copy_without_end, NULL);
    for (int i = 0; i < 10; i++)
        CHECK_EQUAL(tug_yield(), 0);
    tug_task_abort(task);
    CHECK_EQUAL(fixture_join(task), -ECANCELED);
    return 0;
}

static void note_progress(void *argument, int direction, uint64_t copied)
{
    uint64_t *noted = argument;
    CHECK_EQUAL(direction, 0);
    CHECK(copied > noted[0]);
    noted[0] = copied;
    noted[1]++;
}

static int64_t progress_is_told(void *unused)
{
    (void)unused;
    static const struct script_step reads[] = {TEXT("abcdefgh"), PAUSE, TEXT("ij"), END};
    static const struct script_step writes[] = {TAKE(3), END};
    uint64_t noted[2] = {0, 0};
    const struct tug_io_copy_options options = {.progress = note_progress, .argument = noted};
    struct script from, to;
    script_init(&from, reads);
    script_init(&to, writes);
    CHECK_EQUAL(tug_io_copy(&from.reader, &to.writer, &options), 10);
    CHECK(noted[0] == 10 && noted[1] == 3);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_EACH(copies_and_flushes),
        IN_EACH(sizes_of_all_kinds),
        IN_EACH(proxy),
        IN_EACH(no_flush_while_there_is_something_to_read),
        IN_EACH(a_stalled_writer_gets_one_large_write),
        IN_EACH(a_full_buffer_is_not_filled),
        IN_EACH(copy_is_cooperative),
        IN_EACH(progress_is_told),
    };
    return cmocka_run_group_tests_name("io/copy", tests, NULL, NULL);
}
