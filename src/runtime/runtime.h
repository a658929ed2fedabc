/* SPDX-License-Identifier: MIT */
/*
 * Inside of a runtime: workers, and what they share.
 *
 * Ownership: a worker's struct is touched by its thread alone, except for what is marked [shared].
 * A struct tug_runtime begins with its domain and a struct tug_worker with its executor, so the
 * layer below gets along with pointers to those.
 */
#ifndef TUG_RUNTIME_INTERNAL_H
#define TUG_RUNTIME_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include <tug/runtime.h>

#include "driver/driver.h"
#include "driver/pool.h"
#include "runtime/idle.h"
#include "runtime/inject.h"
#include "runtime/queue.h"
#include "sys/spin.h"
#include "sys/thread.h"
#include "task/run.h"
#include "time/wheel.h"

/* Polls in a row that a worker takes from its LIFO slot before a task from a queue has its turn:
 * two tasks that wake each other must not keep the rest waiting. */
#define TUG_LIFO_POLLS_MAX 3

struct tug_worker {
    struct tug_executor executor;
    struct tug_runtime *runtime;

    /* Multi-thread flavour: the ring [shared], and the slot for the task woken last, which runs
     * next and cannot be stolen. */
    struct tug_run_queue queue;
    struct tug_task *lifo;
    uint8_t lifo_polls_left; /* until a task from a queue has its turn */

    /* Tasks that nobody steals. Current-thread: the run queue. Multi-thread: pinned tasks, and
     * those that yielded while no other worker wanted work. */
    struct tug_fifo own;
    uint32_t own_length; /* written by the owner, read by anyone */
    /* Tasks that gave way and wait for the driver's next poll. */
    struct tug_fifo deferred;
    uint32_t deferred_length;

    uint32_t until_turn;
    bool own_turn; /* the worker's own list comes before the ring, this time */
    uint32_t global_queue_interval, until_global_queue;
    bool searching;
    bool in_driver; /* wakes are made in a batch by the driver: announced once, afterwards */

    /* [shared] Pinned tasks woken from elsewhere. */
    struct tug_inject pinned;

    struct tug_timer_wheel wheel; /* [shared] removals */

    uint64_t tidy_at; /* when to give back stacks that were not needed, 0: not decided */

    struct tug_spin job_spin; /* current-thread flavour: for the end of a job of the pool */

    /* Self-tuning: when the present batch of polls began, and the mean time of a poll in ns. */
    uint64_t batch_start, batch_polls;
    double mean_poll_time;

    /* Counters beside the executor's; written by the owner, read by anyone. */
    uint64_t steals, steal_operations, parks, wakeups, spurious_parks, overflows, lifo_polls;
    uint64_t busy_time;

    /* State of tug_random(), for victims. Not the executor's: how often a worker looks for work is
     * chance, and what tasks draw with a given seed should not be. */
    uint64_t random;

    struct tug_thread thread;
    int start_error;
} __attribute__((aligned(64)));

struct tug_runtime {
    struct tug_domain domain;
    struct tug_runtime_options options;
    struct tug_slab_pool tasks;
    struct tug_worker *workers;

    struct tug_inject inject;
    struct tug_idle idle;
    bool stop;        /* the workers leave their loops (atomic) */
    uint32_t started; /* workers that have reported start_error */
    uint32_t threads; /* those that may use a driver, set before `stop`: workers and the stopper */
    uint32_t left;    /* of those, how many do so no more */
    uint32_t running; /* current-thread: some thread is inside block_on (atomic) */
    int owner_thread; /* current-thread: the kernel's number of the thread that owns the driver */
    struct tug_sys_mutex inbox_lock; /* current-thread: over domain.inbox_driver */
};

static inline struct tug_worker *tug_worker_of(struct tug_executor *executor)
{
    return (struct tug_worker *)executor;
}

static inline struct tug_runtime *tug_runtime_of(struct tug_domain *domain)
{
    return (struct tug_runtime *)domain;
}

/* ---- worker.c: what both flavours do -------------------------------------------------------- */

/* Prepares a worker's memory; its thread calls tug_worker_open() before it runs anything. */
void tug_worker_init(struct tug_worker *worker, struct tug_runtime *runtime, unsigned index);

/* [owner] Opens the driver as the options say. 0 or -errno. */
int tug_worker_open(struct tug_worker *worker);

/* [owner] Closes the driver and gives back all cached memory. */
void tug_worker_close(struct tug_worker *worker);

/* Polls the driver without waiting and fires the timers that are due. */
void tug_worker_turn(struct tug_worker *worker);

/* Sleeps in the driver: at the longest until the next timer or the time `deadline`. Fires timers
 * afterwards. The caller has called tug_driver_prepare_park(). */
void tug_worker_sleep(struct tug_worker *worker, uint64_t deadline);

/* Makes a task runnable from the worker's own thread: into the LIFO slot, or at the end of the
 * ring. Multi-thread flavour. */
void tug_multi_thread_schedule(struct tug_worker *worker, struct tug_task *task);
void tug_multi_thread_schedule_back(struct tug_worker *worker, struct tug_task *task);

static inline void tug_worker_push_own(struct tug_worker *worker, struct tug_task *task)
{
    tug_fifo_push(&worker->own, &task->link);
    __atomic_store_n(&worker->own_length, worker->own_length + 1, __ATOMIC_RELAXED);
}

static inline struct tug_task *tug_worker_pop_own(struct tug_worker *worker)
{
    struct tug_fifo_node *node = tug_fifo_pop(&worker->own);
    if (node == NULL)
        return NULL;
    __atomic_store_n(&worker->own_length, worker->own_length - 1, __ATOMIC_RELAXED);
    return TUG_CONTAINER_OF(node, struct tug_task, link);
}

static inline void tug_worker_defer(struct tug_worker *worker, struct tug_task *task)
{
    tug_fifo_push(&worker->deferred, &task->link);
    worker->deferred_length++;
}

/* Moves all deferred tasks behind the worker's own. */
static inline void tug_worker_adopt_deferred(struct tug_worker *worker)
{
    if (worker->deferred_length == 0)
        return;
    tug_fifo_append(&worker->own, &worker->deferred);
    __atomic_store_n(&worker->own_length, worker->own_length + worker->deferred_length,
                     __ATOMIC_RELAXED);
    worker->deferred_length = 0;
}

/* Polls one task and puts it where it belongs afterwards. Returns whether it has ended. */
static inline __attribute__((always_inline)) bool tug_worker_run(struct tug_worker *worker,
                                                                 struct tug_task *task)
{
    switch (tug_task_run(&worker->executor, task)) {
    case TUG_RUN_COMPLETE:
        return true;
    case TUG_RUN_YIELDED:
        tug_counter_add(&worker->executor.counters.yields, 1);
        tug_worker_defer(worker, task);
        return false;
    case TUG_RUN_AGAIN:
        /* At the end of the queue, not in the LIFO slot: it has just had its turn. */
        if (task->local || task->worker >= 0)
            tug_worker_push_own(worker, task);
        else
            tug_multi_thread_schedule_back(worker, task);
        return false;
    default:
        return false;
    }
}

/* ---- the flavours --------------------------------------------------------------------------- */

/* Runs the tasks of a current-thread runtime on the calling thread until stop(argument) says so,
 * or the time `deadline`. stop is asked whenever a task has ended, and before each sleep. */
void tug_current_thread_run(struct tug_worker *worker, bool (*stop)(void *argument), void *argument,
                            uint64_t deadline);

/* The current-thread runtime is made the calling thread's; opens its driver the first time.
 * 0; -EBUSY; -EPERM: another thread owns the driver; -EDEADLK: the thread runs a task; an error of
 * opening the driver. */
int tug_current_thread_enter(struct tug_runtime *runtime);
void tug_current_thread_leave(struct tug_runtime *runtime);

/* Body of a worker thread. */
void tug_multi_thread_main(void *worker);

/* Wakes one worker if there is one to wake and nobody searches. [any thread] */
void tug_multi_thread_notify(struct tug_runtime *runtime);

/* ---- builder.c ------------------------------------------------------------------------------ */

/* A worker thread has set its start_error. */
void tug_runtime_worker_started(struct tug_runtime *runtime);

/* ---- shutdown.c ----------------------------------------------------------------------------- */

/* Tasks that have been made and have not ended. */
uint64_t tug_runtime_alive(struct tug_runtime *runtime);

/* Makes the first `started` worker threads leave and joins them. */
void tug_runtime_stop_workers(struct tug_runtime *runtime, unsigned started);

/* Frees a runtime none of whose threads run. */
void tug_runtime_free(struct tug_runtime *runtime);

#endif
