/* SPDX-License-Identifier: MIT */
/*
 * The multi-thread flavour: worker threads with a ring each, that steal from each other. The
 * protocol is Tokio's (tokio/src/runtime/scheduler/multi_thread/worker.rs); each place where it is
 * easily got wrong names the rule that is kept. What differs:
 *
 *  - Every worker has a driver of its own and sleeps in it, so there is no driver to hand around.
 *  - A task that gave way goes, after the driver's poll, to a list that is not stolen from, unless
 *    some worker wants work: re-queueing then costs no atomic operation. The list and the ring take
 *    turns, so neither starves the other.
 */
#include <limits.h>

#include "driver/driver.h"
#include "runtime/runtime.h"
#include "sys/futex.h"
#include "time/clock.h"

/* A worker looks at the global queue every so many polls that it does so about every 200 us. The
 * figures, and the weight of the moving average, are Tokio's. */
#define TARGET_GLOBAL_QUEUE_TIME 200e3
#define POLL_TIME_WEIGHT 0.1
#define INTERVAL_MIN 2
#define INTERVAL_MAX 127

/* ---- making work available ------------------------------------------------------------------- */

void tug_multi_thread_notify(struct tug_runtime *runtime)
{
    int worker = tug_idle_worker_to_notify(&runtime->idle);
    if (worker >= 0)
        tug_driver_wake(runtime->workers[worker].executor.driver);
}

/* At the end of the ring. While the driver makes wakes in a batch they are announced once, after
 * it. */
static void push_back(struct tug_worker *worker, struct tug_task *task)
{
    if (tug_run_queue_push(&worker->queue, task, &worker->runtime->inject))
        tug_counter_add(&worker->overflows, 1);
    if (!worker->in_driver)
        tug_multi_thread_notify(worker->runtime);
}

void tug_multi_thread_schedule_back(struct tug_worker *worker, struct tug_task *task)
{
    push_back(worker, task);
}

void tug_multi_thread_schedule(struct tug_worker *worker, struct tug_task *task)
{
    /* The slot's new task is not announced: nobody could take it, and it runs here next. The one
     * that it displaces is. */
    struct tug_task *displaced = worker->lifo;
    worker->lifo = task;
    if (displaced != NULL)
        push_back(worker, displaced);
}

/* ---- finding work ---------------------------------------------------------------------------- */

static bool has_local_work(struct tug_worker *worker)
{
    return worker->lifo != NULL || worker->own_length != 0 || worker->deferred_length != 0 ||
           tug_run_queue_length(&worker->queue) != 0 || tug_inject_length(&worker->pinned) != 0;
}

static void take_pinned(struct tug_worker *worker)
{
    size_t waiting = tug_inject_length(&worker->pinned);
    if (__builtin_expect(waiting == 0, 1))
        return;
    struct tug_fifo batch;
    tug_fifo_init(&batch);
    size_t n = tug_inject_pop(&worker->pinned, &batch, waiting);
    tug_fifo_append(&worker->own, &batch);
    __atomic_store_n(&worker->own_length, worker->own_length + (uint32_t)n, __ATOMIC_RELAXED);
}

/* One task from the global queue, and this worker's share of the rest into the ring. */
static struct tug_task *take_global(struct tug_worker *worker)
{
    struct tug_runtime *runtime = worker->runtime;
    size_t length = tug_inject_length(&runtime->inject);
    if (length == 0)
        return NULL;
    size_t share = length / runtime->domain.workers + 1;
    size_t limit = tug_run_queue_room(&worker->queue);
    if (limit > TUG_QUEUE_CAPACITY / 2)
        limit = TUG_QUEUE_CAPACITY / 2;
    if (share > limit + 1)
        share = limit + 1;
    struct tug_fifo batch;
    tug_fifo_init(&batch);
    if (tug_inject_pop(&runtime->inject, &batch, share) == 0)
        return NULL;
    struct tug_task *first = tug_task_of_link(tug_fifo_pop(&batch)), *task;
    while ((task = tug_task_of_link(tug_fifo_pop(&batch))) != NULL)
        tug_run_queue_push(&worker->queue, task, &runtime->inject);
    return first;
}

/* From the ring or the worker's own list, in turns. */
static struct tug_task *take_local(struct tug_worker *worker)
{
    struct tug_task *task = worker->lifo;
    if (task != NULL) {
        worker->lifo = NULL;
        return task;
    }
    worker->own_turn = !worker->own_turn;
    if (worker->own_turn && (task = tug_worker_pop_own(worker)) != NULL)
        return task;
    task = tug_run_queue_pop(&worker->queue);
    return task != NULL ? task : tug_worker_pop_own(worker);
}

static struct tug_task *next_task(struct tug_worker *worker)
{
    struct tug_task *task;
    /* No task starves in the global queue while this worker's own never ends. */
    if (--worker->until_global_queue == 0) {
        worker->until_global_queue = worker->global_queue_interval;
        take_pinned(worker);
        task = take_global(worker);
        return task != NULL ? task : take_local(worker);
    }
    task = take_local(worker);
    if (task != NULL)
        return task;
    take_pinned(worker);
    task = tug_worker_pop_own(worker);
    return task != NULL ? task : take_global(worker);
}

static struct tug_task *steal(struct tug_worker *worker)
{
    struct tug_runtime *runtime = worker->runtime;
    uint32_t workers = runtime->domain.workers;
    if (!worker->searching) {
        if (!tug_idle_start_searching(&runtime->idle))
            return NULL;
        worker->searching = true;
    }
    uint32_t start = tug_random(&worker->random) % workers;
    for (uint32_t i = 0; i < workers; i++) {
        struct tug_worker *victim = &runtime->workers[(start + i) % workers];
        unsigned stolen;
        if (victim == worker)
            continue;
        struct tug_task *task = tug_run_queue_steal(&victim->queue, &worker->queue, &stolen);
        if (task == NULL)
            continue;
        tug_counter_add(&worker->steals, stolen);
        tug_counter_add(&worker->steal_operations, 1);
        return task;
    }
    /* Somebody may have overflowed meanwhile. */
    return take_global(worker);
}

/* ---- running --------------------------------------------------------------------------------- */

/* Before a task from a queue is run. The last searcher that found work wakes the next one: while it
 * searched, nobody else was woken. */
static inline void start_run(struct tug_worker *worker)
{
    if (__builtin_expect(worker->searching, 0)) {
        worker->searching = false;
        if (tug_idle_stop_searching(&worker->runtime->idle))
            tug_multi_thread_notify(worker->runtime);
    }
    worker->executor.budget = TUG_COOP_BUDGET;
    worker->lifo_polls_left = TUG_LIFO_POLLS_MAX;
}

/* The task that the one before has woken, if it may run next. Such tasks live on the rest of its
 * budget, and on a number of polls: so two that wake each other take turns with everybody else.
 * With nobody else there the task stays in the slot, and is the next one found: the ring would let
 * another worker take it, for nothing but a trip of its data from one processor to the other. */
static inline struct tug_task *next_from_lifo(struct tug_worker *worker)
{
    struct tug_task *task = worker->lifo;
    if (task == NULL)
        return NULL;
    if (__builtin_expect(worker->lifo_polls_left == 0 || worker->executor.budget == 0, 0)) {
        if (tug_run_queue_length(&worker->queue) != 0 || worker->own_length != 0) {
            worker->lifo = NULL;
            push_back(worker, task);
        }
        return NULL;
    }
    worker->lifo = NULL;
    worker->lifo_polls_left--;
    tug_counter_add(&worker->lifo_polls, 1);
    return task;
}

/* Between batches of polls: how long did a poll take, so how often to look at the global queue. */
static void end_batch(struct tug_worker *worker)
{
    uint64_t now = tug_clock_now();
    uint64_t polls = worker->executor.counters.polls - worker->batch_polls;
    tug_counter_add(&worker->busy_time, now - worker->batch_start);
    if (polls != 0 && worker->runtime->options.global_queue_interval == 0) {
        /* As if each poll of the batch had been averaged in, one by one. */
        double mean = (double)(now - worker->batch_start) / (double)polls;
        double keep = 1.0;
        for (uint64_t i = 0; i < polls && keep > 1e-3; i++)
            keep *= 1.0 - POLL_TIME_WEIGHT;
        worker->mean_poll_time = keep * worker->mean_poll_time + (1.0 - keep) * mean;
        double interval = TARGET_GLOBAL_QUEUE_TIME / (worker->mean_poll_time + 1e-9);
        worker->global_queue_interval = interval < INTERVAL_MIN   ? INTERVAL_MIN
                                        : interval > INTERVAL_MAX ? INTERVAL_MAX
                                                                  : (uint32_t)interval;
    }
    worker->batch_start = now;
    worker->batch_polls = worker->executor.counters.polls;
}

/* Puts tasks that nobody can steal where a worker that wants work finds them. */
static void share(struct tug_worker *worker)
{
    struct tug_fifo keep;
    uint32_t kept = 0;
    struct tug_task *task;
    tug_fifo_init(&keep);
    while ((task = tug_worker_pop_own(worker)) != NULL) {
        if (task->worker >= 0) {
            tug_fifo_push(&keep, &task->link);
            kept++;
        } else if (tug_run_queue_push(&worker->queue, task, &worker->runtime->inject)) {
            tug_counter_add(&worker->overflows, 1);
        }
    }
    tug_fifo_append(&worker->own, &keep);
    __atomic_store_n(&worker->own_length, kept, __ATOMIC_RELAXED);
}

/* The driver's turn, and after it that of the tasks that gave way to it. */
static void turn(struct tug_worker *worker)
{
    struct tug_runtime *runtime = worker->runtime;
    tug_worker_turn(worker);
    take_pinned(worker);
    tug_worker_adopt_deferred(worker);
    if (!tug_idle_wants_work(&runtime->idle))
        return;
    if (worker->own_length > 1)
        share(worker);
    if (tug_run_queue_length(&worker->queue) > 0)
        tug_multi_thread_notify(runtime);
}

/* ---- sleeping -------------------------------------------------------------------------------- */

/* Rule 4 of idle.h. */
static void notify_if_work_pending(struct tug_runtime *runtime)
{
    /* The caller has left the count of searchers; the looks below must not pass that. */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    for (uint32_t i = 0; i < runtime->domain.workers; i++) {
        if (tug_run_queue_length(&runtime->workers[i].queue) != 0) {
            tug_multi_thread_notify(runtime);
            return;
        }
    }
    if (tug_inject_length(&runtime->inject) != 0)
        tug_multi_thread_notify(runtime);
}

/* After a sleep: whether to get up. Who has work of its own leaves the sleepers by itself; who has
 * been chosen by another thread was taken off them, and counts as a searcher already. */
static bool get_up(struct tug_worker *worker)
{
    struct tug_idle *idle = &worker->runtime->idle;
    uint32_t index = (uint32_t)worker->executor.index;
    if (has_local_work(worker)) {
        worker->searching = !tug_idle_wake_up(idle, index);
        return true;
    }
    if (tug_idle_is_sleeping(idle, index))
        return false;
    worker->searching = true;
    return true;
}

static void park(struct tug_worker *worker)
{
    struct tug_runtime *runtime = worker->runtime;
    struct tug_driver *driver = worker->executor.driver;
    end_batch(worker);
    bool last = tug_idle_sleep(&runtime->idle, (uint32_t)worker->executor.index, worker->searching);
    worker->searching = false;
    if (last)
        notify_if_work_pending(runtime);
    for (;;) {
        /* What others put into this worker's box, or the flag to stop, they announce with a wake of
         * the driver: either it is seen here or the sleep does not begin. */
        bool stay = tug_driver_prepare_park(driver);
        if (stay && (has_local_work(worker) || __atomic_load_n(&runtime->stop, __ATOMIC_ACQUIRE))) {
            tug_driver_cancel_park(driver);
            stay = false;
        }
        if (stay)
            tug_worker_sleep(worker, UINT64_MAX);
        else
            tug_worker_turn(worker);
        take_pinned(worker);
        if (get_up(worker))
            break;
        if (__atomic_load_n(&runtime->stop, __ATOMIC_ACQUIRE)) {
            tug_idle_wake_up(&runtime->idle, (uint32_t)worker->executor.index);
            break;
        }
        if (stay)
            tug_counter_add(&worker->spurious_parks, 1);
    }
    /* One announcement for all that the driver has woken. */
    if (tug_run_queue_length(&worker->queue) > 1 ||
        (worker->lifo != NULL && tug_run_queue_length(&worker->queue) > 0))
        tug_multi_thread_notify(runtime);
    worker->batch_start = tug_clock_now();
    worker->batch_polls = worker->executor.counters.polls;
}

/* ---- the loop -------------------------------------------------------------------------------- */

/* A task to run next, or NULL when there may be one now that there was none before. */
static struct tug_task *find_task(struct tug_worker *worker)
{
    struct tug_task *task = next_task(worker);
    if (task != NULL)
        return task;
    if (worker->deferred_length != 0) {
        worker->until_turn = worker->runtime->options.event_interval;
        turn(worker);
        return NULL;
    }
    task = steal(worker);
    if (task != NULL)
        return task;
    worker->until_turn = worker->runtime->options.event_interval;
    park(worker);
    return NULL;
}

/*
 * There is one switch to coroutines in this loop, and no call around it that is not inline: the
 * processor predicts a return by the call that came before it, and a coroutine in between upsets
 * that. One function around the switch costs 17 ns per poll.
 */
static void run_worker(struct tug_worker *worker)
{
    struct tug_runtime *runtime = worker->runtime;
    worker->until_turn = runtime->options.event_interval;
    worker->batch_start = tug_clock_now();
    while (!__atomic_load_n(&runtime->stop, __ATOMIC_RELAXED)) {
        /* The driver has its turn however busy the tasks are. */
        if (--worker->until_turn == 0) {
            worker->until_turn = runtime->options.event_interval;
            end_batch(worker);
            turn(worker);
        }
        struct tug_task *task = next_from_lifo(worker);
        if (task == NULL) {
            task = find_task(worker);
            if (task == NULL)
                continue;
            start_run(worker);
        }
        tug_worker_run(worker, task);
    }
}

/* Nobody closes a driver that another worker, still in its loop, might wake. */
static void wait_for_all_to_leave(struct tug_runtime *runtime)
{
    __atomic_fetch_add(&runtime->left, 1, __ATOMIC_ACQ_REL);
    tug_futex_wake(&runtime->left, INT_MAX);
    for (;;) {
        uint32_t left = __atomic_load_n(&runtime->left, __ATOMIC_ACQUIRE);
        if (__atomic_load_n(&runtime->stop, __ATOMIC_ACQUIRE) && left >= runtime->threads)
            return;
        tug_futex_wait(&runtime->left, left, UINT64_MAX);
    }
}

void tug_multi_thread_main(void *argument)
{
    struct tug_worker *worker = argument;
    struct tug_runtime *runtime = worker->runtime;
    const struct tug_runtime_options *options = &runtime->options;
    tug_executor_set_current(&worker->executor);
    worker->start_error = tug_worker_open(worker);
    bool opened = worker->start_error == 0;
    if (opened && options->on_thread_start != NULL)
        options->on_thread_start(options->hook_argument);
    tug_runtime_worker_started(runtime);
    if (opened)
        run_worker(worker);
    wait_for_all_to_leave(runtime);
    tug_worker_close(worker);
    if (opened && options->on_thread_stop != NULL)
        options->on_thread_stop(options->hook_argument);
    tug_executor_set_current(NULL);
}
