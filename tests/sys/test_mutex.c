/* SPDX-License-Identifier: MIT */
/*
 * The mutex: exclusion under contention (ThreadSanitizer sees a plain counter that only the mutex
 * protects), the three states, and no lost wake even if sleeping is refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sys/clock.h"
#include "sys/fault.h"
#include "sys/mutex.h"
#include "sys/thread.h"

enum { THREADS = 4, ROUNDS = 20000 };

struct shared {
    struct tug_sys_mutex mutex;
    uint64_t counter;
};

static void count(void *argument)
{
    struct shared *shared = argument;
    for (int i = 0; i < ROUNDS; i++) {
        tug_sys_mutex_lock(&shared->mutex);
        shared->counter++;
        tug_sys_mutex_unlock(&shared->mutex);
    }
}

static void run_threads(struct shared *shared, void (*fn)(void *))
{
    struct tug_thread threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(tug_thread_create(&threads[i], "counter", 0, false, fn, shared), 0);
    for (int i = 0; i < THREADS; i++)
        tug_thread_join(&threads[i]);
}

static void test_is_four_bytes_and_free_when_zeroed(void **state)
{
    (void)state;
    static struct tug_sys_mutex zeroed;
    struct tug_sys_mutex initialised = TUG_SYS_MUTEX_INITIALIZER, set;
    tug_sys_mutex_init(&set);
    assert_int_equal(sizeof(struct tug_sys_mutex), 4);
    assert_true(tug_sys_mutex_try_lock(&zeroed));
    assert_true(tug_sys_mutex_try_lock(&initialised));
    assert_true(tug_sys_mutex_try_lock(&set));
}

static void test_try_lock_fails_while_held(void **state)
{
    (void)state;
    struct tug_sys_mutex mutex = TUG_SYS_MUTEX_INITIALIZER;
    tug_sys_mutex_lock(&mutex);
    assert_false(tug_sys_mutex_try_lock(&mutex));
    tug_sys_mutex_unlock(&mutex);
    assert_true(tug_sys_mutex_try_lock(&mutex));
    tug_sys_mutex_unlock(&mutex);
    assert_int_equal(mutex.word, TUG_SYS_MUTEX_FREE);
}

static void test_excludes_under_contention(void **state)
{
    (void)state;
    struct shared shared = {.counter = 0};
    run_threads(&shared, count);
    assert_int_equal(shared.counter, (uint64_t)THREADS * ROUNDS);
    assert_int_equal(shared.mutex.word, TUG_SYS_MUTEX_FREE);
}

static void lock_once(void *argument)
{
    struct shared *shared = argument;
    tug_sys_mutex_lock(&shared->mutex);
    shared->counter++;
    tug_sys_mutex_unlock(&shared->mutex);
}

/* All threads sleep on a mutex that is held for long; one unlock sets them all free in turn. */
static void test_every_sleeper_is_woken(void **state)
{
    (void)state;
    struct shared shared = {.counter = 0};
    struct tug_thread threads[THREADS];
    tug_sys_mutex_lock(&shared.mutex);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(tug_thread_create(&threads[i], NULL, 0, false, lock_once, &shared), 0);
    while (__atomic_load_n(&shared.mutex.word, __ATOMIC_RELAXED) != TUG_SYS_MUTEX_CONTENDED)
        tug_clock_sleep(1000000);
    tug_clock_sleep(20000000);
    assert_int_equal(shared.counter, 0);
    tug_sys_mutex_unlock(&shared.mutex);
    for (int i = 0; i < THREADS; i++)
        tug_thread_join(&threads[i]);
    assert_int_equal(shared.counter, THREADS);
}

#if TUG_FAULT_INJECTION
static void test_spurious_wakes_do_no_harm(void **state)
{
    (void)state;
    struct shared shared = {.counter = 0};
    tug_fault_reset();
    assert_int_equal(tug_fault_fail("futex_wait", 1, TUG_FAULT_ALWAYS, EAGAIN), 0);
    run_threads(&shared, count);
    tug_fault_reset();
    assert_int_equal(shared.counter, (uint64_t)THREADS * ROUNDS);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_is_four_bytes_and_free_when_zeroed),
        cmocka_unit_test(test_try_lock_fails_while_held),
        cmocka_unit_test(test_excludes_under_contention),
        cmocka_unit_test(test_every_sleeper_is_woken),
#if TUG_FAULT_INJECTION
        cmocka_unit_test(test_spurious_wakes_do_no_harm),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
