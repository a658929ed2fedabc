/* SPDX-License-Identifier: MIT */
/*
 * The blocking pool: threads for system calls and functions that block. One queue, one lock; a
 * thread is started only when nobody is idle, ends after `keep_alive` without work, and a failure
 * to start one is tolerated as long as one lives. Threads block all signals.
 *
 * Every thread runs on_thread_start, then jobs, then on_thread_stop.
 */
#ifndef TUG_DRIVER_POOL_H
#define TUG_DRIVER_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tug/op.h>

struct tug_pool;

struct tug_pool_options {
    unsigned max_threads;
    uint64_t keep_alive; /* ns */
    size_t stack_size;
    const char *thread_name;
    bool spin; /* for the next job, where they come one at a time; not with one processor */
    void (*on_thread_start)(void *argument);
    void (*on_thread_stop)(void *argument);
    void *argument;
};

struct tug_pool_metrics {
    uint64_t threads, idle_threads, queue_depth, jobs;
};

/* Makes a pool without threads. 0 or -ENOMEM. */
int tug_pool_create(struct tug_pool **pool, const struct tug_pool_options *options);

/* [any thread] Queues a job, starting a thread if nobody is idle and the limit permits. Returns 0;
 * -ECANCELED: the pool is closed; -EAGAIN: there is no thread and none can be started. The job
 * belongs to the pool until its run() is called. */
int tug_pool_submit(struct tug_pool *pool, struct tug_job *job);

/* [any thread] Takes a job out of the queue if no thread has begun it. Returns whether it did: then
 * run() is never called. */
bool tug_pool_withdraw(struct tug_pool *pool, struct tug_job *job);

/* [any thread] Number of jobs queued or running, for the paused clock. */
uint64_t tug_pool_outstanding(struct tug_pool *pool);

/* [any thread] Whether a job has come since the last call, and the last one came alone: who waits
 * for nothing else may spin for its end. Never without `spin`. */
bool tug_pool_is_new_job_alone(struct tug_pool *pool);

void tug_pool_metrics(struct tug_pool *pool, struct tug_pool_metrics *metrics);

/*
 * Closes the pool: jobs in the queue are run with `dropped` set (on the calling thread), threads
 * end after their current job. Waits until all have ended or the time `deadline` (ns,
 * CLOCK_MONOTONIC; UINT64_MAX: no limit). Returns 0 or -ETIMEDOUT; may be called again.
 */
int tug_pool_shutdown(struct tug_pool *pool, uint64_t deadline);

/*
 * Instead of another shutdown, after one that took too long: the threads end by themselves, and
 * what they need stays. Never blocks for long. The pool cannot be destroyed any more.
 */
void tug_pool_leave_behind(struct tug_pool *pool);

/* Frees a pool that has shut down with 0. */
void tug_pool_destroy(struct tug_pool *pool);

#endif
