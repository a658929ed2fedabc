/* SPDX-License-Identifier: MIT */
#include "bench_sequential.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/types.h>

#include <tug/sys.h>

#include "bench_directory.h"

/* As large as that of common tools. */
#define BUFFER_SIZE (256 * 1024)
static char buffer[BUFFER_SIZE];

static int copy_contents(int from, int to)
{
    for (;;) {
        int64_t length = tug_sys_read(from, buffer, sizeof(buffer));
        if (length <= 0)
            return (int)length;
        for (int64_t done = 0; done < length;) {
            int64_t written = tug_sys_write(to, buffer + done, (size_t)(length - done));
            if (written <= 0)
                return written < 0 ? (int)written : -EIO;
            done += written;
        }
    }
}

static int copy_attributes(int to, const struct statx *statx)
{
    struct timespec times[2] = {
        {statx->stx_atime.tv_sec, statx->stx_atime.tv_nsec},
        {statx->stx_mtime.tv_sec, statx->stx_mtime.tv_nsec},
    };
    int error = tug_sys_futimens(to, times);
    if (error == 0)
        error = tug_sys_fchown(to, statx->stx_uid, statx->stx_gid);
    if (error == 0)
        error = tug_sys_fchmod(to, statx->stx_mode & 07777);
    return error;
}

static int copy_file(int from, const char *from_name, int to, const char *to_name, bool exactly)
{
    struct statx statx;
    int source = tug_sys_openat(from, from_name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC, 0);
    if (source < 0)
        return source;
    int error = tug_sys_statx(source, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &statx);
    int copy = error != 0 ? error
                          : tug_sys_openat(to, to_name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
                                           statx.stx_mode & 0777);
    if (copy < 0) {
        tug_sys_close(source);
        return copy;
    }
    error = copy_contents(source, copy);
    if (error == 0 && exactly)
        error = copy_attributes(copy, &statx);
    int close_error = tug_sys_close(copy);
    tug_sys_close(source);
    return error != 0 ? error : close_error;
}

struct copying {
    int to;
    bool exactly;
};

static int copy_directory(int from, const char *from_name, int to, const char *to_name,
                          bool exactly);

static int copy_entry(void *argument, int directory, const char *name, int type)
{
    struct copying *copying = argument;
    if (type == DT_DIR)
        return copy_directory(directory, name, copying->to, name, copying->exactly);
    if (type == DT_REG)
        return copy_file(directory, name, copying->to, name, copying->exactly);
    return -ENOTSUP; /* our trees have nothing else */
}

static int copy_directory(int from, const char *from_name, int to, const char *to_name,
                          bool exactly)
{
    struct statx statx;
    struct copying copying = {.exactly = exactly};
    int source = tug_cli_bench_open_directory(from, from_name);
    if (source < 0)
        return source;
    int error = tug_sys_statx(source, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &statx);
    if (error == 0)
        error = tug_sys_mkdirat(to, to_name, statx.stx_mode & 0777);
    if (error == 0 && (copying.to = tug_cli_bench_open_directory(to, to_name)) < 0)
        error = copying.to;
    if (error == 0) {
        error = tug_cli_bench_each(source, copy_entry, &copying);
        if (error == 0 && exactly)
            error = copy_attributes(copying.to, &statx);
        tug_sys_close(copying.to);
    }
    tug_sys_close(source);
    return error;
}

static int is_directory(const char *path)
{
    struct statx statx;
    int error = tug_sys_statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_TYPE, &statx);
    return error != 0 ? error : S_ISDIR(statx.stx_mode);
}

int tug_cli_bench_copy(const char *from, const char *to, bool exactly)
{
    int directory = is_directory(from);
    if (directory < 0)
        return directory;
    return directory ? copy_directory(AT_FDCWD, from, AT_FDCWD, to, exactly)
                     : copy_file(AT_FDCWD, from, AT_FDCWD, to, exactly);
}

static int walk_directory(int parent, const char *name, uint64_t *entries);

static int walk_entry(void *entries, int directory, const char *name, int type)
{
    ++*(uint64_t *)entries;
    return type == DT_DIR ? walk_directory(directory, name, entries) : 0;
}

static int walk_directory(int parent, const char *name, uint64_t *entries)
{
    int directory = tug_cli_bench_open_directory(parent, name);
    if (directory < 0)
        return directory;
    int error = tug_cli_bench_each(directory, walk_entry, entries);
    tug_sys_close(directory);
    return error;
}

int tug_cli_bench_walk(const char *path, uint64_t *entries)
{
    *entries = 1;
    return walk_directory(AT_FDCWD, path, entries);
}

static int remove_directory(int parent, const char *name);

static int remove_entry(void *removed, int directory, const char *name, int type)
{
    int error =
        type == DT_DIR ? remove_directory(directory, name) : tug_sys_unlinkat(directory, name, 0);
    if (error == 0)
        *(bool *)removed = true;
    return error;
}

/* A file system may skip entries when others are removed while a directory is read: as long as
 * something has been removed and something is left, it is read again. */
static int remove_directory(int parent, const char *name)
{
    bool removed;
    int error;
    int directory = tug_cli_bench_open_directory(parent, name);
    if (directory < 0)
        return directory;
    do {
        removed = false;
        error = tug_cli_bench_each(directory, remove_entry, &removed);
        if (error == 0)
            error = tug_sys_unlinkat(parent, name, AT_REMOVEDIR);
        if (error == -ENOTEMPTY && removed)
            tug_sys_lseek(directory, 0, SEEK_SET);
    } while (error == -ENOTEMPTY && removed);
    tug_sys_close(directory);
    return error;
}

int tug_cli_bench_remove(const char *path)
{
    int directory = is_directory(path);
    if (directory < 0)
        return directory == -ENOENT ? 0 : directory;
    return directory ? remove_directory(AT_FDCWD, path) : tug_sys_unlinkat(AT_FDCWD, path, 0);
}

int tug_cli_bench_move(const char *from, const char *to)
{
    int error = tug_sys_renameat2(AT_FDCWD, from, AT_FDCWD, to, 0);
    if (error != -EXDEV)
        return error;
    error = tug_cli_bench_copy(from, to, true);
    return error != 0 ? error : tug_cli_bench_remove(from);
}

static int read_file(int directory, const char *name)
{
    int64_t length;
    int file = tug_sys_openat(directory, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC, 0);
    if (file < 0)
        return file;
    do
        length = tug_sys_read(file, buffer, sizeof(buffer));
    while (length > 0);
    tug_sys_close(file);
    return (int)length;
}

static int read_entry(void *argument, int parent, const char *name, int type)
{
    if (type != DT_DIR)
        return type == DT_REG ? read_file(parent, name) : 0;
    int directory = tug_cli_bench_open_directory(parent, name);
    if (directory < 0)
        return directory;
    int error = tug_cli_bench_each(directory, read_entry, argument);
    tug_sys_close(directory);
    return error;
}

int tug_cli_bench_read(const char *path)
{
    int directory = is_directory(path);
    if (directory < 0)
        return directory;
    return read_entry(NULL, AT_FDCWD, path, directory ? DT_DIR : DT_REG);
}
