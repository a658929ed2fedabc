/* SPDX-License-Identifier: MIT */
/*
 * The task's state word in all orders: wakes and cancellations against the end of a poll and of the
 * task, references given up with a wake.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "instrument.h"

#include "sys/slab.h"
#include "task/scheduler.h"

static void schedule(struct tug_task *task);
static bool free_slot(struct tug_task *task);
#define tug_scheduler_schedule(executor, task) ((void)(executor), schedule(task))
#define tug_slab_free(pool, cache, slot) ((void)(pool), (void)(cache), (void)free_slot(slot))
#define tug_task_free_memory(executor, task) ((void)(executor), free_slot(task))

#include "task/join.c"
#include "task/wake.c"

static struct tug_task task;
static struct tug_domain domain;
static struct tug_executor executor;
static struct tug_join_future join;
static uint32_t queued, events, freed;
static bool running;

/* ---- wakes against the end of a poll ---- */

/* Rule 1 of task.h: in a queue at most once, and not while it runs. */
static void schedule(struct tug_task *woken)
{
    INTERLEAVE_CHECK(woken == &task && !running);
    INTERLEAVE_CHECK(__atomic_exchange_n(&queued, 1, __ATOMIC_ACQ_REL) == 0);
    interleave_unpark(0);
}

/* The slot may be another task's from here on. */
static bool free_slot(struct tug_task *slot)
{
    INTERLEAVE_CHECK(slot == &task);
    __atomic_add_fetch(&freed, 1, __ATOMIC_RELAXED);
    interleave_give_up(slot, sizeof *slot);
    return false; /* the runtime did not outlive anything */
}

static void begin(uint64_t state)
{
    domain = (struct tug_domain){.workers = 1};
    executor = (struct tug_executor){.domain = &domain};
    task = (struct tug_task){.state = state, .domain = &domain, .kind = TUG_TASK_FUTURE};
    queued = events = freed = 0;
    running = false;
}

static void begin_idle(void)
{
    begin(3 * TUG_TASK_REFERENCE);
}

/* What tug_task_run() does with the word, around a poll that looks at the events and at whether the
 * task is cancelled. */
static void run_until(uint32_t events_wanted, uint64_t bits_wanted)
{
    uint32_t seen = 0;
    uint64_t bits = 0;
    while (seen < events_wanted || bits != bits_wanted) {
        while (__atomic_exchange_n(&queued, 0, __ATOMIC_ACQ_REL) == 0)
            interleave_park();
        enum tug_run_outcome outcome;
        do {
            if ((tug_state_load(&task) & TUG_TASK_NOTIFIED) != 0)
                tug_state_change(&task, 0, TUG_TASK_NOTIFIED);
            running = true;
            seen = __atomic_load_n(&events, __ATOMIC_ACQUIRE);
            bits = tug_state_load(&task) & TUG_TASK_CANCEL_MASK;
            running = false;
            outcome = tug_task_go_idle(&task);
        } while (outcome == TUG_RUN_AGAIN);
    }
}

static void run_until_two_events(void)
{
    run_until(2, 0);
}

static void run_until_an_event_and_an_abort(void)
{
    run_until(1, TUG_TASK_ABORTED);
}

static void run_until_both_cancellations(void)
{
    run_until(0, TUG_TASK_CANCEL_MASK);
}

/* Makes an event, wakes, and gives up the waker's reference in one step. */
static void wake(void)
{
    __atomic_fetch_add(&events, 1, __ATOMIC_ACQ_REL);
    if (tug_task_wake_on(&executor, &task, TUG_TASK_REFERENCE))
        free_slot(&task);
}

static void abort_and_detach(void)
{
    tug_task_abort(&task);
    tug_task_detach(&task);
}

/* The reference stands for the scope, which keeps the task. */
static void cancel_scope(void)
{
    tug_task_cancel(&task, TUG_TASK_SCOPE_CANCELLED);
    tug_task_give_up(NULL, &task, 0);
}

static void one_reference_is_left(void)
{
    INTERLEAVE_CHECK(tug_state_references(task.state) == 1 && freed == 0);
}

/* ---- the end of a task against its handle ---- */

static void begin_running(void)
{
    begin(2 * TUG_TASK_REFERENCE | TUG_TASK_JOIN_INTEREST | TUG_TASK_SCHEDULED);
    tug_join_future_init(&join, &task);
    executor.current = NULL;
    running = true; /* to its end: nothing puts it into a queue any more */
}

static void begin_running_with_waker(void)
{
    begin_running();
    task.state += TUG_TASK_REFERENCE;
}

static void complete(void)
{
    task.result = 7;
    tug_task_complete_here(&executor, &task);
}

static void join_it(void)
{
    INTERLEAVE_CHECK(interleave_await(&join.future) == 7);
}

/* Gives up waiting, and either has the result all the same or lets the task go. */
static void give_up_and_detach(void)
{
    const struct tug_waker waker = interleave_waker();
    if (join.future.vtable->poll(&join.future, &waker) == TUG_PENDING) {
        join.future.vtable->cancel(&join.future);
        if (interleave_await(&join.future) == -ECANCELED) {
            tug_task_give_up(&executor, &task, TUG_TASK_JOIN_INTEREST);
            return;
        }
    }
    INTERLEAVE_CHECK(join.future.result == 7);
}

/* The handle is polled by one, and then by another. */
static void poll_and_leave(void)
{
    const struct tug_waker waker = interleave_waker();
    if (join.future.vtable->poll(&join.future, &waker) == TUG_READY)
        join.cancelled = JOIN_ASKED; /* nothing is left to be joined */
    interleave_unpark(1);
}

static void join_after_that(void)
{
    interleave_park();
    if (join.cancelled != JOIN_ASKED)
        INTERLEAVE_CHECK(interleave_await(&join.future) == 7);
}

static void it_was_freed(void)
{
    INTERLEAVE_CHECK(freed == 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        INTERLEAVE_MODEL("two wakes", 3, begin_idle, one_reference_is_left, run_until_two_events,
                         wake, wake),
        INTERLEAVE_MODEL("an abort", 3, begin_idle, one_reference_is_left,
                         run_until_an_event_and_an_abort, wake, abort_and_detach),
        INTERLEAVE_MODEL("an abort and a scope", 2, begin_idle, one_reference_is_left,
                         run_until_both_cancellations, cancel_scope, abort_and_detach),
        INTERLEAVE_MODEL("aborted at the end", 100, begin_running, it_was_freed, complete,
                         abort_and_detach),
        INTERLEAVE_MODEL("aborted and woken at the end", 3, begin_running_with_waker, it_was_freed,
                         complete, abort_and_detach, wake),
        INTERLEAVE_MODEL("joining", 100, begin_running, it_was_freed, join_it, complete),
        INTERLEAVE_MODEL("giving up a join", 4, begin_running, it_was_freed, give_up_and_detach,
                         complete),
        INTERLEAVE_MODEL("another waker", 4, begin_running, it_was_freed, poll_and_leave,
                         join_after_that, complete),
        INTERLEAVE_MODEL("a late wake", 3, begin_running_with_waker, it_was_freed, join_it,
                         complete, wake),
    };
    return cmocka_run_group_tests_name("interleave/task", tests, NULL, NULL);
}
