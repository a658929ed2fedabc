/* SPDX-License-Identifier: MIT */
/*
 * Streams made of streams: what comes out, in which order, who is asked, and that no item is lost.
 */
#include <errno.h>

#include "script.h"
#include "sys/fault.h"

/* ---- One item at a time ---- */

static int double_it(void *calls, void *input, void *output)
{
    struct token *token = input;
    ++*(int *)calls;
    if (token->value == 13)
        return -EDOM;
    struct token result = token_make(2 * token->value);
    memcpy(output, &result, sizeof result);
    return 0;
}

static int64_t mapping(void *unused)
{
    (void)unused;
    struct script script;
    struct tug_stream_map map;
    int calls = 0;
    struct tug_stream *stream = script_init(&script, SCRIPT(1, SCRIPT_PAUSE, -EIO, 13, 4));
    stream = tug_stream_map(&map, stream, token_item, double_it, &calls);
    EXPECT(stream, 2, -EIO, -EDOM, 8);
    CHECK_EQUAL(calls, 3);
    script_close(stream);
    CHECK_EQUAL(script.closed, 1);
    return 0;
}

/* Takes out of an odd token what it owns; leaves even ones out. */
static int take_odd(void *unused, void *input, void *output)
{
    (void)unused;
    struct token *token = input;
    if (token->value == 13)
        return -EDOM;
    if (token->value % 2 == 0)
        return 0;
    memcpy(output, token, sizeof *token);
    token->owned = NULL;
    return 1;
}

static int64_t mapping_and_filtering(void *unused)
{
    (void)unused;
    struct script script;
    struct tug_stream_map map;
    struct tug_stream *stream = script_init(&script, SCRIPT(2, 1, SCRIPT_PAUSE, 4, 13, -EIO, 3, 6));
    stream = tug_stream_filter_map(&map, stream, token_item, take_odd, NULL);
    EXPECT(stream, 1, -EDOM, -EIO, 3);
    script_close(stream);
    return 0;
}

static bool is_below(void *limit, const void *item)
{
    return ((const struct token *)item)->value < *(int64_t *)limit;
}

static int64_t filtering(void *unused)
{
    (void)unused;
    struct script script;
    struct tug_stream_filter filter;
    int64_t limit = 5;
    struct tug_stream *stream =
        script_init(&script, SCRIPT(9, 1, 8, SCRIPT_PAUSE, 7, -EIO, 4, 5, 0));
    stream = tug_stream_filter(&filter, stream, is_below, &limit);
    EXPECT(stream, 1, -EIO, 4, 0);
    script_close(stream);
    return 0;
}

/* One that leaves out everything must not keep its worker to itself. */
static int64_t filtering_gives_way(void *unused)
{
    (void)unused;
    enum { COUNT = 1000 };
    struct token tokens[COUNT], token;
    struct tug_stream_items source;
    struct tug_stream_filter filter;
    int64_t limit = 0;
    struct tug_worker_metrics before, after;
    for (int i = 0; i < COUNT; i++)
        tokens[i] = token_make(i);
    struct tug_stream *stream = tug_stream_items(&source, tokens, COUNT, token_item);
    stream = tug_stream_filter(&filter, stream, is_below, &limit);
    struct tug_runtime *runtime = tug_runtime_current();
    CHECK_EQUAL(tug_runtime_worker_metrics(runtime, 0, &before), 0);
    CHECK_EQUAL(tug_next(stream, &token), 0);
    CHECK_EQUAL(tug_runtime_worker_metrics(runtime, 0, &after), 0);
    CHECK_RANGE(after.budget_exhausted - before.budget_exhausted, COUNT / 128, COUNT / 128 + 1);
    script_close(stream);
    return 0;
}

static int64_t taking_while(void *unused)
{
    (void)unused;
    struct script script;
    struct tug_stream_filter filter;
    int64_t limit = 5;
    struct tug_stream *stream = script_init(&script, SCRIPT(1, -EIO, 2, 5, 3));
    stream = tug_stream_take_while(&filter, stream, is_below, &limit);
    EXPECT(stream, 1, -EIO, 2);
    CHECK_EQUAL(script.polls, 4); /* not asked after the end */
    script_close(stream);
    CHECK_EQUAL(script.closed, 1);
    return 0;
}

static int64_t taking_and_skipping(void *unused)
{
    (void)unused;
    struct script script;
    struct tug_stream_count skip, take;
    struct tug_stream *stream =
        script_init(&script, SCRIPT(1, -EIO, 2, SCRIPT_PAUSE, 3, -EPIPE, 4, 5, 6));
    stream = tug_stream_skip(&skip, stream, 2);
    stream = tug_stream_take(&take, stream, 2);
    EXPECT(stream, -EIO, 3, -EPIPE, 4);
    script_close(stream);
    stream = tug_stream_take(&take, script_init(&script, SCRIPT(1)), 0);
    EXPECT_END(stream);
    CHECK_EQUAL(script.polls, 0);
    script_close(stream);
    stream = tug_stream_skip(&skip, script_init(&script, SCRIPT(1)), 7);
    EXPECT_END(stream);
    script_close(stream);
    return 0;
}

/* ---- Several ---- */

static int64_t chaining(void *unused)
{
    (void)unused;
    struct script first, second;
    struct tug_stream_chain chain;
    struct tug_stream *stream =
        tug_stream_chain(&chain, script_init(&first, SCRIPT(1, -EIO, SCRIPT_PAUSE)),
                         script_init(&second, SCRIPT(SCRIPT_PAUSE, 2)));
    EXPECT(stream, 1, -EIO, 2);
    script_close(stream);
    CHECK_EQUAL(first.closed + second.closed, 2);
    return 0;
}

static int64_t merging_is_fair(void *unused)
{
    (void)unused;
    struct script scripts[3];
    struct tug_stream_merge merge;
    struct tug_stream *sources[] = {
        script_init(&scripts[0], SCRIPT(1, 2, 3, 4, 5, 6)),
        script_init(&scripts[1], SCRIPT(11, -EIO, SCRIPT_PAUSE, 13)),
        script_init(&scripts[2], SCRIPT(21, 22)),
    };
    struct tug_stream *stream = tug_stream_merge(&merge, sources, 3);
    EXPECT(stream, 1, 11, 21, 2, -EIO, 22, 3, 4, 13, 5, 6);
    script_close(stream);
    for (int i = 0; i < 3; i++)
        CHECK_EQUAL(scripts[i].closed, 1);
    return 0;
}

static int64_t go_on_later(void *script)
{
    CHECK_EQUAL(tug_sleep(2 * TUG_MILLISECOND), 0);
    script_go_on(script);
    return 0;
}

static int64_t merging_waits_for_any(void *unused)
{
    (void)unused;
    struct script scripts[2];
    struct tug_stream_merge merge;
    struct tug_stream *sources[] = {
        script_init(&scripts[0], SCRIPT(SCRIPT_BLOCK, 1)),
        script_init(&scripts[1], SCRIPT(SCRIPT_BLOCK, 2)),
    };
    struct tug_stream *stream = tug_stream_merge(&merge, sources, 2);
    struct token token;
    struct tug_task *task = fixture_spawn(go_on_later, &scripts[1]);
    CHECK_EQUAL(tug_next(stream, &token), 1);
    CHECK_EQUAL(token.value, 2);
    token_drop(&token);
    CHECK_EQUAL(fixture_join(task), 0);
    task = fixture_spawn(go_on_later, &scripts[0]);
    EXPECT(stream, 1);
    CHECK_EQUAL(fixture_join(task), 0);
    script_close(stream);
    return 0;
}

static int pair_up(void *unused, void *first, void *second, void *output)
{
    (void)unused;
    int64_t sum = ((struct token *)first)->value * 100 + ((struct token *)second)->value;
    if (sum == 303)
        return -EDOM;
    struct token token = token_make(sum);
    memcpy(output, &token, sizeof token);
    return 0;
}

static int64_t zipping(void *unused)
{
    (void)unused;
    struct script first, second;
    struct tug_stream_zip zip;
    struct tug_stream *stream =
        tug_stream_zip(&zip, script_init(&first, SCRIPT(1, -EIO, 2, SCRIPT_PAUSE, 3, 4, 5)),
                       script_init(&second, SCRIPT(SCRIPT_PAUSE, 1, -EPIPE, 2, 3, SCRIPT_PAUSE, 4)),
                       token_item, pair_up, NULL);
    EXPECT(stream, 101, -EIO, -EPIPE, 202, -EDOM, 404);
    script_close(stream);
    stream = tug_stream_zip(&zip, script_init(&first, SCRIPT(1)),
                            script_init(&second, SCRIPT(1, 2, 3)), token_item, pair_up, NULL);
    EXPECT(stream, 101);
    script_close(stream);
    CHECK_EQUAL(first.closed + second.closed, 2);
    return 0;
}

/* Half of a pair is given up with the stream. */
static int64_t an_item_without_a_partner(void *unused)
{
    (void)unused;
    struct script first, second;
    struct tug_stream_zip zip;
    struct token token;
    struct tug_stream *stream =
        tug_stream_zip(&zip, script_init(&first, SCRIPT(1)),
                       script_init(&second, SCRIPT(SCRIPT_BLOCK)), token_item, pair_up, NULL);
    CHECK_EQUAL(TUG_TIMEOUT(TUG_MILLISECOND, tug_next(stream, &token)), -ETIMEDOUT);
    CHECK_EQUAL(tokens_alive(), 1);
    script_close(stream);
    return 0;
}

/* ---- Streams of streams ---- */

static void drop_script(void *item)
{
    struct script *script = *(struct script **)item;
    free(script);
}

static const struct tug_item script_pointer = {sizeof(struct tug_stream *), drop_script};

static struct tug_stream *new_script(const int64_t *steps)
{
    struct script *script = malloc(sizeof *script);
    CHECK(script != NULL);
    return script_init(script, steps);
}

static int64_t flattening(void *unused)
{
    (void)unused;
    static const int64_t empty[] = {SCRIPT_END};
    struct tug_stream *inner[] = {
        new_script(SCRIPT(1, SCRIPT_PAUSE, 2)),
        new_script(empty),
        new_script(SCRIPT(-EIO, 3)),
        new_script(SCRIPT(4, 5)),
        new_script(SCRIPT(6)),
    };
    struct tug_stream_items source;
    struct tug_stream_flatten flatten;
    struct tug_stream_count take;
    struct tug_stream *stream = tug_stream_items(&source, inner, 5, script_pointer);
    stream = tug_stream_flatten(&flatten, stream, token_item);
    stream = tug_stream_take(&take, stream, 4);
    EXPECT(stream, 1, 2, -EIO, 3, 4);
    script_close(stream);
    return 0;
}

/* ---- Looking ahead ---- */

static int64_t looking_takes_nothing(void *unused)
{
    (void)unused;
    struct script script;
    struct tug_stream_peekable peekable;
    void *item;
    struct tug_stream *stream = script_init(&script, SCRIPT(1, SCRIPT_PAUSE, -EIO, 2));
    stream = tug_stream_peekable(&peekable, stream);
    for (int i = 0; i < 2; i++) {
        CHECK_EQUAL(tug_stream_peek(&peekable, &item), 1);
        CHECK_EQUAL(((struct token *)item)->value, 1);
    }
    CHECK_EQUAL(script.polls, 1);
    struct token token;
    CHECK_EQUAL(tug_next(stream, &token), 1);
    CHECK_EQUAL(token.value, 1);
    token_drop(&token);
    CHECK_EQUAL(tug_stream_peek(&peekable, &item), -EIO);
    CHECK_EQUAL(tug_stream_peek(&peekable, &item), -EIO);
    CHECK_EQUAL(tug_next(stream, &token), -EIO);
    EXPECT(stream, 2);
    CHECK_EQUAL(tug_stream_peek(&peekable, &item), 0);
    EXPECT_END(stream);
    script_close(stream);
    return 0;
}

static int64_t what_was_looked_at_is_given_up(void *unused)
{
    (void)unused;
    struct script script;
    struct tug_stream_peekable peekable;
    void *item;
    struct tug_stream *stream =
        tug_stream_peekable(&peekable, script_init(&script, SCRIPT(SCRIPT_BLOCK, 1, 2)));
    CHECK_EQUAL(TUG_TIMEOUT(TUG_MILLISECOND, tug_stream_peek(&peekable, &item)), -ETIMEDOUT);
    script_go_on(&script);
    CHECK_EQUAL(tug_stream_peek(&peekable, &item), 1);
    CHECK_EQUAL(tokens_alive(), 1);
    script_close(stream);
    return 0;
}

static int64_t taking_what_is_wanted(void *unused)
{
    (void)unused;
    struct script script;
    struct tug_stream_peekable peekable;
    struct token token;
    int64_t limit = 5;
    struct tug_stream *stream =
        tug_stream_peekable(&peekable, script_init(&script, SCRIPT(1, 5, -EIO)));
    CHECK_EQUAL(tug_stream_next_if(&peekable, &token, is_below, &limit), 1);
    CHECK_EQUAL(token.value, 1);
    token_drop(&token);
    CHECK_EQUAL(tug_stream_next_if(&peekable, &token, is_below, &limit), 0);
    limit = 6;
    CHECK_EQUAL(tug_stream_next_if(&peekable, &token, is_below, &limit), 1);
    CHECK_EQUAL(token.value, 5);
    token_drop(&token);
    CHECK_EQUAL(tug_stream_next_if(&peekable, &token, is_below, &limit), -EIO);
    EXPECT(stream, -EIO);
    CHECK_EQUAL(tug_stream_next_if(&peekable, &token, is_below, &limit), 0);
    script_close(stream);
    return 0;
}

#if TUG_FAULT_INJECTION
static int64_t without_memory(void *unused)
{
    (void)unused;
    struct script first, second;
    struct tug_stream_peekable peekable;
    struct tug_stream_zip zip;
    void *item;
    struct tug_stream *stream = tug_stream_peekable(&peekable, script_init(&first, SCRIPT(1)));
    CHECK_EQUAL(tug_fault_fail("malloc", 1, 1, ENOMEM), 0);
    CHECK_EQUAL(tug_stream_peek(&peekable, &item), -ENOMEM);
    EXPECT(stream, 1);
    script_close(stream);
    stream = tug_stream_zip(&zip, script_init(&first, SCRIPT(1)), script_init(&second, SCRIPT(1)),
                            token_item, pair_up, NULL);
    tug_fault_reset();
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
        IN_EACH(mapping),
        IN_EACH(mapping_and_filtering),
        IN_EACH(filtering),
        IN_CURRENT_THREAD(filtering_gives_way),
        IN_EACH(taking_while),
        IN_EACH(taking_and_skipping),
        IN_EACH(chaining),
        IN_EACH(merging_is_fair),
        IN_EACH(merging_waits_for_any),
        IN_EACH(zipping),
        IN_EACH(an_item_without_a_partner),
        IN_EACH(flattening),
        IN_EACH(looking_takes_nothing),
        IN_EACH(what_was_looked_at_is_given_up),
        IN_EACH(taking_what_is_wanted),
#if TUG_FAULT_INJECTION
        IN_EACH(without_memory),
#endif
    };
    return cmocka_run_group_tests_name("stream/combine", tests, NULL, NULL);
}
