/* SPDX-License-Identifier: MIT */
/*
 * Names: giving a file another one, and symbolic links. The target of a symlink is read in one trip
 * to the blocking pool, however long it is.
 */
#include <errno.h>

#include <tug/blocking.h>
#include <tug/file.h>
#include <tug/fs.h>
#include <tug/sys.h>

#include "sys/call.h"

#define FIRST_CAPACITY 256

int tug_fs_rename(const char *from, const char *to)
{
    return tug_renameat(AT_FDCWD, from, AT_FDCWD, to, 0);
}

int tug_fs_hard_link(const char *original, const char *link)
{
    return tug_linkat(AT_FDCWD, original, AT_FDCWD, link, 0);
}

int tug_fs_symlink(const char *target, const char *link)
{
    return tug_symlinkat(target, AT_FDCWD, link);
}

struct link_reading {
    const char *path;
    char *target;
};

/* A target that fills the buffer may have been cut: only one that is shorter is known to be whole,
 * and has room for the zero. */
static int64_t read_link(void *argument)
{
    struct link_reading *reading = argument;
    for (size_t capacity = FIRST_CAPACITY;; capacity *= 2) {
        char *target = tug_sys_realloc(reading->target, capacity);
        if (target == NULL)
            return -ENOMEM;
        reading->target = target;
        int64_t length = tug_sys_readlinkat(AT_FDCWD, reading->path, target, capacity);
        if (length < 0)
            return length;
        if ((size_t)length < capacity) {
            target[length] = '\0';
            return 0;
        }
    }
}

int tug_fs_read_link(const char *path, char **target)
{
    struct link_reading reading = {.path = path};
    int64_t result = tug_block_in_place(read_link, &reading);
    if (result < 0) {
        tug_sys_free(reading.target);
        return (int)result;
    }
    *target = reading.target;
    return 0;
}
