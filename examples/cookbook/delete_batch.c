/* SPDX-License-Identifier: MIT */
/* delete_batch FILE...: removes files, a batch at a time for each worker. */
#include "recipe.h"

#include <inttypes.h>
#include <stdio.h>

#include <tug/file_pool.h>

enum { BATCH = 32 };

static int64_t delete_batch(void *argument)
{
    const char *const *paths = argument;
    struct tug_remove_report report = {0};
    struct tug_file_pool *pool;
    size_t count = 0;
    while (paths[count] != NULL)
        count++;
    int64_t result = tug_file_pool_create(&pool, NULL);
    if (result != 0)
        return result;
    result = tug_file_pool_remove(pool, NULL, paths, count, BATCH, &report);
    tug_file_pool_shutdown(pool, NULL, NULL);
    tug_file_pool_destroy(pool);
    printf("%" PRIu64 " removed, %" PRIu64 " failed\n", report.entries, report.failures);
    return result;
}

int main(int argc, char **argv)
{
    return recipe_main(argc, argv, 1, "FILE...", delete_batch);
}
