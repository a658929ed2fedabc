/* SPDX-License-Identifier: MIT */
/*
 * Removing one name. A whole tree: remove_tree.c.
 */
#include <tug/file.h>
#include <tug/fs.h>

int tug_fs_remove_file(const char *path)
{
    return tug_unlinkat(AT_FDCWD, path, 0);
}

int tug_fs_remove_dir(const char *path)
{
    return tug_unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
}
