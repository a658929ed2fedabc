/* SPDX-License-Identifier: MIT */
/*
 * The hot path of a task, inline in the loops that run tasks and in the calls that tasks make:
 * wake, run, complete, free. Out of line versions of these are in task.c and wake.c.
 *
 * Inline for two reasons: a switch of coroutines clobbers every register, so each call around it
 * saves and restores them for nothing; and who knows its executor need not ask for it again.
 */
#ifndef TUG_TASK_RUN_H
#define TUG_TASK_RUN_H

#include <errno.h>

#include "sys/cpu.h"
#include "task/coroutine.h"
#include "task/executor.h"
#include "task/label.h"
#include "task/scheduler.h"
#include "task/state.h"
#include "task/task.h"

/* Of a suspended coroutine's stack, from its lowest address on: the frame of the wait and the
 * operation that is waited for. */
#define TUG_PREFETCH_LINES 6

/* A task that is not the calling thread's own runtime's. */
static inline bool tug_task_is_foreign(const struct tug_executor *executor,
                                       const struct tug_task *task)
{
    return __builtin_expect(executor == NULL || executor->domain != task->domain, 0);
}

static inline void tug_count_spawned(struct tug_executor *executor, struct tug_domain *domain)
{
    if (executor != NULL && executor->domain == domain)
        tug_counter_add(&executor->counters.spawned, 1);
    else
        __atomic_fetch_add(&domain->foreign_spawned, 1, __ATOMIC_RELAXED);
}

/* The last step of a task: with release, so that who counts the tasks sees all it did. */
static inline void tug_count_finished(struct tug_executor *executor, struct tug_domain *domain)
{
    if (executor != NULL && executor->domain == domain)
        __atomic_store_n(&executor->counters.finished, executor->counters.finished + 1,
                         __ATOMIC_RELEASE);
    else
        __atomic_fetch_add(&domain->foreign_finished, 1, __ATOMIC_RELEASE);
}

/* ---- freeing -------------------------------------------------------------------------------- */

/* By the executor of the task's own runtime, while that runs: OUTLIVES cannot be set. */
static inline void tug_task_free_here(struct tug_executor *executor, struct tug_task *task)
{
    if (__builtin_expect(task->local && __atomic_load_n(&task->remote, __ATOMIC_ACQUIRE) != 0, 0) &&
        !tug_task_settle(task))
        return;
    tug_task_label_clear(task);
    tug_slab_free(executor->domain->tasks, &executor->tasks, task);
}

/* By the executor of the task's own runtime. */
static inline void tug_task_reference_here(struct tug_task *task)
{
    if (task->local)
        tug_state_add_references(task, 1);
    else
        __atomic_fetch_add(&task->state, TUG_TASK_REFERENCE, __ATOMIC_RELAXED);
}

/* ---- waking --------------------------------------------------------------------------------- */

/* Rule 1 of task.h, with `drop` references given up in the same step. Returns whether they were the
 * last. `executor`: the calling thread's, of the task's own runtime; else NULL. */
static inline bool tug_task_wake_on(struct tug_executor *executor, struct tug_task *task,
                                    uint64_t drop)
{
    uint64_t state = tug_state_load(task), desired;
    do {
        desired = state - drop;
        if ((state & TUG_TASK_COMPLETE) != 0) {
            /* Nothing to wake; but without anything to drop there is nothing to write either. */
            if (drop == 0)
                return false;
        } else {
            desired |= (state & TUG_TASK_SCHEDULED) != 0 ? TUG_TASK_NOTIFIED : TUG_TASK_SCHEDULED;
        }
    } while (!tug_state_swap(task, &state, desired));

    if (((desired ^ state) & TUG_TASK_SCHEDULED) != 0) {
        tug_scheduler_schedule(executor, task);
        return false;
    }
    return tug_state_references(desired) == 0;
}

/* ---- completing ----------------------------------------------------------------------------- */

static inline void tug_task_complete_here(struct tug_executor *executor, struct tug_task *task)
{
    if (__builtin_expect(__atomic_load_n(&task->group, __ATOMIC_RELAXED) != 0, 0))
        tug_group_child_ended(task);
    uint64_t state = tug_state_load(task), desired;
    struct tug_waker joiner = {NULL, NULL};
    do {
        /* What is read here is right if the swap succeeds (rule 2). */
        if ((state & TUG_TASK_JOIN_WAKER) != 0)
            joiner = tug_waker_peek(&task->join_waker);
        desired = (state | TUG_TASK_COMPLETE) & ~(TUG_TASK_SCHEDULED | TUG_TASK_NOTIFIED);
        desired -= TUG_TASK_REFERENCE;
    } while (!tug_state_swap(task, &state, desired));
    if (tug_state_references(desired) == 0)
        tug_task_free_here(executor, task);
    if ((state & TUG_TASK_JOIN_WAKER) != 0) {
        struct tug_task *waiting = joiner.data;
        if (joiner.vtable != &tug_task_waker_vtable || tug_task_is_foreign(executor, waiting))
            tug_waker_wake(joiner);
        else if (tug_task_wake_on(executor, waiting, TUG_TASK_REFERENCE))
            tug_task_free_here(executor, waiting);
    }
    tug_count_finished(executor, executor->domain);
}

/* ---- running -------------------------------------------------------------------------------- */

/* Gives the task up after a poll that did not end it, unless a wake came meanwhile (rule 1). */
static inline enum tug_run_outcome tug_task_go_idle(struct tug_task *task)
{
    uint64_t state = tug_state_load(task), desired;
    do {
        desired = (state & TUG_TASK_NOTIFIED) != 0 ? state & ~TUG_TASK_NOTIFIED
                                                   : state & ~TUG_TASK_SCHEDULED;
    } while (!tug_state_swap(task, &state, desired));
    return (desired & TUG_TASK_SCHEDULED) != 0 ? TUG_RUN_AGAIN : TUG_RUN_IDLE;
}

/* Asks for the memory that the next poll of a task touches first: of a coroutine the control block
 * and the frames of whatever it waits in, of a poll task the beginning of its future, where the
 * operation that it waits for usually is. */
static TUG_FETCHES void tug_task_prefetch(const struct tug_task *task)
{
    const char *first = task->suspended_at;
    if (task->kind == TUG_TASK_FUTURE)
        first = (const char *)task->future;
    else if (first != NULL)
        __builtin_prefetch(task->coroutine, 1);
    if (first == NULL)
        return;
    for (unsigned line = 0; line < TUG_PREFETCH_LINES; line++)
        __builtin_prefetch(first + line * TUG_CACHE_LINE, 1);
}

/* For the first run of a task: the executor's spare coroutine, or a new one. */
static inline struct tug_coroutine *tug_coroutine_attach(struct tug_executor *executor,
                                                         struct tug_task *task)
{
    struct tug_coroutine *spare = executor->spare;
    if (spare == NULL || task->stack_order != executor->domain->stack_order)
        return tug_coroutine_attach_new(executor, task);
    executor->spare = NULL;
    spare->task = task;
    task->coroutine = spare;
    return spare;
}

/* After the end of a task: its coroutine becomes the spare one. What the task left behind in it,
 * such as a scope that it did not end, must not be seen by the next. */
static inline void tug_coroutine_detach(struct tug_executor *executor, struct tug_task *task,
                                        struct tug_coroutine *coroutine)
{
    task->coroutine = NULL;
    if (TUG_FIBERS || executor->spare != NULL ||
        task->stack_order != executor->domain->stack_order) {
        tug_coroutine_discard(executor, coroutine, task->stack_order);
        return;
    }
    coroutine->scope = NULL;
    coroutine->locals = NULL;
    coroutine->unconstrained = 0;
    executor->spare = coroutine;
}

/* Runs the coroutine until it gives way. After TUG_ACTION_END its stack is gone. */
static inline __attribute__((always_inline)) int tug_coroutine_resume(struct tug_executor *executor,
                                                                      struct tug_task *task)
{
    struct tug_coroutine *coroutine = task->coroutine;
    if (coroutine == NULL) {
        coroutine = tug_coroutine_attach(executor, task);
        if (__builtin_expect(coroutine == NULL, 0)) {
            task->result = -ENOMEM;
            return TUG_ACTION_END;
        }
    }
    executor->unconstrained = coroutine->unconstrained != 0;
    tug_context_switch(&executor->context, &coroutine->context);
    if (executor->action == TUG_ACTION_END)
        tug_coroutine_detach(executor, task, coroutine);
    else
        task->suspended_at = tug_context_stack_pointer(&coroutine->context);
    return executor->action;
}

/* Polls a task taken from a queue, once. By the executor of the calling thread. */
static inline __attribute__((always_inline)) enum tug_run_outcome
tug_task_run(struct tug_executor *executor, struct tug_task *task)
{
    if (__builtin_expect((tug_state_load(task) & TUG_TASK_NOTIFIED) != 0, 0))
        tug_state_change(task, 0, TUG_TASK_NOTIFIED);
    executor->current = task;
    executor->gave_way = false;
    tug_counter_add(&executor->counters.polls, 1);
    int action = task->kind == TUG_TASK_COROUTINE ? tug_coroutine_resume(executor, task)
                                                  : tug_task_poll_future(executor, task);
    executor->current = NULL;
    if (action == TUG_ACTION_END) {
        tug_task_complete_here(executor, task);
        return TUG_RUN_COMPLETE;
    }
    /* Who ran out of budget waits behind the driver's poll, as who yields does. The task stays
     * SCHEDULED: its place in the defer list is a place in a queue. */
    if (action == TUG_ACTION_YIELD || executor->gave_way)
        return TUG_RUN_YIELDED;
    return tug_task_go_idle(task);
}

#endif
