/* SPDX-License-Identifier: MIT */
/*
 * The coop budget: how often, exactly, a task gives way that always finds its operations ready.
 * The worker's own counters say it; in the flavours tested here nobody else runs.
 */
#include <errno.h>
#include <fcntl.h>

#include "../runtime/fixture.h"

enum { BUDGET = 128 };

static struct tug_worker_metrics read_counters(void)
{
    struct tug_worker_metrics metrics;
    CHECK_EQUAL(tug_runtime_worker_metrics(tug_runtime_current(), 0, &metrics), 0);
    return metrics;
}

/* Starts from a full budget; afterwards says how often the task was made to give way. */
struct measure {
    struct tug_worker_metrics before;
};

static void measure_begin(struct measure *measure)
{
    CHECK_EQUAL(tug_yield(), 0);
    measure->before = read_counters();
}

static uint64_t measure_end(const struct measure *measure)
{
    struct tug_worker_metrics now = read_counters();
    uint64_t exhausted = now.budget_exhausted - measure->before.budget_exhausted;
    CHECK_EQUAL(now.polls - measure->before.polls, exhausted);
    CHECK_EQUAL(now.yields - measure->before.yields, exhausted);
    return exhausted;
}

/* ---- consume ---- */

static int64_t consuming_gives_way_exactly(void *argument)
{
    (void)argument;
    static const int counts[] = {0, 1, 127, 128, 129, 256, 257, 1000, 1281, 12801};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        struct measure measure;
        measure_begin(&measure);
        for (int n = 0; n < counts[i]; n++)
            CHECK_EQUAL(tug_coop_consume(), 0);
        CHECK_EQUAL(measure_end(&measure), counts[i] == 0 ? 0 : (counts[i] - 1) / BUDGET);
    }
    return 0;
}

static int64_t the_budget_can_be_seen(void *argument)
{
    (void)argument;
    CHECK_EQUAL(tug_yield(), 0);
    for (int i = 0; i < BUDGET; i++) {
        CHECK(tug_coop_has_remaining());
        CHECK_EQUAL(tug_coop_consume(), 0);
    }
    CHECK(!tug_coop_has_remaining());
    CHECK_EQUAL(tug_yield(), 0);
    CHECK(tug_coop_has_remaining());
    return 0;
}

/* ---- operations that are ready ---- */

enum { OPERATIONS = 1000 };

static void ready_joins(void)
{
    static struct tug_task *tasks[OPERATIONS];
    for (int i = 0; i < OPERATIONS; i++)
        tasks[i] = fixture_spawn(fixture_return, fixture_argument(i));
    for (int i = 0; i < OPERATIONS; i++)
        AWAIT(tug_task_is_finished(tasks[i]));
    struct measure measure;
    measure_begin(&measure);
    for (int i = 0; i < OPERATIONS; i++)
        CHECK_EQUAL(fixture_join(tasks[i]), i);
    CHECK_EQUAL(measure_end(&measure), (OPERATIONS - 1) / BUDGET);
}

static void ready_join_futures(void)
{
    static struct tug_task *tasks[OPERATIONS];
    for (int i = 0; i < OPERATIONS; i++)
        tasks[i] = fixture_spawn(fixture_return, fixture_argument(i));
    for (int i = 0; i < OPERATIONS; i++)
        AWAIT(tug_task_is_finished(tasks[i]));
    struct measure measure;
    measure_begin(&measure);
    for (int i = 0; i < OPERATIONS; i++) {
        struct tug_join_future join;
        tug_join_future_init(&join, tasks[i]);
        CHECK_EQUAL(tug_await(&join.future), i);
    }
    CHECK_EQUAL(measure_end(&measure), (OPERATIONS - 1) / BUDGET);
}

static void ready_receives(void)
{
    struct measure measure;
    measure_begin(&measure);
    for (int i = 0; i < OPERATIONS; i++) {
        struct tug_oneshot channel;
        int64_t value;
        tug_oneshot_init(&channel);
        CHECK_EQUAL(tug_oneshot_send(&channel, i), 0);
        CHECK_EQUAL(tug_oneshot_receive(&channel, &value), 0);
        CHECK_EQUAL(value, i);
    }
    CHECK_EQUAL(measure_end(&measure), (OPERATIONS - 1) / BUDGET);
}

static void ready_sleeps(void)
{
    struct measure measure;
    measure_begin(&measure);
    for (int i = 0; i < OPERATIONS; i++)
        CHECK_EQUAL(i % 2 == 0 ? tug_sleep(0) : tug_sleep_until(1), 0);
    CHECK_EQUAL(measure_end(&measure), (OPERATIONS - 1) / BUDGET);
}

static void ready_ticks(void)
{
    struct measure measure;
    struct tug_interval interval;
    tug_interval_init(&interval, tug_now() - TUG_SECOND, 1, TUG_MISSED_TICK_BURST);
    measure_begin(&measure);
    for (int i = 0; i < OPERATIONS; i++)
        CHECK_EQUAL(tug_interval_tick(&interval, NULL), 0);
    CHECK_EQUAL(measure_end(&measure), (OPERATIONS - 1) / BUDGET);
}

static void ready_tokens(void)
{
    struct measure measure;
    struct tug_token token;
    tug_token_init(&token, NULL);
    tug_token_cancel(&token);
    measure_begin(&measure);
    for (int i = 0; i < OPERATIONS; i++) {
        struct tug_token_future wait;
        tug_token_future_init(&wait, &token);
        CHECK_EQUAL(tug_await(&wait.future), 0);
    }
    CHECK_EQUAL(measure_end(&measure), (OPERATIONS - 1) / BUDGET);
    tug_token_destroy(&token);
}

static int64_t ready_operations_give_way_exactly(void *argument)
{
    (void)argument;
    ready_joins();
    ready_join_futures();
    ready_receives();
    ready_sleeps();
    ready_ticks();
    ready_tokens();
    return 0;
}

/* Where descriptors are tried at once, a read that finds data is ready; with a ring it waits for
 * the kernel's answer, and the task gives way anyway. */
static int64_t ready_reads_give_way(void *argument)
{
    (void)argument;
    static char bytes[OPERATIONS];
    int fds[2];
    CHECK_EQUAL(pipe2(fds, O_CLOEXEC), 0);
    CHECK_EQUAL(write(fds[1], bytes, OPERATIONS), OPERATIONS);
    struct tug_op op;
    char byte;
    CHECK_EQUAL(tug_yield(), 0);
    struct tug_worker_metrics before = read_counters();
    for (int i = 0; i < OPERATIONS; i++) {
        tug_op_read(&op, fds[0], &byte, 1, TUG_CURRENT_POSITION);
        CHECK_EQUAL(tug_op_await(&op), 1);
    }
    uint64_t exhausted = read_counters().budget_exhausted - before.budget_exhausted;
    uint64_t polls = read_counters().polls - before.polls;
    if (strcmp(tug_runtime_driver_name(tug_runtime_current()), "epoll") == 0) {
        CHECK_EQUAL(exhausted, (OPERATIONS - 1) / BUDGET);
        CHECK_EQUAL(polls, exhausted);
    } else {
        CHECK(polls >= (OPERATIONS - 1) / BUDGET);
    }
    close(fds[0]);
    close(fds[1]);
    return 0;
}

/* ---- futures of one's own ---- */

/* Takes what the budget gives in each poll, until it has `wanted` units. */
struct taker {
    struct tug_future future;
    int wanted, taken, polls;
    int refused_more; /* further tries after the budget is empty */
};

static int taker_poll(struct tug_future *self, const struct tug_waker *waker)
{
    struct taker *taker = (struct taker *)self;
    taker->polls++;
    while (taker->taken < taker->wanted) {
        if (tug_coop_poll(waker) == TUG_READY) {
            taker->taken++;
            continue;
        }
        CHECK(!tug_coop_has_remaining());
        CHECK_EQUAL(taker->taken, taker->polls * BUDGET);
        for (int i = 0; i < taker->refused_more; i++)
            CHECK_EQUAL(tug_coop_poll(waker), TUG_PENDING);
        return TUG_PENDING;
    }
    self->result = taker->taken;
    return TUG_READY;
}

static const struct tug_future_vtable taker_vtable = {.poll = taker_poll};

static int64_t a_future_asks_for_units(void *argument)
{
    (void)argument;
    for (int more = 0; more <= 2; more++) {
        struct taker taker = {{&taker_vtable, 0}, 1000, 0, 0, more};
        struct measure measure;
        measure_begin(&measure);
        CHECK_EQUAL(tug_await(&taker.future), 1000);
        CHECK_EQUAL(measure_end(&measure), 7);
        CHECK_EQUAL(taker.polls, 8);

        /* The same as a task of its own. One that is woken by a task may live on what that has
         * left: here, all. */
        CHECK_EQUAL(tug_yield(), 0);
        taker = (struct taker){{&taker_vtable, 0}, 1000, 0, 0, more};
        struct tug_task *task;
        CHECK_EQUAL(tug_spawn_future(&task, NULL, &taker.future), 0);
        CHECK_EQUAL(fixture_join(task), 1000);
        CHECK_EQUAL(taker.polls, 8);
    }
    return 0;
}

/* Takes a unit, finds nothing and gives it back. */
static int idle_poll(struct tug_future *self, const struct tug_waker *waker)
{
    (void)self;
    CHECK_EQUAL(tug_coop_poll(waker), TUG_READY);
    tug_coop_restore();
    return TUG_PENDING;
}

static int idle_end_poll(struct tug_future *self, const struct tug_waker *waker)
{
    (void)waker;
    self->result = -ECANCELED;
    return TUG_READY;
}

static const struct tug_future_vtable idle_end_vtable = {.poll = idle_end_poll};

static void idle_cancel(struct tug_future *self)
{
    self->vtable = &idle_end_vtable;
}

static const struct tug_future_vtable idle_vtable = {.poll = idle_poll, .cancel = idle_cancel};

static int now_poll(struct tug_future *self, const struct tug_waker *waker)
{
    (void)waker;
    self->result = 0;
    return TUG_READY;
}

static const struct tug_future_vtable now_vtable = {.poll = now_poll};

static int64_t pending_operations_cost_nothing(void *argument)
{
    (void)argument;
    struct measure measure;
    measure_begin(&measure);
    for (int i = 0; i < OPERATIONS; i++) {
        struct tug_future idle = {&idle_vtable, 0}, now = {&now_vtable, 0};
        struct tug_future *futures[] = {&idle, &now};
        CHECK_EQUAL(tug_select_biased(futures, 2), 1);
    }
    CHECK_EQUAL(measure_end(&measure), 0);
    return 0;
}

/* ---- unconstrained ---- */

static int64_t unconstrained_is_never_charged(void *argument)
{
    (void)argument;
    struct measure measure;
    struct taker taker = {{&taker_vtable, 0}, 100 * BUDGET, 0, 0, 0};
    measure_begin(&measure);
    for (int i = 0; i < 100; i++)
        CHECK_EQUAL(tug_coop_consume(), 0);
    tug_unconstrained_begin();
    for (int i = 0; i < 10 * BUDGET; i++)
        CHECK_EQUAL(tug_coop_consume(), 0);
    for (int i = 0; i < 10 * BUDGET; i++)
        CHECK_EQUAL(tug_sleep(0), 0);
    CHECK_EQUAL(tug_await(&taker.future), 100 * BUDGET);
    CHECK_EQUAL(taker.polls, 1);
    CHECK(tug_coop_has_remaining());
    tug_unconstrained_begin();
    tug_unconstrained_end();
    for (int i = 0; i < 10 * BUDGET; i++)
        CHECK_EQUAL(tug_coop_consume(), 0);
    tug_unconstrained_end();
    CHECK_EQUAL(measure_end(&measure), 0);
    /* What was there before is there still. */
    for (int i = 0; i < BUDGET - 100; i++)
        CHECK_EQUAL(tug_coop_consume(), 0);
    CHECK_EQUAL(measure_end(&measure), 0);
    CHECK_EQUAL(tug_coop_consume(), 0);
    CHECK_EQUAL(measure_end(&measure), 1);
    return 0;
}

static int64_t unconstrained_outlasts_a_suspension(void *argument)
{
    (void)argument;
    tug_unconstrained_begin();
    CHECK_EQUAL(tug_yield(), 0);
    CHECK_EQUAL(tug_sleep(TUG_MILLISECOND), 0);
    uint64_t before = read_counters().budget_exhausted;
    for (int i = 0; i < 10 * BUDGET; i++)
        CHECK_EQUAL(tug_coop_consume(), 0);
    CHECK_EQUAL(read_counters().budget_exhausted, before);
    tug_unconstrained_end();
    return 0;
}

static int64_t consume_unit_by_unit(void *argument)
{
    for (int i = 0; i < 10 * BUDGET; i++)
        CHECK_EQUAL(tug_coop_consume(), 0);
    (void)argument;
    return 0;
}

/* It is the task's own: another that runs meanwhile is charged. */
static int64_t unconstrained_is_the_tasks_own(void *argument)
{
    (void)argument;
    CHECK_EQUAL(tug_yield(), 0);
    tug_unconstrained_begin();
    uint64_t before = read_counters().budget_exhausted;
    CHECK_EQUAL(fixture_join(fixture_spawn(consume_unit_by_unit, NULL)), 0);
    CHECK_EQUAL(read_counters().budget_exhausted - before, 9);
    tug_unconstrained_end();
    return 0;
}

/* ---- what it is for ---- */

struct turns {
    bool end; /* atomic */
    int count;
};

static int64_t count_turns(void *argument)
{
    struct turns *turns = argument;
    for (; !__atomic_load_n(&turns->end, __ATOMIC_ACQUIRE); turns->count++)
        CHECK_EQUAL(tug_yield(), 0);
    return 0;
}

static int64_t others_have_a_turn_each_time(void *argument)
{
    (void)argument;
    struct turns turns = {.end = false};
    struct tug_task *task = fixture_spawn(count_turns, &turns);
    CHECK_EQUAL(tug_yield(), 0);
    int before = turns.count;
    for (int i = 0; i < 1 + 20 * BUDGET; i++)
        CHECK_EQUAL(tug_sleep(0), 0);
    CHECK_RANGE(turns.count - before, 19, 21);
    __atomic_store_n(&turns.end, true, __ATOMIC_RELEASE);
    CHECK_EQUAL(fixture_join(task), 0);
    return 0;
}

static int64_t consume_in_job(void *argument)
{
    (void)argument;
    for (int i = 0; i < 10 * BUDGET; i++)
        CHECK_EQUAL(tug_coop_consume(), 0);
    CHECK(tug_coop_has_remaining());
    return 0;
}

static int64_t jobs_have_no_budget(void *argument)
{
    (void)argument;
    uint64_t before = read_counters().budget_exhausted;
    CHECK_EQUAL(tug_block_in_place(consume_in_job, NULL), 0);
    CHECK_EQUAL(read_counters().budget_exhausted, before);
    return 0;
}

static int64_t cancelled_consume(void *argument)
{
    (void)argument;
    CHECK_EQUAL(tug_yield(), 0);
    struct tug_scope scope;
    tug_scope_begin(&scope, TUG_FOREVER, NULL);
    for (int i = 0; i < BUDGET; i++)
        CHECK_EQUAL(tug_coop_consume(), 0);
    tug_scope_cancel(&scope);
    CHECK_EQUAL(tug_coop_consume(), -ECANCELED);
    tug_scope_end(&scope, 0);
    CHECK_EQUAL(tug_coop_consume(), 0);
    return 0;
}

static void nothing_is_charged_outside(struct tug_runtime *runtime)
{
    (void)runtime;
    for (int i = 0; i < 10 * BUDGET; i++) {
        assert_int_equal(tug_coop_consume(), 0);
        assert_true(tug_coop_has_remaining());
    }
    tug_coop_restore();
    tug_unconstrained_begin();
    tug_unconstrained_end();
}

#define ON_ONE_THREAD(body) IN_CURRENT_THREAD(body), IN_WORKERS(body, 1)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_ONE_THREAD(consuming_gives_way_exactly),
        ON_ONE_THREAD(the_budget_can_be_seen),
        ON_ONE_THREAD(ready_operations_give_way_exactly),
        ON_ONE_THREAD(ready_reads_give_way),
        ON_ONE_THREAD(a_future_asks_for_units),
        ON_ONE_THREAD(pending_operations_cost_nothing),
        ON_ONE_THREAD(unconstrained_is_never_charged),
        ON_ONE_THREAD(unconstrained_outlasts_a_suspension),
        ON_ONE_THREAD(unconstrained_is_the_tasks_own),
        ON_ONE_THREAD(others_have_a_turn_each_time),
        ON_ONE_THREAD(jobs_have_no_budget),
        IN_EACH(cancelled_consume),
        OUTSIDE_EACH(nothing_is_charged_outside),
    };
    return cmocka_run_group_tests_name("task/coop", tests, NULL, NULL);
}
