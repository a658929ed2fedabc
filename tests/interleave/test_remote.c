/* SPDX-License-Identifier: MIT */
/*
 * Requests of other threads to a task of a current-thread runtime, in all orders: no wake is lost,
 * and the task is freed once, when nobody has a reference any more.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "instrument.h"

#include "sys/clock.h"
#include "sys/slab.h"
#include "task/scheduler.h"

static struct tug_executor *executor_of_thread(void);
static void schedule(struct tug_task *task);
static void free_slot(struct tug_task *task);
#define tug_executor_current() executor_of_thread()
#define tug_scheduler_schedule(executor, task) ((void)(executor), schedule(task))
#define tug_scheduler_inbox_filled(domain) ((void)(domain), interleave_unpark(0))
#define tug_slab_free(pool, cache, slot) ((void)(pool), (void)(cache), free_slot(slot))
#define tug_clock_sleep(duration) ((void)(duration), interleave_yield())

#include "task/remote.c"
#include "task/task.c"
#include "task/wake.c"

/* The first thread is the owner. */

static struct tug_task task;
static struct tug_domain domain;
static struct tug_executor executor;
static uint32_t queued, events, freed;

static struct tug_executor *executor_of_thread(void)
{
    return interleave_self() == 0 ? &executor : NULL;
}

static void schedule(struct tug_task *woken)
{
    INTERLEAVE_CHECK(woken == &task && interleave_self() == 0 && queued == 0);
    queued = 1;
}

static void free_slot(struct tug_task *slot)
{
    INTERLEAVE_CHECK(slot == &task);
    freed++;
    interleave_give_up(slot, sizeof *slot);
}

static void begin(uint64_t state)
{
    domain = (struct tug_domain){.local = true, .workers = 1};
    executor = (struct tug_executor){.domain = &domain};
    task = (struct tug_task){
        .state = state, .domain = &domain, .kind = TUG_TASK_FUTURE, .local = true};
    queued = events = freed = 0;
}

/* What the owner does when it has nothing else to do. */
static void serve_or_sleep(void)
{
    if (tug_task_serve_inbox(&executor) == 0)
        interleave_park();
}

/* ---- wakes ---- */

static void begin_idle(void)
{
    begin(3 * TUG_TASK_REFERENCE);
}

static void run_until_two_events(void)
{
    uint32_t seen = 0;
    while (seen < 2 || tug_state_references(task.state) != 1) {
        serve_or_sleep();
        if (queued == 0)
            continue;
        queued = 0;
        seen = __atomic_load_n(&events, __ATOMIC_ACQUIRE);
        INTERLEAVE_CHECK(tug_task_go_idle(&task) == TUG_RUN_IDLE);
    }
}

static void wake(void)
{
    __atomic_fetch_add(&events, 1, __ATOMIC_ACQ_REL);
    tug_task_waker_vtable.wake(&task);
}

static void wake_and_drop_later(void)
{
    __atomic_fetch_add(&events, 1, __ATOMIC_ACQ_REL);
    tug_task_waker_vtable.wake_by_ref(&task);
    tug_task_waker_vtable.drop(&task);
}

static void nothing_is_asked_for(void)
{
    INTERLEAVE_CHECK(freed == 0 && task.remote == 0 && domain.inbox == NULL);
    INTERLEAVE_CHECK(domain.foreign_calls == 0);
}

/* ---- the last reference ---- */

static void begin_running(void)
{
    begin(3 * TUG_TASK_REFERENCE | TUG_TASK_SCHEDULED);
}

/* The runtime's reference goes with the end of the task, at any time. */
static void complete_and_serve(void)
{
    tug_task_complete(&executor, &task, 7);
    while (freed == 0)
        serve_or_sleep();
}

static void clone_and_drop(void)
{
    tug_task_waker_vtable.clone(&task);
    tug_task_waker_vtable.drop(&task);
    tug_task_waker_vtable.drop(&task);
}

/* A clone is not announced: the owner comes across it when its own count is zero. */

static uint32_t cloned;

static void begin_lent(void)
{
    begin(2 * TUG_TASK_REFERENCE | TUG_TASK_SCHEDULED);
    cloned = 0;
}

static void lend_complete_and_serve(void)
{
    while (__atomic_load_n(&cloned, __ATOMIC_ACQUIRE) == 0)
        interleave_park();
    tug_task_release(&task);
    complete_and_serve();
}

static void clone_what_is_lent(void)
{
    tug_task_waker_vtable.clone(&task);
    __atomic_store_n(&cloned, 1, __ATOMIC_RELEASE);
    interleave_unpark(0);
    tug_task_waker_vtable.drop(&task);
}

static void it_was_freed(void)
{
    INTERLEAVE_CHECK(freed == 1 && domain.inbox == NULL && domain.foreign_calls == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        INTERLEAVE_MODEL("wakes from elsewhere", 2, begin_idle, nothing_is_asked_for,
                         run_until_two_events, wake, wake_and_drop_later),
        INTERLEAVE_MODEL("the last reference", 2, begin_running, it_was_freed, complete_and_serve,
                         clone_and_drop, wake),
        INTERLEAVE_MODEL("a clone that is not announced", 5, begin_lent, it_was_freed,
                         lend_complete_and_serve, clone_what_is_lent),
    };
    return cmocka_run_group_tests_name("interleave/remote", tests, NULL, NULL);
}
