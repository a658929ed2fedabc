/* SPDX-License-Identifier: MIT */
/*
 * A tracker: the tasks of a service, and its end in good order. It stops taking in work, lets go on
 * what is under way, for a while; cancels what is left; and says what did not stop even then.
 *
 * Tasks hold on to the tracker: unlike a group (<tug/group.h>) it need not outlive them, and a
 * shutdown may give up on them.
 */
#ifndef TUG_TRACKER_H
#define TUG_TRACKER_H

#include <stddef.h>
#include <stdint.h>

#include <tug/cancel.h>
#include <tug/config.h>
#include <tug/task.h>
#include <tug/time.h>

TUG_BEGIN_DECLS

struct tug_tracker;

/* Makes a tracker for tasks of the current runtime. Does not suspend. Stores it in `*tracker`, to
 * be given up by tug_tracker_release(). Returns 0; -ENOMEM; -EPERM: the thread has no runtime. */
TUG_API int tug_tracker_create(struct tug_tracker **tracker);

/* Gives the tracker up; tasks go on, and it is freed with the last of them. NULL is allowed. */
TUG_API void tug_tracker_release(struct tug_tracker *tracker);

/*
 * Starts a task that the tracker knows of. `name`, which is copied, is for reports; NULL: it has
 * none. From any thread. Does not suspend. Returns 0; -ECANCELED: the tracker is closed; else as
 * tug_spawn_with().
 */
TUG_API int tug_tracker_spawn(struct tug_tracker *tracker, const char *name, tug_task_fn fn,
                              void *argument);

/* Number of its tasks that have not ended. From any thread. */
TUG_API size_t tug_tracker_alive(struct tug_tracker *tracker);

/*
 * The token that is cancelled when the tracker is closed: work is taken in within a scope below it
 * (`tug_scope_begin(&scope, TUG_FOREVER, tug_tracker_token(tracker))` around accepting a
 * connection, not around serving it). Valid for the tracker's tasks, and until it is given up.
 */
TUG_API struct tug_token *tug_tracker_token(struct tug_tracker *tracker);

/* Closes the tracker: no more tasks, and the token is cancelled. From any thread. Does not suspend;
 * later calls do nothing. */
TUG_API void tug_tracker_close(struct tug_tracker *tracker);

/* Aborts all tasks that have not ended. From any thread. Does not suspend. */
TUG_API void tug_tracker_abort(struct tug_tracker *tracker);

/* Waits until the tracker is closed and all its tasks have ended. Suspends; cancelling loses
 * nothing. Returns 0, or the scope's reason. */
TUG_API int tug_tracker_wait(struct tug_tracker *tracker);

/* Initialise with TUG_TRACKER_SHUTDOWN_INIT, then set what differs. */
struct tug_tracker_shutdown {
    uint64_t drain; /* ns in which tasks may end by themselves; 30 s */
    uint64_t abort; /* ns for tasks that were aborted; 5 s */
    /* Told of each task that was not done in time: when it is aborted, and, with `stuck` not 0, if
     * it has not ended after that either. May be NULL; must not suspend nor use the tracker. */
    void (*late)(void *context, const char *name, uint64_t id, int stuck);
    void *context;
    /* Results: how many were aborted, and how many of these have not ended. */
    size_t aborted, stuck;
};
#define TUG_TRACKER_SHUTDOWN_INIT                                                                  \
    {                                                                                              \
        30 * TUG_SECOND, 5 * TUG_SECOND, NULL, NULL, 0, 0                                          \
    }

/*
 * Ends a service: closes the tracker, waits for its tasks for at most `drain`, aborts those that
 * are left, and waits for them for at most `abort`. `shutdown` NULL: the usual times, no report.
 * Suspends. Cancelling it, which is how an impatient user has his way, ends the first wait; the
 * second is not cancelled.
 * Returns 0: all tasks have ended by themselves; -ETIMEDOUT: some were aborted, and all have ended;
 * -EBUSY: some go on. -EPERM outside of a coroutine; -EDEADLK: the caller is one of the tasks.
 */
TUG_API int tug_tracker_shutdown(struct tug_tracker *tracker,
                                 struct tug_tracker_shutdown *shutdown);

TUG_END_DECLS

#endif
