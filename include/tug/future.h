/* SPDX-License-Identifier: MIT */
/*
 * The one abstraction: a future is anything that can be waited for.
 *
 * A future is a struct owned by whoever waits for it, usually on the stack of the coroutine that
 * waits. Its first member is a `struct tug_future`; its behaviour is the vtable. The rules are
 * those of Rust's `Future`, as Tokio keeps them:
 *
 *  1. poll() returns TUG_PENDING if the result is not there yet, never blocks, and returns
 *     TUG_READY exactly once, after having stored `result`.
 *  2. Before poll() returns TUG_PENDING it has arranged for the waker of the most recent poll to be
 *     woken when polling again is worth while. Spurious polls are allowed, lost wakes are not.
 *  3. A future that was polled at least once is polled until it is ready before its memory is
 *     reused. Whoever loses interest calls cancel() and keeps polling: cancel asks the future to
 *     become ready soon (with result -ECANCELED, or with its real result if that came first).
 *     A future that was never polled may simply be forgotten.
 *
 * Rule 3 is where tug differs from Rust: a future in the middle of a kernel operation lends memory
 * to the kernel, and that memory is free only after the kernel's last word.
 */
#ifndef TUG_FUTURE_H
#define TUG_FUTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tug/config.h>

TUG_BEGIN_DECLS

enum { TUG_PENDING = 0, TUG_READY = 1 };

struct tug_waker;

/* How a waker reaches whoever sleeps. All four may be called from any thread and never block. */
struct tug_waker_vtable {
    /* Adds a reference: afterwards `data` serves two wakers. */
    void (*clone)(void *data);
    /* Wakes and gives up the reference. */
    void (*wake)(void *data);
    /* Wakes and keeps the reference. */
    void (*wake_by_ref)(void *data);
    /* Gives up the reference without waking. */
    void (*drop)(void *data);
};

/* The right to wake one sleeper. The waker handed to poll() is borrowed: a future that keeps it
 * after poll() returns keeps a clone. */
struct tug_waker {
    const struct tug_waker_vtable *vtable;
    void *data;
};

/* Makes a second waker for the same sleeper. Does not suspend. */
static inline struct tug_waker tug_waker_clone(const struct tug_waker *waker)
{
    waker->vtable->clone(waker->data);
    return *waker;
}

/* Wakes the sleeper and gives up the waker. Does not suspend. */
static inline void tug_waker_wake(struct tug_waker waker)
{
    waker.vtable->wake(waker.data);
}

/* Wakes the sleeper and keeps the waker. Does not suspend. */
static inline void tug_waker_wake_by_ref(const struct tug_waker *waker)
{
    waker->vtable->wake_by_ref(waker->data);
}

/* Gives up a cloned waker. Does not suspend. */
static inline void tug_waker_drop(struct tug_waker waker)
{
    waker.vtable->drop(waker.data);
}

/* Whether waking either of the two wakes the same sleeper. */
static inline bool tug_waker_will_wake(const struct tug_waker *a, const struct tug_waker *b)
{
    return a->vtable == b->vtable && a->data == b->data;
}

struct tug_future;

struct tug_future_vtable {
    /* Rules 1 and 2 above. */
    int (*poll)(struct tug_future *self, const struct tug_waker *waker);
    /* Rule 3 above; called at most once, between two polls, on the task that polls. NULL for a
     * future that always becomes ready by itself soon. */
    void (*cancel)(struct tug_future *self);
    /* Called once by a task made with tug_spawn_future() when it is done with the future; may free
     * it. NULL when there is nothing to do. */
    void (*drop)(struct tug_future *self);
};

struct tug_future {
    const struct tug_future_vtable *vtable;
    /* Valid once poll() has returned TUG_READY: >= 0, or a negative errno. */
    int64_t result;
};

/*
 * Waits for a future: suspends the calling coroutine, never the thread.
 *
 * Returns the future's result. If the current cancel scope (see <tug/cancel.h>) is cancelled, the
 * future is cancelled too and waited for; then the scope's reason, -ECANCELED or -ETIMEDOUT, takes
 * the place of a result of -ECANCELED. A future that was never polled because the scope had been
 * cancelled before returns the reason and stays untouched.
 * -EPERM: the caller is not a coroutine of a runtime.
 */
TUG_API int64_t tug_await(struct tug_future *future);

/*
 * Waits for a future on a thread that runs no tasks: blocks the thread. Meant for futures that need
 * no runtime: of channels, locks, tokens and tasks. An operation of the kernel's is carried out by
 * its blocking call; a sleep is refused with -EPERM.
 *
 * `deadline`: ns of CLOCK_MONOTONIC, as tug_now() counts them there, or UINT64_MAX for none. When
 * it has passed, the future is cancelled and waited for; then a result of -ECANCELED becomes
 * -ETIMEDOUT. Returns the future's result. -EDEADLK: the caller is a task, or a worker's hook.
 */
TUG_API int64_t tug_await_blocking(struct tug_future *future, uint64_t deadline);

/*
 * Waits for all `count` futures at once. Suspends. Each result is in its future.
 *
 * Returns 0 when all are ready; the scope's reason when the wait was cancelled (all futures that
 * had been polled were cancelled and are ready). `count` of 0 returns 0 at once. -ENOMEM.
 */
TUG_API int64_t tug_join_all(struct tug_future *const *futures, size_t count);

/*
 * As tug_join_all(), but the first future that becomes ready with a negative result cancels the
 * rest. Suspends until all are ready. Returns 0, or that first negative result. -ENOMEM.
 */
TUG_API int64_t tug_try_join_all(struct tug_future *const *futures, size_t count);

/*
 * Waits for the first of `count` futures (1 to 64); cancels the others and waits for them.
 *
 * Which one is polled first is drawn at random each time, so that no future that is always ready
 * starves the rest; tug_select_biased() polls in the order given. Suspends.
 * Returns the index of the winner, or the scope's reason. The others hold a result as well: a loser
 * that became ready while being cancelled has its real result, so nothing it did is lost; one that
 * was not polled at all has -ECANCELED.
 * -EINVAL: count is 0 or more than 64.
 */
TUG_API int64_t tug_select(struct tug_future *const *futures, size_t count);
TUG_API int64_t tug_select_biased(struct tug_future *const *futures, size_t count);

TUG_END_DECLS

#endif
