/* SPDX-License-Identifier: MIT */
/*
 * What groups (group.c), join sets (join_set.c) and local sets (local_set.c) have in common: a list
 * of children, under a lock, with a handle for each.
 *
 * A child knows its group by one word: the group's address, and what kind it is.
 *
 *   plain          the child's end gives up the handle
 *   TUG_GROUP_LOCAL  the same; the group is the first member of a local set
 *   TUG_GROUP_SET  a join set: a child that has ended goes to the list of those, with its handle.
 *                  It may be let go before its end, and the set's memory may be gone by then. So a
 *                  child that ends first claims the word, by writing TUG_GROUP_CLAIMED, and only if
 *                  nobody has cleared it meanwhile does it look at the set; who lets it go clears
 *                  the word, and waits for those that have claimed theirs before.
 */
#ifndef TUG_TASK_GROUP_H
#define TUG_TASK_GROUP_H

#include <tug/group.h>
#include <tug/join_set.h>

#include "sys/mutex.h"
#include "task/task.h"

#define TUG_GROUP_SET ((uintptr_t)1)
#define TUG_GROUP_CLAIMED ((uintptr_t)2)
#define TUG_GROUP_LOCAL ((uintptr_t)4)
#define TUG_GROUP_KIND_MASK ((uintptr_t)7)

static inline struct tug_sys_mutex *tug_group_lock(struct tug_group *group)
{
    return tug_sys_mutex_of_word(&group->lock);
}

/*
 * Starts a child of the kind 0, TUG_GROUP_SET or TUG_GROUP_LOCAL: a coroutine or, unless `future`
 * is NULL, a poll task. Stores its id in `*id` unless that is NULL. Returns as tug_group_spawn().
 */
int tug_group_add(struct tug_group *group, uintptr_t kind, const struct tug_spawn_options *options,
                  tug_task_fn fn, void *argument, struct tug_future *future, uint64_t *id);

/* [locked] Takes a child out of the list. */
void tug_group_unlink(struct tug_group *group, struct tug_task *task);

/* A child of a join set has ended. */
void tug_join_set_child_ended(struct tug_join_set *set, struct tug_task *task);

#endif
