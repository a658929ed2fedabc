/* SPDX-License-Identifier: MIT */
/*
 * Finding the tasks of a runtime: a walk over the slots of their slab pool. There is no list of all
 * tasks, which every spawn would pay for; their memory is type-stable and begins with the state
 * word instead.
 */
#ifndef TUG_RUNTIME_TASK_WALK_H
#define TUG_RUNTIME_TASK_WALK_H

#include "runtime/runtime.h"

#define TUG_TASK_WALK_ON_STACK 256

/* The tasks found in one walk, a reference to each, which the caller gives up. */
struct tug_task_walk {
    struct tug_task *on_stack[TUG_TASK_WALK_ON_STACK];
    struct tug_task **tasks;
    struct tug_runtime *runtime;
    uint64_t without;
    size_t count, capacity;
    bool full; /* some were not collected, for lack of memory */
};

/* `without`: bits of the state word; a task that has any of them is passed over. */
void tug_task_walk_init(struct tug_task_walk *walk, struct tug_runtime *runtime, uint64_t without);

/* Collects anew. Of a current-thread runtime: by its owner. */
void tug_task_walk_collect(struct tug_task_walk *walk);

void tug_task_walk_end(struct tug_task_walk *walk);

#endif
