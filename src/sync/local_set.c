/* SPDX-License-Identifier: MIT */
/*
 * Local sets: a group whose children are pinned to one worker, and know it by a bit of the word
 * that leads them to their group (task/group.h).
 */
#include <tug/local_set.h>

#include <errno.h>

#include <tug/cancel.h>
#include <tug/oneshot.h>

#include "task/coroutine.h"
#include "task/group.h"

void tug_local_set_init(struct tug_local_set *set, int worker)
{
    tug_group_init(&set->group, 0);
    set->worker = worker != TUG_ANY_WORKER ? worker : tug_worker_index();
}

int tug_local_set_spawn(struct tug_local_set *set, tug_task_fn fn, void *argument)
{
    struct tug_spawn_options options = TUG_SPAWN_OPTIONS_INIT;
    options.worker = set->worker;
    return tug_group_add(&set->group, TUG_GROUP_LOCAL, &options, fn, argument, NULL, NULL);
}

int tug_spawn_local(tug_task_fn fn, void *argument)
{
    struct tug_task *task = tug_task_current();
    if (task == NULL || (task->group & TUG_GROUP_LOCAL) == 0)
        return -EPERM;
    return tug_local_set_spawn((void *)(task->group & ~TUG_GROUP_KIND_MASK), fn, argument);
}

struct run {
    tug_task_fn fn;
    void *argument;
    struct tug_token stop;
    struct tug_oneshot result;
};

static int64_t run_and_tell(void *argument)
{
    struct run *run = argument;
    struct tug_scope scope;
    tug_scope_begin(&scope, TUG_FOREVER, &run->stop);
    int64_t result = tug_scope_end(&scope, run->fn(run->argument));
    /* It is the caller's result, and not a failure of the set's. */
    tug_oneshot_send(&run->result, result);
    return 0;
}

int64_t tug_local_set_run(struct tug_local_set *set, tug_task_fn fn, void *argument)
{
    if (tug_coroutine_current() == NULL)
        return -EPERM;
    struct run run = {.fn = fn, .argument = argument};
    tug_token_init(&run.stop, NULL);
    tug_oneshot_init(&run.result);
    int64_t result = tug_local_set_spawn(set, run_and_tell, &run);
    if (result != 0)
        return result;
    int reason = tug_oneshot_receive(&run.result, &result);
    if (reason != 0) {
        tug_token_cancel(&run.stop);
        struct tug_scope shield;
        tug_shield_begin(&shield);
        tug_oneshot_receive(&run.result, &result);
        tug_scope_end(&shield, 0);
        if (result == -ECANCELED)
            result = reason;
    }
    tug_token_destroy(&run.stop);
    return result;
}

void tug_local_set_cancel(struct tug_local_set *set)
{
    tug_group_cancel(&set->group);
}

int64_t tug_local_set_wait(struct tug_local_set *set)
{
    return tug_group_wait(&set->group);
}
