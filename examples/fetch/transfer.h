/* SPDX-License-Identifier: MIT */
/*
 * One transfer of libcurl's as a reader: what it delivers is read like any other stream, and while
 * nobody reads it is paused.
 */
#ifndef FETCH_TRANSFER_H
#define FETCH_TRANSFER_H

#include <stdbool.h>

#include <tug/io.h>

#include "multi.h"

/* All members but `reader` and `code` are private. */
struct transfer {
    struct tug_reader reader;
    CURLcode code; /* how it has ended, once the reader has */
    struct multi *multi;
    CURL *easy;
    unsigned char *data;
    size_t start, end; /* of `data`: what was delivered and not read yet */
    bool paused, over;
    struct tug_waker waker; /* of the reader */
    char error[CURL_ERROR_SIZE];
};

/* Begins to fetch a URL by HTTP or HTTPS. `transfer` stays where it is. Does not suspend. Returns 0
 * or -ENOMEM. The reader ends with 0 when all has come, with -EIO and `code` when something went
 * wrong, also when the server's answer is an error of HTTP. Cancelling a read loses nothing. */
int transfer_open(struct transfer *transfer, struct multi *multi, const char *url);

/* At any time. Does not suspend. */
void transfer_close(struct transfer *transfer);

/* How many bytes the server has announced, or -1. */
int64_t transfer_length(const struct transfer *transfer);

/* Why it has failed, in libcurl's words. */
const char *transfer_message(const struct transfer *transfer);

/* Whether a failure may be over when it is tried again. */
bool transfer_may_pass(const struct transfer *transfer);

#endif
