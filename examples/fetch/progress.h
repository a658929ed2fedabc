/* SPDX-License-Identifier: MIT */
/*
 * What is going on, on standard error: on a terminal a line for each download under way, drawn
 * again several times a second; and for each that has ended, a line that stays.
 */
#ifndef FETCH_PROGRESS_H
#define FETCH_PROGRESS_H

#include <stdbool.h>

#include "list.h"

struct progress {
    const struct list *list;
    bool terminal;
    unsigned drawn; /* lines that the next drawing covers */
};

void progress_init(struct progress *progress, const struct list *list);

/* Draws, until it is aborted. A coroutine task; `argument`: struct progress. */
int64_t progress_run(void *argument);

/* Tells how a download has ended. */
void progress_tell(struct progress *progress, const struct download *download);

/* Takes away what is not to stay. */
void progress_clear(struct progress *progress);

#endif
