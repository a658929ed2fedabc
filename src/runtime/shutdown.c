/* SPDX-License-Identifier: MIT */
/*
 * The end of a runtime.
 *
 *  1. `closing` is set: nobody makes tasks any more, except who had looked before.
 *  2. Every task is aborted. Tasks are found by walking the slots of their slab pool: that is why
 *     their memory is type-stable and begins with the state word. The walk is repeated until none
 *     is alive, for those who had looked before.
 *  3. The blocking pool ends: by now nothing of ours is in it.
 *  4. The workers end, and with them their drivers, drained.
 *  5. Handles and wakers may outlive all this. Each task that somebody still references keeps the
 *     runtime's memory; the last reference given up frees it.
 *
 * When the time is up before 2 or 3 is done, a thread made for that goes on from there.
 */
#include <errno.h>
#include <limits.h>

#include <tug/time.h>

#include "runtime/runtime.h"
#include "runtime/task_walk.h"
#include "sys/call.h"
#include "sys/futex.h"
#include "task/state.h"
#include "time/clock.h"

#define BACK_OFF_FIRST UINT64_C(20000)
#define BACK_OFF_MAX UINT64_C(1000000)

static uint64_t spawned_so_far(struct tug_runtime *runtime)
{
    uint64_t spawned = __atomic_load_n(&runtime->domain.foreign_spawned, __ATOMIC_ACQUIRE);
    for (uint32_t i = 0; i < runtime->domain.workers; i++)
        spawned +=
            __atomic_load_n(&runtime->workers[i].executor.counters.spawned, __ATOMIC_ACQUIRE);
    return spawned;
}

uint64_t tug_runtime_alive(struct tug_runtime *runtime)
{
    /* Those that have ended are counted first: the difference is never too small, so when it is
     * zero, and nobody makes tasks, there are none. */
    struct tug_domain *domain = &runtime->domain;
    uint64_t finished = __atomic_load_n(&domain->foreign_finished, __ATOMIC_ACQUIRE);
    for (uint32_t i = 0; i < domain->workers; i++)
        finished +=
            __atomic_load_n(&runtime->workers[i].executor.counters.finished, __ATOMIC_ACQUIRE);
    return spawned_so_far(runtime) - finished;
}

/* ---- aborting every task ----------------------------------------------------------------------
 */

/* The last walk: how many tasks had been made before it, and when to walk again although there were
 * no more. A task is counted before it can be found, so the walk may have missed some of those; but
 * nearly always it has not, and with a million tasks that are about to end a walk is not cheap. */
struct last_walk {
    uint64_t spawned, again;
};

#define FIRST_WALK ((struct last_walk){.spawned = UINT64_MAX})

static void abort_all(struct tug_runtime *runtime, struct last_walk *last)
{
    uint64_t spawned = spawned_so_far(runtime), begin = tug_clock_now();
    if (last->spawned == spawned && begin < last->again)
        return;
    last->spawned = spawned;
    struct tug_task_walk walk;
    tug_task_walk_init(&walk, runtime, TUG_TASK_COMPLETE | TUG_TASK_ABORTED);
    do {
        tug_task_walk_collect(&walk);
        for (size_t i = 0; i < walk.count; i++) {
            tug_task_abort(walk.tasks[i]);
            tug_task_release(walk.tasks[i]);
        }
    } while (walk.full);
    tug_task_walk_end(&walk);
    /* A tenth of the time at most. */
    uint64_t end = tug_clock_now();
    last->again = end + 9 * (end - begin);
}

/* ---- waiting for their end --------------------------------------------------------------------
 */

static bool none_alive(void *runtime)
{
    return tug_runtime_alive(runtime) == 0;
}

static int end_tasks_current_thread(struct tug_runtime *runtime, uint64_t deadline)
{
    if (runtime->workers[0].executor.driver == NULL && tug_runtime_alive(runtime) == 0)
        return 0;
    int error = tug_current_thread_enter(runtime);
    if (error != 0)
        return error;
    tug_task_serve_inbox(&runtime->workers[0].executor);
    /* A paused clock would never come to the end of a sleep under a shield. */
    if (runtime->domain.paused_now != 0)
        tug_time_resume();
    uint64_t now = tug_clock_now(), back_off = BACK_OFF_FIRST;
    struct last_walk last = FIRST_WALK;
    do {
        /* Jobs that had looked before make tasks that must be found, too. */
        abort_all(runtime, &last);
        uint64_t until = tug_clock_deadline(now, back_off);
        tug_current_thread_run(&runtime->workers[0], none_alive, runtime,
                               until < deadline ? until : deadline);
        if (tug_runtime_alive(runtime) == 0)
            return 0;
        back_off = back_off * 2 < BACK_OFF_MAX ? back_off * 2 : BACK_OFF_MAX;
        now = tug_clock_now();
    } while (now < deadline);
    tug_current_thread_leave(runtime);
    return -ETIMEDOUT;
}

static int end_tasks_multi_thread(struct tug_runtime *runtime, uint64_t deadline)
{
    uint64_t back_off = BACK_OFF_FIRST;
    struct last_walk last = FIRST_WALK;
    while (tug_runtime_alive(runtime) != 0) {
        abort_all(runtime, &last);
        if (tug_runtime_alive(runtime) == 0)
            break;
        uint64_t now = tug_clock_now();
        if (now >= deadline)
            return -ETIMEDOUT;
        tug_clock_sleep(back_off < deadline - now ? back_off : deadline - now);
        back_off = back_off * 2 < BACK_OFF_MAX ? back_off * 2 : BACK_OFF_MAX;
    }
    return 0;
}

/* ---- ending threads and freeing memory --------------------------------------------------------
 */

void tug_runtime_stop_workers(struct tug_runtime *runtime, unsigned started)
{
    /* This thread counts as well: no driver is closed before it has woken them all. */
    runtime->threads = started + 1;
    __atomic_store_n(&runtime->stop, true, __ATOMIC_RELEASE);
    for (unsigned i = 0; i < started; i++)
        if (runtime->workers[i].executor.driver != NULL)
            tug_driver_wake(runtime->workers[i].executor.driver);
    __atomic_fetch_add(&runtime->left, 1, __ATOMIC_ACQ_REL);
    tug_futex_wake(&runtime->left, INT_MAX);
    for (unsigned i = 0; i < started; i++)
        tug_thread_join(&runtime->workers[i].thread);
}

/* Waits until no thread from outside is inside of a call on one of our tasks that it began when
 * the task was alive. */
static void wait_for_foreign_calls(struct tug_domain *domain)
{
    uint64_t back_off = BACK_OFF_FIRST;
    while (__atomic_load_n(&domain->foreign_calls, __ATOMIC_SEQ_CST) != 0) {
        tug_clock_sleep(back_off);
        back_off = back_off * 2 < BACK_OFF_MAX ? back_off * 2 : BACK_OFF_MAX;
    }
}

/* Marks each task that is still referenced: its end counts. */
static void mark_outliving(void *object, void *argument)
{
    struct tug_task *task = object;
    struct tug_domain *domain = argument;
    uint64_t state = tug_state_load(task);
    if (tug_state_references(state) == 0)
        return; /* all but the state word of a free task is not ours */
    if (domain->local) {
        /* Nobody makes requests just now, and clones are all that is left of earlier ones. */
        tug_state_add_references(task, TUG_REMOTE_CLONES(task->remote));
        task->remote = 0;
        __atomic_store_n(&task->local, false, __ATOMIC_RELEASE);
        state = tug_state_load(task);
    }
    do {
        if (tug_state_references(state) == 0)
            return;
    } while (!tug_state_swap_shared(task, &state, state | TUG_TASK_OUTLIVES));
    __atomic_fetch_add(&domain->outliving, 1, __ATOMIC_RELAXED);
}

void tug_domain_outlived(struct tug_domain *domain)
{
    if (__atomic_fetch_sub(&domain->outliving, 1, __ATOMIC_ACQ_REL) != 1)
        return;
    /* Others, whose references were not the last, may not have left their calls yet. */
    wait_for_foreign_calls(domain);
    tug_runtime_free(tug_runtime_of(domain));
}

void tug_runtime_free(struct tug_runtime *runtime)
{
    if (runtime->domain.blocking != NULL) {
        tug_pool_shutdown(runtime->domain.blocking, UINT64_MAX);
        tug_pool_destroy(runtime->domain.blocking);
    }
    tug_domain_stack_pools_destroy(&runtime->domain);
    if (runtime->domain.tasks != NULL)
        tug_slab_pool_destroy(&runtime->tasks);
    tug_idle_destroy(&runtime->idle);
    tug_sys_free(runtime->workers);
    tug_sys_free(runtime);
}

static void end_current_thread(struct tug_runtime *runtime)
{
    struct tug_domain *domain = &runtime->domain;
    struct tug_worker *worker = &runtime->workers[0];
    if (worker->executor.driver == NULL)
        return;
    __atomic_store_n(&domain->inbox_phase, TUG_INBOX_SETTLING, __ATOMIC_SEQ_CST);
    wait_for_foreign_calls(domain);
    tug_task_serve_inbox(&worker->executor);
    tug_sys_mutex_lock(&runtime->inbox_lock);
    domain->inbox_driver = NULL;
    tug_sys_mutex_unlock(&runtime->inbox_lock);
    tug_worker_close(worker);
    tug_current_thread_leave(runtime);
}

/* Steps 3 to 5, once no task is alive and the pool has ended. */
static void finish(struct tug_runtime *runtime)
{
    struct tug_domain *domain = &runtime->domain;
    if (domain->local) {
        end_current_thread(runtime);
    } else {
        wait_for_foreign_calls(domain);
        tug_runtime_stop_workers(runtime, domain->workers);
    }
    /* The count starts at one, ours, so that it cannot reach zero while we still add to it. */
    domain->outliving = 1;
    tug_slab_for_each(&runtime->tasks, mark_outliving, domain);
    __atomic_store_n(&domain->inbox_phase, TUG_INBOX_GONE, __ATOMIC_SEQ_CST);
    tug_domain_outlived(domain);
}

static void end_in_background(void *argument)
{
    struct tug_runtime *runtime = argument;
    end_tasks_multi_thread(runtime, UINT64_MAX);
    tug_pool_shutdown(runtime->domain.blocking, UINT64_MAX);
    finish(runtime);
}

static void go_on_in_background(struct tug_runtime *runtime)
{
    struct tug_thread thread;
    /* Without a thread to end it, the runtime stays: it cannot be freed while something runs. */
    if (!runtime->domain.local &&
        tug_thread_create(&thread, "tug-shutdown", 0, true, end_in_background, runtime) == 0)
        tug_thread_detach(&thread);
    else
        tug_pool_leave_behind(runtime->domain.blocking);
}

int tug_runtime_shutdown(struct tug_runtime *runtime, uint64_t timeout)
{
    struct tug_domain *domain = &runtime->domain;
    if (tug_executor_current() != NULL)
        return -EDEADLK;
    uint64_t deadline = tug_clock_deadline(tug_clock_now(), timeout);
    __atomic_store_n(&domain->closing, true, __ATOMIC_SEQ_CST);
    wait_for_foreign_calls(domain); /* of those who had looked before */
    int error = domain->local ? end_tasks_current_thread(runtime, deadline)
                              : end_tasks_multi_thread(runtime, deadline);
    if (error == -EBUSY || error == -EPERM || error == -EDEADLK) {
        __atomic_store_n(&domain->closing, false, __ATOMIC_RELEASE);
        return error;
    }
    if (error == 0)
        error = tug_pool_shutdown(domain->blocking, deadline);
    if (error == 0) {
        finish(runtime);
        return 0;
    }
    /* When it was the pool that took too long, this thread is still inside. */
    if (domain->local && tug_executor_current() != NULL)
        tug_current_thread_leave(runtime);
    go_on_in_background(runtime);
    return error;
}
