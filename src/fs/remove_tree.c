/* SPDX-License-Identifier: MIT */
/*
 * Removing a directory and all below it, on the blocking pool, in trips of some hundred entries;
 * between two trips a cancellation is seen.
 *
 * Every name is resolved relative to the descriptor of the directory it was read from, and no
 * symlink is followed: who renames or replaces a directory meanwhile cannot lead the removal
 * elsewhere. Depth is limited by memory alone, not by PATH_MAX, the stack or the number of
 * descriptors:
 *
 *  - `levels` is the path from the root to the directory that is being emptied, the last one. A
 *    level is scanned: what is not a directory is removed at once, names of subdirectories are kept
 *    (in `names`, where those of a level end where the next level's begin). Then the
 *    subdirectories are descended into, last first. Then the directory is empty and removed.
 *  - Only the deepest WINDOW levels are sure to have an open descriptor. One that was closed is
 *    opened again as `..` of the level below, and must then be the same directory (device and
 *    inode): if somebody has moved it the removal ends with -ESTALE. The last level is always open.
 *
 * A level whose names take up more than NAMES_LIMIT bytes is scanned in several rounds, to keep
 * memory bounded. Some file systems skip entries while others are removed; so a directory that
 * turns out not to be empty is scanned again, as long as that finds something.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include <tug/blocking.h>
#include <tug/fs.h>
#include <tug/sys.h>

#include "fs/cleanup.h"
#include "sys/call.h"

#define WINDOW 32
#define NAMES_LIMIT ((size_t)64 << 10)
#define ENTRY_BUFFER_BYTES ((size_t)32 << 10)
#define TRIP_WORK 512

#define OPEN_FLAGS (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

/* What a trip returns when it has not failed. */
enum { ENDED, AGAIN };

struct level {
    int fd;         /* -1: closed, to be opened again from below */
    uint64_t inode; /* valid when fd is -1 */
    uint32_t major, minor;
    size_t name;       /* where in `names` its own name is; the root has none */
    size_t first_name; /* where the names of its subdirectories begin */
    bool scanned;      /* its end has been read */
    bool found;        /* the scan has found at least one entry */
};

struct removal {
    const char *path;
    struct level *levels;
    size_t depth, level_capacity;
    size_t first_open; /* levels before this one are closed */
    char *names;
    size_t names_length, names_capacity;
    char *entries; /* of the directory that is being scanned */
    size_t work;   /* entries removed and directories entered in this trip */
};

static struct level *last_level(struct removal *removal)
{
    return &removal->levels[removal->depth - 1];
}

/* ---- Memory ---- */

static int push_name(struct removal *removal, const char *name)
{
    size_t size = strlen(name) + 1;
    if (removal->names_capacity - removal->names_length < size) {
        size_t capacity = removal->names_capacity * 2 + 4096;
        char *names = tug_sys_realloc(removal->names, capacity);
        if (names == NULL)
            return -ENOMEM;
        removal->names = names;
        removal->names_capacity = capacity;
    }
    memcpy(removal->names + removal->names_length, name, size);
    removal->names_length += size;
    return 0;
}

/* Where the last name begins that belongs to the last level, which has one at least. */
static size_t last_name(struct removal *removal)
{
    size_t first = last_level(removal)->first_name;
    const char *names = removal->names + first;
    const char *zero = memrchr(names, '\0', removal->names_length - first - 1);
    return zero == NULL ? first : (size_t)(zero + 1 - removal->names);
}

static int push_level(struct removal *removal, int fd, size_t name)
{
    if (removal->depth == removal->level_capacity) {
        size_t capacity = removal->level_capacity * 2 + 8;
        struct level *levels = tug_sys_realloc(removal->levels, capacity * sizeof(*levels));
        if (levels == NULL)
            return -ENOMEM;
        removal->levels = levels;
        removal->level_capacity = capacity;
    }
    removal->levels[removal->depth++] = (struct level){
        .fd = fd,
        .name = name,
        .first_name = removal->names_length,
    };
    return 0;
}

static void release(void *argument)
{
    struct removal *removal = argument;
    for (size_t i = removal->first_open; i < removal->depth; i++)
        tug_sys_close(removal->levels[i].fd);
    tug_sys_free(removal->levels);
    tug_sys_free(removal->names);
    tug_sys_free(removal->entries);
    *removal = (struct removal){0};
}

/* ---- The window of open descriptors ---- */

static int close_first(struct removal *removal)
{
    struct level *level = &removal->levels[removal->first_open];
    struct statx metadata;
    int result = tug_sys_statx(level->fd, "", AT_EMPTY_PATH, STATX_INO, &metadata);
    if (result < 0)
        return result;
    level->inode = metadata.stx_ino;
    level->major = metadata.stx_dev_major;
    level->minor = metadata.stx_dev_minor;
    tug_sys_close(level->fd);
    level->fd = -1;
    removal->first_open++;
    return 0;
}

/* Makes sure that the level above the last one is open. */
static int open_parent(struct removal *removal)
{
    if (removal->first_open < removal->depth - 1)
        return 0;
    struct level *parent = &removal->levels[removal->depth - 2];
    int fd = tug_sys_openat(last_level(removal)->fd, "..", OPEN_FLAGS, 0);
    if (fd < 0)
        return fd;
    struct statx now;
    int result = tug_sys_statx(fd, "", AT_EMPTY_PATH, STATX_INO, &now);
    if (result >= 0 && (now.stx_ino != parent->inode || now.stx_dev_major != parent->major ||
                        now.stx_dev_minor != parent->minor))
        result = -ESTALE;
    if (result < 0) {
        tug_sys_close(fd);
        return result;
    }
    parent->fd = fd;
    removal->first_open = removal->depth - 2;
    return 0;
}

/* ---- The steps; somebody else may be removing the same tree, so that what is gone is no error --
 */

static int unless_gone(int result)
{
    return result == -ENOENT ? 0 : result;
}

static int remove_entry(struct removal *removal, const struct dirent64 *entry)
{
    if (entry->d_type == DT_DIR)
        return push_name(removal, entry->d_name);
    removal->work++;
    int result = tug_sys_unlinkat(last_level(removal)->fd, entry->d_name, 0);
    /* POSIX says EPERM for a directory, Linux EISDIR. */
    if (result == -EISDIR || (result == -EPERM && entry->d_type == DT_UNKNOWN))
        return push_name(removal, entry->d_name);
    return unless_gone(result);
}

static bool is_dots(const char *name)
{
    return name[0] == '.' && (name[1] == '\0' || (name[1] == '.' && name[2] == '\0'));
}

static int remove_batch(struct removal *removal, int64_t length)
{
    for (int64_t at = 0; at < length;) {
        const struct dirent64 *entry = (const void *)(removal->entries + at);
        at += entry->d_reclen;
        if (is_dots(entry->d_name))
            continue;
        last_level(removal)->found = true;
        int result = remove_entry(removal, entry);
        if (result < 0)
            return result;
    }
    return 0;
}

static int scan(struct removal *removal)
{
    struct level *level = last_level(removal);
    while (removal->work < TRIP_WORK && removal->names_length - level->first_name < NAMES_LIMIT) {
        int64_t length = tug_sys_getdents64(level->fd, removal->entries, ENTRY_BUFFER_BYTES);
        if (length < 0 && length != -ENOENT)
            return (int)length;
        if (length <= 0) {
            level->scanned = true;
            break;
        }
        int result = remove_batch(removal, length);
        if (result < 0)
            return result;
    }
    return 0;
}

/* Gives up descriptors of the window when the process has no more. */
static int open_child(struct removal *removal, const char *name)
{
    for (;;) {
        int fd = tug_sys_openat(last_level(removal)->fd, name, OPEN_FLAGS, 0);
        bool full = fd == -EMFILE || fd == -ENFILE;
        if (!full || removal->first_open == removal->depth - 1 || close_first(removal) < 0)
            return fd;
    }
}

static int enter(struct removal *removal, int fd, size_t name)
{
    int result = 0;
    if (removal->depth - removal->first_open == WINDOW)
        result = close_first(removal);
    if (result >= 0)
        result = push_level(removal, fd, name);
    if (result < 0)
        tug_sys_close(fd);
    return result;
}

/* What was a directory a moment ago, or is one that cannot be read, but may be empty. */
static int remove_unopened(struct removal *removal, const char *name, int error)
{
    int directory = last_level(removal)->fd;
    if (error == -ENOTDIR || error == -ELOOP)
        return unless_gone(tug_sys_unlinkat(directory, name, 0));
    if (error != -EACCES)
        return unless_gone(error);
    return unless_gone(tug_sys_unlinkat(directory, name, AT_REMOVEDIR)) < 0 ? error : 0;
}

static int descend(struct removal *removal)
{
    size_t name = last_name(removal);
    removal->work++;
    int fd = open_child(removal, removal->names + name);
    if (fd >= 0)
        return enter(removal, fd, name);
    int result = remove_unopened(removal, removal->names + name, fd);
    if (result >= 0)
        removal->names_length = name;
    return result;
}

static int leave(struct removal *removal)
{
    bool root = removal->depth == 1;
    int result = root ? 0 : open_parent(removal);
    if (result < 0)
        return result;
    struct level *level = last_level(removal);
    int directory = root ? AT_FDCWD : level[-1].fd;
    const char *name = root ? removal->path : removal->names + level->name;
    result = tug_sys_unlinkat(directory, name, AT_REMOVEDIR);
    if ((result == -ENOTEMPTY || result == -EEXIST) && level->found) {
        level->found = level->scanned = false;
        int64_t position = tug_sys_lseek(level->fd, 0, SEEK_SET);
        return position < 0 ? (int)position : 0;
    }
    if (unless_gone(result) < 0)
        return result;
    tug_sys_close(level->fd);
    removal->names_length = level->name;
    removal->depth--;
    removal->work++;
    return 0;
}

static int step(struct removal *removal)
{
    if (removal->names_length > last_level(removal)->first_name)
        return descend(removal);
    return last_level(removal)->scanned ? leave(removal) : scan(removal);
}

/* ---- The root ---- */

/* A directory that rmdir(2) would refuse by its name is refused before it has been emptied. */
static int check_name(const char *path)
{
    size_t end = strlen(path);
    if (end == 0)
        return -ENOENT;
    while (end > 0 && path[end - 1] == '/')
        end--;
    if (end == 0)
        return -EBUSY;
    size_t start = end;
    while (start > 0 && path[start - 1] != '/')
        start--;
    if (end - start == 1 && path[start] == '.')
        return -EINVAL;
    return end - start == 2 && path[start] == '.' && path[start + 1] == '.' ? -ENOTEMPTY : 0;
}

/* A root that is a symlink is removed itself. */
static int remove_link(const char *path, int error)
{
    struct statx metadata;
    int result = tug_sys_statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_TYPE, &metadata);
    if (result < 0)
        return result;
    return S_ISLNK(metadata.stx_mode) ? tug_sys_unlinkat(AT_FDCWD, path, 0) : error;
}

/* Returns ENDED if nothing is left to do, or AGAIN. */
static int open_root(struct removal *removal)
{
    int result = check_name(removal->path);
    if (result < 0)
        return result;
    removal->entries = tug_sys_malloc(ENTRY_BUFFER_BYTES);
    if (removal->entries == NULL)
        return -ENOMEM;
    int fd = tug_sys_openat(AT_FDCWD, removal->path, OPEN_FLAGS, 0);
    if (fd == -ENOTDIR || fd == -ELOOP)
        return remove_link(removal->path, fd);
    if (fd == -EACCES)
        return tug_sys_unlinkat(AT_FDCWD, removal->path, AT_REMOVEDIR) < 0 ? fd : ENDED;
    if (fd < 0)
        return fd;
    result = push_level(removal, fd, 0);
    if (result < 0)
        tug_sys_close(fd);
    return result < 0 ? result : AGAIN;
}

static int64_t removal_trip(void *argument)
{
    struct removal *removal = argument;
    removal->work = 0;
    int result = removal->depth == 0 ? open_root(removal) : AGAIN;
    while (result == AGAIN && removal->work < TRIP_WORK) {
        int stepped = step(removal);
        if (stepped < 0)
            result = stepped;
        else if (removal->depth == 0)
            result = ENDED;
    }
    if (result != AGAIN)
        release(removal);
    return result;
}

int tug_fs_remove_dir_all(const char *path)
{
    struct removal removal = {.path = path};
    int64_t result;
    do
        result = tug_block_in_place(removal_trip, &removal);
    while (result == AGAIN);
    if (removal.levels != NULL)
        tug_fs_clean_up(release, &removal);
    return (int)result;
}
