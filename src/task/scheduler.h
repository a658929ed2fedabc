/* SPDX-License-Identifier: MIT */
/*
 * What the task layer asks of the layer above it: the runtime implements these.
 */
#ifndef TUG_TASK_SCHEDULER_H
#define TUG_TASK_SCHEDULER_H

#include "task/executor.h"
#include "task/task.h"

/* Puts a task that has just become SCHEDULED into a run queue: the LIFO slot of `executor`, or, if
 * that is NULL or the task belongs elsewhere, a queue that other threads may fill. */
void tug_scheduler_schedule(struct tug_executor *executor, struct tug_task *task);

/* Wakes whoever runs the domain's inbox (current-thread flavour). [any thread] */
void tug_scheduler_inbox_filled(struct tug_domain *domain);

#endif
