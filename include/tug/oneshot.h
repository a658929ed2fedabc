/* SPDX-License-Identifier: MIT */
/*
 * Oneshot: a channel for exactly one value of 64 bits (an integer or a pointer), from one sender,
 * on any thread, to one receiver. The channel is a struct of the caller's, which must outlive both
 * ends' last call: no allocation. A value has no destructor: a pointer that was sent is freed by
 * whoever calls tug_oneshot_close_receiver() if that returns 1.
 */
#ifndef TUG_ONESHOT_H
#define TUG_ONESHOT_H

#include <stdbool.h>
#include <stdint.h>

#include <tug/config.h>
#include <tug/future.h>
#include <tug/waiter.h>

TUG_BEGIN_DECLS

/* All members but `future` are private. The future is the receiver's wait: its result is 0, or
 * -EPIPE when the sender has closed without sending. */
struct tug_oneshot {
    struct tug_future future;
    struct tug_waker waker;
    int64_t value;
    uint32_t state;
    struct tug_wait_queue closed_waits;
};

/* Prepares an empty channel. */
TUG_API void tug_oneshot_init(struct tug_oneshot *channel);

/*
 * Sends the value; at most once. From any thread. Does not suspend. After it returns, the sender
 * does not touch the channel again, so the receiver may reuse its memory as soon as it has the
 * value. Returns 0; -EPIPE: the receiver has closed; -EALREADY: sent or closed before.
 */
TUG_API int tug_oneshot_send(struct tug_oneshot *channel, int64_t value);

/* Gives up sending: the receiver gets -EPIPE. From any thread. Does nothing after a send. */
TUG_API void tug_oneshot_close_sender(struct tug_oneshot *channel);

/* Whether the receiver has closed without having got a value. From any thread. */
TUG_API bool tug_oneshot_is_closed(const struct tug_oneshot *channel);

/* For a sender that has not sent: waits until the receiver closes, so that nobody wants the value.
 * Suspends; blocks on a thread that runs no tasks. Returns 0; the scope's reason, and then nothing
 * is lost; -EPERM in a poll task. */
TUG_API int tug_oneshot_wait_closed(struct tug_oneshot *channel);

/* Waits for the value. Suspends; blocks on a thread that runs no tasks. Returns 0 and stores it;
 * -EPIPE; the scope's reason, and then the value is not lost: receive again; -EPERM in a poll
 * task. */
TUG_API int tug_oneshot_receive(struct tug_oneshot *channel, int64_t *value);

/* Returns 0 and stores the value; -EAGAIN: not sent yet; -EPIPE. Does not suspend. */
TUG_API int tug_oneshot_try_receive(struct tug_oneshot *channel, int64_t *value);

/* The receiver gives up: a later send returns -EPIPE. Returns 1 and stores the value if it had
 * been sent before, else 0. */
TUG_API int tug_oneshot_close_receiver(struct tug_oneshot *channel, int64_t *value);

TUG_END_DECLS

#endif
