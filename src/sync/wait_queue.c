/* SPDX-License-Identifier: MIT */
/*
 * The parts of a wait that are not on the fast path. The rules are in wait_queue.h.
 */
#include "sync/wait_queue.h"

#include <errno.h>

#include <tug/coop.h>

#include "sys/cpu.h"
#include "task/run.h"

/* Rule 5. The task goes where this thread runs it next, so it is polled too early only if it is
 * stolen at once. */
static bool tell_task_here(struct tug_executor *executor, struct tug_waiter *waiter)
{
    struct tug_task *task = waiter->waker.data;
    if (tug_task_is_foreign(executor, task) || task->worker >= 0)
        return false;
    tug_task_wake_on(executor, task, 0);
    __atomic_store_n(&waiter->state, TUG_WAITER_TOLD, __ATOMIC_RELEASE);
    return true;
}

static void tell(struct tug_executor *executor, struct tug_waiter *waiter)
{
    /* From the store on the waiter may be gone. */
    struct tug_waker waker = waiter->waker;
    if (waker.vtable == &tug_task_waker_vtable) {
        if (tell_task_here(executor, waiter))
            return;
        waker = tug_waker_clone(&waker);
    }
    __atomic_store_n(&waiter->state, TUG_WAITER_TOLD, __ATOMIC_RELEASE);
    tug_waker_wake(waker);
}

/* So many waiters ahead, the memory of a task to be woken is asked for. */
#define TELL_AHEAD 4

void tug_waiters_tell(struct tug_chosen *chosen)
{
    struct tug_executor *executor = tug_executor_current();
    struct tug_waiter *waiter = chosen->first, *ahead = waiter;
    for (int i = 0; i < TELL_AHEAD && ahead != NULL; i++)
        ahead = ahead->next;
    while (waiter != NULL) {
        struct tug_waiter *next = waiter->next;
        if (ahead != NULL) {
            if (ahead->waker.vtable == &tug_task_waker_vtable) {
                const char *task = ahead->waker.data;
                __builtin_prefetch(task, 1);
                __builtin_prefetch(task + TUG_CACHE_LINE, 1);
            }
            ahead = ahead->next;
        }
        tell(executor, waiter);
        waiter = next;
    }
}

/* The waiter has moved to another task, or is polled by another part of it. */
static bool replace_waker(struct tug_wait_queue *queue, struct tug_waiter *waiter,
                          const struct tug_waker *waker)
{
    struct tug_waker unused = tug_waker_hold(waker);
    tug_wait_queue_lock(queue);
    bool queued = __atomic_load_n(&waiter->state, __ATOMIC_RELAXED) == TUG_WAITER_QUEUED;
    if (queued) {
        struct tug_waker old = waiter->waker;
        waiter->waker = unused;
        unused = old;
    }
    tug_wait_queue_unlock(queue);
    tug_waker_unhold(&unused);
    return queued;
}

bool tug_waiter_poll(struct tug_wait_queue *queue, struct tug_waiter *waiter,
                     const struct tug_waker *waker)
{
    uint32_t state = tug_waiter_state(waiter);
    if (state == TUG_WAITER_QUEUED) {
        /* The waker is written by polls alone, hence by us. */
        if (tug_waker_will_wake(&waiter->waker, waker) || replace_waker(queue, waiter, waker))
            return false;
        state = tug_waiter_state(waiter);
    }
    if (state == TUG_WAITER_TOLD)
        return true;
    tug_waker_wake_by_ref(waker);
    return false;
}

int tug_waiter_poll_future(struct tug_wait_queue *queue, struct tug_waiter *waiter,
                           struct tug_future *self, const struct tug_waker *waker,
                           bool (*enter)(struct tug_future *self, const struct tug_waker *waker))
{
    uint32_t state = tug_waiter_state(waiter);
    if (state == TUG_WAITER_TOLD && self->result == -ECANCELED)
        return TUG_READY;
    if (tug_coop_poll(waker) == TUG_PENDING)
        return TUG_PENDING;
    bool ready;
    if (state != TUG_WAITER_NEW) {
        ready = tug_waiter_poll(queue, waiter, waker);
    } else {
        ready = enter(self, waker);
        if (ready)
            waiter->state = TUG_WAITER_TOLD;
    }
    if (ready)
        return TUG_READY;
    tug_coop_restore();
    return TUG_PENDING;
}
