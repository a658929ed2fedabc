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

#include "sys/mutex.h"
#include "task/coroutine.h"
#include "task/executor.h"
#include "task/scheduler.h"
#include "task/state.h"
#include "task/token.h"

static struct tug_sys_mutex *group_lock(struct tug_group *group)
{
    return tug_sys_mutex_of_word(&group->lock);
}

void tug_group_init(struct tug_group *group, unsigned flags)
{
    *group =
        (struct tug_group){.flags = flags, .runtime = (struct tug_runtime *)tug_domain_current()};
}

static void link_child(struct tug_group *group, struct tug_task *task)
{
    task->group = group;
    task->group_previous = NULL;
    task->group_next = group->first;
    if (group->first != NULL)
        group->first->group_previous = task;
    group->first = task;
    group->alive++;
}

static void unlink_child(struct tug_group *group, struct tug_task *task)
{
    if (task->group_previous != NULL)
        task->group_previous->group_next = task->group_next;
    else
        group->first = task->group_next;
    if (task->group_next != NULL)
        task->group_next->group_previous = task->group_previous;
    task->group = NULL;
}

static int spawn_child(struct tug_executor *executor, struct tug_domain *domain,
                       struct tug_group *group, tug_task_fn fn, void *argument)
{
    if (__atomic_load_n(&domain->closing, __ATOMIC_SEQ_CST))
        return -ECANCELED;
    struct tug_task *task = tug_task_new(executor, domain, TUG_TASK_COROUTINE);
    if (task == NULL)
        return -ENOMEM;
    task->fn = fn;
    task->argument = argument;
    bool here = tug_task_is_here(executor, task);
    tug_sys_mutex_lock(group_lock(group));
    bool cancelled = group->cancelled;
    if (!cancelled) {
        /* Under the lock, so that who cancels the group finds a task that can be aborted. */
        link_child(group, task);
        if (here)
            tug_task_publish(task, TUG_TASK_SCHEDULED);
        else
            tug_task_start(executor, task);
    }
    tug_sys_mutex_unlock(group_lock(group));
    if (cancelled) {
        tug_task_discard(executor, task);
        return -ECANCELED;
    }
    if (here)
        tug_scheduler_schedule(executor, task);
    return 0;
}

int tug_group_spawn(struct tug_group *group, tug_task_fn fn, void *argument)
{
    struct tug_executor *executor = tug_executor_current();
    struct tug_domain *domain = (struct tug_domain *)group->runtime;
    if (domain == NULL)
        return -EPERM;
    bool foreign = executor == NULL || executor->domain != domain;
    if (foreign)
        tug_domain_foreign_begin(domain);
    int error = spawn_child(executor, domain, group, fn, argument);
    if (foreign)
        tug_domain_foreign_end(domain);
    return error;
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
    tug_sys_mutex_lock(group_lock(group));
    cancel_locked(group);
    tug_sys_mutex_unlock(group_lock(group));
}

size_t tug_group_alive(struct tug_group *group)
{
    return __atomic_load_n(&group->alive, __ATOMIC_RELAXED);
}

void tug_group_child_ended(struct tug_group *group, struct tug_task *task, int64_t result)
{
    tug_sys_mutex_lock(group_lock(group));
    unlink_child(group, task);
    if (result < 0 && group->first_error == 0) {
        group->first_error = result;
        if ((group->flags & TUG_GROUP_CANCEL_ON_ERROR) != 0)
            cancel_locked(group);
    }
    __atomic_store_n(&group->alive, group->alive - 1, __ATOMIC_RELAXED);
    /* Under the lock: the waiter's task exists as long as it has not seen alive at zero. */
    if (group->alive == 0 && group->waiter.vtable != NULL) {
        tug_waker_wake_by_ref(&group->waiter);
        group->waiter.vtable = NULL;
    }
    tug_sys_mutex_unlock(group_lock(group));
    tug_task_detach(task);
}

/* ---- waiting ----------------------------------------------------------------------------------
 */

struct group_wait {
    struct tug_future future;
    struct tug_group *group;
    bool ended;     /* it has seen the end of all children */
    bool cancelled; /* it was cancelled while it waited */
};

static int group_wait_poll(struct tug_future *self, const struct tug_waker *waker)
{
    struct group_wait *wait = TUG_CONTAINER_OF(self, struct group_wait, future);
    struct tug_group *group = wait->group;
    tug_sys_mutex_lock(group_lock(group));
    wait->ended = group->alive == 0;
    if (!wait->ended)
        group->waiter = *waker; /* the caller's, who waits in tug_await() until the end */
    tug_sys_mutex_unlock(group_lock(group));
    return wait->ended ? TUG_READY : TUG_PENDING;
}

static void group_wait_cancel(struct tug_future *self)
{
    struct group_wait *wait = TUG_CONTAINER_OF(self, struct group_wait, future);
    wait->cancelled = true;
    tug_group_cancel(wait->group);
}

static const struct tug_future_vtable group_wait_vtable = {
    .poll = group_wait_poll,
    .cancel = group_wait_cancel,
};

int64_t tug_group_wait(struct tug_group *group)
{
    struct group_wait wait = {{&group_wait_vtable, 0}, group, false, false};
    struct tug_task *task = tug_coroutine_current();
    if (task == NULL)
        return -EPERM;
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
    int64_t error = group->first_error;
    group->first_error = 0;
    group->cancelled = false;
    /* An error of a child that ended by itself is not lost behind the scope's reason. */
    return ended_by_scope || error == 0 ? reason : error;
}
