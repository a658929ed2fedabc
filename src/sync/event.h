/* SPDX-License-Identifier: MIT */
/*
 * Waiting for something that has happened or not, by any number at once, who are all told of it.
 * What has happened is the caller's to keep, in words that may be looked at without a lock.
 *
 * No wake is lost: who makes it happen writes first and takes the queue's lock second; who waits
 * enters the queue under that lock, after having looked once more.
 */
#ifndef TUG_SYNC_EVENT_H
#define TUG_SYNC_EVENT_H

#include <stdbool.h>

#include "sync/wait_queue.h"
#include "sys/cpu.h"

/*
 * What many wait for: several queues, each on a cache line of its own, so that tasks of one worker
 * rarely touch the queue that those of another use. All zeroes at first. Lies on a cache line.
 */
#define TUG_EVENT_QUEUES 4
struct tug_event {
    struct {
        struct tug_wait_queue queue;
    } __attribute__((aligned(TUG_CACHE_LINE))) parts[TUG_EVENT_QUEUES];
};

/* Tells all who wait in any of the queues. */
void tug_event_tell_all(struct tug_event *event);

/* The queue of a waiter; one that is in none is given that of the calling worker. */
struct tug_wait_queue *tug_event_queue(struct tug_event *event, struct tug_waiter *waiter);

/* Tells all who wait at this moment. The queue is not touched after the last of them was told. */
void tug_event_tell(struct tug_wait_queue *queue);

/*
 * The poll of a future, with result 0, that is ready when happened(self). A unit of the coop budget
 * is charged when it is ready, and not if it was cancelled.
 */
int tug_event_poll(struct tug_future *self, struct tug_waiter *waiter, struct tug_wait_queue *queue,
                   bool (*happened)(const struct tug_future *self), const struct tug_waker *waker);

/* Its cancel: the result is -ECANCELED. */
void tug_event_cancel(struct tug_future *self, struct tug_waiter *waiter,
                      struct tug_wait_queue *queue);

/* The same in direct style, for events that nobody needs a future of: returns 0 when
 * happened(subject), or as tug_await_anywhere(). */
int tug_event_wait(struct tug_wait_queue *queue, bool (*happened)(const void *subject),
                   const void *subject);

#endif
