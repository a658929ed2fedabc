/* SPDX-License-Identifier: MIT */
/*
 * The pipe in memory: its capacity, its ends, and the wakes between them on several workers.
 */
#include "script.h"

#include <errno.h>

#include "sys/fault.h"

struct pair {
    struct tug_duplex *ends[2];
};

static struct pair make(size_t capacity)
{
    struct pair pair;
    CHECK_EQUAL(tug_duplex_create(pair.ends, capacity), 0);
    return pair;
}

static void destroy(struct pair *pair)
{
    tug_duplex_destroy(pair->ends[0]);
    tug_duplex_destroy(pair->ends[1]);
}

static int64_t ping_pong(void *unused)
{
    (void)unused;
    struct pair pair = make(64);
    char buffer[8];
    CHECK_EQUAL(tug_io_write_all(&pair.ends[0]->writer, "ping", 4), 4);
    CHECK_EQUAL(tug_io_read(&pair.ends[1]->reader, buffer, 8), 4);
    CHECK(memcmp(buffer, "ping", 4) == 0);
    CHECK_EQUAL(tug_io_write_all(&pair.ends[1]->writer, "pong", 4), 4);
    CHECK_EQUAL(tug_io_read(&pair.ends[0]->reader, buffer, 8), 4);
    CHECK(memcmp(buffer, "pong", 4) == 0);
    CHECK_EQUAL(tug_io_read(&pair.ends[0]->reader, buffer, 0), 0);
    CHECK_EQUAL(tug_io_write(&pair.ends[0]->writer, buffer, 0), 0);
    destroy(&pair);
    return 0;
}

static int64_t a_full_pipe_makes_the_writer_wait(void *unused)
{
    (void)unused;
    struct pair pair = make(4);
    char buffer[8];
    CHECK_EQUAL(tug_io_write(&pair.ends[0]->writer, "abcdef", 6), 4);
    CHECK_EQUAL(TUG_TIMEOUT(TUG_MILLISECOND, tug_io_write(&pair.ends[0]->writer, "x", 1)),
                -ETIMEDOUT);
    CHECK_EQUAL(tug_io_read(&pair.ends[1]->reader, buffer, 3), 3);
    CHECK_EQUAL(tug_io_write(&pair.ends[0]->writer, "efgh", 4), 3);
    /* Around the end of the ring. */
    CHECK_EQUAL(tug_io_read_exact(&pair.ends[1]->reader, buffer, 4), 4);
    CHECK(memcmp(buffer, "defg", 4) == 0);
    CHECK_EQUAL(TUG_TIMEOUT(TUG_MILLISECOND, tug_io_read(&pair.ends[1]->reader, buffer, 1)),
                -ETIMEDOUT);
    destroy(&pair);
    return 0;
}

static int64_t a_shutdown_ends_one_direction(void *unused)
{
    (void)unused;
    struct pair pair = make(16);
    char buffer[8];
    CHECK_EQUAL(tug_io_write_all(&pair.ends[0]->writer, "last", 4), 4);
    CHECK_EQUAL(tug_io_shutdown(&pair.ends[0]->writer), 0);
    CHECK_EQUAL(tug_io_shutdown(&pair.ends[0]->writer), 0);
    CHECK_EQUAL(tug_io_write(&pair.ends[0]->writer, "x", 1), -EPIPE);
    CHECK_EQUAL(tug_io_read(&pair.ends[1]->reader, buffer, 8), 4);
    CHECK_EQUAL(tug_io_read(&pair.ends[1]->reader, buffer, 8), 0);
    CHECK_EQUAL(tug_io_write_all(&pair.ends[1]->writer, "back", 4), 4);
    CHECK_EQUAL(tug_io_read(&pair.ends[0]->reader, buffer, 8), 4);
    destroy(&pair);
    return 0;
}

static int64_t what_was_written_outlives_its_end(void *unused)
{
    (void)unused;
    struct pair pair = make(16);
    char buffer[8];
    CHECK_EQUAL(tug_io_write_all(&pair.ends[0]->writer, "left", 4), 4);
    tug_duplex_destroy(pair.ends[0]);
    CHECK_EQUAL(tug_io_write(&pair.ends[1]->writer, "x", 1), -EPIPE);
    CHECK_EQUAL(tug_io_read(&pair.ends[1]->reader, buffer, 8), 4);
    CHECK_EQUAL(tug_io_read(&pair.ends[1]->reader, buffer, 8), 0);
    tug_duplex_destroy(pair.ends[1]);
    return 0;
}

static int64_t destroy_later(void *end)
{
    CHECK_EQUAL(tug_sleep(2 * TUG_MILLISECOND), 0);
    tug_duplex_destroy(end);
    return 0;
}

static int64_t who_waits_is_told_of_the_end(void *unused)
{
    (void)unused;
    char buffer[8];
    struct pair pair = make(2);
    struct tug_task *task = fixture_spawn(destroy_later, pair.ends[1]);
    CHECK_EQUAL(tug_io_read(&pair.ends[0]->reader, buffer, 8), 0);
    CHECK_EQUAL(fixture_join(task), 0);
    tug_duplex_destroy(pair.ends[0]);

    pair = make(2);
    task = fixture_spawn(destroy_later, pair.ends[1]);
    CHECK_EQUAL(tug_io_write_all(&pair.ends[0]->writer, "12345", 5), -EPIPE);
    CHECK_EQUAL(fixture_join(task), 0);
    tug_duplex_destroy(pair.ends[0]);
    return 0;
}

static int64_t what_cannot_be_made(void *unused)
{
    (void)unused;
    struct tug_duplex *ends[2];
    CHECK_EQUAL(tug_duplex_create(ends, 0), -EINVAL);
    CHECK_EQUAL(tug_duplex_create(ends, SIZE_MAX / 2), -ENOMEM);
#if TUG_FAULT_INJECTION
    CHECK_EQUAL(tug_fault_fail("malloc", 1, 1, ENOMEM), 0);
    CHECK_EQUAL(tug_duplex_create(ends, 10), -ENOMEM);
    tug_fault_reset();
#endif
    return 0;
}

/* ---- Many bytes, both ways at once, in odd pieces ---- */

enum { MANY = 200000 };

static unsigned char byte_at(size_t position)
{
    return (unsigned char)(position * 31 + position / 256);
}

static int64_t send_many(void *writer)
{
    unsigned char piece[257];
    for (size_t sent = 0; sent < MANY;) {
        size_t n = 1 + sent * 7 % sizeof(piece);
        if (n > MANY - sent)
            n = MANY - sent;
        for (size_t i = 0; i < n; i++)
            piece[i] = byte_at(sent + i);
        CHECK_EQUAL(tug_io_write_all(writer, piece, n), n);
        sent += n;
    }
    return tug_io_shutdown(writer);
}

/* Gives up again and again, which must not lose a byte. */
static int64_t receive_many(void *reader)
{
    unsigned char piece[199];
    size_t received = 0;
    for (;;) {
        size_t size = 1 + received * 13 % sizeof(piece);
        int64_t n = TUG_TIMEOUT(TUG_MILLISECOND, tug_io_read(reader, piece, size));
        if (n == -ETIMEDOUT)
            continue;
        CHECK(n >= 0);
        if (n == 0)
            break;
        for (int64_t i = 0; i < n; i++)
            CHECK_EQUAL(piece[i], byte_at(received + (size_t)i));
        received += (size_t)n;
    }
    CHECK_EQUAL(received, MANY);
    return 0;
}

static int64_t both_ways_at_once(void *unused)
{
    (void)unused;
    struct pair pair = make(100);
    struct tug_task *tasks[4];
    for (int i = 0; i < 2; i++) {
        tasks[2 * i] = fixture_spawn(send_many, &pair.ends[i]->writer);
        tasks[2 * i + 1] = fixture_spawn(receive_many, &pair.ends[i]->reader);
    }
    for (int i = 0; i < 4; i++)
        CHECK_EQUAL(fixture_join(tasks[i]), 0);
    destroy(&pair);
    return 0;
}

/* Each waker that was cloned is dropped or woken once. */
static int64_t wakers_are_accounted_for(void *unused)
{
    (void)unused;
    struct pair pair = make(1);
    struct script_waker one, two;
    struct tug_waker first = script_waker(&one), second = script_waker(&two);
    char byte;
    CHECK_EQUAL(tug_reader_poll(&pair.ends[0]->reader, &first, &byte, 1), TUG_IO_PENDING);
    CHECK_EQUAL(tug_reader_poll(&pair.ends[0]->reader, &first, &byte, 1), TUG_IO_PENDING);
    CHECK_EQUAL(one.clones, 1);
    CHECK_EQUAL(tug_reader_poll(&pair.ends[0]->reader, &second, &byte, 1), TUG_IO_PENDING);
    CHECK(one.drops == 1 && one.wakes == 0 && two.clones == 1);
    CHECK_EQUAL(tug_io_write(&pair.ends[1]->writer, "a", 1), 1);
    CHECK(two.wakes == 1 && two.drops == 1);
    CHECK_EQUAL(tug_writer_poll(&pair.ends[1]->writer, &first, "b", 1), TUG_IO_PENDING);
    tug_duplex_destroy(pair.ends[1]);
    CHECK(one.drops == 2 && one.clones == 2 && one.wakes == 0);
    tug_duplex_destroy(pair.ends[0]);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_EACH(ping_pong),
        IN_EACH(a_full_pipe_makes_the_writer_wait),
        IN_EACH(a_shutdown_ends_one_direction),
        IN_EACH(what_was_written_outlives_its_end),
        IN_EACH(who_waits_is_told_of_the_end),
        IN_EACH(what_cannot_be_made),
        IN_EACH(both_ways_at_once),
        IN_EACH(wakers_are_accounted_for),
    };
    return cmocka_run_group_tests_name("io/duplex", tests, NULL, NULL);
}
