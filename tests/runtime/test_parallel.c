/* SPDX-License-Identifier: MIT */
/*
 * Loops on several threads, off the workers: each turn once, errors, cancellation; and files.
 */
#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "../runtime/fixture.h"
#include "sys/fault.h"

#define MS TUG_MILLISECOND

enum { TURNS = 100000 };

static unsigned char turns[TURNS];
static int made, running, most_running, workers_seen, third_made; /* atomic */

static void reset(void)
{
    memset(turns, 0, sizeof turns);
    made = running = most_running = workers_seen = third_made = 0;
}

static int64_t note_turn(void *unused, size_t index)
{
    (void)unused;
    turns[index]++;
    if (tug_worker_index() >= 0)
        __atomic_fetch_add(&workers_seen, 1, __ATOMIC_RELAXED);
    return 0;
}

static int64_t each_turn_once(void *unused)
{
    (void)unused;
    static const unsigned jobs[] = {0, 1, 3, 8};
    for (int i = 0; i < 4; i++) {
        reset();
        CHECK_EQUAL(tug_parallel_for(7, TURNS - 1, jobs[i], note_turn, NULL), 0);
        for (size_t t = 0; t < TURNS; t++)
            CHECK_EQUAL(turns[t], t >= 7 && t < TURNS - 1);
        CHECK_EQUAL(workers_seen, 0);
    }
    CHECK_EQUAL(tug_parallel_for(5, 5, 0, note_turn, NULL), 0);
    CHECK_EQUAL(tug_parallel_for(6, 5, 0, note_turn, NULL), 0);
    return 0;
}

static void take(uint64_t ns)
{
    struct timespec time = {0, (long)ns};
    nanosleep(&time, NULL);
}

/* The turn in the middle waits for any behind it, which another thread makes: the first one behind
 * it is where its own chunk ends, or further on. (Now and then the other has made them all.) */
static size_t first_behind; /* atomic; 0: none yet */
static bool waiting;        /* atomic */

static int64_t wait_in_the_middle(void *unused, size_t index)
{
    (void)unused;
    if (index == TURNS / 2) {
        __atomic_store_n(&waiting, true, __ATOMIC_RELEASE);
        for (int i = 0; i < 100 && __atomic_load_n(&first_behind, __ATOMIC_ACQUIRE) == 0; i++)
            take(MS);
    } else if (index > TURNS / 2 && __atomic_load_n(&waiting, __ATOMIC_ACQUIRE) &&
               __atomic_load_n(&first_behind, __ATOMIC_RELAXED) == 0) {
        __atomic_store_n(&first_behind, index, __ATOMIC_RELEASE);
    }
    return 0;
}

static int64_t cheap_turns_come_in_large_chunks(void *unused)
{
    (void)unused;
    int large = 0;
    for (int round = 0; round < 5; round++) {
        first_behind = 0;
        waiting = false;
        CHECK_EQUAL(tug_parallel_for(0, TURNS, 2, wait_in_the_middle, NULL), 0);
        large += first_behind > TURNS / 2 + 4;
    }
    CHECK_RANGE(large, 2, 5);
    return 0;
}

static int64_t slow_turn(void *unused, size_t index)
{
    (void)unused;
    int now = __atomic_add_fetch(&running, 1, __ATOMIC_ACQ_REL);
    int most = __atomic_load_n(&most_running, __ATOMIC_RELAXED);
    while (now > most && !__atomic_compare_exchange_n(&most_running, &most, now, true,
                                                      __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        ;
    take(2 * MS);
    /* The higher error comes last. */
    while (index == 5 && __atomic_load_n(&third_made, __ATOMIC_ACQUIRE) == 0)
        take(MS);
    if (index == 3)
        __atomic_store_n(&third_made, 1, __ATOMIC_RELEASE);
    __atomic_fetch_sub(&running, 1, __ATOMIC_ACQ_REL);
    __atomic_fetch_add(&made, 1, __ATOMIC_ACQ_REL);
    return index == 3 || index == 5 ? -(int64_t)index : 0;
}

static int64_t no_more_at_once_than_asked_for(void *unused)
{
    (void)unused;
    reset();
    CHECK_EQUAL(tug_parallel_for(10, 30, 4, slow_turn, NULL), 0);
    CHECK_EQUAL(made, 20);
    CHECK_RANGE(most_running, 2, 4);
    return 0;
}

static int64_t the_lowest_error_counts(void *unused)
{
    (void)unused;
    reset();
    CHECK_EQUAL(tug_parallel_for(0, 1000, 8, slow_turn, NULL), -3);
    CHECK_RANGE(made, 4, 100);
    CHECK_EQUAL(running, 0);
    return 0;
}

static int64_t tick(void *count)
{
    for (;;) {
        int error = tug_sleep(MS);
        if (error != 0)
            return error;
        ++*(int *)count;
    }
}

/* Other tasks go on, even where there is one worker. */
static int64_t workers_are_free_meanwhile(void *unused)
{
    (void)unused;
    int ticks = 0;
    reset();
    struct tug_task *task = fixture_spawn(tick, &ticks);
    CHECK_EQUAL(tug_parallel_for(10, 30, 2, slow_turn, NULL), 0);
    tug_task_abort(task);
    CHECK_EQUAL(fixture_join(task), -ECANCELED);
    CHECK_RANGE(ticks, 2, 10000);
    return 0;
}

static int64_t cancelled(void *unused)
{
    (void)unused;
    reset();
    CHECK_EQUAL(TUG_TIMEOUT(10 * MS, tug_parallel_for(10, 100000, 2, slow_turn, NULL)), -ETIMEDOUT);
    CHECK_EQUAL(running, 0);
    CHECK_RANGE(made, 0, 10000);
    struct tug_scope scope;
    tug_scope_begin(&scope, TUG_FOREVER, NULL);
    tug_scope_cancel(&scope);
    reset();
    CHECK_EQUAL(tug_parallel_for(10, 100, 2, slow_turn, NULL), -ECANCELED);
    CHECK_EQUAL(made, 0);
    tug_scope_end(&scope, 0);
    return 0;
}

#if TUG_FAULT_INJECTION
static int64_t without_memory_or_threads(void *unused)
{
    (void)unused;
    reset();
    CHECK_EQUAL(tug_fault_fail("calloc", 1, 1, ENOMEM), 0);
    CHECK_EQUAL(tug_parallel_for(0, 10, 2, note_turn, NULL), -ENOMEM);
    tug_fault_reset();
    CHECK_EQUAL(tug_fault_fail("thread_create", 1, TUG_FAULT_ALWAYS, EAGAIN), 0);
    CHECK_EQUAL(tug_parallel_for(0, 10, 2, note_turn, NULL), -EAGAIN);
    tug_fault_reset();
    /* One thread does it all. */
    CHECK_EQUAL(tug_fault_fail("thread_create", 2, TUG_FAULT_ALWAYS, EAGAIN), 0);
    CHECK_EQUAL(tug_parallel_for(0, 10, 4, note_turn, NULL), 0);
    tug_fault_reset();
    for (int i = 0; i < 10; i++)
        CHECK_EQUAL(turns[i], 1);
    return 0;
}
#endif

static int64_t stop_at_five(void *unused, size_t index)
{
    note_turn(unused, index);
    return index == 5 ? -EDOM : 0;
}

static void outside_of_a_runtime(void **state)
{
    (void)state;
    reset();
    assert_int_equal(tug_parallel_for(0, 10, 3, stop_at_five, NULL), -EDOM);
    for (int i = 0; i < 10; i++)
        assert_int_equal(turns[i], i <= 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_EACH(each_turn_once),
        IN_EACH(cheap_turns_come_in_large_chunks),
        IN_EACH(no_more_at_once_than_asked_for),
        IN_EACH(the_lowest_error_counts),
        IN_EACH(workers_are_free_meanwhile),
        IN_EACH(cancelled),
#if TUG_FAULT_INJECTION
        IN_EACH(without_memory_or_threads),
#endif
        cmocka_unit_test(outside_of_a_runtime),
    };
    return cmocka_run_group_tests_name("runtime/parallel", tests, NULL, NULL);
}
