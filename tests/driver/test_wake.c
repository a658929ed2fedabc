/* SPDX-License-Identifier: MIT */
/*
 * Sleeping and being woken: no wake is lost, none is invented where there is none, and timeouts
 * hold.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include "loop.h"
#include "sys/clock.h"
#include "sys/cpu.h"

static struct loop loop;

static int set_up(void **state)
{
    (void)state;
    loop_open(&loop);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    loop_close(&loop);
    return 0;
}

static void nobody_sleeps(void **state)
{
    (void)state;
    /* A wake while the owner is awake is remembered for one sleep. */
    assert_false(tug_driver_wake(loop.driver));
    assert_false(tug_driver_wake(loop.driver));
    assert_false(tug_driver_prepare_park(loop.driver));
    assert_true(tug_driver_prepare_park(loop.driver));
    tug_driver_cancel_park(loop.driver);
    assert_false(tug_driver_wake(loop.driver));
    assert_false(tug_driver_prepare_park(loop.driver));
}

static void wake_after_the_announcement(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        assert_true(tug_driver_prepare_park(loop.driver));
        assert_true(tug_driver_wake(loop.driver));
        assert_false(tug_driver_wake(loop.driver));
        uint64_t start = tug_clock_now();
        bool notified = false;
        assert_int_equal(tug_driver_park(loop.driver, LONG_TIME, &notified), 0);
        assert_true(notified);
        assert_true(tug_clock_now() - start < (uint64_t)LONG_TIME / 2);
    }
}

/* The wake-up descriptor was written to, but the owner did not sleep after all: one sleep may end
 * early by that, and says that nobody has asked for it. */
static void wake_of_a_sleep_that_was_called_off(void **state)
{
    (void)state;
    assert_true(tug_driver_prepare_park(loop.driver));
    assert_true(tug_driver_wake(loop.driver));
    tug_driver_cancel_park(loop.driver);
    bool notified = true;
    for (int i = 0; i < 2; i++) {
        assert_true(tug_driver_prepare_park(loop.driver));
        tug_driver_park(loop.driver, MILLISECOND, &notified);
        assert_false(notified);
    }
}

static void timeouts(void **state)
{
    (void)state;
    const int64_t lengths[] = {1, 1000, 300000, 2 * MILLISECOND, 20 * MILLISECOND};
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        bool notified;
        uint64_t start = tug_clock_now();
        assert_true(tug_driver_prepare_park(loop.driver));
        assert_int_equal(tug_driver_park(loop.driver, lengths[i], &notified), 0);
        uint64_t passed = tug_clock_now() - start;
        assert_false(notified);
        assert_true(passed >= (uint64_t)lengths[i]);
        assert_true(passed < (uint64_t)LONG_TIME);
    }
}

static void poll_without_work_makes_no_progress(void **state)
{
    (void)state;
    assert_true(tug_driver_is_quiet(loop.driver));
    for (int i = 0; i < 100; i++)
        assert_int_equal(tug_driver_poll(loop.driver, 0), 0);
    assert_int_equal(loop.sleeper.wakes, 0);
    int fds[2];
    make_pipe(fds, 0);
    char byte;
    struct tug_op op;
    tug_op_read(&op, fds[0], &byte, 1, TUG_CURRENT_POSITION);
    assert_false(loop_drive(&loop, &op));
    assert_false(tug_driver_is_quiet(loop.driver));
    for (int i = 0; i < 100; i++)
        assert_int_equal(tug_driver_poll(loop.driver, 0), 0);
    assert_int_equal(loop.sleeper.wakes, 0);
    assert_int_equal(write(fds[1], "x", 1), 1);
    assert_int_equal(loop_finish(&loop, &op), 1);
    assert_int_equal(loop.sleeper.wakes, 1);
    assert_true(tug_driver_is_quiet(loop.driver));
    close_pipe(fds);
}

/* The detector of lost wakes: the other thread hands over one number at a time and waits for the
 * answer, so a single lost wake makes the owner sleep until the end. */
enum { ROUNDS = 100000 };

struct exchange {
    struct tug_driver *driver;
    uint32_t question __attribute__((aligned(64)));
    uint32_t answer __attribute__((aligned(64)));
};

/* Asks again at all distances from the answer, so that wakes meet the owner in every step of
 * falling asleep. */
static void *ask(void *argument)
{
    struct exchange *exchange = argument;
    for (uint32_t i = 1; i <= ROUNDS; i++) {
        for (uint32_t pause = i * 7919 % 128; pause > 0; pause--)
            tug_cpu_relax();
        __atomic_store_n(&exchange->question, i, __ATOMIC_RELAXED);
        tug_driver_wake(exchange->driver);
        for (unsigned spins = 1; __atomic_load_n(&exchange->answer, __ATOMIC_ACQUIRE) != i;
             spins++) {
            tug_cpu_relax();
            if (spins % 4096 == 0)
                tug_clock_sleep(1);
        }
    }
    return NULL;
}

static void storm_of_wakes(void **state)
{
    (void)state;
    static struct exchange exchange;
    exchange = (struct exchange){.driver = loop.driver};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, ask, &exchange), 0);
    uint32_t seen = 0;
    uint64_t sleeps = 0;
    while (seen < ROUNDS) {
        bool prepared = tug_driver_prepare_park(loop.driver);
        uint32_t question = __atomic_load_n(&exchange.question, __ATOMIC_RELAXED);
        if (question != seen) {
            seen = question;
            if (prepared)
                tug_driver_cancel_park(loop.driver);
            __atomic_store_n(&exchange.answer, seen, __ATOMIC_RELEASE);
        } else if (prepared) {
            bool notified;
            uint64_t start = tug_clock_now();
            tug_driver_park(loop.driver, LONG_TIME, &notified);
            if (tug_clock_now() - start >= (uint64_t)LONG_TIME)
                fail_msg("a wake was lost in round %u", (unsigned)seen + 1);
            sleeps++;
        }
    }
    pthread_join(thread, NULL);
    print_message("%llu sleeps\n", (unsigned long long)sleeps);
}

/* Wakes by many threads, with operations completing meanwhile. */
struct noise {
    struct tug_driver *driver;
    const bool *stop;
    uint64_t wakes;
};

static void *make_noise(void *argument)
{
    struct noise *noise = argument;
    while (!__atomic_load_n(noise->stop, __ATOMIC_ACQUIRE)) {
        noise->wakes += tug_driver_wake(noise->driver);
        tug_clock_sleep(20000);
    }
    return NULL;
}

static void wakes_and_completions(void **state)
{
    (void)state;
    enum { THREADS = 3, READS = 2000 };
    bool stop = false;
    struct noise noises[THREADS];
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        noises[i] = (struct noise){.driver = loop.driver, .stop = &stop};
        assert_int_equal(pthread_create(&threads[i], NULL, make_noise, &noises[i]), 0);
    }
    int fds[2];
    make_pipe(fds, 0);
    for (int i = 0; i < READS; i++) {
        char byte;
        struct tug_op op;
        tug_op_read(&op, fds[0], &byte, 1, TUG_CURRENT_POSITION);
        assert_false(loop_drive(&loop, &op));
        loop_turn(&loop, 1000);
        assert_int_equal(write(fds[1], "x", 1), 1);
        assert_int_equal(loop_finish(&loop, &op), 1);
    }
    __atomic_store_n(&stop, true, __ATOMIC_RELEASE);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    close_pipe(fds);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(nobody_sleeps),
        TEST(wake_after_the_announcement),
        TEST(wake_of_a_sleep_that_was_called_off),
        TEST(timeouts),
        TEST(poll_without_work_makes_no_progress),
        TEST(storm_of_wakes),
        TEST(wakes_and_completions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
