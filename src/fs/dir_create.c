/* SPDX-License-Identifier: MIT */
/*
 * Making directories. With all parents: from the longest path down to the first that has a parent,
 * then up again, in one trip to the blocking pool. If nothing is missing that is one system call.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#include <tug/blocking.h>
#include <tug/file.h>
#include <tug/fs.h>
#include <tug/sys.h>

#include "sys/call.h"

int tug_fs_create_dir(const char *path, mode_t mode)
{
    return tug_mkdirat(AT_FDCWD, path, mode);
}

struct creation {
    const char *path;
    mode_t mode;
};

static bool is_directory(const char *path)
{
    struct statx metadata;
    return tug_sys_statx(AT_FDCWD, path, 0, STATX_TYPE, &metadata) == 0 &&
           S_ISDIR(metadata.stx_mode);
}

/* -ENOENT: the parent is missing. A directory that is there already may be the reason of other
 * errors than EEXIST, on a read-only file system for instance. */
static int create_or_accept(const char *path, mode_t mode)
{
    int result = tug_sys_mkdirat(AT_FDCWD, path, mode);
    if (result < 0 && result != -ENOENT && is_directory(path))
        return 0;
    return result;
}

/* The length of the path of the parent of the first `length` bytes of `path`; 0 if it is the root
 * or the current directory. */
static size_t parent_length(const char *path, size_t length)
{
    while (length > 0 && path[length - 1] == '/')
        length--;
    while (length > 0 && path[length - 1] != '/')
        length--;
    while (length > 0 && path[length - 1] == '/')
        length--;
    return length;
}

/* Where the path ends that has one component more than the first `length` bytes. */
static size_t child_length(const char *path, size_t length)
{
    while (path[length] == '/')
        length++;
    while (path[length] != '/' && path[length] != '\0')
        length++;
    return length;
}

static int create_prefix(char *path, size_t length, mode_t mode)
{
    char next = path[length];
    path[length] = '\0';
    int result = create_or_accept(path, mode);
    path[length] = next;
    return result;
}

static int create_missing(char *path, size_t length, mode_t mode)
{
    /* Or the next one could not be made in it. */
    mode_t parent_mode = mode | S_IWUSR | S_IXUSR;
    size_t made = length;
    int result;
    do {
        made = parent_length(path, made);
        if (made == 0)
            return -ENOENT;
        result = create_prefix(path, made, parent_mode);
    } while (result == -ENOENT);
    while (result == 0) {
        size_t next = child_length(path, made);
        if (path[next + strspn(path + next, "/")] == '\0')
            return create_prefix(path, length, mode);
        made = next;
        result = create_prefix(path, made, parent_mode);
    }
    return result;
}

static int64_t create_all(void *argument)
{
    const struct creation *creation = argument;
    int result = create_or_accept(creation->path, creation->mode);
    if (result != -ENOENT)
        return result;
    size_t length = strlen(creation->path);
    char *path = tug_sys_malloc(length + 1);
    if (path == NULL)
        return -ENOMEM;
    memcpy(path, creation->path, length + 1);
    result = create_missing(path, length, creation->mode);
    tug_sys_free(path);
    return result;
}

int tug_fs_create_dir_all(const char *path, mode_t mode)
{
    struct creation creation = {path, mode};
    return (int)tug_block_in_place(create_all, &creation);
}
