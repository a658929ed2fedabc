/* SPDX-License-Identifier: MIT */
/* copy_ranges FROM TO: copies the parts of one large file at the same time. */
#include "recipe.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { RANGES = 4, BUFFER = 256 << 10 };

struct range {
    int from, to;
    int64_t begin, end;
};

static int64_t copy_range(void *argument)
{
    const struct range *range = argument;
    char *buffer = malloc(BUFFER);
    if (buffer == NULL)
        return -ENOMEM;
    int64_t at = range->begin, n = 1;
    while (n > 0 && at < range->end) {
        int64_t left = range->end - at;
        n = tug_pread(range->from, buffer, left < BUFFER ? (size_t)left : BUFFER, at);
        if (n > 0)
            n = tug_pwrite_all(range->to, buffer, (size_t)n, at);
        at += n;
    }
    free(buffer);
    return n;
}

static int64_t copy_all_ranges(int from, int to, int64_t size)
{
    struct range ranges[RANGES];
    struct tug_group group;
    int error = 0;
    tug_group_init(&group, TUG_GROUP_CANCEL_ON_ERROR);
    for (int i = 0; i < RANGES && error == 0; i++) {
        ranges[i] = (struct range){from, to, size / RANGES * i, size / RANGES * (i + 1)};
        if (i == RANGES - 1)
            ranges[i].end = size;
        error = tug_group_spawn(&group, copy_range, &ranges[i]);
    }
    int64_t result = tug_group_wait(&group);
    return result != 0 ? result : error;
}

static int64_t copy_open(int from, int to)
{
    struct stat stat;
    return fstat(from, &stat) == 0 ? copy_all_ranges(from, to, stat.st_size) : -EIO;
}

static int64_t copy_ranges(void *words)
{
    return recipe_copy(words, copy_open);
}

int main(int argc, char **argv)
{
    return recipe_main(argc, argv, 2, "FROM TO", copy_ranges);
}
