/* SPDX-License-Identifier: MIT */
/*
 * Wakers in lists of waiters, and in the places where one waiter leaves his, that are guarded by a
 * lock and that whoever waits can leave synchronously.
 *
 *  1. As long as a waker is held there its task waits, hence exists, and a task's waker need not be
 *     cloned. Any other waker is.
 *  2. A waker may be code of the user's, who may use the very object that wakes him. So none is
 *     held, woken or given up under the lock: it is made before, taken out, and used afterwards.
 *  3. Once the lock has been let go who waited may be gone; so what is taken out has a reference
 *     of its own.
 */
#ifndef TUG_TASK_HELD_WAKER_H
#define TUG_TASK_HELD_WAKER_H

#include <tug/future.h>

#include "task/task.h"

#define TUG_NO_WAKER                                                                               \
    (struct tug_waker)                                                                             \
    {                                                                                              \
        NULL, NULL                                                                                 \
    }

static inline struct tug_waker tug_waker_hold(const struct tug_waker *waker)
{
    return waker->vtable == &tug_task_waker_vtable ? *waker : tug_waker_clone(waker);
}

/* [unlocked] A waker that was held, or none, is not needed any more. */
static inline void tug_waker_unhold(struct tug_waker *waker)
{
    if (waker->vtable != &tug_task_waker_vtable && waker->vtable != NULL)
        tug_waker_drop(*waker);
}

/* [locked] Puts a held waker, or none, in the place of another, which is returned. */
static inline struct tug_waker tug_waker_put(struct tug_waker *place, struct tug_waker held)
{
    struct tug_waker before = *place;
    *place = held;
    return before;
}

/* Of a waker that was held, or none, and nobody holds any more: one to be woken (rule 3). */
static inline struct tug_waker tug_waker_own(struct tug_waker held)
{
    return held.vtable == &tug_task_waker_vtable ? tug_waker_clone(&held) : held;
}

/* [locked] Takes a held waker, or none, out to be woken. */
static inline struct tug_waker tug_waker_take(struct tug_waker *place)
{
    return tug_waker_own(tug_waker_put(place, TUG_NO_WAKER));
}

/* [unlocked] Wakes what was taken out, and gives it up. */
static inline void tug_waker_wake_taken(struct tug_waker taken)
{
    if (taken.vtable != NULL)
        tug_waker_wake(taken);
}

#endif
