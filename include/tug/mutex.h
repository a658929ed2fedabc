/* SPDX-License-Identifier: MIT */
/*
 * The mutex: one task or thread at a time. Who waits for it suspends its task, not the thread, so
 * it may be held over a suspension. It is fair: whoever came first gets it next, handed over by who
 * unlocks, and who gives up waiting loses nothing but its place.
 *
 * The mutex is a struct of the caller's; nothing is allocated, and nothing has to be destroyed. It
 * is not recursive, and belongs to nobody: another task than the one that locked it may unlock it.
 * Once it can be locked, the unlock before does not touch it any more, so what it guards may be
 * freed by whoever has locked it last.
 */
#ifndef TUG_MUTEX_H
#define TUG_MUTEX_H

#include <tug/config.h>
#include <tug/semaphore.h>

TUG_BEGIN_DECLS

/* All members are private. */
struct tug_mutex {
    struct tug_semaphore semaphore;
};

/* A free mutex, as an initializer. */
#define TUG_MUTEX_INIT                                                                             \
    {                                                                                              \
        TUG_SEMAPHORE_INIT(1)                                                                      \
    }

/* Makes a free mutex. Does not suspend; cannot fail. */
TUG_API void tug_mutex_init(struct tug_mutex *mutex);

/*
 * Locks. Suspends while others have the mutex or came before; on a thread that runs no tasks it
 * blocks. Cancelled, it has not locked, and has lost its place in the queue.
 * Returns 0; the scope's reason; -EPERM in a poll task, which polls a future instead.
 */
TUG_API int tug_mutex_lock(struct tug_mutex *mutex);

/* Locks if that needs no wait. From any thread. Does not suspend. Returns 0 or -EBUSY. */
TUG_API int tug_mutex_try_lock(struct tug_mutex *mutex);

/* Unlocks: the mutex goes to who waited longest. From any thread. Does not suspend. */
TUG_API void tug_mutex_unlock(struct tug_mutex *mutex);

/* A lock as a future, with result 0. One that was cancelled has not locked. */
TUG_API void tug_mutex_future_init(struct tug_semaphore_future *lock, struct tug_mutex *mutex);

TUG_END_DECLS

#endif
