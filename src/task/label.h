/* SPDX-License-Identifier: MIT */
/*
 * A task's id and name, in one word of the task that is 0 for as long as nobody asks:
 *
 *   0         no name, and no id yet
 *   odd       no name; the id is the word without its lowest bit
 *   else      the address of a struct with both, which goes with the task
 *
 * So that spawning costs a store, whatever the number of tasks, and only those with a name cost an
 * allocation. A name is set before the task is published and never changes.
 */
#ifndef TUG_TASK_LABEL_H
#define TUG_TASK_LABEL_H

#include "task/task.h"

static inline bool tug_label_is_struct(uint64_t label)
{
    return label != 0 && (label & 1) == 0;
}

/* Names a task that nobody can find yet. Returns 0; -ENOMEM. */
int tug_task_label_set(struct tug_task *task, const char *name);

void tug_task_label_free(struct tug_task *task);

/* Before the task's memory goes. */
static inline void tug_task_label_clear(struct tug_task *task)
{
    if (__builtin_expect(tug_label_is_struct(__atomic_load_n(&task->label, __ATOMIC_RELAXED)), 0))
        tug_task_label_free(task);
}

#endif
