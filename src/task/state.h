/* SPDX-License-Identifier: MIT */
/*
 * Access to the task's state word. The transitions are written once, as compare-and-swap loops; for
 * a local task the "swap" is a plain store, which cannot fail since only its owner thread stores.
 * The store is a release store all the same: other threads read COMPLETE.
 */
#ifndef TUG_TASK_STATE_H
#define TUG_TASK_STATE_H

#include "task/task.h"

static inline uint64_t tug_state_load(const struct tug_task *task)
{
    return __atomic_load_n(&task->state, __ATOMIC_ACQUIRE);
}

/* Of a task that is not local. Touches nothing but the word: the task may be free by now. */
static inline bool tug_state_swap_shared(struct tug_task *task, uint64_t *expected,
                                         uint64_t desired)
{
    return __atomic_compare_exchange_n(&task->state, expected, desired, true, __ATOMIC_ACQ_REL,
                                       __ATOMIC_ACQUIRE);
}

static inline bool tug_state_swap(struct tug_task *task, uint64_t *expected, uint64_t desired)
{
    if (task->local) {
        __atomic_store_n(&task->state, desired, __ATOMIC_RELEASE);
        return true;
    }
    return tug_state_swap_shared(task, expected, desired);
}

/* Sets and clears bits; returns the state before. */
static inline uint64_t tug_state_change(struct tug_task *task, uint64_t set, uint64_t clear)
{
    uint64_t state = tug_state_load(task);
    while (!tug_state_swap(task, &state, (state & ~clear) | set))
        ;
    return state;
}

/* Adds references to a local task, by its owner. */
static inline void tug_state_add_references(struct tug_task *task, uint64_t count)
{
    __atomic_store_n(&task->state, task->state + count * TUG_TASK_REFERENCE, __ATOMIC_RELEASE);
}

static inline uint64_t tug_state_references(uint64_t state)
{
    return state / TUG_TASK_REFERENCE & TUG_TASK_REFERENCES_MASK;
}

/* A waker that one side may be writing while the other reads it: the reader finds out afterwards,
 * from the generation in the word that it swaps, and forgets what it has read. */
static inline struct tug_waker tug_waker_peek(const struct tug_waker *from)
{
    return (struct tug_waker){__atomic_load_n(&from->vtable, __ATOMIC_RELAXED),
                              __atomic_load_n(&from->data, __ATOMIC_RELAXED)};
}

static inline void tug_waker_poke(struct tug_waker *to, struct tug_waker waker)
{
    __atomic_store_n(&to->vtable, waker.vtable, __ATOMIC_RELAXED);
    __atomic_store_n(&to->data, waker.data, __ATOMIC_RELAXED);
}

#endif
