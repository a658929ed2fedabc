/* SPDX-License-Identifier: MIT */
/*
 * Questions about a path, and its permissions.
 */
#include <errno.h>

#include <tug/file.h>
#include <tug/fs.h>

#define EVERYTHING (STATX_BASIC_STATS | STATX_BTIME)

int tug_fs_metadata(const char *path, struct statx *metadata)
{
    return tug_statx(AT_FDCWD, path, 0, EVERYTHING, metadata);
}

int tug_fs_symlink_metadata(const char *path, struct statx *metadata)
{
    return tug_statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, EVERYTHING, metadata);
}

int tug_fs_set_permissions(const char *path, mode_t mode)
{
    return tug_fchmodat(AT_FDCWD, path, mode, 0);
}

int tug_fs_try_exists(const char *path)
{
    struct statx metadata;
    int result = tug_statx(AT_FDCWD, path, 0, STATX_TYPE, &metadata);
    if (result == -ENOENT || result == -ENOTDIR)
        return 0;
    return result < 0 ? result : 1;
}
