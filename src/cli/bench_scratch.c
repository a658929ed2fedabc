/* SPDX-License-Identifier: MIT */
#include "bench_scratch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench_format.h"
#include "bench_machine.h"
#include "bench_message.h"
#include "bench_sequential.h"
#include "quote.h"

static int complain(const char *directory, const char *what)
{
    char *quoted = tug_cli_quote(directory);
    tug_cli_bench_complain("%s: %s", quoted != NULL ? quoted : directory, what);
    free(quoted);
    return -EIO;
}

/* A file system needs some room of its own: a tenth more. */
static int check_room(const char *directory, const struct tug_bench_volume *volume, uint64_t bytes,
                      uint64_t inodes)
{
    char text[160], needed[32], free[32];
    bytes += bytes / 10;
    if (volume->free < bytes) {
        tug_cli_bench_format_size(needed, bytes);
        tug_cli_bench_format_size(free, volume->free);
        snprintf(text, sizeof(text),
                 "not enough room: %s needed, %s free; try a smaller --scale, --large or --rounds",
                 needed, free);
        return complain(directory, text);
    }
    if (volume->free_inodes < inodes) {
        tug_cli_bench_format_count(needed, inodes);
        tug_cli_bench_format_count(free, volume->free_inodes);
        snprintf(text, sizeof(text),
                 "not enough inodes: %s needed, %s free; try a smaller --scale or --rounds", needed,
                 free);
        return complain(directory, text);
    }
    return 0;
}

/* Looks at a directory. Returns 0 or -EIO. */
static int look(const char *directory, struct tug_bench_volume *volume)
{
    int error = tug_cli_bench_volume(volume, directory);
    if (error == 0 && access(directory, W_OK | X_OK) != 0)
        error = -errno;
    return error == 0 ? 0 : complain(directory, strerror(-error));
}

static int make(char *path, size_t size, const char *directory)
{
    if ((size_t)snprintf(path, size, "%s/tug-bench-XXXXXX", directory) >= size) {
        path[0] = '\0';
        return complain(directory, strerror(ENAMETOOLONG));
    }
    if (mkdtemp(path) != NULL)
        return 0;
    int error = errno;
    path[0] = '\0';
    return complain(directory, strerror(error));
}

static int check(const struct tug_bench *bench)
{
    const struct tug_bench_options *options = &bench->options;
    struct tug_bench_volume here, other;
    struct tug_bench_need need;
    tug_cli_bench_need(&need, bench);
    int error = look(options->directory, &here);
    if (error == 0)
        error = check_room(options->directory, &here, need.bytes, need.inodes);
    if (error != 0 || !options->operations[TUG_BENCH_MOVE_ACROSS])
        return error;
    error = look(options->other, &other);
    if (error == 0 && other.device == here.device)
        error = complain(options->other, "is on the same file system");
    return error != 0 ? error
                      : check_room(options->other, &other, need.other_bytes, need.other_inodes);
}

int tug_cli_bench_scratch_make(struct tug_bench *bench)
{
    bench->scratch[0] = bench->other_scratch[0] = '\0';
    int error = check(bench);
    if (error == 0)
        error = make(bench->scratch, sizeof(bench->scratch), bench->options.directory);
    if (error == 0 && bench->options.operations[TUG_BENCH_MOVE_ACROSS]) {
        error = make(bench->other_scratch, sizeof(bench->other_scratch), bench->options.other);
        if (error != 0)
            tug_cli_bench_scratch_remove(bench);
    }
    return error;
}

static int remove_one(const char *path)
{
    char text[128];
    int error = path[0] != '\0' ? tug_cli_bench_remove(path) : 0;
    if (error == 0)
        return 0;
    snprintf(text, sizeof(text), "cannot remove it: %s", strerror(-error));
    return complain(path, text);
}

int tug_cli_bench_scratch_remove(struct tug_bench *bench)
{
    tug_cli_bench_show("removing the scratch directory");
    int error = remove_one(bench->scratch);
    int other_error = remove_one(bench->other_scratch);
    tug_cli_bench_show(NULL);
    return error != 0 ? error : other_error;
}
