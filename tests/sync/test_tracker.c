/* SPDX-License-Identifier: MIT */
/*
 * The end of a service in good order: who is let go on, who is cancelled, who is reported.
 */
#include <errno.h>

#include "../runtime/fixture.h"
#include "sys/fault.h"

#define MS TUG_MILLISECOND

static int ended, aborted; /* atomic */

static void reset(void)
{
    __atomic_store_n(&ended, 0, __ATOMIC_RELEASE);
    __atomic_store_n(&aborted, 0, __ATOMIC_RELEASE);
}

static int get(int *counter)
{
    return __atomic_load_n(counter, __ATOMIC_ACQUIRE);
}

static int64_t work(void *ms)
{
    int64_t result = tug_sleep((uint64_t)fixture_number(ms) * MS);
    __atomic_fetch_add(result == 0 ? &ended : &aborted, 1, __ATOMIC_ACQ_REL);
    return result;
}

static bool may_end; /* atomic */

/* Does not hear that it is to stop. */
static int64_t work_deaf(void *unused)
{
    struct tug_scope shield;
    tug_shield_begin(&shield);
    AWAIT(__atomic_load_n(&may_end, __ATOMIC_ACQUIRE));
    int64_t result = work(unused);
    tug_scope_end(&shield, 0);
    return result;
}

static struct tug_tracker *create(void)
{
    struct tug_tracker *tracker;
    CHECK_EQUAL(tug_tracker_create(&tracker), 0);
    reset();
    return tracker;
}

static void spawn(struct tug_tracker *tracker, const char *name, tug_task_fn fn, int64_t argument)
{
    CHECK_EQUAL(tug_tracker_spawn(tracker, name, fn, fixture_argument(argument)), 0);
}

static int64_t what_is_under_way_goes_on(void *unused)
{
    (void)unused;
    struct tug_tracker *tracker = create();
    for (int i = 0; i < 10; i++)
        spawn(tracker, NULL, work, i);
    CHECK_RANGE(tug_tracker_alive(tracker), 9, 10);
    CHECK_EQUAL(tug_token_reason(tug_tracker_token(tracker)), 0);
    CHECK_EQUAL(tug_tracker_shutdown(tracker, NULL), 0);
    CHECK_EQUAL(get(&ended), 10);
    CHECK_EQUAL(tug_tracker_alive(tracker), 0);
    CHECK_EQUAL(tug_token_reason(tug_tracker_token(tracker)), -ECANCELED);
    CHECK_EQUAL(tug_tracker_spawn(tracker, NULL, work, NULL), -ECANCELED);
    CHECK_EQUAL(tug_tracker_shutdown(tracker, NULL), 0);
    tug_tracker_release(tracker);
    return 0;
}

/* Takes in work, each in a task of its own, until it is told to stop. */
static int64_t serve(void *argument)
{
    struct tug_tracker *tracker = argument;
    struct tug_scope scope;
    int64_t result;
    tug_scope_begin(&scope, TUG_FOREVER, tug_tracker_token(tracker));
    do
        result = tug_sleep(MS);
    while (result == 0 &&
           (result = tug_tracker_spawn(tracker, "request", work, fixture_argument(10))) == 0);
    CHECK_EQUAL(result, -ECANCELED);
    return tug_scope_end(&scope, result);
}

static int64_t no_more_work_is_taken_in(void *unused)
{
    (void)unused;
    struct tug_tracker *tracker = create();
    CHECK_EQUAL(tug_tracker_spawn(tracker, "server", serve, tracker), 0);
    AWAIT(get(&ended) >= 3);
    CHECK_EQUAL(tug_tracker_shutdown(tracker, NULL), 0);
    CHECK_EQUAL(get(&aborted), 0);
    int all = get(&ended);
    CHECK_EQUAL(tug_sleep(5 * MS), 0);
    CHECK_EQUAL(get(&ended), all);
    tug_tracker_release(tracker);
    return 0;
}

/* ---- Those who are late ---- */

struct report {
    int late, stuck;
    char names[2][64];
    uint64_t last_id;
};

static void note_late(void *context, const char *name, uint64_t id, int stuck)
{
    struct report *report = context;
    ++*(stuck ? &report->stuck : &report->late);
    strcat(report->names[stuck], name != NULL ? name : "-");
    CHECK(id > 0);
    report->last_id = id;
}

static int64_t who_is_late_is_aborted(void *unused)
{
    (void)unused;
    struct report report = {0};
    struct tug_tracker_shutdown shutdown = TUG_TRACKER_SHUTDOWN_INIT;
    struct tug_tracker *tracker = create();
    shutdown.drain = 20 * MS;
    shutdown.late = note_late;
    shutdown.context = &report;
    spawn(tracker, "quick", work, 1);
    AWAIT(get(&ended) == 1);
    spawn(tracker, "slow", work, 1000000);
    spawn(tracker, NULL, work, 1000000);
    CHECK_EQUAL(tug_tracker_shutdown(tracker, &shutdown), -ETIMEDOUT);
    CHECK_EQUAL(shutdown.aborted, 2);
    CHECK_EQUAL(shutdown.stuck, 0);
    CHECK_EQUAL(report.late, 2);
    CHECK_EQUAL(report.stuck, 0);
    CHECK(strcmp(report.names[0], "slow-") == 0);
    CHECK_EQUAL(get(&ended), 1);
    CHECK_EQUAL(get(&aborted), 2);
    tug_tracker_release(tracker);
    return 0;
}

static int64_t who_does_not_stop_is_told(void *unused)
{
    (void)unused;
    struct report report = {0};
    struct tug_tracker_shutdown shutdown = TUG_TRACKER_SHUTDOWN_INIT;
    struct tug_tracker *tracker = create();
    shutdown.drain = MS;
    shutdown.abort = 200 * MS;
    shutdown.late = note_late;
    shutdown.context = &report;
    __atomic_store_n(&may_end, false, __ATOMIC_RELEASE);
    spawn(tracker, "deaf", work_deaf, 0);
    spawn(tracker, "slow", work, 1000000);
    CHECK_EQUAL(tug_tracker_shutdown(tracker, &shutdown), -EBUSY);
    CHECK_EQUAL(shutdown.aborted, 2);
    CHECK_EQUAL(shutdown.stuck, 1);
    CHECK_EQUAL(report.late, 2);
    CHECK_EQUAL(report.stuck, 1);
    CHECK(strcmp(report.names[1], "deaf") == 0);
    CHECK_EQUAL(tug_tracker_alive(tracker), 1);
    /* It holds on to the tracker. */
    tug_tracker_release(tracker);
    __atomic_store_n(&may_end, true, __ATOMIC_RELEASE);
    AWAIT(get(&ended) == 1);
    return 0;
}

static int64_t the_usual_time_is_half_a_minute(void *unused)
{
    (void)unused;
    CHECK_EQUAL(tug_time_pause(), 0);
    struct tug_tracker *tracker = create();
    uint64_t start = tug_now();
    spawn(tracker, NULL, work, 29999);
    spawn(tracker, NULL, work, 31000);
    CHECK_EQUAL(tug_tracker_shutdown(tracker, NULL), -ETIMEDOUT);
    CHECK_RANGE(tug_now() - start, 30 * TUG_SECOND, 30 * TUG_SECOND + 2 * MS);
    CHECK_EQUAL(get(&ended), 1);
    CHECK_EQUAL(get(&aborted), 1);
    tug_tracker_release(tracker);
    return 0;
}

static int64_t an_impatient_user(void *unused)
{
    (void)unused;
    struct tug_tracker *tracker = create();
    spawn(tracker, NULL, work, 1000000);
    CHECK_EQUAL(TUG_TIMEOUT(2 * MS, tug_tracker_shutdown(tracker, NULL)), -ETIMEDOUT);
    CHECK_EQUAL(get(&aborted), 1);
    tug_tracker_release(tracker);

    struct tug_scope scope;
    tracker = create();
    spawn(tracker, NULL, work, 1000000);
    tug_scope_begin(&scope, TUG_FOREVER, NULL);
    tug_scope_cancel(&scope);
    CHECK_EQUAL(tug_tracker_shutdown(tracker, NULL), -ETIMEDOUT);
    tug_scope_end(&scope, 0);
    CHECK_EQUAL(get(&aborted), 1);
    tug_tracker_release(tracker);
    return 0;
}

/* ---- Waiting, from inside and outside ---- */

static int64_t wait_for_end(void *tracker)
{
    int64_t result = tug_tracker_wait(tracker);
    CHECK_EQUAL(tug_tracker_alive(tracker), 0);
    return result;
}

static int64_t waiting(void *unused)
{
    (void)unused;
    struct tug_tracker *tracker = create();
    CHECK_EQUAL(TUG_TIMEOUT(MS, tug_tracker_wait(tracker)), -ETIMEDOUT); /* it is not closed */
    spawn(tracker, NULL, work, 5);
    struct tug_task *tasks[3];
    for (int i = 0; i < 3; i++)
        tasks[i] = fixture_spawn(wait_for_end, tracker);
    tug_tracker_close(tracker);
    CHECK_EQUAL(tug_tracker_wait(tracker), 0);
    for (int i = 0; i < 3; i++)
        CHECK_EQUAL(fixture_join(tasks[i]), 0);
    CHECK_EQUAL(get(&ended), 1);
    tug_tracker_release(tracker);

    tracker = create();
    tug_tracker_close(tracker);
    CHECK_EQUAL(tug_tracker_wait(tracker), 0);
    tug_tracker_release(tracker);
    return 0;
}

static int64_t shut_down_from_inside(void *tracker)
{
    return tug_tracker_shutdown(tracker, NULL) == -EDEADLK ? 0 : -1;
}

static int64_t end_of_its_own(void *argument)
{
    CHECK_EQUAL(shut_down_from_inside(argument), 0);
    __atomic_fetch_add(&ended, 1, __ATOMIC_ACQ_REL);
    return 0;
}

static int64_t a_task_cannot_wait_for_itself(void *unused)
{
    (void)unused;
    struct tug_tracker *tracker = create();
    CHECK_EQUAL(tug_tracker_spawn(tracker, NULL, end_of_its_own, tracker), 0);
    AWAIT(get(&ended) == 1);
    CHECK_EQUAL(tug_tracker_shutdown(tracker, NULL), 0);
    tug_tracker_release(tracker);
    return 0;
}

/* Others go on starting tasks while the tracker is closed: each runs and is waited for, or is
 * refused. */
static int64_t spawn_until_closed(void *tracker)
{
    int64_t started = 0;
    int error;
    while ((error = tug_tracker_spawn(tracker, "one of many", work, NULL)) == 0) {
        started++;
        while (tug_tracker_alive(tracker) > 20)
            usleep(100);
    }
    CHECK_EQUAL(error, -ECANCELED);
    return started;
}

static int64_t closing_while_others_spawn(void *unused)
{
    (void)unused;
    for (int round = 0; round < 5; round++) {
        struct fixture_thread threads[2];
        struct tug_tracker *tracker = create();
        for (int i = 0; i < 2; i++)
            fixture_thread_start(&threads[i], spawn_until_closed, tracker);
        AWAIT(get(&ended) > 0);
        CHECK_EQUAL(tug_tracker_shutdown(tracker, NULL), 0);
        int64_t started = 0;
        for (int i = 0; i < 2; i++)
            started += fixture_thread_await(&threads[i]);
        CHECK_EQUAL(get(&ended), started);
        tug_tracker_release(tracker);
    }
    return 0;
}

#if TUG_FAULT_INJECTION
static int64_t without_memory(void *unused)
{
    (void)unused;
    struct tug_tracker *tracker;
    CHECK_EQUAL(tug_fault_fail("calloc", 1, 1, ENOMEM), 0);
    CHECK_EQUAL(tug_tracker_create(&tracker), -ENOMEM);
    tug_fault_reset();
    tracker = create();
    CHECK_EQUAL(tug_fault_fail("malloc", 1, 1, ENOMEM), 0);
    CHECK_EQUAL(tug_tracker_spawn(tracker, NULL, work, NULL), -ENOMEM);
    tug_fault_reset();
    CHECK_EQUAL(tug_tracker_shutdown(tracker, NULL), 0);
    tug_tracker_release(tracker);
    return 0;
}
#endif

static void outside_of_a_runtime(void **state)
{
    (void)state;
    struct tug_tracker *tracker;
    assert_int_equal(tug_tracker_create(&tracker), -EPERM);
    tug_tracker_release(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_EACH(what_is_under_way_goes_on),
        IN_EACH(no_more_work_is_taken_in),
        IN_EACH(who_is_late_is_aborted),
        IN_EACH(who_does_not_stop_is_told),
        IN_CURRENT_THREAD(the_usual_time_is_half_a_minute),
        IN_EACH(an_impatient_user),
        IN_EACH(waiting),
        IN_EACH(a_task_cannot_wait_for_itself),
        IN_EACH(closing_while_others_spawn),
#if TUG_FAULT_INJECTION
        IN_EACH(without_memory),
#endif
        cmocka_unit_test(outside_of_a_runtime),
    };
    return cmocka_run_group_tests_name("sync/tracker", tests, NULL, NULL);
}
