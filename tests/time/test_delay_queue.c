/* SPDX-License-Identifier: MIT */
/*
 * Delay queues: nothing comes out early, twice, or not at all; on a clock that stands still,
 * exactly.
 */
#include <errno.h>

#include "../runtime/fixture.h"
#include "../runtime/user_waker.h"
#include "sys/fault.h"

#define MS TUG_MILLISECOND

struct item {
    struct tug_delay_entry entry;
    int number;
};

static struct tug_delay_queue *make_queue(void)
{
    struct tug_delay_queue *queue = NULL;
    CHECK_EQUAL(tug_delay_queue_create(&queue), 0);
    return queue;
}

static int next(struct tug_delay_queue *queue)
{
    struct tug_delay_entry *entry = NULL;
    CHECK_EQUAL(tug_delay_queue_next(queue, &entry), 1);
    return ((struct item *)entry)->number;
}

static void expect_empty(struct tug_delay_queue *queue)
{
    struct tug_delay_entry *entry;
    CHECK_EQUAL(tug_delay_queue_length(queue), 0);
    CHECK_EQUAL(tug_delay_queue_next(queue, &entry), 0);
}

static int64_t they_come_out_in_order(void *argument)
{
    (void)argument;
    struct tug_delay_queue *queue = make_queue();
    struct item items[6] = {0};
    /* All are in before the first is due. */
    uint64_t start = tug_now() + 100 * MS;
    static const int after[6] = {20, 5, 5, 0, 50, 20}; /* ms */
    static const int order[6] = {3, 1, 2, 0, 5, 4};
    expect_empty(queue);
    for (int i = 0; i < 6; i++) {
        items[i].number = i;
        tug_delay_queue_insert(queue, &items[i].entry, start + (uint64_t)after[i] * MS);
    }
    CHECK_EQUAL(tug_delay_queue_length(queue), 6);
    for (int i = 0; i < 6; i++) {
        int n = next(queue);
        CHECK_EQUAL(n, order[i]);
        CHECK(tug_now() >= items[n].entry.deadline);
        CHECK(!tug_delay_queue_remove(queue, &items[n].entry));
    }
    expect_empty(queue);
    tug_delay_queue_destroy(queue);
    return 0;
}

static int64_t what_has_passed_comes_at_once(void *argument)
{
    (void)argument;
    struct tug_delay_queue *queue = make_queue();
    struct item items[3] = {0};
    for (int i = 0; i < 3; i++) {
        items[i].number = i;
        tug_delay_queue_insert(queue, &items[i].entry, i == 1 ? 0 : tug_now());
    }
    for (int i = 0; i < 3; i++)
        next(queue);
    expect_empty(queue);
    tug_delay_queue_destroy(queue);
    tug_delay_queue_destroy(NULL);
    return 0;
}

/* ---- a clock that stands still ---- */

static int64_t removed_and_moved(void *argument)
{
    (void)argument;
    CHECK_EQUAL(tug_time_pause(), 0);
    struct tug_delay_queue *queue = make_queue();
    struct item a = {.number = 1}, b = {.number = 2}, c = {.number = 3};
    uint64_t start = tug_now();
    CHECK(!tug_delay_queue_remove(queue, &a.entry));
    CHECK(!tug_delay_queue_reset(queue, &a.entry, start));
    tug_delay_queue_insert(queue, &a.entry, start + 10 * MS);
    tug_delay_queue_insert(queue, &b.entry, start + 20 * MS);
    tug_delay_queue_insert(queue, &c.entry, start + 30 * MS);
    CHECK(tug_delay_queue_remove(queue, &a.entry));
    CHECK(!tug_delay_queue_remove(queue, &a.entry));
    CHECK(tug_delay_queue_reset(queue, &b.entry, start + 40 * MS));
    CHECK_EQUAL(tug_delay_queue_length(queue), 2);
    CHECK_EQUAL(next(queue), 3);
    CHECK_RANGE(tug_now() - start, 30 * MS, 32 * MS);
    /* Twice, and to earlier. */
    CHECK(tug_delay_queue_reset(queue, &b.entry, start + 500 * MS));
    CHECK(tug_delay_queue_reset(queue, &b.entry, start + 35 * MS));
    CHECK_EQUAL(next(queue), 2);
    CHECK_RANGE(tug_now() - start, 35 * MS, 37 * MS);
    /* What has come out may go in again. */
    tug_delay_queue_insert(queue, &b.entry, start + 60 * MS);
    CHECK_EQUAL(next(queue), 2);
    expect_empty(queue);

    /* Its time has come, but nobody has taken it. */
    tug_delay_queue_insert(queue, &a.entry, tug_now() + 5 * MS);
    tug_delay_queue_insert(queue, &b.entry, tug_now() + 5 * MS);
    CHECK_EQUAL(tug_time_advance(10 * MS), 0);
    CHECK_EQUAL(next(queue), 1);
    CHECK(tug_delay_queue_reset(queue, &b.entry, tug_now() + 100 * MS));
    start = tug_now();
    CHECK_EQUAL(next(queue), 2);
    CHECK_RANGE(tug_now() - start, 100 * MS, 102 * MS);
    expect_empty(queue);
    tug_delay_queue_destroy(queue);
    return 0;
}

static int peek(struct tug_delay_queue *queue)
{
    struct tug_delay_entry *entry = tug_delay_queue_peek(queue);
    return entry != NULL ? ((struct item *)entry)->number : 0;
}

/* Of those in the same slot, and in other ones; of those whose time has come. */
static int64_t the_next_is_seen_beforehand(void *argument)
{
    (void)argument;
    CHECK_EQUAL(tug_time_pause(), 0);
    struct tug_delay_queue *queue = make_queue();
    struct item items[5] = {0};
    static const int after[5] = {90000, 70000, 500000, 70000, 3}; /* ms */
    static const int order[5] = {4, 1, 3, 0, 2};
    uint64_t start = tug_now();
    CHECK(tug_delay_queue_peek(queue) == NULL);
    for (int i = 0; i < 5; i++) {
        items[i].number = i + 1;
        tug_delay_queue_insert(queue, &items[i].entry, start + (uint64_t)after[i] * MS);
    }
    for (int i = 0; i < 5; i++) {
        CHECK_EQUAL(peek(queue), order[i] + 1);
        CHECK_EQUAL(tug_delay_queue_length(queue), 5 - i);
        if (i == 1)
            CHECK_EQUAL(tug_time_advance(70001 * MS), 0);
        CHECK_EQUAL(peek(queue), order[i] + 1);
        CHECK_EQUAL(next(queue), order[i] + 1);
    }
    CHECK(tug_delay_queue_peek(queue) == NULL);
    tug_delay_queue_destroy(queue);
    return 0;
}

static void insert_again(struct tug_delay_entry *entry, void *queue)
{
    struct item *item = (struct item *)entry;
    item->number += 100;
    if (item->number == 101)
        tug_delay_queue_insert(queue, entry, tug_now());
}

static int64_t all_are_taken_out(void *argument)
{
    (void)argument;
    struct tug_delay_queue *queue = make_queue();
    struct item items[4] = {0};
    static const uint64_t after[4] = {0, 100 * TUG_SECOND, 1, 5000 * TUG_SECOND};
    CHECK_EQUAL(tug_delay_queue_clear(queue, NULL, NULL), 0);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 4; i++) {
            items[i].number = i + 1;
            tug_delay_queue_insert(queue, &items[i].entry, tug_now() + after[i]);
        }
        if (round == 0) {
            CHECK_EQUAL(tug_delay_queue_clear(queue, NULL, NULL), 4);
            expect_empty(queue);
        }
    }
    CHECK_EQUAL(tug_delay_queue_clear(queue, insert_again, queue), 4);
    for (int i = 0; i < 4; i++) {
        CHECK_EQUAL(items[i].number, 100 + i + 1);
        CHECK_EQUAL(tug_delay_queue_remove(queue, &items[i].entry), i == 0);
    }
    expect_empty(queue);
    tug_delay_queue_destroy(queue);
    return 0;
}

/* Times beyond the range of the wheel, which is about two years. */
static int64_t very_far_away(void *argument)
{
    (void)argument;
    const uint64_t year = 365 * 24 * 3600 * TUG_SECOND;
    CHECK_EQUAL(tug_time_pause(), 0);
    struct tug_delay_queue *queue = make_queue();
    struct item far = {.number = 1}, farther = {.number = 2}, never = {.number = 3};
    uint64_t start = tug_now();
    tug_delay_queue_insert(queue, &never.entry, TUG_FOREVER);
    tug_delay_queue_insert(queue, &farther.entry, start + 9 * year);
    tug_delay_queue_insert(queue, &far.entry, start + 5 * year);
    CHECK_EQUAL(next(queue), 1);
    CHECK_RANGE(tug_now() - start, 5 * year, 5 * year + 2 * MS);
    CHECK_EQUAL(next(queue), 2);
    CHECK_RANGE(tug_now() - start, 9 * year, 9 * year + 2 * MS);
    CHECK(tug_delay_queue_remove(queue, &never.entry));
    expect_empty(queue);
    tug_delay_queue_destroy(queue);
    return 0;
}

/* ---- one waits, others change the queue ---- */

static int64_t wait_for_one(void *queue)
{
    struct tug_delay_entry *entry = NULL;
    int outcome = tug_delay_queue_next(queue, &entry);
    return outcome == 1 ? ((struct item *)entry)->number : outcome;
}

static int64_t who_waits_is_told(void *argument)
{
    (void)argument;
    struct tug_delay_queue *queue = make_queue();
    struct item late = {.number = 1}, early = {.number = 2};
    tug_delay_queue_insert(queue, &late.entry, tug_now() + 3600 * TUG_SECOND);

    struct tug_task *task = fixture_spawn(wait_for_one, queue);
    CHECK_EQUAL(tug_sleep(2 * MS), 0);
    tug_delay_queue_insert(queue, &early.entry, tug_now() + MS);
    CHECK_EQUAL(fixture_join(task), 2);

    task = fixture_spawn(wait_for_one, queue);
    CHECK_EQUAL(tug_sleep(2 * MS), 0);
    CHECK(tug_delay_queue_reset(queue, &late.entry, tug_now() + MS));
    CHECK_EQUAL(fixture_join(task), 1);

    /* The last entry goes: there is nothing to wait for. */
    for (int clear = 0; clear < 2; clear++) {
        tug_delay_queue_insert(queue, &late.entry, TUG_FOREVER);
        task = fixture_spawn(wait_for_one, queue);
        CHECK_EQUAL(tug_sleep(2 * MS), 0);
        CHECK(clear ? tug_delay_queue_clear(queue, NULL, NULL) == 1
                    : tug_delay_queue_remove(queue, &late.entry));
        CHECK_EQUAL(fixture_join(task), 0);
    }

    /* Aborted while it waits. */
    tug_delay_queue_insert(queue, &late.entry, TUG_FOREVER);
    task = fixture_spawn(wait_for_one, queue);
    CHECK_EQUAL(tug_sleep(2 * MS), 0);
    tug_task_abort(task);
    CHECK_EQUAL(fixture_join(task), -ECANCELED);
    CHECK(tug_delay_queue_remove(queue, &late.entry));
    tug_delay_queue_destroy(queue);
    return 0;
}

static int64_t a_cancelled_wait_takes_nothing(void *argument)
{
    (void)argument;
    struct tug_delay_queue *queue = make_queue();
    struct item item = {.number = 1};
    tug_delay_queue_insert(queue, &item.entry, tug_now() + 20 * MS);
    for (int late = 0; late < 2; late++) {
        struct tug_sleep_future sleep;
        struct tug_delay_queue_future wait;
        tug_sleep_future_init(&sleep, late ? TUG_FOREVER : tug_now() + MS);
        tug_delay_queue_future_init(&wait, queue);
        struct tug_future *futures[] = {&sleep.future, &wait.future};
        CHECK_EQUAL(tug_select(futures, 2), late);
        CHECK_EQUAL(wait.future.result, late ? 1 : -ECANCELED);
        CHECK(wait.entry == (late ? &item.entry : NULL));
    }
    expect_empty(queue);
    tug_delay_queue_destroy(queue);
    return 0;
}

/* ---- wakers that use the queue ---- */

static void use_queue(void *queue)
{
    CHECK(tug_delay_queue_length(queue) <= 2);
}

/* Whatever tells who waits, or makes a waker go. */
static int64_t wakers_may_use_the_queue(void *argument)
{
    (void)argument;
    for (int how = 0; how < 6; how++) {
        struct tug_delay_queue *queue = make_queue();
        struct tug_delay_queue_future wait;
        struct item late = {.number = 1}, early = {.number = 2};
        struct user_waker first = {.use = use_queue, .argument = queue}, second = first;
        bool wakes = how < 4;
        tug_delay_queue_insert(queue, &late.entry, tug_now() + 3600 * TUG_SECOND);
        tug_delay_queue_future_init(&wait, queue);
        CHECK_EQUAL(poll_by(&wait.future, &first), TUG_PENDING);
        if (how == 0)
            tug_delay_queue_insert(queue, &early.entry, 0);
        else if (how == 1)
            CHECK(tug_delay_queue_reset(queue, &late.entry, 0));
        else if (how == 2)
            CHECK(tug_delay_queue_remove(queue, &late.entry));
        else if (how == 3)
            CHECK_EQUAL(tug_delay_queue_clear(queue, NULL, NULL), 1);
        else if (how == 4)
            CHECK_EQUAL(poll_by(&wait.future, &second), TUG_PENDING);
        if (how >= 4)
            wait.future.vtable->cancel(&wait.future);
        CHECK_EQUAL(user_waker_wakes(&first) != 0, wakes);
        CHECK_EQUAL(poll_by(&wait.future, &second), TUG_READY);
        CHECK_EQUAL(wait.future.result, wakes ? how < 2 : -ECANCELED);
        CHECK_EQUAL(user_waker_clones(&first), 0);
        CHECK_EQUAL(user_waker_clones(&second), 0);
        tug_delay_queue_destroy(queue);
    }
    return 0;
}

/* Nothing could wake it. */
static int64_t a_future_needs_a_runtime_to_wait(void *argument)
{
    (void)argument;
    struct tug_delay_queue *queue = make_queue();
    struct item item = {.number = 1};
    struct tug_delay_queue_future wait;
    tug_delay_queue_future_init(&wait, queue);
    CHECK_EQUAL(tug_await_blocking(&wait.future, TUG_FOREVER), 0);
    tug_delay_queue_insert(queue, &item.entry, tug_now() + 3600 * TUG_SECOND);
    tug_delay_queue_future_init(&wait, queue);
    CHECK_EQUAL(tug_await_blocking(&wait.future, TUG_FOREVER), -EPERM);
    CHECK(tug_delay_queue_reset(queue, &item.entry, 0));
    tug_delay_queue_future_init(&wait, queue);
    CHECK_EQUAL(tug_await_blocking(&wait.future, TUG_FOREVER), 1);
    tug_delay_queue_destroy(queue);
    return 0;
}

static int64_t outside_of_a_runtime(void *argument)
{
    return fixture_on_thread(a_future_needs_a_runtime_to_wait, argument);
}

/* ---- many, at random ---- */

enum { ITEMS = 2000 };

static int64_t change_at_random(void *argument)
{
    (void)argument;
    static struct item items[ITEMS];
    static uint64_t due[ITEMS]; /* 0: removed */
    uint32_t random = 20261121;
    printf("seed %u\n", random);
    CHECK_EQUAL(tug_time_pause(), 0);
    struct tug_delay_queue *queue = make_queue();
    uint64_t start = tug_now();
    memset(items, 0, sizeof items);
    for (int i = 0; i < 3 * ITEMS; i++) {
        random = random * 1664525 + 1013904223;
        int n = i % ITEMS;
        uint64_t deadline = start + (uint64_t)(random >> 12) * MS / 3;
        if (i < ITEMS)
            tug_delay_queue_insert(queue, &items[n].entry, deadline);
        else if (random >> 8 & 1)
            deadline = tug_delay_queue_reset(queue, &items[n].entry, deadline) ? deadline : 0;
        else
            deadline = (tug_delay_queue_remove(queue, &items[n].entry), 0);
        items[n].number = n;
        due[n] = deadline;
    }
    size_t left = tug_delay_queue_length(queue);
    uint64_t last = 0;
    struct tug_delay_entry *entry, *expected = tug_delay_queue_peek(queue);
    for (; tug_delay_queue_next(queue, &entry) == 1; left--) {
        CHECK(entry == expected);
        expected = tug_delay_queue_peek(queue);
        int n = ((struct item *)entry)->number;
        CHECK(due[n] != 0 && due[n] == entry->deadline);
        CHECK_RANGE(tug_now() - due[n], 0, 2 * MS);
        CHECK(due[n] / MS + 1 >= last / MS);
        last = due[n];
        due[n] = 0;
    }
    CHECK_EQUAL(left, 0);
    for (int i = 0; i < ITEMS; i++)
        CHECK_EQUAL(due[i], 0);
    tug_delay_queue_destroy(queue);
    return 0;
}

#if TUG_FAULT_INJECTION
static int64_t no_memory(void *argument)
{
    (void)argument;
    struct tug_delay_queue *queue;
    CHECK_EQUAL(tug_fault_fail("calloc", 1, TUG_FAULT_ALWAYS, ENOMEM), 0);
    CHECK_EQUAL(tug_delay_queue_create(&queue), -ENOMEM);
    tug_fault_reset();
    return 0;
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_EACH(they_come_out_in_order),
        IN_EACH(what_has_passed_comes_at_once),
        IN_CURRENT_THREAD(removed_and_moved),
        IN_CURRENT_THREAD(the_next_is_seen_beforehand),
        IN_EACH(all_are_taken_out),
        IN_CURRENT_THREAD(very_far_away),
        IN_EACH(who_waits_is_told),
        IN_EACH(a_cancelled_wait_takes_nothing),
        IN_EACH(wakers_may_use_the_queue),
        IN_CURRENT_THREAD(outside_of_a_runtime),
        IN_CURRENT_THREAD(change_at_random),
#if TUG_FAULT_INJECTION
        IN_EACH(no_memory),
#endif
    };
    return cmocka_run_group_tests_name("time/delay_queue", tests, NULL, NULL);
}
