/* SPDX-License-Identifier: MIT */
/*
 * The fast paths of the semaphore, for what is made of semaphores.
 *
 * The state word holds, in one atomic 64-bit integer:
 *
 *   CLOSED    nothing is given out any more
 *   WAITERS   the queue is not empty; changes under the queue's lock only
 *   permits   from bit 2: those that anybody may take
 *
 * Invariants:
 *  1. While WAITERS is set there are no permits in the word: the first in the queue has all there
 *     were, and gets all that come. So taking past the queue is impossible, and a compare-and-swap
 *     that finds WAITERS clear and enough permits is all that a fast acquisition needs.
 *  2. Whoever releases permits has either put them into the word by one compare-and-swap, or hands
 *     them to waiters under the lock. What is left over then goes the first way, after the lock has
 *     been let go: from the moment that permits can be had, the semaphore is not touched any more
 *     for their sake.
 */
#ifndef TUG_SYNC_SEMAPHORE_H
#define TUG_SYNC_SEMAPHORE_H

#include <errno.h>

#include <tug/coop.h>
#include <tug/semaphore.h>

#include "sync/direct.h"
#include "sync/wait_queue.h"

#define TUG_SEMAPHORE_CLOSED UINT64_C(1)
#define TUG_SEMAPHORE_WAITERS UINT64_C(2)
#define TUG_SEMAPHORE_PERMIT UINT64_C(4)

static inline bool tug_semaphore_swap(struct tug_semaphore *semaphore, uint64_t *expected,
                                      uint64_t desired)
{
    return __atomic_compare_exchange_n(&semaphore->state, expected, desired, true, __ATOMIC_ACQ_REL,
                                       __ATOMIC_ACQUIRE);
}

/* Takes permits if that needs no wait. `permits` is at most TUG_SEMAPHORE_MAX. Returns 0, -EAGAIN
 * or -EPIPE. */
static inline int tug_semaphore_take(struct tug_semaphore *semaphore, size_t permits)
{
    const uint64_t wanted = permits * TUG_SEMAPHORE_PERMIT;
    uint64_t state = __atomic_load_n(&semaphore->state, __ATOMIC_RELAXED);
    do {
        if ((state & TUG_SEMAPHORE_CLOSED) != 0)
            return -EPIPE;
        if (state < wanted)
            return -EAGAIN;
    } while (!tug_semaphore_swap(semaphore, &state, state - wanted));
    return 0;
}

/* The start of a call in direct style that takes permits. -EAGAIN: tug_semaphore_wait(). */
static inline int tug_semaphore_take_in_call(struct tug_semaphore *semaphore, size_t permits)
{
    if (!tug_call_may_proceed())
        return -EAGAIN;
    int result = tug_semaphore_take(semaphore, permits);
    if (result == -EAGAIN)
        tug_coop_restore();
    return result;
}

/* Waits for permits in direct style, after tug_semaphore_take_in_call() has said -EAGAIN. */
int tug_semaphore_wait(struct tug_semaphore *semaphore, size_t permits);

/*
 * Gives permits back while WAITERS is set. An acquisition that gets all it waits for has its `use`
 * called, if there is one, before it is told: what the permits are for is done there and then, by
 * the one who releases them, and need not wait until the waiter runs.
 */
void tug_semaphore_hand_over(struct tug_semaphore *semaphore, size_t permits);

/* Gives permits back. `permits` and those there are do not overflow. */
static inline void tug_semaphore_give(struct tug_semaphore *semaphore, size_t permits)
{
    uint64_t state = __atomic_load_n(&semaphore->state, __ATOMIC_RELAXED);
    do {
        if ((state & TUG_SEMAPHORE_WAITERS) != 0) {
            tug_semaphore_hand_over(semaphore, permits);
            return;
        }
    } while (!tug_semaphore_swap(semaphore, &state, state + permits * TUG_SEMAPHORE_PERMIT));
}

#endif
