/* SPDX-License-Identifier: MIT */
/*
 * The handle's side of a task: waiting for its end, giving it up (rule 2 of task.h).
 */
#include <tug/task.h>

#include <errno.h>

#include <tug/coop.h>

#include "sys/clock.h"
#include "task/coroutine.h"
#include "task/executor.h"
#include "task/run.h"
#include "task/state.h"
#include "task/task.h"
#include "task/thread_waker.h"

enum { JOIN_NOT_ASKED, JOIN_ASKED };

static inline bool is_complete(const struct tug_task *task)
{
    return (tug_state_load(task) & TUG_TASK_COMPLETE) != 0;
}

/* Gives up the handle of a task that is complete. */
static inline __attribute__((always_inline)) void drop_complete(struct tug_executor *executor,
                                                                struct tug_task *task)
{
    /* The usual case, nobody else has a reference: no locked instruction. The state word of a free
     * task says that it has none. */
    uint64_t state = tug_state_load(task);
    if (tug_state_references(state) != 1 || tug_task_is_foreign(executor, task)) {
        tug_task_give_up(executor, task, 0);
        return;
    }
    __atomic_store_n(&task->state, state - TUG_TASK_REFERENCE, __ATOMIC_RELAXED);
    tug_task_free_here(executor, task);
}

/* Takes a waker back that was set before (JOIN_WAKER). False: the task is complete, and whoever
 * completed it has the waker. */
static bool take_join_waker(struct tug_task *task)
{
    uint64_t state = tug_state_load(task);
    do {
        if ((state & TUG_TASK_COMPLETE) != 0)
            return false;
        if ((state & TUG_TASK_JOIN_WAKER) == 0)
            return true;
    } while (!tug_state_swap(task, &state, state & ~TUG_TASK_JOIN_WAKER));
    struct tug_waker waker = task->join_waker;
    tug_waker_drop(waker);
    return true;
}

/* Leaves a waker with the task. False: the task is complete. */
static inline __attribute__((always_inline)) bool
set_join_waker(struct tug_executor *executor, struct tug_task *task, const struct tug_waker *waker)
{
    uint64_t state = tug_state_load(task);
    if ((state & TUG_TASK_COMPLETE) != 0)
        return false;
    if ((state & TUG_TASK_JOIN_WAKER) != 0) {
        /* Still set, so still ours to read: the runtime reads it as well but does not write. */
        if (tug_waker_will_wake(&task->join_waker, waker))
            return true;
        if (!take_join_waker(task))
            return false;
        state = tug_state_load(task);
    }
    tug_waker_poke(&task->join_waker, *waker);
    if (waker->vtable == &tug_task_waker_vtable && !tug_task_is_foreign(executor, waker->data))
        tug_task_reference_here(waker->data);
    else
        waker->vtable->clone(waker->data);
    do {
        if ((state & TUG_TASK_COMPLETE) != 0) {
            tug_waker_drop(task->join_waker);
            return false;
        }
    } while (
        !tug_state_swap(task, &state, (state | TUG_TASK_JOIN_WAKER) + TUG_TASK_JOIN_GENERATION));
    return true;
}

/* ---- as a future ------------------------------------------------------------------------------
 */

static int join_future_poll(struct tug_future *self, const struct tug_waker *waker)
{
    struct tug_join_future *join = TUG_CONTAINER_OF(self, struct tug_join_future, future);
    struct tug_task *task = join->task;
    if (join->cancelled == JOIN_ASKED) {
        self->result = -ECANCELED;
        return TUG_READY;
    }
    struct tug_executor *executor = tug_executor_current();
    if (!tug_task_is_finished(task)) {
        /* A local task's waker can only be set on its own thread. */
        if (!tug_task_is_here(executor, task)) {
            self->result = -EXDEV;
            return TUG_READY;
        }
        if (set_join_waker(executor, task, waker))
            return TUG_PENDING;
    }
    if (tug_coop_poll(waker) == TUG_PENDING)
        return TUG_PENDING;
    self->result = task->result;
    join->task = NULL;
    if (tug_task_is_here(executor, task))
        drop_complete(executor, task);
    else
        tug_task_release(task);
    return TUG_READY;
}

static void join_future_cancel(struct tug_future *self)
{
    struct tug_join_future *join = TUG_CONTAINER_OF(self, struct tug_join_future, future);
    /* A task that is complete by now is joined by the next poll as if nothing had happened. */
    if (tug_task_is_here(tug_executor_current(), join->task) && take_join_waker(join->task))
        join->cancelled = JOIN_ASKED;
}

static const struct tug_future_vtable join_future_vtable = {
    .poll = join_future_poll,
    .cancel = join_future_cancel,
};

void tug_join_future_init(struct tug_join_future *join, struct tug_task *task)
{
    *join = (struct tug_join_future){{&join_future_vtable, 0}, task, JOIN_NOT_ASKED};
}

/* ---- on a thread ------------------------------------------------------------------------------
 */

/* Joins a local task on behalf of a thread that is not its owner: a poll task there joins, and its
 * end wakes the thread. */
struct thread_join {
    struct tug_future future;
    struct tug_join_future join;
    struct tug_thread_sleeper sleeper;
    struct tug_waker thread;
};

static int thread_join_poll(struct tug_future *self, const struct tug_waker *waker)
{
    struct thread_join *wait = TUG_CONTAINER_OF(self, struct thread_join, future);
    return wait->join.future.vtable->poll(&wait->join.future, waker);
}

static void thread_join_cancel(struct tug_future *self)
{
    struct thread_join *wait = TUG_CONTAINER_OF(self, struct thread_join, future);
    join_future_cancel(&wait->join.future);
}

static void thread_join_drop(struct tug_future *self)
{
    tug_waker_wake(TUG_CONTAINER_OF(self, struct thread_join, future)->thread);
}

static const struct tug_future_vtable thread_join_vtable = {
    .poll = thread_join_poll,
    .cancel = thread_join_cancel,
    .drop = thread_join_drop,
};

/* 0, and the handle is given up; -ECANCELED: the runtime is ending, so the task is about to. */
static int join_local(struct tug_task *task, int64_t *result)
{
    struct thread_join wait = {.future = {&thread_join_vtable, 0}};
    struct tug_spawn_options options = TUG_SPAWN_OPTIONS_INIT;
    struct tug_task *helper;
    struct tug_domain *domain = task->domain; /* the helper may give up the handle at once */
    options.runtime = (struct tug_runtime *)domain;
    tug_join_future_init(&wait.join, task);
    const struct tug_waker thread = tug_thread_waker(&wait.sleeper);
    wait.thread = tug_waker_clone(&thread);
    /* Counted, so that a runtime which does not end yet has the helper before it does. */
    tug_domain_foreign_begin(domain);
    int error = tug_spawn_future(&helper, &options, &wait.future);
    if (error == 0)
        tug_task_detach(helper);
    tug_domain_foreign_end(domain);
    if (error != 0)
        return error;
    tug_thread_sleep(&wait.sleeper, TUG_NO_DEADLINE);
    tug_thread_sleeper_end(&wait.sleeper);
    *result = wait.join.future.result;
    return wait.join.task == NULL ? 0 : -ECANCELED;
}

static int join_blocking(struct tug_task *task, int64_t *result)
{
    int64_t ignored;
    if (result == NULL)
        result = &ignored;
    if (!is_complete(task) && !tug_task_is_here(NULL, task)) {
        int error = join_local(task, result);
        if (error == 0 || !is_complete(task))
            return error;
    } else if (!is_complete(task)) {
        struct tug_thread_sleeper sleeper = {0};
        const struct tug_waker waker = tug_thread_waker(&sleeper);
        if (set_join_waker(NULL, task, &waker))
            tug_thread_sleep(&sleeper, TUG_NO_DEADLINE);
        tug_thread_sleeper_end(&sleeper);
    }
    *result = task->result;
    tug_task_release(task);
    return 0;
}

/* ---- public -----------------------------------------------------------------------------------
 */

int tug_join(struct tug_task *task, int64_t *result)
{
    struct tug_executor *executor = tug_executor_current();
    struct tug_task *caller = tug_executor_coroutine(executor);
    if (__builtin_expect(task == caller, 0))
        return -EDEADLK;
    if (caller == NULL || !tug_task_is_here(executor, task))
        return caller == NULL ? join_blocking(task, result) : -EXDEV;
    if (is_complete(task) && tug_task_cancel_reason(caller) == 0) {
        if (__builtin_expect(!tug_coop_take(executor), 0)) {
            int reason = tug_coop_consume();
            if (reason != 0)
                return reason;
            executor = tug_executor_current();
        }
        goto ended;
    }
    /* What awaiting a join future does, in one frame: each return after a switch is mispredicted.
     */
    const struct tug_waker waker = {&tug_task_waker_vtable, caller};
    for (;;) {
        int reason = tug_task_cancel_reason(caller);
        if (reason != 0 && take_join_waker(task))
            return reason;
        if (!set_join_waker(executor, task, &waker))
            break;
        tug_coroutine_switch_away(executor, caller, TUG_ACTION_PENDING);
        executor = tug_executor_current();
        if (is_complete(task))
            break;
    }
ended:
    if (result != NULL)
        *result = task->result;
    drop_complete(executor, task);
    return 0;
}

void tug_task_detach(struct tug_task *task)
{
    if (task == NULL)
        return;
    struct tug_executor *executor = tug_executor_current();
    if (!tug_task_is_here(executor, task) && tug_task_remote_request(task, TUG_REMOTE_DETACH))
        return;
    tug_task_give_up(executor, task, TUG_TASK_JOIN_INTEREST);
}
