/* SPDX-License-Identifier: MIT */
/*
 * System calls on names in directories. What each does is in <tug/sys.h>.
 *
 * Those that change a directory are made again after EINTR too: the kernel's own file systems do
 * not return it, and a FUSE or NFS server that does has not carried the request out.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sys/call_pattern.h"

int tug_sys_renameat2(int old_directory, const char *old_path, int new_directory,
                      const char *new_path, unsigned flags)
{
    return TUG_SYS_RETRY(renameat2, TUG_ON_PATHS(old_directory, old_path, new_directory, new_path),
                         renameat2(old_directory, old_path, new_directory, new_path, flags));
}

int tug_sys_unlinkat(int directory, const char *path, int flags)
{
    return TUG_SYS_RETRY(unlinkat, TUG_ON_PATH(directory, path), unlinkat(directory, path, flags));
}

int tug_sys_mkdirat(int directory, const char *path, mode_t mode)
{
    return TUG_SYS_RETRY(mkdirat, TUG_ON_PATH(directory, path), mkdirat(directory, path, mode));
}

int tug_sys_mknodat(int directory, const char *path, mode_t mode, dev_t device)
{
    return TUG_SYS_RETRY(mknodat, TUG_ON_PATH(directory, path),
                         mknodat(directory, path, mode, device));
}

int tug_sys_linkat(int old_directory, const char *old_path, int new_directory, const char *new_path,
                   int flags)
{
    return TUG_SYS_RETRY(linkat, TUG_ON_PATHS(old_directory, old_path, new_directory, new_path),
                         linkat(old_directory, old_path, new_directory, new_path, flags));
}

int tug_sys_symlinkat(const char *target, int directory, const char *path)
{
    return TUG_SYS_RETRY(symlinkat, TUG_ON_PATH(directory, path),
                         symlinkat(target, directory, path));
}

int64_t tug_sys_readlinkat(int directory, const char *path, char *buffer, size_t size)
{
    return TUG_SYS_RETRY(readlinkat, TUG_ON_PATH_LENGTH(directory, path, &size),
                         readlinkat(directory, path, buffer, size));
}

/* The buffer is the caller's and need not be aligned. */
static void forget_types(void *entries, int64_t length)
{
    unsigned char *entry = entries;
    for (uint16_t size; length > 0; entry += size, length -= size) {
        memcpy(&size, entry + offsetof(struct dirent64, d_reclen), sizeof(size));
        entry[offsetof(struct dirent64, d_type)] = DT_UNKNOWN;
    }
}

int64_t tug_sys_getdents64(int fd, void *buffer, size_t size)
{
    int64_t length = TUG_SYS_RETRY(getdents64, TUG_ON_FD_LENGTH(fd, &size),
                                   syscall(SYS_getdents64, fd, buffer, size));
    if (TUG_FAULT(getdents64_types, TUG_ON_FD(fd)) != 0)
        forget_types(buffer, length);
    return length;
}
