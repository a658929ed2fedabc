/* SPDX-License-Identifier: MIT */
/*
 * The local run queue of one worker: a ring of 256 tasks that others can steal from. Tokio's
 * protocol (tokio/src/runtime/scheduler/multi_thread/queue.rs), which descends from Go's.
 *
 * `tail` is written by the owner alone. `head` is two indices in one word:
 *
 *     steal ... real ... tail        (32 bits each, running freely, masked on access)
 *
 *  - The slots from real to tail hold tasks that anybody may take.
 *  - steal == real: no thief is at work. Otherwise the slots from steal to real are being copied by
 *    the one thief there may be; the owner must not overwrite them.
 *
 * The indices are wider than the ring so that a compare-and-swap cannot mistake a head that has
 * gone once around for an old one.
 */
#ifndef TUG_RUNTIME_QUEUE_H
#define TUG_RUNTIME_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/inject.h"
#include "task/task.h"

#ifndef TUG_QUEUE_CAPACITY /* a test takes another */
#define TUG_QUEUE_CAPACITY 256u
#endif

struct tug_run_queue {
    uint64_t head __attribute__((aligned(64)));
    uint32_t tail __attribute__((aligned(64)));
    struct tug_task *tasks[TUG_QUEUE_CAPACITY];
};

void tug_run_queue_init(struct tug_run_queue *queue);

/*
 * [owner] Puts a task at the end. When the ring is full, half of it and the task go to the global
 * queue: the older half stays, so that a task which came from the global queue does not go back
 * there. Returns whether that happened.
 */
bool tug_run_queue_push(struct tug_run_queue *queue, struct tug_task *task,
                        struct tug_inject *overflow);

/* [owner] Takes the task at the front, or NULL. */
struct tug_task *tug_run_queue_pop(struct tug_run_queue *queue);

/* [owner] Slots that a push can fill without overflow. */
uint32_t tug_run_queue_room(const struct tug_run_queue *queue);

/* [any thread] Number of tasks that could be taken just now. */
uint32_t tug_run_queue_length(const struct tug_run_queue *queue);

/*
 * [owner of `to`] Moves half of `from`, rounded up, to the end of `to`, and returns the last of
 * them (which is not in `to`), or NULL: nothing there, another thief is at work, or `to` is more
 * than half full. `*stolen`: how many, the returned one included.
 */
struct tug_task *tug_run_queue_steal(struct tug_run_queue *from, struct tug_run_queue *to,
                                     unsigned *stolen);

#endif
