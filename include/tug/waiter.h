/* SPDX-License-Identifier: MIT */
/*
 * A place in a queue of those who wait, as the futures of semaphores, locks, channels and
 * notifications have one. It is a part of the future, so waiting allocates nothing. There is
 * nothing here to be called: the types are public because their size is.
 */
#ifndef TUG_WAITER_H
#define TUG_WAITER_H

#include <stdint.h>

#include <tug/config.h>
#include <tug/future.h>

TUG_BEGIN_DECLS

/* All members are private. */
struct tug_waiter {
    struct tug_waiter *next, *previous;
    struct tug_waker waker;
    uint32_t state;
    uint32_t part; /* which of several queues it is in */
};

/* All members are private. An empty queue is all zeroes. */
struct tug_wait_queue {
    struct tug_waiter *first, *last;
    uint32_t lock;
};

TUG_END_DECLS

#endif
