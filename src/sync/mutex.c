/* SPDX-License-Identifier: MIT */
/*
 * The mutex: a semaphore with one permit.
 *
 * Nobody else's permits are in the word, so both fast paths know what they should find there, and
 * try that first: one compare-and-swap to lock, one to unlock, and no load before.
 */
#include <tug/mutex.h>

#include "sync/semaphore.h"

void tug_mutex_init(struct tug_mutex *mutex)
{
    *mutex = (struct tug_mutex)TUG_MUTEX_INIT;
}

static inline bool take(struct tug_mutex *mutex)
{
    uint64_t state = TUG_SEMAPHORE_PERMIT;
    return __atomic_compare_exchange_n(&mutex->semaphore.state, &state, 0, false, __ATOMIC_ACQUIRE,
                                       __ATOMIC_RELAXED);
}

int tug_mutex_lock(struct tug_mutex *mutex)
{
    if (tug_call_may_proceed()) {
        if (take(mutex))
            return 0;
        tug_coop_restore();
    }
    return tug_semaphore_wait(&mutex->semaphore, 1);
}

int tug_mutex_try_lock(struct tug_mutex *mutex)
{
    return take(mutex) ? 0 : -EBUSY;
}

void tug_mutex_unlock(struct tug_mutex *mutex)
{
    uint64_t state = 0;
    if (__builtin_expect(!__atomic_compare_exchange_n(&mutex->semaphore.state, &state,
                                                      TUG_SEMAPHORE_PERMIT, false, __ATOMIC_RELEASE,
                                                      __ATOMIC_RELAXED),
                         0))
        tug_semaphore_give(&mutex->semaphore, 1);
}

void tug_mutex_future_init(struct tug_semaphore_future *lock, struct tug_mutex *mutex)
{
    tug_semaphore_future_init(lock, &mutex->semaphore, 1);
}
