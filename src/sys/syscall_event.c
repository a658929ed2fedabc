/* SPDX-License-Identifier: MIT */
/*
 * System calls for waiting and waking by descriptors. What each does is in call.h.
 */
#include <limits.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sys/call_pattern.h"
#include "sys/clock.h"

#define NS_PER_MS 1000000

int tug_sys_eventfd(unsigned initial, int flags)
{
    return TUG_SYS_ONCE(eventfd, TUG_ON_NOTHING, eventfd(initial, flags));
}

void tug_sys_eventfd_add(int fd)
{
    const uint64_t one = 1;
    int saved = errno;
    /* It cannot fail but for a rule: the counter would have to be at its end. */
    (void)TUG_SYS_ONCE(eventfd_write, TUG_ON_FD(fd), write(fd, &one, sizeof(one)));
    errno = saved;
}

int tug_sys_epoll_create1(int flags)
{
    return TUG_SYS_ONCE(epoll_create1, TUG_ON_NOTHING, epoll_create1(flags));
}

int tug_sys_epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event)
{
    return TUG_SYS_ONCE(epoll_ctl, TUG_ON_FDS(epoll, fd), epoll_ctl(epoll, operation, fd, event));
}

/* Rounded up: a wait that ends before its deadline is followed by another one with no time left,
 * over and over until the deadline has come. */
static int round_to_ms(int64_t timeout)
{
    if (timeout < 0)
        return -1;
    int64_t ms = timeout / NS_PER_MS + (timeout % NS_PER_MS != 0);
    return ms > INT_MAX ? INT_MAX : (int)ms;
}

int tug_sys_epoll_pwait2(int epoll, struct epoll_event *events, int max, int64_t timeout)
{
    static bool
        missing; /* the kernel does not have it, or a sandbox forbids what it does not know */
    if (!__atomic_load_n(&missing, __ATOMIC_RELAXED)) {
        struct timespec time = tug_clock_timespec(timeout < 0 ? 0 : (uint64_t)timeout);
        int result = TUG_SYS_ONCE(epoll_pwait2, TUG_ON_FD(epoll),
                                  syscall(SYS_epoll_pwait2, epoll, events, max,
                                          timeout < 0 ? NULL : &time, NULL, (size_t)0));
        if (result != -ENOSYS && result != -EPERM)
            return result;
        __atomic_store_n(&missing, true, __ATOMIC_RELAXED);
    }
    return TUG_SYS_ONCE(epoll_wait, TUG_ON_FD(epoll),
                        epoll_wait(epoll, events, max, round_to_ms(timeout)));
}
