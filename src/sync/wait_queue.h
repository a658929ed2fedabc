/* SPDX-License-Identifier: MIT */
/*
 * The queue of waiters that the types of this directory share: first come, first served, and
 * whoever waits may leave at any time.
 *
 * A waiter is in one of four states:
 *
 *   NEW     in no queue yet
 *   QUEUED  in the queue; its waker is the queue's to use, under the lock
 *   CHOSEN  taken out by somebody who will tell it soon, and to whom its memory belongs until then
 *   TOLD    it has got what it waited for; nobody else touches it any more
 *
 * Rules:
 *  1. NEW to QUEUED, QUEUED to CHOSEN, and QUEUED back to NEW (the waiter leaves) are under the
 *     lock. CHOSEN to TOLD is not.
 *  2. Wakers are used after the lock has been let go, because a wake may run anything. And telling
 *     is the last thing that whoever chose does: it does not touch the queue afterwards, so who is
 *     told may free what the queue is a part of.
 *  3. The wait of a task keeps the task, so a task's waker is cloned only at the moment when its
 *     waiter is told (tug_waker_hold()).
 *  4. A poll that finds CHOSEN has come a moment too early. As the one who chose may be about to
 *     wake another waker than the poll's, the poll wakes its own.
 *  5. Hence a task may be woken before its waiter becomes TOLD; then it needs no reference, as it
 *     cannot end before.
 */
#ifndef TUG_SYNC_WAIT_QUEUE_H
#define TUG_SYNC_WAIT_QUEUE_H

#include <stdbool.h>
#include <stddef.h>

#include <tug/waiter.h>

#include "sys/mutex.h"
#include "task/held_waker.h"

enum tug_waiter_state {
    TUG_WAITER_NEW,
    TUG_WAITER_QUEUED,
    TUG_WAITER_CHOSEN,
    TUG_WAITER_TOLD,
};

/* Waiters that were chosen, linked by `next`, in the order in which they waited. */
struct tug_chosen {
    struct tug_waiter *first, **end;
};

static inline void tug_chosen_init(struct tug_chosen *chosen)
{
    chosen->first = NULL;
    chosen->end = &chosen->first;
}

static inline void tug_wait_queue_lock(struct tug_wait_queue *queue)
{
    tug_sys_mutex_lock(tug_sys_mutex_of_word(&queue->lock));
}

static inline void tug_wait_queue_unlock(struct tug_wait_queue *queue)
{
    tug_sys_mutex_unlock(tug_sys_mutex_of_word(&queue->lock));
}

static inline uint32_t tug_waiter_state(const struct tug_waiter *waiter)
{
    return __atomic_load_n(&waiter->state, __ATOMIC_ACQUIRE);
}

/* [locked] NEW to QUEUED, at the end. `held` is a waker made by tug_waker_hold(). */
static inline void tug_wait_queue_push(struct tug_wait_queue *queue, struct tug_waiter *waiter,
                                       struct tug_waker held)
{
    waiter->waker = held;
    waiter->next = NULL;
    waiter->previous = queue->last;
    if (queue->last != NULL)
        queue->last->next = waiter;
    else
        queue->first = waiter;
    queue->last = waiter;
    __atomic_store_n(&waiter->state, TUG_WAITER_QUEUED, __ATOMIC_RELAXED);
}

/* [locked] The same at the head, for one that was there before and is there once more. */
static inline void tug_wait_queue_push_front(struct tug_wait_queue *queue,
                                             struct tug_waiter *waiter, struct tug_waker held)
{
    waiter->waker = held;
    waiter->previous = NULL;
    waiter->next = queue->first;
    if (queue->first != NULL)
        queue->first->previous = waiter;
    else
        queue->last = waiter;
    queue->first = waiter;
    __atomic_store_n(&waiter->state, TUG_WAITER_QUEUED, __ATOMIC_RELAXED);
}

/* [locked] Takes a waiter out, to become NEW or CHOSEN. */
static inline void tug_wait_queue_unlink(struct tug_wait_queue *queue, struct tug_waiter *waiter,
                                         enum tug_waiter_state state)
{
    if (waiter->previous != NULL)
        waiter->previous->next = waiter->next;
    else
        queue->first = waiter->next;
    if (waiter->next != NULL)
        waiter->next->previous = waiter->previous;
    else
        queue->last = waiter->previous;
    __atomic_store_n(&waiter->state, (uint32_t)state, __ATOMIC_RELAXED);
}

/* [locked] QUEUED to CHOSEN. */
static inline void tug_wait_queue_choose(struct tug_wait_queue *queue, struct tug_waiter *waiter,
                                         struct tug_chosen *chosen)
{
    tug_wait_queue_unlink(queue, waiter, TUG_WAITER_CHOSEN);
    waiter->next = NULL;
    *chosen->end = waiter;
    chosen->end = &waiter->next;
}

/*
 * [locked] All who are queued become CHOSEN. From both ends at once: where the waiters lie in
 * another processor's cache, each step takes as long as one of them needs to come from there, and
 * so two are on their way.
 */
static inline void tug_wait_queue_choose_all(struct tug_wait_queue *queue,
                                             struct tug_chosen *chosen)
{
    struct tug_waiter *front = queue->first, *back = queue->last;
    if (front == NULL)
        return;
    *chosen->end = front;
    chosen->end = &back->next;
    while (front != back) {
        __atomic_store_n(&front->state, (uint32_t)TUG_WAITER_CHOSEN, __ATOMIC_RELAXED);
        __atomic_store_n(&back->state, (uint32_t)TUG_WAITER_CHOSEN, __ATOMIC_RELAXED);
        if (front->next == back)
            break;
        front = front->next;
        back = back->previous;
    }
    __atomic_store_n(&front->state, (uint32_t)TUG_WAITER_CHOSEN, __ATOMIC_RELAXED);
    queue->first = queue->last = NULL;
}

/* [unlocked] CHOSEN to TOLD, and the wakes (rules 2 and 3). */
void tug_waiters_tell(struct tug_chosen *chosen);

/*
 * A poll of a waiter that is not NEW: whether it is TOLD. If not, `waker` will be woken when that
 * changes. After TOLD the waiter has no waker.
 */
bool tug_waiter_poll(struct tug_wait_queue *queue, struct tug_waiter *waiter,
                     const struct tug_waker *waker);

/*
 * The poll of a future that waits in the queue, and is charged to the coop budget when it is ready:
 * enter() has what it wants at once, or puts its waiter into the queue, which makes it QUEUED.
 */
int tug_waiter_poll_future(struct tug_wait_queue *queue, struct tug_waiter *waiter,
                           struct tug_future *self, const struct tug_waker *waker,
                           bool (*enter)(struct tug_future *self, const struct tug_waker *waker));

/*
 * [locked] A waiter that is QUEUED leaves: QUEUED to NEW, and its waker has to be given up with
 * tug_waker_unhold() after the lock has been let go. False: it is CHOSEN or TOLD, or was never
 * queued.
 */
static inline bool tug_wait_queue_leave(struct tug_wait_queue *queue, struct tug_waiter *waiter)
{
    if (__atomic_load_n(&waiter->state, __ATOMIC_RELAXED) != TUG_WAITER_QUEUED)
        return false;
    tug_wait_queue_unlink(queue, waiter, TUG_WAITER_NEW);
    return true;
}

#endif
