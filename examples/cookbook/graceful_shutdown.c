/* SPDX-License-Identifier: MIT */
/* graceful_shutdown GRACE DIRECTORY FILE...: copies files into a directory, again and again, until
 * Ctrl-C. What was begun then may take so many seconds more; what has not ended then is cancelled,
 * and told of. */
#include "recipe.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include <tug/file_pool.h>

struct service {
    struct tug_file_pool *pool;
    char **words;
};

/* Makes work for as long as the pool takes it. */
static int64_t make_work(void *argument)
{
    struct service *service = argument;
    struct tug_copy_options options;
    struct tug_file_request request;
    int64_t error = 0;
    tug_copy_options_init(&options);
    options.target = TUG_COPY_TARGET_DIRECTORY;
    options.recursive = true;
    for (size_t i = 2; error == 0; i = service->words[i + 1] != NULL ? i + 1 : 2) {
        tug_file_request_copy(&request, &options, (const char *const *)&service->words[i], 1,
                              service->words[1], NULL);
        error = tug_file_pool_submit(service->pool, &request);
        if (error == 0 && tug_file_request_wait(&request) == -ECANCELED)
            error = -ECANCELED;
    }
    return error == -EPIPE || error == -ECANCELED ? 0 : error;
}

static void tell_late(const struct tug_file_request *request, bool stuck, void *argument)
{
    (void)argument;
    printf("%s: %s\n", stuck ? "does not stop" : "not in time", request->sources[0]);
}

static int64_t run_until(struct tug_signal *ctrl_c, struct service *service, uint64_t grace)
{
    struct tug_file_pool_report report;
    const struct tug_file_pool_end end = {.grace = grace, .late = tell_late};
    struct tug_group makers;
    tug_group_init(&makers, 0);
    int64_t error = tug_group_spawn(&makers, make_work, service);
    if (error == 0) {
        puts("working");
        fflush(stdout);
        error = tug_signal_recv(ctrl_c);
    }
    int ended = tug_file_pool_shutdown(service->pool, &end, &report);
    /* They have been told, by -EPIPE; the pool stays until they have ended. */
    int64_t made = tug_group_wait(&makers);
    tug_file_pool_destroy(service->pool);
    printf("%" PRIu64 " done, %" PRIu64 " cancelled\n", report.succeeded, report.cancelled);
    return error != 0 ? error : ended != 0 ? ended : made;
}

static int64_t graceful_shutdown(void *argument)
{
    struct service service = {.words = argument};
    uint64_t grace = (uint64_t)(strtod(service.words[0], NULL) * (double)TUG_SECOND);
    struct tug_signal ctrl_c; /* heard from the start, whenever it is waited for */
    int64_t result = tug_signal_open(&ctrl_c, SIGINT);
    if (result != 0)
        return result;
    result = tug_file_pool_create(&service.pool, NULL);
    if (result == 0)
        result = run_until(&ctrl_c, &service, grace);
    tug_signal_close(&ctrl_c);
    return result;
}

int main(int argc, char **argv)
{
    return recipe_main(argc, argv, 3, "GRACE DIRECTORY FILE...", graceful_shutdown);
}
