/* SPDX-License-Identifier: MIT */
/*
 * Telling of the tasks there are.
 */
#include <tug/runtime.h>

#include <errno.h>

#include "runtime/task_walk.h"
#include "task/executor.h"
#include "task/state.h"

static void tell_of(struct tug_task *task,
                    void (*tell)(const struct tug_task_info *task, void *argument), void *argument)
{
    uint64_t state = tug_state_load(task);
    const struct tug_task_info info = {
        .id = tug_task_id(task),
        .name = tug_task_name(task),
        .worker = task->worker,
        .runnable = (state & TUG_TASK_SCHEDULED) != 0,
        .aborted = (state & TUG_TASK_ABORTED) != 0,
        .blocking = task->kind == TUG_TASK_BLOCKING,
    };
    tell(&info, argument);
}

int64_t tug_runtime_tasks(struct tug_runtime *runtime,
                          void (*tell)(const struct tug_task_info *task, void *argument),
                          void *argument)
{
    struct tug_executor *executor = tug_executor_current();
    if (runtime->domain.local && (executor == NULL || executor->domain != &runtime->domain))
        return -EPERM;
    struct tug_task_walk walk;
    tug_task_walk_init(&walk, runtime, TUG_TASK_COMPLETE);
    tug_task_walk_collect(&walk);
    for (size_t i = 0; i < walk.count; i++) {
        if (!walk.full)
            tell_of(walk.tasks[i], tell, argument);
        tug_task_release(walk.tasks[i]);
    }
    tug_task_walk_end(&walk);
    return walk.full ? -ENOMEM : (int64_t)walk.count;
}
