/* SPDX-License-Identifier: MIT */
/*
 * The current-thread flavour: all tasks on the thread that is inside block_on.
 *
 * One first-in, first-out queue, no LIFO slot. Others put nothing into it: they leave requests in
 * the inbox (task/remote.c), which is looked at every `global_queue_interval` polls and whenever
 * the queue is empty. The driver is polled every `event_interval` polls and whenever the queue is
 * empty; then the tasks that gave way are put back. So whatever a task does, as long as it returns
 * or suspends, the inbox, the driver, the timers and every runnable task have their turn after a
 * bounded number of polls.
 */
#include <errno.h>

#include "runtime/runtime.h"
#include "sys/cpu.h"
#include "time/clock.h"

/* Nothing is runnable. With a paused clock, and nothing going on in the blocking pool that could
 * make something runnable, the next timer's time has come. */
static bool auto_advance(struct tug_worker *worker)
{
    struct tug_domain *domain = worker->executor.domain;
    uint64_t next = tug_timer_wheel_next(&worker->wheel);
    if (domain->paused_now == 0 || next == TUG_TIMER_NEVER ||
        tug_pool_outstanding(domain->blocking) != 0 ||
        /* Looked at last: a job fills the inbox before it stops being outstanding. */
        __atomic_load_n(&domain->inbox, __ATOMIC_SEQ_CST) != NULL)
        return false;
    tug_clock_jump(domain, next);
    return true;
}

/* A job of the blocking pool counts as outstanding for a moment after it has made its task
 * runnable. If only that held the paused clock up nobody would tell; so look again, a millisecond
 * later. */
static uint64_t look_again_at(struct tug_worker *worker)
{
    bool held_up = worker->executor.domain->paused_now != 0 &&
                   tug_timer_wheel_next(&worker->wheel) != TUG_TIMER_NEVER;
    return held_up ? tug_clock_now() + TUG_TICK_NS : UINT64_MAX;
}

static bool inbox_is_filled(const void *domain)
{
    const struct tug_domain *self = domain;
    return __atomic_load_n(&self->inbox, __ATOMIC_RELAXED) != NULL;
}

/* A job of the blocking pool, the only thing that the thread waits for, may have ended before the
 * thread is asleep; then neither it nor the pool's has to be woken. */
static bool spin_for_job(struct tug_worker *worker)
{
    struct tug_domain *domain = worker->executor.domain;
    return tug_pool_is_new_job_alone(domain->blocking) &&
           tug_driver_is_quiet(worker->executor.driver) && tug_spin_is_due(&worker->job_spin) &&
           tug_spin_until(&worker->job_spin, inbox_is_filled, domain);
}

static uint64_t soonest(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static void park(struct tug_worker *worker, uint64_t deadline)
{
    struct tug_domain *domain = worker->executor.domain;
    struct tug_driver *driver = worker->executor.driver;
    /* What the driver can end at once comes before any timer of a paused clock. */
    if (domain->paused_now != 0 && !tug_driver_is_quiet(driver)) {
        tug_worker_turn(worker);
        if (worker->own_length != 0)
            return;
    }
    if (spin_for_job(worker)) {
        tug_worker_turn(worker);
        return;
    }
    /* Announced first, looked once more second: a request that comes in between either is seen here
     * or wakes the driver. */
    if (!tug_driver_prepare_park(driver)) {
        tug_worker_turn(worker);
        return;
    }
    if (__atomic_load_n(&domain->inbox, __ATOMIC_SEQ_CST) != NULL || auto_advance(worker)) {
        tug_driver_cancel_park(driver);
        tug_worker_turn(worker);
        return;
    }
    tug_worker_sleep(worker, soonest(deadline, look_again_at(worker)));
    if (worker->own_length == 0 && __atomic_load_n(&domain->inbox, __ATOMIC_RELAXED) == NULL)
        tug_counter_add(&worker->spurious_parks, 1);
}

/* While one task runs, the memory that the next but one will touch is fetched, and the struct of
 * the one after that: with many connections, none of it is in a near cache when a task's turn has
 * come, nor are the page tables, and one task's time is too short to walk these. To ask for it at
 * the wake is too early: the system calls between the wake and the poll evict it. */
static TUG_FETCHES void prefetch_next(const struct tug_worker *worker)
{
    const struct tug_fifo_node *node = worker->own.head;
    if (node == NULL)
        return;
    if (node->next != NULL)
        node = node->next;
    tug_task_prefetch(TUG_CONTAINER_OF(node, struct tug_task, link));
    const char *after = (const char *)node->next;
    if (after == NULL)
        return;
    __builtin_prefetch(after, 1);
    __builtin_prefetch(after + TUG_CACHE_LINE, 1);
}

/* Runs up to event_interval tasks. Returns false when stop said so. */
static bool run_batch(struct tug_worker *worker, bool (*stop)(void *argument), void *argument)
{
    struct tug_executor *executor = &worker->executor;
    const uint32_t interval = worker->runtime->options.event_interval;
    for (uint32_t n = 0; n < interval; n++) {
        if (--worker->until_global_queue == 0) {
            worker->until_global_queue = worker->global_queue_interval;
            tug_task_serve_inbox(executor);
        }
        struct tug_task *task = tug_worker_pop_own(worker);
        if (task == NULL) {
            if (__atomic_load_n(&executor->domain->inbox, __ATOMIC_RELAXED) == NULL)
                return true;
            tug_task_serve_inbox(executor);
            continue;
        }
        executor->budget = TUG_COOP_BUDGET;
        prefetch_next(worker);
        if (tug_worker_run(worker, task) && stop(argument))
            return false;
    }
    return true;
}

void tug_current_thread_run(struct tug_worker *worker, bool (*stop)(void *argument), void *argument,
                            uint64_t deadline)
{
    uint64_t start = tug_clock_now();
    while (run_batch(worker, stop, argument)) {
        if (worker->own_length == 0 && worker->deferred_length == 0) {
            uint64_t now = tug_clock_now();
            tug_counter_add(&worker->busy_time, now - start);
            if (stop(argument) || now >= deadline)
                return;
            park(worker, deadline);
            start = tug_clock_now();
        } else {
            tug_worker_turn(worker);
            if (deadline != UINT64_MAX && tug_clock_now() >= deadline)
                return;
        }
        tug_worker_adopt_deferred(worker);
    }
}

/* ---- entering and leaving -----------------------------------------------------------------------
 */

int tug_current_thread_enter(struct tug_runtime *runtime)
{
    struct tug_worker *worker = &runtime->workers[0];
    if (tug_executor_current() != NULL)
        return -EDEADLK;
    uint32_t expected = 0;
    if (!__atomic_compare_exchange_n(&runtime->running, &expected, 1, false, __ATOMIC_ACQ_REL,
                                     __ATOMIC_RELAXED))
        return -EBUSY;
    int error = 0;
    if (worker->executor.driver == NULL) {
        error = tug_worker_open(worker);
        runtime->owner_thread = tug_thread_self_id();
        if (error == 0) {
            tug_sys_mutex_lock(&runtime->inbox_lock);
            runtime->domain.inbox_driver = worker->executor.driver;
            tug_sys_mutex_unlock(&runtime->inbox_lock);
        }
    } else if (runtime->owner_thread != tug_thread_self_id()) {
        error = -EPERM;
    }
    if (error != 0) {
        __atomic_store_n(&runtime->running, 0, __ATOMIC_RELEASE);
        return error;
    }
    tug_context_init_thread(&worker->executor.context);
    tug_driver_set_current(worker->executor.driver);
    tug_executor_set_current(&worker->executor);
    return 0;
}

void tug_current_thread_leave(struct tug_runtime *runtime)
{
    tug_executor_set_current(NULL);
    tug_driver_set_current(NULL);
    __atomic_store_n(&runtime->running, 0, __ATOMIC_RELEASE);
}
