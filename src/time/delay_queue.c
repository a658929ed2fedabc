/* SPDX-License-Identifier: MIT */
/*
 * Delay queues: a timing wheel of their own (wheel.h), whose time passes when somebody looks, and
 * the list of entries that have come out of it and were not taken yet.
 *
 * All is under the queue's lock, so the rules of the wheel about owners hold. Who waits sleeps
 * until the wheel wants to be looked at again; who inserts something earlier wakes him.
 */
#include <tug/delay_queue.h>

#include <errno.h>

#include <tug/coop.h>

#include "sys/call.h"
#include "sys/mutex.h"
#include "task/held_waker.h"
#include "time/clock.h"
#include "time/wheel.h"

enum { ENTRY_NOWHERE, ENTRY_WAITING, ENTRY_DUE };

struct tug_delay_queue {
    struct tug_sys_mutex lock;
    uint64_t start;                         /* the wheel's tick 0, in ns */
    struct tug_delay_entry *due, *due_last; /* doubly linked */
    size_t length;
    struct tug_waker waiter; /* held, or none */
    uint64_t wake_before;    /* the tick until which the waiter sleeps */
    struct tug_timer_wheel wheel;
};

int tug_delay_queue_create(struct tug_delay_queue **queue)
{
    struct tug_delay_queue *made = tug_sys_calloc(1, sizeof *made);
    if (made == NULL)
        return -ENOMEM;
    made->start = tug_now();
    tug_timer_wheel_init(&made->wheel, 0);
    *queue = made;
    return 0;
}

void tug_delay_queue_destroy(struct tug_delay_queue *queue)
{
    tug_sys_free(queue);
}

/* ---- under the lock ---------------------------------------------------------------------------
 */

static void append_due(struct tug_delay_queue *queue, struct tug_delay_entry *entry)
{
    entry->state = ENTRY_DUE;
    entry->next = NULL;
    entry->previous = queue->due_last;
    if (queue->due_last != NULL)
        queue->due_last->next = entry;
    else
        queue->due = entry;
    queue->due_last = entry;
}

static void unlink_due(struct tug_delay_queue *queue, struct tug_delay_entry *entry)
{
    if (entry->previous != NULL)
        entry->previous->next = entry->next;
    else
        queue->due = entry->next;
    if (entry->next != NULL)
        entry->next->previous = entry->previous;
    else
        queue->due_last = entry->previous;
}

static void time_has_come(struct tug_timer *timer)
{
    struct tug_delay_entry *entry = TUG_CONTAINER_OF(timer, struct tug_delay_entry, timer);
    append_due(entry->queue, entry);
}

static void put_in(struct tug_delay_queue *queue, struct tug_delay_entry *entry)
{
    uint64_t tick = tug_ticks_of_deadline(queue->start, entry->deadline);
    tug_timer_init(&entry->timer, time_has_come);
    entry->state = ENTRY_WAITING;
    if (!tug_timer_insert(&queue->wheel, &entry->timer, tick))
        append_due(queue, entry);
}

static bool take_out(struct tug_delay_queue *queue, struct tug_delay_entry *entry)
{
    if (entry->state == ENTRY_NOWHERE)
        return false;
    if (entry->state == ENTRY_DUE)
        unlink_due(queue, entry);
    else
        tug_timer_remove(&entry->timer);
    entry->state = ENTRY_NOWHERE;
    return true;
}

/* After a change: takes out who waits if there is something for him, or something earlier to wait
 * for; he is woken after the lock. */
static struct tug_waker whom_to_tell(struct tug_delay_queue *queue)
{
    if (queue->due == NULL && queue->length != 0 &&
        tug_timer_wheel_next(&queue->wheel) >= queue->wake_before)
        return TUG_NO_WAKER;
    return tug_waker_take(&queue->waiter);
}

/* The first entry whose time has come, or NULL. */
static struct tug_delay_entry *look(struct tug_delay_queue *queue)
{
    uint64_t now = tug_ticks_of_now(queue->start, tug_now());
    tug_timer_wheel_advance(&queue->wheel, now);
    struct tug_delay_entry *entry;
    /* A time farther off than the wheel goes is brought nearer by it, more than once if need be. */
    while ((entry = queue->due) != NULL &&
           tug_ticks_of_deadline(queue->start, entry->deadline) > now) {
        unlink_due(queue, entry);
        put_in(queue, entry);
    }
    return entry;
}

/* ---- entries ----------------------------------------------------------------------------------
 */

void tug_delay_queue_insert(struct tug_delay_queue *queue, struct tug_delay_entry *entry,
                            uint64_t deadline)
{
    entry->queue = queue;
    entry->deadline = deadline;
    tug_sys_mutex_lock(&queue->lock);
    queue->length++;
    put_in(queue, entry);
    struct tug_waker waiter = whom_to_tell(queue);
    tug_sys_mutex_unlock(&queue->lock);
    tug_waker_wake_taken(waiter);
}

bool tug_delay_queue_remove(struct tug_delay_queue *queue, struct tug_delay_entry *entry)
{
    struct tug_waker waiter = TUG_NO_WAKER;
    tug_sys_mutex_lock(&queue->lock);
    bool found = take_out(queue, entry);
    if (found) {
        queue->length--;
        waiter = whom_to_tell(queue);
    }
    tug_sys_mutex_unlock(&queue->lock);
    tug_waker_wake_taken(waiter);
    return found;
}

bool tug_delay_queue_reset(struct tug_delay_queue *queue, struct tug_delay_entry *entry,
                           uint64_t deadline)
{
    struct tug_waker waiter = TUG_NO_WAKER;
    tug_sys_mutex_lock(&queue->lock);
    bool found = take_out(queue, entry);
    if (found) {
        entry->deadline = deadline;
        put_in(queue, entry);
        waiter = whom_to_tell(queue);
    }
    tug_sys_mutex_unlock(&queue->lock);
    tug_waker_wake_taken(waiter);
    return found;
}

static struct tug_delay_entry *of_link(struct tug_timer_link *link)
{
    return TUG_CONTAINER_OF((struct tug_timer *)link, struct tug_delay_entry, timer);
}

/* The one of the smallest tick, which those of the first slot need not have in common. */
static struct tug_delay_entry *first_waiting(struct tug_delay_queue *queue)
{
    struct tug_timer_link *head = tug_timer_wheel_first(&queue->wheel);
    struct tug_delay_entry *first = NULL;
    uint64_t least = 0;
    if (head == NULL)
        return NULL;
    for (struct tug_timer_link *link = head->next; link != head; link = link->next) {
        uint64_t tick = tug_ticks_of_deadline(queue->start, of_link(link)->deadline);
        if (first != NULL && tick >= least)
            continue;
        first = of_link(link);
        least = tick;
    }
    return first;
}

struct tug_delay_entry *tug_delay_queue_peek(struct tug_delay_queue *queue)
{
    tug_sys_mutex_lock(&queue->lock);
    struct tug_delay_entry *entry = look(queue);
    if (entry == NULL)
        entry = first_waiting(queue);
    tug_sys_mutex_unlock(&queue->lock);
    return entry;
}

/* For who empties the queue: in any order, so that no time has to pass in the wheel. */
static struct tug_delay_entry *take_any(struct tug_delay_queue *queue)
{
    struct tug_delay_entry *entry = queue->due;
    if (entry == NULL) {
        struct tug_timer_link *head = tug_timer_wheel_first(&queue->wheel);
        entry = head != NULL ? of_link(head->next) : NULL;
    }
    if (entry != NULL)
        take_out(queue, entry);
    return entry;
}

size_t tug_delay_queue_clear(struct tug_delay_queue *queue,
                             void (*forget)(struct tug_delay_entry *entry, void *argument),
                             void *argument)
{
    struct tug_delay_entry *out = NULL, **end = &out, *entry;
    size_t count = 0;
    tug_sys_mutex_lock(&queue->lock);
    for (; (entry = take_any(queue)) != NULL; count++) {
        entry->next = NULL;
        *end = entry;
        end = &entry->next;
    }
    queue->length = 0;
    struct tug_waker waiter = whom_to_tell(queue);
    tug_sys_mutex_unlock(&queue->lock);
    tug_waker_wake_taken(waiter);
    while (forget != NULL && (entry = out) != NULL) {
        out = entry->next;
        forget(entry, argument);
    }
    return count;
}

size_t tug_delay_queue_length(struct tug_delay_queue *queue)
{
    tug_sys_mutex_lock(&queue->lock);
    size_t length = queue->length;
    tug_sys_mutex_unlock(&queue->lock);
    return length;
}

/* ---- waiting ----------------------------------------------------------------------------------
 */

/* Whether the future has something to say; if not, when to look again, and who is to be woken when
 * something earlier comes. */
static bool is_ready(struct tug_delay_queue *queue, const struct tug_waker *waker, uint64_t *until)
{
    struct tug_waker held = tug_waker_hold(waker);
    tug_sys_mutex_lock(&queue->lock);
    bool ready = look(queue) != NULL || queue->length == 0;
    struct tug_waker before = tug_waker_put(&queue->waiter, ready ? TUG_NO_WAKER : held);
    if (!ready) {
        queue->wake_before = tug_timer_wheel_next(&queue->wheel);
        *until = tug_ticks_to_time(queue->start, queue->wake_before);
    }
    tug_sys_mutex_unlock(&queue->lock);
    tug_waker_unhold(&before);
    if (ready)
        tug_waker_unhold(&held);
    return ready;
}

static struct tug_delay_entry *take_first(struct tug_delay_queue *queue)
{
    tug_sys_mutex_lock(&queue->lock);
    struct tug_delay_entry *entry = look(queue);
    if (entry != NULL) {
        take_out(queue, entry);
        queue->length--;
    }
    tug_sys_mutex_unlock(&queue->lock);
    return entry;
}

static void stop_waiting(struct tug_delay_queue *queue)
{
    tug_sys_mutex_lock(&queue->lock);
    struct tug_waker unused = tug_waker_put(&queue->waiter, TUG_NO_WAKER);
    tug_sys_mutex_unlock(&queue->lock);
    tug_waker_unhold(&unused);
}

/* Ends a sleep that may still be under way. */
static void end_sleep(struct tug_delay_queue_future *next, const struct tug_waker *waker)
{
    struct tug_future *sleep = &next->sleep.future;
    if (!next->sleeping)
        return;
    next->sleeping = false;
    sleep->vtable->cancel(sleep);
    sleep->vtable->poll(sleep, waker);
}

/* Returns TUG_READY if the time has come already. */
static int sleep_until(struct tug_delay_queue_future *next, uint64_t deadline,
                       const struct tug_waker *waker)
{
    if (next->sleeping)
        tug_sleep_future_reset(&next->sleep, deadline);
    else
        tug_sleep_future_init(&next->sleep, deadline);
    next->sleeping = next->sleep.future.vtable->poll(&next->sleep.future, waker) == TUG_PENDING;
    return next->sleeping ? TUG_PENDING : TUG_READY;
}

static int next_poll(struct tug_future *self, const struct tug_waker *waker)
{
    struct tug_delay_queue_future *next =
        TUG_CONTAINER_OF(self, struct tug_delay_queue_future, future);
    uint64_t until;
    while (!next->cancelled && !is_ready(next->queue, waker, &until)) {
        if (sleep_until(next, until, waker) == TUG_PENDING)
            return TUG_PENDING;
        if (next->sleep.future.result == -EPERM) {
            stop_waiting(next->queue);
            self->result = -EPERM;
            return TUG_READY;
        }
    }
    if (!next->cancelled && tug_coop_poll(waker) == TUG_PENDING)
        return TUG_PENDING;
    end_sleep(next, waker);
    next->entry = next->cancelled ? NULL : take_first(next->queue);
    self->result = next->cancelled ? -ECANCELED : next->entry != NULL;
    return TUG_READY;
}

static void next_cancel(struct tug_future *self)
{
    struct tug_delay_queue_future *next =
        TUG_CONTAINER_OF(self, struct tug_delay_queue_future, future);
    next->cancelled = true;
    stop_waiting(next->queue);
}

static const struct tug_future_vtable next_vtable = {.poll = next_poll, .cancel = next_cancel};

void tug_delay_queue_future_init(struct tug_delay_queue_future *next, struct tug_delay_queue *queue)
{
    next->future = (struct tug_future){&next_vtable, 0};
    next->entry = NULL;
    next->queue = queue;
    next->cancelled = next->sleeping = false;
}

int tug_delay_queue_next(struct tug_delay_queue *queue, struct tug_delay_entry **entry)
{
    struct tug_delay_queue_future next;
    tug_delay_queue_future_init(&next, queue);
    int outcome = (int)tug_await(&next.future);
    if (outcome == 1)
        *entry = next.entry;
    return outcome;
}
