/* SPDX-License-Identifier: MIT */
/* copy_progress FROM TO: copies a file through a buffer and tells how far it is. */
#include "recipe.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { BUFFER = 1 << 20 };

static int64_t copy_through(char *buffer, int from, int to, uint64_t size)
{
    uint64_t done = 0;
    int64_t n;
    while ((n = tug_read(from, buffer, BUFFER)) > 0) {
        int64_t written = tug_write_all(to, buffer, (size_t)n);
        if (written < 0)
            return written;
        done += (uint64_t)n;
        printf("%3u %%\n", size == 0 ? 100 : (unsigned)(100 * done / size));
    }
    return n;
}

static int64_t copy_open(int from, int to)
{
    struct stat stat;
    char *buffer = malloc(BUFFER);
    if (buffer == NULL)
        return -ENOMEM;
    uint64_t size = fstat(from, &stat) == 0 ? (uint64_t)stat.st_size : 0;
    int64_t result = copy_through(buffer, from, to, size);
    free(buffer);
    return result;
}

static int64_t copy_progress(void *argument)
{
    char **words = argument;
    int from = tug_open(words[0], O_RDONLY | O_CLOEXEC, 0);
    if (from < 0)
        return from;
    int to = tug_open(words[1], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    int64_t result = to;
    if (to >= 0) {
        result = copy_open(from, to);
        int closed = tug_close(to);
        if (result >= 0)
            result = closed;
    }
    tug_close(from);
    return result;
}

int main(int argc, char **argv)
{
    return recipe_main(argc, argv, 2, "FROM TO", copy_progress);
}
