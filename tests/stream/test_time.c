/* SPDX-License-Identifier: MIT */
/*
 * Streams and the clock: exactly, on a clock that stands still; and on workers, whose clocks run.
 */
#include <errno.h>

#include "script.h"

#define MS TUG_MILLISECOND

static int64_t items_are_held_back(void *unused)
{
    (void)unused;
    struct script script;
    struct tug_stream_limit limit;
    struct token token;
    CHECK_EQUAL(tug_time_pause(), 0);
    struct tug_stream *stream = script_init(&script, SCRIPT(1, 2, -EIO, 3));
    stream = tug_stream_throttle(&limit, stream, 10 * MS);
    uint64_t start = tug_now();
    const struct {
        int64_t value;
        uint64_t at;
    } expected[] = {{1, 0}, {2, 10}, {-EIO, 20}, {3, 20}};
    for (int i = 0; i < 4; i++) {
        int result = tug_next(stream, &token);
        if (result == 1)
            token_drop(&token);
        CHECK_EQUAL(result == 1 ? token.value : result, expected[i].value);
        CHECK_RANGE(tug_now() - start, expected[i].at * MS, expected[i].at * MS + 2 * MS);
    }
    EXPECT_END(stream);
    script_close(stream);
    return 0;
}

static int64_t go_on_at(void *argument)
{
    struct script *script = argument;
    CHECK_EQUAL(tug_sleep(25 * MS), 0);
    script_go_on(script);
    return 0;
}

static int64_t a_late_item_is_told(void *unused)
{
    (void)unused;
    struct script script;
    struct tug_stream_limit limit;
    struct token token;
    CHECK_EQUAL(tug_time_pause(), 0);
    struct tug_stream *stream = script_init(&script, SCRIPT(1, SCRIPT_PAUSE, 2, SCRIPT_BLOCK, 3));
    stream = tug_stream_timeout(&limit, stream, 10 * MS);
    struct tug_task *task = fixture_spawn(go_on_at, &script);
    /* In time, however long the pauses between are; late, twice; then it comes after all. */
    CHECK_EQUAL(tug_next(stream, &token), 1);
    token_drop(&token);
    CHECK_EQUAL(tug_sleep(MS), 0);
    EXPECT(stream, 2, -ETIMEDOUT, -ETIMEDOUT, 3);
    CHECK_EQUAL(fixture_join(task), 0);
    script_close(stream);
    return 0;
}

/* The timer of the first item is still armed when the second is waited for. */
static int64_t each_item_has_its_own_time(void *unused)
{
    (void)unused;
    struct script script;
    struct tug_stream_limit limit;
    struct token token;
    CHECK_EQUAL(tug_time_pause(), 0);
    struct tug_stream *stream = script_init(&script, SCRIPT(SCRIPT_PAUSE, 1, SCRIPT_BLOCK, 2));
    stream = tug_stream_timeout(&limit, stream, 10 * MS);
    CHECK_EQUAL(tug_next(stream, &token), 1);
    token_drop(&token);
    CHECK_EQUAL(tug_time_advance(8 * MS), 0);
    uint64_t start = tug_now();
    CHECK_EQUAL(tug_next(stream, &token), -ETIMEDOUT);
    CHECK_RANGE(tug_now() - start, 10 * MS, 12 * MS);
    script_go_on(&script);
    EXPECT(stream, 2);
    script_close(stream);
    return 0;
}

/* ---- Chunks ---- */

static void expect_chunk(struct tug_stream *stream, const int64_t *steps)
{
    struct tug_chunk chunk;
    CHECK_EQUAL(tug_next(stream, &chunk), 1);
    size_t i = 0;
    for (; steps[i] != SCRIPT_END; i++) {
        CHECK(i < chunk.count);
        CHECK_EQUAL(((struct token *)chunk.items)[i].value, steps[i]);
    }
    CHECK_EQUAL(chunk.count, i);
    tug_stream_drop(stream, &chunk);
}

#define EXPECT_CHUNK(stream, ...) expect_chunk(stream, SCRIPT(__VA_ARGS__))

static int64_t chunks_by_count(void *unused)
{
    (void)unused;
    struct script script;
    struct tug_stream_chunks chunks;
    struct tug_chunk chunk;
    struct tug_stream *stream =
        script_init(&script, SCRIPT(1, 2, SCRIPT_PAUSE, 3, 4, -EIO, -EPIPE, 5, 6, 7, 8));
    stream = tug_stream_chunks(&chunks, stream, 3);
    EXPECT_CHUNK(stream, 1, 2, 3);
    EXPECT_CHUNK(stream, 4);
    CHECK_EQUAL(tug_next(stream, &chunk), -EIO);
    CHECK_EQUAL(tug_next(stream, &chunk), -EPIPE);
    EXPECT_CHUNK(stream, 5, 6, 7);
    EXPECT_CHUNK(stream, 8);
    CHECK_EQUAL(tug_next(stream, &chunk), 0);
    CHECK_EQUAL(tug_next(stream, &chunk), 0);
    script_close(stream);
    return 0;
}

static int64_t chunks_by_time(void *unused)
{
    (void)unused;
    struct script script;
    struct tug_stream_chunks chunks;
    struct tug_chunk chunk;
    CHECK_EQUAL(tug_time_pause(), 0);
    uint64_t start = tug_now();
    struct tug_stream *stream =
        script_init(&script, SCRIPT(1, 2, SCRIPT_BLOCK, 3, 4, 5, 6, SCRIPT_BLOCK));
    stream = tug_stream_chunks_timeout(&chunks, stream, 3, 20 * MS);
    struct tug_task *task = fixture_spawn(go_on_at, &script);
    EXPECT_CHUNK(stream, 1, 2);
    CHECK_RANGE(tug_now() - start, 20 * MS, 22 * MS);
    EXPECT_CHUNK(stream, 3, 4, 5);
    CHECK_RANGE(tug_now() - start, 25 * MS, 27 * MS);
    EXPECT_CHUNK(stream, 6);
    CHECK_RANGE(tug_now() - start, 45 * MS, 47 * MS);
    /* Nothing in it yet: no chunk, however long that takes. */
    CHECK_EQUAL(TUG_TIMEOUT(100 * MS, tug_next(stream, &chunk)), -ETIMEDOUT);
    script_go_on(&script);
    CHECK_EQUAL(tug_next(stream, &chunk), 0);
    CHECK_EQUAL(fixture_join(task), 0);
    script_close(stream);
    return 0;
}

static int64_t half_a_chunk_is_given_up(void *unused)
{
    (void)unused;
    struct script script;
    struct tug_stream_chunks chunks;
    struct tug_chunk chunk;
    struct tug_stream *stream = script_init(&script, SCRIPT(1, 2, SCRIPT_BLOCK));
    stream = tug_stream_chunks_timeout(&chunks, stream, 3, TUG_SECOND);
    CHECK_EQUAL(TUG_TIMEOUT(MS, tug_next(stream, &chunk)), -ETIMEDOUT);
    CHECK_EQUAL(tokens_alive(), 2);
    script_close(stream);
    return 0;
}

/* On clocks that run, with several workers and generous bounds. */
static int64_t on_running_clocks(void *unused)
{
    (void)unused;
    struct script script;
    struct tug_stream_limit throttle, timeout;
    struct tug_stream_chunks chunks;
    uint64_t start = tug_now();
    struct tug_stream *stream =
        script_init(&script, SCRIPT(1, SCRIPT_PAUSE, 2, 3, SCRIPT_PAUSE, 4, 5, 6));
    stream = tug_stream_throttle(&throttle, stream, 2 * MS);
    stream = tug_stream_timeout(&timeout, stream, 60 * TUG_SECOND);
    stream = tug_stream_chunks_timeout(&chunks, stream, 3, 60 * TUG_SECOND);
    EXPECT_CHUNK(stream, 1, 2, 3);
    EXPECT_CHUNK(stream, 4, 5, 6);
    CHECK_RANGE(tug_now() - start, 10 * MS, 30 * TUG_SECOND);
    script_close(stream);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_CURRENT_THREAD(items_are_held_back),
        IN_CURRENT_THREAD(a_late_item_is_told),
        IN_CURRENT_THREAD(each_item_has_its_own_time),
        IN_EACH(chunks_by_count),
        IN_CURRENT_THREAD(chunks_by_time),
        IN_EACH(half_a_chunk_is_given_up),
        IN_EACH(on_running_clocks),
    };
    return cmocka_run_group_tests_name("stream/time", tests, NULL, NULL);
}
