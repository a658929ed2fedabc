/* SPDX-License-Identifier: MIT */
/*
 * The absolute path without symlinks, by the C library's realpath(3) on the blocking pool: one trip
 * for all of its system calls. errno is read by the wrapper around that one call, which does not
 * suspend.
 */
#include <stdlib.h>

#include <tug/blocking.h>
#include <tug/fs.h>

#include "sys/call.h"

struct resolving {
    const char *path;
    char *resolved;
};

static int64_t resolve(void *argument)
{
    struct resolving *resolving = argument;
    resolving->resolved = realpath(resolving->path, NULL);
    return resolving->resolved == NULL ? tug_sys_error() : 0;
}

int tug_fs_canonicalize(const char *path, char **resolved)
{
    struct resolving resolving = {.path = path};
    int64_t result = tug_block_in_place(resolve, &resolving);
    if (result == 0)
        *resolved = resolving.resolved;
    return (int)result;
}
