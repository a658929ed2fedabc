/* SPDX-License-Identifier: MIT */
/*
 * Several futures, one waiting coroutine: select, join_all, try_join_all.
 *
 * All are polled with the task's own waker, so a wake polls every future that is still pending;
 * what it costs is a load or two for each, and no allocation. Futures that lose are cancelled and
 * waited for (rule 3 of <tug/future.h>).
 */
#include <tug/future.h>

#include <errno.h>

#include "sys/call.h"
#include "task/coroutine.h"
#include "task/executor.h"

#define SELECT_MAX 64
#define ON_STACK 64

static void cancel_future(struct tug_future *future)
{
    if (future->vtable->cancel != NULL)
        future->vtable->cancel(future);
}

/* The futures that are still pending, in the order given. */
struct pending_set {
    struct tug_future **pending;
    size_t count;
};

/* Polls all once and drops those that are ready from the set; returns the first in the set's order
 * that became ready with a negative result, or NULL. */
static struct tug_future *poll_all(struct pending_set *set, const struct tug_waker *waker)
{
    struct tug_future *failed = NULL;
    size_t kept = 0;
    for (size_t i = 0; i < set->count; i++) {
        struct tug_future *future = set->pending[i];
        if (future->vtable->poll(future, waker) == TUG_PENDING)
            set->pending[kept++] = future;
        else if (future->result < 0 && failed == NULL)
            failed = future;
    }
    set->count = kept;
    return failed;
}

static int64_t join_pending(struct tug_task *task, struct pending_set *set, bool stop_at_error)
{
    const struct tug_waker waker = {&tug_task_waker_vtable, task};
    int64_t outcome = 0;
    bool cancelled = false;
    for (;;) {
        struct tug_future *failed = poll_all(set, &waker);
        if (stop_at_error && failed != NULL && !cancelled)
            outcome = failed->result;
        if (set->count == 0)
            return outcome;
        if (!cancelled) {
            if (outcome == 0)
                outcome = tug_task_cancel_reason(task);
            cancelled = outcome != 0;
            for (size_t i = 0; cancelled && i < set->count; i++)
                cancel_future(set->pending[i]);
            if (cancelled)
                continue;
        }
        tug_coroutine_suspend(task, TUG_ACTION_PENDING);
    }
}

static int64_t join_all(struct tug_future *const *futures, size_t count, bool stop_at_error)
{
    struct tug_task *task = tug_coroutine_current();
    if (task == NULL)
        return -EPERM;
    int reason = tug_task_cancel_reason(task);
    if (reason != 0)
        return reason;
    struct tug_future *on_stack[ON_STACK];
    struct pending_set set = {on_stack, count};
    if (count > ON_STACK) {
        set.pending = tug_sys_calloc(count, sizeof *set.pending);
        if (set.pending == NULL)
            return -ENOMEM;
    }
    for (size_t i = 0; i < count; i++)
        set.pending[i] = futures[i];
    int64_t outcome = join_pending(task, &set, stop_at_error);
    if (set.pending != on_stack)
        tug_sys_free(set.pending);
    return outcome;
}

int64_t tug_join_all(struct tug_future *const *futures, size_t count)
{
    return join_all(futures, count, false);
}

int64_t tug_try_join_all(struct tug_future *const *futures, size_t count)
{
    return join_all(futures, count, true);
}

/* Cancels the futures whose bit is set and waits until they are ready. */
static void end_losers(struct tug_task *task, struct tug_future *const *futures, uint64_t pending)
{
    const struct tug_waker waker = {&tug_task_waker_vtable, task};
    for (uint64_t left = pending; left != 0; left &= left - 1)
        cancel_future(futures[__builtin_ctzll(left)]);
    for (;;) {
        for (uint64_t left = pending; left != 0; left &= left - 1) {
            int i = __builtin_ctzll(left);
            if (futures[i]->vtable->poll(futures[i], &waker) == TUG_READY)
                pending &= ~(UINT64_C(1) << i);
        }
        if (pending == 0)
            return;
        tug_coroutine_suspend(task, TUG_ACTION_PENDING);
    }
}

/* A future that was never polled did nothing, and its result says so. */
static void mark_untouched(struct tug_future *const *futures, size_t count, uint64_t polled)
{
    for (size_t i = 0; i < count; i++)
        if ((polled >> i & 1) == 0)
            futures[i]->result = -ECANCELED;
}

static int64_t select_from(struct tug_future *const *futures, size_t count, bool biased)
{
    struct tug_task *task = tug_coroutine_current();
    if (task == NULL)
        return -EPERM;
    if (count == 0 || count > SELECT_MAX)
        return -EINVAL;
    int reason = tug_task_cancel_reason(task);
    if (reason != 0)
        return reason;
    const struct tug_waker waker = {&tug_task_waker_vtable, task};
    size_t start = biased ? 0 : tug_random(&tug_executor_current()->random) % count;
    uint64_t polled = 0;
    for (;;) {
        for (size_t n = 0; n < count; n++) {
            size_t i = (start + n) % count;
            if (futures[i]->vtable->poll(futures[i], &waker) == TUG_READY) {
                polled |= UINT64_C(1) << i;
                mark_untouched(futures, count, polled);
                end_losers(task, futures, polled & ~(UINT64_C(1) << i));
                return (int64_t)i;
            }
            polled |= UINT64_C(1) << i;
        }
        tug_coroutine_suspend(task, TUG_ACTION_PENDING);
        reason = tug_task_cancel_reason(task);
        if (reason != 0) {
            end_losers(task, futures, polled);
            return reason;
        }
    }
}

int64_t tug_select(struct tug_future *const *futures, size_t count)
{
    return select_from(futures, count, false);
}

int64_t tug_select_biased(struct tug_future *const *futures, size_t count)
{
    return select_from(futures, count, true);
}
