/* SPDX-License-Identifier: MIT */
/*
 * System calls on extended attributes, access control lists among them. What each does is in
 * <tug/sys.h>.
 */
#include <fcntl.h>
#include <sys/xattr.h>

#include "sys/call_pattern.h"

int64_t tug_sys_getxattr(const char *path, const char *name, void *value, size_t size)
{
    return TUG_SYS_RETRY(getxattr, TUG_ON_PATH(AT_FDCWD, path), getxattr(path, name, value, size));
}

int64_t tug_sys_fgetxattr(int fd, const char *name, void *value, size_t size)
{
    return TUG_SYS_RETRY(fgetxattr, TUG_ON_FD(fd), fgetxattr(fd, name, value, size));
}

int64_t tug_sys_lgetxattr(const char *path, const char *name, void *value, size_t size)
{
    return TUG_SYS_RETRY(lgetxattr, TUG_ON_PATH(AT_FDCWD, path),
                         lgetxattr(path, name, value, size));
}

int64_t tug_sys_listxattr(const char *path, char *names, size_t size)
{
    return TUG_SYS_RETRY(listxattr, TUG_ON_PATH(AT_FDCWD, path), listxattr(path, names, size));
}

int64_t tug_sys_flistxattr(int fd, char *names, size_t size)
{
    return TUG_SYS_RETRY(flistxattr, TUG_ON_FD(fd), flistxattr(fd, names, size));
}

int64_t tug_sys_llistxattr(const char *path, char *names, size_t size)
{
    return TUG_SYS_RETRY(llistxattr, TUG_ON_PATH(AT_FDCWD, path), llistxattr(path, names, size));
}

int tug_sys_fsetxattr(int fd, const char *name, const void *value, size_t size, int flags)
{
    return TUG_SYS_RETRY(fsetxattr, TUG_ON_FD(fd), fsetxattr(fd, name, value, size, flags));
}

int tug_sys_lsetxattr(const char *path, const char *name, const void *value, size_t size, int flags)
{
    return TUG_SYS_RETRY(lsetxattr, TUG_ON_PATH(AT_FDCWD, path),
                         lsetxattr(path, name, value, size, flags));
}

int tug_sys_fremovexattr(int fd, const char *name)
{
    return TUG_SYS_RETRY(fremovexattr, TUG_ON_FD(fd), fremovexattr(fd, name));
}

int tug_sys_lremovexattr(const char *path, const char *name)
{
    return TUG_SYS_RETRY(lremovexattr, TUG_ON_PATH(AT_FDCWD, path), lremovexattr(path, name));
}
