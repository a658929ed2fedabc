/* SPDX-License-Identifier: MIT */
/*
 * The semaphore: a number of permits that tasks and threads take and give back. It is fair: who
 * came first is served first, however many permits are asked for, and nobody is passed over because
 * others ask for less. It is what bounded channels are made of.
 *
 * The semaphore is a struct of the caller's; nothing is allocated, and nothing has to be destroyed.
 * Its memory may be reused as soon as nobody waits and nobody will call again: a release has
 * touched it for the last time when its permits can be had.
 */
#ifndef TUG_SEMAPHORE_H
#define TUG_SEMAPHORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tug/config.h>
#include <tug/future.h>
#include <tug/waiter.h>

TUG_BEGIN_DECLS

struct tug_rwlock;

/* The most permits there can be. */
#define TUG_SEMAPHORE_MAX (SIZE_MAX >> 3)

/* All members are private. */
struct tug_semaphore {
    uint64_t state;
    struct tug_wait_queue queue;
};

/* A semaphore with so many permits, 0 to TUG_SEMAPHORE_MAX, as an initializer. */
#define TUG_SEMAPHORE_INIT(permits)                                                                \
    {                                                                                              \
        (uint64_t)(permits) << 2,                                                                  \
        {                                                                                          \
            NULL, NULL, 0                                                                          \
        }                                                                                          \
    }

/* Prepares a semaphore with `permits` permits. Does not suspend. Returns 0; -EINVAL: more than
 * TUG_SEMAPHORE_MAX. */
TUG_API int tug_semaphore_init(struct tug_semaphore *semaphore, size_t permits);

/*
 * Takes `permits` permits, all at once as far as others can see. Suspends while there are not so
 * many or others came before; on a thread that runs no tasks it blocks. 0 permits are there at any
 * time. Cancelled, it has taken none and has lost its place in the queue; what was put aside for it
 * goes to the next.
 *
 * Returns 0; -EPIPE: the semaphore is closed; -EINVAL: more than TUG_SEMAPHORE_MAX; the scope's
 * reason; -EPERM in a poll task, which polls a future instead.
 */
TUG_API int tug_semaphore_acquire(struct tug_semaphore *semaphore, size_t permits);

/* Takes them if that needs no wait, from any thread. Does not suspend. Returns 0; -EAGAIN: there
 * are not so many, or others wait for them; -EPIPE; -EINVAL. */
TUG_API int tug_semaphore_try_acquire(struct tug_semaphore *semaphore, size_t permits);

/*
 * Gives permits back, or makes new ones: the semaphore does not know which. They go to those who
 * wait, in order. From any thread. Does not suspend. Returns 0; -EOVERFLOW: there would be more
 * than TUG_SEMAPHORE_MAX, and nothing has changed.
 */
TUG_API int tug_semaphore_release(struct tug_semaphore *semaphore, size_t permits);

/* Destroys up to `permits` permits that nobody has taken; returns how many. From any thread. Does
 * not suspend. (Permits of one's own are destroyed by not giving them back.) */
TUG_API size_t tug_semaphore_forget(struct tug_semaphore *semaphore, size_t permits);

/* Closes the semaphore for ever: who waits, and who asks from now on, gets -EPIPE. Permits may be
 * released all the same. From any thread. Does not suspend. */
TUG_API void tug_semaphore_close(struct tug_semaphore *semaphore);
TUG_API bool tug_semaphore_is_closed(const struct tug_semaphore *semaphore);

/* The permits that could be taken just now. From any thread. */
TUG_API size_t tug_semaphore_available(const struct tug_semaphore *semaphore);

/*
 * An acquisition as a future; its result is as of tug_semaphore_acquire(). Its place in the queue
 * is that of its first poll. One that was cancelled has given back the permits that came first. All
 * members but `future` are private.
 */
struct tug_semaphore_future {
    struct tug_future future;
    struct tug_waiter waiter;
    union {
        struct tug_semaphore *semaphore;
        struct tug_rwlock *rwlock; /* whose acquisitions are of this type, too */
    };
    size_t permits, missing;
    void (*use)(struct tug_semaphore_future *acquisition);
    bool cancelled, used, writes;
};
TUG_API void tug_semaphore_future_init(struct tug_semaphore_future *acquisition,
                                       struct tug_semaphore *semaphore, size_t permits);

TUG_END_DECLS

#endif
