/* SPDX-License-Identifier: MIT */
/*
 * The timing wheel. What it is, its source, and its invariants are in wheel.h.
 *
 * Arithmetic: a level's digit of a tick is its 6 bits from bit 6 * level on. The top level goes
 * round: its 64 slots are the current one, which is empty, and the 63 that come next, so that a
 * slot's distance from the current digit, modulo 64, says which tick it starts at. The same holds
 * for the levels below, which never go round, because a timer in them agrees with `elapsed` in all
 * higher digits.
 *
 * While a slot is being emptied, timers are taken from it one by one and never as a whole list:
 * whenever the lock is free, each timer that is pending is in a slot, where a removal finds it.
 */
#include "time/wheel.h"

#include <assert.h>

#include "sys/cpu.h"

#define SLOT_MASK (TUG_TIMER_SLOTS - 1)
#define TOP_SHIFT (TUG_TIMER_SLOT_BITS * (TUG_TIMER_LEVELS - 1))

/* Timers that are handled without a look at who waits for the lock: 1 to 2 us. */
#define BATCH 64

/* Turns of the loop that waits for others to come in: tens of us, about what it takes to wake a
 * thread. */
#define LET_IN_TURNS 1024

/* The start of the first slot that has a timer. */
struct slot_start {
    uint64_t tick;
    unsigned level, slot;
};

/* Written under the lock, read without it. */
static inline void publish(uint64_t *field, uint64_t value)
{
    __atomic_store_n(field, value, __ATOMIC_RELAXED);
}

static inline void set_state(struct tug_timer *timer, enum tug_timer_state state)
{
    __atomic_store_n(&timer->state, (uint8_t)state, __ATOMIC_RELAXED);
}

void tug_timer_wheel_init(struct tug_timer_wheel *wheel, uint64_t now_ticks)
{
    assert(now_ticks <= INT64_MAX);
    tug_sys_mutex_init(&wheel->lock);
    wheel->waiting = 0;
    wheel->elapsed = now_ticks;
    wheel->next = TUG_TIMER_NEVER;
    wheel->pending = 0;
    wheel->fired = 0;
    for (unsigned level = 0; level < TUG_TIMER_LEVELS; level++) {
        wheel->occupied[level] = 0;
        for (unsigned slot = 0; slot < TUG_TIMER_SLOTS; slot++) {
            struct tug_timer_link *head = &wheel->slots[level][slot];
            head->next = head;
            head->previous = head;
        }
    }
}

/* All levels below hold what is due earlier, so the first one that is not empty decides. */
static inline struct slot_start first_slot(const struct tug_timer_wheel *wheel)
{
    for (unsigned level = 0; level < TUG_TIMER_LEVELS; level++) {
        uint64_t occupied = wheel->occupied[level];
        if (occupied == 0)
            continue;
        unsigned shift = TUG_TIMER_SLOT_BITS * level;
        uint64_t current = wheel->elapsed >> shift;
        unsigned digit = current & SLOT_MASK;
        uint64_t from_current = occupied >> digit | occupied << (-digit & SLOT_MASK);
        uint64_t first = current + (unsigned)__builtin_ctzll(from_current);
        return (struct slot_start){first << shift, level, first & SLOT_MASK};
    }
    return (struct slot_start){TUG_TIMER_NEVER, 0, 0};
}

struct tug_timer_link *tug_timer_wheel_first(struct tug_timer_wheel *wheel)
{
    struct slot_start first = first_slot(wheel);
    return first.tick != TUG_TIMER_NEVER ? &wheel->slots[first.level][first.slot] : NULL;
}

/* The level of the highest digit that differs. A deadline that differs above the top level's digit
 * is in the top level's next round. */
static inline unsigned level_of(uint64_t elapsed, uint64_t deadline)
{
    unsigned highest_bit = 63 - (unsigned)__builtin_clzll((elapsed ^ deadline) | SLOT_MASK);
    unsigned level = highest_bit / TUG_TIMER_SLOT_BITS;
    return level < TUG_TIMER_LEVELS ? level : TUG_TIMER_LEVELS - 1;
}

static inline uint64_t start_of_slot(const struct tug_timer *timer)
{
    unsigned shift = TUG_TIMER_SLOT_BITS * timer->level;
    return timer->deadline >> shift << shift;
}

static inline void link_timer(struct tug_timer_wheel *wheel, struct tug_timer *timer)
{
    unsigned level = level_of(wheel->elapsed, timer->deadline);
    unsigned slot = timer->deadline >> (TUG_TIMER_SLOT_BITS * level) & SLOT_MASK;
    struct tug_timer_link *head = &wheel->slots[level][slot];

    timer->level = (uint8_t)level;
    timer->slot = (uint8_t)slot;
    timer->link.next = head;
    timer->link.previous = head->previous;
    head->previous->next = &timer->link;
    head->previous = &timer->link;
    wheel->occupied[level] |= UINT64_C(1) << slot;
}

/* Returns whether the slot is empty now: then both neighbours were the head. */
static inline bool unlink_timer(struct tug_timer_wheel *wheel, struct tug_timer *timer)
{
    struct tug_timer_link *next = timer->link.next, *previous = timer->link.previous;
    next->previous = previous;
    previous->next = next;
    if (next != previous)
        return false;
    wheel->occupied[timer->level] &= ~(UINT64_C(1) << timer->slot);
    return true;
}

bool tug_timer_insert(struct tug_timer_wheel *wheel, struct tug_timer *timer, uint64_t deadline)
{
    assert(timer->state != TUG_TIMER_PENDING);
    tug_sys_mutex_lock(&wheel->lock);
    if (deadline <= wheel->elapsed) {
        tug_sys_mutex_unlock(&wheel->lock);
        set_state(timer, TUG_TIMER_IDLE);
        return false;
    }
    /* The last tick before the top level's current slot comes round again. */
    uint64_t last = (wheel->elapsed | ((UINT64_C(1) << TOP_SHIFT) - 1)) + TUG_TIMER_RANGE;
    timer->deadline = deadline < last ? deadline : last;
    timer->wheel = wheel;
    set_state(timer, TUG_TIMER_PENDING);
    link_timer(wheel, timer);
    publish(&wheel->pending, wheel->pending + 1);
    uint64_t start = start_of_slot(timer);
    if (start < wheel->next)
        publish(&wheel->next, start);
    tug_sys_mutex_unlock(&wheel->lock);
    return true;
}

/* Takes the lock so that an owner who is firing timers knows of it. */
static inline void lock_from_outside(struct tug_timer_wheel *wheel)
{
    if (__builtin_expect(tug_sys_mutex_try_lock(&wheel->lock), 1))
        return;
    __atomic_fetch_add(&wheel->waiting, 1, __ATOMIC_RELAXED);
    tug_sys_mutex_lock(&wheel->lock);
    __atomic_fetch_sub(&wheel->waiting, 1, __ATOMIC_RELAXED);
}

bool tug_timer_has_fired(struct tug_timer *timer)
{
    struct tug_timer_wheel *wheel = timer->wheel;
    lock_from_outside(wheel);
    bool fired = timer->state == TUG_TIMER_FIRED;
    tug_sys_mutex_unlock(&wheel->lock);
    return fired;
}

bool tug_timer_remove(struct tug_timer *timer)
{
    /* A timer that has fired must not end here: its fire() may be running. */
    if (__atomic_load_n(&timer->state, __ATOMIC_RELAXED) == TUG_TIMER_IDLE)
        return false;
    struct tug_timer_wheel *wheel = timer->wheel;
    lock_from_outside(wheel);
    bool pending = timer->state == TUG_TIMER_PENDING;
    if (pending) {
        set_state(timer, TUG_TIMER_IDLE);
        publish(&wheel->pending, wheel->pending - 1);
        if (unlink_timer(wheel, timer) && start_of_slot(timer) <= wheel->next)
            publish(&wheel->next, first_slot(wheel).tick);
    }
    tug_sys_mutex_unlock(&wheel->lock);
    return pending;
}

/*
 * Lets the threads in that wait in lock_from_outside(). Unlocking alone would not do: whoever is
 * woken would find the lock taken again by the time it runs, and sleep on.
 */
static inline void let_others_in(struct tug_timer_wheel *wheel)
{
    if (__builtin_expect(__atomic_load_n(&wheel->waiting, __ATOMIC_RELAXED) == 0, 1))
        return;
    tug_sys_mutex_unlock(&wheel->lock);
    for (int i = 0; i < LET_IN_TURNS; i++) {
        if (__atomic_load_n(&wheel->waiting, __ATOMIC_RELAXED) == 0)
            break;
        tug_cpu_relax();
    }
    tug_sys_mutex_lock(&wheel->lock);
}

static inline void fire(struct tug_timer_wheel *wheel, struct tug_timer *timer)
{
    publish(&wheel->pending, wheel->pending - 1);
    publish(&wheel->fired, wheel->fired + 1);
    set_state(timer, TUG_TIMER_FIRED);
    timer->fire(timer);
}

unsigned tug_timer_wheel_advance(struct tug_timer_wheel *wheel, uint64_t now_ticks)
{
    assert(now_ticks <= INT64_MAX);
    if (now_ticks <= wheel->elapsed)
        return 0;

    unsigned fired = 0, handled = 0;
    tug_sys_mutex_lock(&wheel->lock);
    struct slot_start first = first_slot(wheel);
    while (first.tick <= now_ticks) {
        struct tug_timer_link *head = &wheel->slots[first.level][first.slot];
        wheel->elapsed = first.tick;
        while (head->next != head) {
            struct tug_timer *timer = (struct tug_timer *)head->next;
            unlink_timer(wheel, timer);
            if (first.level == 0) {
                fire(wheel, timer);
                fired++;
            } else {
                link_timer(wheel, timer);
            }
            if (++handled % BATCH == 0)
                let_others_in(wheel);
        }
        first = first_slot(wheel);
    }
    wheel->elapsed = now_ticks;
    publish(&wheel->next, first.tick);
    tug_sys_mutex_unlock(&wheel->lock);
    return fired;
}
