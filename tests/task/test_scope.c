/* SPDX-License-Identifier: MIT */
/*
 * Cancel scopes: what a suspension point returns inside of them, deadlines, shields, and what is
 * left when they end.
 */
#include <errno.h>
#include <fcntl.h>

#include "../runtime/fixture.h"

/* ---- every suspension point ---- */

static int64_t point_sleep(void)
{
    return tug_sleep(TUG_SECOND);
}

static int64_t point_sleep_zero(void)
{
    return tug_sleep(0);
}

static int64_t point_yield(void)
{
    return tug_yield();
}

static int64_t point_consume(void)
{
    return tug_coop_consume();
}

static int64_t point_join(void)
{
    struct tug_task *task = fixture_spawn(fixture_sleep_forever, NULL);
    int64_t error = tug_join(task, NULL);
    tug_task_abort(task);
    tug_task_detach(task);
    return error;
}

static int64_t point_receive(void)
{
    struct tug_oneshot channel;
    int64_t value;
    tug_oneshot_init(&channel);
    return tug_oneshot_receive(&channel, &value);
}

static int64_t point_await(void)
{
    struct tug_sleep_future sleep;
    tug_sleep_future_init(&sleep, TUG_FOREVER);
    return tug_await(&sleep.future);
}

static int64_t point_many(int64_t (*wait)(struct tug_future *const *futures, size_t count))
{
    struct tug_sleep_future sleeps[2];
    tug_sleep_future_init(&sleeps[0], TUG_FOREVER);
    tug_sleep_future_init(&sleeps[1], TUG_FOREVER);
    struct tug_future *futures[] = {&sleeps[0].future, &sleeps[1].future};
    return wait(futures, 2);
}

static int64_t point_select(void)
{
    return point_many(tug_select);
}

static int64_t point_join_all(void)
{
    return point_many(tug_join_all);
}

static int64_t point_try_join_all(void)
{
    return point_many(tug_try_join_all);
}

static int64_t point_group(void)
{
    struct tug_group group;
    tug_group_init(&group, 0);
    CHECK_EQUAL(tug_group_spawn(&group, fixture_sleep_forever, NULL), 0);
    return tug_group_wait(&group);
}

static int64_t point_operation(void)
{
    int fds[2];
    char byte;
    CHECK_EQUAL(pipe2(fds, O_CLOEXEC), 0);
    struct tug_op op;
    tug_op_read(&op, fds[0], &byte, 1, TUG_CURRENT_POSITION);
    int64_t result = tug_op_await(&op);
    close(fds[0]);
    close(fds[1]);
    return result;
}

static int64_t point_interval(void)
{
    struct tug_interval interval;
    tug_interval_init(&interval, tug_deadline_after(TUG_SECOND), TUG_SECOND, TUG_MISSED_TICK_BURST);
    uint64_t next = interval.next;
    int error = tug_interval_tick(&interval, NULL);
    CHECK_EQUAL(interval.next, next);
    return error;
}

static int64_t point_token(void)
{
    struct tug_token token;
    struct tug_token_future wait;
    tug_token_init(&token, NULL);
    tug_token_future_init(&wait, &token);
    int64_t error = tug_await(&wait.future);
    tug_token_destroy(&token);
    return error;
}

static int64_t (*const points[])(void) = {
    point_sleep,     point_yield,    point_consume,  point_join,         point_receive,
    point_await,     point_select,   point_join_all, point_try_join_all, point_group,
    point_operation, point_interval, point_token,    point_sleep_zero,
};
enum { POINTS = sizeof points / sizeof points[0] };

static bool waits(int64_t (*point)(void))
{
    return point != point_yield && point != point_consume && point != point_sleep_zero;
}

static int64_t every_point_returns_the_reason_of_a_cancelled_scope(void *argument)
{
    (void)argument;
    for (int i = 0; i < POINTS; i++) {
        struct tug_scope scope;
        tug_scope_begin(&scope, TUG_FOREVER, NULL);
        tug_scope_cancel(&scope);
        CHECK_EQUAL(points[i](), -ECANCELED);
        CHECK_EQUAL(points[i](), -ECANCELED); /* and again */
        CHECK_EQUAL(tug_cancelled(), -ECANCELED);
        CHECK_EQUAL(tug_scope_end(&scope, 0), 0);
        CHECK_EQUAL(tug_cancelled(), 0);

        tug_scope_begin(&scope, tug_now(), NULL); /* over as soon as it begins */
        CHECK_EQUAL(points[i](), -ETIMEDOUT);
        CHECK_EQUAL(tug_cancelled(), -ETIMEDOUT);
        CHECK_EQUAL(tug_scope_end(&scope, -ECANCELED), -ETIMEDOUT);
        CHECK_EQUAL(tug_yield(), 0);
    }
    return 0;
}

static int64_t run_point(void *argument)
{
    return points[fixture_number(argument)]();
}

static int64_t every_point_is_ended_from_outside(void *argument)
{
    (void)argument;
    for (int i = 0; i < POINTS; i++) {
        if (!waits(points[i]))
            continue;
        struct tug_task *task = fixture_spawn(run_point, fixture_argument(i));
        CHECK_EQUAL(tug_sleep(TUG_MILLISECOND), 0);
        CHECK(!tug_task_is_finished(task));
        tug_task_abort(task);
        CHECK_EQUAL(fixture_join(task), -ECANCELED);

        CHECK_EQUAL(tug_timeout(TUG_MILLISECOND, run_point, fixture_argument(i)), -ETIMEDOUT);
    }
    return 0;
}

/* ---- nesting ---- */

static int64_t the_inner_scope_alone(void *argument)
{
    (void)argument;
    struct tug_scope outer, inner;
    tug_scope_begin(&outer, TUG_FOREVER, NULL);
    tug_scope_begin(&inner, TUG_FOREVER, NULL);
    tug_scope_cancel(&inner);
    CHECK_EQUAL(tug_sleep(TUG_SECOND), -ECANCELED);
    CHECK_EQUAL(tug_scope_reason(&inner), -ECANCELED);
    CHECK_EQUAL(tug_scope_reason(&outer), 0);
    CHECK_EQUAL(tug_scope_end(&inner, -ECANCELED), -ECANCELED);
    CHECK_EQUAL(tug_sleep(1), 0);
    CHECK_EQUAL(tug_scope_end(&outer, 5), 5);
    return 0;
}

static int64_t the_outer_scope_reaches_inside(void *argument)
{
    (void)argument;
    struct tug_scope outer, inner;
    tug_scope_begin(&outer, TUG_FOREVER, NULL);
    tug_scope_begin(&inner, TUG_FOREVER, NULL);
    tug_scope_cancel(&outer);
    CHECK_EQUAL(tug_sleep(TUG_SECOND), -ECANCELED);
    CHECK_EQUAL(tug_scope_reason(&inner), 0);
    CHECK_EQUAL(tug_scope_end(&inner, 0), 0);
    CHECK_EQUAL(tug_sleep(TUG_SECOND), -ECANCELED);
    CHECK_EQUAL(tug_scope_end(&outer, 0), 0);
    CHECK_EQUAL(tug_sleep(1), 0);
    return 0;
}

static int64_t the_outer_deadline_ends_the_inner_wait(void *argument)
{
    (void)argument;
    struct tug_scope outer, inner;
    tug_scope_begin(&outer, tug_deadline_after(2 * TUG_MILLISECOND), NULL);
    tug_scope_begin(&inner, tug_deadline_after(100 * TUG_SECOND), NULL);
    int64_t result = tug_sleep(200 * TUG_SECOND);
    CHECK_EQUAL(result, -ETIMEDOUT);
    CHECK_EQUAL(tug_scope_reason(&inner), 0);
    CHECK_EQUAL(tug_scope_reason(&outer), -ETIMEDOUT);
    CHECK_EQUAL(tug_scope_end(&inner, result), -ETIMEDOUT);
    CHECK_EQUAL(tug_scope_end(&outer, result), -ETIMEDOUT);

    tug_scope_begin(&outer, tug_deadline_after(100 * TUG_SECOND), NULL);
    tug_scope_begin(&inner, tug_deadline_after(2 * TUG_MILLISECOND), NULL);
    CHECK_EQUAL(tug_sleep(200 * TUG_SECOND), -ETIMEDOUT);
    CHECK_EQUAL(tug_scope_end(&inner, 0), 0);
    CHECK_EQUAL(tug_cancelled(), 0);
    CHECK_EQUAL(tug_sleep(1), 0);
    CHECK_EQUAL(tug_scope_end(&outer, 0), 0);
    return 0;
}

/* Only a result that says "cancelled", and only for the scope's own deadline. */
static int64_t the_end_translates_its_own_deadline(void *argument)
{
    (void)argument;
    struct tug_scope outer, inner;
    tug_scope_begin(&outer, tug_now(), NULL);
    tug_scope_begin(&inner, TUG_FOREVER, NULL);
    CHECK_EQUAL(tug_scope_end(&inner, -ECANCELED), -ECANCELED);
    CHECK_EQUAL(tug_scope_end(&outer, -ECANCELED), -ETIMEDOUT);

    tug_scope_begin(&outer, tug_now(), NULL);
    CHECK_EQUAL(tug_scope_end(&outer, 7), 7);
    tug_scope_begin(&outer, tug_now(), NULL);
    CHECK_EQUAL(tug_scope_end(&outer, -EIO), -EIO);
    tug_scope_begin(&outer, tug_deadline_after(TUG_SECOND), NULL);
    tug_scope_cancel(&outer);
    CHECK_EQUAL(tug_scope_end(&outer, -ECANCELED), -ECANCELED);
    return 0;
}

static int64_t a_parent_token_cancels_a_scope(void *argument)
{
    (void)argument;
    struct tug_token token;
    struct tug_scope scope, other;
    tug_token_init(&token, NULL);
    tug_scope_begin(&other, TUG_FOREVER, NULL);
    tug_scope_begin(&scope, TUG_FOREVER, &token);
    CHECK_EQUAL(tug_yield(), 0);
    tug_token_cancel(&token);
    CHECK_EQUAL(tug_yield(), -ECANCELED);
    CHECK_EQUAL(tug_scope_end(&scope, 0), 0);
    CHECK_EQUAL(tug_yield(), 0);
    /* Below a cancelled token a scope is cancelled from the start. */
    tug_scope_begin(&scope, TUG_FOREVER, &token);
    CHECK_EQUAL(tug_yield(), -ECANCELED);
    CHECK_EQUAL(tug_scope_end(&scope, 0), 0);
    CHECK_EQUAL(tug_scope_end(&other, 0), 0);
    tug_token_destroy(&token);
    return 0;
}

static int64_t sleep_below(void *token)
{
    struct tug_scope scope;
    tug_scope_begin(&scope, TUG_FOREVER, token);
    int64_t result = tug_sleep_until(TUG_FOREVER);
    CHECK_EQUAL(tug_scope_end(&scope, result), -ECANCELED);
    CHECK_EQUAL(tug_yield(), 0); /* the task itself is not cancelled */
    return result;
}

static int64_t cancel_token(void *token)
{
    tug_token_cancel(token);
    return 0;
}

static int64_t one_token_ends_many_tasks(void *argument)
{
    (void)argument;
    enum { COUNT = 200 };
    for (int from_outside = 0; from_outside < 2; from_outside++) {
        struct tug_token token;
        struct tug_task *tasks[COUNT];
        tug_token_init(&token, NULL);
        for (int i = 0; i < COUNT; i++)
            tasks[i] = fixture_spawn(sleep_below, &token);
        CHECK_EQUAL(tug_sleep(TUG_MILLISECOND), 0);
        if (from_outside)
            fixture_on_thread(cancel_token, &token);
        else
            tug_token_cancel(&token);
        for (int i = 0; i < COUNT; i++)
            CHECK_EQUAL(fixture_join(tasks[i]), -ECANCELED);
        tug_token_destroy(&token);
    }
    return 0;
}

/* ---- shields ---- */

static int64_t a_shield_hides_what_is_outside(void *argument)
{
    (void)argument;
    struct tug_scope outer, shield, inner;
    tug_scope_begin(&outer, TUG_FOREVER, NULL);
    tug_scope_cancel(&outer);
    tug_shield_begin(&shield);
    CHECK_EQUAL(tug_cancelled(), 0);
    for (int i = 0; i < POINTS; i++)
        if (!waits(points[i]))
            CHECK_EQUAL(points[i](), 0);
    CHECK_EQUAL(tug_sleep(TUG_MILLISECOND), 0);
    /* Inside, deadlines and scopes work as everywhere. */
    CHECK_EQUAL(TUG_TIMEOUT(TUG_MILLISECOND, tug_sleep(TUG_SECOND)), -ETIMEDOUT);
    tug_scope_begin(&inner, TUG_FOREVER, NULL);
    tug_scope_cancel(&inner);
    CHECK_EQUAL(tug_yield(), -ECANCELED);
    tug_scope_end(&inner, 0);
    CHECK_EQUAL(tug_yield(), 0);
    /* A shield that is itself cancelled is a scope like any other. */
    tug_scope_cancel(&shield);
    CHECK_EQUAL(tug_yield(), -ECANCELED);
    tug_scope_end(&shield, 0);
    CHECK_EQUAL(tug_yield(), -ECANCELED);
    tug_scope_end(&outer, 0);
    CHECK_EQUAL(tug_yield(), 0);
    return 0;
}

static int64_t work_under_shield(void *argument)
{
    struct tug_oneshot *gate = argument;
    struct tug_scope shield;
    int64_t value;
    tug_shield_begin(&shield);
    CHECK_EQUAL(tug_oneshot_receive(gate, &value), 0);
    CHECK_EQUAL(tug_scope_end(&shield, 0), 0);
    CHECK_EQUAL(tug_yield(), -ECANCELED);
    return value;
}

static int64_t an_abort_waits_for_the_end_of_a_shield(void *argument)
{
    (void)argument;
    struct tug_oneshot gate;
    tug_oneshot_init(&gate);
    struct tug_task *task = fixture_spawn(work_under_shield, &gate);
    CHECK_EQUAL(tug_sleep(TUG_MILLISECOND), 0);
    tug_task_abort(task);
    CHECK_EQUAL(tug_sleep(2 * TUG_MILLISECOND), 0);
    CHECK(!tug_task_is_finished(task));
    CHECK_EQUAL(tug_oneshot_send(&gate, 8), 0);
    CHECK_EQUAL(fixture_join(task), 8);
    return 0;
}

/* ---- abort ---- */

static int64_t sleep_in_nested_scopes(void *argument)
{
    int64_t depth = fixture_number(argument);
    struct tug_scope scope;
    tug_scope_begin(&scope, depth % 2 == 0 ? TUG_FOREVER : tug_deadline_after(100 * TUG_SECOND),
                    NULL);
    int64_t result = depth == 0 ? tug_sleep_until(TUG_FOREVER)
                                : sleep_in_nested_scopes(fixture_argument(depth - 1));
    CHECK_EQUAL(tug_scope_reason(&scope), 0);
    return tug_scope_end(&scope, result);
}

static int64_t an_abort_is_the_outermost_scope(void *argument)
{
    (void)argument;
    struct tug_task *task = fixture_spawn(sleep_in_nested_scopes, fixture_argument(20));
    CHECK_EQUAL(tug_sleep(TUG_MILLISECOND), 0);
    tug_task_abort(task);
    CHECK_EQUAL(fixture_join(task), -ECANCELED);
    return 0;
}

static int started; /* atomic */

static int64_t begin_and_sleep(void *argument)
{
    (void)argument;
    __atomic_fetch_add(&started, 1, __ATOMIC_RELAXED);
    return tug_sleep(100 * TUG_SECOND);
}

static int64_t aborted_before_its_first_run(void *argument)
{
    (void)argument;
    __atomic_store_n(&started, 0, __ATOMIC_RELAXED);
    for (int i = 0; i < 50; i++) {
        struct tug_task *task = fixture_spawn(begin_and_sleep, NULL);
        tug_task_abort(task);
        CHECK_EQUAL(fixture_join(task), -ECANCELED);
    }
    CHECK_EQUAL(started, 50);
    return 0;
}

/* A loop that ignores the reason must not keep its worker to itself. */
static int64_t ignore_cancellation(void *argument)
{
    bool *end = argument;
    int64_t turns = 0;
    for (; !__atomic_load_n(end, __ATOMIC_ACQUIRE); turns++)
        tug_yield();
    return turns;
}

static int64_t a_cancelled_yield_still_gives_way(void *argument)
{
    (void)argument;
    bool end = false;
    struct tug_task *task = fixture_spawn(ignore_cancellation, &end);
    tug_task_abort(task);
    for (int i = 0; i < 100; i++)
        CHECK_EQUAL(tug_yield(), 0);
    __atomic_store_n(&end, true, __ATOMIC_RELEASE);
    CHECK(fixture_join(task) > 0);
    return 0;
}

/* ---- nothing is lost ---- */

static int64_t write_byte(void *argument)
{
    int fd = (int)fixture_number(argument);
    CHECK_EQUAL(write(fd, "x", 1), 1);
    return 0;
}

static int64_t read_byte(void *argument)
{
    char byte = 0;
    struct tug_op op;
    tug_op_read(&op, (int)fixture_number(argument), &byte, 1, TUG_CURRENT_POSITION);
    int64_t result = tug_op_await(&op);
    CHECK_EQUAL(byte, result == 1 ? 'x' : 0);
    return result;
}

/* A byte arrives while the read is cancelled: it was read, or it is still there. */
static int64_t a_cancelled_read_loses_nothing(void *argument)
{
    (void)argument;
    int fds[2], in_pipe = 0;
    CHECK_EQUAL(pipe2(fds, O_CLOEXEC), 0);
    for (int i = 0; i < 300; i++) {
        struct fixture_thread writer;
        struct tug_task *task = fixture_spawn(read_byte, fixture_argument(fds[0]));
        tug_yield();
        fixture_thread_start(&writer, write_byte, fixture_argument(fds[1]));
        in_pipe++;
        if (i % 3 == 0)
            tug_yield();
        tug_task_abort(task);
        int64_t result = fixture_join(task);
        CHECK(result == 1 || result == -ECANCELED);
        in_pipe -= result == 1;
        fixture_thread_join(&writer);
    }
    CHECK_EQUAL(close(fds[1]), 0);
    for (char byte; read(fds[0], &byte, 1) == 1;)
        in_pipe--;
    CHECK_EQUAL(in_pipe, 0);
    close(fds[0]);
    return 0;
}

/* ---- races ---- */

/* The scope ends while its deadline fires, perhaps on another worker. */
static int64_t scopes_end_at_their_deadline(void *argument)
{
    (void)argument;
    for (int i = 0; i < 150; i++) {
        struct tug_scope scope;
        tug_scope_begin(&scope, tug_deadline_after(TUG_MILLISECOND), NULL);
        int64_t result = tug_sleep(TUG_MILLISECOND);
        CHECK(result == 0 || result == -ETIMEDOUT);
        result = tug_scope_end(&scope, result);
        CHECK_EQUAL(tug_yield(), 0);
    }
    return 0;
}

static int64_t many_scopes_end_at_their_deadline(void *argument)
{
    struct tug_task *tasks[10];
    for (int i = 0; i < 10; i++)
        tasks[i] = fixture_spawn(scopes_end_at_their_deadline, argument);
    for (int i = 0; i < 10; i++)
        CHECK_EQUAL(fixture_join(tasks[i]), 0);
    return 0;
}

struct token_race {
    struct tug_token token;
    bool end; /* atomic */
};

static int64_t begin_and_end_scopes(void *argument)
{
    struct token_race *race = argument;
    int64_t cancelled = 0;
    while (!__atomic_load_n(&race->end, __ATOMIC_ACQUIRE)) {
        struct tug_scope scope;
        tug_scope_begin(&scope, TUG_FOREVER, &race->token);
        cancelled += tug_yield() != 0;
        tug_scope_end(&scope, 0);
        CHECK_EQUAL(tug_cancelled(), 0);
        tug_yield();
    }
    return cancelled;
}

static int64_t cancel_soon(void *argument)
{
    struct token_race *race = argument;
    usleep(500);
    tug_token_cancel(&race->token);
    return 0;
}

static int64_t scopes_end_while_their_token_is_cancelled(void *argument)
{
    (void)argument;
    for (int i = 0; i < 20; i++) {
        struct token_race race = {.end = false};
        struct tug_task *tasks[4];
        struct fixture_thread thread;
        tug_token_init(&race.token, NULL);
        for (int t = 0; t < 4; t++)
            tasks[t] = fixture_spawn(begin_and_end_scopes, &race);
        fixture_thread_start(&thread, cancel_soon, &race);
        fixture_thread_await(&thread);
        AWAIT(tug_token_reason(&race.token) != 0);
        __atomic_store_n(&race.end, true, __ATOMIC_RELEASE);
        for (int t = 0; t < 4; t++)
            fixture_join(tasks[t]);
        tug_token_destroy(&race.token);
    }
    return 0;
}

/* ---- elsewhere ---- */

static void a_scope_outside_of_a_task_has_no_effect(struct tug_runtime *runtime)
{
    (void)runtime;
    struct tug_scope scope, shield;
    tug_scope_begin(&scope, 1, NULL);
    tug_shield_begin(&shield);
    assert_int_equal(tug_cancelled(), 0);
    assert_int_equal(tug_scope_end(&shield, 3), 3);
    tug_scope_cancel(&scope);
    assert_int_equal(tug_cancelled(), 0);
    assert_int_equal(tug_scope_end(&scope, 4), 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_EACH(every_point_returns_the_reason_of_a_cancelled_scope),
        IN_EACH(every_point_is_ended_from_outside),
        IN_EACH(the_inner_scope_alone),
        IN_EACH(the_outer_scope_reaches_inside),
        IN_EACH(the_outer_deadline_ends_the_inner_wait),
        IN_EACH(the_end_translates_its_own_deadline),
        IN_EACH(a_parent_token_cancels_a_scope),
        IN_EACH(one_token_ends_many_tasks),
        IN_EACH(a_shield_hides_what_is_outside),
        IN_EACH(an_abort_waits_for_the_end_of_a_shield),
        IN_EACH(an_abort_is_the_outermost_scope),
        IN_EACH(aborted_before_its_first_run),
        IN_EACH(a_cancelled_yield_still_gives_way),
        IN_EACH(a_cancelled_read_loses_nothing),
        IN_EACH(many_scopes_end_at_their_deadline),
        IN_EACH(scopes_end_while_their_token_is_cancelled),
        OUTSIDE_EACH(a_scope_outside_of_a_task_has_no_effect),
    };
    return cmocka_run_group_tests_name("task/scope", tests, NULL, NULL);
}
