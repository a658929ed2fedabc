/* SPDX-License-Identifier: MIT */
/*
 * The read-write lock: a semaphore with a permit for each reader that there may be. A reader takes
 * one, a writer all, as in Tokio; what is fair about the lock is what is fair about the semaphore.
 *
 * A reader who comes first tries what it should find if it is alone, and so does one who leaves: a
 * compare-and-swap that fails has fetched the word to be changed, which a load before would do a
 * second time where several workers have readers.
 */
#include <tug/rwlock.h>

#include "sync/semaphore.h"

void tug_rwlock_init(struct tug_rwlock *lock)
{
    *lock = (struct tug_rwlock)TUG_RWLOCK_INIT;
}

int tug_rwlock_init_with_readers(struct tug_rwlock *lock, uint32_t readers_max)
{
    if (readers_max == 0 || readers_max > TUG_RWLOCK_READERS_MAX)
        return -EINVAL;
    *lock = (struct tug_rwlock){TUG_SEMAPHORE_INIT(readers_max), readers_max};
    return 0;
}

static inline int acquire(struct tug_rwlock *lock, size_t permits)
{
    int result = tug_semaphore_take_in_call(&lock->semaphore, permits);
    return result == -EAGAIN ? tug_semaphore_wait(&lock->semaphore, permits) : result;
}

static inline int try_acquire(struct tug_rwlock *lock, size_t permits)
{
    return tug_semaphore_take(&lock->semaphore, permits) == 0 ? 0 : -EBUSY;
}

int tug_rwlock_read_lock(struct tug_rwlock *lock)
{
    if (tug_call_may_proceed()) {
        uint64_t state = TUG_RWLOCK_FREE;
        if (__atomic_compare_exchange_n(&lock->semaphore.state, &state, TUG_RWLOCK_ONE_READER,
                                        false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED) ||
            tug_semaphore_take(&lock->semaphore, 1) == 0)
            return 0;
        tug_coop_restore();
    }
    return tug_semaphore_wait(&lock->semaphore, 1);
}

int tug_rwlock_write_lock(struct tug_rwlock *lock)
{
    return acquire(lock, lock->readers_max);
}

int tug_rwlock_try_read_lock(struct tug_rwlock *lock)
{
    return try_acquire(lock, 1);
}

int tug_rwlock_try_write_lock(struct tug_rwlock *lock)
{
    return try_acquire(lock, lock->readers_max);
}

void tug_rwlock_read_unlock_slow(struct tug_rwlock *lock)
{
    tug_semaphore_give(&lock->semaphore, 1);
}

void tug_rwlock_write_unlock(struct tug_rwlock *lock)
{
    tug_semaphore_give(&lock->semaphore, lock->readers_max);
}

void tug_rwlock_downgrade(struct tug_rwlock *lock)
{
    tug_semaphore_give(&lock->semaphore, lock->readers_max - 1);
}

void tug_rwlock_read_future_init(struct tug_semaphore_future *acquisition, struct tug_rwlock *lock)
{
    tug_semaphore_future_init(acquisition, &lock->semaphore, 1);
}

void tug_rwlock_write_future_init(struct tug_semaphore_future *acquisition, struct tug_rwlock *lock)
{
    tug_semaphore_future_init(acquisition, &lock->semaphore, lock->readers_max);
}
