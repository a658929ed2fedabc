/* SPDX-License-Identifier: MIT */
/*
 * Runtimes: a scheduler, one driver per worker, timers, and a pool of threads for blocking work.
 *
 * Promise of fairness: if the number of tasks does not grow without bound and no poll of a task
 * takes longer than some bound, then the time from a task's wake to its next poll is bounded.
 */
#ifndef TUG_RUNTIME_H
#define TUG_RUNTIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tug/config.h>
#include <tug/task.h>

TUG_BEGIN_DECLS

enum tug_flavour {
    TUG_MULTI_THREAD,  /* worker threads that steal from each other */
    TUG_CURRENT_THREAD /* everything runs on the thread that calls tug_runtime_block_on() */
};

enum tug_driver_choice {
    TUG_DRIVER_AUTO,  /* $TUG_DRIVER if set, else io_uring if the system has it, else epoll */
    TUG_DRIVER_URING, /* io_uring or an error */
    TUG_DRIVER_EPOLL  /* epoll and the blocking pool */
};

/*
 * The builder: initialise with tug_runtime_options_init(), change what should differ, create.
 * A zero means the default everywhere.
 */
struct tug_runtime_options {
    enum tug_flavour flavour;
    enum tug_driver_choice driver;
    /* Workers of the multi-thread flavour, 1 to 1,024. Default: $TUG_WORKER_THREADS, else the
     * number of usable processors. */
    unsigned worker_threads;
    /* Name of every thread of the runtime, at most 15 bytes. Default "tug-worker"; threads of the
     * blocking pool are called "tug-blocking". */
    const char *thread_name;
    /* Bytes of stack of the worker threads themselves. Default 2 MiB. */
    size_t thread_stack_size;
    /* Bytes of address space per coroutine, 16 KiB to 1 GiB. Default 256 KiB. */
    size_t stack_size;
    /* Threads of the blocking pool, 1 to 65,536. Default 512. */
    unsigned max_blocking_threads;
    /* How long an idle thread of the blocking pool stays, in ns. Default 10 s. */
    uint64_t blocking_keep_alive;
    /* Polls of tasks between two polls of the driver. Default 61. */
    unsigned event_interval;
    /* Polls of tasks between two looks at the global queue. Default 31 (current-thread); the
     * multi-thread flavour tunes itself between 2 and 127, starting at 61, unless this is set. */
    unsigned global_queue_interval;
    /* Entries of each worker's io_uring submission queue, a power of two. Default 256. */
    unsigned ring_entries;
    /* Seed of the random choices (victims of stealing, tug_select). Default: from the system. */
    uint64_t seed;
    /* Start with the clock paused; current-thread flavour only. */
    bool start_paused;
    /* Called on each thread of the runtime when it starts and before it ends, and on each worker
     * before it sleeps and after it woke up. Must not suspend. */
    void (*on_thread_start)(void *argument);
    void (*on_thread_stop)(void *argument);
    void (*on_thread_park)(void *argument);
    void (*on_thread_unpark)(void *argument);
    void *hook_argument;
};

/* Sets all options to their defaults, for the multi-thread flavour. */
TUG_API void tug_runtime_options_init(struct tug_runtime_options *options);

/*
 * Makes a runtime. `options` may be NULL for the defaults. The workers of the multi-thread flavour
 * start at once. On success stores the runtime in `*runtime`.
 * Returns 0; -EINVAL: an option is out of range, or $TUG_DRIVER or $TUG_WORKER_THREADS makes no
 * sense; -ENOMEM; -ENOSYS, -EPERM: io_uring was asked for and the system refuses it; -EAGAIN: a
 * thread could not be started; -EMFILE, -ENFILE.
 */
TUG_API int tug_runtime_create(struct tug_runtime **runtime,
                               const struct tug_runtime_options *options);

/*
 * Runs fn(argument) as a coroutine task of `runtime` and blocks the calling thread until it ends.
 * With the current-thread flavour all tasks of the runtime run on the calling thread meanwhile, and
 * other tasks that have not ended stay for the next call. The first thread to call it becomes the
 * owner of such a runtime: another gets -EPERM; -EBUSY while a call is under way.
 * On success stores what fn returned in `*result` unless that is NULL. Returns 0; -EDEADLK: called
 * from a task; -ENOMEM; -ECANCELED: the runtime is shutting down.
 */
TUG_API int tug_runtime_block_on(struct tug_runtime *runtime, tug_task_fn fn, void *argument,
                                 int64_t *result);

/*
 * Ends the runtime: no new tasks; every task is cancelled and runs until it returns; operations in
 * flight are waited for; blocking jobs that have not started are dropped (-ECANCELED), those that
 * run are waited for; then all threads end and all memory is freed.
 * `timeout`: ns to wait at most, TUG_FOREVER for no limit, 0 to return at once.
 * A current-thread runtime is shut down by its owner: -EPERM elsewhere.
 * Returns 0 when everything has ended. -ETIMEDOUT: something still runs; it goes on ending in the
 * background, and the last thread frees the runtime (with the current-thread flavour, tasks that
 * did not end are lost with their memory). The runtime must not be used again in either case.
 * -EDEADLK: called from a task of the runtime (nothing happened).
 */
TUG_API int tug_runtime_shutdown(struct tug_runtime *runtime, uint64_t timeout);

/*
 * The simple case: makes a multi-thread runtime, runs fn(argument) as its first task, shuts down.
 * Blocks. Returns what fn returned, or what tug_runtime_create() failed with.
 */
TUG_API int64_t tug_run(tug_task_fn fn, void *argument);

/* The runtime of the calling task or blocking job, borrowed, or NULL. */
TUG_API struct tug_runtime *tug_runtime_current(void);

/* The name of the driver in use: "uring" or "epoll". */
TUG_API const char *tug_runtime_driver_name(const struct tug_runtime *runtime);

/* Counters of one worker since it started. */
struct tug_worker_metrics {
    uint64_t polls;            /* polls of tasks */
    uint64_t steals;           /* tasks taken from other workers */
    uint64_t steal_operations; /* times that at least one task was taken */
    uint64_t parks;            /* times it went to sleep */
    uint64_t wakeups;          /* times another thread woke it */
    uint64_t spurious_parks;   /* times it woke up and found nothing to run */
    uint64_t overflows;        /* times its queue was full and half went to the global queue */
    uint64_t lifo_polls;       /* polls of the task in the LIFO slot */
    uint64_t submissions;      /* operations given to the driver */
    uint64_t completions;      /* operations that the driver finished */
    uint64_t driver_polls;     /* times the driver was polled */
    uint64_t budget_exhausted; /* times a task ran out of its coop budget */
    uint64_t yields;           /* times a task gave way */
    uint64_t timers_fired;
    uint64_t busy_time;         /* ns spent awake */
    uint64_t local_queue_depth; /* now */
};

struct tug_runtime_metrics {
    unsigned workers;
    uint64_t alive_tasks;
    uint64_t spawned_tasks;
    uint64_t global_queue_depth;
    uint64_t remote_schedules; /* tasks that came in through the global queue */
    uint64_t blocking_threads;
    uint64_t idle_blocking_threads;
    uint64_t blocking_queue_depth;
    uint64_t stacks_used;        /* stacks of the default size that tasks or workers hold */
    uint64_t stacks_kept;        /* of those in no use, how many are kept resident */
    uint64_t stack_bytes_mapped; /* address space of all of them */
};

/* Read the counters at any time, from any thread; each is exact, together they are not a snapshot.
 * tug_runtime_worker_metrics: -EINVAL if there is no such worker. */
TUG_API void tug_runtime_metrics(struct tug_runtime *runtime, struct tug_runtime_metrics *metrics);
TUG_API int tug_runtime_worker_metrics(struct tug_runtime *runtime, unsigned worker,
                                       struct tug_worker_metrics *metrics);

/* What is told of a task that has not ended; it may have by then. */
struct tug_task_info {
    uint64_t id;      /* tug_task_id() */
    const char *name; /* or NULL; only during the call */
    int worker;       /* the worker that it is pinned to, or TUG_ANY_WORKER */
    uint8_t runnable; /* it runs or is about to; else it waits */
    uint8_t aborted;
    uint8_t blocking; /* a job of tug_spawn_blocking() */
};

/*
 * Tells of each task of the runtime that has not ended, in no order: to see, when a program hangs,
 * who waits. A task that begins or ends meanwhile may be told of or not. `tell` must not suspend.
 * From any thread; of a current-thread runtime, only from a task of it. Does not suspend.
 * Returns how many there were; -EPERM: not from there; -ENOMEM, and nobody was told of.
 */
TUG_API int64_t tug_runtime_tasks(struct tug_runtime *runtime,
                                  void (*tell)(const struct tug_task_info *task, void *argument),
                                  void *argument);

TUG_END_DECLS

#endif
