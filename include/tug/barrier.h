/* SPDX-License-Identifier: MIT */
/*
 * The barrier: a number of tasks wait for each other, again and again. Of each round one is told
 * that it is the leader.
 *
 * The struct is the caller's; nothing is allocated, and nothing has to be destroyed. Its memory may
 * be reused when all waits of a round have returned and nobody will begin another.
 */
#ifndef TUG_BARRIER_H
#define TUG_BARRIER_H

#include <stddef.h>

#include <tug/config.h>
#include <tug/future.h>
#include <tug/waiter.h>

TUG_BEGIN_DECLS

/* All members are private. */
struct tug_barrier {
    struct tug_wait_queue queue;
    size_t parties, arrived;
};

/* Prepares a barrier for so many; 0 is taken for 1, and then nobody ever waits. Does not suspend;
 * cannot fail. */
TUG_API void tug_barrier_init(struct tug_barrier *barrier, size_t parties);

/*
 * Waits until as many have arrived as there are parties. Suspends; on a thread that runs no tasks
 * it blocks. Cancelled, it has not arrived: another has to come in its place. Returns 1 to the
 * leader, which is who came last, and 0 to the others; the scope's reason; -EPERM in a poll task,
 * which polls a future instead.
 */
TUG_API int tug_barrier_wait(struct tug_barrier *barrier);

/* The wait as a future, with the same results. It arrives with its first poll; one that was
 * cancelled when all had arrived has its result all the same. All members but `future` are private.
 */
struct tug_barrier_future {
    struct tug_future future;
    struct tug_waiter waiter;
    struct tug_barrier *barrier;
};
TUG_API void tug_barrier_future_init(struct tug_barrier_future *wait, struct tug_barrier *barrier);

TUG_END_DECLS

#endif
