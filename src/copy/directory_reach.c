/* SPDX-License-Identifier: MIT */
/*
 * The way down to a directory that was left: as one path below the nearest directory above it that
 * is open. If that is longer than a call takes, directories are opened on the way.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include <tug/sys.h>

#include "hard_links.h"

/* A path longer than this is cut. What is added to it at once, a name or an operand, is shorter. */
#define LONG_PATH (PATH_MAX - NAME_MAX - 2)

/* Opens what the path leads to so far, and goes on from there. */
static int go_down(struct tug_reach *reach)
{
    int fd = tug_sys_openat(reach->at, reach->path, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
    if (fd < 0)
        return fd;
    if (reach->at != reach->base->destination)
        tug_sys_close(reach->at);
    reach->at = fd;
    reach->path[0] = '\0';
    return 0;
}

/* Makes the path from the base to the directory, by the marks. */
static int make_path(struct tug_reach *reach, const struct tug_directory *directory)
{
    size_t length = 0;
    for (const struct tug_directory *d = reach->base; d != directory;) {
        d = d->below;
        size_t size = strlen(d->destination_name);
        if (size > PATH_MAX)
            return -ENAMETOOLONG;
        memcpy(reach->path + length, d->destination_name, size);
        length += size;
        reach->path[length++] = '/';
        reach->path[length] = '\0';
        if (length < LONG_PATH)
            continue;
        int error = go_down(reach);
        if (error != 0)
            return error;
        length = 0;
    }
    return 0;
}

int tug_directory_reach(struct tug_directory *directory, const char *name, struct tug_reach *reach)
{
    struct tug_directory_set *set = directory->set;
    /* It guards the marks. */
    pthread_mutex_lock(&set->reopen_lock);
    pthread_mutex_lock(&set->lock);
    struct tug_directory *base = directory;
    for (; !base->open || base->leaving; base = base->parent)
        base->parent->below = base;
    tug_directory_add_pin(base);
    pthread_mutex_unlock(&set->lock);
    reach->base = base;
    reach->at = base->destination;
    reach->path[0] = '\0';
    int error = make_path(reach, directory);
    pthread_mutex_unlock(&set->reopen_lock);
    if (error == 0 && strlen(name) > PATH_MAX)
        error = -ENAMETOOLONG;
    if (error == 0)
        strcat(reach->path, name);
    else
        tug_directory_reach_end(reach);
    return error;
}

void tug_directory_reach_end(struct tug_reach *reach)
{
    if (reach->at != reach->base->destination)
        tug_sys_close(reach->at);
    tug_directory_unpin(reach->base);
}
