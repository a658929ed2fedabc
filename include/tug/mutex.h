/* SPDX-License-Identifier: MIT */
/*
 * The mutex: one task or thread at a time. Who waits for it suspends its task, not the thread, so
 * it may be held over a suspension. Who gives up waiting loses nothing but its place.
 *
 * Those who wait get it in the order in which they came. Whoever asks while it is free gets it,
 * too, and may so pass those who wait, which lets a task that runs lock many times before there is
 * a switch. That is bounded: an unlock hands the mutex over to the first who waits once that one
 * has waited for more than a millisecond; until then it wakes the first who waits, one at a time,
 * to try from its place at the head. One that was woken holds up those behind it until its task has
 * run. (A semaphore of one permit is passed by nobody.)
 *
 * The mutex is a struct of the caller's; nothing is allocated, and nothing has to be destroyed. It
 * is not recursive, and belongs to nobody: another task than the one that locked it may unlock it.
 * Once it can be locked, the unlock before does not touch it any more, so what it guards may be
 * freed by whoever has locked it last.
 */
#ifndef TUG_MUTEX_H
#define TUG_MUTEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tug/config.h>
#include <tug/future.h>
#include <tug/waiter.h>

TUG_BEGIN_DECLS

/* All members are private. */
struct tug_mutex {
    uint32_t state;
    struct tug_wait_queue queue;
};

/* The state of a mutex that somebody has and nobody waits for. Private. */
#define TUG_MUTEX_LOCKED UINT32_C(1)

/* A free mutex, as an initializer. */
#define TUG_MUTEX_INIT                                                                             \
    {                                                                                              \
        0,                                                                                         \
        {                                                                                          \
            NULL, NULL, 0                                                                          \
        }                                                                                          \
    }

/* Makes a free mutex. Does not suspend; cannot fail. */
TUG_API void tug_mutex_init(struct tug_mutex *mutex);

/*
 * Locks. Suspends while others have the mutex; on a thread that runs no tasks it blocks. Cancelled,
 * it has not locked, and has lost its place in the queue. Returns 0; the scope's reason; -EPERM in
 * a poll task, which polls a future instead.
 */
TUG_API int tug_mutex_lock(struct tug_mutex *mutex);

/* Locks if that needs no wait. From any thread. Does not suspend. Returns 0 or -EBUSY. */
TUG_API int tug_mutex_try_lock(struct tug_mutex *mutex);

/* The part of an unlock that looks after those who wait. Private. */
TUG_API void tug_mutex_unlock_slow(struct tug_mutex *mutex);

/* Unlocks, and wakes who waits longest or hands the mutex over to it. From any thread. Does not
 * suspend. */
static inline void tug_mutex_unlock(struct tug_mutex *mutex)
{
    /* Signed, so that the compiler tests the flags, in the place of fetching the word. */
    if (__builtin_expect(__atomic_sub_fetch((int32_t *)&mutex->state, (int32_t)TUG_MUTEX_LOCKED,
                                            __ATOMIC_RELEASE) < 0,
                         0))
        tug_mutex_unlock_slow(mutex);
}

/*
 * A lock as a future, with result 0. Its place in the queue is that of its first poll. One that was
 * woken keeps the others that wait from being woken until it is polled. One that was cancelled has
 * not locked. All members but `future` are private.
 */
struct tug_mutex_future {
    struct tug_future future;
    struct tug_waiter waiter;
    struct tug_mutex *mutex;
    uint64_t since; /* when it began to wait */
    bool woken, cancelled;
};
TUG_API void tug_mutex_future_init(struct tug_mutex_future *lock, struct tug_mutex *mutex);

TUG_END_DECLS

#endif
