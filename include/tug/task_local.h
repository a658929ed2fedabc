/* SPDX-License-Identifier: MIT */
/*
 * Task-locals: values that belong to a task, between begin and end, and follow it over the workers,
 * as thread-local variables do not. A request's number, a logger, a language.
 *
 *     static const struct tug_task_local request = {NULL};
 *
 *     struct tug_task_local_scope scope;
 *     tug_task_local_begin(&scope, &request, &the_request);
 *     ... tug_task_local_get(&request) here, and in every function called from here ...
 *     tug_task_local_end(&scope);
 *
 * Scopes nest. A task that is spawned inside does not see the values: hand it what it needs.
 */
#ifndef TUG_TASK_LOCAL_H
#define TUG_TASK_LOCAL_H

#include <stdbool.h>

#include <tug/config.h>

TUG_BEGIN_DECLS

struct tug_task;

/* A key, which is told from others by its address. */
struct tug_task_local {
    /* Called with each value but NULL that a scope of this key had, when the scope ends or another
     * value takes its place; may suspend. NULL: nothing is to be done. */
    void (*destroy)(void *value);
};

/* All members are private. Lives in the frame of the function that begins and ends it. */
struct tug_task_local_scope {
    const struct tug_task_local *key;
    void *value;
    struct tug_task_local_scope *outer;
    struct tug_task *task;
};

/* Gives `key` a value for what the current coroutine does until the end of the scope. Outside of a
 * coroutine nobody will see it. Does not suspend. */
TUG_API void tug_task_local_begin(struct tug_task_local_scope *scope,
                                  const struct tug_task_local *key, void *value);

/* Ends the scope that was begun last, in the task that began it. Suspends if destroy() does. */
TUG_API void tug_task_local_end(struct tug_task_local_scope *scope);

/* The value of the innermost scope of `key` in the current coroutine; NULL if there is none. Does
 * not suspend. */
TUG_API void *tug_task_local_get(const struct tug_task_local *key);

/* Puts another value in its place, until the end of that scope. Suspends if destroy() does. Returns
 * false, and does nothing, if the current coroutine is in no scope of `key`. */
TUG_API bool tug_task_local_set(const struct tug_task_local *key, void *value);

TUG_END_DECLS

#endif
