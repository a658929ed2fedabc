/* SPDX-License-Identifier: MIT */
/*
 * Files read and worked on, several at once. Reading and computing are one turn of the loop, on one
 * thread: a file's bytes are used where they were read, and a thread that waits for the disk leaves
 * its processor to another.
 */
#include <tug/parallel.h>

#include <errno.h>

#include <tug/fs.h>

#include "sys/call.h"

struct processing {
    const char *const *paths;
    int64_t (*fn)(void *context, size_t index, const void *data, size_t size);
    void *context;
    int64_t *results;
};

/* On a thread of the pool, where calls of <tug/fs.h> block. */
static int64_t process_one(void *context, size_t index)
{
    struct processing *processing = context;
    void *data;
    size_t size;
    int64_t result = tug_fs_read(processing->paths[index], &data, &size);
    if (result == 0) {
        result = processing->fn(processing->context, index, data, size);
        tug_sys_free(data);
    }
    processing->results[index] = result;
    return 0;
}

int64_t tug_process_files(const char *const *paths, size_t count, unsigned jobs,
                          int64_t (*fn)(void *context, size_t index, const void *data, size_t size),
                          void *context, int64_t *results)
{
    struct processing processing = {paths, fn, context, results};
    for (size_t i = 0; i < count; i++)
        results[i] = -ECANCELED;
    int64_t done = tug_parallel_for(0, count, jobs, process_one, &processing);
    for (size_t i = 0; done >= 0 && i < count; i++)
        done += results[i] >= 0;
    return done;
}
