/* SPDX-License-Identifier: MIT */
#include "fs/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include <tug/sys.h>

#include "sys/call.h"

#define WINDOW 32
#define ENTRY_BUFFER_BYTES ((size_t)32 << 10)

/* Bytes of names that a level keeps before one descends; of all levels together; and of a level
 * beyond that. */
#define NAMES_LIMIT ((size_t)64 << 10)
#define ALL_NAMES_LIMIT ((size_t)4 << 20)
#define LEAST_NAMES_LIMIT ((size_t)1 << 10)

#define OPEN_FLAGS (O_RDONLY | O_DIRECTORY | O_CLOEXEC)

/* ---- Memory ---- */

int tug_tree_keep(struct tug_tree *tree, const char *name)
{
    size_t size = strlen(name) + 1;
    if (tree->names_capacity - tree->names_length < size) {
        size_t capacity = tree->names_capacity * 2 + 4096;
        char *names = tug_sys_realloc(tree->names, capacity);
        if (names == NULL)
            return -ENOMEM;
        tree->names = names;
        tree->names_capacity = capacity;
    }
    memcpy(tree->names + tree->names_length, name, size);
    tree->names_length += size;
    return 0;
}

bool tug_tree_has_room(const struct tug_tree *tree)
{
    size_t limit = tree->names_length < ALL_NAMES_LIMIT ? NAMES_LIMIT : LEAST_NAMES_LIMIT;
    return tree->names_length - tree->levels[tree->depth - 1].first_name < limit;
}

/* Where the last name begins that belongs to the last level, which has one at least. */
static size_t last_name(struct tug_tree *tree)
{
    size_t first = tug_tree_last(tree)->first_name;
    const char *names = tree->names + first;
    const char *zero = memrchr(names, '\0', tree->names_length - first - 1);
    return zero == NULL ? first : (size_t)(zero + 1 - tree->names);
}

const char *tug_tree_kept(struct tug_tree *tree)
{
    if (tree->names_length == tug_tree_last(tree)->first_name)
        return NULL;
    return tree->names + last_name(tree);
}

void tug_tree_forget(struct tug_tree *tree)
{
    tree->names_length = last_name(tree);
}

static int push_level(struct tug_tree *tree, int fd, size_t name)
{
    if (tree->depth == tree->level_capacity) {
        size_t capacity = tree->level_capacity * 2 + 8;
        struct tug_tree_level *levels = tug_sys_realloc(tree->levels, capacity * sizeof(*levels));
        if (levels == NULL)
            return -ENOMEM;
        tree->levels = levels;
        tree->level_capacity = capacity;
    }
    tree->levels[tree->depth++] = (struct tug_tree_level){
        .fd = fd,
        .name = name,
        .first_name = tree->names_length,
    };
    return 0;
}

static void close_level(struct tug_tree_level *level)
{
    if (level->fd >= 0)
        tug_sys_close(level->fd);
    level->fd = -1;
}

void tug_tree_close(struct tug_tree *tree)
{
    for (size_t i = 0; i < tree->depth; i++)
        close_level(&tree->levels[i]);
    tug_sys_free(tree->levels);
    tug_sys_free(tree->names);
    tug_sys_free(tree->entries);
    *tree = (struct tug_tree){0};
}

/* ---- The window of open descriptors ---- */

static bool has_inner_to_close(const struct tug_tree *tree)
{
    return tree->first_open < tree->depth - 1;
}

/* The root only when there is no other. */
static int close_first(struct tug_tree *tree)
{
    bool inner = has_inner_to_close(tree);
    struct tug_tree_level *level = &tree->levels[inner ? tree->first_open : 0];
    struct statx metadata;
    int result = tug_sys_statx(level->fd, "", AT_EMPTY_PATH, STATX_INO, &metadata);
    if (result < 0)
        return result;
    level->inode = metadata.stx_ino;
    level->major = metadata.stx_dev_major;
    level->minor = metadata.stx_dev_minor;
    close_level(level);
    tree->first_open += inner;
    return 0;
}

/* Whether `fd` is the directory that `level` was, and is ready to be read on. */
static int check_same(const struct tug_tree_level *level, int fd)
{
    struct statx now;
    int result = tug_sys_statx(fd, "", AT_EMPTY_PATH, STATX_INO, &now);
    if (result < 0)
        return result;
    if (now.stx_ino != level->inode || now.stx_dev_major != level->major ||
        now.stx_dev_minor != level->minor)
        return -ESTALE;
    if (level->scanned || level->position == 0)
        return 0;
    int64_t position = tug_sys_lseek(fd, level->position, SEEK_SET);
    return position < 0 ? (int)position : 0;
}

/* Returns a descriptor or a negative errno. */
static int open_same(const struct tug_tree_level *level, int at, const char *name)
{
    int fd = tug_sys_openat(at, name, OPEN_FLAGS | O_NOFOLLOW, 0);
    if (fd < 0)
        return fd;
    int error = check_same(level, fd);
    if (error == 0)
        return fd;
    tug_sys_close(fd);
    return error;
}

int tug_tree_open_parent(struct tug_tree *tree)
{
    if (tree->depth < 2)
        return 0;
    struct tug_tree_level *parent = &tree->levels[tree->depth - 2];
    if (parent->fd >= 0)
        return 0;
    int fd = open_same(parent, tug_tree_last(tree)->fd, "..");
    if (fd < 0)
        return fd;
    parent->fd = fd;
    if (tree->depth > 2)
        tree->first_open = tree->depth - 2;
    return 0;
}

int tug_tree_find_back(struct tug_tree *tree, int error)
{
    struct tug_tree_level *levels = tree->levels;
    size_t found = 0;
    int fd = levels[0].fd < 0 ? error : 0;
    close_level(tug_tree_last(tree));
    for (size_t i = 1; fd >= 0 && i < tree->depth - 1; i++) {
        fd = open_same(&levels[i], levels[i - 1].fd, tree->names + levels[i].name);
        if (fd < 0)
            break;
        if (found > 0)
            close_level(&levels[found]);
        levels[i].fd = fd;
        found = i;
    }
    tree->first_open = found > 0 ? found : 1;
    if (fd == -ENOENT || fd == -ENOTDIR || fd == -ELOOP)
        return -ESTALE;
    return fd < 0 ? fd : 0;
}

/* Gives up descriptors of the window when the process has no more. */
static int open_child(struct tug_tree *tree, const char *name)
{
    for (;;) {
        int fd = tug_sys_openat(tug_tree_last(tree)->fd, name, OPEN_FLAGS | O_NOFOLLOW, 0);
        bool full = fd == -EMFILE || fd == -ENFILE;
        bool can_close = has_inner_to_close(tree) || (tree->depth > 1 && tree->levels[0].fd >= 0);
        if (!full || !can_close || close_first(tree) < 0)
            return fd;
    }
}

/* ---- Up and down ---- */

int tug_tree_open(struct tug_tree *tree, int directory, const char *path, int flags)
{
    tree->entries = tug_sys_malloc(ENTRY_BUFFER_BYTES);
    if (tree->entries == NULL)
        return -ENOMEM;
    int fd = tug_sys_openat(directory, path, OPEN_FLAGS | flags, 0);
    if (fd < 0)
        return fd;
    int result = push_level(tree, fd, 0);
    if (result < 0)
        tug_sys_close(fd);
    tree->first_open = 1;
    return result;
}

int tug_tree_descend(struct tug_tree *tree)
{
    size_t name = last_name(tree);
    int fd = open_child(tree, tree->names + name);
    if (fd < 0)
        return fd;
    int result = 0;
    if (tree->depth - tree->first_open == WINDOW)
        result = close_first(tree);
    if (result >= 0)
        result = push_level(tree, fd, name);
    if (result < 0)
        tug_sys_close(fd);
    return result;
}

void tug_tree_leave(struct tug_tree *tree)
{
    struct tug_tree_level *level = tug_tree_last(tree);
    close_level(level);
    tree->names_length = level->name;
    tree->depth--;
}

/* ---- Reading ---- */

int tug_tree_read(struct tug_tree *tree)
{
    struct tug_tree_level *level = tug_tree_last(tree);
    tree->entry = tree->entries_length = 0;
    int64_t length = tug_sys_getdents64(level->fd, tree->entries, ENTRY_BUFFER_BYTES);
    /* A directory that has been removed has no entries. */
    if (length < 0 && length != -ENOENT)
        return (int)length;
    if (length <= 0)
        level->scanned = true;
    else
        tree->entries_length = (size_t)length;
    return 0;
}

static bool is_dots(const char *name)
{
    return name[0] == '.' && (name[1] == '\0' || (name[1] == '.' && name[2] == '\0'));
}

const struct dirent64 *tug_tree_next(struct tug_tree *tree)
{
    while (tree->entry < tree->entries_length) {
        const struct dirent64 *entry = (const void *)(tree->entries + tree->entry);
        tree->entry += entry->d_reclen;
        tug_tree_last(tree)->position = entry->d_off;
        if (!is_dots(entry->d_name))
            return entry;
    }
    return NULL;
}
