/* SPDX-License-Identifier: MIT */
/*
 * Readers made of readers, and objects in two halves.
 */
#include "script.h"

#include <errno.h>

#include "sys/fault.h"

static int64_t take_reads_no_further(void *unused)
{
    (void)unused;
    static const struct script_step steps[] = {TEXT("hello"), PAUSE, TEXT("world"), END};
    struct script script;
    struct tug_take_reader take;
    char buffer[16];
    script_init(&script, steps);
    tug_take_reader_init(&take, &script.reader, 7);
    CHECK_EQUAL(tug_io_read_exact(&take.reader, buffer, 16), 7);
    CHECK(memcmp(buffer, "hellowo", 7) == 0);
    unsigned polls = script.polls;
    CHECK_EQUAL(tug_io_read(&take.reader, buffer, 16), 0);
    CHECK_EQUAL(script.polls, polls);
    take.left = 100;
    CHECK_EQUAL(tug_io_read(&take.reader, buffer, 16), 3);
    CHECK_EQUAL(tug_io_read(&take.reader, buffer, 16), 0);
    CHECK_EQUAL(take.left, 97);
    return 0;
}

static int64_t take_passes_errors_on(void *unused)
{
    (void)unused;
    static const struct script_step steps[] = {ERROR(-EIO), TEXT("ab"), END};
    struct script script;
    struct tug_take_reader take;
    char buffer[4];
    script_init(&script, steps);
    tug_take_reader_init(&take, &script.reader, 2);
    CHECK_EQUAL(tug_io_read(&take.reader, buffer, 4), -EIO);
    CHECK_EQUAL(take.left, 2);
    CHECK_EQUAL(tug_io_read(&take.reader, buffer, 4), 2);
    return 0;
}

static int64_t chain_reads_one_after_the_other(void *unused)
{
    (void)unused;
    static const struct script_step one[] = {TEXT("hello "), PAUSE, END};
    static const struct script_step two[] = {PAUSE, TEXT("world"), ERROR(-EIO), END};
    struct script first, second;
    struct tug_chain_reader chain;
    char buffer[16];
    script_init(&first, one);
    script_init(&second, two);
    tug_chain_reader_init(&chain, &first.reader, &second.reader);
    CHECK_EQUAL(tug_io_read(&chain.reader, buffer, 0), 0);
    CHECK_EQUAL(tug_io_read_exact(&chain.reader, buffer, 11), 11);
    CHECK(memcmp(buffer, "hello world", 11) == 0);
    CHECK(chain.first == NULL);
    CHECK_EQUAL(tug_io_read(&chain.reader, buffer, 16), -EIO);
    CHECK_EQUAL(tug_io_read(&chain.reader, buffer, 16), 0);
    return 0;
}

/* ---- Halves ---- */

static void count_end(void *object)
{
    __atomic_add_fetch((unsigned *)object, 1, __ATOMIC_SEQ_CST);
}

static int64_t the_object_ends_with_the_second_half(void *unused)
{
    (void)unused;
    struct tug_read_half *read_half;
    struct tug_write_half *write_half;
    for (int order = 0; order < 2; order++) {
        unsigned ends = 0;
        char byte;
        CHECK_EQUAL(
            tug_split(&read_half, &write_half, tug_io_empty(), tug_io_sink(), count_end, &ends), 0);
        CHECK_EQUAL(tug_io_read(read_half->reader, &byte, 1), 0);
        CHECK_EQUAL(tug_io_write(write_half->writer, "x", 1), 1);
        if (order == 0)
            tug_read_half_drop(read_half);
        else
            tug_write_half_drop(write_half);
        CHECK_EQUAL(ends, 0);
        if (order == 0)
            tug_write_half_drop(write_half);
        else
            tug_read_half_drop(read_half);
        CHECK_EQUAL(ends, 1);
    }
    CHECK_EQUAL(tug_split(&read_half, &write_half, NULL, NULL, NULL, NULL), 0);
    tug_read_half_drop(read_half);
    tug_write_half_drop(write_half);
    return 0;
}

static int64_t halves_are_put_together_again(void *unused)
{
    (void)unused;
    struct tug_read_half *read_halves[2];
    struct tug_write_half *write_halves[2];
    unsigned ends = 0;
    for (int i = 0; i < 2; i++)
        CHECK_EQUAL(tug_split(&read_halves[i], &write_halves[i], tug_io_empty(), tug_io_sink(),
                              count_end, &ends),
                    0);
    CHECK_EQUAL(tug_reunite(read_halves[0], write_halves[1]), -EINVAL);
    CHECK_EQUAL(tug_reunite(read_halves[0], write_halves[0]), 0);
    CHECK_EQUAL(tug_reunite(read_halves[1], write_halves[1]), 0);
    CHECK_EQUAL(ends, 0);
#if TUG_FAULT_INJECTION
    CHECK_EQUAL(tug_fault_fail("malloc", 1, 1, ENOMEM), 0);
    CHECK_EQUAL(tug_split(&read_halves[0], &write_halves[0], NULL, NULL, NULL, NULL), -ENOMEM);
    tug_fault_reset();
#endif
    return 0;
}

/* Two tasks that own a half each, on any workers. */
static int64_t read_all(void *argument)
{
    struct tug_read_half *half = argument;
    void *data;
    int64_t length = tug_io_read_to_end(half->reader, &data, 1000);
    tug_read_half_drop(half);
    if (length >= 0)
        free(data);
    return length;
}

static int64_t write_some(void *argument)
{
    struct tug_write_half *half = argument;
    int64_t result = tug_io_write_all(half->writer, "0123456789", 10);
    CHECK_EQUAL(tug_io_shutdown(half->writer), 0);
    tug_write_half_drop(half);
    return result;
}

static void destroy_end(void *end)
{
    tug_duplex_destroy(end);
}

static int64_t each_task_has_its_half(void *unused)
{
    (void)unused;
    struct tug_duplex *ends[2];
    struct tug_task *tasks[4];
    CHECK_EQUAL(tug_duplex_create(ends, 3), 0);
    for (int i = 0; i < 2; i++) {
        struct tug_read_half *read_half;
        struct tug_write_half *write_half;
        CHECK_EQUAL(tug_split(&read_half, &write_half, &ends[i]->reader, &ends[i]->writer,
                              destroy_end, ends[i]),
                    0);
        tasks[2 * i] = fixture_spawn(read_all, read_half);
        tasks[2 * i + 1] = fixture_spawn(write_some, write_half);
    }
    for (int i = 0; i < 4; i++)
        CHECK_EQUAL(fixture_join(tasks[i]), 10);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_EACH(take_reads_no_further),           IN_EACH(take_passes_errors_on),
        IN_EACH(chain_reads_one_after_the_other), IN_EACH(the_object_ends_with_the_second_half),
        IN_EACH(halves_are_put_together_again),   IN_EACH(each_task_has_its_half),
    };
    return cmocka_run_group_tests_name("io/combine", tests, NULL, NULL);
}
