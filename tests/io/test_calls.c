/* SPDX-License-Identifier: MIT */
/*
 * The calls of <tug/io.h> over readers and writers that follow a script, and those of
 * <tug/bytes.h>.
 */
#include "script.h"

#include <errno.h>
#include <sys/uio.h>

#include "sys/fault.h"

static const struct script_step nothing[] = {END};

/* ---- Reading ---- */

static int64_t reads_what_there_is(void *unused)
{
    (void)unused;
    static const struct script_step steps[] = {PAUSE, TEXT("hello"), TEXT("world"), END};
    struct script script;
    char buffer[8];
    script_init(&script, steps);
    CHECK_EQUAL(tug_io_read(&script.reader, buffer, 3), 3);
    CHECK_EQUAL(tug_io_read(&script.reader, buffer, sizeof(buffer)), 2);
    CHECK(memcmp(buffer, "lo", 2) == 0);
    CHECK_EQUAL(tug_io_read(&script.reader, buffer, sizeof(buffer)), 5);
    CHECK_EQUAL(tug_io_read(&script.reader, buffer, sizeof(buffer)), 0);
    CHECK_EQUAL(script.polls, 5);
    return 0;
}

static int64_t read_exact_goes_on_to_the_end(void *unused)
{
    (void)unused;
    static const struct script_step steps[] = {TEXT("ab"), PAUSE, TEXT("cd"), TEXT("e"), END};
    static const struct script_step failing[] = {TEXT("ab"), ERROR(-EIO), END};
    struct script script;
    char buffer[8];
    script_init(&script, steps);
    CHECK_EQUAL(tug_io_read_exact(&script.reader, buffer, 3), 3);
    CHECK(memcmp(buffer, "abc", 3) == 0);
    CHECK_EQUAL(tug_io_read_exact(&script.reader, buffer, 3), 2);
    CHECK(memcmp(buffer, "de", 2) == 0);
    CHECK_EQUAL(tug_io_read_exact(&script.reader, buffer, 0), 0);
    script_init(&script, failing);
    CHECK_EQUAL(tug_io_read_exact(&script.reader, buffer, 3), -EIO);
    return 0;
}

static int64_t read_to_end_has_a_limit(void *unused)
{
    (void)unused;
    enum { LENGTH = 100000 };
    struct tug_bytes_reader reader;
    unsigned char *source = malloc(LENGTH);
    for (int i = 0; i < LENGTH; i++)
        source[i] = (unsigned char)(i * 7);
    void *data = NULL;
    tug_bytes_reader_init(&reader, source, LENGTH);
    CHECK_EQUAL(tug_io_read_to_end(&reader.reader, &data, SIZE_MAX), LENGTH);
    CHECK(memcmp(data, source, LENGTH) == 0);
    CHECK_EQUAL(((char *)data)[LENGTH], 0);
    free(data);
    tug_bytes_reader_init(&reader, source, LENGTH);
    CHECK_EQUAL(tug_io_read_to_end(&reader.reader, &data, LENGTH), LENGTH);
    free(data);
    tug_bytes_reader_init(&reader, source, LENGTH);
    CHECK_EQUAL(tug_io_read_to_end(&reader.reader, &data, LENGTH - 1), -EFBIG);
    tug_bytes_reader_init(&reader, source, LENGTH);
    CHECK_EQUAL(tug_io_read_to_end(&reader.reader, &data, 0), -EFBIG);
    CHECK_EQUAL(tug_io_read_to_end(tug_io_empty(), &data, 0), 0);
    CHECK_EQUAL(*(char *)data, 0);
    free(data);
    free(source);
    return 0;
}

static int64_t read_to_end_frees_what_it_lost(void *unused)
{
    (void)unused;
    static const struct script_step failing[] = {TEXT("ab"), ERROR(-EIO), END};
    struct script script;
    void *data = &script;
    script_init(&script, failing);
    CHECK_EQUAL(tug_io_read_to_end(&script.reader, &data, 100), -EIO);
    CHECK(data == &script);
#if TUG_FAULT_INJECTION
    CHECK_EQUAL(tug_fault_fail("realloc", 1, 1, ENOMEM), 0);
    CHECK_EQUAL(tug_io_read_to_end(tug_io_empty(), &data, 100), -ENOMEM);
    tug_fault_reset();
#endif
    return 0;
}

/* ---- Writing ---- */

static int64_t write_all_goes_on(void *unused)
{
    (void)unused;
    static const struct script_step steps[] = {TAKE(2), PAUSE, TAKE(3), END};
    static const struct script_step stuck[] = {TAKE(2), TAKE(0), END};
    static const struct script_step failing[] = {TAKE(1), ERROR(-ENOSPC), END};
    struct script script;
    script_init(&script, steps);
    CHECK_EQUAL(tug_io_write_all(&script.writer, "0123456789", 10), 10);
    CHECK(script_wrote(&script, "0123456789"));
    CHECK_EQUAL(script.writes, 3);
    script_init(&script, stuck);
    CHECK_EQUAL(tug_io_write_all(&script.writer, "0123456789", 10), -EIO);
    script_init(&script, failing);
    CHECK_EQUAL(tug_io_write_all(&script.writer, "0123456789", 10), -ENOSPC);
    CHECK_EQUAL(tug_io_write_all(&script.writer, NULL, 0), 0);
    return 0;
}

static int64_t several_buffers_in_one_write(void *unused)
{
    (void)unused;
    struct iovec vector[] = {{"", 0}, {"abc", 3}, {"", 0}, {"def", 3}};
    struct script script;
    script_init_vectored(&script, nothing);
    CHECK_EQUAL(tug_io_write_vectored(&script.writer, vector, 4), 6);
    CHECK(script_wrote(&script, "abcdef"));
    CHECK_EQUAL(script.vectored, 1);
    script_init(&script, nothing);
    CHECK_EQUAL(tug_io_write_vectored(&script.writer, vector, 4), 3);
    CHECK(script_wrote(&script, "abc"));
    CHECK_EQUAL(tug_io_write_vectored(&script.writer, vector, 1), 0);
    CHECK_EQUAL(tug_io_write_vectored(&script.writer, NULL, 0), 0);
    return 0;
}

static int64_t what_a_vtable_lacks_does_nothing(void *unused)
{
    (void)unused;
    struct script script;
    script_init(&script, nothing);
    CHECK_EQUAL(tug_io_flush(&script.writer), 0);
    CHECK_EQUAL(tug_io_shutdown(&script.writer), 0);
    CHECK(script.flushes == 1 && script.shutdowns == 1);
    CHECK_EQUAL(tug_io_flush(tug_io_sink()), 0);
    CHECK_EQUAL(tug_io_shutdown(tug_io_sink()), 0);
    /* Without a shutdown of its own a writer is flushed. */
    struct tug_writer_vtable flush_only = {script.writer.vtable->poll_write, NULL,
                                           script.writer.vtable->poll_flush, NULL};
    script.writer.vtable = &flush_only;
    script.flush_error = -EIO;
    CHECK_EQUAL(tug_io_shutdown(&script.writer), -EIO);
    CHECK_EQUAL(script.flushes, 2);
    return 0;
}

/* ---- Waiting ---- */

static int64_t go_on_later(void *script)
{
    CHECK_EQUAL(tug_sleep(2 * TUG_MILLISECOND), 0);
    script_go_on(script);
    return 0;
}

static int64_t a_cancelled_call_moved_nothing(void *unused)
{
    (void)unused;
    static const struct script_step steps[] = {BLOCK, TEXT("late"), END};
    struct script script;
    char buffer[8];
    script_init(&script, steps);
    CHECK_EQUAL(TUG_TIMEOUT(TUG_MILLISECOND, tug_io_read(&script.reader, buffer, 8)), -ETIMEDOUT);
    struct tug_task *task = fixture_spawn(go_on_later, &script);
    CHECK_EQUAL(tug_io_read(&script.reader, buffer, 8), 4);
    CHECK_EQUAL(fixture_join(task), 0);
    script_init(&script, steps);
    CHECK_EQUAL(TUG_TIMEOUT(TUG_MILLISECOND, tug_io_write(&script.writer, "x", 1)), -ETIMEDOUT);
    CHECK_EQUAL(script.length, 0);
    script_go_on(&script);
    return 0;
}

static int64_t a_loser_of_select_moved_nothing(void *unused)
{
    (void)unused;
    static const struct script_step blocked[] = {BLOCK, TEXT("second"), END};
    static const struct script_step ready[] = {PAUSE, TEXT("first"), END};
    struct script one, two;
    char buffers[2][8];
    script_init(&one, blocked);
    script_init(&two, ready);
    struct tug_io_future reads[2];
    tug_io_read_init(&reads[0], &one.reader, buffers[0], 8);
    tug_io_read_init(&reads[1], &two.reader, buffers[1], 8);
    struct tug_future *futures[] = {&reads[0].future, &reads[1].future};
    CHECK_EQUAL(tug_select_biased(futures, 2), 1);
    CHECK_EQUAL(reads[1].future.result, 5);
    CHECK_EQUAL(reads[0].future.result, -ECANCELED);
    script_go_on(&one);
    CHECK_EQUAL(tug_io_read(&one.reader, buffers[0], 8), 6);
    return 0;
}

static void a_thread_without_a_coroutine_is_told(void **state)
{
    (void)state;
    char byte;
    assert_int_equal(tug_io_read(tug_io_empty(), &byte, 1), -EPERM);
    assert_int_equal(tug_io_flush(tug_io_sink()), -EPERM);
}

/* ---- Memory ---- */

static int64_t a_block_of_memory_is_filled(void *unused)
{
    (void)unused;
    char block[6];
    struct tug_bytes_writer writer;
    tug_bytes_writer_init(&writer, block, sizeof(block));
    CHECK_EQUAL(tug_io_write(&writer.writer, "abcd", 4), 4);
    CHECK_EQUAL(tug_io_write(&writer.writer, "efgh", 4), 2);
    CHECK_EQUAL(tug_io_write(&writer.writer, "gh", 2), -ENOSPC);
    CHECK_EQUAL(tug_io_write(&writer.writer, "", 0), 0);
    CHECK(memcmp(block, "abcdef", 6) == 0);
    tug_bytes_writer_free(&writer); /* the block is ours */
    return 0;
}

static int64_t a_growing_block_has_a_limit(void *unused)
{
    (void)unused;
    char piece[700];
    memset(piece, 'x', sizeof(piece));
    struct tug_bytes_writer writer;
    tug_bytes_writer_init_growing(&writer, 10000);
    for (int i = 0; i < 14; i++)
        CHECK_EQUAL(tug_io_write_all(&writer.writer, piece, 700), 700);
    CHECK_EQUAL(tug_io_write(&writer.writer, piece, 700), 200);
    CHECK_EQUAL(tug_io_write(&writer.writer, piece, 700), -ENOSPC);
    CHECK_EQUAL(writer.length, 10000);
    CHECK_EQUAL(writer.capacity, 10000);
#if TUG_FAULT_INJECTION
    tug_bytes_writer_free(&writer);
    CHECK_EQUAL(tug_fault_fail("realloc", 1, 1, ENOMEM), 0);
    CHECK_EQUAL(tug_io_write(&writer.writer, piece, 700), -ENOMEM);
    tug_fault_reset();
    CHECK_EQUAL(tug_io_write(&writer.writer, piece, 700), 700);
#endif
    tug_bytes_writer_free(&writer);
    return 0;
}

static int64_t set_flag(void *flag)
{
    __atomic_store_n((bool *)flag, true, __ATOMIC_RELAXED);
    return 0;
}

/* A loop over what is always ready gives way to others. */
static int64_t memory_is_cooperative(void *unused)
{
    (void)unused;
    bool others_ran[3] = {false, false, false};
    struct tug_repeat_reader zeroes;
    struct tug_bytes_reader bytes;
    char buffer[4];
    tug_repeat_reader_init(&zeroes, 'z');
    tug_bytes_reader_init(&bytes, "", 0);
    struct tug_reader *readers[] = {&zeroes.reader, &bytes.reader, tug_io_empty()};
    for (int i = 0; i < 3; i++) {
        struct tug_task *task = fixture_spawn(set_flag, &others_ran[i]);
        int reads = 0;
        while (!__atomic_load_n(&others_ran[i], __ATOMIC_RELAXED) && reads < 1000000) {
            CHECK_EQUAL(tug_io_read(readers[i], buffer, 4), i == 0 ? 4 : 0);
            reads++;
        }
        CHECK(reads < 1000000);
        CHECK_EQUAL(fixture_join(task), 0);
    }
    CHECK(memcmp(buffer, "zzzz", 4) == 0);
    bool ran = false;
    struct tug_task *task = fixture_spawn(set_flag, &ran);
    for (int writes = 0; !__atomic_load_n(&ran, __ATOMIC_RELAXED); writes++) {
        CHECK_EQUAL(tug_io_write(tug_io_sink(), buffer, 4), 4);
        CHECK(writes < 1000000);
    }
    CHECK_EQUAL(fixture_join(task), 0);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_EACH(reads_what_there_is),
        IN_EACH(read_exact_goes_on_to_the_end),
        IN_EACH(read_to_end_has_a_limit),
        IN_EACH(read_to_end_frees_what_it_lost),
        IN_EACH(write_all_goes_on),
        IN_EACH(several_buffers_in_one_write),
        IN_EACH(what_a_vtable_lacks_does_nothing),
        IN_EACH(a_cancelled_call_moved_nothing),
        IN_EACH(a_loser_of_select_moved_nothing),
        cmocka_unit_test(a_thread_without_a_coroutine_is_told),
        IN_EACH(a_block_of_memory_is_filled),
        IN_EACH(a_growing_block_has_a_limit),
        IN_CURRENT_THREAD(memory_is_cooperative),
    };
    return cmocka_run_group_tests_name("io/calls", tests, NULL, NULL);
}
