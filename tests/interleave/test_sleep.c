/* SPDX-License-Identifier: MIT */
/*
 * Threads that sleep and are woken, in all orders: at a mutex, for a future, in a driver.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define INTERLEAVE_REAL_MUTEX
#define TUG_SYS_MUTEX_SPINS 1 /* each more multiplies the orders, and shows nothing new */
#include "instrument.h"

#include "sys/clock.h"
#include "sys/futex.h"
#include "sys/mutex.h"

/* A deadline may pass at any time, or be too far away. */
static int futex_wait(const uint32_t *word, uint32_t expected, uint64_t deadline)
{
    if (deadline == TUG_NO_DEADLINE)
        return interleave_futex_wait(word, expected);
    interleave_yield();
    return -ETIMEDOUT;
}

#define tug_futex_wait futex_wait
#define tug_futex_wake interleave_futex_wake

#include "driver/driver.c"
#include "sys/mutex.c"
#include "task/thread_waker.c"

/* ---- the mutex of threads ---- */

static struct {
    struct tug_sys_mutex mutex;
    uint32_t inside, users;
} room;

static void open_room(uint32_t users)
{
    tug_sys_mutex_init(&room.mutex);
    room.inside = 0;
    room.users = users;
}

static void open_for_two(void)
{
    open_room(2);
}

static void open_for_three(void)
{
    open_room(3);
}

/* With the lock: nobody else has it, and the one that leaves last has the memory. */
static void stay_and_leave(void)
{
    INTERLEAVE_CHECK(__atomic_add_fetch(&room.inside, 1, __ATOMIC_RELAXED) == 1);
    uint32_t left = --room.users;
    INTERLEAVE_CHECK(__atomic_sub_fetch(&room.inside, 1, __ATOMIC_RELAXED) == 0);
    tug_sys_mutex_unlock(&room.mutex);
    if (left == 0)
        interleave_give_up(&room, sizeof room);
}

static void enter(void)
{
    tug_sys_mutex_lock(&room.mutex);
    stay_and_leave();
}

static void enter_without_a_wait(void)
{
    while (!tug_sys_mutex_try_lock(&room.mutex))
        interleave_yield();
    stay_and_leave();
}

static void all_have_left(void)
{
    INTERLEAVE_CHECK(room.users == 0 && room.mutex.word == TUG_SYS_MUTEX_FREE);
}

/* ---- a thread that waits for a future ---- */

enum { NOBODY_WAITS, SOMEBODY_WAITS, FIRED, GIVEN_UP };

static struct event {
    struct tug_future future;
    struct tug_waker waker;
    uint32_t state;
    const void *sleeper; /* in the frame of the wait */
} event;

static int event_poll(struct tug_future *self, const struct tug_waker *waker)
{
    uint32_t state = __atomic_load_n(&event.state, __ATOMIC_ACQUIRE);
    event.sleeper = waker->data;
    if (state == NOBODY_WAITS) {
        event.waker = tug_waker_clone(waker);
        if (__atomic_compare_exchange_n(&event.state, &state, SOMEBODY_WAITS, false,
                                        __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
            return TUG_PENDING;
        tug_waker_drop(event.waker);
    }
    self->result = state == GIVEN_UP ? -ECANCELED : 7;
    return state == SOMEBODY_WAITS ? TUG_PENDING : TUG_READY;
}

static void event_cancel(struct tug_future *self)
{
    uint32_t state = SOMEBODY_WAITS;
    (void)self;
    if (!__atomic_compare_exchange_n(&event.state, &state, GIVEN_UP, false, __ATOMIC_ACQ_REL,
                                     __ATOMIC_ACQUIRE))
        return;
    tug_waker_wake_by_ref(&event.waker);
    tug_waker_drop(event.waker);
}

static const struct tug_future_vtable event_vtable = {.poll = event_poll, .cancel = event_cancel};

static void begin_event(void)
{
    event = (struct event){.future = {&event_vtable, 0}};
}

static void fire(void)
{
    uint32_t state = NOBODY_WAITS;
    while (!__atomic_compare_exchange_n(&event.state, &state, FIRED, false, __ATOMIC_ACQ_REL,
                                        __ATOMIC_ACQUIRE))
        if (state == GIVEN_UP)
            return;
    if (state == SOMEBODY_WAITS)
        tug_waker_wake(event.waker);
}

static void wait_for_event(void)
{
    INTERLEAVE_CHECK(tug_await_blocking(&event.future, TUG_NO_DEADLINE) == 7);
    interleave_give_up(event.sleeper, sizeof(struct tug_thread_sleeper));
}

static void wait_for_event_or_not(void)
{
    int64_t result = tug_await_blocking(&event.future, 1);
    INTERLEAVE_CHECK(result == (event.state == FIRED ? 7 : -ETIMEDOUT));
    interleave_give_up(event.sleeper, sizeof(struct tug_thread_sleeper));
}

static struct tug_thread_sleeper sleeper;
static struct tug_waker wakers[INTERLEAVE_THREADS];
static uint32_t happened;

static void begin_sleeper(void)
{
    sleeper = (struct tug_thread_sleeper){0};
    happened = 0;
    for (int i = 1; i < INTERLEAVE_THREADS; i++) {
        const struct tug_waker waker = tug_thread_waker(&sleeper);
        wakers[i] = tug_waker_clone(&waker);
    }
}

static void sleep_until_both(void)
{
    while (__atomic_load_n(&happened, __ATOMIC_ACQUIRE) != 2)
        INTERLEAVE_CHECK(tug_thread_sleep(&sleeper, TUG_NO_DEADLINE) == 0);
    tug_thread_sleeper_end(&sleeper);
    INTERLEAVE_CHECK(sleeper.word < WAKER);
    interleave_give_up(&sleeper, sizeof sleeper);
}

static void wake_sleeper(void)
{
    __atomic_fetch_add(&happened, 1, __ATOMIC_RELEASE);
    tug_waker_wake(wakers[interleave_self()]);
}

static void wake_sleeper_and_drop(void)
{
    __atomic_fetch_add(&happened, 1, __ATOMIC_RELEASE);
    tug_waker_wake_by_ref(&wakers[interleave_self()]);
    tug_waker_drop(wakers[interleave_self()]);
}

/* ---- the owner of a driver ---- */

static struct tug_driver driver;
static uint32_t work, interrupts, sleeps, interruptions;
static bool look_again;

static int wait_for_interrupt(struct tug_driver *asleep, int64_t timeout)
{
    INTERLEAVE_CHECK(asleep == &driver && timeout == -1);
    while (__atomic_exchange_n(&interrupts, 0, __ATOMIC_ACQ_REL) == 0)
        interleave_park();
    return 0;
}

static void interrupt(struct tug_driver *asleep)
{
    INTERLEAVE_CHECK(asleep == &driver);
    interruptions++;
    __atomic_fetch_add(&interrupts, 1, __ATOMIC_RELEASE);
    interleave_unpark(0);
}

static const struct tug_driver_vtable driver_vtable = {
    .poll = wait_for_interrupt,
    .interrupt = interrupt,
};

static void begin_driver(void)
{
    tug_driver_init(&driver, &driver_vtable, NULL);
    work = interrupts = sleeps = interruptions = 0;
    look_again = true;
}

/* Cancellations are in no queue that the owner looks at before it sleeps. */
static void begin_without_a_look(void)
{
    begin_driver();
    look_again = false;
}

/* As both schedulers do it: announce, look once more, sleep. */
static void work_twice(void)
{
    uint32_t done = 0;
    while ((done += __atomic_exchange_n(&work, 0, __ATOMIC_ACQ_REL)) != 2) {
        bool notified;
        if (!tug_driver_prepare_park(&driver))
            continue;
        sleeps++;
        if (look_again && __atomic_load_n(&work, __ATOMIC_ACQUIRE) != 0) {
            tug_driver_cancel_park(&driver);
            continue;
        }
        tug_driver_park(&driver, -1, &notified);
    }
}

static void make_work(void)
{
    __atomic_fetch_add(&work, 1, __ATOMIC_RELEASE);
    tug_driver_wake(&driver);
}

static void make_work_twice(void)
{
    make_work();
    tug_driver_wake(&driver);
    make_work();
}

/* An interruption is a system call: one at the most for each sleep that was announced. */
static void owner_is_awake(void)
{
    INTERLEAVE_CHECK(work == 0 && (driver.sleep_state & TUG_DRIVER_ASLEEP) == 0);
    INTERLEAVE_CHECK(interruptions <= sleeps);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        INTERLEAVE_MODEL("two at a mutex", 100, open_for_two, all_have_left, enter, enter),
        INTERLEAVE_MODEL("three at a mutex", 3, open_for_three, all_have_left, enter, enter, enter),
        INTERLEAVE_MODEL("trying", 3, open_for_three, all_have_left, enter, enter,
                         enter_without_a_wait),
        INTERLEAVE_MODEL("waiting on a thread", 100, begin_event, NULL, wait_for_event, fire),
        INTERLEAVE_MODEL("until a deadline", 100, begin_event, NULL, wait_for_event_or_not, fire),
        INTERLEAVE_MODEL("the last waker", 3, begin_sleeper, NULL, sleep_until_both, wake_sleeper,
                         wake_sleeper_and_drop),
        INTERLEAVE_MODEL("two wake a driver", 4, begin_driver, owner_is_awake, work_twice,
                         make_work, make_work),
        INTERLEAVE_MODEL("without a second look", 4, begin_without_a_look, owner_is_awake,
                         work_twice, make_work, make_work),
        INTERLEAVE_MODEL("one wakes it three times", 5, begin_driver, owner_is_awake, work_twice,
                         make_work_twice),
    };
    return cmocka_run_group_tests_name("interleave/sleep", tests, NULL, NULL);
}
