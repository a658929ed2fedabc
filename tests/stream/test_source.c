/* SPDX-License-Identifier: MIT */
/*
 * Where streams come from: arrays, intervals, channels, lines, generators.
 */
#include <errno.h>

#include "script.h"
#include "sys/fault.h"

#define MS TUG_MILLISECOND

/* ---- Arrays ---- */

static int64_t arrays(void *unused)
{
    (void)unused;
    struct tug_stream_items source;
    struct token tokens[3] = {token_make(1), token_make(2), token_make(3)};
    struct tug_stream *stream = tug_stream_items(&source, tokens, 3, token_item);
    EXPECT(stream, 1, 2, 3);
    script_close(stream);

    tokens[0] = token_make(7);
    stream = tug_stream_once(&source, tokens, token_item);
    EXPECT(stream, 7);
    script_close(stream);

    stream = tug_stream_empty(&source, token_item);
    EXPECT_END(stream);
    script_close(stream);

    for (int i = 0; i < 3; i++)
        tokens[i] = token_make(i);
    struct token token;
    stream = tug_stream_items(&source, tokens, 3, token_item);
    CHECK_EQUAL(tug_next(stream, &token), 1);
    token_drop(&token);
    script_close(stream);
    return 0;
}

/* ---- Intervals ---- */

static int64_t ticks(void *unused)
{
    (void)unused;
    struct tug_stream_interval source;
    struct tug_interval interval;
    uint64_t tick;
    CHECK_EQUAL(tug_time_pause(), 0);
    uint64_t start = tug_now();
    tug_interval_init(&interval, start, 10 * MS, TUG_MISSED_TICK_SKIP);
    struct tug_stream *stream = tug_stream_interval(&source, &interval);
    for (unsigned i = 0; i < 3; i++) {
        CHECK_EQUAL(tug_next(stream, &tick), 1);
        CHECK_EQUAL(tick, start + i * 10 * MS);
        CHECK_RANGE(tug_now(), tick, tick + 2 * MS);
    }
    CHECK_EQUAL(TUG_TIMEOUT(5 * MS, tug_next(stream, &tick)), -ETIMEDOUT);
    CHECK_EQUAL(tug_next(stream, &tick), 1);
    CHECK_EQUAL(tick, start + 30 * MS);
    CHECK_EQUAL(tug_time_advance(25 * MS), 0);
    CHECK_EQUAL(tug_next(stream, &tick), 1); /* late */
    CHECK_EQUAL(tick, start + 40 * MS);
    CHECK_EQUAL(tug_next(stream, &tick), 1); /* 50 was missed */
    CHECK_EQUAL(tick, start + 60 * MS);
    CHECK_EQUAL(TUG_TIMEOUT(MS, tug_next(stream, &tick)), -ETIMEDOUT);
    tug_stream_close(stream);
    interval.period = 0;
    stream = tug_stream_interval(&source, &interval);
    CHECK_EQUAL(tug_next(stream, &tick), -EINVAL);
    tug_stream_close(stream);
    return 0;
}

/* ---- Channels ---- */

struct feed {
    struct tug_mpsc_sender *sender;
    int64_t count, sent;
};

/* Sends the tokens 1, 2, ... and then gives the sender up. */
static int64_t feed_channel(void *argument)
{
    struct feed *feed = argument;
    int result = 0;
    while (result == 0 && feed->sent < feed->count) {
        struct token token = token_make(feed->sent + 1);
        result = tug_mpsc_send(feed->sender, &token);
        if (result == 0)
            feed->sent++;
        else
            token_drop(&token);
        if (result == 0 && feed->sent % 3 == 0)
            tug_yield();
    }
    tug_mpsc_sender_drop(feed->sender);
    return result;
}

static struct tug_stream *open_channel(struct tug_stream_channel *source, struct feed *feed,
                                       struct tug_task **task)
{
    struct tug_mpsc_receiver *receiver;
    CHECK_EQUAL(tug_mpsc_create(&feed->sender, &receiver, 2, sizeof(struct token), token_drop), 0);
    *task = tug_spawn(feed_channel, feed);
    CHECK(*task != NULL);
    return tug_stream_channel(source, receiver, token_item);
}

static int64_t channels(void *unused)
{
    (void)unused;
    struct tug_stream_channel source;
    struct tug_task *task;
    struct feed feed = {.count = 7};
    int64_t result;
    struct tug_stream *stream = open_channel(&source, &feed, &task);
    EXPECT(stream, 1, 2, 3, 4, 5, 6, 7);
    script_close(stream);
    CHECK_EQUAL(tug_join(task, &result), 0);
    CHECK_EQUAL(result, 0);
    return 0;
}

/* At any moment, also with a waker left in the channel; the sender learns of it. */
static int64_t closing_a_channel(void *unused)
{
    (void)unused;
    for (int64_t taken = 0; taken < 6; taken++) {
        struct tug_stream_channel source;
        struct tug_task *task;
        struct feed feed = {.count = taken < 3 ? INT64_MAX : taken};
        struct token token;
        int64_t result;
        struct tug_stream *stream = open_channel(&source, &feed, &task);
        for (int64_t i = 0; i < taken; i++) {
            CHECK_EQUAL(tug_next(stream, &token), 1);
            CHECK_EQUAL(token.value, i + 1);
            token_drop(&token);
        }
        tug_stream_close(stream);
        CHECK_EQUAL(tug_join(task, &result), 0);
        CHECK_EQUAL(result, taken < 3 ? -EPIPE : 0);
        CHECK_EQUAL(tokens_alive(), 0);
    }
    struct tug_stream_channel source;
    struct tug_mpsc_sender *sender;
    struct tug_mpsc_receiver *receiver;
    struct token token;
    CHECK_EQUAL(tug_mpsc_create(&sender, &receiver, 2, sizeof(struct token), token_drop), 0);
    struct tug_stream *stream = tug_stream_channel(&source, receiver, token_item);
    CHECK_EQUAL(TUG_TIMEOUT(MS, tug_next(stream, &token)), -ETIMEDOUT);
    tug_stream_close(stream);
    CHECK(tug_mpsc_is_closed(sender));
    tug_mpsc_sender_drop(sender);
    return 0;
}

/* ---- Lines ---- */

static void expect_lines(const char *text, const char *const *lines, int error)
{
    struct tug_bytes_reader bytes;
    struct tug_buffered_reader reader;
    struct tug_stream_lines source;
    struct tug_line line;
    tug_bytes_reader_init(&bytes, text, strlen(text));
    CHECK_EQUAL(tug_buffered_reader_init(&reader, &bytes.reader, 4), 0);
    struct tug_stream *stream = tug_stream_lines(&source, &reader, 20);
    for (; *lines != NULL; lines++) {
        CHECK_EQUAL(tug_next(stream, &line), 1);
        CHECK_EQUAL(line.length, strlen(*lines));
        CHECK(strcmp(line.text, *lines) == 0);
        tug_stream_drop(stream, &line);
    }
    if (error != 0)
        CHECK_EQUAL(tug_next(stream, &line), error);
    CHECK_EQUAL(tug_next(stream, &line), 0);
    tug_stream_close(stream);
    tug_buffered_reader_free(&reader);
}

static int64_t lines(void *unused)
{
    (void)unused;
    expect_lines("one\ntwo, longer\r\n\nfour\n",
                 (const char *[]){"one", "two, longer", "", "four", NULL}, 0);
    expect_lines("no end", (const char *[]){"no end", NULL}, 0);
    expect_lines("", (const char *[]){NULL}, 0);
    expect_lines("short\nthis one has too many bytes\nshort\n", (const char *[]){"short", NULL},
                 -EMSGSIZE);
#if TUG_FAULT_INJECTION
    CHECK_EQUAL(tug_fault_fail("malloc", 3, 1, ENOMEM), 0);
    expect_lines("one\ntwo\n", (const char *[]){"one", NULL}, -ENOMEM);
    tug_fault_reset();
#endif
    return 0;
}

static int64_t write_in_pieces(void *end)
{
    struct tug_duplex *duplex = end;
    const char *pieces[] = {"fi", "rst\nsec", "ond\nth", "ird"};
    for (int i = 0; i < 4; i++) {
        CHECK_EQUAL(tug_io_write_all(&duplex->writer, pieces[i], strlen(pieces[i])),
                    strlen(pieces[i]));
        CHECK_EQUAL(tug_sleep(MS), 0);
    }
    tug_duplex_destroy(duplex);
    return 0;
}

/* Whoever waits is cancelled in the middle of a line, and nothing of it is lost. */
static int64_t lines_that_come_in_pieces(void *unused)
{
    (void)unused;
    static const char *const expected[] = {"first", "second", "third"};
    struct tug_duplex *ends[2];
    struct tug_buffered_reader reader;
    struct tug_stream_lines source;
    struct tug_line line;
    CHECK_EQUAL(tug_duplex_create(ends, 64), 0);
    CHECK_EQUAL(tug_buffered_reader_init(&reader, &ends[0]->reader, 0), 0);
    struct tug_stream *stream = tug_stream_lines(&source, &reader, 100);
    struct tug_task *task = fixture_spawn(write_in_pieces, ends[1]);
    for (int i = 0; i < 3; i++) {
        int64_t result;
        do
            result = TUG_TIMEOUT(MS, tug_next(stream, &line));
        while (result == -ETIMEDOUT);
        CHECK_EQUAL(result, 1);
        CHECK(strcmp(line.text, expected[i]) == 0);
        tug_stream_drop(stream, &line);
    }
    CHECK_EQUAL(tug_next(stream, &line), 0);
    CHECK_EQUAL(fixture_join(task), 0);
    tug_stream_close(stream);
    tug_buffered_reader_free(&reader);
    tug_duplex_destroy(ends[0]);
    return 0;
}

/* ---- Generators ---- */

static int progress; /* atomic */

static int get_progress(void)
{
    return __atomic_load_n(&progress, __ATOMIC_ACQUIRE);
}

static void set_progress(int value)
{
    __atomic_store_n(&progress, value, __ATOMIC_RELEASE);
}

/* Yields 0 to `count` - 1, and sleeps before every third. */
static int64_t count_up(struct tug_generator *self, void *count)
{
    set_progress(0);
    for (int64_t i = 0; i < fixture_number(count); i++) {
        struct token token = token_make(i);
        if (i % 3 == 2)
            CHECK_EQUAL(tug_sleep(MS), 0);
        set_progress((int)i + 1);
        int error = tug_generator_yield(self, &token);
        if (error != 0) {
            set_progress(-1);
            return error;
        }
    }
    return fixture_number(count) == 4 ? -EDOM : 0;
}

static int64_t generating(void *unused)
{
    (void)unused;
    struct tug_generator generator;
    struct tug_stream *stream =
        tug_generator(&generator, token_item, count_up, fixture_argument(5));
    EXPECT(stream, 0, 1, 2, 3, 4);
    script_close(stream);
    stream = tug_generator(&generator, token_item, count_up, fixture_argument(0));
    EXPECT_END(stream);
    script_close(stream);
    stream = tug_generator(&generator, token_item, count_up, fixture_argument(4));
    EXPECT(stream, 0, 1, 2, 3, -EDOM);
    script_close(stream);
    return 0;
}

static int64_t generating_nothing_that_nobody_asks_for(void *unused)
{
    (void)unused;
    struct tug_generator generator;
    struct token token;
    set_progress(0);
    struct tug_stream *stream =
        tug_generator(&generator, token_item, count_up, fixture_argument(9));
    CHECK_EQUAL(tug_sleep(MS), 0);
    CHECK_EQUAL(get_progress(), 0);
    CHECK_EQUAL(tug_next(stream, &token), 1);
    token_drop(&token);
    CHECK_EQUAL(tug_sleep(5 * MS), 0);
    CHECK_EQUAL(get_progress(), 1);
    script_close(stream);
    CHECK_EQUAL(get_progress(), -1);
    stream = tug_generator(&generator, token_item, count_up, fixture_argument(9));
    script_close(stream);
    return 0;
}

/* Closed at any point of the exchange: while it makes an item, while one lies there, between. */
static int64_t closing_a_generator_at_any_moment(void *unused)
{
    (void)unused;
    for (int round = 0; round < 300; round++) {
        struct tug_generator generator;
        struct token token;
        struct tug_stream *stream =
            tug_generator(&generator, token_item, count_up, fixture_argument(2));
        int items = round % 3;
        for (int i = 0; i < items; i++) {
            CHECK_EQUAL(tug_next(stream, &token), 1);
            token_drop(&token);
        }
        struct tug_scope scope;
        tug_scope_begin(&scope, round % 2 == 0 ? 0 : TUG_FOREVER, NULL);
        if (round % 5 != 0 && tug_next(stream, &token) == 1)
            token_drop(&token);
        tug_scope_end(&scope, 0);
        script_close(stream);
    }
    return 0;
}

/* Yields when it is told to. */
static int64_t late(struct tug_generator *self, void *unused)
{
    (void)unused;
    AWAIT(get_progress() == 1);
    struct token token = token_make(1);
    set_progress(2);
    return tug_generator_yield(self, &token);
}

static int64_t what_nobody_took_is_given_up(void *unused)
{
    (void)unused;
    struct tug_generator generator;
    struct token token;
    set_progress(0);
    struct tug_stream *stream = tug_generator(&generator, token_item, late, NULL);
    CHECK_EQUAL(TUG_TIMEOUT(MS, tug_next(stream, &token)), -ETIMEDOUT);
    set_progress(1);
    AWAIT(get_progress() == 2);
    CHECK_EQUAL(tug_sleep(2 * MS), 0);
    CHECK_EQUAL(tokens_alive(), 1);
    script_close(stream);
    return 0;
}

/* A scope of the generator's own ends its wait; the item is taken back, and others may follow. */
static int64_t impatient(struct tug_generator *self, void *unused)
{
    (void)unused;
    struct token token = token_make(1);
    CHECK_EQUAL(TUG_TIMEOUT(20 * MS, tug_generator_yield(self, &token)), -ETIMEDOUT);
    set_progress(77);
    token = token_make(2);
    CHECK_EQUAL(tug_generator_yield(self, &token), 0);
    return 0;
}

static int64_t a_generator_may_lose_patience(void *unused)
{
    (void)unused;
    struct tug_generator generator;
    struct token token;
    set_progress(0);
    struct tug_stream *stream = tug_generator(&generator, token_item, impatient, NULL);
    CHECK_EQUAL(tug_next(stream, &token), 1);
    CHECK_EQUAL(token.value, 1);
    token_drop(&token);
    AWAIT(get_progress() == 77);
    EXPECT(stream, 2);
    script_close(stream);
    return 0;
}

#if TUG_FAULT_INJECTION
static int64_t a_generator_without_memory(void *unused)
{
    (void)unused;
    struct tug_generator generator;
    struct tug_stream *stream =
        tug_generator(&generator, token_item, count_up, fixture_argument(1));
    CHECK_EQUAL(tug_fault_fail("malloc", 1, 1, ENOMEM), 0);
    EXPECT(stream, -ENOMEM);
    tug_fault_reset();
    script_close(stream);
    return 0;
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_EACH(arrays),
        IN_CURRENT_THREAD(ticks),
        IN_EACH(channels),
        IN_EACH(closing_a_channel),
        IN_EACH(lines),
        IN_EACH(lines_that_come_in_pieces),
        IN_EACH(generating),
        IN_EACH(generating_nothing_that_nobody_asks_for),
        IN_EACH(closing_a_generator_at_any_moment),
        IN_EACH(what_nobody_took_is_given_up),
        IN_EACH(a_generator_may_lose_patience),
#if TUG_FAULT_INJECTION
        IN_EACH(a_generator_without_memory),
#endif
    };
    return cmocka_run_group_tests_name("stream/source", tests, NULL, NULL);
}
