/* SPDX-License-Identifier: MIT */
/*
 * The timer wheel when other threads remove timers: each timer either fires or is removed, exactly
 * once; its memory is free when the removal returns; and a removal does not wait until all that is
 * due has fired. What fire() writes is read after the removal without any synchronisation of the
 * test's own, so that ThreadSanitizer sees it if the two can overlap.
 */
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sys/cpu.h"
#include "sys/list.h"
#include "sys/thread.h"
#include "time/wheel.h"

static struct tug_timer_wheel wheel;

/* --- Removals race with firing --- */

enum { REMOVERS = 2, TIMERS = 30000, FAR_AWAY = 1 << 30 };

struct entry {
    struct tug_timer timer;
    unsigned fired;
    unsigned removed;
    unsigned wrong; /* the removal's answer contradicts what fire() noted */
};

static struct entry *entries;
static unsigned armed;    /* entries below this one are in the wheel */
static unsigned finished; /* threads */

static void count(struct tug_timer *timer)
{
    TUG_CONTAINER_OF(timer, struct entry, timer)->fired++;
}

/* Entry i is removed by the thread i % (REMOVERS + 1), or by nobody if there is no such thread. */
static void remove_some(void *argument)
{
    const unsigned *index = argument;
    for (unsigned i = *index; i < TIMERS; i += REMOVERS + 1) {
        while (__atomic_load_n(&armed, __ATOMIC_ACQUIRE) <= i)
            sched_yield();
        for (unsigned turns = i * 7 % 64; turns > 0; turns--)
            tug_cpu_relax();
        struct entry *entry = &entries[i];
        entry->removed = tug_timer_remove(&entry->timer);
        entry->wrong = entry->fired + entry->removed != 1;
        memset(&entry->timer, 0xa5, sizeof(entry->timer));
    }
    __atomic_fetch_add(&finished, 1, __ATOMIC_RELEASE);
}

/* Most are due almost at once, so that firing and removal meet; some only a removal can get. */
static uint64_t distance(unsigned i)
{
    if (i % 8 == 0 && i % (REMOVERS + 1) != REMOVERS)
        return FAR_AWAY;
    return 1 + (i % 5 == 0 ? i % 300 : i % 3);
}

static void test_removed_or_fired_exactly_once(void **state)
{
    (void)state;
    struct tug_thread threads[REMOVERS];
    unsigned indexes[REMOVERS];
    uint64_t now = 1;

    entries = calloc(TIMERS, sizeof(*entries));
    assert_non_null(entries);
    armed = 0;
    finished = 0;
    tug_timer_wheel_init(&wheel, now);
    for (unsigned t = 0; t < REMOVERS; t++) {
        indexes[t] = t;
        assert_int_equal(
            tug_thread_create(&threads[t], "remover", 0, false, remove_some, &indexes[t]), 0);
    }
    for (unsigned i = 0; i < TIMERS; i++) {
        tug_timer_init(&entries[i].timer, count);
        assert_true(tug_timer_insert(&wheel, &entries[i].timer, now + distance(i)));
        __atomic_store_n(&armed, i + 1, __ATOMIC_RELEASE);
        if (i % 4 == 0)
            tug_timer_wheel_advance(&wheel, ++now);
    }
    while (__atomic_load_n(&finished, __ATOMIC_ACQUIRE) < REMOVERS) {
        if (now < FAR_AWAY)
            tug_timer_wheel_advance(&wheel, ++now);
    }
    for (unsigned t = 0; t < REMOVERS; t++)
        tug_thread_join(&threads[t]);
    while (!tug_timer_wheel_is_empty(&wheel))
        tug_timer_wheel_advance(&wheel, tug_timer_wheel_next(&wheel));

    unsigned fired = 0, removed = 0;
    for (unsigned i = 0; i < TIMERS; i++) {
        assert_int_equal(entries[i].wrong, 0);
        assert_int_equal(entries[i].fired + entries[i].removed, 1);
        fired += entries[i].fired;
        removed += entries[i].removed;
    }
    assert_int_equal(tug_timer_wheel_fired(&wheel), fired);
    assert_true(fired >= TIMERS / (REMOVERS + 1));
    assert_true(removed >= TIMERS / 16);
    assert_int_equal(tug_timer_wheel_next(&wheel), TUG_TIMER_NEVER);
    free(entries);
}

/* --- A removal gets in between --- */

enum { DUE_AT_ONCE = 100000, ATTEMPTS = 20 };

static struct tug_timer *crowd;
static bool firing, removed_last;

/* The first one does not go on before the other thread waits for the lock. */
static void wait_for_remover(struct tug_timer *timer)
{
    if (timer != &crowd[0])
        return;
    __atomic_store_n(&firing, true, __ATOMIC_RELEASE);
    while (__atomic_load_n(&wheel.waiting, __ATOMIC_RELAXED) == 0)
        sched_yield();
}

static void remove_last(void *argument)
{
    (void)argument;
    while (!__atomic_load_n(&firing, __ATOMIC_ACQUIRE))
        sched_yield();
    removed_last = tug_timer_remove(&crowd[DUE_AT_ONCE - 1]);
}

/* Due at the tick `deadline`, which says in which level they are when they are got hold of. */
static void check_lets_in(uint64_t deadline)
{
    crowd = calloc(DUE_AT_ONCE, sizeof(*crowd));
    assert_non_null(crowd);
    removed_last = false;
    /* The other thread must be given a processor while the others fire: nearly always at once. */
    for (int attempt = 0; attempt < ATTEMPTS && !removed_last; attempt++) {
        struct tug_thread thread;
        firing = false;
        tug_timer_wheel_init(&wheel, 0);
        for (int i = 0; i < DUE_AT_ONCE; i++) {
            tug_timer_init(&crowd[i], wait_for_remover);
            assert_true(tug_timer_insert(&wheel, &crowd[i], deadline));
        }
        assert_int_equal(tug_thread_create(&thread, "remover", 0, false, remove_last, NULL), 0);
        unsigned fired = tug_timer_wheel_advance(&wheel, deadline);
        tug_thread_join(&thread);
        assert_int_equal(fired, DUE_AT_ONCE - removed_last);
        assert_true(tug_timer_wheel_is_empty(&wheel));
    }
    free(crowd);
    assert_true(removed_last);
}

static void test_removal_does_not_wait_for_all_to_fire(void **state)
{
    (void)state;
    check_lets_in(1);
    check_lets_in(100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_removed_or_fired_exactly_once),
        cmocka_unit_test(test_removal_does_not_wait_for_all_to_fire),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
