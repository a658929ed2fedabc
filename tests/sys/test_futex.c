/* SPDX-License-Identifier: MIT */
/*
 * Futex waits with and without a deadline, wakes, and the clock that deadlines are given in.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sys/clock.h"
#include "sys/fault.h"
#include "sys/futex.h"
#include "sys/thread.h"

#define MS UINT64_C(1000000)

struct waiter {
    uint32_t word;
    uint32_t about_to_wait;
    int result;
};

static void wait_for_change(void *argument)
{
    struct waiter *waiter = argument;
    __atomic_store_n(&waiter->about_to_wait, 1, __ATOMIC_RELEASE);
    waiter->result = tug_futex_wait(&waiter->word, 0, TUG_NO_DEADLINE);
}

/* Wakes until somebody was asleep: the thread may not have come to its wait yet. */
static void wake_one(struct waiter *waiter)
{
    while (tug_futex_wake(&waiter->word, 1) == 0)
        tug_clock_sleep(MS);
}

static void test_wait_ends_at_the_deadline(void **state)
{
    (void)state;
    uint32_t word = 7;
    uint64_t deadline = tug_clock_now() + 20 * MS;
    assert_int_equal(tug_futex_wait(&word, 7, deadline), -ETIMEDOUT);
    assert_true(tug_clock_now() >= deadline);
    assert_int_equal(tug_futex_wait(&word, 7, deadline), -ETIMEDOUT);
    assert_int_equal(tug_futex_wait(&word, 7, 0), -ETIMEDOUT);
}

static void test_wait_does_not_sleep_if_the_word_is_another(void **state)
{
    (void)state;
    uint32_t word = 8;
    assert_int_equal(tug_futex_wait(&word, 7, TUG_NO_DEADLINE), -EAGAIN);
}

static void test_wake_without_waiters(void **state)
{
    (void)state;
    uint32_t word = 0;
    assert_int_equal(tug_futex_wake(&word, INT_MAX), 0);
}

static void test_wake_ends_a_wait(void **state)
{
    (void)state;
    struct waiter waiter = {.result = -1};
    struct tug_thread thread;
    assert_int_equal(tug_thread_create(&thread, NULL, 0, false, wait_for_change, &waiter), 0);
    wake_one(&waiter);
    tug_thread_join(&thread);
    assert_int_equal(waiter.result, 0);
}

static void ignore_signal(int signal)
{
    (void)signal;
}

static void test_signals_do_not_end_a_wait(void **state)
{
    (void)state;
    struct sigaction action = {.sa_handler = ignore_signal}, before;
    sigaction(SIGUSR1, &action, &before);
    struct waiter waiter = {.result = -1};
    struct tug_thread thread;
    assert_int_equal(tug_thread_create(&thread, NULL, 0, false, wait_for_change, &waiter), 0);
    while (!__atomic_load_n(&waiter.about_to_wait, __ATOMIC_ACQUIRE))
        tug_clock_sleep(MS);
    for (int i = 0; i < 10; i++) {
        tug_clock_sleep(MS);
        pthread_kill(thread.handle, SIGUSR1);
    }
    wake_one(&waiter);
    tug_thread_join(&thread);
    assert_int_equal(waiter.result, 0);
    sigaction(SIGUSR1, &before, NULL);
}

static void test_clock_goes_forward_and_sleeps_long_enough(void **state)
{
    (void)state;
    uint64_t start = tug_clock_now();
    tug_clock_sleep(5 * MS);
    uint64_t middle = tug_clock_now();
    assert_true(middle >= start + 5 * MS);
    tug_clock_sleep_until(middle + 5 * MS);
    assert_true(tug_clock_now() >= middle + 5 * MS);
    tug_clock_sleep_until(start);
}

static void test_deadlines_do_not_wrap(void **state)
{
    (void)state;
    assert_true(tug_clock_deadline(5, 7) == 12);
    assert_true(tug_clock_deadline(5, UINT64_MAX) == TUG_NO_DEADLINE);
    assert_true(tug_clock_deadline(UINT64_MAX - 1, 1) == UINT64_MAX);
    assert_true(tug_clock_deadline(UINT64_MAX - 1, 2) == TUG_NO_DEADLINE);
    struct timespec time = tug_clock_timespec(3 * TUG_NS_PER_SECOND + 4);
    assert_int_equal(time.tv_sec, 3);
    assert_int_equal(time.tv_nsec, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wait_ends_at_the_deadline),
        cmocka_unit_test(test_wait_does_not_sleep_if_the_word_is_another),
        cmocka_unit_test(test_wake_without_waiters),
        cmocka_unit_test(test_wake_ends_a_wait),
        cmocka_unit_test(test_signals_do_not_end_a_wait),
        cmocka_unit_test(test_clock_goes_forward_and_sleeps_long_enough),
        cmocka_unit_test(test_deadlines_do_not_wrap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
