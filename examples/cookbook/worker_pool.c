/* SPDX-License-Identifier: MIT */
/* worker_pool DIRECTORY FILE...: copies files into a directory by a pool of workers, and tells of
 * each how it went. */
#include "recipe.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tug/file_pool.h>

static int64_t copy_by_pool(struct tug_file_pool *pool, struct tug_file_request *requests,
                            char **words, size_t count)
{
    struct tug_copy_options options;
    size_t submitted = 0;
    int64_t error = 0, failures = 0;
    tug_copy_options_init(&options);
    options.target = TUG_COPY_TARGET_DIRECTORY;
    while (submitted < count && error == 0) {
        struct tug_file_request *request = &requests[submitted];
        const char *const *source = (const char *const *)&words[1 + submitted];
        tug_file_request_copy(request, &options, source, 1, words[0], NULL);
        error = tug_file_pool_submit(pool, request);
        submitted += error == 0;
    }
    for (size_t i = 0; i < submitted; i++) {
        int64_t reply = tug_file_request_wait(&requests[i]);
        failures += reply < 0;
        printf("%s: %s\n", words[1 + i], reply < 0 ? strerror((int)-reply) : "copied");
    }
    return error != 0 ? error : failures != 0 ? -EIO : 0;
}

static int64_t worker_pool(void *argument)
{
    char **words = argument;
    const struct tug_file_pool_options options = {.workers = 3, .queue = 8};
    struct tug_file_pool *pool;
    size_t count = 0;
    while (words[1 + count] != NULL)
        count++;
    struct tug_file_request *requests = calloc(count, sizeof *requests);
    if (requests == NULL)
        return -ENOMEM;
    int64_t result = tug_file_pool_create(&pool, &options);
    if (result == 0) {
        result = copy_by_pool(pool, requests, words, count);
        tug_file_pool_shutdown(pool, NULL, NULL);
        tug_file_pool_destroy(pool);
    }
    free(requests);
    return result;
}

int main(int argc, char **argv)
{
    return recipe_main(argc, argv, 2, "DIRECTORY FILE...", worker_pool);
}
