/* SPDX-License-Identifier: MIT */
#include "download.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <tug/cancel.h>
#include <tug/file.h>
#include <tug/time.h>

#include "transfer.h"

#define PIECE ((size_t)64 << 10)
#define LONGEST_PAUSE (30 * TUG_SECOND)

/* One attempt. */
struct attempt {
    struct download *download;
    const struct download_options *options;
    int file;
    char temporary[64];
    bool may_pass;
};

static int64_t fail(struct attempt *attempt, int64_t error, const char *what)
{
    snprintf(attempt->download->message, sizeof(attempt->download->message), "%s", what);
    return error;
}

/* Reads some, within the time; -ETIMEDOUT is ours only if no scope further out says so. */
static int64_t read_some(struct attempt *attempt, struct transfer *transfer, void *buffer)
{
    int64_t length =
        TUG_TIMEOUT(attempt->options->timeout, tug_io_read(&transfer->reader, buffer, PIECE));
    if (length == -EIO) {
        attempt->may_pass = transfer_may_pass(transfer);
        return fail(attempt, length, transfer_message(transfer));
    }
    if (length < 0 && tug_cancelled() == 0) {
        attempt->may_pass = true;
        return fail(attempt, length, "nothing comes any more");
    }
    return length;
}

static int64_t receive(struct attempt *attempt, struct transfer *transfer, void *buffer)
{
    struct download *download = attempt->download;
    for (;;) {
        int64_t length = read_some(attempt, transfer, buffer);
        if (length <= 0)
            return length;
        download->length = transfer_length(transfer);
        length = tug_write_all(attempt->file, buffer, (size_t)length);
        if (length < 0)
            return fail(attempt, length, strerror((int)-length));
        download->received += (uint64_t)length;
    }
}

static int64_t fill_file(struct attempt *attempt)
{
    struct transfer transfer;
    void *buffer = malloc(PIECE);
    int64_t result = buffer != NULL ? 0 : -ENOMEM;
    if (result == 0)
        result = transfer_open(&transfer, attempt->options->multi, attempt->download->url);
    if (result == 0) {
        result = receive(attempt, &transfer, buffer);
        transfer_close(&transfer);
    } else {
        fail(attempt, result, strerror((int)-result));
    }
    free(buffer);
    return result;
}

/* A file that cannot be closed without an error is not complete. */
static int64_t finish_file(struct attempt *attempt, int64_t result)
{
    int directory = attempt->options->directory;
    int closed = tug_close(attempt->file);
    if (result >= 0 && closed < 0)
        result = fail(attempt, closed, strerror(-closed));
    if (result >= 0) {
        result = tug_renameat(directory, attempt->temporary, directory, attempt->download->name, 0);
        if (result < 0)
            fail(attempt, result, strerror((int)-result));
    }
    if (result < 0) {
        struct tug_scope shield;
        tug_shield_begin(&shield);
        tug_unlinkat(directory, attempt->temporary, 0);
        tug_scope_end(&shield, 0);
    }
    return result;
}

static int64_t try_once(struct attempt *attempt)
{
    attempt->download->attempts++;
    attempt->download->received = 0;
    attempt->download->length = -1;
    attempt->file = tug_openat(attempt->options->directory, attempt->temporary,
                               O_WRONLY | O_CREAT | O_EXCL, 0666);
    if (attempt->file < 0)
        return fail(attempt, attempt->file, strerror(-attempt->file));
    return finish_file(attempt, fill_file(attempt));
}

int download_run(struct download *download, const struct download_options *options)
{
    static unsigned count;
    struct attempt attempt = {.download = download, .options = options};
    uint64_t pause = options->pause;
    int64_t result;
    snprintf(attempt.temporary, sizeof(attempt.temporary), ".fetch-%d-%u", (int)getpid(), count++);
    download->state = ACTIVE;
    for (uint64_t left = options->retries;; left--) {
        attempt.may_pass = false;
        result = try_once(&attempt);
        if (result >= 0 || !attempt.may_pass || left == 0)
            break;
        int reason = tug_sleep(pause);
        if (reason < 0) {
            result = reason;
            break;
        }
        pause = 2 * pause < LONGEST_PAUSE ? 2 * pause : LONGEST_PAUSE;
    }
    download->state = result >= 0 ? DONE : FAILED;
    return (int)result;
}
