/* SPDX-License-Identifier: MIT */
/*
 * Requests of other threads to a local task (one of a current-thread runtime).
 *
 * The `remote` word collects what is asked: flags that may be set any number of times, and counts
 * of references cloned and dropped. Whoever finds QUEUED clear sets it and pushes the task to the
 * inbox; so a task is in the inbox at most once, and the word may change until the owner swaps it
 * for zero.
 *
 * A clone is not worth a trip to the inbox: the owner finds it in the word when it serves the task
 * for another reason, or at the latest when its own count reaches zero (tug_task_settle). For the
 * same reason a queued task is not freed: its requests may hold references that the state word does
 * not count yet.
 */
#include "sys/clock.h"
#include "task/executor.h"
#include "task/scheduler.h"
#include "task/state.h"
#include "task/task.h"

/* ns between two looks whether the runtime has ended. */
#define SETTLE_INTERVAL 10000

static void leave_request(struct tug_task *task, uint64_t request)
{
    const uint64_t flags = request & UINT64_C(0xff);
    const bool queue = request != TUG_REMOTE_CLONE;
    struct tug_domain *domain = task->domain;
    uint64_t word = __atomic_load_n(&task->remote, __ATOMIC_RELAXED), desired;
    do {
        desired = (word | flags | (queue ? TUG_REMOTE_QUEUED : 0)) + (request - flags);
    } while (!__atomic_compare_exchange_n(&task->remote, &word, desired, true, __ATOMIC_ACQ_REL,
                                          __ATOMIC_RELAXED));
    if (!queue || (word & TUG_REMOTE_QUEUED) != 0)
        return;
    struct tug_task *head = __atomic_load_n(&domain->inbox, __ATOMIC_RELAXED);
    do {
        task->remote_next = head;
    } while (!__atomic_compare_exchange_n(&domain->inbox, &head, task, true, __ATOMIC_ACQ_REL,
                                          __ATOMIC_RELAXED));
    __atomic_fetch_add(&domain->remote_schedules, 1, __ATOMIC_RELAXED);
    tug_scheduler_inbox_filled(domain);
}

bool tug_task_remote_request(struct tug_task *task, uint64_t request)
{
    struct tug_domain *domain = task->domain;
    for (;;) {
        /* Counted first, looked second: the end of the runtime changes the phase first and waits
         * for the count second. */
        tug_domain_foreign_begin(domain);
        uint32_t phase = __atomic_load_n(&domain->inbox_phase, __ATOMIC_SEQ_CST);
        if (phase == TUG_INBOX_OPEN)
            leave_request(task, request);
        tug_domain_foreign_end(domain);
        if (phase != TUG_INBOX_SETTLING)
            return phase == TUG_INBOX_OPEN;
        tug_clock_sleep(SETTLE_INTERVAL);
    }
}

bool tug_task_settle(struct tug_task *task)
{
    uint64_t word = __atomic_load_n(&task->remote, __ATOMIC_ACQUIRE);
    while ((word & TUG_REMOTE_QUEUED) == 0) {
        if (__atomic_compare_exchange_n(&task->remote, &word, 0, true, __ATOMIC_ACQ_REL,
                                        __ATOMIC_ACQUIRE)) {
            tug_state_add_references(task, TUG_REMOTE_CLONES(word));
            return tug_state_references(task->state) == 0;
        }
    }
    return false; /* the inbox will settle it */
}

static void serve(struct tug_executor *executor, struct tug_task *task)
{
    uint64_t word = __atomic_exchange_n(&task->remote, 0, __ATOMIC_ACQ_REL);
    uint64_t drops = TUG_REMOTE_DROPS(word);
    /* The references that are given up here keep the task alive until the end of this function. */
    tug_state_add_references(task, TUG_REMOTE_CLONES(word) + 1);
    if ((word & TUG_REMOTE_COMPLETE) != 0)
        tug_task_complete(executor, task, task->result);
    if ((word & TUG_REMOTE_ABORT) != 0)
        tug_task_cancel(task, TUG_TASK_ABORTED);
    if ((word & TUG_REMOTE_SCOPE) != 0)
        tug_task_cancel(task, TUG_TASK_SCOPE_CANCELLED);
    if ((word & TUG_REMOTE_WAKE) != 0)
        tug_task_wake_here(executor, task);
    if ((word & TUG_REMOTE_DETACH) != 0)
        tug_task_detach(task);
    tug_state_add_references(task, -drops);
    tug_task_release(task);
}

unsigned tug_task_serve_inbox(struct tug_executor *executor)
{
    struct tug_domain *domain = executor->domain;
    if (__atomic_load_n(&domain->inbox, __ATOMIC_RELAXED) == NULL)
        return 0;
    struct tug_task *stack = __atomic_exchange_n(&domain->inbox, NULL, __ATOMIC_ACQUIRE);
    /* Last in, first out as it is; those who asked first are served first. */
    struct tug_task *queue = NULL;
    while (stack != NULL) {
        struct tug_task *task = stack;
        stack = task->remote_next;
        task->remote_next = queue;
        queue = task;
    }
    unsigned served = 0;
    while (queue != NULL) {
        struct tug_task *task = queue;
        queue = task->remote_next;
        serve(executor, task);
        served++;
    }
    return served;
}
