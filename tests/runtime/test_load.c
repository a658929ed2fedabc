/* SPDX-License-Identifier: MIT */
/*
 * Nobody starves: whatever keeps the workers busy, every runnable task, the global queue, the
 * driver and the timers have their turn. The scenarios are those of Tokio's rt_common.rs and
 * rt_threaded.rs.
 */
#include <errno.h>
#include <fcntl.h>

#include "fixture.h"
#include "sys/sanitizer.h"

/* ThreadSanitizer takes its time for each coroutine that a load starts. */
enum { REPEATS = TUG_TSAN ? 1 : 20, ENTRIES = TUG_TSAN ? 3 : 10, BYTES = TUG_TSAN ? 5 : 20 };

/* ---- ways to keep a worker busy for ever ---- */

static bool stop;      /* atomic */
static int64_t turns;  /* atomic: polls that went into it */
static int64_t others; /* atomic: tasks of the load that live */

static void count_turn(void)
{
    __atomic_fetch_add(&turns, 1, __ATOMIC_RELAXED);
}

static bool stopped(void)
{
    return __atomic_load_n(&stop, __ATOMIC_ACQUIRE);
}

static int64_t load_yields(void *argument)
{
    (void)argument;
    while (!stopped()) {
        count_turn();
        tug_yield();
    }
    __atomic_fetch_sub(&others, 1, __ATOMIC_ACQ_REL);
    return 0;
}

static int64_t load_consumes(void *argument)
{
    (void)argument;
    while (!stopped()) {
        count_turn();
        tug_coop_consume();
    }
    __atomic_fetch_sub(&others, 1, __ATOMIC_ACQ_REL);
    return 0;
}

static int64_t load_respawns(void *argument)
{
    count_turn();
    if (!stopped())
        tug_task_detach(fixture_spawn(load_respawns, argument));
    else
        __atomic_fetch_sub(&others, 1, __ATOMIC_ACQ_REL);
    return 0;
}

struct pair {
    struct tug_oneshot to[2];
};

static int64_t play(struct pair *pair, int side)
{
    int64_t value = 0;
    while (value == 0) {
        CHECK_EQUAL(tug_oneshot_receive(&pair->to[side], &value), 0);
        tug_oneshot_init(&pair->to[side]);
        count_turn();
        int64_t next = stopped() ? 1 : 0;
        /* Whoever says that it is over waits for nothing any more. */
        CHECK_EQUAL(tug_oneshot_send(&pair->to[!side], value + next), 0);
        if (next != 0)
            break;
    }
    __atomic_fetch_sub(&others, 1, __ATOMIC_ACQ_REL);
    return 0;
}

static int64_t play_left(void *pair)
{
    return play(pair, 0);
}

static int64_t play_right(void *pair)
{
    return play(pair, 1);
}

static int wakes_itself_poll(struct tug_future *self, const struct tug_waker *waker)
{
    (void)self;
    count_turn();
    if (stopped()) {
        __atomic_fetch_sub(&others, 1, __ATOMIC_ACQ_REL);
        return TUG_READY;
    }
    tug_waker_wake_by_ref(waker);
    return TUG_PENDING;
}

static const struct tug_future_vtable wakes_itself_vtable = {.poll = wakes_itself_poll};

enum load { LOAD_YIELDS, LOAD_CONSUMES, LOAD_RESPAWNS, LOAD_PAIRS, LOAD_WAKES_ITSELF, LOADS };
enum { LOAD_TASKS = 6 };

static struct pair pairs[LOAD_TASKS / 2];
static struct tug_future wakes_itself[LOAD_TASKS];

static void load_begin(enum load load)
{
    static const tug_task_fn bodies[LOADS] = {load_yields, load_consumes, load_respawns, NULL,
                                              NULL};
    __atomic_store_n(&stop, false, __ATOMIC_RELEASE);
    __atomic_store_n(&turns, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&others, LOAD_TASKS, __ATOMIC_RELAXED);
    for (int i = 0; i < LOAD_TASKS; i++) {
        struct tug_task *task;
        if (load == LOAD_PAIRS) {
            if (i % 2 == 0) {
                tug_oneshot_init(&pairs[i / 2].to[0]);
                tug_oneshot_init(&pairs[i / 2].to[1]);
                CHECK_EQUAL(tug_oneshot_send(&pairs[i / 2].to[0], 0), 0);
            }
            task = fixture_spawn(i % 2 == 0 ? play_left : play_right, &pairs[i / 2]);
        } else if (load == LOAD_WAKES_ITSELF) {
            wakes_itself[i] = (struct tug_future){&wakes_itself_vtable, 0};
            CHECK_EQUAL(tug_spawn_future(&task, NULL, &wakes_itself[i]), 0);
        } else {
            task = fixture_spawn(bodies[load], NULL);
        }
        tug_task_detach(task);
    }
}

static void load_end(void)
{
    AWAIT(__atomic_load_n(&turns, __ATOMIC_RELAXED) > 0);
    __atomic_store_n(&stop, true, __ATOMIC_RELEASE);
    AWAIT(__atomic_load_n(&others, __ATOMIC_ACQUIRE) == 0);
}

/* Runs fn under each kind of load. */
static int64_t under_each_load(void (*fn)(void))
{
    for (int load = 0; load < LOADS; load++) {
        load_begin(load);
        fn();
        load_end();
    }
    return 0;
}

/* ---- what must go on ---- */

static int64_t yield_five_times(void *argument)
{
    for (int i = 0; i < 5; i++)
        CHECK_EQUAL(tug_yield(), 0);
    return fixture_number(argument);
}

static void join_a_task(void)
{
    for (int i = 0; i < REPEATS; i++) {
        CHECK_EQUAL(fixture_join(fixture_spawn(fixture_return, fixture_argument(i))), i);
        CHECK_EQUAL(fixture_join(fixture_spawn(yield_five_times, fixture_argument(i))), i);
    }
}

static int64_t tasks_complete_under_load(void *argument)
{
    (void)argument;
    return under_each_load(join_a_task);
}

static int64_t begin_load(void *argument)
{
    load_begin((enum load)fixture_number(argument));
    return 0;
}

static int64_t end_load(void *argument)
{
    (void)argument;
    load_end();
    return 0;
}

static void block_on_completes_under_load(struct tug_runtime *runtime)
{
    for (int load = 0; load < LOADS; load++) {
        assert_int_equal(tug_runtime_block_on(runtime, begin_load, fixture_argument(load), NULL),
                         0);
        for (int i = 0; i < ENTRIES; i++) {
            int64_t result;
            assert_int_equal(
                tug_runtime_block_on(runtime, yield_five_times, fixture_argument(i), &result), 0);
            assert_int_equal(result, i);
        }
        assert_int_equal(tug_runtime_block_on(runtime, end_load, NULL, NULL), 0);
    }
}

static int64_t spawn_from_outside(void *runtime)
{
    struct tug_spawn_options options = TUG_SPAWN_OPTIONS_INIT;
    options.runtime = runtime;
    for (int i = 0; i < REPEATS; i++) {
        struct tug_task *task;
        int64_t result;
        CHECK_EQUAL(tug_spawn_with(&task, &options, fixture_return, fixture_argument(i)), 0);
        CHECK_EQUAL(tug_join(task, &result), 0);
        CHECK_EQUAL(result, i);
    }
    return 0;
}

static void spawn_from_a_thread(void)
{
    CHECK_EQUAL(fixture_on_thread(spawn_from_outside, tug_runtime_current()), 0);
}

static int64_t spawn_from_other_thread(void *argument)
{
    (void)argument;
    spawn_from_a_thread(); /* idle */
    return under_each_load(spawn_from_a_thread);
}

static void pass_bytes(void)
{
    int fds[2];
    CHECK_EQUAL(pipe2(fds, O_CLOEXEC), 0);
    for (int i = 0; i < BYTES; i++) {
        char in = 0, out = (char)('a' + i);
        struct tug_op read, write;
        tug_op_read(&read, fds[0], &in, 1, TUG_CURRENT_POSITION);
        tug_op_write(&write, fds[1], &out, 1, TUG_CURRENT_POSITION);
        struct tug_future *both[] = {&read.future, &write.future};
        CHECK_EQUAL(tug_join_all(both, 2), 0);
        CHECK_EQUAL(in, out);
    }
    close(fds[0]);
    close(fds[1]);
}

static int64_t write_soon(void *argument)
{
    usleep(2000);
    CHECK_EQUAL(write((int)fixture_number(argument), "w", 1), 1);
    return 0;
}

static void read_what_a_thread_writes(void)
{
    int fds[2];
    char byte = 0;
    struct tug_op op;
    struct fixture_thread thread;
    CHECK_EQUAL(pipe2(fds, O_CLOEXEC), 0);
    fixture_thread_start(&thread, write_soon, fixture_argument(fds[1]));
    tug_op_read(&op, fds[0], &byte, 1, TUG_CURRENT_POSITION);
    CHECK_EQUAL(tug_op_await(&op), 1);
    fixture_thread_join(&thread);
    close(fds[0]);
    close(fds[1]);
}

static int64_t the_driver_is_polled_under_load(void *argument)
{
    (void)argument;
    under_each_load(pass_bytes);
    return under_each_load(read_what_a_thread_writes);
}

static void sleep_a_little(void)
{
    for (int i = 0; i < 5; i++) {
        uint64_t before = tug_now();
        CHECK_EQUAL(tug_sleep(TUG_MILLISECOND), 0);
        CHECK_RANGE(tug_now() - before, TUG_MILLISECOND, 10 * TUG_SECOND);
        CHECK_EQUAL(TUG_TIMEOUT(TUG_MILLISECOND, fixture_sleep_forever(NULL)), -ETIMEDOUT);
    }
}

static int64_t timers_fire_under_load(void *argument)
{
    (void)argument;
    return under_each_load(sleep_a_little);
}

static int64_t set_flag(void *argument)
{
    __atomic_store_n((bool *)argument, true, __ATOMIC_RELEASE);
    return 0;
}

static void run_a_job(void)
{
    for (int i = 0; i < 5; i++) {
        bool flag = false;
        CHECK_EQUAL(tug_block_in_place(set_flag, &flag), 0);
        CHECK(flag);
    }
}

static int64_t jobs_come_back_under_load(void *argument)
{
    (void)argument;
    return under_each_load(run_a_job);
}

static int64_t yield_until_told(void *argument)
{
    int64_t count = 0;
    for (; !__atomic_load_n((bool *)argument, __ATOMIC_ACQUIRE); count++)
        CHECK_EQUAL(tug_yield(), 0);
    return count;
}

static struct tug_task *spawn_on_worker_0(tug_task_fn fn, void *argument)
{
    struct tug_spawn_options options = TUG_SPAWN_OPTIONS_INIT;
    struct tug_task *task;
    options.worker = 0;
    CHECK_EQUAL(tug_spawn_with(&task, &options, fn, argument), 0);
    return task;
}

/* Pinned tasks live in a list of their own. */
static int64_t pinned_tasks_run_under_load(void *argument)
{
    (void)argument;
    for (int load = 0; load < LOADS; load++) {
        bool end = false;
        load_begin(load);
        struct tug_task *pinned = spawn_on_worker_0(yield_until_told, &end);
        for (int i = 0; i < 10; i++)
            CHECK_EQUAL(fixture_join(spawn_on_worker_0(yield_five_times, fixture_argument(i))), i);
        __atomic_store_n(&end, true, __ATOMIC_RELEASE);
        CHECK(fixture_join(pinned) >= 5);
        load_end();
    }
    return 0;
}

/* ---- tasks that wake each other ---- */

enum { PAIRS = 100 };

/* A hundred pairs that wake each other through the LIFO slot cannot keep a third task out. */
static int64_t ping_pong_saturation(void *argument)
{
    (void)argument;
    static struct pair many[PAIRS];
    struct tug_task *tasks[2 * PAIRS];
    __atomic_store_n(&stop, false, __ATOMIC_RELEASE);
    __atomic_store_n(&others, 2 * PAIRS, __ATOMIC_RELAXED);
    __atomic_store_n(&turns, 0, __ATOMIC_RELAXED);
    for (int i = 0; i < PAIRS; i++) {
        tug_oneshot_init(&many[i].to[0]);
        tug_oneshot_init(&many[i].to[1]);
        CHECK_EQUAL(tug_oneshot_send(&many[i].to[0], 0), 0);
        tasks[2 * i] = fixture_spawn(play_left, &many[i]);
        tasks[2 * i + 1] = fixture_spawn(play_right, &many[i]);
    }
    AWAIT(__atomic_load_n(&turns, __ATOMIC_RELAXED) > 10 * PAIRS);
    for (int i = 0; i < 10; i++)
        CHECK_EQUAL(fixture_join(fixture_spawn(yield_five_times, fixture_argument(i))), i);
    __atomic_store_n(&stop, true, __ATOMIC_RELEASE);
    for (int i = 0; i < 2 * PAIRS; i++)
        CHECK_EQUAL(fixture_join(tasks[i]), 0);
    return 0;
}

/* A task that spawns itself anew, and nothing else, lets block_on return. */
static void lifo_slot_budget(struct tug_runtime *runtime)
{
    __atomic_store_n(&stop, false, __ATOMIC_RELEASE);
    __atomic_store_n(&others, 1, __ATOMIC_RELAXED);
    struct tug_spawn_options options = TUG_SPAWN_OPTIONS_INIT;
    struct tug_task *task;
    options.runtime = runtime;
    assert_int_equal(tug_spawn_with(&task, &options, load_respawns, NULL), 0);
    tug_task_detach(task);
    for (int i = 0; i < 5 * REPEATS; i++)
        assert_int_equal(tug_runtime_block_on(runtime, yield_five_times, NULL, NULL), 0);
    assert_int_equal(tug_runtime_block_on(runtime, end_load, NULL, NULL), 0);
}

/* ---- yield comes after the driver ---- */

static int64_t read_and_set(void *argument)
{
    int *word = argument; /* the descriptor, then the flag */
    char byte;
    struct tug_op op;
    tug_op_read(&op, word[0], &byte, 1, TUG_CURRENT_POSITION);
    CHECK_EQUAL(tug_op_await(&op), 1);
    word[1] = 1;
    return 0;
}

/* Who yields in a loop until an event has been seen, sees it soon: each yield lets the driver look.
 * `give_way` is that yield. */
static void few_yields_until_an_event(void (*give_way)(void))
{
    int fds[2];
    /* Without O_NONBLOCK a system that has no RWF_NOWAIT reads on the blocking pool. */
    CHECK_EQUAL(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
    for (int round = 0; round < 20; round++) {
        int word[2] = {fds[0], 0};
        struct tug_task *reader = fixture_spawn(read_and_set, word);
        CHECK_EQUAL(tug_sleep(TUG_MILLISECOND), 0); /* it waits */
        CHECK_EQUAL(write(fds[1], "e", 1), 1);
        int yields = 0;
        for (; word[1] == 0; yields++) {
            CHECK(yields < 10);
            give_way();
        }
        CHECK_EQUAL(fixture_join(reader), 0);
    }
    close(fds[0]);
    close(fds[1]);
}

static void give_way_by_yield(void)
{
    CHECK_EQUAL(tug_yield(), 0);
}

static void give_way_by_budget(void)
{
    for (int i = 0; i < 128; i++)
        CHECK_EQUAL(tug_coop_consume(), 0);
}

static int64_t yield_defers_until_the_driver_has_looked(void *argument)
{
    (void)argument;
    few_yields_until_an_event(give_way_by_yield);
    return 0;
}

static int64_t an_empty_budget_defers_as_well(void *argument)
{
    (void)argument;
    few_yields_until_an_event(give_way_by_budget);
    return 0;
}

/* ---- how long it takes ---- */

struct arrival {
    struct tug_runtime *runtime;
    int64_t best; /* the fewest turns of the load between a spawn from outside and the task's run */
};

static int64_t read_turns(void *argument)
{
    (void)argument;
    return __atomic_load_n(&turns, __ATOMIC_RELAXED);
}

static int64_t measure_arrival(void *argument)
{
    struct arrival *arrival = argument;
    struct tug_spawn_options options = TUG_SPAWN_OPTIONS_INIT;
    options.runtime = arrival->runtime;
    arrival->best = INT64_MAX;
    for (int i = 0; i < 10 * REPEATS; i++) {
        struct tug_task *task;
        int64_t before = read_turns(NULL), after;
        CHECK_EQUAL(tug_spawn_with(&task, &options, read_turns, NULL), 0);
        CHECK_EQUAL(tug_join(task, &after), 0);
        if (after - before < arrival->best)
            arrival->best = after - before;
        usleep(200);
    }
    return 0;
}

static int64_t fewest_turns_until_arrival(enum load load)
{
    struct arrival arrival = {tug_runtime_current(), 0};
    load_begin(load);
    CHECK_EQUAL(fixture_on_thread(measure_arrival, &arrival), 0);
    load_end();
    return arrival.best;
}

/* The fewest of many: more turns pass when the thread itself loses its processor. */
static int64_t the_global_queue_is_looked_at_in_time(void *argument)
{
    (void)argument;
    /* At the latest every 127 polls, and a LIFO slot may add three to each. */
    for (int load = 0; load < LOADS; load++)
        if (load != LOAD_CONSUMES) /* 128 turns of that are one poll */
            CHECK_RANGE(fewest_turns_until_arrival(load), 0, 4 * 127 + LOAD_TASKS);
    return 0;
}

static int64_t arrives_at_once(void *argument)
{
    (void)argument;
    CHECK_RANGE(fewest_turns_until_arrival(LOAD_YIELDS), 0, 2 + LOAD_TASKS);
    return 0;
}

static void global_queue_interval_set_to_one(unsigned workers)
{
    struct tug_runtime_options options = fixture_options(workers);
    options.global_queue_interval = 1;
    assert_int_equal(fixture_run(&options, arrives_at_once, NULL), 0);
}

static int64_t arrives_at_last(void *argument)
{
    (void)argument;
    return fewest_turns_until_arrival(LOAD_YIELDS) < INT64_MAX ? 0 : -1;
}

static void intervals_may_be_long(unsigned workers)
{
    struct tug_runtime_options options = fixture_options(workers);
    options.global_queue_interval = 5000;
    options.event_interval = 5000;
    assert_int_equal(fixture_run(&options, arrives_at_last, NULL), 0);
    options.event_interval = 1;
    assert_int_equal(fixture_run(&options, arrives_at_last, NULL), 0);
}

/* In one queue, first in, first out. */
static int64_t order[100];
static int64_t order_length;

static int64_t note_order(void *argument)
{
    order[order_length++] = fixture_number(argument);
    CHECK_EQUAL(tug_yield(), 0);
    order[order_length++] = fixture_number(argument);
    return 0;
}

static int64_t the_current_thread_runs_in_order(void *argument)
{
    (void)argument;
    struct tug_task *tasks[50];
    order_length = 0;
    for (int i = 0; i < 50; i++)
        tasks[i] = fixture_spawn(note_order, fixture_argument(i));
    for (int i = 0; i < 50; i++)
        CHECK_EQUAL(fixture_join(tasks[i]), 0);
    for (int i = 0; i < 100; i++)
        CHECK_EQUAL(order[i], i % 50);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_EACH(tasks_complete_under_load),
        OUTSIDE_EACH(block_on_completes_under_load),
        IN_EACH(spawn_from_other_thread),
        IN_EACH(the_driver_is_polled_under_load),
        IN_EACH(timers_fire_under_load),
        IN_EACH(jobs_come_back_under_load),
        IN_EACH(pinned_tasks_run_under_load),
        IN_EACH(ping_pong_saturation),
        OUTSIDE_EACH(lifo_slot_budget),
        IN_CURRENT_THREAD(yield_defers_until_the_driver_has_looked),
        IN_WORKERS(yield_defers_until_the_driver_has_looked, 1),
        IN_CURRENT_THREAD(an_empty_budget_defers_as_well),
        IN_WORKERS(an_empty_budget_defers_as_well, 1),
        IN_CURRENT_THREAD(the_global_queue_is_looked_at_in_time),
        IN_WORKERS(the_global_queue_is_looked_at_in_time, 1),
        ALONE_CURRENT_THREAD(global_queue_interval_set_to_one),
        ALONE_WORKERS(global_queue_interval_set_to_one, 1),
        ALONE_EACH(intervals_may_be_long),
        IN_CURRENT_THREAD(the_current_thread_runs_in_order),
    };
    return cmocka_run_group_tests_name("runtime/load", tests, NULL, NULL);
}
