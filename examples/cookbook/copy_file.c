/* SPDX-License-Identifier: MIT */
/* copy_file FROM TO: copies one file. */
#include "recipe.h"

#include <inttypes.h>
#include <stdio.h>

static int64_t copy_file(void *argument)
{
    char **words = argument;
    int64_t bytes = tug_fs_copy(words[0], words[1]);
    if (bytes >= 0)
        printf("%" PRId64 " bytes\n", bytes);
    return bytes;
}

int main(int argc, char **argv)
{
    return recipe_main(argc, argv, 2, "FROM TO", copy_file);
}
