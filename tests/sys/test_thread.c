/* SPDX-License-Identifier: MIT */
/*
 * Threads: what a new one gets (argument, name, stack, signal mask), its number, and failures to
 * start one.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sys/call.h"
#include "sys/clock.h"
#include "sys/futex.h"
#include "sys/thread.h"

struct report {
    char name[32];
    size_t stack_size;
    sigset_t mask;
    int id, id_again;
    uint32_t done;
};

static void fill_report(void *argument)
{
    struct report *report = argument;
    pthread_attr_t attributes;
    pthread_getname_np(pthread_self(), report->name, sizeof(report->name));
    pthread_getattr_np(pthread_self(), &attributes);
    pthread_attr_getstacksize(&attributes, &report->stack_size);
    pthread_attr_destroy(&attributes);
    pthread_sigmask(SIG_BLOCK, NULL, &report->mask);
    report->id = tug_thread_self_id();
    report->id_again = tug_thread_self_id();
    __atomic_store_n(&report->done, 1, __ATOMIC_RELEASE);
    tug_futex_wake(&report->done, 1);
}

static struct report report_of_thread(const char *name, size_t stack_size, bool block_all_signals)
{
    struct report report = {.done = 0};
    struct tug_thread thread;
    assert_int_equal(
        tug_thread_create(&thread, name, stack_size, block_all_signals, fill_report, &report), 0);
    tug_thread_join(&thread);
    return report;
}

static void test_name_is_set_and_cut(void **state)
{
    (void)state;
    assert_string_equal(report_of_thread("tug-worker", 0, false).name, "tug-worker");
    assert_string_equal(report_of_thread("a name that is far too long", 0, false).name,
                        "a name that is ");
    char own[32];
    pthread_getname_np(pthread_self(), own, sizeof(own));
    assert_string_equal(report_of_thread(NULL, 0, false).name, own);
}

static void test_stack_size(void **state)
{
    (void)state;
    assert_true(report_of_thread(NULL, 1 << 20, false).stack_size >= 1 << 20);
    assert_true(report_of_thread(NULL, (1 << 20) + 1, false).stack_size >= (1 << 20) + 1);
    assert_true(report_of_thread(NULL, 1, false).done);
    assert_true(report_of_thread(NULL, 0, false).stack_size > 0);
}

static void test_signals_are_blocked_on_demand(void **state)
{
    (void)state;
    sigset_t before, after;
    pthread_sigmask(SIG_BLOCK, NULL, &before);
    struct report blocked = report_of_thread(NULL, 0, true);
    struct report inherited = report_of_thread(NULL, 0, false);
    pthread_sigmask(SIG_BLOCK, NULL, &after);
    static const int asynchronous[] = {SIGINT, SIGTERM, SIGCHLD, SIGALRM, SIGUSR1, SIGPIPE};
    for (size_t i = 0; i < sizeof(asynchronous) / sizeof(asynchronous[0]); i++) {
        assert_true(sigismember(&blocked.mask, asynchronous[i]));
        assert_int_equal(sigismember(&inherited.mask, asynchronous[i]),
                         sigismember(&before, asynchronous[i]));
        assert_int_equal(sigismember(&after, asynchronous[i]),
                         sigismember(&before, asynchronous[i]));
    }
    assert_false(sigismember(&blocked.mask, SIGSEGV));
    assert_false(sigismember(&blocked.mask, SIGBUS));
}

static void test_self_id_is_stable_and_unique(void **state)
{
    (void)state;
    struct report report = report_of_thread(NULL, 0, false);
    assert_true(report.id > 0);
    assert_int_equal(report.id, report.id_again);
    assert_int_not_equal(report.id, tug_thread_self_id());
    assert_int_equal(tug_thread_self_id(), tug_sys_gettid());
}

static void test_detached_thread_runs(void **state)
{
    (void)state;
    static struct report report;
    struct tug_thread thread;
    assert_int_equal(tug_thread_create(&thread, NULL, 0, false, fill_report, &report), 0);
    tug_thread_detach(&thread);
    while (!__atomic_load_n(&report.done, __ATOMIC_ACQUIRE))
        tug_futex_wait(&report.done, 0, TUG_NO_DEADLINE);
    assert_true(report.id > 0);
}

static void test_absurd_stack_is_an_error(void **state)
{
    (void)state;
    struct tug_thread thread;
    assert_true(tug_thread_create(&thread, NULL, SIZE_MAX, false, fill_report, NULL) < 0);
    assert_true(tug_thread_create(&thread, NULL, SIZE_MAX / 2, false, fill_report, NULL) < 0);
}

#if TUG_FAULT_INJECTION
static void test_failures_to_start(void **state)
{
    (void)state;
    struct report report = {.done = 0};
    struct tug_thread thread;
    tug_fault_reset();
    tug_fault_fail("thread_create", 1, 1, EAGAIN);
    assert_int_equal(tug_thread_create(&thread, "x", 0, true, fill_report, &report), -EAGAIN);
    tug_fault_fail("malloc", 1, 1, ENOMEM);
    assert_int_equal(tug_thread_create(&thread, "x", 0, true, fill_report, &report), -ENOMEM);
    assert_int_equal(report.done, 0);
    /* A thread that cannot be named runs. */
    tug_fault_fail("prctl", 1, 1, EPERM);
    assert_int_equal(tug_thread_create(&thread, "unnamed", 0, true, fill_report, &report), 0);
    tug_thread_join(&thread);
    tug_fault_reset();
    assert_string_not_equal(report.name, "unnamed");
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_name_is_set_and_cut),
        cmocka_unit_test(test_stack_size),
        cmocka_unit_test(test_signals_are_blocked_on_demand),
        cmocka_unit_test(test_self_id_is_stable_and_unique),
        cmocka_unit_test(test_detached_thread_runs),
        cmocka_unit_test(test_absurd_stack_is_an_error),
#if TUG_FAULT_INJECTION
        cmocka_unit_test(test_failures_to_start),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
