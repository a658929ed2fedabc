/* SPDX-License-Identifier: MIT */
#include "taker.h"

#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <unistd.h>

#include "sys/sanitizer.h"

static void *take_signals(void *unused)
{
    sigset_t none;
    sigemptyset(&none);
    pthread_sigmask(SIG_SETMASK, &none, NULL);
    for (;;)
        usleep(200);
    return unused;
}

int start_taking_signals(void **state)
{
    sigset_t all;
    pthread_t thread;
    (void)state;
    if (!TUG_TSAN)
        return 0;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, NULL);
    return pthread_create(&thread, NULL, take_signals, NULL);
}
