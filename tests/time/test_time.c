/* SPDX-License-Identifier: MIT */
/*
 * Sleeping, timeouts and intervals on the real clock, with generous bounds, and on a clock that
 * stands still, exactly.
 */
#include <errno.h>

#include "../runtime/fixture.h"

#define MS TUG_MILLISECOND

/* ---- the real clock ---------------------------------------------------------------------------
 */

enum { SLEEPERS = 16, APART = 30 /* ms */ };

static uint64_t order_start;
static int order[SLEEPERS], ended, late; /* `ended` and `late` are atomic */

static int64_t sleep_and_note(void *argument)
{
    int64_t n = (int64_t)(intptr_t)argument;
    uint64_t deadline = order_start + (uint64_t)(APART * (SLEEPERS - n)) * MS;
    CHECK_EQUAL(tug_sleep_until(deadline), 0);
    if (tug_now() >= deadline + APART * MS)
        __atomic_store_n(&late, 1, __ATOMIC_RELAXED);
    order[__atomic_fetch_add(&ended, 1, __ATOMIC_ACQ_REL)] = (int)n;
    return 0;
}

static void sleep_in_order(void)
{
    struct tug_group group;
    ended = late = 0;
    order_start = tug_now();
    tug_group_init(&group, 0);
    for (intptr_t i = 0; i < SLEEPERS; i++)
        CHECK_EQUAL(tug_group_spawn(&group, sleep_and_note, (void *)i), 0);
    CHECK_EQUAL(tug_group_wait(&group), 0);
}

/* Two whose deadlines have both passed run in either order, so a round in which the machine stood
 * still for so long says nothing. */
static int64_t sleepers_end_in_the_order_of_their_deadlines(void *argument)
{
    (void)argument;
    int rounds = 0;
    do
        sleep_in_order();
    while (late && ++rounds < 30);
    CHECK_EQUAL(late, 0);
    for (int i = 0; i < SLEEPERS; i++)
        CHECK_EQUAL(order[i], SLEEPERS - 1 - i);
    return 0;
}

static int64_t a_sleep_is_never_too_short(void *argument)
{
    (void)argument;
    for (uint64_t duration = 0; duration < 5 * MS; duration += 333333) {
        uint64_t start = tug_now();
        CHECK_EQUAL(tug_sleep(duration), 0);
        CHECK(tug_now() - start >= duration);
    }
    CHECK_EQUAL(tug_sleep_until(0), 0);
    return 0;
}

static int64_t sleep_long(void *argument)
{
    (void)argument;
    return tug_sleep(3600 * TUG_SECOND);
}

static int64_t double_it(void *argument)
{
    CHECK_EQUAL(tug_sleep(MS), 0);
    return 2 * (int64_t)(intptr_t)argument;
}

static int64_t timeouts_end_what_takes_too_long(void *argument)
{
    (void)argument;
    CHECK_EQUAL(tug_timeout(5 * MS, sleep_long, NULL), -ETIMEDOUT);
    CHECK_EQUAL(tug_timeout(30 * TUG_SECOND, double_it, (void *)21), 42);
    CHECK_EQUAL(tug_timeout(0, sleep_long, NULL), -ETIMEDOUT);
    CHECK_EQUAL(TUG_TIMEOUT(5 * MS, tug_sleep(TUG_FOREVER)), -ETIMEDOUT);
    /* The outer deadline comes first, and is not the inner scope's. */
    struct tug_scope outer;
    tug_scope_begin(&outer, tug_deadline_after(5 * MS), NULL);
    int64_t inner = tug_timeout(3600 * TUG_SECOND, sleep_long, NULL);
    CHECK(inner == -ETIMEDOUT || inner == -ECANCELED);
    CHECK_EQUAL(tug_scope_reason(&outer), -ETIMEDOUT);
    CHECK_EQUAL(tug_scope_end(&outer, -ECANCELED), -ETIMEDOUT);
    CHECK_EQUAL(tug_cancelled(), 0);
    return 0;
}

static int64_t sleeps_lose_a_select(void *argument)
{
    (void)argument;
    struct tug_sleep_future soon, late;
    tug_sleep_future_init(&late, tug_deadline_after(3600 * TUG_SECOND));
    tug_sleep_future_init(&soon, tug_deadline_after(3 * MS));
    struct tug_future *both[] = {&late.future, &soon.future};
    CHECK_EQUAL(tug_select_biased(both, 2), 1);
    CHECK_EQUAL(soon.future.result, 0);
    CHECK_EQUAL(late.future.result, -ECANCELED);
    return 0;
}

/* ---- a clock that stands still ------------------------------------------------------------------
 */

static int64_t a_paused_clock_stands_still(void *argument)
{
    (void)argument;
    CHECK_EQUAL(tug_time_resume(), -EBUSY);
    CHECK_EQUAL(tug_time_advance(1), -EBUSY);
    CHECK_EQUAL(tug_time_pause(), 0);
    CHECK_EQUAL(tug_time_pause(), -EBUSY);
    uint64_t now = tug_now();
    usleep(3000);
    CHECK(tug_now() == now);
    CHECK_EQUAL(tug_time_advance(1), 0);
    CHECK(tug_now() == now + 1);
    CHECK_EQUAL(tug_time_resume(), 0);
    usleep(3000);
    CHECK(tug_now() > now);
    return 0;
}

static int64_t it_jumps_when_nothing_is_runnable(void *argument)
{
    (void)argument;
    CHECK_EQUAL(tug_time_pause(), 0);
    uint64_t start = tug_now();
    CHECK_EQUAL(tug_sleep(24 * 3600 * TUG_SECOND), 0);
    uint64_t passed = tug_now() - start;
    CHECK_RANGE(passed, 24 * 3600 * TUG_SECOND, 24 * 3600 * TUG_SECOND + MS);
    CHECK_EQUAL(TUG_TIMEOUT(TUG_SECOND, tug_sleep(2 * TUG_SECOND)), -ETIMEDOUT);
    return 0;
}

static int64_t advance_fires_what_is_due(void *argument)
{
    (void)argument;
    CHECK_EQUAL(tug_time_pause(), 0);
    struct tug_task *task = fixture_spawn(double_it, (void *)4);
    CHECK_EQUAL(tug_yield(), 0);
    CHECK(!tug_task_is_finished(task));
    CHECK_EQUAL(tug_time_advance(2 * MS), 0);
    for (int i = 0; i < 3; i++)
        tug_yield();
    CHECK(tug_task_is_finished(task));
    CHECK_EQUAL(fixture_join(task), 8);
    return 0;
}

static int64_t block_a_moment(void *argument)
{
    usleep(20000);
    return (int64_t)(intptr_t)argument;
}

static int64_t blocking_work_holds_it_up(void *argument)
{
    (void)argument;
    CHECK_EQUAL(tug_time_pause(), 0);
    uint64_t start = tug_now();
    struct tug_task *sleeper = fixture_spawn(sleep_long, NULL), *job;
    CHECK_EQUAL(tug_spawn_blocking(&job, NULL, block_a_moment, (void *)7), 0);
    CHECK_EQUAL(fixture_join(job), 7);
    CHECK(tug_now() == start);
    CHECK_EQUAL(fixture_join(sleeper), 0);
    CHECK(tug_now() - start >= 3600 * TUG_SECOND);
    return 0;
}

/* ---- intervals ----------------------------------------------------------------------------------
 */

/* Ticks at 0, 10, ... ms; 25 ms pass before the third. Returns when the next `count` ticks came, in
 * ms since the start. */
static void late_ticks(enum tug_missed_tick missed, uint64_t *came, int count)
{
    uint64_t start = tug_now();
    struct tug_interval interval;
    tug_interval_init(&interval, start, 10 * MS, missed);
    CHECK_EQUAL(tug_interval_tick(&interval, NULL), 0);
    CHECK_EQUAL(tug_interval_tick(&interval, NULL), 0);
    CHECK_EQUAL(tug_time_advance(25 * MS), 0);
    for (int i = 0; i < count; i++) {
        CHECK_EQUAL(tug_interval_tick(&interval, NULL), 0);
        came[i] = (tug_now() - start) / MS;
    }
}

static int64_t missed_ticks_come_as_was_asked_for(void *argument)
{
    (void)argument;
    uint64_t came[4];
    CHECK_EQUAL(tug_time_pause(), 0);
    /* Late by 15 ms at 35: at once, then 30 at once as well, then 40. */
    late_ticks(TUG_MISSED_TICK_BURST, came, 4);
    CHECK_RANGE(came[0], 35, 36);
    CHECK_RANGE(came[1], 35, 36);
    CHECK_RANGE(came[2], 40, 41);
    CHECK_RANGE(came[3], 50, 51);
    late_ticks(TUG_MISSED_TICK_DELAY, came, 3);
    CHECK_RANGE(came[0], 35, 36);
    CHECK_RANGE(came[1], 45, 47);
    CHECK_RANGE(came[2], 55, 58);
    late_ticks(TUG_MISSED_TICK_SKIP, came, 3);
    CHECK_RANGE(came[0], 35, 36);
    CHECK_RANGE(came[1], 40, 41);
    CHECK_RANGE(came[2], 50, 51);
    return 0;
}

static int64_t a_cancelled_tick_is_not_lost(void *argument)
{
    (void)argument;
    CHECK_EQUAL(tug_time_pause(), 0);
    struct tug_interval interval;
    uint64_t start = tug_now(), tick;
    tug_interval_init(&interval, start + 10 * MS, 10 * MS, TUG_MISSED_TICK_BURST);
    CHECK_EQUAL(TUG_TIMEOUT(2 * MS, tug_interval_tick(&interval, NULL)), -ETIMEDOUT);
    CHECK_EQUAL(tug_interval_tick(&interval, &tick), 0);
    CHECK(tick == start + 10 * MS);
    struct tug_interval broken = {0, 0, TUG_MISSED_TICK_BURST};
    CHECK_EQUAL(tug_interval_tick(&broken, NULL), -EINVAL);
    return 0;
}

static int64_t workers_have_a_clock_that_runs(void *argument)
{
    (void)argument;
    CHECK_EQUAL(tug_time_pause(), -ENOTSUP);
    CHECK_EQUAL(tug_time_advance(1), -ENOTSUP);
    return 0;
}

static void outside_of_a_runtime(void **state)
{
    (void)state;
    assert_true(tug_now() > 0);
    assert_int_equal(tug_sleep(1), -EPERM);
    assert_int_equal(tug_time_pause(), -EPERM);
    assert_true(tug_deadline_after(TUG_FOREVER) == TUG_FOREVER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        /* Across workers nothing orders them but the clock. */
        IN_CURRENT_THREAD(sleepers_end_in_the_order_of_their_deadlines),
        IN_WORKERS(sleepers_end_in_the_order_of_their_deadlines, 1),
        IN_EACH(a_sleep_is_never_too_short),
        IN_EACH(timeouts_end_what_takes_too_long),
        IN_EACH(sleeps_lose_a_select),
        IN_CURRENT_THREAD(a_paused_clock_stands_still),
        IN_CURRENT_THREAD(it_jumps_when_nothing_is_runnable),
        IN_CURRENT_THREAD(advance_fires_what_is_due),
        IN_CURRENT_THREAD(blocking_work_holds_it_up),
        IN_CURRENT_THREAD(missed_ticks_come_as_was_asked_for),
        IN_CURRENT_THREAD(a_cancelled_tick_is_not_lost),
        IN_MULTI_THREAD(workers_have_a_clock_that_runs),
        cmocka_unit_test(outside_of_a_runtime),
    };
    return cmocka_run_group_tests_name("time/time", tests, NULL, NULL);
}
