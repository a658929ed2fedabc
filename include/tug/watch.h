/* SPDX-License-Identifier: MIT */
/*
 * One value that changes, and any number who want the latest: receivers are told that it has
 * changed, and may miss what it was in between. From any threads and in any runtimes. (Tokio's
 * sync::watch.)
 *
 * A receiver is a struct of the caller's, for one task at a time. It knows which value it has seen;
 * the one there was when it was made counts as seen. The channel's memory goes with the last sender
 * and receiver.
 *
 * Functions of the caller's are called with the value locked: they must not use the channel, nor
 * suspend.
 */
#ifndef TUG_WATCH_H
#define TUG_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tug/config.h>
#include <tug/future.h>
#include <tug/waiter.h>

TUG_BEGIN_DECLS

struct tug_watch;
struct tug_watch_sender;

/* All members are private. */
struct tug_watch_receiver {
    struct tug_watch *channel;
    uint64_t seen;
};

/*
 * Makes a channel with a copy of the first value, and stores its first sender and receiver.
 * value_size: in bytes, 1 to 1 GiB. destroy: called with the address of each value that is replaced
 * or left at the end; may be NULL. Does not suspend. Returns 0; -EINVAL: the size is out of range;
 * -ENOMEM.
 */
TUG_API int tug_watch_create(struct tug_watch_sender **sender, struct tug_watch_receiver *receiver,
                             size_t value_size, const void *value, void (*destroy)(void *value));

/* ---- The sender's side; from any thread, and none but wait_closed suspends. ---- */

/* Replaces the value by a copy of `value`. Returns 0; -EPIPE: there is no receiver, and nothing was
 * done. */
TUG_API int tug_watch_send(struct tug_watch_sender *sender, const void *value);

/* Replaces the value, also if nobody receives. The old one is stored in `old`, and belongs to the
 * caller, or destroyed if that is NULL. */
TUG_API void tug_watch_replace(struct tug_watch_sender *sender, const void *value, void *old);

/* Has a function change the value where it lies. Receivers are told if it returns true, which is
 * returned. */
TUG_API bool tug_watch_modify(struct tug_watch_sender *sender,
                              bool (*modify)(void *value, void *argument), void *argument);

/* Makes a further receiver. What is the value now counts as seen. */
TUG_API void tug_watch_subscribe(struct tug_watch_sender *sender,
                                 struct tug_watch_receiver *receiver);

/* How many receivers there are. */
TUG_API size_t tug_watch_receiver_count(const struct tug_watch_sender *sender);

/* Waits until there is no receiver. Suspends; blocks on a thread that runs no tasks. Returns 0; the
 * scope's reason, and then nothing is lost; -EPERM in a poll task. */
TUG_API int tug_watch_wait_closed(struct tug_watch_sender *sender);

/* Makes a further sender; the same pointer is returned, and is to be dropped once more. When the
 * last is dropped the receivers are told. */
TUG_API struct tug_watch_sender *tug_watch_sender_clone(struct tug_watch_sender *sender);
TUG_API void tug_watch_sender_drop(struct tug_watch_sender *sender);

/* ---- The receiver's side. From any thread unless it suspends. ---- */

/* Copies the latest value, which then counts as seen. */
TUG_API void tug_watch_read(struct tug_watch_receiver *receiver, void *value);

/* Has a function look at the latest value where it lies; it does not count as seen thereby. */
TUG_API void tug_watch_look(const struct tug_watch_receiver *receiver,
                            void (*look)(const void *value, void *argument), void *argument);

/* Returns 1 if there is a value that was not seen, 0 if not; -EPIPE: nor will there be, since all
 * senders are gone. */
TUG_API int tug_watch_has_changed(const struct tug_watch_receiver *receiver);

/* The value counts as not seen, or as seen. */
TUG_API void tug_watch_mark_changed(struct tug_watch_receiver *receiver);
TUG_API void tug_watch_mark_unchanged(struct tug_watch_receiver *receiver);

/*
 * Waits until there is a value that was not seen, which then counts as seen. Suspends; blocks on a
 * thread that runs no tasks. Returns 0; -EPIPE: there is none, and all senders are gone; the
 * scope's reason, and then nothing is lost; -EPERM in a poll task.
 */
TUG_API int tug_watch_changed(struct tug_watch_receiver *receiver);

/* The same as a future. */
struct tug_watch_changed_future {
    struct tug_future future;
    struct tug_waiter waiter;
    struct tug_watch_receiver *receiver;
};
TUG_API void tug_watch_changed_future_init(struct tug_watch_changed_future *wait,
                                           struct tug_watch_receiver *receiver);

/*
 * Waits until `condition` is true of the latest value, seen or not, copies it to `value`, which may
 * be NULL, and counts it as seen. Suspends and returns as tug_watch_changed(); -EPIPE only after
 * the last value was looked at.
 */
TUG_API int tug_watch_wait_for(struct tug_watch_receiver *receiver,
                               bool (*condition)(const void *value, void *argument), void *argument,
                               void *value);

/* Makes another receiver that has seen the same. */
TUG_API void tug_watch_receiver_clone(const struct tug_watch_receiver *receiver,
                                      struct tug_watch_receiver *clone);

TUG_API void tug_watch_receiver_drop(struct tug_watch_receiver *receiver);

TUG_END_DECLS

#endif
