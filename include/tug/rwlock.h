/* SPDX-License-Identifier: MIT */
/*
 * The read-write lock: any number of readers, or one writer. Who waits suspends its task, not the
 * thread, so the lock may be held over a suspension. It is fair: first come, first served, so a
 * writer that waits is not passed over by readers that come later, and readers do not starve
 * either. For that reason a task that reads must not ask to read once more: a writer may have come
 * between, and all three would wait for ever.
 *
 * The lock is a struct of the caller's; nothing is allocated, and nothing has to be destroyed. It
 * belongs to nobody: another task than the one that locked it may unlock it. Once it can be locked,
 * the unlock before does not touch it any more.
 */
#ifndef TUG_RWLOCK_H
#define TUG_RWLOCK_H

#include <stddef.h>
#include <stdint.h>

#include <tug/config.h>
#include <tug/semaphore.h>
#include <tug/waiter.h>

TUG_BEGIN_DECLS

/* The most readers at a time, unless fewer were chosen. More wait, as for a writer. */
#define TUG_RWLOCK_READERS_MAX (UINT32_MAX >> 3)

/* All members are private. */
struct tug_rwlock {
    uint64_t state;
    struct tug_wait_queue queue;
    uint32_t readers_max, inside, departed, adopted;
};

/* In the state: one reader that has gone, and that whoever comes or goes looks at the queue.
 * Private. */
#define TUG_RWLOCK_DEPARTURE UINT64_C(1)
#define TUG_RWLOCK_GUARDED (UINT64_C(1) << 32)

/* A free lock for TUG_RWLOCK_READERS_MAX readers, as an initializer. */
#define TUG_RWLOCK_INIT                                                                            \
    {                                                                                              \
        0, {NULL, NULL, 0}, TUG_RWLOCK_READERS_MAX, 0, 0, 0                                        \
    }

/* Makes a free lock. Does not suspend; cannot fail. */
TUG_API void tug_rwlock_init(struct tug_rwlock *lock);

/* The same with at most so many readers at a time, 1 to TUG_RWLOCK_READERS_MAX; to count
 * them exactly, a limit below that makes each lock and unlock slower. Returns 0 or -EINVAL. */
TUG_API int tug_rwlock_init_with_readers(struct tug_rwlock *lock, uint32_t readers_max);

/*
 * Locks for reading or for writing. Suspends while the lock is taken by others that exclude it, or
 * others came before; on a thread that runs no tasks it blocks. Cancelled, it has not locked, and
 * has lost its place in the queue.
 * Returns 0; the scope's reason; -EPERM in a poll task, which polls a future instead.
 */
TUG_API int tug_rwlock_read_lock(struct tug_rwlock *lock);
TUG_API int tug_rwlock_write_lock(struct tug_rwlock *lock);

/* Locks if that needs no wait. From any thread. Does not suspend. Returns 0 or -EBUSY. */
TUG_API int tug_rwlock_try_read_lock(struct tug_rwlock *lock);
TUG_API int tug_rwlock_try_write_lock(struct tug_rwlock *lock);

/* The part of a reader's unlock that looks after those who wait. Private. */
TUG_API void tug_rwlock_read_unlock_slow(struct tug_rwlock *lock);

/* Unlocks what was locked in the same way. From any thread. Does not suspend. */
static inline void tug_rwlock_read_unlock(struct tug_rwlock *lock)
{
    uint64_t state = __atomic_fetch_add(&lock->state, TUG_RWLOCK_DEPARTURE, __ATOMIC_RELEASE);
    if (__builtin_expect((state & TUG_RWLOCK_GUARDED) != 0, 0))
        tug_rwlock_read_unlock_slow(lock);
}
TUG_API void tug_rwlock_write_unlock(struct tug_rwlock *lock);

/* Turns the writer into a reader, without a moment in which another could write. Readers that wait
 * behind no writer are let in. Does not suspend. */
TUG_API void tug_rwlock_downgrade(struct tug_rwlock *lock);

/* A lock as a future, with result 0. One that was cancelled has not locked. */
TUG_API void tug_rwlock_read_future_init(struct tug_semaphore_future *acquisition,
                                         struct tug_rwlock *lock);
TUG_API void tug_rwlock_write_future_init(struct tug_semaphore_future *acquisition,
                                          struct tug_rwlock *lock);

TUG_END_DECLS

#endif
