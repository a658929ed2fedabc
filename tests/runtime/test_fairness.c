/* SPDX-License-Identifier: MIT */
/*
 * The promise of fairness: whatever some tasks do, as long as they return or suspend, every other
 * task, the driver and the timers have their turn.
 */
#include <unistd.h>

#include "fixture.h"
#include "sys/sanitizer.h"

/* ThreadSanitizer takes its time with each coroutine that is spawned. */
enum { ROUNDS = TUG_TSAN ? 1 : 5 };

static int stop, turns; /* atomic */

static bool stopped(void)
{
    return __atomic_load_n(&stop, __ATOMIC_ACQUIRE) != 0;
}

static void start_afresh(void)
{
    __atomic_store_n(&stop, 0, __ATOMIC_RELEASE);
    __atomic_store_n(&turns, 0, __ATOMIC_RELEASE);
}

static void end_all(struct tug_group *group)
{
    __atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
    CHECK_EQUAL(tug_group_wait(group), 0);
}

/* ---- tasks that never let go --------------------------------------------------------------------
 */

static int64_t yield_for_ever(void *argument)
{
    (void)argument;
    while (!stopped())
        CHECK_EQUAL(tug_yield(), 0);
    return 0;
}

static int64_t nothing(void *argument)
{
    (void)argument;
    return 0;
}

static int64_t spawn_and_join_for_ever(void *argument)
{
    (void)argument;
    while (!stopped())
        CHECK_EQUAL(fixture_join(fixture_spawn(nothing, NULL)), 0);
    return 0;
}

static int64_t respawn_for_ever(void *argument)
{
    if (!stopped())
        CHECK_EQUAL(tug_group_spawn(argument, respawn_for_ever, argument), 0);
    return 0;
}

struct pair {
    struct tug_oneshot ping, pong;
};

static int64_t answer(void *argument)
{
    struct pair *pair = argument;
    int64_t value;
    CHECK_EQUAL(tug_oneshot_receive(&pair->ping, &value), 0);
    CHECK_EQUAL(tug_oneshot_send(&pair->pong, value + 1), 0);
    return 0;
}

static int64_t ping_pong_for_ever(void *argument)
{
    (void)argument;
    while (!stopped()) {
        struct pair pair;
        int64_t value;
        tug_oneshot_init(&pair.ping);
        tug_oneshot_init(&pair.pong);
        struct tug_task *task = fixture_spawn(answer, &pair);
        CHECK_EQUAL(tug_oneshot_send(&pair.ping, 1), 0);
        CHECK_EQUAL(tug_oneshot_receive(&pair.pong, &value), 0);
        CHECK_EQUAL(value, 2);
        CHECK_EQUAL(fixture_join(task), 0);
    }
    return 0;
}

/* ---- what must have its turn all the same -------------------------------------------------------
 */

static int64_t count_turns(void *argument)
{
    (void)argument;
    for (int i = 0; i < 20; i++) {
        CHECK_EQUAL(tug_yield(), 0);
        __atomic_fetch_add(&turns, 1, __ATOMIC_ACQ_REL);
    }
    return 0;
}

/* Timers, the driver, tasks that yield, tasks from outside and from the blocking pool. */
static void everybody_has_a_turn(void)
{
    int ends[2];
    char byte = 0;
    struct tug_op op;
    CHECK_EQUAL(pipe(ends), 0);
    CHECK_EQUAL(tug_sleep(TUG_MILLISECOND), 0);
    CHECK_EQUAL(fixture_join(fixture_spawn(count_turns, NULL)), 0);
    CHECK_EQUAL(__atomic_load_n(&turns, __ATOMIC_ACQUIRE), 20);
    tug_op_write(&op, ends[1], "x", 1, TUG_CURRENT_POSITION);
    CHECK_EQUAL(tug_op_await(&op), 1);
    tug_op_read(&op, ends[0], &byte, 1, TUG_CURRENT_POSITION);
    CHECK_EQUAL(tug_op_await(&op), 1);
    CHECK_EQUAL(byte, 'x');
    CHECK_EQUAL(tug_block_in_place(nothing, NULL), 0);
    close(ends[0]);
    close(ends[1]);
}

static int64_t under_load(tug_task_fn load, int count)
{
    struct tug_group group;
    start_afresh();
    tug_group_init(&group, 0);
    for (int i = 0; i < count; i++)
        CHECK_EQUAL(tug_group_spawn(&group, load, &group), 0);
    for (int round = 0; round < ROUNDS; round++) {
        __atomic_store_n(&turns, 0, __ATOMIC_RELEASE);
        everybody_has_a_turn();
    }
    end_all(&group);
    return 0;
}

static int64_t beside_tasks_that_yield(void *argument)
{
    (void)argument;
    return under_load(yield_for_ever, 10);
}

static int64_t beside_tasks_that_spawn_and_join(void *argument)
{
    (void)argument;
    return under_load(spawn_and_join_for_ever, 6);
}

static int64_t beside_tasks_that_respawn(void *argument)
{
    (void)argument;
    return under_load(respawn_for_ever, 6);
}

static int64_t beside_a_hundred_ping_pongs(void *argument)
{
    (void)argument;
    return under_load(ping_pong_for_ever, 100);
}

/* ---- pinned tasks beside a worker whose LIFO slot is never empty
 * ---------------------------------- */

static int64_t pinned_turn(void *argument)
{
    CHECK_EQUAL(tug_worker_index(), *(int *)argument);
    CHECK_EQUAL(tug_yield(), 0);
    CHECK_EQUAL(tug_worker_index(), *(int *)argument);
    return 0;
}

static int64_t pinned_tasks_have_their_turn(void *argument)
{
    const struct fixture_case *test = argument;
    struct tug_group group;
    start_afresh();
    tug_group_init(&group, 0);
    for (unsigned i = 0; i < 2 * test->workers; i++)
        CHECK_EQUAL(tug_group_spawn(&group, spawn_and_join_for_ever, NULL), 0);
    CHECK_EQUAL(tug_sleep(5 * TUG_MILLISECOND), 0);
    for (int worker = 0; worker < (int)test->workers; worker++) {
        struct tug_spawn_options options = TUG_SPAWN_OPTIONS_INIT;
        struct tug_task *task;
        options.worker = worker;
        CHECK_EQUAL(tug_spawn_with(&task, &options, pinned_turn, &worker), 0);
        CHECK_EQUAL(fixture_join(task), 0);
    }
    end_all(&group);
    return 0;
}

/* ---- from outside -------------------------------------------------------------------------------
 */

static int64_t spawn_from_outside(void *argument)
{
    struct tug_spawn_options options = TUG_SPAWN_OPTIONS_INIT;
    options.runtime = argument;
    for (int i = 0; i < 50; i++) {
        struct tug_task *task;
        CHECK_EQUAL(tug_spawn_with(&task, &options, nothing, NULL), 0);
        CHECK_EQUAL(tug_join(task, NULL), 0);
    }
    return 0;
}

static int64_t tasks_from_outside_are_seen_under_load(void *argument)
{
    (void)argument;
    struct tug_group group;
    start_afresh();
    tug_group_init(&group, 0);
    for (int i = 0; i < 8; i++)
        CHECK_EQUAL(tug_group_spawn(&group, yield_for_ever, NULL), 0);
    CHECK_EQUAL(fixture_on_thread(spawn_from_outside, tug_runtime_current()), 0);
    end_all(&group);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_EACH(beside_tasks_that_yield),
        IN_EACH(beside_tasks_that_spawn_and_join),
        IN_EACH(beside_tasks_that_respawn),
        IN_EACH(beside_a_hundred_ping_pongs),
        IN_MULTI_THREAD(pinned_tasks_have_their_turn),
        IN_EACH(tasks_from_outside_are_seen_under_load),
    };
    return cmocka_run_group_tests_name("runtime/fairness", tests, NULL, NULL);
}
