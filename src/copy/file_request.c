/* SPDX-License-Identifier: MIT */
/*
 * Requests to a pool for operations on files, from the side of those who make them.
 */
#include <tug/file_pool.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <tug/fs.h>

#include "file_pool.h"

#define BATCH_DEFAULT 64

static void prepare(struct tug_file_request *request, enum tug_file_work work, const void *options,
                    const char *const *sources, size_t count, const char *destination, void *report)
{
    memset(request, 0, sizeof *request);
    request->work = work;
    request->options = options;
    request->sources = sources;
    request->count = count;
    request->destination = destination;
    request->report = report;
    tug_oneshot_init(&request->reply);
    tug_token_init(&request->stop, NULL);
}

void tug_file_request_copy(struct tug_file_request *request, const struct tug_copy_options *options,
                           const char *const *sources, size_t count, const char *destination,
                           struct tug_copy_report *report)
{
    prepare(request, TUG_FILE_WORK_COPY, options, sources, count, destination, report);
}

void tug_file_request_move(struct tug_file_request *request, const struct tug_move_options *options,
                           const char *const *sources, size_t count, const char *destination,
                           struct tug_move_report *report)
{
    prepare(request, TUG_FILE_WORK_MOVE, options, sources, count, destination, report);
}

void tug_file_request_remove(struct tug_file_request *request,
                             const struct tug_remove_options *options, const char *const *paths,
                             size_t count, struct tug_remove_report *report)
{
    prepare(request, TUG_FILE_WORK_REMOVE, options, paths, count, NULL, report);
}

void tug_file_request_create_dir(struct tug_file_request *request, const char *path, mode_t mode)
{
    prepare(request, TUG_FILE_WORK_CREATE_DIR, NULL, NULL, 0, path, NULL);
    request->mode = mode;
}

int64_t tug_file_request_carry_out(struct tug_file_request *request)
{
    switch (request->work) {
    case TUG_FILE_WORK_COPY:
        return tug_copy(request->options, request->sources, request->count, request->destination,
                        request->report);
    case TUG_FILE_WORK_MOVE:
        return tug_move(request->options, request->sources, request->count, request->destination,
                        request->report);
    case TUG_FILE_WORK_REMOVE:
        return tug_remove(request->options, request->sources, request->count, request->report);
    default:
        return tug_fs_create_dir_all(request->destination, request->mode);
    }
}

void tug_file_request_cancel(struct tug_file_request *request)
{
    /* The token first: a worker that has just taken the request sees it. */
    tug_token_cancel(&request->stop);
    if (tug_file_pool_take(request->pool, request) != NULL)
        tug_file_pool_answer(request->pool, request, -ECANCELED, false);
}

int64_t tug_file_request_wait(struct tug_file_request *request)
{
    int64_t result = 0;
    int reason = tug_oneshot_receive(&request->reply, &result);
    if (reason == -EPERM)
        return reason;
    if (reason != 0) {
        struct tug_scope shield;
        tug_file_request_cancel(request);
        tug_shield_begin(&shield);
        tug_oneshot_receive(&request->reply, &result);
        tug_scope_end(&shield, 0);
        if (result == -ECANCELED)
            result = reason;
    }
    tug_token_destroy(&request->stop);
    tug_file_pool_release(request->pool);
    return result;
}

/* ---- many removals ----------------------------------------------------------------------------
 */

struct removal {
    struct tug_file_request request;
    struct tug_remove_report report;
};

static void add_report(struct tug_remove_report *sum, const struct tug_remove_report *part)
{
    sum->entries += part->entries;
    sum->directories += part->directories;
    sum->declined += part->declined;
    sum->failures += part->failures;
    if (sum->first_error == 0)
        sum->first_error = part->first_error;
    sum->stopped |= part->stopped;
}

int64_t tug_file_pool_remove(struct tug_file_pool *pool, const struct tug_remove_options *options,
                             const char *const *paths, size_t count, size_t batch,
                             struct tug_remove_report *report)
{
    struct tug_remove_report sum = {0};
    if (batch == 0)
        batch = BATCH_DEFAULT;
    size_t batches = count / batch + (count % batch != 0), submitted = 0;
    struct removal *removals = calloc(batches != 0 ? batches : 1, sizeof *removals);
    if (removals == NULL)
        return -ENOMEM;
    int64_t result = 0, error = 0;
    for (; submitted < batches && error == 0; submitted += error == 0) {
        struct removal *removal = &removals[submitted];
        size_t first = submitted * batch, left = count - first;
        tug_file_request_remove(&removal->request, options, paths + first,
                                left < batch ? left : batch, &removal->report);
        error = tug_file_pool_submit(pool, &removal->request);
    }
    for (size_t i = 0; i < submitted; i++) {
        int64_t outcome = tug_file_request_wait(&removals[i].request);
        if (result == 0 && outcome < 0)
            result = outcome;
        add_report(&sum, &removals[i].report);
    }
    free(removals);
    if (report != NULL)
        *report = sum;
    return result != 0 ? result : error;
}
