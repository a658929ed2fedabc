/* SPDX-License-Identifier: MIT */
/* Plain system calls, and a directory is left before the next is entered. */
#include "bench_source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include <tug/sys.h>

#include "bench_directory.h"

#define BLOCK (1024 * 1024)
static uint64_t block[BLOCK / 8];

/* The finalizer of splitmix64 (Steele, Lea, Flood 2014): every bit of the place counts. */
uint64_t tug_cli_bench_word(uint64_t seed, uint64_t offset)
{
    uint64_t word = (seed << 44) + offset / 8 + 0x9e3779b97f4a7c15U;
    word = (word ^ word >> 30) * 0xbf58476d1ce4e5b9U;
    word = (word ^ word >> 27) * 0x94d049bb133111ebU;
    return word ^ word >> 31;
}

static int write_block(int file, uint64_t length)
{
    for (uint64_t done = 0; done < length;) {
        int64_t written = tug_sys_write(file, (const char *)block + done, (size_t)(length - done));
        if (written <= 0)
            return written < 0 ? (int)written : -EIO;
        done += (uint64_t)written;
    }
    return 0;
}

static int make_file(int directory, const char *name, uint64_t size, uint64_t seed)
{
    int file = tug_sys_openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (file < 0)
        return file;
    int error = 0;
    for (uint64_t done = 0; done < size && error == 0; done += BLOCK) {
        uint64_t length = size - done < BLOCK ? size - done : BLOCK;
        for (uint64_t i = 0; i < (length + 7) / 8; i++)
            block[i] = tug_cli_bench_word(seed, done + 8 * i);
        error = write_block(file, length);
    }
    int close_error = tug_sys_close(file);
    return error != 0 ? error : close_error;
}

/* Files of `least` to `most` bytes. `seed` moves on. */
static int make_files(int directory, unsigned count, uint64_t least, uint64_t most, uint64_t *seed)
{
    char name[32];
    for (unsigned i = 0; i < count; i++) {
        uint64_t size = least + tug_cli_bench_word(0, 8 * ++*seed) % (most - least + 1);
        snprintf(name, sizeof(name), "file%05u", i);
        int error = make_file(directory, name, size, *seed);
        if (error != 0)
            return error;
    }
    return 0;
}

/* Makes a directory and opens it. */
static int enter(int parent, const char *name)
{
    int error = tug_sys_mkdirat(parent, name, 0755);
    return error != 0 ? error : tug_cli_bench_open_directory(parent, name);
}

/* `levels` directories, each in the one before, with files in each. */
static int make_chain(int top, unsigned number, const struct tug_bench_sizes *sizes, uint64_t *seed)
{
    char name[32];
    int directory = top, error = 0;
    snprintf(name, sizeof(name), "chain%05u", number);
    for (unsigned level = 0; level < sizes->levels && error == 0; level++) {
        int next = enter(directory, name);
        if (directory != top)
            tug_sys_close(directory);
        directory = next;
        if (directory < 0)
            return directory;
        error = make_files(directory, sizes->deep_files, 2048, 2048, seed);
        snprintf(name, sizeof(name), "level%u", level + 1);
    }
    if (directory != top)
        tug_sys_close(directory);
    return error;
}

static int make_many(int top, unsigned number, const struct tug_bench_sizes *sizes, uint64_t *seed)
{
    char name[32];
    snprintf(name, sizeof(name), "directory%05u", number);
    int directory = enter(top, name);
    if (directory < 0)
        return directory;
    int error = make_files(directory, sizes->many_files, 1024, 8192, seed);
    tug_sys_close(directory);
    return error;
}

int tug_cli_bench_make_source(enum tug_bench_operation operation,
                              const struct tug_bench_sizes *sizes, const char *path)
{
    /* So that no two sources have a file in common. */
    uint64_t seed = (uint64_t)(operation + 1) << 16;
    if (operation == TUG_BENCH_COPY_LARGE)
        return make_file(AT_FDCWD, path, sizes->large, TUG_BENCH_LARGE_SEED);
    int top = enter(AT_FDCWD, path);
    if (top < 0)
        return top;
    int error = 0;
    if (operation == TUG_BENCH_COPY_FILES)
        error = make_files(top, sizes->flat_files, 16384, 16384, &seed);
    for (unsigned i = 0; i < sizes->chains && operation == TUG_BENCH_COPY_DEEP && !error; i++)
        error = make_chain(top, i, sizes, &seed);
    for (unsigned i = 0; i < sizes->directories && operation == TUG_BENCH_COPY_MANY && !error; i++)
        error = make_many(top, i, sizes, &seed);
    tug_sys_close(top);
    return error;
}
