/* SPDX-License-Identifier: MIT */
/*
 * The global queue: tasks from outside of the workers, and what overflows their rings. One lock, an
 * intrusive list, and a length that can be read without the lock.
 */
#ifndef TUG_RUNTIME_INJECT_H
#define TUG_RUNTIME_INJECT_H

#include <stddef.h>
#include <stdint.h>

#include "sys/list.h"
#include "sys/mutex.h"
#include "task/task.h"

struct tug_inject {
    struct tug_sys_mutex lock;
    size_t length; /* written under the lock, read by anyone */
    struct tug_fifo tasks;
} __attribute__((aligned(64)));

static inline void tug_inject_init(struct tug_inject *inject)
{
    tug_sys_mutex_init(&inject->lock);
    inject->length = 0;
    tug_fifo_init(&inject->tasks);
}

static inline size_t tug_inject_length(const struct tug_inject *inject)
{
    return __atomic_load_n(&inject->length, __ATOMIC_RELAXED);
}

static inline void tug_inject_push_batch(struct tug_inject *inject, struct tug_fifo *batch,
                                         size_t count)
{
    tug_sys_mutex_lock(&inject->lock);
    tug_fifo_append(&inject->tasks, batch);
    __atomic_store_n(&inject->length, inject->length + count, __ATOMIC_RELAXED);
    tug_sys_mutex_unlock(&inject->lock);
}

static inline void tug_inject_push(struct tug_inject *inject, struct tug_task *task)
{
    tug_sys_mutex_lock(&inject->lock);
    tug_fifo_push(&inject->tasks, &task->link);
    __atomic_store_n(&inject->length, inject->length + 1, __ATOMIC_RELAXED);
    tug_sys_mutex_unlock(&inject->lock);
}

/* Takes up to `count` tasks from the front into `batch`; returns how many. */
static inline size_t tug_inject_pop(struct tug_inject *inject, struct tug_fifo *batch, size_t count)
{
    if (tug_inject_length(inject) == 0)
        return 0;
    size_t n = 0;
    tug_sys_mutex_lock(&inject->lock);
    for (; n < count; n++) {
        struct tug_fifo_node *node = tug_fifo_pop(&inject->tasks);
        if (node == NULL)
            break;
        tug_fifo_push(batch, node);
    }
    __atomic_store_n(&inject->length, inject->length - n, __ATOMIC_RELAXED);
    tug_sys_mutex_unlock(&inject->lock);
    return n;
}

static inline struct tug_task *tug_task_of_link(struct tug_fifo_node *node)
{
    return node != NULL ? TUG_CONTAINER_OF(node, struct tug_task, link) : NULL;
}

#endif
