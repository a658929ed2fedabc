/* SPDX-License-Identifier: MIT */
/*
 * Many small reads at places all over a file: the time is spent waiting, on a disk at least. One
 * after the other they wait for each; a few hundred coroutines that each do one at a time keep as
 * many in flight, on one thread.
 */
#include "bench_async.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include <tug/file.h>
#include <tug/group.h>
#include <tug/runtime.h>
#include <tug/sys.h>

#include "bench_source.h"
#include "in_runtime.h"

#define READ_SIZE 4096
#define IN_FLIGHT 256

struct reads {
    int file;
    uint64_t blocks; /* of the file */
    unsigned count;
    unsigned next; /* the first that nobody has begun; one thread alone runs the coroutines */
    const char *path;
    struct tug_bench_runtime *runtime;
};

/* Places in no order, the same in every run. */
static uint64_t offset_of(const struct reads *reads, unsigned number)
{
    return tug_cli_bench_word(0, 8 * (uint64_t)number) % reads->blocks * READ_SIZE;
}

static int check(const uint64_t *words, int64_t length, uint64_t offset)
{
    if (length < 0)
        return (int)length;
    return length == READ_SIZE && words[0] == tug_cli_bench_word(TUG_BENCH_LARGE_SEED, offset)
               ? 0
               : -EILSEQ;
}

static int64_t reader(void *argument)
{
    struct reads *reads = argument;
    _Alignas(READ_SIZE) uint64_t words[READ_SIZE / 8];
    while (reads->next < reads->count) {
        uint64_t offset = offset_of(reads, reads->next++);
        int64_t length = tug_pread(reads->file, words, sizeof(words), (int64_t)offset);
        int error = check(words, length, offset);
        if (error != 0)
            return error;
    }
    return 0;
}

static int64_t read_all(void *argument)
{
    struct reads *reads = argument;
    struct tug_group group;
    int error = 0;
    strncpy(reads->runtime->driver, tug_runtime_driver_name(tug_runtime_current()),
            sizeof(reads->runtime->driver) - 1);
    reads->file = tug_open(reads->path, O_RDONLY, 0);
    if (reads->file < 0)
        return reads->file;
    /* What is read ahead of a random place is read for nothing. */
    tug_fadvise(reads->file, 0, 0, POSIX_FADV_RANDOM);
    tug_group_init(&group, TUG_GROUP_CANCEL_ON_ERROR);
    for (unsigned i = 0; i < IN_FLIGHT && i < reads->count && error == 0; i++)
        error = tug_group_spawn(&group, reader, reads);
    int64_t result = tug_group_wait(&group);
    tug_close(reads->file);
    return error != 0 ? error : result;
}

int tug_cli_bench_async_reads(const char *path, uint64_t size, unsigned count,
                              struct tug_bench_runtime *used)
{
    struct reads reads = {
        .path = path,
        .blocks = size / READ_SIZE,
        .count = count,
        .runtime = used,
    };
    return (int)tug_cli_in_runtime(read_all, &reads, 0);
}

int tug_cli_bench_sequential_reads(const char *path, uint64_t size, unsigned count)
{
    static uint64_t words[READ_SIZE / 8];
    struct reads reads = {.blocks = size / READ_SIZE, .count = count};
    int file = tug_sys_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
    if (file < 0)
        return file;
    tug_sys_posix_fadvise(file, 0, 0, POSIX_FADV_RANDOM);
    int error = 0;
    for (unsigned i = 0; i < count && error == 0; i++) {
        uint64_t offset = offset_of(&reads, i);
        int64_t length = tug_sys_pread(file, words, sizeof(words), (int64_t)offset);
        error = check(words, length, offset);
    }
    tug_sys_close(file);
    return error;
}
