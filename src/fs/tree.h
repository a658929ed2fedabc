/* SPDX-License-Identifier: MIT */
/*
 * Going through a directory and all below it, depth first, for those who do it by blocking calls on
 * a thread of the pool: removing a tree, walking one.
 *
 * Every name is resolved relative to the descriptor of the directory it was read from, and below
 * the root no symlink is followed: who renames or replaces a directory meanwhile cannot lead the
 * way elsewhere. Depth is limited by memory alone, not by PATH_MAX, the stack or the number of
 * descriptors:
 *
 *  - `levels` is the path from the root to the directory that one is in, the last one. A level is
 *    read in batches; names of subdirectories are kept (in `names`, where those of a level end
 *    where the next level's begin). Then one descends into them, last first, and leaves each at its
 *    end.
 *  - Only the deepest levels are sure to have an open descriptor, and the root, as long as the
 *    process has enough of them. A level that was closed is opened again as `..` of the one below,
 *    and must then be the same directory (device and inode): if somebody has moved what is below
 *    it, that is -ESTALE. Then it may still be found by the names from the root. Reading it goes on
 *    where it was. The last level is always open, but for levels that were not found again, which
 *    can only be left.
 *
 * A level with many subdirectories is read in several rounds, to keep memory bounded: one descends
 * when tug_tree_has_room() says no.
 */
#ifndef TUG_FS_TREE_H
#define TUG_FS_TREE_H

#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tug_tree_level {
    int fd;         /* -1: closed, to be opened again from below */
    uint64_t inode; /* valid when fd is -1 */
    uint32_t major, minor;
    size_t name;       /* where in `names` its own name is; the root has none */
    size_t first_name; /* where the names of its subdirectories begin */
    int64_t position;  /* behind what has been read */
    bool scanned;      /* its end has been read */
    bool found;        /* the scan has found at least one entry */
};

/* Zeroed: nothing is open. */
struct tug_tree {
    struct tug_tree_level *levels;
    size_t depth, level_capacity;
    size_t first_open; /* levels before this one are closed, but for the root */
    char *names;
    size_t names_length, names_capacity;
    char *entries; /* the batch that is being looked at, of the last level */
    size_t entries_length, entry;
};

/* Makes `path`, below `directory`, the root. `flags` of open(2) are added to those that are needed.
 * Returns 0 or a negative errno. */
int tug_tree_open(struct tug_tree *tree, int directory, const char *path, int flags);

/* Closes and frees everything. */
void tug_tree_close(struct tug_tree *tree);

static inline struct tug_tree_level *tug_tree_last(struct tug_tree *tree)
{
    return &tree->levels[tree->depth - 1];
}

/* Reads the next batch of entries of the last level. Returns 0 or a negative errno; at the end
 * `scanned` is set. */
int tug_tree_read(struct tug_tree *tree);

/* The next entry of the batch, never `.` or `..`; NULL: read another. */
const struct dirent64 *tug_tree_next(struct tug_tree *tree);

/* Whether to read on before descending. */
bool tug_tree_has_room(const struct tug_tree *tree);

/* Keeps the name of a subdirectory of the last level. Returns 0; -ENOMEM. */
int tug_tree_keep(struct tug_tree *tree, const char *name);

/* The name of the last level that was kept last; NULL: there is none. Valid until one is kept. */
const char *tug_tree_kept(struct tug_tree *tree);

/* Forgets that name. */
void tug_tree_forget(struct tug_tree *tree);

/* Enters the directory of that name, which has been forgotten when it is left. Returns 0 or a
 * negative errno. */
int tug_tree_descend(struct tug_tree *tree);

/* The name of the last level, which is not the root. */
static inline const char *tug_tree_last_name(struct tug_tree *tree)
{
    return tree->names + tug_tree_last(tree)->name;
}

/* Makes sure that the level above the last one, if there is one, is open. Returns 0 or a negative
 * errno: then it cannot be left. */
int tug_tree_open_parent(struct tug_tree *tree);

/* When that has failed, with `error`: goes from the root down, by names, as far as these lead, or
 * not at all if the root is not open any more. Closes the levels below, the last one among them:
 * they are to be left. Returns 0, or a negative errno if that is more than the last one: why,
 * -ESTALE if somebody has moved or removed what is lost. */
int tug_tree_find_back(struct tug_tree *tree, int error);

/* Leaves the last level. */
void tug_tree_leave(struct tug_tree *tree);

#endif
