/* SPDX-License-Identifier: MIT */
/*
 * Who searches and who sleeps: when to wake a worker, and which. Tokio's protocol
 * (tokio/src/runtime/scheduler/multi_thread/idle.rs).
 *
 * One word holds the number of workers that search for work (low 16 bits) and of those that do not
 * sleep (upper bits). The rules:
 *
 *  1. Who makes work available wakes one sleeper, but only if nobody searches.
 *  2. At most half of the workers search at a time.
 *  3. The last searcher that finds work wakes another, since rule 1 kept others from doing so.
 *  4. The last searcher that goes to sleep looks at every queue once more after it has left the
 *     count: work made available just before was not announced, because of rule 1.
 *
 * Making work available and reading the word, and leaving the count and looking at the queues, are
 * each ordered by sequentially consistent accesses: one of the two sees the other.
 */
#ifndef TUG_RUNTIME_IDLE_H
#define TUG_RUNTIME_IDLE_H

#include <stdbool.h>
#include <stdint.h>

#include "sys/mutex.h"

struct tug_idle {
    uint32_t state __attribute__((aligned(64)));
    uint32_t workers;
    struct tug_sys_mutex lock;
    uint32_t sleeping;
    uint16_t *sleepers; /* a stack of worker numbers: who slept last is woken first */
};

/* All workers are awake, none searches. 0 or -ENOMEM. */
int tug_idle_init(struct tug_idle *idle, uint32_t workers);
void tug_idle_destroy(struct tug_idle *idle);

/* Rule 1: the worker to wake, which counts as a searcher from now on, or -1. */
int tug_idle_worker_to_notify(struct tug_idle *idle);

/* Whether anybody sleeps or searches, that is, would take work. A hint. */
bool tug_idle_wants_work(const struct tug_idle *idle);

/* Counts the caller as a searcher if rule 2 permits. */
bool tug_idle_start_searching(struct tug_idle *idle);

/* The caller does not search any more; whether it was the last (rules 3 and 4). */
bool tug_idle_stop_searching(struct tug_idle *idle);

/* Worker goes to sleep; whether it was the last searcher (rule 4). */
bool tug_idle_sleep(struct tug_idle *idle, uint32_t worker, bool searching);

/* Worker has woken up by itself and has work: takes it off the sleepers. Returns whether it was
 * among them; if not, tug_idle_worker_to_notify() has chosen it and it counts as a searcher. */
bool tug_idle_wake_up(struct tug_idle *idle, uint32_t worker);

/* Whether nobody has chosen this sleeper yet. */
bool tug_idle_is_sleeping(struct tug_idle *idle, uint32_t worker);

#endif
