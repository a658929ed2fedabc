/* SPDX-License-Identifier: MIT */
/*
 * Entering a runtime from an ordinary thread.
 */
#include <tug/runtime.h>

#include <errno.h>

#include "runtime/runtime.h"

static bool main_task_ended(void *task)
{
    return tug_task_is_finished(task);
}

static int block_on_current_thread(struct tug_runtime *runtime, tug_task_fn fn, void *argument,
                                   int64_t *result)
{
    int error = tug_current_thread_enter(runtime);
    if (error != 0)
        return error;
    struct tug_spawn_options options = TUG_SPAWN_OPTIONS_INIT;
    struct tug_task *task;
    options.runtime = runtime;
    error = tug_spawn_with(&task, &options, fn, argument);
    if (error == 0) {
        tug_current_thread_run(&runtime->workers[0], main_task_ended, task, UINT64_MAX);
        if (result != NULL)
            *result = task->result;
        tug_task_detach(task);
    }
    tug_current_thread_leave(runtime);
    return error;
}

int tug_runtime_block_on(struct tug_runtime *runtime, tug_task_fn fn, void *argument,
                         int64_t *result)
{
    if (tug_executor_current() != NULL)
        return -EDEADLK;
    if (runtime->domain.local)
        return block_on_current_thread(runtime, fn, argument, result);
    struct tug_spawn_options options = TUG_SPAWN_OPTIONS_INIT;
    struct tug_task *task;
    options.runtime = runtime;
    int error = tug_spawn_with(&task, &options, fn, argument);
    return error != 0 ? error : tug_join(task, result);
}

int64_t tug_run(tug_task_fn fn, void *argument)
{
    struct tug_runtime *runtime;
    int64_t result = 0;
    int error = tug_runtime_create(&runtime, NULL);
    if (error != 0)
        return error;
    error = tug_runtime_block_on(runtime, fn, argument, &result);
    tug_runtime_shutdown(runtime, UINT64_MAX);
    return error != 0 ? error : result;
}

struct tug_runtime *tug_runtime_current(void)
{
    return tug_runtime_of(tug_domain_current());
}

const char *tug_runtime_driver_name(const struct tug_runtime *runtime)
{
    const struct tug_driver *driver = runtime->workers[0].executor.driver;
    return driver != NULL ? driver->vtable->name : "none";
}
