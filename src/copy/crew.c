/* SPDX-License-Identifier: MIT */
/*
 * The lock guards the stack, the counts and the places. A worker that finds the stack empty is no
 * longer counted when it lets go of the lock, so a job pushed after that starts another.
 *
 * Who waits for the crew joins the task of every place until no place has one. That is complete: a
 * task is started by a worker, whose own task has not ended then and is joined, too.
 */
#include "crew.h"

#include <errno.h>
#include <stdlib.h>

#include <tug/blocking.h>
#include <tug/cancel.h>
#include <tug/runtime.h>
#include <tug/task.h>

int tug_crew_create(struct tug_crew **result, unsigned limit)
{
    struct tug_crew *crew = calloc(1, sizeof(*crew) + limit * sizeof(crew->places[0]));
    if (crew == NULL)
        return -ENOMEM;
    int error = pthread_mutex_init(&crew->lock, NULL);
    if (error != 0) {
        free(crew);
        return -error;
    }
    if (tug_task_current() != NULL)
        crew->runtime = tug_runtime_current();
    crew->limit = crew->runtime != NULL ? limit : 1;
    crew->place_count = limit;
    for (unsigned i = 0; i < limit; i++)
        crew->places[i].crew = crew;
    *result = crew;
    return 0;
}

void tug_crew_destroy(struct tug_crew *crew)
{
    for (unsigned i = 0; i < crew->place_count; i++) {
        free(crew->places[i].buffer);
        free(crew->places[i].spare_batch);
    }
    pthread_mutex_destroy(&crew->lock);
    free(crew);
}

unsigned char *tug_crew_buffer(struct tug_crew_worker *worker)
{
    /* A page more than asked for: who reads one byte beyond the expected end may do so here. */
    if (worker->buffer == NULL)
        worker->buffer = aligned_alloc(4096, TUG_CREW_BUFFER_SIZE + 4096);
    return worker->buffer;
}

/* Under the lock, after the stack or a count has changed. */
static void update_hungry(struct tug_crew *crew)
{
    bool hungry = crew->top == NULL && crew->active < crew->limit;
    if (tug_crew_hungry(crew) != hungry)
        __atomic_store_n(&crew->hungry, hungry, __ATOMIC_RELAXED);
}

/* ---- A worker ---- */

static struct tug_crew_job *next_job(struct tug_crew_worker *worker)
{
    struct tug_crew *crew = worker->crew;
    pthread_mutex_lock(&crew->lock);
    struct tug_crew_job *job = crew->top;
    if (job != NULL) {
        crew->top = job->next;
    } else {
        crew->active--;
        worker->state = TUG_CREW_ENDED;
    }
    update_hungry(crew);
    pthread_mutex_unlock(&crew->lock);
    return job;
}

static int64_t work(void *argument)
{
    struct tug_crew_worker *worker = argument;
    struct tug_crew_job *job;
    while ((job = next_job(worker)) != NULL)
        job->run(job, worker);
    return 0;
}

/* Takes a place for a new worker, under the lock. NULL: there is none; a worker that has ended may
 * still be in its place because whoever started it has not stored the handle yet. */
static struct tug_crew_worker *take_place(struct tug_crew *crew)
{
    for (unsigned i = 0; crew->active < crew->limit && i < crew->place_count; i++) {
        struct tug_crew_worker *worker = &crew->places[i];
        if (worker->state != TUG_CREW_ENDED)
            continue;
        worker->state = TUG_CREW_STARTING;
        crew->active++;
        return worker;
    }
    return NULL;
}

/* Starts a task in a place. The task of its last worker has ended, or is about to. */
static int start(struct tug_crew_worker *worker)
{
    struct tug_crew *crew = worker->crew;
    struct tug_task *task = NULL;
    /* With the lock, so that the handle is in its place before the worker can leave it. */
    int error = tug_spawn_blocking(&task, crew->runtime, work, worker);
    if (error == 0) {
        if (worker->handle != NULL)
            tug_task_detach(worker->handle);
        worker->handle = task;
        worker->state = TUG_CREW_ACTIVE;
        return 0;
    }
    /* Those that run are enough: whoever called is one of them, unless it is the first start. */
    worker->state = TUG_CREW_ENDED;
    crew->active--;
    crew->limit = crew->active > 0 ? crew->active : 1;
    return error;
}

void tug_crew_push(struct tug_crew *crew, struct tug_crew_job *job, bool wake)
{
    pthread_mutex_lock(&crew->lock);
    job->next = crew->top;
    crew->top = job;
    if (wake && crew->active > 0) {
        struct tug_crew_worker *worker = take_place(crew);
        if (worker != NULL)
            start(worker);
    }
    update_hungry(crew);
    pthread_mutex_unlock(&crew->lock);
}

/* ---- Whoever waits ---- */

static struct tug_task *take_handle(struct tug_crew *crew)
{
    struct tug_task *handle = NULL;
    pthread_mutex_lock(&crew->lock);
    for (unsigned i = 0; handle == NULL && i < crew->place_count; i++) {
        handle = crew->places[i].handle;
        crew->places[i].handle = NULL;
    }
    pthread_mutex_unlock(&crew->lock);
    return handle;
}

void tug_crew_stop(struct tug_crew *crew)
{
    __atomic_store_n(&crew->stop, 1, __ATOMIC_RELAXED);
}

/* Waits for all workers. Once the scope is cancelled the rest of the wait is shielded. */
static int join_workers(struct tug_crew *crew)
{
    int reason = 0;
    struct tug_scope shield;
    struct tug_task *handle;
    while ((handle = take_handle(crew)) != NULL) {
        int error;
        while ((error = tug_join(handle, NULL)) < 0) {
            if (reason != 0) {
                /* Cannot be: a shield hides all outer scopes. Never wait in a busy loop. */
                tug_task_detach(handle);
                break;
            }
            reason = error;
            tug_crew_stop(crew);
            tug_shield_begin(&shield);
        }
    }
    if (reason != 0)
        tug_scope_end(&shield, 0);
    return reason;
}

/* Runs what is left when the pool has dropped the workers, or none could be started. */
static void drain(struct tug_crew *crew)
{
    crew->active = 1;
    crew->limit = 1;
    crew->places[0].state = TUG_CREW_ACTIVE;
    work(&crew->places[0]);
}

int tug_crew_run(struct tug_crew *crew)
{
    if (crew->runtime == NULL) {
        drain(crew);
        return 0;
    }
    pthread_mutex_lock(&crew->lock);
    struct tug_crew_worker *first = take_place(crew);
    int error = start(first);
    pthread_mutex_unlock(&crew->lock);
    if (error == 0)
        error = join_workers(crew);
    if (crew->top != NULL) {
        if (error == 0)
            error = -ECANCELED;
        tug_crew_stop(crew);
        drain(crew);
    }
    return error;
}
