/* SPDX-License-Identifier: MIT */
/* wait_for_file SECONDS FILE: waits until a file is there, for at most so long. */
#include "recipe.h"

#include <stdlib.h>

static int64_t wait_for_file(void *argument)
{
    char **words = argument;
    uint64_t time = (uint64_t)(strtod(words[0], NULL) * (double)TUG_SECOND);
    return TUG_TIMEOUT(time, tug_fs_wait_for(words[1], TUG_MILLISECOND, 100 * TUG_MILLISECOND));
}

int main(int argc, char **argv)
{
    return recipe_main(argc, argv, 2, "SECONDS FILE", wait_for_file);
}
