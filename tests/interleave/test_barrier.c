/* SPDX-License-Identifier: MIT */
/*
 * The barrier in all orders.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "instrument.h"

#include "sync/wait_queue.c"

#include "sync/barrier.c"

static struct tug_barrier barrier;
static struct tug_barrier_future waits[INTERLEAVE_THREADS];
static int arrived, leaders;

static void begin(size_t parties)
{
    tug_barrier_init(&barrier, parties);
    arrived = leaders = 0;
}

static void begin_with_two(void)
{
    begin(2);
}

static void begin_with_three(void)
{
    begin(3);
}

static void nobody_waits(void)
{
    INTERLEAVE_CHECK(barrier.arrived == 0 && barrier.queue.first == NULL);
}

static void one_led(void)
{
    nobody_waits();
    INTERLEAVE_CHECK(leaders == 1);
}

static void two_led(void)
{
    nobody_waits();
    INTERLEAVE_CHECK(leaders == 2);
}

static int64_t arrive_and_wait(void)
{
    struct tug_barrier_future *wait = &waits[interleave_self()];
    tug_barrier_future_init(wait, &barrier);
    arrived++;
    int64_t result = interleave_await(&wait->future);
    INTERLEAVE_CHECK(result == FOLLOWER || result == LEADER);
    leaders += result == LEADER;
    return result;
}

static void meet(void)
{
    arrive_and_wait();
    INTERLEAVE_CHECK(arrived >= (int)barrier.parties);
}

static void meet_twice(void)
{
    arrive_and_wait();
    INTERLEAVE_CHECK(arrived >= (int)barrier.parties);
    arrive_and_wait();
    INTERLEAVE_CHECK(arrived == 2 * (int)barrier.parties);
}

/* Who was told may free the barrier, though the one who told is still in its call. */
static void meet_and_free(void)
{
    if (arrive_and_wait() == LEADER)
        return;
    interleave_give_up(&waits[interleave_self()], sizeof waits[0]);
    interleave_give_up(&barrier, sizeof barrier);
}

/* Whoever leaves in time has not arrived; too late, and it has, and meets the one that is left. */
static void give_up(void)
{
    struct tug_barrier_future *wait = &waits[interleave_self()];
    const struct tug_waker waker = interleave_waker();
    tug_barrier_future_init(wait, &barrier);
    arrived++;
    if (wait->future.vtable->poll(&wait->future, &waker) == TUG_PENDING) {
        wait->future.vtable->cancel(&wait->future);
        if (interleave_await(&wait->future) == -ECANCELED) {
            arrived--;
            return;
        }
    }
    leaders += wait->future.result == LEADER;
    arrive_and_wait();
    leaders--; /* of two rounds */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        INTERLEAVE_MODEL("three", 3, begin_with_three, one_led, meet, meet, meet),
        INTERLEAVE_MODEL("two, twice", 4, begin_with_two, two_led, meet_twice, meet_twice),
        INTERLEAVE_MODEL("the last touch", 4, begin_with_two, NULL, meet_and_free, meet_and_free),
        INTERLEAVE_MODEL("giving up", 3, begin_with_two, one_led, meet, give_up, meet),
    };
    return cmocka_run_group_tests_name("interleave/barrier", tests, NULL, NULL);
}
