/* SPDX-License-Identifier: MIT */
/*
 * The lock guards the stack, the counts, the level and the places. A worker that finds the stack
 * empty is no longer counted when it lets go of the lock, so a job pushed after that starts
 * another.
 *
 * Who waits for the crew joins the task of every place until no place has one. That is complete: a
 * task is started by a worker, whose own task has not ended then and is joined, too.
 */
#include "crew.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>

#include <tug/blocking.h>
#include <tug/cancel.h>
#include <tug/runtime.h>
#include <tug/task.h>

#include "attempt.h"
#include "processors.h"

/* More than this many operations in flight have not been seen to help. */
#define MOST_ADAPTIVE 256

/* Descriptors that a worker may need at once, and those that others should find. */
#define WORKER_DESCRIPTORS 4
#define OTHER_DESCRIPTORS 256

/* How many workers an adaptive crew may have. */
static unsigned adaptive_limit(unsigned processors)
{
    struct rlimit descriptors;
    uint64_t limit = MOST_ADAPTIVE;
    if (getrlimit(RLIMIT_NOFILE, &descriptors) == 0) {
        uint64_t usable = descriptors.rlim_cur > OTHER_DESCRIPTORS
                              ? (descriptors.rlim_cur - OTHER_DESCRIPTORS) / WORKER_DESCRIPTORS
                              : 0;
        if (usable < limit)
            limit = usable;
    }
    return limit > processors ? (unsigned)limit : processors;
}

int tug_crew_create(struct tug_crew **result, unsigned jobs)
{
    unsigned processors = tug_copy_processors();
    struct tug_runtime *runtime = tug_task_current() != NULL ? tug_runtime_current() : NULL;
    unsigned limit = jobs > 0 ? jobs : adaptive_limit(processors);
    if (runtime == NULL)
        limit = 1;
    struct tug_crew *crew = calloc(1, sizeof(*crew) + limit * sizeof(crew->places[0]));
    if (crew == NULL)
        return -ENOMEM;
    int error = pthread_mutex_init(&crew->lock, NULL);
    if (error != 0) {
        free(crew);
        return -error;
    }
    crew->runtime = runtime;
    crew->limit = crew->level = crew->place_count = limit;
    crew->processors = processors;
    crew->adaptive = jobs == 0 && limit > processors;
    if (crew->adaptive) {
        crew->level = processors;
        tug_controller_init(&crew->meter.controller, processors, limit);
    }
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

unsigned char *tug_crew_large_buffer(struct tug_crew_worker *worker, size_t size)
{
    if (worker->buffer_size >= size)
        return worker->buffer;
    /* A page more than asked for: who reads one byte beyond the expected end may do so here. */
    free(worker->buffer);
    worker->buffer = aligned_alloc(4096, size + 4096);
    worker->buffer_size = worker->buffer != NULL ? size : 0;
    return worker->buffer;
}

unsigned char *tug_crew_buffer(struct tug_crew_worker *worker)
{
    return tug_crew_large_buffer(worker, TUG_CREW_BUFFER_SIZE);
}

/* Under the lock, after the stack, the level or a count has changed. */
static void update_hints(struct tug_crew *crew)
{
    bool hungry = crew->top == NULL && crew->active < crew->level;
    bool crowded = crew->active > crew->level;
    if (tug_crew_hungry(crew) != hungry)
        __atomic_store_n(&crew->hungry, hungry, __ATOMIC_RELAXED);
    if (tug_crew_crowded(crew) != crowded)
        __atomic_store_n(&crew->crowded, crowded, __ATOMIC_RELAXED);
}

/* Others read it without the lock. */
static void change_level(struct tug_crew *crew, unsigned level)
{
    __atomic_store_n(&crew->level, level < crew->limit ? level : crew->limit, __ATOMIC_RELAXED);
}

/* ---- Starting workers, under the lock ---- */

static int64_t work(void *argument);

/* Takes a place for a new worker. NULL: there is none; a worker that has ended may still be in its
 * place because whoever started it has not stored the handle yet. */
static struct tug_crew_worker *take_place(struct tug_crew *crew)
{
    for (unsigned i = 0; crew->active < crew->level && i < crew->place_count; i++) {
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
        if (crew->active > crew->most_active)
            crew->most_active = crew->active;
        return 0;
    }
    /* Those that run are enough: whoever called is one of them, unless it is the first start. */
    worker->state = TUG_CREW_ENDED;
    crew->active--;
    crew->limit = crew->active > 0 ? crew->active : 1;
    change_level(crew, crew->limit);
    return error;
}

/* Starts at most so many workers for jobs that wait. */
static void start_for_waiting(struct tug_crew *crew, unsigned most)
{
    struct tug_crew_worker *worker;
    for (unsigned i = 0; i < most && i < crew->waiting && (worker = take_place(crew)) != NULL; i++)
        if (start(worker) != 0)
            return;
}

/* ---- A worker ---- */

/* Under the lock. */
static struct tug_crew_job *pop(struct tug_crew *crew)
{
    struct tug_crew_job *job = crew->top;
    if (job != NULL) {
        crew->top = job->next;
        crew->waiting--;
    }
    return job;
}

/* Under the lock. */
static void end_worker(struct tug_crew_worker *worker)
{
    tug_crew_meter_leave(worker);
    worker->crew->active--;
    worker->state = TUG_CREW_ENDED;
}

/* Under the lock. A worker that has done its part ends, and another takes what waits; it may have
 * the same place. False: none could be started, and the worker goes on. */
static bool retire(struct tug_crew_worker *worker)
{
    struct tug_crew *crew = worker->crew;
    worker->retires = false;
    end_worker(worker);
    start_for_waiting(crew, 1);
    if (crew->active > 0 || crew->waiting == 0)
        return true;
    worker->state = TUG_CREW_ACTIVE;
    crew->active = 1;
    crew->part_end = UINT64_MAX;
    return false;
}

/* Under the lock. NULL: the worker has ended. When there are few workers each is started by who
 * pushes; when there are many they start each other, too. */
static struct tug_crew_job *pop_or_end(struct tug_crew_worker *worker)
{
    struct tug_crew *crew = worker->crew;
    if (worker->retires && retire(worker))
        return NULL;
    struct tug_crew_job *job = crew->active > crew->level ? NULL : pop(crew);
    if (job == NULL)
        end_worker(worker);
    else if (tug_crew_is_wide(crew))
        start_for_waiting(crew, 1);
    return job;
}

static struct tug_crew_job *next_job(struct tug_crew_worker *worker)
{
    struct tug_crew *crew = worker->crew;
    pthread_mutex_lock(&crew->lock);
    struct tug_crew_job *job = pop_or_end(worker);
    update_hints(crew);
    pthread_mutex_unlock(&crew->lock);
    return job;
}

static int64_t work(void *argument)
{
    struct tug_crew_worker *worker = argument;
    struct tug_crew_job *job;
    worker->is_caller = worker->crew->take_part && tug_worker_index() >= 0;
    worker->retires = false;
    worker->next_turn = tug_crew_now() + TUG_CREW_TURN_PERIOD;
    tug_crew_meter_enter(worker);
    while ((job = next_job(worker)) != NULL) {
        job->run(job, worker);
        if (worker->crew->adaptive)
            tug_crew_tick(worker, tug_crew_now(), 0, 0);
    }
    return 0;
}

void tug_crew_push(struct tug_crew *crew, struct tug_crew_job *job, bool wake)
{
    pthread_mutex_lock(&crew->lock);
    job->next = crew->top;
    crew->top = job;
    crew->waiting++;
    if (wake && crew->active > 0) {
        struct tug_crew_worker *worker = take_place(crew);
        if (worker != NULL)
            start(worker);
    }
    update_hints(crew);
    pthread_mutex_unlock(&crew->lock);
}

void tug_crew_set_level(struct tug_crew *crew, unsigned level)
{
    /* Few at once, with the lock; they start others. */
    pthread_mutex_lock(&crew->lock);
    change_level(crew, level);
    start_for_waiting(crew, 4);
    update_hints(crew);
    pthread_mutex_unlock(&crew->lock);
}

unsigned tug_crew_active(struct tug_crew *crew)
{
    pthread_mutex_lock(&crew->lock);
    unsigned active = crew->active;
    pthread_mutex_unlock(&crew->lock);
    return active;
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

void tug_crew_take_part(struct tug_crew *crew)
{
    struct tug_runtime_metrics metrics = {0};
    if (crew->runtime != NULL)
        tug_runtime_metrics(crew->runtime, &metrics);
    crew->take_part = metrics.workers == 1;
    crew->part_end = tug_crew_now() + TUG_CREW_PART;
}

static void notice_reason(struct tug_crew *crew, int reason)
{
    if (reason == 0 || crew->reason != 0)
        return;
    crew->reason = reason;
    tug_crew_stop(crew);
}

void tug_crew_breathe(struct tug_crew *crew)
{
    if (!crew->take_part || tug_worker_index() < 0)
        return;
    /* It is kept per thread, and another copy of this thread may have its turn. */
    struct tug_attempt attempt = tug_attempt_now();
    notice_reason(crew, tug_yield());
    tug_attempt_end(attempt);
}

/* Works as the first worker, whose place was taken. Returns 0, or why the scope was cancelled. */
static int take_part(struct tug_crew *crew, struct tug_crew_worker *first)
{
    pthread_mutex_lock(&crew->lock);
    first->state = TUG_CREW_ACTIVE;
    if (crew->active > crew->most_active)
        crew->most_active = crew->active;
    pthread_mutex_unlock(&crew->lock);
    crew->reason = 0;
    notice_reason(crew, tug_cancelled());
    work(first);
    return crew->reason;
}

/* Runs what is left when the pool has dropped the workers, or none could be started. */
static void drain(struct tug_crew *crew)
{
    crew->active = crew->limit = 1;
    change_level(crew, 1);
    crew->places[0].state = TUG_CREW_ACTIVE;
    if (crew->most_active == 0)
        crew->most_active = 1;
    work(&crew->places[0]);
}

int tug_crew_run(struct tug_crew *crew)
{
    if (crew->runtime == NULL) {
        drain(crew);
        return 0;
    }
    tug_crew_meter_restart(crew);
    if (crew->take_part && tug_crew_now() >= crew->part_end)
        crew->take_part = false;
    pthread_mutex_lock(&crew->lock);
    struct tug_crew_worker *first = take_place(crew);
    int error = crew->take_part ? 0 : start(first);
    pthread_mutex_unlock(&crew->lock);
    int reason = crew->take_part ? take_part(crew, first) : 0;
    if (error == 0)
        error = join_workers(crew);
    if (error == 0)
        error = reason;
    if (crew->top != NULL) {
        if (error == 0)
            error = -ECANCELED;
        tug_crew_stop(crew);
        drain(crew);
    }
    return error;
}
