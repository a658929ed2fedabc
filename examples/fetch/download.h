/* SPDX-License-Identifier: MIT */
/*
 * One file of the list: fetched under a temporary name, tried again after what may pass, and given
 * its own name when all of it is there.
 */
#ifndef FETCH_DOWNLOAD_H
#define FETCH_DOWNLOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "multi.h"

enum download_state { WAITING, ACTIVE, DONE, FAILED };

struct download {
    const char *url, *name;
    enum download_state state;
    uint64_t attempts;
    uint64_t received; /* bytes, of this attempt */
    int64_t length;    /* bytes that were announced, or -1 */
    char message[300]; /* why the last attempt failed */
};

/* What all downloads share. Times in ns. */
struct download_options {
    struct multi *multi;
    int directory;
    uint64_t retries; /* attempts after the first */
    uint64_t pause;   /* before the first of them; doubled each time */
    uint64_t timeout; /* in which something has to come */
};

/* Fetches it. Suspends. When it is cancelled, or fails, no part of it is left behind. Returns 0;
 * the scope's reason; or another negative errno, and `message` says more. */
int download_run(struct download *download, const struct download_options *options);

#endif
