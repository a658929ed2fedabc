/* SPDX-License-Identifier: MIT */
/*
 * The semaphore in all orders.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "instrument.h"

#include "sync/semaphore.c"
#include "sync/wait_queue.c"

static struct tug_semaphore semaphore;
static struct tug_semaphore_future futures[INTERLEAVE_THREADS];
static int held, got;

static void begin(size_t permits)
{
    tug_semaphore_init(&semaphore, permits);
    held = got = 0;
}

static void begin_with_0(void)
{
    begin(0);
}

static void begin_with_1(void)
{
    begin(1);
}

static void begin_with_2(void)
{
    begin(2);
}

static int64_t acquire(size_t permits)
{
    struct tug_semaphore_future *acquisition = &futures[interleave_self()];
    tug_semaphore_future_init(acquisition, &semaphore, permits);
    return interleave_await(&acquisition->future);
}

static void release(size_t permits)
{
    INTERLEAVE_CHECK(tug_semaphore_release(&semaphore, permits) == 0);
}

static void nobody_waits(void)
{
    INTERLEAVE_CHECK(semaphore.queue.first == NULL && semaphore.queue.last == NULL);
    INTERLEAVE_CHECK((semaphore.state & TUG_SEMAPHORE_WAITERS) == 0);
}

/* ---- a hand-over, after which the memory is free ---- */

static void acquire_and_give_up(void)
{
    INTERLEAVE_CHECK(acquire(1) == 0);
    interleave_give_up(&semaphore, sizeof semaphore);
    interleave_give_up(&futures[0], sizeof futures[0]);
}

/* Without waiting to be woken. */
static void acquire_by_polling_and_give_up(void)
{
    const struct tug_waker waker = interleave_waker();
    tug_semaphore_future_init(&futures[0], &semaphore, 1);
    while (futures[0].future.vtable->poll(&futures[0].future, &waker) == TUG_PENDING)
        interleave_yield();
    interleave_give_up(&semaphore, sizeof semaphore);
    interleave_give_up(&futures[0], sizeof futures[0]);
}

static void release_one(void)
{
    release(1);
}

/* ---- exclusion ---- */

static void acquire_and_release(void)
{
    INTERLEAVE_CHECK(acquire(1) == 0);
    INTERLEAVE_CHECK(++held == 1);
    interleave_step(NULL);
    held--;
    release(1);
}

static void try_and_release(void)
{
    if (tug_semaphore_try_acquire(&semaphore, 1) != 0)
        return;
    INTERLEAVE_CHECK(++held == 1);
    interleave_step(NULL);
    held--;
    release(1);
}

static void one_is_left(void)
{
    nobody_waits();
    INTERLEAVE_CHECK(tug_semaphore_available(&semaphore) == 1);
}

static void two_are_left(void)
{
    nobody_waits();
    INTERLEAVE_CHECK(tug_semaphore_available(&semaphore) == 2);
}

/* ---- many at once ---- */

static void acquire_and_release_two(void)
{
    INTERLEAVE_CHECK(acquire(2) == 0);
    INTERLEAVE_CHECK(++held == 1);
    interleave_step(NULL);
    held--;
    release(2);
}

static void acquire_one_of_two(void)
{
    INTERLEAVE_CHECK(acquire(1) == 0);
    release(1);
}

/* ---- giving up ---- */

/* Polls once and cancels: it has the permits from the start, or not at all. */
static void give_up(size_t permits)
{
    struct tug_semaphore_future *acquisition = &futures[interleave_self()];
    const struct tug_waker waker = interleave_waker();
    tug_semaphore_future_init(acquisition, &semaphore, permits);
    if (acquisition->future.vtable->poll(&acquisition->future, &waker) == TUG_READY) {
        INTERLEAVE_CHECK(acquisition->future.result == 0);
        release(permits);
        return;
    }
    acquisition->future.vtable->cancel(&acquisition->future);
    INTERLEAVE_CHECK(interleave_await(&acquisition->future) == -ECANCELED);
}

static void give_up_one(void)
{
    give_up(1);
}

static void give_up_two(void)
{
    give_up(2);
}

static void acquire_and_keep(void)
{
    INTERLEAVE_CHECK(acquire(1) == 0);
    got++;
}

static void the_other_has_got_it(void)
{
    nobody_waits();
    INTERLEAVE_CHECK(got == 1 && tug_semaphore_available(&semaphore) == 0);
}

/* ---- the end ---- */

static void close_it(void)
{
    tug_semaphore_close(&semaphore);
}

static void acquire_or_be_told(void)
{
    int64_t result = acquire(2);
    INTERLEAVE_CHECK(result == 0 || result == -EPIPE);
    if (result == 0)
        release(2);
}

/* ---- another waker ---- */

/* Two threads take turns in waiting for one future: the second has it for good. */
static void poll_with_a_waker_that_goes_away(void)
{
    const struct tug_waker waker = interleave_waker();
    tug_semaphore_future_init(&futures[0], &semaphore, 1);
    if (futures[0].future.vtable->poll(&futures[0].future, &waker) == TUG_READY)
        got = 1;
    interleave_unpark(1);
}

static void poll_to_the_end(void)
{
    interleave_park();
    if (got == 0)
        INTERLEAVE_CHECK(interleave_await(&futures[0].future) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        INTERLEAVE_MODEL("hand-over", 4, begin_with_0, NULL, acquire_and_give_up, release_one),
        INTERLEAVE_MODEL("hand-over to who polls", 4, begin_with_0, NULL,
                         acquire_by_polling_and_give_up, release_one),
        INTERLEAVE_MODEL("exclusion", 2, begin_with_1, one_is_left, acquire_and_release,
                         acquire_and_release, acquire_and_release),
        INTERLEAVE_MODEL("trying", 3, begin_with_1, one_is_left, acquire_and_release,
                         try_and_release, try_and_release),
        INTERLEAVE_MODEL("many at once", 2, begin_with_2, two_are_left, acquire_and_release_two,
                         acquire_one_of_two, acquire_and_release_two),
        INTERLEAVE_MODEL("giving up one", 3, begin_with_0, the_other_has_got_it, give_up_one,
                         release_one, acquire_and_keep),
        INTERLEAVE_MODEL("giving up two of three", 2, begin_with_1, two_are_left, give_up_two,
                         release_one, acquire_one_of_two),
        INTERLEAVE_MODEL("closing", 2, begin_with_1, two_are_left, acquire_or_be_told, release_one,
                         close_it),
        INTERLEAVE_MODEL("changing the waker", 3, begin_with_0, nobody_waits,
                         poll_with_a_waker_that_goes_away, poll_to_the_end, release_one),
    };
    return cmocka_run_group_tests_name("interleave/semaphore", tests, NULL, NULL);
}
