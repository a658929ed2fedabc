/* SPDX-License-Identifier: MIT */
#include "signals.h"

#include <pthread.h>

#include "sys/sanitizer.h"

void open_listener(struct tug_signal *listener, int number)
{
    CHECK_EQUAL(tug_signal_open(listener, number), 0);
}

void send_signal(int number)
{
    CHECK_EQUAL(kill(getpid(), number), 0);
}

/* Receives with a limit of time. */
int64_t receive_within(struct tug_signal *listener, uint64_t time)
{
    struct tug_scope scope;
    tug_scope_begin(&scope, tug_deadline_after(time), NULL);
    return tug_scope_end(&scope, tug_signal_recv(listener));
}

void expect_silence(struct tug_signal *listener)
{
    CHECK_EQUAL(receive_within(listener, A_WHILE), -ETIMEDOUT);
}

unsigned receive_all(struct tug_signal *listener)
{
    unsigned count = 1;
    CHECK_EQUAL(tug_signal_recv(listener), 0);
    while (receive_within(listener, A_WHILE) == 0)
        count++;
    return count;
}

static void *take_signals(void *unused)
{
    sigset_t none;
    sigemptyset(&none);
    pthread_sigmask(SIG_SETMASK, &none, NULL);
    for (;;)
        usleep(200);
    return unused;
}

/* Valgrind does not let the stack grow for a handler. */
static __attribute__((noinline)) void let_the_stack_grow(void)
{
    volatile char room[1 << 18];
    for (size_t i = 0; i < sizeof(room); i += 4096)
        room[i] = 1;
}

int start_taking_signals(void **state)
{
    sigset_t all;
    pthread_t thread;
    (void)state;
    let_the_stack_grow();
    if (!TUG_TSAN)
        return 0;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, NULL);
    return pthread_create(&thread, NULL, take_signals, NULL);
}
