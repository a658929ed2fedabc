/* SPDX-License-Identifier: MIT */
/* The walk of the copy engine, that counts what there is to copy by names and types alone. */
#include "bench_async.h"

#include <tug/copy.h>

#include "in_runtime.h"

struct walk {
    const char *path;
    struct tug_copy_report report;
};

static int64_t count(void *argument)
{
    struct walk *walk = argument;
    struct tug_copy_options options;
    tug_copy_options_init(&options);
    options.recursive = true;
    options.names_only = true;
    return tug_copy_measure(&options, &walk->path, 1, &walk->report);
}

int tug_cli_bench_async_walk(const char *path, uint64_t *entries)
{
    struct walk walk = {.path = path};
    int64_t result = tug_cli_in_runtime(count, &walk, 0);
    *entries =
        walk.report.files + walk.report.directories + walk.report.links + walk.report.specials;
    return (int)result;
}
