/* SPDX-License-Identifier: MIT */
/*
 * Every name of the source is looked up in the copy, then the names of the copy are counted: with
 * as many names, and none missing, there is none too many. Written apart from the copy engine, so
 * that an error there does not hide itself.
 */
#include "bench_check.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <tug/sys.h>

#include "bench_directory.h"

#define BUFFER_SIZE (256 * 1024)
static char source_buffer[BUFFER_SIZE], copy_buffer[BUFFER_SIZE];

struct checking {
    int copy; /* the directory beside that which is read */
    unsigned names;
    bool modes;
    mode_t mask;
    char *difference;
    size_t size;
};

static int differ(const struct checking *checking, const char *name, const char *what)
{
    snprintf(checking->difference, checking->size, "%s: %s", name, what);
    return 1;
}

static int fail(const struct checking *checking, const char *name, int error)
{
    snprintf(checking->difference, checking->size, "%s: %s", name, strerror(-error));
    return error;
}

/* As much as fits, less only at the end of the file. */
static int64_t fill(int file, char *buffer)
{
    int64_t have = 0, length;
    do {
        length = tug_sys_read(file, buffer + have, (size_t)(BUFFER_SIZE - have));
        have += length > 0 ? length : 0;
    } while (length > 0 && have < BUFFER_SIZE);
    return length < 0 ? length : have;
}

/* Returns 0: equal, 1: not, or a negative errno. */
static int compare_contents(int source, int copy)
{
    for (;;) {
        int64_t length = fill(source, source_buffer);
        int64_t copied = fill(copy, copy_buffer);
        if (length < 0 || copied < 0)
            return (int)(length < 0 ? length : copied);
        if (length != copied || memcmp(source_buffer, copy_buffer, (size_t)length) != 0)
            return 1;
        if (length < BUFFER_SIZE)
            return 0;
    }
}

static int compare_files(const struct checking *checking, int directory, const char *name,
                         const char *copy_name)
{
    const int flags = O_RDONLY | O_NOFOLLOW | O_CLOEXEC;
    int source = tug_sys_openat(directory, name, flags, 0);
    if (source < 0)
        return fail(checking, name, source);
    int copy = tug_sys_openat(checking->copy, copy_name, flags, 0);
    if (copy < 0) {
        tug_sys_close(source);
        return fail(checking, name, copy);
    }
    int result = compare_contents(source, copy);
    tug_sys_close(copy);
    tug_sys_close(source);
    if (result == 1)
        return differ(checking, name, "the copy has other contents");
    return result < 0 ? fail(checking, name, result) : 0;
}

static int count_entry(void *names, int directory, const char *name, int type)
{
    (void)directory;
    (void)name;
    (void)type;
    ++*(unsigned *)names;
    return 0;
}

static int compare_entry(void *argument, int directory, const char *name, int type);

static int compare_directories(const struct checking *outer, int directory, const char *name,
                               const char *copy_name)
{
    struct checking checking = *outer;
    unsigned names = 0;
    checking.names = 0;
    int source = tug_cli_bench_open_directory(directory, name);
    if (source < 0)
        return fail(outer, name, source);
    checking.copy = tug_cli_bench_open_directory(outer->copy, copy_name);
    if (checking.copy < 0) {
        tug_sys_close(source);
        return fail(outer, name, checking.copy);
    }
    int result = tug_cli_bench_each(source, compare_entry, &checking);
    if (result == 0)
        result = tug_cli_bench_each(checking.copy, count_entry, &names);
    if (result == 0 && names != checking.names)
        result = differ(outer, name, "the copy has more entries");
    tug_sys_close(checking.copy);
    tug_sys_close(source);
    return result;
}

/* An entry of a tree, or, with another name for the copy, the operand itself. */
static int compare(const struct checking *checking, int directory, const char *name,
                   const char *copy_name)
{
    const unsigned mask = STATX_TYPE | STATX_MODE | STATX_SIZE;
    struct statx source, copy;
    int error = tug_sys_statx(directory, name, AT_SYMLINK_NOFOLLOW, mask, &source);
    if (error != 0)
        return fail(checking, name, error);
    error = tug_sys_statx(checking->copy, copy_name, AT_SYMLINK_NOFOLLOW, mask, &copy);
    if (error != 0)
        return error == -ENOENT ? differ(checking, name, "there is no copy")
                                : fail(checking, name, error);
    if ((source.stx_mode & S_IFMT) != (copy.stx_mode & S_IFMT))
        return differ(checking, name, "the copy is of another type");
    if (checking->modes && ((source.stx_mode ^ copy.stx_mode) & 0777 & ~checking->mask) != 0)
        return differ(checking, name, "the copy has other permissions");
    if (S_ISDIR(source.stx_mode))
        return compare_directories(checking, directory, name, copy_name);
    if (source.stx_size != copy.stx_size)
        return differ(checking, name, "the copy has another size");
    return compare_files(checking, directory, name, copy_name);
}

static int compare_entry(void *argument, int directory, const char *name, int type)
{
    struct checking *checking = argument;
    (void)type;
    checking->names++;
    return compare(checking, directory, name, name);
}

int tug_cli_bench_compare(const char *source, const char *copy, bool modes, char *difference,
                          size_t size)
{
    /* No other thread runs, so this disturbs nobody. */
    mode_t mask = umask(0);
    umask(mask);
    struct checking checking = {
        .copy = AT_FDCWD,
        .modes = modes,
        .mask = mask,
        .difference = difference,
        .size = size,
    };
    return compare(&checking, AT_FDCWD, source, copy);
}
