/* SPDX-License-Identifier: MIT */
/*
 * The threads of a model as workers, and their tasks as tasks that move: each time somebody asks on
 * which worker he is, his thread is the next of them. So the waits of one thread are in one queue
 * of an event after the other (sync/event.h), and those of two threads in different ones. Included
 * before the source under test.
 */
#ifndef TUG_TESTS_INTERLEAVE_EXECUTORS_H
#define TUG_TESTS_INTERLEAVE_EXECUTORS_H

#include "instrument.h"

#include "task/executor.h"

static struct tug_executor executors[INTERLEAVE_THREADS];

/* Before each run: the first waits are at both ends of the queues. */
static inline void executors_begin(void)
{
    for (int i = 0; i < INTERLEAVE_THREADS; i++)
        executors[i].index = 3 * (i + 1);
}

static inline struct tug_executor *executor_of_thread(void)
{
    int self = interleave_self();
    if (self < 0)
        return NULL;
    executors[self].index++;
    return &executors[self];
}

#define tug_executor_current() executor_of_thread()

#endif
