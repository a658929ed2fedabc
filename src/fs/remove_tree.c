/* SPDX-License-Identifier: MIT */
/*
 * Removing a directory and all below it, on the blocking pool, in trips of some hundred entries;
 * between two trips a cancellation is seen. How one gets through the tree is in fs/tree.h.
 *
 * A level is scanned: what is not a directory is removed at once. Then its subdirectories are
 * descended into. Then the directory is empty and removed. Some file systems skip entries while
 * others are removed; so a directory that turns out not to be empty is scanned again, as long as
 * that finds something.
 *
 * Where there is no way back up, because somebody has moved a directory or the file system has no
 * `..`, it goes on with the deepest level that is found by its names from the root. What was moved
 * out of the tree is not in it, so that is no error; what is in the place of a level that was lost
 * is found when the level above is scanned again.
 */
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
#include "fs/tree.h"

#define TRIP_WORK 512

/* What a trip returns when it has not failed. */
enum { ENDED, AGAIN };

struct removal {
    const char *path;
    struct tug_tree tree;
    size_t work; /* entries removed and directories entered in this trip */
    int lost;    /* why levels were not found again, the last time that this was so */
};

static void release(void *argument)
{
    struct removal *removal = argument;
    tug_tree_close(&removal->tree);
}

/* ---- The steps; somebody else may be removing the same tree, so that what is gone is no error --
 */

static int unless_gone(int result)
{
    return result == -ENOENT ? 0 : result;
}

static int remove_entry(struct removal *removal, const struct dirent64 *entry)
{
    struct tug_tree *tree = &removal->tree;
    if (entry->d_type == DT_DIR)
        return tug_tree_keep(tree, entry->d_name);
    removal->work++;
    int result = tug_sys_unlinkat(tug_tree_last(tree)->fd, entry->d_name, 0);
    /* POSIX says EPERM for a directory, Linux EISDIR. */
    if (result == -EISDIR || (result == -EPERM && entry->d_type == DT_UNKNOWN))
        return tug_tree_keep(tree, entry->d_name);
    return unless_gone(result);
}

static int remove_batch(struct removal *removal)
{
    const struct dirent64 *entry;
    while ((entry = tug_tree_next(&removal->tree)) != NULL) {
        tug_tree_last(&removal->tree)->found = true;
        int result = remove_entry(removal, entry);
        if (result < 0)
            return result;
    }
    return 0;
}

static int scan(struct removal *removal)
{
    struct tug_tree *tree = &removal->tree;
    while (removal->work < TRIP_WORK && tug_tree_has_room(tree) && !tug_tree_last(tree)->scanned) {
        int result = tug_tree_read(tree);
        if (result >= 0)
            result = remove_batch(removal);
        if (result < 0)
            return result;
    }
    return 0;
}

/* What was a directory a moment ago, or is one that cannot be read, but may be empty. */
static int remove_unopened(struct removal *removal, const char *name, int error)
{
    int directory = tug_tree_last(&removal->tree)->fd;
    if (error == -ENOTDIR || error == -ELOOP)
        return unless_gone(tug_sys_unlinkat(directory, name, 0));
    if (error != -EACCES)
        return unless_gone(error);
    return unless_gone(tug_sys_unlinkat(directory, name, AT_REMOVEDIR)) < 0 ? error : 0;
}

static int descend(struct removal *removal)
{
    struct tug_tree *tree = &removal->tree;
    removal->work++;
    int result = tug_tree_descend(tree);
    if (result >= 0)
        return result;
    result = remove_unopened(removal, tug_tree_kept(tree), result);
    if (result >= 0)
        tug_tree_forget(tree);
    return result;
}

static int scan_again(struct tug_tree_level *level)
{
    level->found = level->scanned = false;
    level->position = tug_sys_lseek(level->fd, 0, SEEK_SET);
    return level->position < 0 ? (int)level->position : 0;
}

static int leave(struct removal *removal)
{
    struct tug_tree *tree = &removal->tree;
    bool root = tree->depth == 1;
    int result = tug_tree_open_parent(tree);
    if (result < 0) {
        removal->lost = tug_tree_find_back(tree, result);
        return 0;
    }
    struct tug_tree_level *level = tug_tree_last(tree);
    int directory = root ? AT_FDCWD : level[-1].fd;
    const char *name = root ? removal->path : tug_tree_last_name(tree);
    result = tug_sys_unlinkat(directory, name, AT_REMOVEDIR);
    if ((result == -ENOTEMPTY || result == -EEXIST) && level->found)
        return scan_again(level);
    if (unless_gone(result) < 0)
        return result;
    tug_tree_leave(tree);
    removal->work++;
    return 0;
}

/* Leaves a level that was not found again. If it is still there, the one above finds that. */
static int leave_lost(struct removal *removal)
{
    if (removal->tree.depth == 1)
        return removal->lost;
    tug_tree_leave(&removal->tree);
    removal->work++;
    return 0;
}

static int step(struct removal *removal)
{
    if (tug_tree_last(&removal->tree)->fd < 0)
        return leave_lost(removal);
    if (tug_tree_kept(&removal->tree) != NULL)
        return descend(removal);
    return tug_tree_last(&removal->tree)->scanned ? leave(removal) : scan(removal);
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
    result = tug_tree_open(&removal->tree, AT_FDCWD, removal->path, O_NOFOLLOW);
    if (result == -ENOTDIR || result == -ELOOP)
        return remove_link(removal->path, result);
    if (result == -EACCES)
        return tug_sys_unlinkat(AT_FDCWD, removal->path, AT_REMOVEDIR) < 0 ? result : ENDED;
    return result < 0 ? result : AGAIN;
}

static int64_t removal_trip(void *argument)
{
    struct removal *removal = argument;
    removal->work = 0;
    int result = removal->tree.depth == 0 ? open_root(removal) : AGAIN;
    while (result == AGAIN && removal->work < TRIP_WORK) {
        int stepped = step(removal);
        if (stepped < 0)
            result = stepped;
        else if (removal->tree.depth == 0)
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
    if (removal.tree.entries != NULL)
        tug_fs_clean_up(release, &removal);
    return (int)result;
}
