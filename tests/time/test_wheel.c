/* SPDX-License-Identifier: MIT */
/*
 * The timer wheel on one thread: each timer fires at its tick exactly, over all levels and their
 * borders, in order; what is removed does not fire; the wheel never says to come back too late. At
 * the end, a comparison with a plain array under random operations.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "sys/list.h"
#include "time/wheel.h"

enum { ENTRIES = 300 };

struct entry {
    struct tug_timer timer;
    uint64_t deadline;
    uint64_t order; /* of insertion */
    bool pending;
};

static struct tug_timer_wheel wheel;
static struct entry entries[ENTRIES];

/* What has fired, in order. */
static struct entry *fired[ENTRIES];
static unsigned fired_count;

static void note(struct tug_timer *timer)
{
    assert_in_range(fired_count, 0, ENTRIES - 1);
    fired[fired_count++] = TUG_CONTAINER_OF(timer, struct entry, timer);
}

static void start(uint64_t now)
{
    tug_timer_wheel_init(&wheel, now);
    for (int i = 0; i < ENTRIES; i++) {
        entries[i].pending = false;
        tug_timer_init(&entries[i].timer, note);
    }
    fired_count = 0;
}

/* Advances from one announced tick to the next until something fires. Returns that tick. */
static uint64_t advance_until_fired(void)
{
    for (int steps = 0; steps < TUG_TIMER_LEVELS; steps++) {
        uint64_t next = tug_timer_wheel_next(&wheel);
        assert_true(next != TUG_TIMER_NEVER);
        if (tug_timer_wheel_advance(&wheel, next) > 0)
            return next;
    }
    fail_msg("the wheel was advanced once per level and nothing fired");
    return 0;
}

/* Times that are themselves at borders, one of them before the top level's round ends. */
static const uint64_t starts[] = {
    0, 1, 62, 63, 64, 4095, 4096, 123456789, (1ull << 36) - 1, 1ull << 36, (1ull << 62) + 12345,
};
enum { STARTS = sizeof(starts) / sizeof(starts[0]) };

static void test_ticks_round_so_that_nothing_is_early(void **state)
{
    (void)state;
    const uint64_t origin = 5000000123;
    assert_int_equal(tug_ticks_of_now(origin, origin), 0);
    assert_int_equal(tug_ticks_of_now(origin, origin - 1), 0);
    assert_int_equal(tug_ticks_of_now(origin, origin + 999999), 0);
    assert_int_equal(tug_ticks_of_now(origin, origin + 1000000), 1);
    assert_int_equal(tug_ticks_of_deadline(origin, 0), 0);
    assert_int_equal(tug_ticks_of_deadline(origin, origin), 0);
    assert_int_equal(tug_ticks_of_deadline(origin, origin + 1), 1);
    assert_int_equal(tug_ticks_of_deadline(origin, origin + 1000000), 1);
    assert_int_equal(tug_ticks_of_deadline(origin, origin + 1000001), 2);
    assert_int_equal(tug_ticks_of_deadline(0, UINT64_MAX), UINT64_MAX / 1000000 + 1);
    assert_int_equal(tug_ticks_to_time(origin, 0), origin);
    assert_int_equal(tug_ticks_to_time(origin, 7), origin + 7000000);
    assert_int_equal(tug_ticks_to_time(origin, UINT64_MAX / 1000000), UINT64_MAX);
    assert_int_equal(tug_ticks_to_time(origin, TUG_TIMER_NEVER), UINT64_MAX);
}

static void test_past_deadline_is_refused(void **state)
{
    (void)state;
    start(100);
    struct tug_timer *timer = &entries[0].timer;
    assert_false(tug_timer_insert(&wheel, timer, 0));
    assert_false(tug_timer_insert(&wheel, timer, 100));
    assert_false(tug_timer_remove(timer));
    assert_true(tug_timer_wheel_is_empty(&wheel));
    assert_true(tug_timer_insert(&wheel, timer, 101));
    assert_int_equal(tug_timer_wheel_advance(&wheel, 100), 0);
    assert_int_equal(tug_timer_wheel_advance(&wheel, 99), 0);
    assert_int_equal(tug_timer_wheel_advance(&wheel, 101), 1);
    assert_false(tug_timer_insert(&wheel, timer, 101));
}

static void check_exact(uint64_t now, uint64_t deadline)
{
    struct tug_timer *timer = &entries[0].timer;
    start(now);
    assert_true(tug_timer_insert(&wheel, timer, deadline));
    assert_true(tug_timer_wheel_next(&wheel) > now);
    assert_true(tug_timer_wheel_next(&wheel) <= deadline);
    assert_int_equal(tug_timer_wheel_advance(&wheel, deadline - 1), 0);
    assert_int_equal(tug_timer_wheel_next(&wheel), deadline);
    assert_int_equal(tug_timer_wheel_advance(&wheel, deadline), 1);
    assert_int_equal(tug_timer_wheel_next(&wheel), TUG_TIMER_NEVER);

    start(now);
    assert_true(tug_timer_insert(&wheel, timer, deadline));
    assert_int_equal(advance_until_fired(), deadline);

    start(now);
    assert_true(tug_timer_insert(&wheel, timer, deadline));
    assert_int_equal(tug_timer_wheel_advance(&wheel, deadline + 1000000), 1);
    assert_int_equal(fired_count, 1);
}

static void test_borders_of_levels_are_exact(void **state)
{
    (void)state;
    for (int s = 0; s < STARTS; s++) {
        for (unsigned level = 0; level < TUG_TIMER_LEVELS; level++) {
            uint64_t slot = UINT64_C(1) << (TUG_TIMER_SLOT_BITS * level);
            uint64_t border = (starts[s] | (slot - 1)) + 1;
            for (uint64_t d = 0; d < 3; d++) {
                if (border + d - 1 > starts[s])
                    check_exact(starts[s], border + d - 1);
                if (slot + d > 1)
                    check_exact(starts[s], starts[s] + slot + d - 1);
                check_exact(starts[s], starts[s] + slot * 63 - d);
            }
        }
        check_exact(starts[s], starts[s] + TUG_TIMER_RANGE - 1);
        check_exact(starts[s], starts[s] + TUG_TIMER_RANGE);
    }
}

/* At all times there is one timer for each of the next 70 ticks: the lowest level goes round. */
static void test_each_tick_fires_its_timer(void **state)
{
    (void)state;
    enum { AHEAD = 70 };
    for (int s = 0; s < STARTS; s++) {
        start(starts[s]);
        for (uint64_t d = 1; d <= AHEAD; d++)
            assert_true(tug_timer_insert(&wheel, &entries[d % AHEAD].timer, starts[s] + d));
        for (uint64_t d = 1; d <= 5000; d++) {
            struct entry *due = &entries[d % AHEAD];
            fired_count = 0;
            assert_int_equal(tug_timer_wheel_advance(&wheel, starts[s] + d), 1);
            assert_ptr_equal(fired[0], due);
            assert_int_equal(tug_timer_wheel_pending(&wheel), AHEAD - 1);
            assert_true(tug_timer_insert(&wheel, &due->timer, starts[s] + d + AHEAD));
        }
        assert_int_equal(tug_timer_wheel_fired(&wheel), 5000);
    }
}

/* Inserted from further and further below, so that each starts in another level. */
static void test_one_deadline_keeps_order_of_insertion(void **state)
{
    (void)state;
    const uint64_t deadline = (UINT64_C(1) << 36) + 777;
    start(0);
    for (unsigned level = TUG_TIMER_LEVELS; level-- > 0;) {
        struct entry *pair = &entries[2 * (TUG_TIMER_LEVELS - 1 - level)];
        tug_timer_wheel_advance(&wheel, deadline - (UINT64_C(1) << (TUG_TIMER_SLOT_BITS * level)));
        assert_true(tug_timer_insert(&wheel, &pair[0].timer, deadline));
        assert_true(tug_timer_insert(&wheel, &pair[1].timer, deadline));
    }
    assert_int_equal(tug_timer_wheel_advance(&wheel, deadline), 2 * TUG_TIMER_LEVELS);
    for (unsigned i = 0; i < 2 * TUG_TIMER_LEVELS; i++)
        assert_ptr_equal(fired[i], &entries[i]);
}

static void test_beyond_range_is_brought_nearer(void **state)
{
    (void)state;
    const uint64_t distances[] = {TUG_TIMER_RANGE + 1, 1ull << 36, (1ull << 36) + 1, 1ull << 40,
                                  UINT64_C(1) << 61};
    for (int s = 0; s < STARTS; s++) {
        for (int d = 0; d < 5; d++) {
            start(starts[s]);
            uint64_t deadline = starts[s] + distances[d];
            assert_true(tug_timer_insert(&wheel, &entries[0].timer, deadline));
            assert_int_equal(tug_timer_wheel_advance(&wheel, starts[s] + TUG_TIMER_RANGE - 1), 0);
            assert_true(advance_until_fired() <= deadline);
        }
        start(starts[s]);
        assert_true(tug_timer_insert(&wheel, &entries[0].timer, UINT64_MAX));
        assert_true(tug_timer_insert(&wheel, &entries[1].timer, starts[s] + 1));
        assert_int_equal(advance_until_fired(), starts[s] + 1);
        assert_ptr_equal(fired[0], &entries[1]);
        assert_in_range(advance_until_fired(), starts[s] + TUG_TIMER_RANGE,
                        starts[s] + (UINT64_C(1) << 36));
    }
}

static void test_removal_from_every_level(void **state)
{
    (void)state;
    start(1000);
    uint64_t deadlines[TUG_TIMER_LEVELS];
    for (unsigned level = 0; level < TUG_TIMER_LEVELS; level++) {
        deadlines[level] = 1000 + (UINT64_C(2) << (TUG_TIMER_SLOT_BITS * level));
        for (int i = 0; i < 3; i++)
            assert_true(tug_timer_insert(&wheel, &entries[3 * level + i].timer, deadlines[level]));
    }
    for (unsigned level = 0; level < TUG_TIMER_LEVELS; level++) {
        struct entry *three = &entries[3 * level];
        assert_true(tug_timer_remove(&three[1].timer));
        assert_true(tug_timer_remove(&three[0].timer));
        assert_false(tug_timer_remove(&three[0].timer));
        assert_true(tug_timer_wheel_next(&wheel) <= deadlines[level]);
        assert_true(tug_timer_remove(&three[2].timer));
        assert_int_equal(tug_timer_wheel_pending(&wheel), 3 * (TUG_TIMER_LEVELS - 1 - level));
        if (level + 1 < TUG_TIMER_LEVELS)
            assert_true(tug_timer_wheel_next(&wheel) > deadlines[level]);
    }
    assert_int_equal(tug_timer_wheel_next(&wheel), TUG_TIMER_NEVER);
    assert_true(tug_timer_wheel_is_empty(&wheel));
    assert_int_equal(tug_timer_wheel_advance(&wheel, 1ull << 40), 0);
}

static void overwrite(struct tug_timer *timer)
{
    note(timer);
    memset(timer, 0xa5, sizeof(*timer));
}

static void test_memory_is_free_once_fire_is_called(void **state)
{
    (void)state;
    start(0);
    for (int i = 0; i < ENTRIES; i++) {
        tug_timer_init(&entries[i].timer, overwrite);
        assert_true(tug_timer_insert(&wheel, &entries[i].timer, 1 + i / 100));
    }
    assert_int_equal(tug_timer_wheel_advance(&wheel, 10), ENTRIES);
    assert_int_equal(fired_count, ENTRIES);
    struct tug_timer untouched;
    memset(&untouched, 0xa5, sizeof(untouched));
    for (int i = 0; i < ENTRIES; i++)
        assert_memory_equal(&entries[i].timer, &untouched, sizeof(untouched));
}

static void test_removal_after_firing_and_use_again(void **state)
{
    (void)state;
    struct tug_timer *timer = &entries[0].timer;
    start(0);
    assert_false(tug_timer_remove(timer));
    for (uint64_t deadline = 1; deadline < 10000; deadline += 97) {
        assert_true(tug_timer_insert(&wheel, timer, deadline));
        assert_int_equal(tug_timer_wheel_advance(&wheel, deadline - 1), 0);
        assert_false(tug_timer_has_fired(timer));
        assert_int_equal(tug_timer_wheel_advance(&wheel, deadline), 1);
        assert_true(tug_timer_has_fired(timer));
        assert_false(tug_timer_remove(timer));
        assert_true(tug_timer_insert(&wheel, timer, deadline + 50));
        assert_false(tug_timer_has_fired(timer));
        assert_true(tug_timer_remove(timer));
        assert_false(tug_timer_has_fired(timer));
        fired_count = 0;
    }
}

/* The model: every entry with its deadline, looked through from end to end. */

static uint64_t model_now, model_orders;

static uint64_t random_below(uint64_t limit)
{
    uint64_t bits = (uint64_t)(unsigned)rand() << 31 ^ (uint64_t)(unsigned)rand();
    return bits % limit;
}

static uint64_t first_deadline(void)
{
    uint64_t first = TUG_TIMER_NEVER;
    for (int i = 0; i < ENTRIES; i++) {
        if (entries[i].pending && entries[i].deadline < first)
            first = entries[i].deadline;
    }
    return first;
}

/* Any distance, each size as often as any other, and every second time close to a border. */
static uint64_t random_deadline(void)
{
    uint64_t size = UINT64_C(1) << random_below(36);
    uint64_t deadline = model_now + random_below(size + 1);
    if (random_below(2) == 0)
        deadline = (deadline & ~(size - 1)) + random_below(3) - 1;
    if (deadline > model_now + TUG_TIMER_RANGE && deadline <= INT64_MAX)
        deadline = model_now + TUG_TIMER_RANGE;
    return deadline <= INT64_MAX ? deadline : 0;
}

static void random_insertion_or_removal(void)
{
    struct entry *entry = &entries[random_below(ENTRIES)];
    if (entry->pending) {
        assert_true(tug_timer_remove(&entry->timer));
        entry->pending = false;
        return;
    }
    assert_false(tug_timer_remove(&entry->timer));
    entry->deadline = random_deadline();
    entry->order = model_orders++;
    entry->pending = entry->deadline > model_now;
    assert_int_equal(tug_timer_insert(&wheel, &entry->timer, entry->deadline), entry->pending);
}

static int by_deadline_then_order(const void *a, const void *b)
{
    const struct entry *x = *(struct entry *const *)a, *y = *(struct entry *const *)b;
    if (x->deadline != y->deadline)
        return x->deadline < y->deadline ? -1 : 1;
    return x->order < y->order ? -1 : 1;
}

static void random_advance(void)
{
    uint64_t first = first_deadline();
    uint64_t choices[] = {
        model_now + random_below(3),
        model_now + random_below(100),
        model_now + random_below(UINT64_C(1) << random_below(33)),
        first != TUG_TIMER_NEVER ? first - 1 : model_now,
        first != TUG_TIMER_NEVER ? first : model_now,
        first != TUG_TIMER_NEVER ? tug_timer_wheel_next(&wheel) : model_now,
    };
    model_now = choices[random_below(6)];

    struct entry *due[ENTRIES];
    unsigned due_count = 0;
    for (int i = 0; i < ENTRIES; i++) {
        if (entries[i].pending && entries[i].deadline <= model_now) {
            due[due_count++] = &entries[i];
            entries[i].pending = false;
        }
    }
    qsort(due, due_count, sizeof(due[0]), by_deadline_then_order);
    fired_count = 0;
    assert_int_equal(tug_timer_wheel_advance(&wheel, model_now), due_count);
    assert_int_equal(fired_count, due_count);
    assert_memory_equal(fired, due, due_count * sizeof(due[0]));
}

static void check_against_model(void)
{
    unsigned pending = 0;
    for (int i = 0; i < ENTRIES; i++)
        pending += entries[i].pending;
    assert_int_equal(tug_timer_wheel_pending(&wheel), pending);
    uint64_t next = tug_timer_wheel_next(&wheel);
    assert_true(next <= first_deadline());
    assert_true(next > model_now);
    assert_int_equal(next == TUG_TIMER_NEVER, pending == 0);
}

static void test_random_operations_agree_with_an_array(void **state)
{
    (void)state;
    const char *given = getenv("TUG_TEST_SEED");
    unsigned seed = given != NULL ? (unsigned)strtoul(given, NULL, 10) : (unsigned)time(NULL);
    printf("TUG_TEST_SEED=%u\n", seed);
    srand(seed);
    for (int round = 0; round < 100; round++) {
        model_now = round < STARTS ? starts[round] : random_below(UINT64_C(1) << 45);
        model_orders = 0;
        start(model_now);
        /* From rounds that hardly ever advance, with a full wheel, to some that mostly do. */
        uint64_t advances = 1 + random_below(60);
        for (int step = 0; step < 2000; step++) {
            if (random_below(100) < advances)
                random_advance();
            else
                random_insertion_or_removal();
            check_against_model();
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ticks_round_so_that_nothing_is_early),
        cmocka_unit_test(test_past_deadline_is_refused),
        cmocka_unit_test(test_borders_of_levels_are_exact),
        cmocka_unit_test(test_each_tick_fires_its_timer),
        cmocka_unit_test(test_one_deadline_keeps_order_of_insertion),
        cmocka_unit_test(test_beyond_range_is_brought_nearer),
        cmocka_unit_test(test_removal_from_every_level),
        cmocka_unit_test(test_memory_is_free_once_fire_is_called),
        cmocka_unit_test(test_removal_after_firing_and_use_again),
        cmocka_unit_test(test_random_operations_agree_with_an_array),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
