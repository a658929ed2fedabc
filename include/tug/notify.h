/* SPDX-License-Identifier: MIT */
/*
 * Notifications: tasks wait until somebody tells them to look again. What there is to be seen is
 * kept elsewhere; a notification carries no value.
 *
 * A notification of one is never lost: if nobody waits it is kept for the next who does (one of
 * them, however many there were), and if the one it was given to gives up, it goes to the next. So
 * "change, then notify" and "look, then wait, then look again" fit together without a lock. For
 * several who wait at once there is tug_notify_enable().
 *
 * The struct is the caller's; nothing is allocated, and nothing has to be destroyed.
 */
#ifndef TUG_NOTIFY_H
#define TUG_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

#include <tug/config.h>
#include <tug/future.h>
#include <tug/waiter.h>

TUG_BEGIN_DECLS

/* All members are private. All zeroes is one that nobody has notified. */
struct tug_notify {
    uint64_t state;
    struct tug_wait_queue queue;
};

#define TUG_NOTIFY_INIT                                                                            \
    {                                                                                              \
        0,                                                                                         \
        {                                                                                          \
            NULL, NULL, 0                                                                          \
        }                                                                                          \
    }

/* Prepares for the first notification. Does not suspend; cannot fail. */
TUG_API void tug_notify_init(struct tug_notify *notify);

/*
 * Waits for a notification. Suspends unless one has been kept; on a thread that runs no tasks it
 * blocks. Cancelled, it loses its place in the queue; a notification that was on its way to it goes
 * to the next who waits, or is kept.
 * Returns 0; the scope's reason; -EPERM in a poll task, which polls a future instead.
 */
TUG_API int tug_notify_wait(struct tug_notify *notify);

/* Notifies one: of those who wait the one that has waited longest, or the one that came last. If
 * nobody waits the notification is kept. From any thread. Do not suspend. */
TUG_API void tug_notify_one(struct tug_notify *notify);
TUG_API void tug_notify_last(struct tug_notify *notify);

/* Notifies all who wait, and all whose future has been prepared; nothing is kept for those that
 * come later. From any thread. Does not suspend. */
TUG_API void tug_notify_waiters(struct tug_notify *notify);

/* A wait as a future, with result 0. It hears a tug_notify_waiters() from its preparation on; its
 * place in the queue is that of its first poll. All members but `future` are private. */
struct tug_notify_future {
    struct tug_future future;
    struct tug_waiter waiter;
    struct tug_notify *notify;
    uint64_t generation;
    uint8_t told_by, cancelled;
};
TUG_API void tug_notify_future_init(struct tug_notify_future *wait, struct tug_notify *notify);

/*
 * Puts a future that was never polled into the queue, as if it waited already: a notification that
 * comes between this and the wait is its own. Then look whether there is something to do, and wait
 * if not; a future that is not to be waited for any more must be cancelled and polled, as after a
 * poll. Does not suspend. Returns whether it is notified already.
 */
TUG_API bool tug_notify_enable(struct tug_notify_future *wait);

TUG_END_DECLS

#endif
