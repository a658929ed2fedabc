/* SPDX-License-Identifier: MIT */
/*
 * A walk with the library: each directory is a task, which goes to the blocking pool once, reads
 * all of it there, and starts a task for each directory found. Directories are opened relative to
 * the one above, which stays open until all below it have been opened: a count says when.
 */
#include "bench_async.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <tug/blocking.h>
#include <tug/group.h>
#include <tug/runtime.h>
#include <tug/sys.h>
#include <tug/time.h>

#include "bench_directory.h"

struct walk {
    struct tug_group group;
    uint64_t entries; /* one thread alone runs the tasks */
};

struct node {
    struct walk *walk;
    struct node *parent;       /* NULL: the top */
    struct node *first, *next; /* found in this one; the next found in the parent */
    uint64_t entries;
    int fd;
    unsigned users; /* itself, and those below it that have not been opened; only within tasks */
    char name[];
};

static struct node *make_node(struct walk *walk, struct node *parent, const char *name)
{
    size_t length = strlen(name) + 1;
    struct node *node = malloc(sizeof(*node) + length);
    if (node == NULL)
        return NULL;
    *node = (struct node){.walk = walk, .parent = parent, .fd = -1, .users = 1};
    memcpy(node->name, name, length);
    return node;
}

static void release(struct node *node)
{
    if (--node->users > 0)
        return;
    if (node->fd >= 0)
        tug_sys_close(node->fd);
    free(node);
}

static int take_entry(void *argument, int directory, const char *name, int type)
{
    struct node *node = argument;
    (void)directory;
    node->entries++;
    if (type != DT_DIR)
        return 0;
    struct node *child = make_node(node->walk, node, name);
    if (child == NULL)
        return -ENOMEM;
    child->next = node->first;
    node->first = child;
    return 0;
}

/* On a thread of the blocking pool. */
static int64_t read_directory(void *argument)
{
    struct node *node = argument;
    int fd = tug_cli_bench_open_directory(node->parent != NULL ? node->parent->fd : AT_FDCWD,
                                          node->name);
    if (fd < 0)
        return fd;
    node->fd = fd;
    return tug_cli_bench_each(fd, take_entry, node);
}

static int64_t walk_directory(void *argument)
{
    struct node *node = argument;
    struct walk *walk = node->walk;
    int64_t result = tug_block_in_place(read_directory, node);
    if (node->parent != NULL)
        release(node->parent);
    walk->entries += node->entries;
    for (struct node *child = node->first, *next; child != NULL; child = next) {
        next = child->next;
        node->users++;
        int error = result < 0 ? -ECANCELED : tug_group_spawn(&walk->group, walk_directory, child);
        if (error == 0)
            continue;
        node->users--;
        free(child);
        if (result == 0)
            result = error;
    }
    release(node);
    return result;
}

static int64_t walk_tree(void *argument)
{
    struct node *top = argument;
    struct walk *walk = top->walk;
    tug_group_init(&walk->group, TUG_GROUP_CANCEL_ON_ERROR);
    int error = tug_group_spawn(&walk->group, walk_directory, top);
    if (error != 0) {
        free(top);
        return error;
    }
    return tug_group_wait(&walk->group);
}

int tug_cli_bench_async_walk(const char *path, uint64_t *entries)
{
    struct walk walk = {.entries = 1};
    struct tug_runtime_options options;
    struct tug_runtime *runtime;
    int64_t result = 0;
    tug_runtime_options_init(&options);
    options.flavour = TUG_CURRENT_THREAD;
    int error = tug_runtime_create(&runtime, &options);
    if (error != 0)
        return error;
    struct node *top = make_node(&walk, NULL, path);
    error = top == NULL ? -ENOMEM : tug_runtime_block_on(runtime, walk_tree, top, &result);
    tug_runtime_shutdown(runtime, TUG_FOREVER);
    *entries = walk.entries;
    return error != 0 ? error : (int)result;
}
