/* SPDX-License-Identifier: MIT */
#include "recipe.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

int recipe_main(int argc, char **argv, int words, const char *usage, tug_task_fn recipe)
{
    if (argc - 1 < words) {
        fprintf(stderr, "usage: %s %s\n", argv[0], usage);
        return 2;
    }
    int64_t result = tug_run(recipe, argv + 1);
    if (result >= 0)
        return 0;
    fprintf(stderr, "%s", argv[0]);
    for (int i = 1; i < argc; i++)
        fprintf(stderr, " %s", argv[i]);
    fprintf(stderr, ": %s\n", strerror((int)-result));
    return 1;
}

int64_t recipe_copy(char **words, int64_t (*copy)(int from, int to))
{
    int from = tug_open(words[0], O_RDONLY | O_CLOEXEC, 0);
    if (from < 0)
        return from;
    int to = tug_open(words[1], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    int64_t result = to;
    if (to >= 0) {
        result = copy(from, to);
        int closed = tug_close(to);
        if (result >= 0)
            result = closed;
    }
    tug_close(from);
    return result;
}
