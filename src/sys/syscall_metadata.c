/* SPDX-License-Identifier: MIT */
/*
 * System calls on metadata: attributes, permissions, owners, times. What each does is in
 * <tug/sys.h>.
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/call_pattern.h"

int tug_sys_statx(int directory, const char *path, int flags, unsigned mask, struct statx *statx_)
{
    return TUG_SYS_RETRY(statx, TUG_ON_PATH(directory, path),
                         statx(directory, path, flags, mask, statx_));
}

int tug_sys_faccessat(int directory, const char *path, int mode, int flags)
{
    return TUG_SYS_RETRY(faccessat, TUG_ON_PATH(directory, path),
                         faccessat(directory, path, mode, flags));
}

int tug_sys_fchmod(int fd, mode_t mode)
{
    return TUG_SYS_RETRY(fchmod, TUG_ON_FD(fd), fchmod(fd, mode));
}

int tug_sys_fchmodat(int directory, const char *path, mode_t mode, int flags)
{
    return TUG_SYS_RETRY(fchmodat, TUG_ON_PATH(directory, path),
                         fchmodat(directory, path, mode, flags));
}

int tug_sys_fchown(int fd, uid_t owner, gid_t group)
{
    return TUG_SYS_RETRY(fchown, TUG_ON_FD(fd), fchown(fd, owner, group));
}

int tug_sys_fchownat(int directory, const char *path, uid_t owner, gid_t group, int flags)
{
    return TUG_SYS_RETRY(fchownat, TUG_ON_PATH(directory, path),
                         fchownat(directory, path, owner, group, flags));
}

int tug_sys_futimens(int fd, const struct timespec *times)
{
    return TUG_SYS_RETRY(futimens, TUG_ON_FD(fd), futimens(fd, times));
}

int tug_sys_utimensat(int directory, const char *path, const struct timespec *times, int flags)
{
    return TUG_SYS_RETRY(utimensat, TUG_ON_PATH(directory, path),
                         utimensat(directory, path, times, flags));
}
