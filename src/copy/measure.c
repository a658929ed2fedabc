/* SPDX-License-Identifier: MIT */
/* Counting what there is to copy: one walk over the operands, without a destination. */
#include <tug/copy.h>

#include <errno.h>
#include <string.h>

#include "engine.h"
#include "operands.h"
#include "total.h"
#include "visitors.h"

int tug_copy_measure_for(struct tug_copy_total *total, const struct tug_copy_options *options,
                         const char *const *sources, size_t count, struct tug_copy_report *report)
{
    struct tug_copy_options quiet;
    struct tug_copy_engine engine;
    struct tug_operands *operands;
    tug_copy_options_init(&quiet);
    quiet.recursive = options->recursive;
    quiet.follow = options->follow;
    quiet.one_file_system = options->one_file_system;
    quiet.preserve = options->preserve & TUG_COPY_PRESERVE_LINKS;
    quiet.open_directories = options->open_directories;
    quiet.names_only = options->names_only;
    quiet.jobs = options->jobs;
    /* Nothing is made, so that of the process need not be known. */
    quiet.umask = 0;
    memset(report, 0, sizeof(*report));
    int error = tug_copy_engine_init(&engine, &quiet, report);
    if (error != 0)
        return error;
    engine.total = total;
    error = tug_operands_create(&operands, &engine, sources, count, NULL);
    if (error == 0) {
        error = tug_copy_engine_walk(&engine, operands, &tug_measure_visitor, &engine);
        tug_operands_destroy(operands);
    }
    tug_copy_engine_destroy(&engine);
    return error;
}

int64_t tug_copy_measure(const struct tug_copy_options *options, const char *const *sources,
                         size_t count, struct tug_copy_report *report)
{
    struct tug_copy_options defaults;
    if (options == NULL) {
        tug_copy_options_init(&defaults);
        options = &defaults;
    }
    if (!tug_copy_options_are_valid(options, count) || report == NULL)
        return -EINVAL;
    return tug_copy_measure_for(NULL, options, sources, count, report);
}
