/* SPDX-License-Identifier: MIT */
/*
 * The timers of one worker: a hashed and hierarchical timing wheel with a tick of 1 ms.
 *
 * G. Varghese and A. Lauck, "Hashed and hierarchical timing wheels", SOSP 1987, scheme 7. Level L
 * has 64 slots of 64^L ticks each. A timer's level is that of the highest digit, in base 64, in
 * which its deadline differs from `elapsed`, and its slot is the deadline's digit there. So a
 * timer that is due within the current 64 ticks is in level 0, whose slots are single ticks, and
 * one in a higher level moves down each time that `elapsed` reaches the start of its slot. A bit
 * per slot says whether anything is in it, so that time passes over empty slots for nothing.
 *
 * Invariants, while the lock is free and the owner is not inside tug_timer_wheel_advance():
 *  - every pending timer has deadline > elapsed, and is where the rule above puts it; hence all of
 *    one level are due before all of the next, and all with the same deadline are in one slot,
 *    in the order in which they were inserted;
 *  - a slot's bit is set if and only if the slot has a timer;
 *  - `next` is the start of the first slot that has a timer, UINT64_MAX if there is none.
 *
 * Threads: the owner is the worker whose wheel this is. It alone inserts, advances and lets time
 * pass; any thread may remove, since a task may have moved to another worker after it armed its
 * timer. The lock guards everything; `next`, `pending` and `fired` may be read without it.
 *
 * A timer belongs to whoever armed it, and its memory may be reused
 *  - after tug_timer_remove() has returned, whatever it returned; or
 *  - from within fire(), or as soon as fire() has told anybody: the wheel does not touch a timer
 *    once it has called its fire().
 */
#ifndef TUG_TIME_WHEEL_H
#define TUG_TIME_WHEEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tug/timer.h>

#include "sys/mutex.h"

enum {
    TUG_TIMER_LEVELS = 6,
    TUG_TIMER_SLOT_BITS = 6,
    TUG_TIMER_SLOTS = 1 << TUG_TIMER_SLOT_BITS,
};

#define TUG_TICK_NS UINT64_C(1000000)

/* Deadlines up to this many ticks ahead, about 2.1 years, are exact. One further ahead may be
 * brought nearer, but not below this. */
#define TUG_TIMER_RANGE (UINT64_C(63) << (TUG_TIMER_SLOT_BITS * (TUG_TIMER_LEVELS - 1)))

/* The first tick that nothing waits for. */
#define TUG_TIMER_NEVER UINT64_MAX

enum tug_timer_state {
    TUG_TIMER_IDLE,    /* in no wheel, and no wheel will call fire() */
    TUG_TIMER_PENDING, /* in the wheel */
    TUG_TIMER_FIRED,   /* out of the wheel: fire() is running or has run */
};

struct tug_timer_wheel {
    struct tug_sys_mutex lock;
    uint32_t waiting; /* threads that ask for a timer and wait for the lock */
    uint64_t elapsed; /* the tick up to which all has been fired */
    uint64_t next;
    uint64_t pending; /* timers in the wheel */
    uint64_t fired;   /* since the wheel was made */
    uint64_t occupied[TUG_TIMER_LEVELS];
    struct tug_timer_link slots[TUG_TIMER_LEVELS][TUG_TIMER_SLOTS]; /* heads, oldest timer first */
};

/* Makes an empty wheel whose time is `now_ticks`, below 2^63. Nothing needs to be destroyed; timers
 * that were in it must not be removed any more once its memory is gone. */
void tug_timer_wheel_init(struct tug_timer_wheel *wheel, uint64_t now_ticks);

/*
 * Prepares a timer: once, before anything else is done with it. fire() is called by the wheel's
 * owner with the lock held: it must not block, nor call a function on this wheel or any timer of
 * it, nor take a lock under which anybody calls tug_timer_remove(). It may schedule a task.
 */
static inline void tug_timer_init(struct tug_timer *timer, void (*fire)(struct tug_timer *timer))
{
    timer->wheel = NULL;
    timer->fire = fire;
    timer->state = TUG_TIMER_IDLE;
}

/*
 * Sets a timer, which must not be pending, to fire at the tick `deadline`. [owner; another thread
 * only while the owner neither advances nor parks on a `next` it has read before]
 * A deadline beyond TUG_TIMER_RANGE is brought nearer: whoever cares looks at the clock in the end.
 * Returns true; false if the deadline is not after the wheel's time: then the timer is not in the
 * wheel, fire() will not be called, and the caller goes on as if it had been.
 * O(1).
 */
bool tug_timer_insert(struct tug_timer_wheel *wheel, struct tug_timer *timer, uint64_t deadline);

/*
 * Takes a timer out of its wheel. [any thread, not inside fire()]
 * Returns true if it was pending: fire() will not be called. False: it is in no wheel, and fire()
 * has returned if it was ever called. Waits while the owner is firing timers, though not for all
 * of them: see tug_timer_wheel_advance(). O(1).
 */
bool tug_timer_remove(struct tug_timer *timer);

/*
 * Whether a timer that was inserted has fired and its fire() has returned. [any thread, not inside
 * fire()] Waits while the owner is firing timers, as tug_timer_remove() does.
 */
bool tug_timer_has_fired(struct tug_timer *timer);

/*
 * Lets time pass up to `now_ticks`, and fires every timer that is due: in the order of deadlines,
 * and those of one deadline in the order of their insertion. [owner]
 * The lock is held meanwhile, except that after every 64 timers the threads that wait for it are
 * let in; they may remove timers that have not fired yet. A time that has been reached already
 * changes nothing and costs one comparison. Returns how many fired.
 */
unsigned tug_timer_wheel_advance(struct tug_timer_wheel *wheel, uint64_t now_ticks);

/*
 * The tick at which the owner must call tug_timer_wheel_advance() again, TUG_TIMER_NEVER if the
 * wheel is empty. Never later than the first deadline, but it may be earlier: then that advance
 * moves timers to a lower level and fires none, at most once per level. [any thread] One load; from
 * other threads the answer may be old.
 */
static inline uint64_t tug_timer_wheel_next(const struct tug_timer_wheel *wheel)
{
    return __atomic_load_n(&wheel->next, __ATOMIC_RELAXED);
}

/* The first slot that has a timer, as the head of a list of them, the oldest first; NULL: the wheel
 * is empty. The timer that fires next is among them. [owner] */
struct tug_timer_link *tug_timer_wheel_first(struct tug_timer_wheel *wheel);

/* How many timers are in the wheel, and how many have fired so far. [any thread] One load. */
static inline uint64_t tug_timer_wheel_pending(const struct tug_timer_wheel *wheel)
{
    return __atomic_load_n(&wheel->pending, __ATOMIC_RELAXED);
}

static inline uint64_t tug_timer_wheel_fired(const struct tug_timer_wheel *wheel)
{
    return __atomic_load_n(&wheel->fired, __ATOMIC_RELAXED);
}

static inline bool tug_timer_wheel_is_empty(const struct tug_timer_wheel *wheel)
{
    return tug_timer_wheel_pending(wheel) == 0;
}

/*
 * Ticks since the time `start` of the runtime, both times in ns. What time it is is rounded down,
 * a deadline is rounded up, so that the tick of a deadline is not reached before the deadline is.
 */
static inline uint64_t tug_ticks_of_now(uint64_t start, uint64_t now)
{
    return now <= start ? 0 : (now - start) / TUG_TICK_NS;
}

static inline uint64_t tug_ticks_of_deadline(uint64_t start, uint64_t deadline)
{
    return deadline <= start ? 0 : (deadline - start - 1) / TUG_TICK_NS + 1;
}

/* The time in ns at which a tick begins, UINT64_MAX (no deadline) if that does not fit. */
static inline uint64_t tug_ticks_to_time(uint64_t start, uint64_t ticks)
{
    return ticks > (UINT64_MAX - start) / TUG_TICK_NS ? UINT64_MAX : start + ticks * TUG_TICK_NS;
}

#endif
