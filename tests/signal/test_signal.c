/* SPDX-License-Identifier: MIT */
/*
 * Signals as futures: who is told of which, and that nothing is lost.
 *
 * A signal sent to the process is handled by some thread at some time, so a test that expects
 * silence first hears of the signal by a listener that was there before.
 */
#include "signals.h"

/* ---- Who is told ---- */

static int64_t told(void *unused)
{
    (void)unused;
    struct tug_signal listener;
    open_listener(&listener, SIGUSR1);
    expect_silence(&listener);
    for (int i = 0; i < 5; i++) {
        send_signal(SIGUSR1);
        CHECK_EQUAL(tug_signal_recv(&listener), 0);
    }
    expect_silence(&listener);
    tug_signal_close(&listener);
    tug_signal_close(&listener);
    return 0;
}

static int64_t coalesced(void *unused)
{
    (void)unused;
    struct tug_signal listener;
    open_listener(&listener, SIGUSR1);
    for (int i = 0; i < 100; i++)
        send_signal(SIGUSR1);
    unsigned count = receive_all(&listener);
    CHECK_RANGE(count, 1, 100);
    send_signal(SIGUSR1);
    count += receive_all(&listener);
    CHECK_RANGE(count, 2, 101);
    tug_signal_close(&listener);
    return 0;
}

static int64_t several_listeners(void *unused)
{
    (void)unused;
    enum { COUNT = 10 };
    struct tug_signal first[COUNT], second;
    open_listener(&second, SIGUSR2);
    for (int i = 0; i < COUNT; i++)
        open_listener(&first[i], SIGUSR1);
    send_signal(SIGUSR1);
    for (int i = 0; i < COUNT; i++)
        CHECK_EQUAL(tug_signal_recv(&first[i]), 0);
    expect_silence(&second);
    /* The end of some is nothing to the others. */
    for (int i = 0; i < COUNT; i += 2)
        tug_signal_close(&first[i]);
    send_signal(SIGUSR1);
    send_signal(SIGUSR2);
    for (int i = 1; i < COUNT; i += 2) {
        CHECK_EQUAL(tug_signal_recv(&first[i]), 0);
        tug_signal_close(&first[i]);
    }
    CHECK_EQUAL(tug_signal_recv(&second), 0);
    tug_signal_close(&second);
    return 0;
}

static int64_t before_and_after(void *unused)
{
    (void)unused;
    struct tug_signal early, late;
    open_listener(&early, SIGUSR1);
    send_signal(SIGUSR1);
    CHECK_EQUAL(tug_signal_recv(&early), 0);
    open_listener(&late, SIGUSR1);
    expect_silence(&late);
    send_signal(SIGUSR1);
    CHECK_EQUAL(tug_signal_recv(&early), 0);
    CHECK_EQUAL(tug_signal_recv(&late), 0);
    tug_signal_close(&early);
    tug_signal_close(&late);
    return 0;
}

static int64_t real_time(void *unused)
{
    (void)unused;
    struct tug_signal one, other;
    open_listener(&one, SIGRTMIN + 3);
    open_listener(&other, SIGRTMAX - 1);
    send_signal(SIGRTMAX - 1);
    CHECK_EQUAL(tug_signal_recv(&other), 0);
    expect_silence(&one);
    tug_signal_close(&one);
    tug_signal_close(&other);
    return 0;
}

static int64_t refused(void *unused)
{
    (void)unused;
    static const int numbers[] = {SIGKILL, SIGSTOP, SIGILL, SIGFPE, SIGSEGV, 0,
                                  -1,      NSIG,    1000,   32}; /* 32: the C library's own */
    struct tug_signal listener;
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        CHECK_EQUAL(tug_signal_open(&listener, numbers[i]), -EINVAL);
    tug_signal_close(&listener);
    CHECK_EQUAL(tug_signal_restore(0), -EINVAL);
    CHECK_EQUAL(tug_signal_restore(NSIG), -EINVAL);
    CHECK_EQUAL(tug_signal_restore(SIGWINCH), 0);
    return 0;
}

/* ---- What is lost ---- */

static int64_t cancelled(void *unused)
{
    (void)unused;
    struct tug_signal listener;
    open_listener(&listener, SIGUSR1);
    expect_silence(&listener);
    send_signal(SIGUSR1);
    CHECK_EQUAL(tug_signal_recv(&listener), 0);
    struct tug_scope scope;
    tug_scope_begin(&scope, TUG_FOREVER, NULL);
    tug_scope_cancel(&scope);
    send_signal(SIGUSR1);
    CHECK_EQUAL(tug_signal_recv(&listener), -ECANCELED);
    CHECK_EQUAL(tug_scope_end(&scope, 0), 0);
    CHECK_EQUAL(tug_signal_recv(&listener), 0);
    tug_signal_close(&listener);
    return 0;
}

/* Signals come while waits are cancelled: none is lost, though some become one. */
static int64_t cancelled_at_random(void *unused)
{
    (void)unused;
    struct tug_signal listener;
    open_listener(&listener, SIGUSR1);
    for (unsigned i = 0; i < 200; i++) {
        send_signal(SIGUSR1);
        if (receive_within(&listener, i % 7 * 10000) != 0)
            CHECK_EQUAL(tug_signal_recv(&listener), 0);
    }
    tug_signal_close(&listener);
    return 0;
}

static int64_t selected(void *unused)
{
    (void)unused;
    struct tug_signal listener;
    struct tug_signal_future wait;
    struct tug_sleep_future sleep;
    struct tug_future *both[] = {&wait.future, &sleep.future};
    open_listener(&listener, SIGUSR1);
    tug_signal_future_init(&wait, &listener);
    tug_sleep_future_init(&sleep, tug_deadline_after(A_WHILE));
    CHECK_EQUAL(tug_select(both, 2), 1);
    CHECK_EQUAL(wait.future.result, -ECANCELED);
    send_signal(SIGUSR1);
    tug_signal_future_init(&wait, &listener);
    tug_sleep_future_init(&sleep, TUG_FOREVER);
    CHECK_EQUAL(tug_select(both, 2), 0);
    CHECK_EQUAL(wait.future.result, 0);
    tug_signal_close(&listener);
    return 0;
}

/* ---- Beside others ---- */

static int64_t receive_once(void *argument)
{
    return tug_signal_recv(argument);
}

static int64_t receive_in_runtime(void *argument)
{
    struct tug_runtime_options options = fixture_options(0);
    return fixture_run(&options, receive_once, argument);
}

static int64_t several_runtimes(void *unused)
{
    (void)unused;
    struct tug_signal listeners[3];
    struct fixture_thread threads[3];
    for (int i = 0; i < 3; i++)
        open_listener(&listeners[i], SIGUSR2);
    for (int i = 1; i < 3; i++) /* one in another runtime, one in none */
        fixture_thread_start(&threads[i], i == 1 ? receive_in_runtime : receive_once,
                             &listeners[i]);
    send_signal(SIGUSR2);
    CHECK_EQUAL(tug_signal_recv(&listeners[0]), 0);
    for (int i = 1; i < 3; i++)
        CHECK_EQUAL(fixture_thread_await(&threads[i]), 0);
    for (int i = 0; i < 3; i++)
        tug_signal_close(&listeners[i]);
    return 0;
}

static int64_t open_and_close(void *stop)
{
    struct tug_signal listeners[4];
    unsigned heard = 0;
    for (unsigned i = 0; i < 300; i++) {
        for (unsigned k = 0; k < 4; k++)
            open_listener(&listeners[k], k % 2 == 0 ? SIGUSR1 : SIGUSR2);
        if (i % 10 == 0)
            heard += tug_signal_recv(&listeners[i % 4]) == 0;
        for (unsigned k = 0; k < 4; k++)
            tug_signal_close(&listeners[(i + k) % 4]);
    }
    __atomic_add_fetch((int *)stop, 1, __ATOMIC_RELEASE);
    return heard;
}

static int64_t shower(void *stop)
{
    while (__atomic_load_n((int *)stop, __ATOMIC_ACQUIRE) < 3) {
        send_signal(SIGUSR1);
        send_signal(SIGUSR2);
        usleep(20);
    }
    return 0;
}

/* Listeners come and go while handlers walk their lists on two threads. */
static int64_t under_a_shower(void *unused)
{
    (void)unused;
    int stop = 0;
    struct tug_signal one, other;
    struct tug_task *tasks[3];
    struct fixture_thread threads[2];
    open_listener(&one, SIGUSR1);
    open_listener(&other, SIGUSR2);
    for (int i = 0; i < 2; i++)
        fixture_thread_start(&threads[i], shower, &stop);
    for (int i = 0; i < 3; i++)
        tasks[i] = fixture_spawn(open_and_close, &stop);
    for (int i = 0; i < 3; i++)
        CHECK_EQUAL(fixture_join(tasks[i]), 30);
    for (int i = 0; i < 2; i++)
        fixture_thread_await(&threads[i]);
    receive_all(&one);
    receive_all(&other);
    tug_signal_close(&one);
    tug_signal_close(&other);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_EACH(told),
        IN_EACH(coalesced),
        IN_EACH(several_listeners),
        IN_EACH(before_and_after),
        IN_EACH(real_time),
        IN_EACH(refused),
        IN_EACH(cancelled),
        IN_EACH(cancelled_at_random),
        IN_EACH(selected),
        IN_EACH(several_runtimes),
        IN_EACH(under_a_shower),
    };
    return cmocka_run_group_tests(tests, start_taking_signals, NULL);
}
