/* SPDX-License-Identifier: MIT */
/*
 * Signals as futures: who is told of which, what is lost by nobody, and what is left behind.
 *
 * A signal sent to the process is handled by some thread at some time, so a test that expects
 * silence first hears of the signal by a listener that was there before.
 */
#include "../runtime/fixture.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

#include "sys/fault.h"
#include "taker.h"

#define A_WHILE (20 * TUG_MILLISECOND)

static void open_listener(struct tug_signal *listener, int number)
{
    CHECK_EQUAL(tug_signal_open(listener, number), 0);
}

static void send_signal(int number)
{
    CHECK_EQUAL(kill(getpid(), number), 0);
}

/* Receives with a limit of time. */
static int64_t receive_within(struct tug_signal *listener, uint64_t time)
{
    struct tug_scope scope;
    tug_scope_begin(&scope, tug_deadline_after(time), NULL);
    return tug_scope_end(&scope, tug_signal_recv(listener));
}

static void expect_silence(struct tug_signal *listener)
{
    CHECK_EQUAL(receive_within(listener, A_WHILE), -ETIMEDOUT);
}

/* Receives all there is: signals that were sent one after the other may be handled late. */
static void receive_all(struct tug_signal *listener)
{
    CHECK_EQUAL(tug_signal_recv(listener), 0);
    while (receive_within(listener, A_WHILE) == 0)
        ;
}

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
    receive_all(&listener);
    send_signal(SIGUSR1);
    CHECK_EQUAL(tug_signal_recv(&listener), 0);
    expect_silence(&listener);
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
    open_listener(&other, SIGRTMAX);
    send_signal(SIGRTMAX);
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

static int64_t press_ctrl_c(void *pressed)
{
    /* Until the task below listens: before that, Ctrl-C would end the program. */
    struct sigaction action;
    do {
        CHECK_EQUAL(tug_sleep(TUG_MILLISECOND), 0);
        CHECK_EQUAL(sigaction(SIGINT, NULL, &action), 0);
    } while (action.sa_handler == SIG_DFL);
    while (!__atomic_load_n((bool *)pressed, __ATOMIC_ACQUIRE)) {
        send_signal(SIGINT);
        CHECK_EQUAL(tug_sleep(TUG_MILLISECOND), 0);
    }
    return 0;
}

static int64_t ctrl_c(void *unused)
{
    (void)unused;
    bool done = false;
    signal(SIGINT, SIG_DFL);
    struct tug_spawn_options options = TUG_SPAWN_OPTIONS_INIT;
    struct tug_task *task;
    options.worker = 0;
    CHECK_EQUAL(tug_spawn_with(&task, &options, press_ctrl_c, &done), 0);
    CHECK_EQUAL(tug_ctrl_c(), 0);
    __atomic_store_n(&done, true, __ATOMIC_RELEASE);
    CHECK_EQUAL(fixture_join(task), 0);
    CHECK_EQUAL(tug_signal_restore(SIGINT), 0);
    return 0;
}

/* ---- The process's disposition ---- */

static int handled_before; /* atomic */

static void handle_before(int number)
{
    __atomic_store_n(&handled_before, number, __ATOMIC_RELEASE);
}

static void handle_with_information(int number, siginfo_t *information, void *context)
{
    (void)context;
    if (information->si_signo == number && information->si_pid == getpid())
        __atomic_store_n(&handled_before, number, __ATOMIC_RELEASE);
}

static struct sigaction disposition(int number)
{
    struct sigaction action;
    CHECK_EQUAL(sigaction(number, NULL, &action), 0);
    return action;
}

static int64_t handler_stays(void *unused)
{
    (void)unused;
    struct tug_signal listener, other;
    signal(SIGHUP, SIG_DFL);
    open_listener(&listener, SIGHUP);
    tug_signal_close(&listener);
    open_listener(&other, SIGUSR1);
    send_signal(SIGHUP); /* does not end the program */
    send_signal(SIGUSR1);
    CHECK_EQUAL(tug_signal_recv(&other), 0);
    open_listener(&listener, SIGHUP);
    CHECK_EQUAL(tug_signal_restore(SIGHUP), 0);
    CHECK(disposition(SIGHUP).sa_handler == SIG_DFL);
    CHECK_EQUAL(tug_signal_restore(SIGHUP), 0);
    /* Another listener catches it again, for both. */
    struct tug_signal again;
    open_listener(&again, SIGHUP);
    send_signal(SIGHUP);
    CHECK_EQUAL(tug_signal_recv(&listener), 0);
    CHECK_EQUAL(tug_signal_recv(&again), 0);
    tug_signal_close(&listener);
    tug_signal_close(&again);
    tug_signal_close(&other);
    CHECK_EQUAL(tug_signal_restore(SIGHUP), 0);
    return 0;
}

static void expect_handled_before(struct tug_signal *listener)
{
    __atomic_store_n(&handled_before, 0, __ATOMIC_RELEASE);
    send_signal(SIGALRM);
    CHECK_EQUAL(tug_signal_recv(listener), 0);
    AWAIT(__atomic_load_n(&handled_before, __ATOMIC_ACQUIRE) == SIGALRM);
    tug_signal_close(listener);
    CHECK_EQUAL(tug_signal_restore(SIGALRM), 0);
}

static int64_t earlier_handler(void *unused)
{
    (void)unused;
    struct tug_signal listener;
    struct sigaction action = {.sa_flags = SA_SIGINFO};
    signal(SIGALRM, handle_before);
    open_listener(&listener, SIGALRM);
    expect_handled_before(&listener);
    CHECK(disposition(SIGALRM).sa_handler == handle_before);
    action.sa_sigaction = handle_with_information;
    CHECK_EQUAL(sigaction(SIGALRM, &action, NULL), 0);
    open_listener(&listener, SIGALRM);
    expect_handled_before(&listener);
    CHECK(disposition(SIGALRM).sa_sigaction == handle_with_information);
    signal(SIGALRM, SIG_IGN);
    open_listener(&listener, SIGALRM);
    send_signal(SIGALRM);
    CHECK_EQUAL(tug_signal_recv(&listener), 0);
    /* Who comes later keeps the place. */
    const struct sigaction ours = disposition(SIGALRM);
    signal(SIGALRM, handle_before);
    CHECK_EQUAL(tug_signal_restore(SIGALRM), -EBUSY);
    CHECK(disposition(SIGALRM).sa_handler == handle_before);
    tug_signal_close(&listener);
    CHECK_EQUAL(sigaction(SIGALRM, &ours, NULL), 0);
    CHECK_EQUAL(tug_signal_restore(SIGALRM), 0);
    CHECK(disposition(SIGALRM).sa_handler == SIG_IGN);
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

/* What a child made by fork(2) is sent is not its parent's. */
static int64_t in_a_child(void *unused)
{
    (void)unused;
    struct tug_signal listener;
    int status;
    open_listener(&listener, SIGUSR1);
    pid_t child = fork();
    if (child == 0) {
        sigset_t none;
        sigemptyset(&none);
        pthread_sigmask(SIG_SETMASK, &none, NULL);
        raise(SIGUSR1);
        _exit(0);
    }
    CHECK_EQUAL(waitpid(child, &status, 0), child);
    CHECK_EQUAL(status, 0);
    expect_silence(&listener);
    send_signal(SIGUSR1);
    CHECK_EQUAL(tug_signal_recv(&listener), 0);
    tug_signal_close(&listener);
    return 0;
}

#if TUG_FAULT_INJECTION
static int64_t faults(void *unused)
{
    (void)unused;
    struct tug_signal listener;
    int descriptors = fixture_count_descriptors();
    signal(SIGWINCH, SIG_DFL);
    CHECK_EQUAL(tug_fault_fail("eventfd", 1, 1, EMFILE), 0);
    CHECK_EQUAL(tug_signal_open(&listener, SIGWINCH), -EMFILE);
    for (unsigned n = 1; n <= 2; n++) {
        tug_fault_reset();
        CHECK_EQUAL(tug_fault_fail("sigaction", n, 1, EINVAL), 0);
        CHECK_EQUAL(tug_signal_open(&listener, SIGWINCH), -EINVAL);
        CHECK_EQUAL(fixture_count_descriptors(), descriptors);
    }
    tug_fault_reset();
    CHECK_EQUAL(tug_fault_fail("eventfd", 1, 1, ENFILE), 0);
    CHECK_EQUAL(tug_ctrl_c(), -ENFILE);
    tug_fault_reset();
    open_listener(&listener, SIGWINCH);
    send_signal(SIGWINCH);
    CHECK_EQUAL(tug_signal_recv(&listener), 0);
    tug_signal_close(&listener);
    CHECK_EQUAL(tug_signal_restore(SIGWINCH), 0);
    return 0;
}
#endif

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
        IN_EACH(ctrl_c),
        IN_EACH(handler_stays),
        IN_EACH(earlier_handler),
        IN_EACH(several_runtimes),
        IN_EACH(under_a_shower),
        IN_EACH(in_a_child),
#if TUG_FAULT_INJECTION
        IN_EACH(faults),
#endif
    };
    return cmocka_run_group_tests(tests, start_taking_signals, NULL);
}
