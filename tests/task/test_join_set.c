/* SPDX-License-Identifier: MIT */
/*
 * Join sets: every result once, in the order in which the children end, whoever aborts what, and
 * whoever lets whom go.
 */
#include <errno.h>

#include "../runtime/fixture.h"
#include "sys/sanitizer.h"

static void spawn(struct tug_join_set *set, tug_task_fn fn, int64_t argument)
{
    CHECK_EQUAL(tug_join_set_spawn(set, fn, fixture_argument(argument)), 0);
}

static uint64_t spawn_with_id(struct tug_join_set *set, tug_task_fn fn, int64_t argument)
{
    uint64_t id = 0;
    CHECK_EQUAL(tug_join_set_spawn_with(set, NULL, fn, fixture_argument(argument), &id), 0);
    CHECK(id != 0);
    return id;
}

static int64_t next(struct tug_join_set *set)
{
    int64_t result = INT64_MIN;
    CHECK_EQUAL(tug_join_set_next(set, &result, NULL), 1);
    return result;
}

static void expect_empty(struct tug_join_set *set)
{
    CHECK_EQUAL(tug_join_set_length(set), 0);
    CHECK_EQUAL(tug_join_set_next(set, NULL, NULL), 0);
    CHECK_EQUAL(tug_join_set_try_next(set, NULL, NULL), 0);
}

static int64_t an_empty_set_has_no_next(void *argument)
{
    (void)argument;
    struct tug_join_set set;
    tug_join_set_init(&set);
    expect_empty(&set);
    tug_join_set_abort_all(&set);
    tug_join_set_detach_all(&set);
    CHECK_EQUAL(tug_join_set_shutdown(&set), 0);
    expect_empty(&set);
    return 0;
}

static int64_t sleep_ms(void *argument)
{
    CHECK_EQUAL(tug_sleep((uint64_t)fixture_number(argument) * TUG_MILLISECOND), 0);
    return fixture_number(argument);
}

static uint64_t alive_tasks(void)
{
    struct tug_runtime_metrics metrics;
    tug_runtime_metrics(tug_runtime_current(), &metrics);
    return metrics.alive_tasks;
}

static int64_t return_what_comes(void *argument)
{
    int64_t value = -1;
    CHECK_EQUAL(tug_oneshot_receive(argument, &value), 0);
    return value;
}

static int64_t results_come_in_order_of_the_ends(void *argument)
{
    (void)argument;
    static const int order[] = {1, 2, 0};
    struct tug_oneshot channels[3];
    struct tug_join_set set;
    tug_join_set_init(&set);
    for (int i = 0; i < 3; i++) {
        tug_oneshot_init(&channels[i]);
        CHECK_EQUAL(tug_join_set_spawn(&set, return_what_comes, &channels[i]), 0);
    }
    CHECK_EQUAL(tug_join_set_length(&set), 3);
    for (int i = 0; i < 3; i++) {
        CHECK_EQUAL(tug_join_set_try_next(&set, NULL, NULL), -EAGAIN);
        CHECK_EQUAL(tug_oneshot_send(&channels[order[i]], order[i]), 0);
        CHECK_EQUAL(next(&set), order[i]);
    }
    /* Two ends before anybody looks. */
    for (int i = 0; i < 2; i++) {
        tug_oneshot_init(&channels[i]);
        CHECK_EQUAL(tug_join_set_spawn(&set, return_what_comes, &channels[i]), 0);
    }
    for (int i = 1; i >= 0; i--) {
        CHECK_EQUAL(tug_oneshot_send(&channels[i], i), 0);
        AWAIT(alive_tasks() == 1 + (uint64_t)i);
    }
    CHECK_EQUAL(next(&set), 1);
    CHECK_EQUAL(next(&set), 0);
    expect_empty(&set);
    return 0;
}

static int64_t alternating(void *argument)
{
    (void)argument;
    struct tug_join_set set;
    tug_join_set_init(&set);
    spawn(&set, fixture_return, 0);
    spawn(&set, fixture_return, 0);
    for (int i = 0; i < 32; i++) {
        CHECK_EQUAL(tug_join_set_length(&set), 2);
        CHECK_EQUAL(next(&set), 0);
        spawn(&set, fixture_return, 0);
    }
    next(&set);
    next(&set);
    expect_empty(&set);
    return 0;
}

static int64_t every_result_comes_once(void *argument)
{
    (void)argument;
    enum { COUNT = 500 };
    bool seen[COUNT] = {false};
    struct tug_join_set set;
    tug_join_set_init(&set);
    for (int i = 0; i < COUNT; i++)
        spawn(&set, i % 7 == 0 ? sleep_ms : fixture_return, i % 7 == 0 ? i % 49 / 7 : i);
    int sleepers = 0, outcome;
    int64_t value;
    while ((outcome = tug_join_set_next(&set, &value, NULL)) == 1) {
        CHECK_RANGE(value, 0, COUNT - 1);
        if (value % 7 == 0 || value < 7)
            sleepers++;
        else
            CHECK(!seen[value]);
        seen[value] = true;
    }
    CHECK_EQUAL(outcome, 0);
    for (int i = 7; i < COUNT; i++)
        CHECK(i % 7 == 0 || seen[i]);
    CHECK_RANGE(sleepers, COUNT / 7, COUNT / 7 + 8);
    return 0;
}

static int64_t aborted_one_by_one(void *argument)
{
    (void)argument;
    enum { COUNT = 16 };
    uint64_t ids[COUNT], id;
    struct tug_join_set set;
    tug_join_set_init(&set);
    for (int i = 0; i < COUNT; i++) {
        ids[i] = spawn_with_id(&set, i % 2 == 0 ? fixture_sleep_forever : sleep_ms, 40);
        for (int j = 0; j < i; j++)
            CHECK(ids[i] != ids[j]);
    }
    CHECK_EQUAL(tug_join_set_abort(&set, UINT64_MAX), -ENOENT);
    for (int i = 0; i < COUNT; i += 2)
        CHECK_EQUAL(tug_join_set_abort(&set, ids[i]), 0);
    for (int i = 0; i < COUNT; i++) {
        int64_t result;
        CHECK_EQUAL(tug_join_set_next(&set, &result, &id), 1);
        int child = 0;
        while (ids[child] != id)
            CHECK(++child < COUNT);
        CHECK_EQUAL(result, child % 2 == 0 ? -ECANCELED : 40);
        CHECK_EQUAL(tug_join_set_abort(&set, id), -ENOENT);
    }
    expect_empty(&set);
    return 0;
}

static int64_t all_are_aborted(void *argument)
{
    (void)argument;
    struct tug_join_set set;
    tug_join_set_init(&set);
    for (int i = 0; i < 5; i++)
        spawn(&set, fixture_sleep_forever, 0);
    spawn(&set, fixture_return, 7);
    CHECK_EQUAL(next(&set), 7);
    tug_join_set_abort_all(&set);
    CHECK_EQUAL(tug_join_set_length(&set), 5);
    spawn(&set, fixture_return, 8); /* it is not closed by that */
    int aborted = 0, returned = 0;
    for (int i = 0; i < 6; i++) {
        int64_t result = next(&set);
        aborted += result == -ECANCELED;
        returned += result == 8;
    }
    CHECK_EQUAL(aborted, 5);
    CHECK_EQUAL(returned, 1);
    expect_empty(&set);
    return 0;
}

static int ended; /* atomic */

static int64_t end_with(int64_t result)
{
    __atomic_fetch_add(&ended, 1, __ATOMIC_ACQ_REL);
    return result;
}

static int64_t clean_up(void *argument)
{
    (void)argument;
    int64_t result = fixture_sleep_forever(NULL);
    struct tug_scope shield;
    tug_shield_begin(&shield);
    CHECK_EQUAL(tug_sleep(2 * TUG_MILLISECOND), 0);
    tug_scope_end(&shield, 0);
    return end_with(result);
}

static int64_t shutdown_waits(void *argument)
{
    (void)argument;
    for (int cancelled = 0; cancelled < 2; cancelled++) {
        __atomic_store_n(&ended, 0, __ATOMIC_RELEASE);
        struct tug_join_set set;
        struct tug_scope scope;
        tug_join_set_init(&set);
        for (int i = 0; i < 10; i++)
            spawn(&set, clean_up, 0);
        tug_scope_begin(&scope, TUG_FOREVER, NULL);
        if (cancelled)
            tug_scope_cancel(&scope);
        CHECK_EQUAL(tug_join_set_shutdown(&set), cancelled ? -ECANCELED : 0);
        tug_scope_end(&scope, 0);
        CHECK_EQUAL(__atomic_load_n(&ended, __ATOMIC_ACQUIRE), 10);
        expect_empty(&set);
    }
    return 0;
}

static int64_t yield_and_end(void *argument)
{
    for (int64_t i = fixture_number(argument) % 4; i > 0; i--)
        tug_yield();
    return end_with(0);
}

/* The set's memory goes at once: a child that still touched it would be seen. Some have ended, some
 * are about to, some have not begun. */
static int64_t those_let_go_end_by_themselves(void *argument)
{
    (void)argument;
    enum { ROUNDS = TUG_TSAN ? 50 : 300, CHILDREN = 8 };
    __atomic_store_n(&ended, 0, __ATOMIC_RELEASE);
    for (int round = 0; round < ROUNDS; round++) {
        struct tug_join_set *set = malloc(sizeof *set);
        CHECK(set != NULL);
        tug_join_set_init(set);
        for (int i = 0; i < CHILDREN; i++)
            spawn(set, yield_and_end, i);
        for (int i = round % 5; i > 0; i--)
            tug_yield();
        tug_join_set_detach_all(set);
        CHECK_EQUAL(tug_join_set_length(set), 0);
        expect_empty(set);
        memset(set, 0x5a, sizeof *set);
        free(set);
    }
    AWAIT(__atomic_load_n(&ended, __ATOMIC_ACQUIRE) == ROUNDS * CHILDREN);
    return 0;
}

/* A child that is about to end, on another worker, as it is let go: any moment may be the one. */
static int64_t end_soon(void *argument)
{
    for (int64_t spins = fixture_number(argument); spins > 0; spins--)
        __asm__ volatile("");
    return 0;
}

static int64_t let_go_at_the_last_moment(void *argument)
{
    (void)argument;
    enum { ROUNDS = TUG_TSAN || TUG_ASAN ? 500 : 5000 };
    uint32_t random = (uint32_t)getpid();
    printf("seed %u\n", random);
    for (int round = 0; round < ROUNDS; round++) {
        struct tug_join_set *set = malloc(sizeof *set);
        CHECK(set != NULL);
        tug_join_set_init(set);
        random = random * 1664525 + 1013904223;
        for (int i = 0; i < 3; i++)
            spawn(set, end_soon, random >> (8 + 3 * i) & 255);
        end_soon(fixture_argument(random >> 20));
        if (round % 4 == 0)
            tug_yield();
        tug_join_set_detach_all(set);
        memset(set, 0x5a, sizeof *set);
        free(set);
    }
    return 0;
}

/* ---- waiting ---- */

static int64_t a_cancelled_wait_loses_nothing(void *argument)
{
    (void)argument;
    struct tug_join_set set;
    tug_join_set_init(&set);
    spawn(&set, sleep_ms, 20);
    struct tug_scope scope;
    tug_scope_begin(&scope, tug_deadline_after(TUG_MILLISECOND), NULL);
    CHECK_EQUAL(tug_scope_end(&scope, tug_join_set_next(&set, NULL, NULL)), -ETIMEDOUT);
    CHECK_EQUAL(tug_join_set_length(&set), 1);
    CHECK_EQUAL(next(&set), 20);
    expect_empty(&set);
    return 0;
}

static int64_t one_of_several_futures(void *argument)
{
    (void)argument;
    struct tug_join_set set;
    tug_join_set_init(&set);
    spawn(&set, sleep_ms, 20);
    for (int late = 0; late < 2; late++) {
        struct tug_sleep_future sleep;
        struct tug_join_set_future wait;
        tug_sleep_future_init(&sleep, late ? TUG_FOREVER : tug_now() + TUG_MILLISECOND);
        tug_join_set_future_init(&wait, &set);
        struct tug_future *futures[] = {&sleep.future, &wait.future};
        CHECK_EQUAL(tug_select(futures, 2), late);
        CHECK_EQUAL(wait.future.result, late ? 1 : -ECANCELED);
        CHECK_EQUAL(tug_join_set_length(&set), late ? 0 : 1);
        CHECK(!late || (wait.value == 20 && wait.id != 0));
    }
    return 0;
}

/* 1,000 results that are all there: the wait gives way in between. */
static int64_t waiting_is_cooperative(void *argument)
{
    (void)argument;
    enum { COUNT = 1000 };
    struct tug_join_set set;
    tug_join_set_init(&set);
    for (int i = 0; i < COUNT; i++)
        spawn(&set, fixture_return, 0);
    AWAIT(alive_tasks() == 1);
    struct tug_worker_metrics before, after;
    struct tug_runtime *runtime = tug_runtime_current();
    uint64_t exhausted = 0;
    unsigned workers = fixture_current()->workers == 0 ? 1 : fixture_current()->workers;
    for (unsigned i = 0; i < workers; i++) {
        CHECK_EQUAL(tug_runtime_worker_metrics(runtime, i, &before), 0);
        exhausted -= before.budget_exhausted;
    }
    for (int i = 0; i < COUNT; i++)
        CHECK_EQUAL(next(&set), 0);
    for (unsigned i = 0; i < workers; i++) {
        CHECK_EQUAL(tug_runtime_worker_metrics(runtime, i, &after), 0);
        exhausted += after.budget_exhausted;
    }
    CHECK_RANGE(exhausted, COUNT / 128 - 1, COUNT);
    expect_empty(&set);
    return 0;
}

/* ---- other kinds of children ---- */

static int64_t poll_tasks_are_children(void *argument)
{
    (void)argument;
    struct tug_join_set set;
    struct tug_sleep_future sleeps[3];
    uint64_t id = 0;
    tug_join_set_init(&set);
    for (int i = 0; i < 3; i++) {
        tug_sleep_future_init(&sleeps[i], i == 2 ? TUG_FOREVER : tug_now() + TUG_MILLISECOND);
        CHECK_EQUAL(tug_join_set_spawn_future(&set, NULL, &sleeps[i].future, &id), 0);
    }
    CHECK_EQUAL(next(&set), 0);
    CHECK_EQUAL(next(&set), 0);
    CHECK_EQUAL(tug_join_set_abort(&set, id), 0);
    CHECK_EQUAL(next(&set), -ECANCELED);
    expect_empty(&set);
    return 0;
}

static int64_t shut_down(void *runtime)
{
    return tug_runtime_shutdown(runtime, TUG_FOREVER);
}

/* The children belong to a runtime that ends: each has a result all the same. */
static int64_t the_runtime_of_the_children_is_gone(void *argument)
{
    (void)argument;
    struct tug_runtime *other = fixture_create_with(2);
    struct tug_spawn_options options = TUG_SPAWN_OPTIONS_INIT;
    struct tug_join_set set;
    options.runtime = other;
    tug_join_set_init(&set);
    for (int i = 0; i < 10; i++)
        CHECK_EQUAL(tug_join_set_spawn_with(&set, &options,
                                            i < 5 ? fixture_sleep_forever : sleep_ms,
                                            fixture_argument(0), NULL),
                    0);
    for (int i = 0; i < 5; i++)
        CHECK_EQUAL(next(&set), 0);
    CHECK_EQUAL(fixture_on_thread(shut_down, other), 0);
    for (int i = 0; i < 5; i++)
        CHECK_EQUAL(next(&set), -ECANCELED);
    expect_empty(&set);
    return 0;
}

static void outside_of_a_coroutine(struct tug_runtime *runtime)
{
    struct tug_join_set set;
    tug_join_set_init(&set);
    CHECK_EQUAL(tug_join_set_spawn(&set, fixture_return, NULL), -EPERM);
    CHECK_EQUAL(tug_join_set_next(&set, NULL, NULL), -EPERM);
    CHECK_EQUAL(tug_join_set_shutdown(&set), -EPERM);
    (void)runtime;
}

static int64_t options_are_looked_at(void *argument)
{
    (void)argument;
    struct tug_join_set set;
    struct tug_spawn_options options = TUG_SPAWN_OPTIONS_INIT;
    tug_join_set_init(&set);
    options.worker = 4;
    CHECK_EQUAL(tug_join_set_spawn_with(&set, &options, fixture_return, NULL, NULL), -EINVAL);
    options.worker = 0;
    CHECK_EQUAL(tug_join_set_spawn_with(&set, &options, fixture_return, NULL, NULL), 0);
    CHECK_EQUAL(next(&set), 0);
    expect_empty(&set);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_EACH(an_empty_set_has_no_next),
        IN_EACH(results_come_in_order_of_the_ends),
        IN_EACH(alternating),
        IN_EACH(every_result_comes_once),
        IN_EACH(aborted_one_by_one),
        IN_EACH(all_are_aborted),
        IN_EACH(shutdown_waits),
        IN_EACH(those_let_go_end_by_themselves),
        IN_MULTI_THREAD(let_go_at_the_last_moment),
        IN_EACH(a_cancelled_wait_loses_nothing),
        IN_EACH(one_of_several_futures),
        IN_EACH(waiting_is_cooperative),
        IN_EACH(poll_tasks_are_children),
        IN_EACH(the_runtime_of_the_children_is_gone),
        OUTSIDE_EACH(outside_of_a_coroutine),
        IN_EACH(options_are_looked_at),
    };
    return cmocka_run_group_tests_name("task/join_set", tests, NULL, NULL);
}
