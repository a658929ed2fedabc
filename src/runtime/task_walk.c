/* SPDX-License-Identifier: MIT */
/*
 * Collecting tasks. The pool's lock is held during the walk, so what is to be done with them is
 * done afterwards.
 */
#include "runtime/task_walk.h"

#include <string.h>

#include "sys/call.h"
#include "task/state.h"

static bool make_room(struct tug_task_walk *walk)
{
    if (walk->count < walk->capacity)
        return true;
    size_t capacity = 2 * walk->capacity;
    struct tug_task **tasks = tug_sys_malloc(capacity * sizeof(struct tug_task *));
    if (tasks == NULL)
        return false;
    memcpy(tasks, walk->tasks, walk->count * sizeof(struct tug_task *));
    if (walk->tasks != walk->on_stack)
        tug_sys_free(walk->tasks);
    walk->tasks = tasks;
    walk->capacity = capacity;
    return true;
}

static void collect(void *object, void *argument)
{
    struct tug_task *task = object;
    struct tug_task_walk *walk = argument;
    bool local = walk->runtime->domain.local;
    uint64_t state = tug_state_load(task);
    /* Only a reference taken while there still is one keeps the task; the pool's lock keeps just
     * the memory. */
    do {
        if (tug_state_references(state) == 0 || (state & walk->without) != 0)
            return;
        if (!make_room(walk)) {
            walk->full = true;
            return;
        }
    } while (!(local ? tug_state_swap(task, &state, state + TUG_TASK_REFERENCE)
                     : tug_state_swap_shared(task, &state, state + TUG_TASK_REFERENCE)));
    walk->tasks[walk->count++] = task;
}

void tug_task_walk_init(struct tug_task_walk *walk, struct tug_runtime *runtime, uint64_t without)
{
    walk->tasks = walk->on_stack;
    walk->capacity = TUG_TASK_WALK_ON_STACK;
    walk->runtime = runtime;
    walk->without = without;
    walk->count = 0;
    walk->full = false;
}

void tug_task_walk_collect(struct tug_task_walk *walk)
{
    walk->count = 0;
    walk->full = false;
    tug_slab_for_each(&walk->runtime->tasks, collect, walk);
}

void tug_task_walk_end(struct tug_task_walk *walk)
{
    if (walk->tasks != walk->on_stack)
        tug_sys_free(walk->tasks);
}
