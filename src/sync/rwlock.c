/* SPDX-License-Identifier: MIT */
/*
 * The read-write lock. Readers come and go by an addition each, which cannot fail however many of
 * them there are; whoever has to wait does so in a queue. (That readers be counted by additions is
 * also the way of sync.RWMutex in Go.)
 *
 * The state word holds, in one atomic 64-bit integer:
 *
 *   departures  bits 0 to 30: readers that have gone, ever
 *   WRITER      a writer has the lock
 *   GUARDED     whoever comes or goes does so under the queue's lock, as somebody may wait
 *   arrivals    bits 33 to 63: readers that have come, ever
 *
 * While GUARDED is clear the readers that have the lock are the arrivals less the departures. While
 * it is set they are `inside`, and `departed` are the departures of which the others know; both are
 * written under the queue's lock, as all else is that does not stand in the word.
 *
 * A step on the word that finds a flag may have come a moment too late: it is made good under the
 * queue's lock by whoever has made it. Until then a reader that has come stands in the arrivals
 * without having the lock, and one that goes is still `inside`. So, always:
 *
 *   arrivals - departures = inside + those that are coming - those that are going
 *   departures = departed + those that are going
 *
 * Invariants:
 *  1. Who waits set GUARDED before, in the step that counts who is `inside`: each of these finds it
 *     set when it goes, and has told so under the queue's lock before anybody writes. Hence the
 *     step by which a reader leaves is the last in which it touches the lock, unless it finds
 *     GUARDED, and then the lock is kept for it.
 *  2. GUARDED is cleared only by somebody who has just got the lock, never by who gives it up: from
 *     then on others may have it without the queue's lock, and who gave it up would still be there.
 *     Nobody waits then, and nobody is going. Those that are coming have the lock from this step
 *     on: they are `adopted`, it does not matter who of them.
 *  3. A lock for fewer readers than there may be is GUARDED for ever, so that they are counted
 *     exactly. Otherwise one reader too many has the lock for a moment, in which it leaves again.
 */
#include <tug/rwlock.h>

#include <errno.h>

#include <tug/coop.h>

#include "sync/direct.h"
#include "sync/wait_queue.h"
#include "sys/list.h"

#define DEPARTURE TUG_RWLOCK_DEPARTURE
#define WRITER (UINT64_C(1) << 31)
#define GUARDED TUG_RWLOCK_GUARDED
#define ARRIVAL (UINT64_C(1) << 33)
#define COUNT_MASK UINT32_C(0x7fffffff)

/* Once there have been so many departures, whoever comes to read takes them off both counts, a
 * writer that becomes a reader as well. Until it does there is room for as many again. */
#define MANY_DEPARTURES (UINT32_C(1) << 30)

static struct tug_semaphore_future *of_waiter(struct tug_waiter *waiter)
{
    return TUG_CONTAINER_OF(waiter, struct tug_semaphore_future, waiter);
}

static struct tug_semaphore_future *of_future(struct tug_future *future)
{
    return TUG_CONTAINER_OF(future, struct tug_semaphore_future, future);
}

static inline uint64_t load(const struct tug_rwlock *lock)
{
    return __atomic_load_n(&lock->state, __ATOMIC_RELAXED);
}

static inline uint32_t departures(uint64_t state)
{
    return (uint32_t)state & COUNT_MASK;
}

/* Who has come and not gone. */
static inline uint32_t present(uint64_t state)
{
    return ((uint32_t)(state >> 33) - (uint32_t)state) & COUNT_MASK;
}

/* ---- under the queue's lock -------------------------------------------------------------------
 */

static void guard(struct tug_rwlock *lock)
{
    uint64_t state = __atomic_fetch_or(&lock->state, GUARDED, __ATOMIC_ACQ_REL);
    if ((state & GUARDED) != 0)
        return;
    lock->inside = (state & WRITER) != 0 ? 0 : present(state);
    lock->departed = departures(state);
}

/* By who has just got the lock, while it is GUARDED (invariant 2). */
static void unguard(struct tug_rwlock *lock)
{
    if (lock->queue.first != NULL || lock->readers_max != TUG_RWLOCK_READERS_MAX)
        return;
    uint64_t state = load(lock);
    do {
        if (departures(state) != lock->departed || present(state) > TUG_RWLOCK_READERS_MAX)
            return;
    } while (!__atomic_compare_exchange_n(&lock->state, &state, state & ~GUARDED, true,
                                          __ATOMIC_ACQ_REL, __ATOMIC_RELAXED));
    if ((state & WRITER) == 0)
        lock->adopted += present(state) - lock->inside;
}

/* Whether the lock, which is GUARDED or has a writer, can be had by one who comes now. */
static bool is_free_for(const struct tug_rwlock *lock, bool writes)
{
    return (load(lock) & WRITER) == 0 && lock->queue.first == NULL &&
           lock->inside < (writes ? 1 : lock->readers_max);
}

static void lower_counts(struct tug_rwlock *lock)
{
    if ((load(lock) & MANY_DEPARTURES) == 0)
        return;
    __atomic_fetch_sub(&lock->state, MANY_DEPARTURES * (ARRIVAL + DEPARTURE), __ATOMIC_ACQ_REL);
    lock->departed = (lock->departed - MANY_DEPARTURES) & COUNT_MASK;
}

/* Lets one in, while the lock is GUARDED. */
static void let_in(struct tug_rwlock *lock, bool writes)
{
    if (writes) {
        __atomic_fetch_or(&lock->state, WRITER, __ATOMIC_ACQ_REL);
    } else {
        lower_counts(lock);
        lock->inside++;
        __atomic_fetch_add(&lock->state, ARRIVAL, __ATOMIC_ACQ_REL);
    }
}

/* Lets those in who wait first, while the lock is GUARDED. */
static void serve(struct tug_rwlock *lock, struct tug_chosen *chosen)
{
    struct tug_waiter *first;
    bool written = (load(lock) & WRITER) != 0;
    while (!written && (first = lock->queue.first) != NULL) {
        written = of_waiter(first)->writes;
        if (lock->inside >= (written ? 1 : lock->readers_max))
            return;
        let_in(lock, written);
        tug_wait_queue_choose(&lock->queue, first, chosen);
    }
}

static void unlock_queue_and_tell(struct tug_rwlock *lock, struct tug_chosen *chosen)
{
    tug_wait_queue_unlock(&lock->queue);
    tug_waiters_tell(chosen);
}

/* ---- without a wait ---------------------------------------------------------------------------
 */

/* Of a reader that has counted itself, and found a flag. */
static bool take_place(struct tug_rwlock *lock)
{
    if (lock->adopted > 0) {
        lock->adopted--;
        return true;
    }
    if (!is_free_for(lock, false)) {
        __atomic_fetch_sub(&lock->state, ARRIVAL, __ATOMIC_RELAXED);
        return false;
    }
    lock->inside++;
    unguard(lock);
    return true;
}

static __attribute__((noinline)) bool come_slow(struct tug_rwlock *lock, uint64_t state)
{
    bool taken = true;
    tug_wait_queue_lock(&lock->queue);
    lower_counts(lock);
    if ((state & (WRITER | GUARDED)) != 0)
        taken = take_place(lock);
    tug_wait_queue_unlock(&lock->queue);
    if ((state & (WRITER | GUARDED)) == 0 && present(state) >= TUG_RWLOCK_READERS_MAX) {
        tug_rwlock_read_unlock(lock);
        return false;
    }
    return taken;
}

static inline bool take_to_read(struct tug_rwlock *lock)
{
    uint64_t state = __atomic_fetch_add(&lock->state, ARRIVAL, __ATOMIC_ACQUIRE);
    if (__builtin_expect((state & (WRITER | GUARDED | MANY_DEPARTURES)) == 0 &&
                             present(state) < TUG_RWLOCK_READERS_MAX,
                         1))
        return true;
    return come_slow(lock, state);
}

/* Unless the lock is GUARDED. */
static inline bool take_to_write(struct tug_rwlock *lock)
{
    uint64_t state = load(lock);
    while ((state & (WRITER | GUARDED)) == 0 && present(state) == 0)
        if (__atomic_compare_exchange_n(&lock->state, &state, state | WRITER, true,
                                        __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
            return true;
    return false;
}

int tug_rwlock_try_read_lock(struct tug_rwlock *lock)
{
    /* Not to hold up the writer with an arrival that is sure to be in vain. */
    return (load(lock) & WRITER) == 0 && take_to_read(lock) ? 0 : -EBUSY;
}

int tug_rwlock_try_write_lock(struct tug_rwlock *lock)
{
    if (take_to_write(lock))
        return 0;
    if ((load(lock) & (WRITER | GUARDED)) != GUARDED)
        return -EBUSY;
    tug_wait_queue_lock(&lock->queue);
    /* Who has cleared GUARDED meanwhile had the lock. */
    bool taken = (load(lock) & GUARDED) != 0 && is_free_for(lock, true);
    if (taken) {
        let_in(lock, true);
        unguard(lock);
    }
    tug_wait_queue_unlock(&lock->queue);
    return taken ? 0 : -EBUSY;
}

/* ---- unlocking --------------------------------------------------------------------------------
 */

void tug_rwlock_read_unlock_slow(struct tug_rwlock *lock)
{
    struct tug_chosen chosen;
    tug_chosen_init(&chosen);
    tug_wait_queue_lock(&lock->queue);
    lock->inside--;
    lock->departed = (lock->departed + 1) & COUNT_MASK;
    serve(lock, &chosen);
    unlock_queue_and_tell(lock, &chosen);
}

/* Clears WRITER and adds `readers`, if nobody waits or is coming. */
static inline bool unlock_alone(struct tug_rwlock *lock, uint64_t readers)
{
    uint64_t state = load(lock);
    if (readers != 0 && (state & MANY_DEPARTURES) != 0)
        return false; /* let_in() lowers the counts */
    return (state & GUARDED) == 0 && present(state) == 0 &&
           __atomic_compare_exchange_n(&lock->state, &state, state - WRITER + readers, false,
                                       __ATOMIC_RELEASE, __ATOMIC_RELAXED);
}

void tug_rwlock_write_unlock(struct tug_rwlock *lock)
{
    if (unlock_alone(lock, 0))
        return;
    struct tug_chosen chosen;
    tug_chosen_init(&chosen);
    tug_wait_queue_lock(&lock->queue);
    guard(lock);
    __atomic_fetch_sub(&lock->state, WRITER, __ATOMIC_ACQ_REL);
    serve(lock, &chosen);
    unlock_queue_and_tell(lock, &chosen);
}

void tug_rwlock_downgrade(struct tug_rwlock *lock)
{
    if (unlock_alone(lock, ARRIVAL))
        return;
    struct tug_chosen chosen;
    tug_chosen_init(&chosen);
    tug_wait_queue_lock(&lock->queue);
    guard(lock);
    let_in(lock, false);
    __atomic_fetch_sub(&lock->state, WRITER, __ATOMIC_ACQ_REL);
    serve(lock, &chosen);
    unguard(lock);
    unlock_queue_and_tell(lock, &chosen);
}

/* ---- waiting ----------------------------------------------------------------------------------
 */

static bool take_or_queue(struct tug_future *future, const struct tug_waker *waker)
{
    struct tug_semaphore_future *self = of_future(future);
    struct tug_rwlock *lock = self->rwlock;
    if ((load(lock) & (WRITER | GUARDED)) == 0 &&
        (self->writes ? take_to_write(lock) : take_to_read(lock)))
        return true;
    struct tug_waker held = tug_waker_hold(waker);
    tug_wait_queue_lock(&lock->queue);
    guard(lock);
    bool taken = is_free_for(lock, self->writes);
    if (taken) {
        let_in(lock, self->writes);
        unguard(lock);
    } else {
        tug_wait_queue_push(&lock->queue, &self->waiter, held);
    }
    tug_wait_queue_unlock(&lock->queue);
    if (taken)
        tug_waker_unhold(&held);
    return taken;
}

static int lock_poll(struct tug_future *future, const struct tug_waker *waker)
{
    struct tug_semaphore_future *self = of_future(future);
    int outcome =
        tug_waiter_poll_future(&self->rwlock->queue, &self->waiter, future, waker, take_or_queue);
    if (outcome == TUG_READY && self->cancelled && future->result == 0) {
        if (self->writes)
            tug_rwlock_write_unlock(self->rwlock);
        else
            tug_rwlock_read_unlock(self->rwlock);
        future->result = -ECANCELED;
    }
    return outcome;
}

static void lock_cancel(struct tug_future *future)
{
    struct tug_semaphore_future *self = of_future(future);
    struct tug_rwlock *lock = self->rwlock;
    struct tug_chosen chosen;
    tug_chosen_init(&chosen);
    tug_wait_queue_lock(&lock->queue);
    bool left = tug_wait_queue_leave(&lock->queue, &self->waiter);
    if (left)
        serve(lock, &chosen);
    tug_wait_queue_unlock(&lock->queue);
    if (left)
        tug_waker_unhold(&self->waiter.waker);
    if (tug_waiter_state(&self->waiter) != TUG_WAITER_NEW) {
        self->cancelled = true; /* the next poll gives back what came first */
        return;
    }
    self->waiter.state = TUG_WAITER_TOLD;
    future->result = -ECANCELED;
    tug_waiters_tell(&chosen);
}

static const struct tug_future_vtable lock_vtable = {
    .poll = lock_poll,
    .cancel = lock_cancel,
};

void tug_rwlock_read_future_init(struct tug_semaphore_future *acquisition, struct tug_rwlock *lock)
{
    *acquisition = (struct tug_semaphore_future){.future = {&lock_vtable, 0}, .rwlock = lock};
}

void tug_rwlock_write_future_init(struct tug_semaphore_future *acquisition, struct tug_rwlock *lock)
{
    tug_rwlock_read_future_init(acquisition, lock);
    acquisition->writes = true;
}

/* ---- calls ------------------------------------------------------------------------------------
 */

void tug_rwlock_init(struct tug_rwlock *lock)
{
    *lock = (struct tug_rwlock)TUG_RWLOCK_INIT;
}

int tug_rwlock_init_with_readers(struct tug_rwlock *lock, uint32_t readers_max)
{
    if (readers_max == 0 || readers_max > TUG_RWLOCK_READERS_MAX)
        return -EINVAL;
    tug_rwlock_init(lock);
    lock->readers_max = readers_max;
    if (readers_max < TUG_RWLOCK_READERS_MAX)
        lock->state = GUARDED;
    return 0;
}

static __attribute__((noinline)) int wait_for_lock(struct tug_rwlock *lock, bool writes)
{
    struct tug_semaphore_future acquisition;
    tug_rwlock_read_future_init(&acquisition, lock);
    acquisition.writes = writes;
    return (int)tug_await_anywhere(&acquisition.future);
}

int tug_rwlock_read_lock(struct tug_rwlock *lock)
{
    if (tug_call_may_proceed()) {
        if (take_to_read(lock))
            return 0;
        tug_coop_restore();
    }
    return wait_for_lock(lock, false);
}

int tug_rwlock_write_lock(struct tug_rwlock *lock)
{
    if (tug_call_may_proceed()) {
        if (take_to_write(lock))
            return 0;
        tug_coop_restore();
    }
    return wait_for_lock(lock, true);
}
