/* SPDX-License-Identifier: MIT */
/*
 * Abort handles: a counted reference to the task, as a waker has one, under another name, so that
 * nobody joins by it. It keeps the task's memory, not the task.
 */
#include "task/state.h"
#include "task/task.h"

static struct tug_task *task_of(const struct tug_abort_handle *handle)
{
    return (struct tug_task *)(uintptr_t)handle;
}

struct tug_abort_handle *tug_task_abort_handle(struct tug_task *task)
{
    tug_task_reference(task);
    return (void *)task;
}

void tug_abort_handle_abort(struct tug_abort_handle *handle)
{
    tug_task_abort(task_of(handle));
}

bool tug_abort_handle_is_finished(const struct tug_abort_handle *handle)
{
    return tug_task_is_finished(task_of(handle));
}

uint64_t tug_abort_handle_id(const struct tug_abort_handle *handle)
{
    return tug_task_id(task_of(handle));
}

void tug_abort_handle_drop(struct tug_abort_handle *handle)
{
    if (handle != NULL)
        tug_task_release(task_of(handle));
}
