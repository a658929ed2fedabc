/* SPDX-License-Identifier: MIT */
/*
 * System calls on descriptors and on the state of open files. What each does is in <tug/sys.h>.
 */
#include <fcntl.h>
#include <linux/openat2.h>
#include <linux/types.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sys/call_pattern.h"

int tug_sys_openat(int directory, const char *path, int flags, mode_t mode)
{
    return TUG_SYS_RETRY(openat, TUG_ON_PATH(directory, path),
                         openat(directory, path, flags, mode));
}

int tug_sys_openat2(int directory, const char *path, const struct open_how *how)
{
    return TUG_SYS_RETRY(openat2, TUG_ON_PATH(directory, path),
                         syscall(SYS_openat2, directory, path, how, sizeof(*how)));
}

int tug_sys_close(int fd)
{
    return TUG_SYS_ONCE(close, TUG_ON_FD(fd), close(fd));
}

int tug_sys_dup(int fd)
{
    return TUG_SYS_ONCE(dup, TUG_ON_FD(fd), dup(fd));
}

int tug_sys_fcntl(int fd, int command, int argument)
{
    return TUG_SYS_RETRY(fcntl, TUG_ON_FD(fd), fcntl(fd, command, argument));
}

int tug_sys_pipe2(int fds[2], int flags)
{
    return TUG_SYS_ONCE(pipe2, TUG_ON_NOTHING, pipe2(fds, flags));
}

int tug_sys_poll(struct pollfd *fds, unsigned count, int timeout)
{
    return TUG_SYS_ONCE(poll, TUG_ON_NOTHING, poll(fds, count, timeout));
}

int64_t tug_sys_lseek(int fd, int64_t offset, int whence)
{
    return TUG_SYS_ONCE(lseek, TUG_ON_FD(fd), lseek(fd, offset, whence));
}

int tug_sys_fsync(int fd)
{
    return TUG_SYS_RETRY(fsync, TUG_ON_FD(fd), fsync(fd));
}

int tug_sys_fdatasync(int fd)
{
    return TUG_SYS_RETRY(fdatasync, TUG_ON_FD(fd), fdatasync(fd));
}

int tug_sys_flock(int fd, int operation)
{
    return TUG_SYS_RETRY(flock, TUG_ON_FD(fd), flock(fd, operation));
}

int tug_sys_syncfs(int fd)
{
    return TUG_SYS_RETRY(syncfs, TUG_ON_FD(fd), syncfs(fd));
}

int tug_sys_ftruncate(int fd, int64_t length)
{
    return TUG_SYS_RETRY(ftruncate, TUG_ON_FD(fd), ftruncate(fd, length));
}

int tug_sys_fallocate(int fd, int mode, int64_t offset, int64_t length)
{
    return TUG_SYS_RETRY(fallocate, TUG_ON_FD(fd), fallocate(fd, mode, offset, length));
}

/* Of <linux/mman.h> since Linux 6.5, which may be newer than the headers here. */
#ifndef SYS_cachestat
#define SYS_cachestat 451
#endif

int64_t tug_sys_cachestat(int fd, uint64_t offset, uint64_t length)
{
    struct {
        uint64_t offset, length;
    } range = {offset, length};
    struct {
        uint64_t cached, dirty, written_back, evicted, recently_evicted;
    } counts = {0};
    int64_t error =
        TUG_SYS_RETRY(cachestat, TUG_ON_FD(fd), syscall(SYS_cachestat, fd, &range, &counts, 0));
    return error < 0 ? error : (int64_t)counts.cached;
}

int tug_sys_posix_fadvise(int fd, int64_t offset, int64_t length, int advice)
{
    /* Not posix_fadvise(), which returns its error where all others set errno. */
    return TUG_SYS_RETRY(posix_fadvise, TUG_ON_FD(fd),
                         syscall(SYS_fadvise64, fd, offset, length, advice));
}
