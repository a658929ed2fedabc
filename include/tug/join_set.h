/* SPDX-License-Identifier: MIT */
/*
 * Join sets: tasks whose results are taken in the order in which they end.
 *
 * Unlike a group (<tug/group.h>) a set hands out the result of each child, and may let its children
 * go. Its memory is the caller's, and a child costs nothing beside its task.
 */
#ifndef TUG_JOIN_SET_H
#define TUG_JOIN_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tug/config.h>
#include <tug/future.h>
#include <tug/group.h>
#include <tug/task.h>

TUG_BEGIN_DECLS

/*
 * All members are private. One task at a time spawns, waits and lets go, the owner's. Before the
 * memory goes the set must be empty: every result taken, or tug_join_set_shutdown(), or
 * tug_join_set_detach_all().
 */
struct tug_join_set {
    struct tug_group group;              /* the children that have not ended */
    struct tug_task *ended, *ended_last; /* those that have, the first first */
    size_t length;
};

/* Prepares an empty set, whose children belong to the current runtime. Does not suspend. */
TUG_API void tug_join_set_init(struct tug_join_set *set);

/* Starts a child. Does not suspend. Returns 0, or as tug_spawn_with(). */
TUG_API int tug_join_set_spawn(struct tug_join_set *set, tug_task_fn fn, void *argument);

/*
 * The same with options (NULL: the usual), and the number of the task, by which
 * tug_join_set_next() tells whose result it gives, in `*id` unless that is NULL. With
 * `options->runtime` the child runs there.
 */
TUG_API int tug_join_set_spawn_with(struct tug_join_set *set,
                                    const struct tug_spawn_options *options, tug_task_fn fn,
                                    void *argument, uint64_t *id);

/* Starts a poll task as a child: as tug_spawn_future(). */
TUG_API int tug_join_set_spawn_future(struct tug_join_set *set,
                                      const struct tug_spawn_options *options,
                                      struct tug_future *future, uint64_t *id);

/* Number of children whose result was not taken, whether they have ended or not. */
TUG_API size_t tug_join_set_length(const struct tug_join_set *set);

/*
 * Waits for the next child that ends, takes it out of the set and stores what it returned in
 * `*result` and its number in `*id`, unless these are NULL. Suspends. Costs a unit of the coop
 * budget. Returns 1; 0: the set is empty; the scope's reason: then no result was taken, and the
 * children go on. -EPERM: the caller is not a coroutine.
 */
TUG_API int tug_join_set_next(struct tug_join_set *set, int64_t *result, uint64_t *id);

/* The same without waiting: -EAGAIN if no child has ended. Does not suspend. */
TUG_API int tug_join_set_try_next(struct tug_join_set *set, int64_t *result, uint64_t *id);

/* The same as a future, for tug_select(): its result is 1, and `value` and `id` are set; 0: the set
 * is empty. Cancelling it (-ECANCELED) takes no result. One at a time waits. */
struct tug_join_set_future {
    struct tug_future future;
    struct tug_join_set *set;
    int64_t value;
    uint64_t id;
    uint8_t cancelled, without_id; /* private, as `set` is */
};
TUG_API void tug_join_set_future_init(struct tug_join_set_future *next, struct tug_join_set *set);

/* Aborts all children that have not ended. They stay in the set, as those do that had ended, and
 * others may be added. Does not suspend. */
TUG_API void tug_join_set_abort_all(struct tug_join_set *set);

/* Aborts one child, found by its number among those that have not ended, one after the other. Does
 * not suspend. Returns 0; -ENOENT: it has ended or is of no child. */
TUG_API int tug_join_set_abort(struct tug_join_set *set, uint64_t id);

/* A handle to abort one child with, whatever becomes of the set (<tug/task.h>), found as for
 * tug_join_set_abort(), the child that was added last first. Does not suspend. NULL: it has ended
 * or is of no child. */
TUG_API struct tug_abort_handle *tug_join_set_abort_handle(struct tug_join_set *set, uint64_t id);

/* Lets all children go, which then end by themselves, and forgets the results that were not taken.
 * The set is empty and may be used again. Does not suspend. */
TUG_API void tug_join_set_detach_all(struct tug_join_set *set);

/* Aborts all children, waits until they have ended, and forgets the results. The set is empty when
 * it returns, whatever it returns. Suspends; a cancelled scope around it changes nothing. Returns
 * 0; the scope's reason; -EPERM: the caller is not a coroutine, and nothing was done. */
TUG_API int tug_join_set_shutdown(struct tug_join_set *set);

TUG_END_DECLS

#endif
