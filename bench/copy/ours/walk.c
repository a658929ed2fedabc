/* SPDX-License-Identifier: MIT */
/*
 * bench-walk DIRECTORY: prints how many entries there are, the directory itself included, by their
 * names and types alone: the walk of the copy engine.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <tug/cancel.h>
#include <tug/runtime.h>

#include "bench_walk.h"

static int64_t in_runtime(struct tug_bench_walk *walk)
{
    struct tug_runtime_options options;
    struct tug_runtime *runtime;
    int64_t result = 0;
    tug_runtime_options_init(&options);
    options.flavour = TUG_CURRENT_THREAD;
    int error = tug_runtime_create(&runtime, &options);
    if (error != 0)
        return error;
    error = tug_runtime_block_on(runtime, tug_cli_bench_count, walk, &result);
    tug_runtime_shutdown(runtime, TUG_FOREVER);
    return error != 0 ? error : result;
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fputs("usage: bench-walk DIRECTORY\n", stderr);
        return 2;
    }
    if (strcmp(argv[1], "version") == 0) {
        puts(TUG_VERSION);
        return 0;
    }
    struct tug_bench_walk walk = {.path = argv[1]};
    int64_t result = in_runtime(&walk);
    if (result != 0) {
        fprintf(stderr, "bench-walk: %s: %s\n", argv[1], strerror((int)-result));
        return 1;
    }
    printf("%" PRIu64 "\n", walk.entries);
    return 0;
}
