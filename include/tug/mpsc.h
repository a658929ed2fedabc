/* SPDX-License-Identifier: MIT */
/*
 * A queue from many senders to one receiver, on any threads and in any runtimes, for values of one
 * size, which are copied in and out. Bounded, where a sender waits for room, in the order in which
 * they came; or unbounded. (Tokio's sync::mpsc.)
 *
 * Each end is a handle. Any number of tasks may use a sender at the same time, one task at a time a
 * receiver. No task may be waiting with a handle that is dropped. The channel's memory goes with
 * the last handle, weak ones included.
 *
 * For a send or receive with a time limit put it into a scope: TUG_TIMEOUT(), see <tug/time.h>. A
 * thread that runs no tasks waits for the future instead, by tug_await_blocking().
 */
#ifndef TUG_MPSC_H
#define TUG_MPSC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tug/config.h>
#include <tug/future.h>
#include <tug/semaphore.h>
#include <tug/waiter.h>

TUG_BEGIN_DECLS

struct tug_mpsc_sender;
struct tug_mpsc_weak_sender;
struct tug_mpsc_receiver;

/* As a capacity: no limit but memory. */
#define TUG_MPSC_UNBOUNDED SIZE_MAX

#define TUG_MPSC_CAPACITY_MAX TUG_SEMAPHORE_MAX

/*
 * Makes a channel, and stores its first sender and its receiver.
 *
 * capacity: how many values it holds at most, those included for which a sender has reserved room;
 * 1 to TUG_MPSC_CAPACITY_MAX, or TUG_MPSC_UNBOUNDED. Memory for all of them is asked for here, so
 * that no send fails for want of it, but is not touched before it is used.
 * value_size: in bytes, 1 to 1 GiB.
 * destroy: called with the address of each value that is in the channel when the channel goes; may
 * be NULL.
 *
 * Does not suspend. Returns 0; -EINVAL: one of the sizes is out of range; -ENOMEM.
 */
TUG_API int tug_mpsc_create(struct tug_mpsc_sender **sender, struct tug_mpsc_receiver **receiver,
                            size_t capacity, size_t value_size, void (*destroy)(void *value));

/* ---- Sending. What suspends in a coroutine blocks on a thread that runs no tasks. ---- */

/*
 * Sends a copy of the value. Suspends while there is no room in a bounded channel or others came
 * before. Returns 0; -EPIPE: the receiver has closed; -ENOMEM: of an unbounded channel; the scope's
 * reason, and then the value was not sent, and the place in the queue of senders is lost; -EPERM:
 * in a poll task.
 */
TUG_API int tug_mpsc_send(struct tug_mpsc_sender *sender, const void *value);

/* The same without waiting, from any thread: -EAGAIN if the channel is full, or others wait. */
TUG_API int tug_mpsc_try_send(struct tug_mpsc_sender *sender, const void *value);

/* Room for so many values that a sender holds. Must be used up or dropped before the sender is. */
struct tug_mpsc_permit {
    struct tug_mpsc_sender *sender;
    size_t count;
};

/*
 * Reserves room for `count` values, 0 to the capacity, and stores the permit. Suspends. Returns as
 * tug_mpsc_send(); -EINVAL: the channel is unbounded, or `count` is more than its capacity.
 */
TUG_API int tug_mpsc_reserve(struct tug_mpsc_sender *sender, size_t count,
                             struct tug_mpsc_permit *permit);

/* The same without waiting, from any thread: -EAGAIN. */
TUG_API int tug_mpsc_try_reserve(struct tug_mpsc_sender *sender, size_t count,
                                 struct tug_mpsc_permit *permit);

/* Sends into room that was reserved, also when the receiver has closed since. From any thread; does
 * not suspend. Returns 0; -EINVAL: the permit is used up. */
TUG_API int tug_mpsc_send_reserved(struct tug_mpsc_permit *permit, const void *value);

/* Gives back the room that was not used. From any thread. Does not suspend. */
TUG_API void tug_mpsc_permit_drop(struct tug_mpsc_permit *permit);

/*
 * A send (`value` is read when there is room), or a reservation (result 0, and the permit is
 * stored), as a future. One that was cancelled may have been carried out all the same; then its
 * result is 0. All members but `future` are private.
 */
struct tug_mpsc_send_future {
    struct tug_future future;
    struct tug_mpsc_sender *sender;
    struct tug_semaphore_future room;
    const void *value;
    struct tug_mpsc_permit *permit;
};
TUG_API void tug_mpsc_send_future_init(struct tug_mpsc_send_future *send,
                                       struct tug_mpsc_sender *sender, const void *value);
TUG_API void tug_mpsc_reserve_future_init(struct tug_mpsc_send_future *reservation,
                                          struct tug_mpsc_sender *sender, size_t count,
                                          struct tug_mpsc_permit *permit);

/* For how many values there is room just now; SIZE_MAX if the channel is unbounded. */
TUG_API size_t tug_mpsc_available(const struct tug_mpsc_sender *sender);

/* Whether the receiver has closed, so that every send will return -EPIPE. */
TUG_API bool tug_mpsc_is_closed(const struct tug_mpsc_sender *sender);

/* Waits until the receiver has closed. Suspends. Returns 0; the scope's reason, and then nothing is
 * lost; -EPERM in a poll task. */
TUG_API int tug_mpsc_wait_closed(struct tug_mpsc_sender *sender);

/* The same as a future, result 0. The sender must not be dropped before it is ready. */
struct tug_mpsc_closed_future {
    struct tug_future future;
    struct tug_waiter waiter;
    struct tug_mpsc_sender *sender;
};
TUG_API void tug_mpsc_closed_future_init(struct tug_mpsc_closed_future *wait,
                                         struct tug_mpsc_sender *sender);

/* Makes a further sender; the same pointer is returned, and is to be dropped once more. */
TUG_API struct tug_mpsc_sender *tug_mpsc_sender_clone(struct tug_mpsc_sender *sender);

/* Gives up a sender. When the last is gone the receiver gets what is queued, and then -EPIPE. */
TUG_API void tug_mpsc_sender_drop(struct tug_mpsc_sender *sender);

/*
 * A weak sender does not keep the channel open. upgrade makes a sender of it, or returns NULL when
 * all senders are gone; the weak sender stays and is dropped by itself.
 */
TUG_API struct tug_mpsc_weak_sender *tug_mpsc_downgrade(struct tug_mpsc_sender *sender);
TUG_API struct tug_mpsc_sender *tug_mpsc_upgrade(struct tug_mpsc_weak_sender *weak);
TUG_API void tug_mpsc_weak_sender_drop(struct tug_mpsc_weak_sender *weak);

/* ---- Receiving ---- */

/*
 * Waits for the next value and stores it. Suspends. Returns 0; -EPIPE: nothing is queued and
 * nothing will come, since all senders are gone or the receiver has closed; the scope's reason,
 * and then nothing is lost; -EPERM in a poll task. On a thread that runs no tasks it blocks.
 */
TUG_API int tug_mpsc_receive(struct tug_mpsc_receiver *receiver, void *value);

/* The same without waiting, from any thread: -EAGAIN if there is nothing at the moment. */
TUG_API int tug_mpsc_try_receive(struct tug_mpsc_receiver *receiver, void *value);

/*
 * Waits for at least one value and stores up to `limit`, in a row from `values` on. Suspends.
 * Returns their number, 0 if `limit` is 0; else as tug_mpsc_receive().
 */
TUG_API int64_t tug_mpsc_receive_many(struct tug_mpsc_receiver *receiver, void *values,
                                      size_t limit);

/* Both as a future: the result is the number of values. One at a time for each receiver. What it
 * has taken when it is cancelled is its result. */
struct tug_mpsc_receive_future {
    struct tug_future future;
    struct tug_mpsc_receiver *receiver;
    void *values;
    size_t limit;
};
TUG_API void tug_mpsc_receive_future_init(struct tug_mpsc_receive_future *wait,
                                          struct tug_mpsc_receiver *receiver, void *values,
                                          size_t limit);

/* Lets no more values in: senders, those that wait included, get -EPIPE. What is queued, and what
 * is still sent to room reserved before, can be received. From any thread. Does not suspend. */
TUG_API void tug_mpsc_close(struct tug_mpsc_receiver *receiver);

/* Closes, destroys what is queued, and gives up the receiver. */
TUG_API void tug_mpsc_receiver_drop(struct tug_mpsc_receiver *receiver);

/* How many values are queued; how many senders there are. Both may have changed since. */
TUG_API size_t tug_mpsc_length(const struct tug_mpsc_receiver *receiver);
TUG_API size_t tug_mpsc_sender_count(const struct tug_mpsc_receiver *receiver);

TUG_END_DECLS

#endif
