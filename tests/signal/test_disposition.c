/* SPDX-License-Identifier: MIT */
/*
 * What becomes of a signal's disposition: when it is caught and when given back, who is called
 * beside the listeners, and what a failure leaves behind.
 */
#include "signals.h"

#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/wait.h>

#include "sys/fault.h"

static struct sigaction disposition(int number)
{
    struct sigaction action;
    CHECK_EQUAL(sigaction(number, NULL, &action), 0);
    return action;
}

/* ---- Ctrl-C ---- */

/* One after the other, so that none is on its way when the signal is given back. */
static int64_t press_ctrl_c(void *done)
{
    struct tug_signal listener;
    open_listener(&listener, SIGINT);
    while (!__atomic_load_n((bool *)done, __ATOMIC_ACQUIRE)) {
        send_signal(SIGINT);
        CHECK_EQUAL(tug_signal_recv(&listener), 0);
        CHECK_EQUAL(tug_sleep(TUG_MILLISECOND), 0);
    }
    tug_signal_close(&listener);
    return 0;
}

static int64_t ctrl_c(void *unused)
{
    (void)unused;
    bool done = false;
    signal(SIGINT, SIG_DFL);
    struct tug_task *task = fixture_spawn(press_ctrl_c, &done);
    CHECK_EQUAL(tug_ctrl_c(), 0);
    __atomic_store_n(&done, true, __ATOMIC_RELEASE);
    CHECK_EQUAL(fixture_join(task), 0);
    CHECK_EQUAL(tug_signal_restore(SIGINT), 0);
    CHECK(disposition(SIGINT).sa_handler == SIG_DFL);
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

/* ---- Children, and failures ---- */

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

/* Closing waits for a handler that is about to tell the listener: its descriptor's number may be
 * another's right afterwards. */
static int64_t closed_meanwhile(void *unused)
{
    (void)unused;
    struct tug_signal listener;
    uint64_t count;
    open_listener(&listener, SIGUSR1);
    tug_fault_reset();
    CHECK_EQUAL(tug_fault_delay("eventfd_write", 1, 1, A_WHILE), 0);
    send_signal(SIGUSR1);
    AWAIT(tug_fault_calls("eventfd_write") > 0);
    int number = listener.fd;
    tug_signal_close(&listener);
    int other = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    CHECK_EQUAL(other, number);
    CHECK_EQUAL(tug_sleep(2 * A_WHILE), 0);
    CHECK_EQUAL(read(other, &count, sizeof(count)), -1);
    CHECK_EQUAL(errno, EAGAIN);
    close(other);
    tug_fault_reset();
    return 0;
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_EACH(ctrl_c),
        IN_EACH(handler_stays),
        IN_EACH(earlier_handler),
        IN_EACH(in_a_child),
#if TUG_FAULT_INJECTION
        IN_EACH(faults),
        IN_MULTI_THREAD(closed_meanwhile), /* the handler runs beside it */
#endif
    };
    return cmocka_run_group_tests(tests, start_taking_signals, NULL);
}
