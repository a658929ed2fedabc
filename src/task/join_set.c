/* SPDX-License-Identifier: MIT */
/*
 * Join sets: a group of children (group.h) whose handles are kept, in the order in which they end,
 * until somebody asks for the results.
 *
 * Both lists are under the group's lock, `length` is the owner's alone. A child that has ended has
 * stored its result before it takes the lock, so it need not be complete, in the sense of its state
 * word, when its result is taken.
 */
#include <tug/join_set.h>

#include <errno.h>

#include <tug/cancel.h>
#include <tug/coop.h>

#include "sys/clock.h"
#include "task/coroutine.h"
#include "task/executor.h"
#include "task/group.h"
#include "task/held_waker.h"

/* ns between two looks whether a child that is about to end has been here. */
#define LEAVE_INTERVAL 10000

void tug_join_set_init(struct tug_join_set *set)
{
    tug_group_init(&set->group, 0);
    set->ended = set->ended_last = NULL;
    set->length = 0;
}

static int add(struct tug_join_set *set, const struct tug_spawn_options *options, tug_task_fn fn,
               void *argument, struct tug_future *future, uint64_t *id)
{
    const struct tug_spawn_options defaults = TUG_SPAWN_OPTIONS_INIT;
    int error = tug_group_add(&set->group, TUG_GROUP_SET, options != NULL ? options : &defaults, fn,
                              argument, future, id);
    if (error == 0)
        set->length++;
    return error;
}

int tug_join_set_spawn(struct tug_join_set *set, tug_task_fn fn, void *argument)
{
    return add(set, NULL, fn, argument, NULL, NULL);
}

int tug_join_set_spawn_with(struct tug_join_set *set, const struct tug_spawn_options *options,
                            tug_task_fn fn, void *argument, uint64_t *id)
{
    return add(set, options, fn, argument, NULL, id);
}

int tug_join_set_spawn_future(struct tug_join_set *set, const struct tug_spawn_options *options,
                              struct tug_future *future, uint64_t *id)
{
    return add(set, options, NULL, NULL, future, id);
}

size_t tug_join_set_length(const struct tug_join_set *set)
{
    return set->length;
}

void tug_join_set_child_ended(struct tug_join_set *set, struct tug_task *task)
{
    tug_sys_mutex_lock(tug_group_lock(&set->group));
    tug_group_unlink(&set->group, task);
    task->group_next = NULL;
    if (set->ended == NULL)
        set->ended = task;
    else
        set->ended_last->group_next = task;
    set->ended_last = task;
    struct tug_waker waiter = tug_waker_take(&set->group.waiter);
    tug_sys_mutex_unlock(tug_group_lock(&set->group));
    tug_waker_wake_taken(waiter);
}

/* ---- taking results ---------------------------------------------------------------------------
 */

/* Whether there is something to say: a child has ended, or there are none. If not, `held`, which
 * may be none, will be woken. */
static bool is_ready(struct tug_join_set *set, struct tug_waker held)
{
    struct tug_group *group = &set->group;
    tug_sys_mutex_lock(tug_group_lock(group));
    bool ready = set->ended != NULL || set->length == 0;
    struct tug_waker before = tug_waker_put(&group->waiter, ready ? TUG_NO_WAKER : held);
    tug_sys_mutex_unlock(tug_group_lock(group));
    tug_waker_unhold(&before);
    if (ready)
        tug_waker_unhold(&held);
    return ready;
}

/* Takes the first child that has ended. False: none has. */
static bool take(struct tug_join_set *set, int64_t *result, uint64_t *id)
{
    tug_sys_mutex_lock(tug_group_lock(&set->group));
    struct tug_task *task = set->ended;
    if (task != NULL)
        set->ended = task->group_next;
    tug_sys_mutex_unlock(tug_group_lock(&set->group));
    if (task == NULL)
        return false;
    set->length--;
    if (result != NULL)
        *result = task->result;
    if (id != NULL)
        *id = tug_task_id(task);
    tug_task_detach(task);
    return true;
}

static int next_poll(struct tug_future *self, const struct tug_waker *waker)
{
    struct tug_join_set_future *next = TUG_CONTAINER_OF(self, struct tug_join_set_future, future);
    if (next->cancelled) {
        self->result = -ECANCELED;
        return TUG_READY;
    }
    if (!is_ready(next->set, tug_waker_hold(waker)) || tug_coop_poll(waker) == TUG_PENDING)
        return TUG_PENDING;
    self->result = take(next->set, &next->value, next->without_id ? NULL : &next->id);
    return TUG_READY;
}

static void next_cancel(struct tug_future *self)
{
    struct tug_join_set_future *next = TUG_CONTAINER_OF(self, struct tug_join_set_future, future);
    next->cancelled = true;
    is_ready(next->set, TUG_NO_WAKER);
}

static const struct tug_future_vtable next_vtable = {.poll = next_poll, .cancel = next_cancel};

void tug_join_set_future_init(struct tug_join_set_future *next, struct tug_join_set *set)
{
    *next = (struct tug_join_set_future){.future = {&next_vtable, 0}, .set = set};
}

int tug_join_set_next(struct tug_join_set *set, int64_t *result, uint64_t *id)
{
    struct tug_join_set_future next;
    tug_join_set_future_init(&next, set);
    next.without_id = id == NULL; /* a number that nobody wants is not drawn */
    int outcome = (int)tug_await(&next.future);
    if (outcome == 1 && result != NULL)
        *result = next.value;
    if (outcome == 1 && id != NULL)
        *id = next.id;
    return outcome;
}

int tug_join_set_try_next(struct tug_join_set *set, int64_t *result, uint64_t *id)
{
    if (take(set, result, id))
        return 1;
    return set->length == 0 ? 0 : -EAGAIN;
}

/* ---- aborting and letting go ------------------------------------------------------------------
 */

void tug_join_set_abort_all(struct tug_join_set *set)
{
    tug_sys_mutex_lock(tug_group_lock(&set->group));
    for (struct tug_task *task = set->group.first; task != NULL; task = task->group_next)
        tug_task_abort(task);
    tug_sys_mutex_unlock(tug_group_lock(&set->group));
}

/* A child is in the list, under the lock, as long as it has not ended. */
struct tug_abort_handle *tug_join_set_abort_handle(struct tug_join_set *set, uint64_t id)
{
    tug_sys_mutex_lock(tug_group_lock(&set->group));
    struct tug_task *task = set->group.first;
    while (task != NULL && tug_task_id(task) != id)
        task = task->group_next;
    struct tug_abort_handle *handle = task != NULL ? tug_task_abort_handle(task) : NULL;
    tug_sys_mutex_unlock(tug_group_lock(&set->group));
    return handle;
}

int tug_join_set_abort(struct tug_join_set *set, uint64_t id)
{
    struct tug_abort_handle *handle = tug_join_set_abort_handle(set, id);
    if (handle == NULL)
        return -ENOENT;
    tug_abort_handle_abort(handle);
    tug_abort_handle_drop(handle);
    return 0;
}

/* Takes those children out that have not claimed their word yet: they will not come here any more.
 * Returns them as a list. */
static struct tug_task *let_go(struct tug_join_set *set)
{
    struct tug_task *gone = NULL, *following;
    tug_sys_mutex_lock(tug_group_lock(&set->group));
    for (struct tug_task *task = set->group.first; task != NULL; task = following) {
        following = task->group_next;
        uintptr_t word = (uintptr_t)set | TUG_GROUP_SET;
        if (!__atomic_compare_exchange_n(&task->group, &word, 0, false, __ATOMIC_ACQ_REL,
                                         __ATOMIC_RELAXED))
            continue;
        tug_group_unlink(&set->group, task);
        task->group_next = gone;
        gone = task;
    }
    tug_sys_mutex_unlock(tug_group_lock(&set->group));
    return gone;
}

void tug_join_set_detach_all(struct tug_join_set *set)
{
    struct tug_task *gone = let_go(set);
    while (gone != NULL) {
        struct tug_task *task = gone;
        gone = task->group_next;
        tug_task_detach(task);
    }
    /* Those that are about to end, on other threads, which wait for nothing but the lock. */
    while (tug_group_alive(&set->group) != 0)
        tug_clock_sleep(LEAVE_INTERVAL);
    while (take(set, NULL, NULL))
        ;
    set->length = 0;
}

int tug_join_set_shutdown(struct tug_join_set *set)
{
    if (tug_coroutine_current() == NULL)
        return -EPERM;
    struct tug_scope shield;
    tug_shield_begin(&shield);
    tug_join_set_abort_all(set);
    while (tug_join_set_next(set, NULL, NULL) == 1)
        ;
    tug_scope_end(&shield, 0);
    return tug_cancelled();
}
