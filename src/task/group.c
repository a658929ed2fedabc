/* SPDX-License-Identifier: MIT */
/*
 * Task groups. The group holds the handle of each child, in a list under its lock, and gives it up
 * when the child ends.
 *
 * The group lies in its parent's frame, which may go as soon as the parent has seen, under the
 * lock, that no child is alive; so the last child's last access to the group is the unlock.
 */
#include <tug/group.h>

#include <errno.h>

#include "task/coroutine.h"
#include "task/executor.h"
#include "task/group.h"
#include "task/held_waker.h"
#include "task/scheduler.h"
#include "task/state.h"

void tug_group_init(struct tug_group *group, unsigned flags)
{
    *group =
        (struct tug_group){.flags = flags, .runtime = (struct tug_runtime *)tug_domain_current()};
}

static void link_child(struct tug_group *group, uintptr_t kind, struct tug_task *task)
{
    __atomic_store_n(&task->group, (uintptr_t)group | kind, __ATOMIC_RELAXED);
    task->group_previous = NULL;
    task->group_next = group->first;
    if (group->first != NULL)
        group->first->group_previous = task;
    group->first = task;
    __atomic_store_n(&group->alive, group->alive + 1, __ATOMIC_RELAXED);
}

void tug_group_unlink(struct tug_group *group, struct tug_task *task)
{
    if (task->group_previous != NULL)
        task->group_previous->group_next = task->group_next;
    else
        group->first = task->group_next;
    if (task->group_next != NULL)
        task->group_next->group_previous = task->group_previous;
    __atomic_store_n(&group->alive, group->alive - 1, __ATOMIC_RELAXED);
}

/* Publishes a child, or discards it because the group was cancelled. */
static int start_child(struct tug_executor *executor, struct tug_group *group, uintptr_t kind,
                       struct tug_task *task)
{
    bool here = tug_task_is_here(executor, task);
    tug_sys_mutex_lock(tug_group_lock(group));
    bool cancelled = group->cancelled;
    if (!cancelled) {
        /* Under the lock, so that who cancels the group finds a task that can be aborted. */
        link_child(group, kind, task);
        if (here)
            tug_task_publish(task, TUG_TASK_SCHEDULED);
        else
            tug_task_start(executor, task);
    }
    tug_sys_mutex_unlock(tug_group_lock(group));
    if (cancelled) {
        tug_task_discard(executor, task);
        return -ECANCELED;
    }
    if (here)
        tug_scheduler_schedule(executor, task);
    return 0;
}

int tug_group_add(struct tug_group *group, uintptr_t kind, const struct tug_spawn_options *options,
                  tug_task_fn fn, void *argument, struct tug_future *future, uint64_t *id)
{
    struct tug_executor *executor = tug_executor_current();
    struct tug_domain *domain =
        (struct tug_domain *)(options->runtime != NULL ? options->runtime : group->runtime);
    if (domain == NULL)
        return -EPERM;
    bool foreign = executor == NULL || executor->domain != domain;
    if (foreign)
        tug_domain_foreign_begin(domain);
    struct tug_task *task;
    int error = tug_task_make(executor, domain, &task, options, fn, argument, future);
    if (error == 0 && id != NULL)
        *id = tug_task_id(task);
    if (error == 0)
        error = start_child(executor, group, kind, task);
    if (foreign)
        tug_domain_foreign_end(domain);
    return error;
}

int tug_group_spawn(struct tug_group *group, tug_task_fn fn, void *argument)
{
    const struct tug_spawn_options options = TUG_SPAWN_OPTIONS_INIT;
    return tug_group_add(group, 0, &options, fn, argument, NULL, NULL);
}

static void cancel_locked(struct tug_group *group)
{
    if (group->cancelled)
        return;
    group->cancelled = true;
    for (struct tug_task *task = group->first; task != NULL; task = task->group_next)
        tug_task_abort(task);
}

void tug_group_cancel(struct tug_group *group)
{
    tug_sys_mutex_lock(tug_group_lock(group));
    cancel_locked(group);
    tug_sys_mutex_unlock(tug_group_lock(group));
}

size_t tug_group_alive(struct tug_group *group)
{
    return __atomic_load_n(&group->alive, __ATOMIC_RELAXED);
}

static void plain_child_ended(struct tug_group *group, struct tug_task *task)
{
    tug_sys_mutex_lock(tug_group_lock(group));
    tug_group_unlink(group, task);
    task->group = 0;
    if (task->result < 0 && group->first_error == 0) {
        group->first_error = task->result;
        if ((group->flags & TUG_GROUP_CANCEL_ON_ERROR) != 0)
            cancel_locked(group);
    }
    struct tug_waker waiter = group->alive == 0 ? tug_waker_take(&group->waiter) : TUG_NO_WAKER;
    tug_sys_mutex_unlock(tug_group_lock(group));
    tug_task_detach(task);
    tug_waker_wake_taken(waiter);
}

void tug_group_child_ended(struct tug_task *task)
{
    uintptr_t word = __atomic_load_n(&task->group, __ATOMIC_RELAXED);
    if ((word & TUG_GROUP_SET) != 0)
        word = __atomic_exchange_n(&task->group, TUG_GROUP_CLAIMED, __ATOMIC_ACQ_REL);
    void *group = (void *)(word & ~TUG_GROUP_KIND_MASK);
    if ((word & TUG_GROUP_SET) != 0)
        tug_join_set_child_ended(group, task);
    else if (group != NULL)
        plain_child_ended(group, task);
}

/* ---- waiting ----------------------------------------------------------------------------------
 */

static int group_wait_poll(struct tug_future *self, const struct tug_waker *waker)
{
    struct tug_group_future *wait = TUG_CONTAINER_OF(self, struct tug_group_future, future);
    struct tug_group *group = wait->group;
    struct tug_waker unused = tug_waker_hold(waker);
    tug_sys_mutex_lock(tug_group_lock(group));
    wait->ended = group->alive == 0;
    if (wait->ended) {
        self->result = group->first_error;
        group->first_error = 0;
        group->cancelled = false;
    } else {
        unused = tug_waker_put(&group->waiter, unused);
    }
    tug_sys_mutex_unlock(tug_group_lock(group));
    tug_waker_unhold(&unused);
    return wait->ended ? TUG_READY : TUG_PENDING;
}

static void group_wait_cancel(struct tug_future *self)
{
    struct tug_group_future *wait = TUG_CONTAINER_OF(self, struct tug_group_future, future);
    wait->cancelled = true;
    tug_group_cancel(wait->group);
}

static const struct tug_future_vtable group_wait_vtable = {
    .poll = group_wait_poll,
    .cancel = group_wait_cancel,
};

void tug_group_future_init(struct tug_group_future *wait, struct tug_group *group)
{
    *wait = (struct tug_group_future){{&group_wait_vtable, 0}, group, false, false};
}

int64_t tug_group_wait(struct tug_group *group)
{
    struct tug_group_future wait;
    struct tug_task *task = tug_coroutine_current();
    if (task == NULL)
        return -EPERM;
    tug_group_future_init(&wait, group);
    tug_await(&wait.future);
    bool ended_by_scope = wait.cancelled;
    /* In a scope that is cancelled already, be it since a moment ago, that returns at once.
     * Children are waited for whatever happens. */
    if (!wait.ended) {
        ended_by_scope = tug_group_alive(group) != 0;
        tug_group_cancel(group);
        struct tug_scope shield;
        tug_shield_begin(&shield);
        tug_await(&wait.future);
        tug_scope_end(&shield, 0);
    }
    int reason = tug_task_cancel_reason(task);
    int64_t error = wait.future.result;
    /* An error of a child that ended by itself is not lost behind the scope's reason. */
    return ended_by_scope || error == 0 ? reason : error;
}
