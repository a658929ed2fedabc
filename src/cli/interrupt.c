/* SPDX-License-Identifier: MIT */
/* The handler writes the signal's number to a pipe: that much is allowed in a handler. */
#include "interrupt.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include <tug/file.h>
#include <tug/sys.h>

static const int caught_signals[] = {SIGINT, SIGTERM, SIGHUP};

static int pipe_fds[2] = {-1, -1};
static volatile sig_atomic_t caught;

static void handle(int number)
{
    int saved = errno;
    unsigned char byte = (unsigned char)number;
    caught = number;
    ssize_t written = write(pipe_fds[1], &byte, 1);
    (void)written; /* a full pipe has woken the reader already */
    errno = saved;
}

int tug_cli_interrupt_catch(void)
{
    int error = tug_sys_pipe2(pipe_fds, O_CLOEXEC | O_NONBLOCK);
    if (error != 0)
        return error;
    for (size_t i = 0; i < sizeof(caught_signals) / sizeof(caught_signals[0]); i++) {
        struct sigaction action, previous;
        memset(&action, 0, sizeof(action));
        action.sa_handler = handle;
        /* The second one finds the default action. */
        action.sa_flags = SA_RESTART | (int)SA_RESETHAND;
        if (sigaction(caught_signals[i], NULL, &previous) == 0 && previous.sa_handler == SIG_IGN)
            continue;
        sigaction(caught_signals[i], &action, NULL);
    }
    return 0;
}

int64_t tug_cli_interrupt_watch(void *token)
{
    unsigned char number;
    int64_t length = tug_read(pipe_fds[0], &number, 1);
    if (length == 1)
        tug_token_cancel(token);
    return length < 0 ? length : 0;
}

bool tug_cli_interrupted(void)
{
    return caught != 0;
}

int tug_cli_interrupt_fd(void)
{
    return pipe_fds[0];
}

void tug_cli_interrupt_obey(void)
{
    if (caught == 0)
        return;
    signal(caught, SIG_DFL);
    raise(caught);
}
