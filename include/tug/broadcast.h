/* SPDX-License-Identifier: MIT */
/*
 * A queue from many senders to many receivers, each of which gets every value that is sent while
 * it is there. A sender never waits: a receiver that lags behind by more than the capacity misses
 * the oldest values, and is told how many. From any threads and in any runtimes. (Tokio's
 * sync::broadcast.)
 *
 * Values are copied by their bytes, once for each receiver. Where a value owns something, `retain`
 * and `destroy` count its owners: each is called with the address of a value, with that value
 * locked, so it must not use the channel, nor suspend.
 *
 * A receiver is a struct of the caller's, for one task at a time. The channel's memory goes with
 * the last sender and receiver.
 */
#ifndef TUG_BROADCAST_H
#define TUG_BROADCAST_H

#include <stddef.h>
#include <stdint.h>

#include <tug/config.h>
#include <tug/future.h>
#include <tug/waiter.h>

TUG_BEGIN_DECLS

struct tug_broadcast;
struct tug_broadcast_sender;

/* All members are private. */
struct tug_broadcast_receiver {
    struct tug_broadcast *channel;
    uint64_t next;
};

/* What the values of a channel are. */
struct tug_broadcast_values {
    size_t size;                  /* in bytes, 1 to 1 GiB */
    void (*retain)(void *value);  /* one more owner: a receiver's copy; may be NULL */
    void (*destroy)(void *value); /* one owner less: the channel; may be NULL */
};

/*
 * Makes a channel, and stores its first sender and receiver. capacity: at least 1, rounded up to a
 * power of two. Does not suspend. Returns 0; -EINVAL: a size is out of range; -ENOMEM.
 */
TUG_API int tug_broadcast_create(struct tug_broadcast_sender **sender,
                                 struct tug_broadcast_receiver *receiver, size_t capacity,
                                 const struct tug_broadcast_values *values);

/* ---- The sender's side; from any thread, and none but wait_closed suspends. ---- */

/*
 * Sends a copy of the value, which belongs to the channel from then on. Returns how many receivers
 * there are, each of which will get it or miss it; -EPIPE: there is none, and the value is still
 * the caller's.
 */
TUG_API int64_t tug_broadcast_send(struct tug_broadcast_sender *sender, const void *value);

/* Makes a receiver, which gets what is sent from now on. */
TUG_API void tug_broadcast_subscribe(struct tug_broadcast_sender *sender,
                                     struct tug_broadcast_receiver *receiver);

/* How many receivers there are. */
TUG_API size_t tug_broadcast_receiver_count(const struct tug_broadcast_sender *sender);

/* Waits until there is no receiver. Suspends; blocks on a thread that runs no tasks. Returns 0; the
 * scope's reason, and then nothing is lost; -EPERM in a poll task. */
TUG_API int tug_broadcast_wait_closed(struct tug_broadcast_sender *sender);

/* Makes a further sender; the same pointer is returned, and is to be dropped once more. When the
 * last is dropped, receivers get what is queued, and then -EPIPE. */
TUG_API struct tug_broadcast_sender *
tug_broadcast_sender_clone(struct tug_broadcast_sender *sender);
TUG_API void tug_broadcast_sender_drop(struct tug_broadcast_sender *sender);

/* ---- The receiver's side ---- */

/*
 * Waits for the next value and stores it. If the receiver has lagged behind, that is the oldest one
 * there is, and `*missed` how many came before it and are lost, else 0; `missed` may be NULL.
 * Suspends; blocks on a thread that runs no tasks. Returns 0; -EPIPE: nothing is queued, and all
 * senders are gone; the scope's reason, and then nothing is lost; -EPERM in a poll task.
 */
TUG_API int tug_broadcast_receive(struct tug_broadcast_receiver *receiver, void *value,
                                  uint64_t *missed);

/* The same without waiting, from any thread: -EAGAIN if there is nothing at the moment. */
TUG_API int tug_broadcast_try_receive(struct tug_broadcast_receiver *receiver, void *value,
                                      uint64_t *missed);

/* The same as tug_broadcast_receive() as a future. */
struct tug_broadcast_receive_future {
    struct tug_future future;
    struct tug_waiter waiter;
    struct tug_broadcast_receiver *receiver;
    void *value;
    uint64_t *missed;
};
TUG_API void tug_broadcast_receive_future_init(struct tug_broadcast_receive_future *wait,
                                               struct tug_broadcast_receiver *receiver, void *value,
                                               uint64_t *missed);

/* How many values the receiver has not got yet; those it will miss are counted. From any thread. */
TUG_API uint64_t tug_broadcast_length(const struct tug_broadcast_receiver *receiver);

/* Makes another receiver of the same channel, which gets what is sent from now on. From any
 * thread. */
TUG_API void tug_broadcast_resubscribe(const struct tug_broadcast_receiver *receiver,
                                       struct tug_broadcast_receiver *other);

/* From any thread. */
TUG_API void tug_broadcast_receiver_drop(struct tug_broadcast_receiver *receiver);

TUG_END_DECLS

#endif
