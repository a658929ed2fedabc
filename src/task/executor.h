/* SPDX-License-Identifier: MIT */
/*
 * The executor: what a thread that runs tasks has. A worker of the runtime begins with one.
 *
 * The calling thread's executor is found through tug_executor_current(), which is never inlined and
 * stands in a translation unit of its own: the compiler would keep the address of a thread-local
 * variable over a coroutine switch, after which it may be another thread's. For the same reason
 * nobody keeps a `struct tug_executor *` in a coroutine's frame over a suspension.
 */
#ifndef TUG_TASK_EXECUTOR_H
#define TUG_TASK_EXECUTOR_H

#include <stdbool.h>
#include <stdint.h>

#include "sys/slab.h"
#include "sys/stack.h"
#include "task/switch.h"
#include "task/task.h"

struct tug_timer_wheel;

#define TUG_COOP_BUDGET 128

/* Why a coroutine switched back to its executor. */
enum tug_coroutine_action { TUG_ACTION_PENDING, TUG_ACTION_YIELD, TUG_ACTION_END };

/* Counters that the owner alone writes and anybody may read. */
struct tug_executor_counters {
    uint64_t polls, spawned, finished, yields, budget_exhausted, timers_fired;
};

struct tug_executor {
    struct tug_context context; /* the thread's own, from which coroutines are resumed */
    struct tug_task *current;
    struct tug_domain *domain;
    uint32_t budget;
    bool unconstrained; /* the current task is not charged */
    uint8_t action;     /* enum tug_coroutine_action */
    bool gave_way;      /* the current poll ended for lack of budget */
    bool counted_out;   /* budget_exhausted was counted for this poll */
    int32_t index;      /* of the worker */
    struct tug_driver *driver;
    struct tug_timer_wheel *wheel;
    uint64_t random; /* state of tug_random(), for the draws of tasks */
    struct tug_executor_counters counters;
    struct tug_coroutine *spare; /* of a task that has ended, ready to run the next */
    struct tug_slab_cache tasks;
    struct tug_stack_cache stacks;
};

/* Whether the calling thread, whose executor is given, may change the task's state word. */
static inline bool tug_task_is_here(const struct tug_executor *executor,
                                    const struct tug_task *task)
{
    /* Set once, when the runtime has ended, by another thread than the one that asks. */
    return !__atomic_load_n(&task->local, __ATOMIC_ACQUIRE) ||
           (executor != NULL && executor->domain == task->domain);
}

/* Whether the current task has a unit of coop budget left to take. */
static inline bool tug_coop_may_take(const struct tug_executor *executor)
{
    return executor->budget != 0 || executor->unconstrained;
}

/* Takes a unit of the current task's coop budget. False: none is left. */
static inline bool tug_coop_take(struct tug_executor *executor)
{
    if (executor->unconstrained)
        return true;
    if (executor->budget == 0)
        return false;
    executor->budget--;
    return true;
}

/*
 * Whether a call in direct style may have what is there without a wait; that is charged to the coop
 * budget. Not in a scope that is cancelled, not without budget, not in a poll task: a future that
 * is waited for finds out why.
 *
 * Every lock and every send begins with it, so it stands beside the variable and looks at that
 * itself; it does not suspend.
 */
bool tug_call_may_proceed(void);

/* The calling thread's executor, or NULL. */
struct tug_executor *tug_executor_current(void);
void tug_executor_set_current(struct tug_executor *executor);

/* The domain of the calling thread: its executor's, or for a thread of the blocking pool the one
 * whose job it runs. */
struct tug_domain *tug_domain_current(void);
void tug_domain_set_current(struct tug_domain *domain);

/* Adds to a counter that only this thread writes: no locked instruction, no torn read elsewhere. */
static inline void tug_counter_add(uint64_t *counter, uint64_t n)
{
    __atomic_store_n(counter, *counter + n, __ATOMIC_RELAXED);
}

/* xorshift64*: Vigna 2016, "An experimental exploration of Marsaglia's xorshift generators". */
static inline uint32_t tug_random(uint64_t *state)
{
    uint64_t x = *state;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    *state = x;
    return (uint32_t)((x * UINT64_C(0x2545f4914f6cdd1d)) >> 32);
}

#endif
