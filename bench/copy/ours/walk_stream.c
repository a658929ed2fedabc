/* SPDX-License-Identifier: MIT */
/*
 * bench-walk-stream DIRECTORY: prints how many entries there are, the directory itself included, by
 * their names and types alone: the walk as a stream.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <tug/runtime.h>
#include <tug/walk.h>

static int64_t count(void *directory)
{
    struct tug_walk walk;
    struct tug_walk_entry entry;
    struct tug_stream *stream = tug_walk(&walk, directory, 0);
    int64_t entries = 1;
    int result;
    while ((result = tug_next(stream, &entry)) == 1) {
        entries++;
        tug_stream_drop(stream, &entry);
    }
    tug_stream_close(stream);
    return result < 0 ? result : entries;
}

static int64_t in_runtime(char *directory)
{
    struct tug_runtime_options options;
    struct tug_runtime *runtime;
    int64_t result = 0;
    tug_runtime_options_init(&options);
    options.flavour = TUG_CURRENT_THREAD;
    int error = tug_runtime_create(&runtime, &options);
    if (error != 0)
        return error;
    error = tug_runtime_block_on(runtime, count, directory, &result);
    tug_runtime_shutdown(runtime, TUG_FOREVER);
    return error != 0 ? error : result;
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fputs("usage: bench-walk-stream DIRECTORY\n", stderr);
        return 2;
    }
    if (strcmp(argv[1], "version") == 0) {
        puts(TUG_VERSION);
        return 0;
    }
    int64_t result = in_runtime(argv[1]);
    if (result < 0) {
        fprintf(stderr, "bench-walk-stream: %s: %s\n", argv[1], strerror((int)-result));
        return 1;
    }
    printf("%" PRId64 "\n", result);
    return 0;
}
