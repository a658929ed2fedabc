/* SPDX-License-Identifier: MIT */
/*
 * Threads and system calls without SIGPIPE. What each function does is in call.h.
 *
 * The signal is sent to the thread that makes the call, before the call returns, or to the thread
 * that entered the kernel when a ring made it. So it is blocked there, and taken back afterwards if
 * there was none before: one that is pending while it is not blocked does not exist. Where it stays
 * blocked for many calls, a write costs no other system call.
 */
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <time.h>

#include "sys/call_pattern.h"
#include "sys/thread.h"

struct quiet {
    bool was_blocked, was_pending;
};

/* What the calling thread has been told to do with the signal. */
struct hold {
    enum { NOT_HELD, HELD, HELD_FOR_GOOD } state;
    struct quiet quiet; /* HELD */
};

static TUG_THREAD_LOCAL struct hold current_hold;

static sigset_t sigpipe_alone(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    return set;
}

static struct quiet begin(void)
{
    const sigset_t pipe = sigpipe_alone();
    sigset_t before, pending;
    struct quiet quiet = {false, false};
    pthread_sigmask(SIG_BLOCK, &pipe, &before);
    quiet.was_blocked = sigismember(&before, SIGPIPE) == 1;
    if (quiet.was_blocked && sigpending(&pending) == 0)
        quiet.was_pending = sigismember(&pending, SIGPIPE) == 1;
    return quiet;
}

static void end(struct quiet quiet, bool raised)
{
    const sigset_t pipe = sigpipe_alone();
    const struct timespec at_once = {0, 0};
    if (raised && !quiet.was_pending)
        while (sigtimedwait(&pipe, NULL, &at_once) < 0 && tug_sys_error() == -EINTR)
            ;
    if (!quiet.was_blocked)
        pthread_sigmask(SIG_UNBLOCK, &pipe, NULL);
}

__attribute__((noinline)) bool tug_sigpipe_is_held(void)
{
    return current_hold.state != NOT_HELD;
}

__attribute__((noinline)) void tug_sigpipe_hold(void)
{
    if (current_hold.state != NOT_HELD)
        return;
    current_hold = (struct hold){.state = HELD, .quiet = begin()};
}

__attribute__((noinline)) void tug_sigpipe_hold_for_good(void)
{
    current_hold.state = HELD_FOR_GOOD;
}

__attribute__((noinline)) void tug_sigpipe_release(void)
{
    if (current_hold.state != HELD)
        return;
    current_hold.state = NOT_HELD;
    end(current_hold.quiet, true);
}

/* Where the signal is held it is taken back at once as well: what the thread runs next may be code
 * that lets signals in. */
static __attribute__((noinline)) int64_t end_call_of_holder(int64_t result)
{
    struct quiet quiet = current_hold.quiet;
    quiet.was_blocked = true;
    if (result == -EPIPE)
        end(quiet, true);
    return result;
}

/* `call` is evaluated between the beginning and the end of the silence. */
#define QUIETLY(call)                                                                              \
    do {                                                                                           \
        if (tug_sigpipe_is_held())                                                                 \
            return end_call_of_holder(call);                                                       \
        struct quiet quiet = begin();                                                              \
        int64_t result = call;                                                                     \
        end(quiet, result == -EPIPE);                                                              \
        return result;                                                                             \
    } while (0)

int64_t tug_sys_write_quietly(int fd, const void *buffer, size_t length)
{
    QUIETLY(tug_sys_write(fd, buffer, length));
}

int64_t tug_sys_writev_quietly(int fd, const struct iovec *vector, int count)
{
    QUIETLY(tug_sys_writev(fd, vector, count));
}

int64_t tug_sys_pwritev2_quietly(int fd, const struct iovec *vector, int count, int64_t offset,
                                 int flags)
{
    QUIETLY(tug_sys_pwritev2(fd, vector, count, offset, flags));
}

int64_t tug_sys_splice_quietly(int in, int out, size_t length, unsigned flags)
{
    QUIETLY(tug_sys_splice(in, NULL, out, NULL, length, flags));
}
