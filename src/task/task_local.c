/* SPDX-License-Identifier: MIT */
/*
 * Task-locals: a list of scopes, the innermost first, from the coroutine's control block. A task
 * has a few of them at most, so looking one up is a walk, and nobody else pays for them.
 */
#include <tug/task_local.h>

#include "task/coroutine.h"

void tug_task_local_begin(struct tug_task_local_scope *scope, const struct tug_task_local *key,
                          void *value)
{
    struct tug_task *task = tug_coroutine_current();
    *scope = (struct tug_task_local_scope){key, value, NULL, task};
    if (task == NULL)
        return;
    scope->outer = task->coroutine->locals;
    task->coroutine->locals = scope;
}

static void replace(struct tug_task_local_scope *scope, void *value)
{
    void *old = scope->value;
    scope->value = value;
    if (old != NULL && scope->key->destroy != NULL)
        scope->key->destroy(old);
}

void tug_task_local_end(struct tug_task_local_scope *scope)
{
    if (scope->task != NULL)
        scope->task->coroutine->locals = scope->outer;
    replace(scope, NULL);
}

/* The innermost scope of a key, or NULL. */
static struct tug_task_local_scope *find(const struct tug_task_local *key)
{
    struct tug_task *task = tug_coroutine_current();
    struct tug_task_local_scope *scope = task != NULL ? task->coroutine->locals : NULL;
    while (scope != NULL && scope->key != key)
        scope = scope->outer;
    return scope;
}

void *tug_task_local_get(const struct tug_task_local *key)
{
    struct tug_task_local_scope *scope = find(key);
    return scope != NULL ? scope->value : NULL;
}

bool tug_task_local_set(const struct tug_task_local *key, void *value)
{
    struct tug_task_local_scope *scope = find(key);
    if (scope != NULL)
        replace(scope, value);
    return scope != NULL;
}
