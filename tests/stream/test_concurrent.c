/* SPDX-License-Identifier: MIT */
/*
 * Several items in the works at once: how many, in which order they come out, what an error and a
 * cancellation lead to, and that no task and no item is left over.
 */
#include <errno.h>

#include "script.h"
#include "sys/fault.h"
#include "sys/sanitizer.h"

#define MS TUG_MILLISECOND

static int running, most_running, begun, aborted; /* atomic */

static int count_begun(void)
{
    return __atomic_load_n(&begun, __ATOMIC_ACQUIRE);
}

static void reset(void)
{
    running = most_running = begun = aborted = 0;
}

/* 99 ms stand for ever. */
static int64_t in_the_works(uint64_t duration)
{
    if (duration == 99 * MS)
        duration = 1000 * TUG_SECOND;
    int now = __atomic_add_fetch(&running, 1, __ATOMIC_ACQ_REL);
    int most = __atomic_load_n(&most_running, __ATOMIC_RELAXED);
    while (now > most && !__atomic_compare_exchange_n(&most_running, &most, now, true,
                                                      __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        ;
    __atomic_fetch_add(&begun, 1, __ATOMIC_ACQ_REL);
    int64_t result = duration > 0 ? tug_sleep(duration) : tug_yield();
    if (result != 0)
        __atomic_fetch_add(&aborted, 1, __ATOMIC_ACQ_REL);
    __atomic_fetch_sub(&running, 1, __ATOMIC_ACQ_REL);
    return result;
}

/* Of n: after (n % 100) ms n / 100, or an error for 13 of them. */
static int64_t convert(void *unused, void *input, void *output)
{
    (void)unused;
    int64_t value = ((struct token *)input)->value;
    int64_t result = in_the_works((uint64_t)(value % 100) * MS);
    if (result < 0)
        return result;
    if (value / 100 == 13)
        return -EDOM;
    struct token token = token_make(value / 100);
    memcpy(output, &token, sizeof token);
    return 1;
}

static int64_t in_order(void *unused)
{
    (void)unused;
    struct script script;
    struct tug_stream_buffered buffered;
    reset();
    struct tug_stream *stream =
        script_init(&script, SCRIPT(120, 201, -EIO, 310, SCRIPT_PAUSE, 1300, 405, 500));
    stream = tug_stream_buffered(&buffered, stream, 3, token_item, convert, NULL);
    EXPECT(stream, 1, 2, -EIO, 3, -EDOM, 4, 5);
    CHECK_RANGE(most_running, 1, 3);
    script_close(stream);
    CHECK_EQUAL(script.closed, 1);
    CHECK_EQUAL(running, 0);
    return 0;
}

static int64_t as_they_are_ready(void *unused)
{
    (void)unused;
    struct script script;
    struct tug_stream_buffered buffered;
    CHECK_EQUAL(tug_time_pause(), 0);
    reset();
    struct tug_stream *stream = script_init(&script, SCRIPT(130, 220, 310, 405, 590, -EIO));
    stream = tug_stream_buffer_unordered(&buffered, stream, 3, token_item, convert, NULL);
    EXPECT(stream, 3, 4, 2, -EIO, 1, 5);
    CHECK_EQUAL(most_running, 3);
    script_close(stream);
    return 0;
}

static int64_t nothing_begins_that_nobody_asks_for(void *unused)
{
    (void)unused;
    struct script script;
    struct tug_stream_buffered buffered;
    struct token token;
    reset();
    struct tug_stream *stream = script_init(&script, SCRIPT(100, 200, 300, 400, 500, 600));
    stream = tug_stream_buffered(&buffered, stream, 2, token_item, convert, NULL);
    CHECK_EQUAL(tug_sleep(MS), 0);
    CHECK_EQUAL(count_begun(), 0);
    CHECK_EQUAL(tug_next(stream, &token), 1);
    token_drop(&token);
    AWAIT(count_begun() >= 2);
    CHECK_EQUAL(tug_sleep(2 * MS), 0);
    CHECK_EQUAL(count_begun(), 2);
    EXPECT(stream, 2, 3, 4, 5, 6);
    script_close(stream);
    return 0;
}

/* What is made and not asked for, in the works, and never begun. */
static int64_t closing_in_the_middle(void *unused)
{
    (void)unused;
    for (int ordered = 0; ordered < 2; ordered++) {
        struct script script;
        struct tug_stream_buffered buffered;
        struct token token;
        reset();
        struct tug_stream *stream =
            script_init(&script, SCRIPT(100, 200, 399, 499, SCRIPT_BLOCK, 500));
        stream = ordered
                     ? tug_stream_buffered(&buffered, stream, 4, token_item, convert, NULL)
                     : tug_stream_buffer_unordered(&buffered, stream, 4, token_item, convert, NULL);
        CHECK_EQUAL(tug_next(stream, &token), 1);
        token_drop(&token);
        AWAIT(count_begun() == 4 && __atomic_load_n(&running, __ATOMIC_ACQUIRE) == 2);
        script_close(stream);
        CHECK_EQUAL(running, 0);
        CHECK_EQUAL(begun, 4);
        CHECK_EQUAL(aborted, 2);
        stream = tug_stream_buffered(&buffered, script_init(&script, SCRIPT(1)), 4, token_item,
                                     convert, NULL);
        script_close(stream);
    }
    return 0;
}

/* A wait that was cancelled loses nothing: what is in the works goes on. */
static int64_t a_cancelled_wait_loses_nothing(void *unused)
{
    (void)unused;
    struct script script;
    struct tug_stream_buffered buffered;
    struct token token;
    reset();
    struct tug_stream *stream = script_init(&script, SCRIPT(120, 230));
    stream = tug_stream_buffered(&buffered, stream, 2, token_item, convert, NULL);
    CHECK_EQUAL(TUG_TIMEOUT(MS, tug_next(stream, &token)), -ETIMEDOUT);
    EXPECT(stream, 1, 2);
    CHECK_EQUAL(aborted, 0);
    script_close(stream);
    return 0;
}

/* Many, with pauses of all kinds, in tasks on several workers. */
static int64_t many(void *unused)
{
    (void)unused;
    /* ThreadSanitizer takes long to make a stack. */
    enum { COUNT = TUG_TSAN ? 150 : 2000 };
    static struct token tokens[COUNT];
    for (int round = 0; round < 4; round++) {
        struct tug_stream_items source;
        struct tug_stream_buffered buffered;
        struct token token;
        for (int i = 0; i < COUNT; i++)
            tokens[i] = token_make(100 * i);
        struct tug_stream *stream = tug_stream_items(&source, tokens, COUNT, token_item);
        bool ordered = round % 2 == 0;
        stream = ordered
                     ? tug_stream_buffered(&buffered, stream, 7, token_item, convert, NULL)
                     : tug_stream_buffer_unordered(&buffered, stream, 7, token_item, convert, NULL);
        int64_t items = 0, sum = 0;
        int result;
        while ((result = tug_next(stream, &token)) != 0) {
            if (result < 0) {
                CHECK_EQUAL(result, -EDOM);
                CHECK(!ordered || items == 13);
                token.value = 13;
            } else {
                token_drop(&token);
            }
            CHECK(!ordered || token.value == items);
            items++;
            sum += token.value;
        }
        CHECK_EQUAL(items, COUNT);
        CHECK_EQUAL(sum, COUNT * (COUNT - 1) / 2);
        script_close(stream);
    }
    return 0;
}

/* ---- For each ---- */

static int64_t visit(void *total, void *item)
{
    int64_t value = ((struct token *)item)->value;
    int64_t result = in_the_works((uint64_t)(value % 100) * MS);
    if (result < 0)
        return result;
    __atomic_fetch_add((int64_t *)total, value / 100, __ATOMIC_RELAXED);
    return value / 100 == 13 ? -EDOM : value;
}

/* One at a time: then it is sure which error is the first. */
static int64_t for_each_goes_on(void *unused)
{
    (void)unused;
    struct script script;
    struct tug_stream *stream;
    int64_t total;
    for (size_t limit = 1; limit <= 2; limit++) {
        reset();
        total = 0;
        stream = script_init(&script, SCRIPT(102, 201, 1300, 300, SCRIPT_PAUSE, -EIO, 400));
        int64_t result = tug_stream_for_each_concurrent(stream, limit, visit, &total);
        CHECK(result == -EDOM || (limit == 2 && result == -EIO));
        CHECK_EQUAL(total, 1 + 2 + 13 + 3 + 4);
        CHECK_RANGE(most_running, 1, (int)limit);
        CHECK_EQUAL(script.closed, 0);
        script_close(stream);
    }
    stream = script_init(&script, SCRIPT(100));
    CHECK_EQUAL(tug_stream_for_each_concurrent(stream, 9, visit, &total), 0);
    CHECK_EQUAL(tug_stream_for_each_concurrent(stream, 9, visit, &total), 0);
    script_close(stream);
    return 0;
}

static int64_t the_first_error_stops_the_rest(void *unused)
{
    (void)unused;
    struct script script;
    int64_t total = 0;
    reset();
    struct tug_stream *stream = script_init(&script, SCRIPT(199, 299, 1301, 400, 500));
    CHECK_EQUAL(tug_stream_try_for_each_concurrent(stream, 3, visit, &total), -EDOM);
    CHECK_EQUAL(aborted, 2);
    CHECK_EQUAL(running, 0);
    CHECK_EQUAL(total, 13);
    EXPECT(stream, 400, 500);
    script_close(stream);
    stream = script_init(&script, SCRIPT(199, -EIO, 200));
    CHECK_EQUAL(tug_stream_try_for_each_concurrent(stream, 3, visit, &total), -EIO);
    CHECK_EQUAL(running, 0);
    script_close(stream);
    return 0;
}

static int64_t for_each_is_cancelled(void *unused)
{
    (void)unused;
    for (int stop = 0; stop < 2; stop++) {
        struct script script;
        int64_t total = 0;
        reset();
        struct tug_stream *stream = script_init(&script, SCRIPT(199, 299, SCRIPT_BLOCK, 300));
        CHECK_EQUAL(
            TUG_TIMEOUT(3 * MS, stop ? tug_stream_try_for_each_concurrent(stream, 5, visit, &total)
                                     : tug_stream_for_each_concurrent(stream, 5, visit, &total)),
            -ETIMEDOUT);
        CHECK_EQUAL(aborted, 2);
        CHECK_EQUAL(running, 0);
        script_go_on(&script);
        EXPECT(stream, 300);
        script_close(stream);
    }
    return 0;
}

#if TUG_FAULT_INJECTION
static int64_t without_memory(void *unused)
{
    (void)unused;
    struct script script;
    struct tug_stream_buffered buffered;
    struct tug_stream *stream = script_init(&script, SCRIPT(100, 200));
    stream = tug_stream_buffered(&buffered, stream, 2, token_item, convert, NULL);
    CHECK_EQUAL(tug_fault_fail("calloc", 1, 1, ENOMEM), 0);
    EXPECT(stream, -ENOMEM);
    tug_fault_reset();
    script_close(stream);
    int64_t total = 0;
    CHECK_EQUAL(tug_fault_fail("calloc", 1, 1, ENOMEM), 0);
    stream = script_init(&script, SCRIPT(100));
    CHECK_EQUAL(tug_stream_for_each_concurrent(stream, 2, visit, &total), -ENOMEM);
    tug_fault_reset();
    script_close(stream);
    return 0;
}
#endif

static void outside_of_a_runtime(void **state)
{
    (void)state;
    struct tug_stream_items source;
    int64_t total = 0;
    struct tug_stream *stream = tug_stream_empty(&source, token_item);
    assert_int_equal(tug_stream_for_each_concurrent(stream, 2, visit, &total), -EPERM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_EACH(in_order),
        IN_CURRENT_THREAD(as_they_are_ready),
        IN_EACH(nothing_begins_that_nobody_asks_for),
        IN_EACH(closing_in_the_middle),
        IN_EACH(a_cancelled_wait_loses_nothing),
        IN_EACH(many),
        IN_EACH(for_each_goes_on),
        IN_EACH(the_first_error_stops_the_rest),
        IN_EACH(for_each_is_cancelled),
#if TUG_FAULT_INJECTION
        IN_EACH(without_memory),
#endif
        cmocka_unit_test(outside_of_a_runtime),
    };
    return cmocka_run_group_tests_name("stream/concurrent", tests, NULL, NULL);
}
