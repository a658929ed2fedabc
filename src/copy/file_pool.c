/* SPDX-License-Identifier: MIT */
/*
 * The pool's side: the queue, the workers, and the end.
 */
#include "file_pool.h"

#include <errno.h>
#include <stdlib.h>

#include <tug/future.h>
#include <tug/time.h>

#define WORKERS_DEFAULT 4
#define WORKERS_MAX 1024
#define QUEUE_DEFAULT 64
#define QUEUE_MAX 1000000

/* ---- the queue --------------------------------------------------------------------------------
 */

static void append(struct tug_file_request_list *list, struct tug_file_request *request)
{
    request->next = NULL;
    request->previous = list->last;
    *(list->last != NULL ? &list->last->next : &list->first) = request;
    list->last = request;
}

static void unlink_request(struct tug_file_request_list *list, struct tug_file_request *request)
{
    *(request->previous != NULL ? &request->previous->next : &list->first) = request->next;
    *(request->next != NULL ? &request->next->previous : &list->last) = request->previous;
}

/* False: the pool is closed. */
static bool put(struct tug_file_pool *pool, struct tug_file_request *request)
{
    pthread_mutex_lock(&pool->lock);
    bool open = !pool->closed;
    if (open) {
        request->pool = pool;
        request->queued = true;
        append(&pool->waiting, request);
        pool->report.waiting++;
        pool->references++;
    }
    pthread_mutex_unlock(&pool->lock);
    return open;
}

struct tug_file_request *tug_file_pool_take(struct tug_file_pool *pool,
                                            struct tug_file_request *wanted)
{
    pthread_mutex_lock(&pool->lock);
    struct tug_file_request *request = wanted;
    if (wanted == NULL)
        request = pool->waiting.first;
    else if (!wanted->queued)
        request = NULL;
    if (request != NULL) {
        unlink_request(&pool->waiting, request);
        request->queued = false;
        pool->report.waiting--;
        if (wanted == NULL) {
            append(&pool->running, request);
            pool->report.running++;
        }
    }
    pthread_mutex_unlock(&pool->lock);
    if (request != NULL)
        tug_semaphore_release(&pool->room, 1);
    return request;
}

static int submit(struct tug_file_pool *pool, struct tug_file_request *request)
{
    if (!put(pool, request))
        return -EPIPE;
    tug_semaphore_release(&pool->filled, 1);
    return 0;
}

int tug_file_pool_submit(struct tug_file_pool *pool, struct tug_file_request *request)
{
    int error = tug_semaphore_acquire(&pool->room, 1);
    return error != 0 ? error : submit(pool, request);
}

int tug_file_pool_try_submit(struct tug_file_pool *pool, struct tug_file_request *request)
{
    int error = tug_semaphore_try_acquire(&pool->room, 1);
    return error != 0 ? error : submit(pool, request);
}

/* ---- the workers ------------------------------------------------------------------------------
 */

void tug_file_pool_answer(struct tug_file_pool *pool, struct tug_file_request *request,
                          int64_t result, bool was_running)
{
    pthread_mutex_lock(&pool->lock);
    if (was_running) {
        unlink_request(&pool->running, request);
        pool->report.running--;
    }
    if (result >= 0)
        pool->report.succeeded++;
    else if (result == -ECANCELED)
        pool->report.cancelled++;
    else
        pool->report.failed++;
    pthread_mutex_unlock(&pool->lock);
    tug_oneshot_send(&request->reply, result);
}

/* A worker that was aborted, because the time is up, tells of what it cancels by that. */
static void tell_if_late(struct tug_file_pool *pool, struct tug_file_request *request)
{
    if (tug_cancelled() == 0)
        return;
    pthread_mutex_lock(&pool->lock); /* not two at a time */
    if (pool->end != NULL && pool->end->late != NULL)
        pool->end->late(request, false, pool->end->argument);
    pthread_mutex_unlock(&pool->lock);
}

static void serve(struct tug_file_pool *pool, struct tug_file_request *request)
{
    struct tug_scope scope;
    tug_scope_begin(&scope, TUG_FOREVER, &request->stop);
    int64_t result = tug_cancelled();
    if (result == 0)
        result = tug_file_request_carry_out(request);
    result = tug_scope_end(&scope, result);
    if (result == -ECANCELED)
        tell_if_late(pool, request);
    tug_file_pool_answer(pool, request, result, true);
}

static int64_t work(void *argument)
{
    struct tug_file_pool *pool = argument;
    int error;
    do {
        error = tug_semaphore_acquire(&pool->filled, 1);
        struct tug_file_request *request = tug_file_pool_take(pool, NULL);
        if (request != NULL) {
            serve(pool, request);
            error = 0;
        }
    } while (error == 0);
    tug_file_pool_release(pool);
    return 0;
}

/* ---- beginning and end ------------------------------------------------------------------------
 */

static void close_pool(struct tug_file_pool *pool, const struct tug_file_pool_end *end)
{
    pthread_mutex_lock(&pool->lock);
    pool->closed = true;
    pool->end = end;
    pthread_mutex_unlock(&pool->lock);
    tug_semaphore_close(&pool->room);
    tug_semaphore_close(&pool->filled);
}

void tug_file_pool_release(struct tug_file_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    bool last = --pool->references == 0;
    pthread_mutex_unlock(&pool->lock);
    if (!last)
        return;
    tug_tracker_release(pool->workers);
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}

/* What waits, waits as a coroutine. */
static bool is_coroutine(void)
{
    return tug_join_all(NULL, 0) != -EPERM;
}

static int start_workers(struct tug_file_pool *pool, unsigned count)
{
    int error = tug_tracker_create(&pool->workers);
    for (unsigned i = 0; i < count && error == 0; i++) {
        pthread_mutex_lock(&pool->lock);
        pool->references++;
        pthread_mutex_unlock(&pool->lock);
        error = tug_tracker_spawn(pool->workers, "file worker", work, pool);
        if (error != 0)
            tug_file_pool_release(pool); /* not the last one */
    }
    return error;
}

int tug_file_pool_create(struct tug_file_pool **result, const struct tug_file_pool_options *options)
{
    unsigned workers =
        options != NULL && options->workers != 0 ? options->workers : WORKERS_DEFAULT;
    unsigned queue = options != NULL && options->queue != 0 ? options->queue : QUEUE_DEFAULT;
    if (workers > WORKERS_MAX || queue > QUEUE_MAX)
        return -EINVAL;
    if (!is_coroutine())
        return -EPERM;
    struct tug_file_pool *pool = calloc(1, sizeof *pool);
    if (pool == NULL)
        return -ENOMEM;
    pool->references = 1;
    tug_semaphore_init(&pool->room, queue);
    tug_semaphore_init(&pool->filled, 0);
    int error = -pthread_mutex_init(&pool->lock, NULL);
    if (error != 0) {
        free(pool);
        return error;
    }
    error = start_workers(pool, workers);
    if (error != 0) {
        close_pool(pool, NULL);
        tug_file_pool_release(pool);
        return error;
    }
    *result = pool;
    return 0;
}

void tug_file_pool_read(struct tug_file_pool *pool, struct tug_file_pool_report *report)
{
    pthread_mutex_lock(&pool->lock);
    *report = pool->report;
    pthread_mutex_unlock(&pool->lock);
}

static void tell_of_stuck(const struct tug_file_request_list *list,
                          const struct tug_file_pool_end *end)
{
    if (end == NULL || end->late == NULL)
        return;
    for (struct tug_file_request *request = list->first; request != NULL; request = request->next)
        end->late(request, true, end->argument);
}

int tug_file_pool_shutdown(struct tug_file_pool *pool, const struct tug_file_pool_end *end,
                           struct tug_file_pool_report *report)
{
    if (!is_coroutine())
        return -EPERM;
    struct tug_tracker_shutdown shutdown = TUG_TRACKER_SHUTDOWN_INIT;
    if (end != NULL && end->grace != 0)
        shutdown.drain = end->grace;
    if (end != NULL && end->abort != 0)
        shutdown.abort = end->abort;
    close_pool(pool, end);
    /* When the time is up the workers are aborted: they answer all that is left. */
    int outcome = tug_tracker_shutdown(pool->workers, &shutdown);
    pthread_mutex_lock(&pool->lock);
    pool->end = NULL; /* who comes to an end later tells nobody */
    tell_of_stuck(&pool->running, end);
    tell_of_stuck(&pool->waiting, end);
    pthread_mutex_unlock(&pool->lock);
    if (report != NULL)
        tug_file_pool_read(pool, report);
    return outcome;
}

void tug_file_pool_destroy(struct tug_file_pool *pool)
{
    if (pool != NULL)
        tug_file_pool_release(pool);
}
