/* SPDX-License-Identifier: MIT */
/* The progress line of a copy: bytes, files, rate, and, once it is known how much there is, the
 * share that is done and the time that is left. */
#ifndef TUG_CLI_PROGRESS_H
#define TUG_CLI_PROGRESS_H

#include <stddef.h>
#include <stdint.h>

#include <tug/copy.h>

struct tug_cli_progress {
    const struct tug_copy_options *options;
    const char *const *sources;
    size_t count;
    const struct tug_copy_report *report;
};

/* A coroutine: draws the line until it is aborted, and then takes it away. Its argument is a struct
 * tug_cli_progress. */
int64_t tug_cli_progress_run(void *progress);

/* What the line is made of. */
struct tug_cli_progress_state {
    struct tug_copy_report done, total;
    int total_known;  /* 0 or 1 */
    uint64_t elapsed; /* ns */
    uint64_t rate;    /* bytes per second, lately */
};

/* Writes the line, zero-terminated, in at most `columns` columns. */
void tug_cli_progress_format(char *line, size_t size, int columns,
                             const struct tug_cli_progress_state *state);

#endif
