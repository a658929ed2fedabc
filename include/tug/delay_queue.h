/* SPDX-License-Identifier: MIT */
/*
 * Delay queues: entries that come out when their time has come, e.g. what a cache has to forget.
 *
 * An entry is embedded in what it stands for, so that inserting allocates nothing; it is inserted,
 * moved to another time and removed in constant time, however many there are. The resolution is
 * 1 ms, and no entry comes out early. Entries come out in the order of their times, those of the
 * same millisecond, and those whose time has come before they are in, in the order of insertion.
 */
#ifndef TUG_DELAY_QUEUE_H
#define TUG_DELAY_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tug/config.h>
#include <tug/future.h>
#include <tug/time.h>
#include <tug/timer.h>

TUG_BEGIN_DECLS

struct tug_delay_queue;

/* Zeroed: in no queue. Its memory stays where it is while it is in one. */
struct tug_delay_entry {
    uint64_t deadline; /* that it was inserted with; to be read */
    /* The rest is private. */
    struct tug_timer timer;
    struct tug_delay_entry *next, *previous;
    struct tug_delay_queue *queue;
    uint8_t state;
};

/* Makes an empty queue (some 6 KiB), whose functions may be called from any thread. Does not
 * suspend. Returns 0; -ENOMEM. */
TUG_API int tug_delay_queue_create(struct tug_delay_queue **queue);

/* Frees a queue nobody waits at; entries that are in it are forgotten. NULL is allowed. */
TUG_API void tug_delay_queue_destroy(struct tug_delay_queue *queue);

/* Inserts an entry, which is in no queue, to come out at the time `deadline` of tug_now(), in ns;
 * one that has passed: at once. Does not suspend; cannot fail. */
TUG_API void tug_delay_queue_insert(struct tug_delay_queue *queue, struct tug_delay_entry *entry,
                                    uint64_t deadline);

/* Takes an entry out. Does not suspend. Returns whether it was in the queue; if not, it has come
 * out, or was never in. */
TUG_API bool tug_delay_queue_remove(struct tug_delay_queue *queue, struct tug_delay_entry *entry);

/* Moves an entry to another time, also if its own has come but nobody has taken it yet. Does not
 * suspend. Returns whether it was in the queue; if not, nothing is done. */
TUG_API bool tug_delay_queue_reset(struct tug_delay_queue *queue, struct tug_delay_entry *entry,
                                   uint64_t deadline);

/* The entry that tug_delay_queue_next() will give next, unless something changes: its `deadline`
 * says when. It stays in the queue. Looks at the entries that are due about as soon as it; of those
 * that are more than two years off it may be any. Does not suspend. NULL: the queue is empty. */
TUG_API struct tug_delay_entry *tug_delay_queue_peek(struct tug_delay_queue *queue);

/*
 * Takes out all entries, and then calls forget(entry, argument) for each, unless that is NULL, in
 * no particular order; it may free the entry or insert it again. Who waits gets 0, unless something
 * is in the queue again by then. Does not suspend. Returns their number.
 */
TUG_API size_t tug_delay_queue_clear(struct tug_delay_queue *queue,
                                     void (*forget)(struct tug_delay_entry *entry, void *argument),
                                     void *argument);

/* Number of entries, those whose time has come included. */
TUG_API size_t tug_delay_queue_length(struct tug_delay_queue *queue);

/*
 * Waits for the next entry whose time has come, takes it out and stores it. One task at a time
 * waits. Suspends. Returns 1; 0: the queue is empty, or somebody has emptied it meanwhile; the
 * scope's reason: then no entry was taken. -EPERM: the caller is not a coroutine.
 */
TUG_API int tug_delay_queue_next(struct tug_delay_queue *queue, struct tug_delay_entry **entry);

/* The same as a future, for tug_select(): its result is 1, and `entry` is set; or 0; or -EPERM, if
 * it has to wait and is polled where no task runs. Cancelling it (-ECANCELED) takes no entry. */
struct tug_delay_queue_future {
    struct tug_future future;
    struct tug_delay_entry *entry;
    /* The rest is private. */
    struct tug_delay_queue *queue;
    struct tug_sleep_future sleep;
    uint8_t cancelled, sleeping;
};
TUG_API void tug_delay_queue_future_init(struct tug_delay_queue_future *next,
                                         struct tug_delay_queue *queue);

TUG_END_DECLS

#endif
