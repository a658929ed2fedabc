/* SPDX-License-Identifier: MIT */
/* copy_two FROM TO FROM TO: copies two files at the same time. */
#include "recipe.h"

#include <inttypes.h>
#include <stdio.h>

struct copy {
    const char *from, *to;
    int64_t bytes;
};

static int64_t copy_one(void *argument)
{
    struct copy *copy = argument;
    copy->bytes = tug_fs_copy(copy->from, copy->to);
    return copy->bytes;
}

static int64_t copy_two(void *argument)
{
    char **words = argument;
    struct copy copies[] = {{words[0], words[1], 0}, {words[2], words[3], 0}};
    struct tug_group group;
    int error = 0;
    tug_group_init(&group, TUG_GROUP_CANCEL_ON_ERROR);
    for (int i = 0; i < 2 && error == 0; i++)
        error = tug_group_spawn(&group, copy_one, &copies[i]);
    int64_t result = tug_group_wait(&group);
    if (result == 0)
        result = error;
    if (result == 0)
        printf("%" PRId64 " bytes\n", copies[0].bytes + copies[1].bytes);
    return result;
}

int main(int argc, char **argv)
{
    return recipe_main(argc, argv, 4, "FROM TO FROM TO", copy_two);
}
