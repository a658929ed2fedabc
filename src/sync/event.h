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
