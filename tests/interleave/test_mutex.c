/* SPDX-License-Identifier: MIT */
/*
 * The mutex in all orders. Its clock goes on by a step with each look: by none, everybody who waits
 * is woken to try; by two milliseconds, everybody is handed the mutex; between, it is both.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "instrument.h"

#include "sys/clock.h"

static uint64_t clock_time, clock_step;
#define tug_clock_now() (clock_time += clock_step)

#include "sync/mutex.c"
#include "sync/wait_queue.c"

static struct tug_mutex_future futures[INTERLEAVE_THREADS];
static struct {
    struct tug_mutex mutex;
    int references;
} guarded;
static int inside, got;

/* ---- the clocks ---- */

static void begin(uint64_t step)
{
    tug_mutex_init(&guarded.mutex);
    guarded.references = INTERLEAVE_THREADS;
    inside = got = 0;
    clock_time = 0;
    clock_step = step;
}

static void begin_waking(void)
{
    begin(0);
}

static void begin_handing_over(void)
{
    begin(2 * PATIENCE);
}

static void begin_doing_both(void)
{
    begin(PATIENCE / 2);
}

static void begin_held(uint64_t step)
{
    begin(step);
    INTERLEAVE_CHECK(tug_mutex_try_lock(&guarded.mutex) == 0);
}

static void begin_held_waking(void)
{
    begin_held(0);
}

static void begin_held_handing_over(void)
{
    begin_held(2 * PATIENCE);
}

/* ---- exclusion ---- */

static void lock(void)
{
    struct tug_mutex_future *future = &futures[interleave_self()];
    tug_mutex_future_init(future, &guarded.mutex);
    INTERLEAVE_CHECK(interleave_await(&future->future) == 0);
}

static void work_and_unlock(void)
{
    INTERLEAVE_CHECK(++inside == 1);
    interleave_step(NULL);
    inside--;
    tug_mutex_unlock(&guarded.mutex);
}

static void lock_and_unlock(void)
{
    lock();
    work_and_unlock();
}

static void lock_twice(void)
{
    lock_and_unlock();
    lock_and_unlock();
}

static void try_and_unlock(void)
{
    if (tug_mutex_try_lock(&guarded.mutex) == 0)
        work_and_unlock();
}

static void unlock(void)
{
    tug_mutex_unlock(&guarded.mutex);
}

static void it_is_free(void)
{
    INTERLEAVE_CHECK(guarded.mutex.queue.first == NULL && guarded.mutex.queue.last == NULL);
    INTERLEAVE_CHECK(guarded.mutex.state == 0);
}

/* ---- what it guards may be freed ---- */

static void drop(void)
{
    int left = --guarded.references;
    tug_mutex_unlock(&guarded.mutex);
    if (left == 0)
        interleave_give_up(&guarded, sizeof guarded);
}

static void lock_and_drop(void)
{
    lock();
    interleave_give_up(&futures[interleave_self()], sizeof futures[0]);
    drop();
}

static void try_lock_and_drop(void)
{
    while (tug_mutex_try_lock(&guarded.mutex) != 0)
        interleave_yield();
    drop();
}

/* ---- giving up ---- */

/* Polls once, and once more if that is `woken`, and cancels: locks from the start, or not at all.
 */
static void give_up_after(int polls)
{
    struct tug_mutex_future *self = &futures[interleave_self()];
    const struct tug_waker waker = interleave_waker();
    tug_mutex_future_init(self, &guarded.mutex);
    for (int i = 0; i < polls; i++) {
        if (self->future.vtable->poll(&self->future, &waker) == TUG_READY) {
            INTERLEAVE_CHECK(self->future.result == 0);
            work_and_unlock();
            return;
        }
        if (i + 1 < polls)
            interleave_park();
    }
    self->future.vtable->cancel(&self->future);
    INTERLEAVE_CHECK(interleave_await(&self->future) == -ECANCELED);
}

static void give_up(void)
{
    give_up_after(1);
}

static void give_up_when_woken(void)
{
    give_up_after(2);
}

/* ---- another waker ---- */

/* Two threads take turns in waiting for one future: the second has it for good. */
static void poll_with_a_waker_that_goes_away(void)
{
    const struct tug_waker waker = interleave_waker();
    tug_mutex_future_init(&futures[0], &guarded.mutex);
    if (futures[0].future.vtable->poll(&futures[0].future, &waker) == TUG_READY)
        got = 1;
    interleave_unpark(1);
}

static void poll_to_the_end(void)
{
    interleave_park();
    if (got == 0)
        INTERLEAVE_CHECK(interleave_await(&futures[0].future) == 0);
    work_and_unlock();
}

#define WITH_EACH_CLOCK(title, preemptions, check, ...)                                            \
    INTERLEAVE_MODEL(title ", waking", preemptions, begin_waking, check, __VA_ARGS__),             \
        INTERLEAVE_MODEL(title ", handing over", preemptions, begin_handing_over, check,           \
                         __VA_ARGS__),                                                             \
        INTERLEAVE_MODEL(title ", doing both", preemptions, begin_doing_both, check, __VA_ARGS__)

#define HELD_WITH_EACH_CLOCK(title, preemptions, check, ...)                                       \
    INTERLEAVE_MODEL(title ", waking", preemptions, begin_held_waking, check, __VA_ARGS__),        \
        INTERLEAVE_MODEL(title ", handing over", preemptions, begin_held_handing_over, check,      \
                         __VA_ARGS__)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_EACH_CLOCK("exclusion", 3, it_is_free, lock_and_unlock, lock_and_unlock,
                        lock_and_unlock),
        WITH_EACH_CLOCK("passing", 3, it_is_free, lock_and_unlock, lock_twice, lock_and_unlock),
        WITH_EACH_CLOCK("trying", 3, it_is_free, lock_and_unlock, try_and_unlock, try_and_unlock),
        WITH_EACH_CLOCK("the last frees", 3, NULL, lock_and_drop, lock_and_drop, lock_and_drop),
        WITH_EACH_CLOCK("the last frees, trying", 3, NULL, lock_and_drop, try_lock_and_drop,
                        lock_and_drop),
        HELD_WITH_EACH_CLOCK("giving up", 3, it_is_free, give_up, unlock, lock_and_unlock),
        HELD_WITH_EACH_CLOCK("both give up", 3, it_is_free, give_up, unlock, give_up),
        WITH_EACH_CLOCK("giving up when woken", 3, it_is_free, give_up_when_woken, lock_twice,
                        lock_and_unlock),
        HELD_WITH_EACH_CLOCK("changing the waker", 3, it_is_free, poll_with_a_waker_that_goes_away,
                             poll_to_the_end, unlock),
    };
    return cmocka_run_group_tests_name("interleave/mutex", tests, NULL, NULL);
}
