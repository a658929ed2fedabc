/* SPDX-License-Identifier: MIT */
/*
 * Asking a stream for its items, one by one and all at once, and giving it up.
 */
#include <errno.h>

#include "script.h"
#include "sys/fault.h"

static int64_t items_errors_and_the_end(void *unused)
{
    (void)unused;
    struct script script;
    struct tug_stream *stream =
        script_init(&script, SCRIPT(1, SCRIPT_PAUSE, 2, -EIO, SCRIPT_PAUSE, -EAGAIN, 3));
    EXPECT(stream, 1, 2, -EIO, -EAGAIN, 3);
    script_close(stream);
    CHECK_EQUAL(script.closed, 1);
    return 0;
}

/* As long as nobody wakes nobody polls. */
static int64_t polls_are_counted(void *unused)
{
    (void)unused;
    struct script script;
    struct token token;
    struct tug_stream *stream = script_init(&script, SCRIPT(SCRIPT_PAUSE, 7));
    CHECK_EQUAL(tug_next(stream, &token), 1);
    CHECK_EQUAL(script.polls, 2);
    token_drop(&token);
    script_close(stream);
    return 0;
}

static int64_t go_on_later(void *script)
{
    CHECK_EQUAL(tug_sleep(2 * TUG_MILLISECOND), 0);
    script_go_on(script);
    return 0;
}

static int64_t a_cancelled_wait_loses_nothing(void *unused)
{
    (void)unused;
    struct script script;
    struct token token = {0, NULL};
    struct tug_stream *stream = script_init(&script, SCRIPT(SCRIPT_BLOCK, 1, 2));
    CHECK_EQUAL(TUG_TIMEOUT(TUG_MILLISECOND, tug_next(stream, &token)), -ETIMEDOUT);
    struct tug_task *task = fixture_spawn(go_on_later, &script);
    CHECK_EQUAL(tug_next(stream, &token), 1);
    CHECK_EQUAL(token.value, 1);
    token_drop(&token);
    CHECK_EQUAL(fixture_join(task), 0);
    EXPECT(stream, 2);
    script_close(stream);
    return 0;
}

static int64_t give_up_waiting(void *stream)
{
    struct token token;
    CHECK_EQUAL(TUG_TIMEOUT(TUG_MILLISECOND, tug_next(stream, &token)), -ETIMEDOUT);
    return 0;
}

/* A stream changes hands while it waits, and the task that waited is gone. */
static int64_t who_waited_may_be_gone(void *unused)
{
    (void)unused;
    struct script script;
    struct tug_stream_limit limit;
    struct tug_stream *stream = script_init(&script, SCRIPT(SCRIPT_BLOCK, 1));
    stream = tug_stream_timeout(&limit, stream, 5 * TUG_MILLISECOND);
    CHECK_EQUAL(fixture_join(fixture_spawn(give_up_waiting, stream)), 0);
    CHECK_EQUAL(tug_sleep(10 * TUG_MILLISECOND), 0);
    script_go_on(&script);
    EXPECT(stream, 1);
    script_close(stream);
    return 0;
}

static int64_t an_item_is_one_of_several_futures(void *unused)
{
    (void)unused;
    struct script script;
    struct token token = {0, NULL};
    struct tug_next_future next;
    struct tug_sleep_future sleep;
    struct tug_future *both[] = {&next.future, &sleep.future};
    struct tug_stream *stream = script_init(&script, SCRIPT(SCRIPT_BLOCK, 1));
    tug_next_future_init(&next, stream, &token);
    tug_sleep_future_init(&sleep, tug_deadline_after(TUG_MILLISECOND));
    CHECK_EQUAL(tug_select(both, 2), 1);
    CHECK_EQUAL(next.future.result, -ECANCELED);
    script_go_on(&script);
    tug_next_future_init(&next, stream, &token);
    tug_sleep_future_init(&sleep, tug_deadline_after(TUG_SECOND));
    CHECK_EQUAL(tug_select(both, 2), 0);
    CHECK_EQUAL(next.future.result, 1);
    CHECK_EQUAL(token.value, 1);
    token_drop(&token);
    script_close(stream);
    return 0;
}

static int64_t closing_is_not_cancelled(void *unused)
{
    (void)unused;
    struct script script;
    struct tug_scope scope;
    struct token token;
    struct tug_stream *stream = script_init(&script, SCRIPT(1));
    tug_scope_begin(&scope, TUG_FOREVER, NULL);
    tug_scope_cancel(&scope);
    CHECK_EQUAL(tug_next(stream, &token), -ECANCELED);
    script_close(stream);
    CHECK_EQUAL(script.closed, 1);
    CHECK_EQUAL(script.polls, 0);
    tug_scope_end(&scope, 0);
    return 0;
}

/* ---- All of them ---- */

static int64_t collecting(void *unused)
{
    (void)unused;
    struct script script;
    void *items;
    size_t count;
    struct tug_stream *stream = script_init(&script, SCRIPT(3, SCRIPT_PAUSE, 1, 2, -EIO, 4, 5));
    CHECK_EQUAL(tug_stream_collect(stream, &items, &count), -EIO);
    CHECK_EQUAL(tokens_alive(), 0);
    CHECK_EQUAL(tug_stream_collect(stream, &items, &count), 0);
    CHECK_EQUAL(count, 2);
    struct token *tokens = items;
    CHECK_EQUAL(tokens[0].value, 4);
    CHECK_EQUAL(tokens[1].value, 5);
    for (size_t i = 0; i < count; i++)
        token_drop(&tokens[i]);
    free(items);
    CHECK_EQUAL(tug_stream_collect(stream, &items, &count), 0);
    CHECK_EQUAL(count, 0);
    CHECK(items == NULL);
    script_close(stream);
    return 0;
}

/* How often tasks gave way with their work at hand, on all workers. */
static uint64_t budgets_exhausted(void)
{
    struct tug_runtime *runtime = tug_runtime_current();
    struct tug_worker_metrics metrics;
    uint64_t sum = 0;
    for (unsigned i = 0; tug_runtime_worker_metrics(runtime, i, &metrics) == 0; i++)
        sum += metrics.budget_exhausted;
    return sum;
}

enum { BUDGET = 128, READY = 1000 };

static int64_t collecting_many_gives_way(void *unused)
{
    (void)unused;
    struct token tokens[READY];
    struct tug_stream_items source;
    struct tug_stream *stream = tug_stream_items(&source, tokens, READY, token_item);
    void *items;
    size_t count;
    for (int i = 0; i < READY; i++)
        tokens[i] = token_make(i);
    uint64_t before = budgets_exhausted();
    CHECK_EQUAL(tug_stream_collect(stream, &items, &count), 0);
    CHECK_RANGE(budgets_exhausted() - before, READY / BUDGET, READY / BUDGET + 1);
    CHECK_EQUAL(count, READY);
    for (int i = 0; i < READY; i++) {
        CHECK_EQUAL(((struct token *)items)[i].value, i);
        token_drop(&((struct token *)items)[i]);
    }
    free(items);
    script_close(stream);
    return 0;
}

/* Takes what a source has at hand. */
static void take_all_and_give_way(struct tug_stream *stream)
{
    union {
        uint64_t tick;
        struct token token;
        struct tug_line line;
    } item;
    uint64_t before = budgets_exhausted();
    for (int i = 0; i < READY; i++) {
        CHECK_EQUAL(tug_next(stream, &item), 1);
        tug_stream_drop(stream, &item);
    }
    CHECK_RANGE(budgets_exhausted() - before, READY / BUDGET, READY / BUDGET + 1);
    tug_stream_close(stream);
}

static int64_t sources_give_way(void *unused)
{
    (void)unused;
    struct tug_stream_interval ticks;
    struct tug_interval interval;
    tug_interval_init(&interval, tug_now() - TUG_SECOND, TUG_MICROSECOND, TUG_MISSED_TICK_BURST);
    take_all_and_give_way(tug_stream_interval(&ticks, &interval));

    struct tug_stream_channel values;
    struct tug_mpsc_sender *sender;
    struct tug_mpsc_receiver *receiver;
    CHECK_EQUAL(tug_mpsc_create(&sender, &receiver, TUG_MPSC_UNBOUNDED, sizeof(struct token), NULL),
                0);
    for (int i = 0; i < READY; i++) {
        struct token token = token_make(i);
        CHECK_EQUAL(tug_mpsc_try_send(sender, &token), 0);
    }
    take_all_and_give_way(tug_stream_channel(&values, receiver, token_item));
    tug_mpsc_sender_drop(sender);

    static char text[2 * READY];
    struct tug_bytes_reader bytes;
    struct tug_buffered_reader reader;
    struct tug_stream_lines lines;
    memset(text, '\n', sizeof text);
    tug_bytes_reader_init(&bytes, text, sizeof text);
    CHECK_EQUAL(tug_buffered_reader_init(&reader, &bytes.reader, sizeof text), 0);
    take_all_and_give_way(tug_stream_lines(&lines, &reader, 1));
    tug_buffered_reader_free(&reader);
    return 0;
}

#if TUG_FAULT_INJECTION
static int64_t collecting_without_memory(void *unused)
{
    (void)unused;
    struct script script;
    void *items;
    size_t count;
    struct tug_stream *stream = script_init(&script, SCRIPT(1, 2));
    CHECK_EQUAL(tug_fault_fail("realloc", 1, 1, ENOMEM), 0);
    CHECK_EQUAL(tug_stream_collect(stream, &items, &count), -ENOMEM);
    tug_fault_reset();
    CHECK_EQUAL(tokens_alive(), 0);
    EXPECT(stream, 2);
    script_close(stream);
    return 0;
}
#endif

static int64_t add(void *sum, void *item)
{
    struct token *token = item;
    if (token->value == 9)
        return -EDOM;
    CHECK_EQUAL(tug_yield(), 0);
    *(int64_t *)sum += token->value;
    return 0;
}

static int64_t folding(void *unused)
{
    (void)unused;
    struct script script;
    int64_t sum = 0;
    struct tug_stream *stream = script_init(&script, SCRIPT(1, 2, 9, 3, -EIO, 4, SCRIPT_PAUSE, 5));
    CHECK_EQUAL(tug_stream_fold(stream, add, &sum), -EDOM);
    CHECK_EQUAL(sum, 3);
    CHECK_EQUAL(tug_stream_fold(stream, add, &sum), -EIO);
    CHECK_EQUAL(sum, 6);
    CHECK_EQUAL(tug_stream_fold(stream, add, &sum), 0);
    CHECK_EQUAL(sum, 15);
    script_close(stream);
    return 0;
}

static void outside_of_a_runtime(void **state)
{
    (void)state;
    struct tug_stream_items source;
    int number = 1;
    struct tug_stream *stream = tug_stream_once(&source, &number, TUG_ITEM(int));
    assert_int_equal(tug_next(stream, &number), -EPERM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_EACH(items_errors_and_the_end),
        IN_EACH(polls_are_counted),
        IN_EACH(a_cancelled_wait_loses_nothing),
        IN_EACH(who_waited_may_be_gone),
        IN_EACH(an_item_is_one_of_several_futures),
        IN_EACH(closing_is_not_cancelled),
        IN_EACH(collecting),
        IN_EACH(collecting_many_gives_way),
        IN_EACH(sources_give_way),
#if TUG_FAULT_INJECTION
        IN_EACH(collecting_without_memory),
#endif
        IN_EACH(folding),
        cmocka_unit_test(outside_of_a_runtime),
    };
    return cmocka_run_group_tests_name("stream/stream", tests, NULL, NULL);
}
