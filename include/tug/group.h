/* SPDX-License-Identifier: MIT */
/*
 * Task groups: structured concurrency. A group does not end before its children have.
 */
#ifndef TUG_GROUP_H
#define TUG_GROUP_H

#include <stddef.h>
#include <stdint.h>

#include <tug/config.h>
#include <tug/future.h>
#include <tug/task.h>

TUG_BEGIN_DECLS

enum {
    /* The first child that returns a negative result cancels the others. */
    TUG_GROUP_CANCEL_ON_ERROR = 1
};

/* All members are private. Lives in the frame of the function that waits for it. */
struct tug_group {
    uint32_t lock;
    uint32_t flags;
    struct tug_task *first;
    size_t alive;
    int64_t first_error;
    struct tug_waker waiter;
    struct tug_runtime *runtime;
    uint8_t cancelled;
};

/* Prepares a group on the current runtime. `flags`: 0 or TUG_GROUP_CANCEL_ON_ERROR. */
TUG_API void tug_group_init(struct tug_group *group, unsigned flags);

/*
 * Starts a child. Does not suspend. Returns 0, or as tug_spawn_with(); -ECANCELED also when the
 * group was cancelled.
 */
TUG_API int tug_group_spawn(struct tug_group *group, tug_task_fn fn, void *argument);

/* Aborts all children; they are still waited for by tug_group_wait(). From any thread. */
TUG_API void tug_group_cancel(struct tug_group *group);

/* Number of children that have not ended. */
TUG_API size_t tug_group_alive(struct tug_group *group);

/*
 * Waits until all children have ended. Suspends. Must be called before the group's memory goes.
 * When the caller's scope is cancelled the children are aborted, and still waited for.
 * Returns 0 if every child returned >= 0, else the first negative result in order of time; the
 * scope's reason when that ended the wait. The group may then be used again.
 */
TUG_API int64_t tug_group_wait(struct tug_group *group);

/*
 * The end of all children as a future, one per group at a time. Its result is 0, or the first
 * negative result of a child; the group may then be used again. Cancelling it aborts the children,
 * which are still waited for. All members but `future` are private.
 */
struct tug_group_future {
    struct tug_future future;
    struct tug_group *group;
    uint8_t ended, cancelled;
};
TUG_API void tug_group_future_init(struct tug_group_future *wait, struct tug_group *group);

TUG_END_DECLS

#endif
