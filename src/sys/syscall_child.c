/* SPDX-License-Identifier: MIT */
/*
 * System calls about child processes. What each does is in call.h.
 */
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sys/call_pattern.h"

int tug_sys_posix_spawnp(pid_t *id, const char *program, const posix_spawn_file_actions_t *actions,
                         const posix_spawnattr_t *attributes, char *const *arguments,
                         char *const *environment)
{
    int fault = TUG_FAULT(posix_spawn, TUG_ON_PATH(-1, program));
    if (fault < 0)
        return fault;
    return -posix_spawnp(id, program, actions, attributes, arguments,
                         environment != NULL ? environment : environ);
}

int tug_sys_pidfd_open(pid_t id)
{
    return (int)TUG_SYS_ONCE(pidfd_open, TUG_ON_NOTHING, syscall(SYS_pidfd_open, id, 0));
}

int tug_sys_pidfd_send_signal(int pidfd, int number)
{
    return (int)TUG_SYS_ONCE(pidfd_send_signal, TUG_ON_FD(pidfd),
                             syscall(SYS_pidfd_send_signal, pidfd, number, NULL, 0));
}

int tug_sys_kill(pid_t id, int number)
{
    return (int)TUG_SYS_ONCE(kill, TUG_ON_NOTHING, kill(id, number));
}

int tug_sys_waitid(int kind, int id, siginfo_t *information, int options)
{
    return (int)TUG_SYS_RETRY(waitid, TUG_ON_NOTHING,
                              waitid((idtype_t)kind, (id_t)id, information, options));
}
