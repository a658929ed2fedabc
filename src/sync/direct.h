/* SPDX-License-Identifier: MIT */
/*
 * What calls in direct style share: the start of one that finds its work done, its wait, and the
 * copy of a value.
 */
#ifndef TUG_SYNC_DIRECT_H
#define TUG_SYNC_DIRECT_H

#include <stddef.h>
#include <string.h>

#include "task/coroutine.h"
#include "task/thread_waker.h"

/*
 * Whether a call in direct style may have what is there without a wait; that is charged to the coop
 * budget. Not in a scope that is cancelled, not without budget, not in a poll task: a future that
 * is waited for finds out why.
 */
static inline bool tug_call_may_proceed(void)
{
    struct tug_executor *executor = tug_executor_current();
    if (executor == NULL)
        return true;
    struct tug_task *task = tug_executor_coroutine(executor);
    return task != NULL && tug_task_cancel_reason(task) == 0 && tug_coop_take(executor);
}

/* Most values are a pointer or a number; a call of memcpy() for those costs as much as the rest. */
static inline void tug_value_copy(void *to, const void *from, size_t size)
{
    if (size == 8)
        memcpy(to, from, 8);
    else
        memcpy(to, from, size);
}

#endif
