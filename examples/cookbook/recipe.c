/* SPDX-License-Identifier: MIT */
#include "recipe.h"

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
    fprintf(stderr, "%s: %s\n", argv[0], strerror((int)-result));
    return 1;
}
