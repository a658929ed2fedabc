/* SPDX-License-Identifier: MIT */
/* copy_progress FROM TO: copies a file through a buffer and tells how far it is. */
#include "recipe.h"

#include <errno.h>
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

static int64_t copy_progress(void *words)
{
    return recipe_copy(words, copy_open);
}

int main(int argc, char **argv)
{
    return recipe_main(argc, argv, 2, "FROM TO", copy_progress);
}
