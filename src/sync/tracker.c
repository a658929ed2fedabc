/* SPDX-License-Identifier: MIT */
/*
 * The tasks of a service. Each is a `struct tracked` in the tracker's list, which holds the task's
 * handle and a reference to the tracker; the task itself takes it out when its function has
 * returned. List, count and `closed` are guarded by the lock. `ended` is cancelled, once, when the
 * tracker is closed and the list is empty, which it then stays.
 */
#include <tug/tracker.h>

#include <errno.h>
#include <stdbool.h>

#include <tug/runtime.h>

#include "sys/call.h"
#include "sys/list.h"
#include "sys/mutex.h"
#include "task/coroutine.h"

struct tug_tracker {
    struct tug_sys_mutex lock;
    uint32_t references; /* atomic */
    struct tug_list tasks;
    size_t alive; /* read without the lock */
    bool closed;
    struct tug_token stop, ended;
    struct tug_runtime *runtime;
};

struct tracked {
    struct tug_list_node node;
    struct tug_tracker *tracker;
    struct tug_task *task;
    tug_task_fn fn;
    void *argument;
};

static struct tracked *tracked_of(struct tug_list_node *node)
{
    return TUG_CONTAINER_OF(node, struct tracked, node);
}

int tug_tracker_create(struct tug_tracker **tracker)
{
    struct tug_runtime *runtime = tug_runtime_current();
    if (runtime == NULL)
        return -EPERM;
    struct tug_tracker *new = tug_sys_calloc(1, sizeof *new);
    if (new == NULL)
        return -ENOMEM;
    new->references = 1;
    new->runtime = runtime;
    tug_list_init(&new->tasks);
    tug_token_init(&new->stop, NULL);
    tug_token_init(&new->ended, NULL);
    *tracker = new;
    return 0;
}

void tug_tracker_release(struct tug_tracker *tracker)
{
    if (tracker == NULL || __atomic_sub_fetch(&tracker->references, 1, __ATOMIC_ACQ_REL) != 0)
        return;
    tug_token_destroy(&tracker->stop);
    tug_token_destroy(&tracker->ended);
    tug_sys_free(tracker);
}

/* ---- Tasks ---- */

static void leave(struct tracked *tracked)
{
    struct tug_tracker *tracker = tracked->tracker;
    tug_sys_mutex_lock(&tracker->lock);
    tug_list_remove(&tracked->node);
    __atomic_store_n(&tracker->alive, tracker->alive - 1, __ATOMIC_RELAXED);
    bool ended = tracker->closed && tracker->alive == 0;
    tug_sys_mutex_unlock(&tracker->lock);
    if (ended)
        tug_token_cancel(&tracker->ended);
    tug_task_detach(tracked->task);
    tug_sys_free(tracked);
    tug_tracker_release(tracker);
}

static int64_t run_tracked(void *argument)
{
    struct tracked *tracked = argument;
    int64_t result = tracked->fn(tracked->argument);
    leave(tracked);
    return result;
}

/* Under the lock, so that whoever goes through the list finds handles, and the task, when it ends,
 * its own. */
static int enter(struct tug_tracker *tracker, struct tracked *tracked,
                 const struct tug_spawn_options *options)
{
    if (tracker->closed)
        return -ECANCELED;
    int error = tug_spawn_with(&tracked->task, options, run_tracked, tracked);
    if (error != 0)
        return error;
    tug_list_push_back(&tracker->tasks, &tracked->node);
    __atomic_store_n(&tracker->alive, tracker->alive + 1, __ATOMIC_RELAXED);
    __atomic_fetch_add(&tracker->references, 1, __ATOMIC_RELAXED);
    return 0;
}

int tug_tracker_spawn(struct tug_tracker *tracker, const char *name, tug_task_fn fn, void *argument)
{
    struct tug_spawn_options options = TUG_SPAWN_OPTIONS_INIT;
    struct tracked *tracked = tug_sys_malloc(sizeof *tracked);
    if (tracked == NULL)
        return -ENOMEM;
    *tracked = (struct tracked){.tracker = tracker, .fn = fn, .argument = argument};
    options.runtime = tracker->runtime;
    options.name = name;
    tug_sys_mutex_lock(&tracker->lock);
    int error = enter(tracker, tracked, &options);
    tug_sys_mutex_unlock(&tracker->lock);
    if (error != 0)
        tug_sys_free(tracked);
    return error;
}

size_t tug_tracker_alive(struct tug_tracker *tracker)
{
    return __atomic_load_n(&tracker->alive, __ATOMIC_RELAXED);
}

struct tug_token *tug_tracker_token(struct tug_tracker *tracker)
{
    return &tracker->stop;
}

/* ---- The end ---- */

void tug_tracker_close(struct tug_tracker *tracker)
{
    tug_sys_mutex_lock(&tracker->lock);
    tracker->closed = true;
    bool ended = tracker->alive == 0;
    tug_sys_mutex_unlock(&tracker->lock);
    tug_token_cancel(&tracker->stop);
    if (ended)
        tug_token_cancel(&tracker->ended);
}

void tug_tracker_abort(struct tug_tracker *tracker)
{
    tug_sys_mutex_lock(&tracker->lock);
    TUG_LIST_FOR_EACH_SAFE(node, following, &tracker->tasks)
    tug_task_abort(tracked_of(node)->task);
    tug_sys_mutex_unlock(&tracker->lock);
}

int tug_tracker_wait(struct tug_tracker *tracker)
{
    struct tug_token_future wait;
    tug_token_future_init(&wait, &tracker->ended);
    return (int)tug_await(&wait.future);
}

/* Tells of each task that has not ended; returns how many there are. */
static size_t tell_of_late(struct tug_tracker *tracker, const struct tug_tracker_shutdown *shutdown,
                           int stuck)
{
    tug_sys_mutex_lock(&tracker->lock);
    size_t alive = tracker->alive;
    TUG_LIST_FOR_EACH_SAFE(node, following, &tracker->tasks)
    {
        struct tug_task *task = tracked_of(node)->task;
        if (shutdown->late != NULL)
            shutdown->late(shutdown->context, tug_task_name(task), tug_task_id(task), stuck);
    }
    tug_sys_mutex_unlock(&tracker->lock);
    return alive;
}

static bool is_tracked(struct tug_tracker *tracker, const struct tug_task *task)
{
    bool found = false;
    tug_sys_mutex_lock(&tracker->lock);
    TUG_LIST_FOR_EACH_SAFE(node, following, &tracker->tasks)
    found = found || tracked_of(node)->task == task;
    tug_sys_mutex_unlock(&tracker->lock);
    return found;
}

/* Whether all tasks have ended within that time. */
static bool ended_within(struct tug_tracker *tracker, uint64_t duration)
{
    struct tug_scope scope;
    tug_scope_begin(&scope, tug_deadline_after(duration), NULL);
    int64_t result = tug_tracker_wait(tracker);
    tug_scope_end(&scope, result);
    return result == 0 || tug_token_reason(&tracker->ended) != 0;
}

int tug_tracker_shutdown(struct tug_tracker *tracker, struct tug_tracker_shutdown *shutdown)
{
    struct tug_tracker_shutdown usual = TUG_TRACKER_SHUTDOWN_INIT;
    struct tug_task *self = tug_coroutine_current();
    if (shutdown == NULL)
        shutdown = &usual;
    shutdown->aborted = shutdown->stuck = 0;
    if (self == NULL)
        return -EPERM;
    if (is_tracked(tracker, self))
        return -EDEADLK;
    tug_tracker_close(tracker);
    if (ended_within(tracker, shutdown->drain))
        return 0;
    shutdown->aborted = tell_of_late(tracker, shutdown, 0);
    tug_tracker_abort(tracker);
    struct tug_scope shield;
    tug_shield_begin(&shield);
    bool ended = ended_within(tracker, shutdown->abort);
    tug_scope_end(&shield, 0);
    if (ended)
        return shutdown->aborted > 0 ? -ETIMEDOUT : 0;
    shutdown->stuck = tell_of_late(tracker, shutdown, 1);
    return shutdown->stuck > 0 ? -EBUSY : -ETIMEDOUT;
}
