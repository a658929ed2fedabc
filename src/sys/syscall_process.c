/* SPDX-License-Identifier: MIT */
/*
 * System calls about the process and the machine, and the one place that reads errno. What each
 * does is in call.h.
 */
#include <signal.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sys/call_pattern.h"

__attribute__((noinline, cold)) int tug_sys_error(void)
{
    return -errno;
}

int64_t tug_sys_getrandom(void *buffer, size_t length, unsigned flags)
{
    return TUG_SYS_RETRY(getrandom, TUG_ON_LENGTH(&length), getrandom(buffer, length, flags));
}

int tug_sys_cpu_count(void)
{
    /* Room for 65,536 processors. The bare system call says how many bytes it has written, and
     * needs no set that grows until it fits. */
    unsigned long mask[1024];
    int64_t bytes = TUG_SYS_ONCE(sched_getaffinity, TUG_ON_NOTHING,
                                 syscall(SYS_sched_getaffinity, 0, sizeof(mask), mask));
    if (bytes < 0)
        return (int)bytes;
    int count = 0;
    for (size_t i = 0; i < (size_t)bytes / sizeof(mask[0]); i++)
        count += __builtin_popcountl(mask[i]);
    return count > 0 ? count : 1;
}

int tug_sys_gettid(void)
{
    return (int)syscall(SYS_gettid);
}

int tug_sys_set_thread_name(const char *name)
{
    return TUG_SYS_ONCE(prctl, TUG_ON_NOTHING, prctl(PR_SET_NAME, name, 0, 0, 0));
}

int tug_sys_sigaction(int number, const struct sigaction *action, struct sigaction *previous)
{
    return (int)TUG_SYS_ONCE(sigaction, TUG_ON_NOTHING, sigaction(number, action, previous));
}

int tug_sys_getpid(void)
{
    return (int)getpid();
}
