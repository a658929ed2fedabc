/* SPDX-License-Identifier: MIT */
#include "bench_walk.h"

#include <tug/copy.h>

int64_t tug_cli_bench_count(void *argument)
{
    struct tug_bench_walk *walk = argument;
    struct tug_copy_options options;
    struct tug_copy_report report = {.files = 0};
    tug_copy_options_init(&options);
    options.recursive = true;
    options.names_only = true;
    int64_t result = tug_copy_measure(&options, &walk->path, 1, &report);
    walk->entries = report.files + report.directories + report.links + report.specials;
    return result;
}
