/* SPDX-License-Identifier: MIT */
/* Sizes at scale 1 are those of a tree that a person has: thousands of files, copied in a second.
 */
#include "bench_operation.h"

#include <stdio.h>
#include <string.h>

#include "bench_format.h"

#define FLAT_FILES 1000
#define CHAINS 50
#define LEVELS 20
#define DEEP_FILES 4
#define DIRECTORIES 100
#define MANY_FILES 100
#define READS 10000

static const char *const names[TUG_BENCH_OPERATIONS] = {
    [TUG_BENCH_COPY_FILES] = "copy-files",
    [TUG_BENCH_COPY_DEEP] = "copy-deep",
    [TUG_BENCH_COPY_MANY] = "copy-many",
    [TUG_BENCH_COPY_LARGE] = "copy-large",
    [TUG_BENCH_WALK] = "walk",
    [TUG_BENCH_READS] = "reads",
    [TUG_BENCH_MOVE_WITHIN] = "move-within",
    [TUG_BENCH_MOVE_ACROSS] = "move-across",
    [TUG_BENCH_DELETE] = "delete",
};

const char *tug_cli_bench_operation_name(enum tug_bench_operation operation)
{
    return names[operation];
}

int tug_cli_bench_operation_find(const char *name, size_t length)
{
    for (int i = 0; i < TUG_BENCH_OPERATIONS; i++)
        if (strlen(names[i]) == length && memcmp(names[i], name, length) == 0)
            return i;
    return -1;
}

const char *tug_cli_bench_cache_name(enum tug_bench_cache cache)
{
    return cache == TUG_BENCH_WARM ? "warm" : "cold";
}

static unsigned scaled(unsigned number, double scale)
{
    double product = (double)number * scale + 0.5;
    return product < 1 ? 1 : (unsigned)product;
}

void tug_cli_bench_sizes(struct tug_bench_sizes *sizes, const struct tug_bench_options *options)
{
    double scale = options->scale;
    sizes->flat_files = scaled(FLAT_FILES, scale < 1 ? scale : 1);
    sizes->chains = scaled(CHAINS, scale);
    sizes->levels = LEVELS;
    sizes->deep_files = DEEP_FILES;
    sizes->directories = scaled(DIRECTORIES, scale);
    sizes->many_files = MANY_FILES;
    sizes->reads = scaled(READS, scale);
    sizes->large = options->large;
}

unsigned tug_cli_bench_deep_directories(const struct tug_bench_sizes *sizes)
{
    return sizes->chains * sizes->levels + 1;
}

unsigned tug_cli_bench_deep_files(const struct tug_bench_sizes *sizes)
{
    return sizes->chains * sizes->levels * sizes->deep_files;
}

unsigned tug_cli_bench_many_files(const struct tug_bench_sizes *sizes)
{
    return sizes->directories * sizes->many_files;
}

void tug_cli_bench_operation_title(char *title, size_t size, enum tug_bench_operation operation,
                                   const struct tug_bench_sizes *sizes)
{
    char files[32], bytes[32], directories[32], tree[128];
    tug_cli_bench_format_count(files, tug_cli_bench_many_files(sizes));
    tug_cli_bench_format_count(directories, sizes->directories);
    tug_cli_bench_format_size(bytes, sizes->large);
    snprintf(tree, sizeof(tree), "%s files in %s director%s", files, directories,
             sizes->directories == 1 ? "y" : "ies");
    switch (operation) {
    case TUG_BENCH_COPY_FILES:
        tug_cli_bench_format_count(files, sizes->flat_files);
        snprintf(title, size, "copy %s files of 16 KiB", files);
        break;
    case TUG_BENCH_COPY_DEEP:
        tug_cli_bench_format_count(files, tug_cli_bench_deep_files(sizes));
        snprintf(title, size, "copy a tree %u levels deep, %s files", sizes->levels, files);
        break;
    case TUG_BENCH_COPY_MANY:
        snprintf(title, size, "copy %s", tree);
        break;
    case TUG_BENCH_COPY_LARGE:
        snprintf(title, size, "copy one file of %s", bytes);
        break;
    case TUG_BENCH_WALK:
        snprintf(title, size, "walk over %s", tree);
        break;
    case TUG_BENCH_READS:
        tug_cli_bench_format_count(files, sizes->reads);
        snprintf(title, size, "wait for %s reads of 4 KiB", files);
        break;
    case TUG_BENCH_MOVE_WITHIN:
        snprintf(title, size, "move %s, same file system", tree);
        break;
    case TUG_BENCH_MOVE_ACROSS:
        snprintf(title, size, "move %s to another file system", tree);
        break;
    default:
        snprintf(title, size, "delete %s", tree);
        break;
    }
}

/* Blocks of 4 KiB, and half a KiB for each inode and its name. */
static uint64_t space_of(uint64_t files, uint64_t file_size, uint64_t directories)
{
    uint64_t blocks = (file_size + 4095) / 4096 * 4096;
    return files * (blocks + 512) + directories * (16384 + 512);
}

uint64_t tug_cli_bench_space(enum tug_bench_operation operation,
                             const struct tug_bench_sizes *sizes)
{
    switch (operation) {
    case TUG_BENCH_COPY_FILES:
        return space_of(sizes->flat_files, 16384, 4);
    case TUG_BENCH_COPY_DEEP:
        return space_of(tug_cli_bench_deep_files(sizes), 2048,
                        tug_cli_bench_deep_directories(sizes));
    case TUG_BENCH_COPY_LARGE:
        return space_of(1, sizes->large, 0);
    default:
        /* Half of the files of 1 to 8 KiB need one block, half need two. */
        return space_of(tug_cli_bench_many_files(sizes), 6144, sizes->directories + 1);
    }
}

uint64_t tug_cli_bench_inodes(enum tug_bench_operation operation,
                              const struct tug_bench_sizes *sizes)
{
    switch (operation) {
    case TUG_BENCH_COPY_FILES:
        return (uint64_t)sizes->flat_files + 1;
    case TUG_BENCH_COPY_DEEP:
        return (uint64_t)tug_cli_bench_deep_files(sizes) + tug_cli_bench_deep_directories(sizes);
    case TUG_BENCH_COPY_LARGE:
        return 1;
    default:
        return (uint64_t)tug_cli_bench_many_files(sizes) + sizes->directories + 1;
    }
}
