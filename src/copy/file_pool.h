/* SPDX-License-Identifier: MIT */
/*
 * Inside of a pool for operations on files.
 *
 * Two semaphores and two lists. `room` has a permit for each place in the queue that is free,
 * `filled` one for each request that was put in; so those who submit, and the workers, wait in
 * order. The lists, the counters and `closed` are under the lock, which is held for a few
 * instructions.
 *
 *  - A request is in the list, with a worker, or answered. Who takes it out of the list answers it:
 *    a worker, or tug_file_request_cancel(), which leaves a permit of `filled` without a request
 *    behind; a worker that finds nothing waits again.
 *  - The answer is the last that is done to a request: then it is its owner's again.
 *  - The pool's memory goes with its last reference: its owner has one until it destroys the pool,
 *    each worker one, since the shutdown may give up on it, and each request one from its
 * submission until it was waited for, since who waits may have to cancel.
 *  - Once `closed` is set nothing is put in, and a worker ends when the list is empty.
 */
#ifndef TUG_COPY_FILE_POOL_H
#define TUG_COPY_FILE_POOL_H

#include <pthread.h>

#include <tug/file_pool.h>
#include <tug/semaphore.h>
#include <tug/tracker.h>

struct tug_file_request_list {
    struct tug_file_request *first, *last;
};

struct tug_file_pool {
    struct tug_semaphore room, filled;
    struct tug_tracker *workers;
    pthread_mutex_t lock;
    struct tug_file_request_list waiting, running;
    size_t references;
    struct tug_file_pool_report report;
    const struct tug_file_pool_end *end;
    bool closed;
};

void tug_file_pool_release(struct tug_file_pool *pool);

/* Takes the first request, or this one, if it still waits. NULL: there is none, or it does not. */
struct tug_file_request *tug_file_pool_take(struct tug_file_pool *pool,
                                            struct tug_file_request *wanted);

/* Counts the result and answers. `was_running`: a worker had it. */
void tug_file_pool_answer(struct tug_file_pool *pool, struct tug_file_request *request,
                          int64_t result, bool was_running);

/* Carries a request out. Suspends. */
int64_t tug_file_request_carry_out(struct tug_file_request *request);

#endif
