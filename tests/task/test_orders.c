/* SPDX-License-Identifier: MIT */
/*
 * Every order in which a task can be spawned, aborted, joined, detached, and end; each step by the
 * task that spawned it, by another task, and by a thread from outside. What must hold in all of
 * them: the body runs exactly once, from its first to its last line; the result is that of the
 * order of events; the handle is given up once, and nothing is touched afterwards (which the
 * sanitizers see).
 */
#include <errno.h>

#include "../runtime/fixture.h"

/* What the task does. */
enum body {
    BODY_RETURNS,  /* at once */
    BODY_YIELDS,   /* gives way three times */
    BODY_WAITS,    /* for a value, which comes when the abort has had its effect */
    BODY_FOREVER,  /* sleeps until it is aborted */
    BODY_SHIELDED, /* waits for the value under a shield */
    BODIES
};

/* When it is aborted. */
enum abort { ABORT_NEVER, ABORT_AT_ONCE, ABORT_PARKED, ABORT_COMPLETE, ABORTS };

/* What becomes of the handle. */
enum handle {
    HANDLE_JOIN,          /* joined as soon as there is nothing else to do */
    HANDLE_JOIN_COMPLETE, /* joined when the task has ended */
    HANDLE_JOIN_TWICE,    /* a first wait is cancelled, a second one joins */
    HANDLE_DETACH,        /* before anything else happens to the task */
    HANDLE_DETACH_COMPLETE,
    HANDLE_DETACH_WAITED, /* a wait is cancelled, then the handle is given up */
    HANDLES
};

/* Who does a step. */
enum actor { ACTOR_SPAWNER, ACTOR_TASK, ACTOR_THREAD, ACTORS };

struct trial {
    enum body body;
    enum abort abort;
    enum handle handle;
    enum actor actor;

    struct tug_oneshot gate;
    struct tug_task *task;
    int begun, ended; /* atomic */
    int64_t result;   /* of the body */
};

enum { VALUE = 1234 };

static int64_t receive(struct trial *trial)
{
    int64_t value;
    int error = tug_oneshot_receive(&trial->gate, &value);
    return error != 0 ? error : value;
}

static bool is_aborted_early(const struct trial *trial)
{
    return trial->abort == ABORT_AT_ONCE || trial->abort == ABORT_PARKED;
}

static int64_t run_shielded(struct trial *trial)
{
    struct tug_scope shield;
    tug_shield_begin(&shield);
    int64_t value = receive(trial);
    tug_scope_end(&shield, 0);
    CHECK_EQUAL(value, VALUE);
    if (!is_aborted_early(trial)) {
        CHECK_EQUAL(tug_cancelled(), 0);
        CHECK_EQUAL(tug_yield(), 0);
        return value;
    }
    /* An abort by another thread may arrive later than the value. */
    int reason = tug_cancelled();
    for (int i = 0; reason == 0; i++) {
        CHECK(i < 1000000);
        reason = tug_yield();
    }
    CHECK_EQUAL(tug_cancelled(), reason);
    return reason;
}

static int64_t run_body(struct trial *trial)
{
    switch (trial->body) {
    case BODY_YIELDS:
        for (int i = 0; i < 3; i++) {
            int reason = tug_yield();
            if (reason != 0)
                return reason;
        }
        return VALUE;
    case BODY_WAITS:
        return receive(trial);
    case BODY_FOREVER:
        return fixture_sleep_forever(NULL);
    case BODY_SHIELDED:
        return run_shielded(trial);
    default:
        return VALUE;
    }
}

static int64_t task_main(void *argument)
{
    struct trial *trial = argument;
    __atomic_fetch_add(&trial->begun, 1, __ATOMIC_RELEASE);
    trial->result = run_body(trial);
    /* Last: a detached task's trial may be gone afterwards. */
    int64_t result = trial->result;
    __atomic_fetch_add(&trial->ended, 1, __ATOMIC_RELEASE);
    return result;
}

/* ---- steps ---- */

static int64_t step_abort(void *argument)
{
    tug_task_abort(((struct trial *)argument)->task);
    return 0;
}

static int64_t step_open(void *argument)
{
    return tug_oneshot_send(&((struct trial *)argument)->gate, VALUE);
}

static int64_t step_join(void *argument)
{
    int64_t result = INT64_MIN;
    CHECK_EQUAL(tug_join(((struct trial *)argument)->task, &result), 0);
    return result;
}

static int64_t step_detach(void *argument)
{
    tug_task_detach(((struct trial *)argument)->task);
    return 0;
}

/* Waits, in vain or not, and gives up waiting. Only a task can. Returns whether the handle is
 * gone. */
static bool wait_and_give_up(struct trial *trial)
{
    struct tug_join_future join;
    struct tug_sleep_future none;
    tug_join_future_init(&join, trial->task);
    tug_sleep_future_init(&none, 0);
    struct tug_future *futures[] = {&join.future, &none.future};
    int64_t winner = tug_select_biased(futures, 2);
    CHECK_RANGE(winner, 0, 1);
    CHECK(winner == 1 || join.task == NULL);
    return join.task == NULL;
}

static int64_t perform(struct trial *trial, int64_t (*step)(void *))
{
    switch (trial->actor) {
    case ACTOR_TASK:
        return fixture_join(fixture_spawn(step, trial));
    case ACTOR_THREAD:
        return fixture_on_thread(step, trial);
    default:
        return step(trial);
    }
}

/* ---- one trial ---- */

static bool makes_sense(const struct trial *trial)
{
    bool detached_first = trial->handle == HANDLE_DETACH;
    /* Without its abort it would sleep for ever; with its abort after the end it cannot end. */
    if (trial->body == BODY_FOREVER &&
        (trial->abort == ABORT_NEVER || trial->abort == ABORT_COMPLETE || detached_first))
        return false;
    /* What ends by itself has no time at which it is surely parked. */
    if (trial->abort == ABORT_PARKED && (trial->body == BODY_RETURNS || trial->body == BODY_YIELDS))
        return false;
    /* Without a handle nobody aborts. */
    return !detached_first || trial->abort == ABORT_NEVER;
}

static void await_end(struct trial *trial)
{
    AWAIT(__atomic_load_n(&trial->ended, __ATOMIC_ACQUIRE) == 1);
}

static void check_result(const struct trial *trial, int64_t result)
{
    if (!is_aborted_early(trial) || trial->body == BODY_RETURNS)
        CHECK_EQUAL(result, VALUE);
    else if (trial->body == BODY_YIELDS && fixture_current()->workers != 0)
        CHECK(result == VALUE || result == -ECANCELED); /* it may have been faster */
    else if (trial->body == BODY_YIELDS && trial->actor != ACTOR_SPAWNER)
        CHECK(result == VALUE || result == -ECANCELED);
    else
        CHECK_EQUAL(result, -ECANCELED);
}

/* The first half of the handle's way: what comes while the task may still run. Returns whether the
 * handle is gone. */
static bool handle_early(struct trial *trial)
{
    if (trial->handle == HANDLE_DETACH) {
        perform(trial, step_detach);
        return true;
    }
    if (trial->handle == HANDLE_JOIN_TWICE || trial->handle == HANDLE_DETACH_WAITED)
        return wait_and_give_up(trial);
    return false;
}

static void handle_late(struct trial *trial)
{
    switch (trial->handle) {
    case HANDLE_JOIN_COMPLETE:
        AWAIT(tug_task_is_finished(trial->task));
        check_result(trial, perform(trial, step_join));
        break;
    case HANDLE_DETACH_COMPLETE:
        AWAIT(tug_task_is_finished(trial->task));
        perform(trial, step_detach);
        break;
    case HANDLE_DETACH_WAITED:
        perform(trial, step_detach);
        break;
    default:
        check_result(trial, perform(trial, step_join));
        break;
    }
}

static void run_trial(struct trial *trial)
{
    tug_oneshot_init(&trial->gate);
    trial->task = fixture_spawn(task_main, trial);
    if (trial->abort == ABORT_AT_ONCE)
        perform(trial, step_abort);
    bool gone = handle_early(trial);
    if (trial->abort == ABORT_PARKED && !gone) {
        AWAIT(__atomic_load_n(&trial->begun, __ATOMIC_ACQUIRE) == 1);
        tug_yield();
        perform(trial, step_abort);
    }
    /* A value that comes before the task has seen the abort would be received. */
    if (trial->body == BODY_WAITS && is_aborted_early(trial) && !gone)
        AWAIT(tug_task_is_finished(trial->task));
    if (trial->body == BODY_WAITS || trial->body == BODY_SHIELDED)
        CHECK_EQUAL(perform(trial, step_open), 0);
    if (trial->abort == ABORT_COMPLETE && !gone) {
        AWAIT(tug_task_is_finished(trial->task));
        perform(trial, step_abort);
    }
    if (!gone)
        handle_late(trial);
    await_end(trial);
    CHECK_EQUAL(trial->begun, 1);
    check_result(trial, trial->result);
}

static int64_t every_order(void *argument)
{
    (void)argument;
    int trials = 0;
    struct trial trial;
    for (int body = 0; body < BODIES; body++)
        for (int abort = 0; abort < ABORTS; abort++)
            for (int handle = 0; handle < HANDLES; handle++)
                for (int actor = 0; actor < ACTORS; actor++) {
                    trial = (struct trial){
                        .body = body, .abort = abort, .handle = handle, .actor = actor};
                    if (!makes_sense(&trial))
                        continue;
                    run_trial(&trial);
                    trials++;
                }
    CHECK(trials > 200);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_EACH(every_order),
    };
    return cmocka_run_group_tests_name("task/orders", tests, NULL, NULL);
}
