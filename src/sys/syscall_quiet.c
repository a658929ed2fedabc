/* SPDX-License-Identifier: MIT */
/*
 * System calls that move bytes to where nobody may read them, without the SIGPIPE that follows.
 * What each does is in call.h.
 *
 * The signal is sent to the thread that makes the call, before the call returns. So it is blocked
 * there, and taken back if there was none before. One that is pending while it is not blocked does
 * not exist; on the runtime's workers it is always blocked.
 */
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <time.h>

#include "sys/call_pattern.h"

struct quiet {
    sigset_t pipe, before;
    bool was_blocked, was_pending;
};

static void begin(struct quiet *quiet)
{
    sigset_t pending;
    sigemptyset(&quiet->pipe);
    sigaddset(&quiet->pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &quiet->pipe, &quiet->before);
    quiet->was_blocked = sigismember(&quiet->before, SIGPIPE) == 1;
    quiet->was_pending = false;
    if (quiet->was_blocked && sigpending(&pending) == 0)
        quiet->was_pending = sigismember(&pending, SIGPIPE) == 1;
}

static int64_t end(const struct quiet *quiet, int64_t result)
{
    const struct timespec at_once = {0, 0};
    if (result == -EPIPE && !quiet->was_pending)
        while (sigtimedwait(&quiet->pipe, NULL, &at_once) < 0 && tug_sys_error() == -EINTR)
            ;
    if (!quiet->was_blocked)
        pthread_sigmask(SIG_SETMASK, &quiet->before, NULL);
    return result;
}

int64_t tug_sys_write_quietly(int fd, const void *buffer, size_t length)
{
    struct quiet quiet;
    begin(&quiet);
    return end(&quiet, tug_sys_write(fd, buffer, length));
}

int64_t tug_sys_writev_quietly(int fd, const struct iovec *vector, int count)
{
    struct quiet quiet;
    begin(&quiet);
    return end(&quiet, tug_sys_writev(fd, vector, count));
}

int64_t tug_sys_splice_quietly(int in, int out, size_t length, unsigned flags)
{
    struct quiet quiet;
    begin(&quiet);
    return end(&quiet, tug_sys_splice(in, NULL, out, NULL, length, flags));
}
