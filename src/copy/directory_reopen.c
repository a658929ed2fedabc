/* SPDX-License-Identifier: MIT */
/*
 * Opens directories again that were closed to make room: from the nearest directory above that is
 * open, name by name, and each must be the one it was. Those on the way that are near the end of it
 * and have uses of their own stay open, because a walk in depth comes back to them next: in a
 * comb-shaped tree of depth n the whole walk opens n * n / KEEP_OPEN directories again, not n * n.
 * A directory that ends gives its parent for one step: ".." leads there as long as nobody has moved
 * it, and if it does lead to the same directory, it does not matter from where.
 */
#include "directory.h"

#include <errno.h>

#include <tug/sys.h>

/* Of the way, how many levels above its end are kept open. */
#define KEEP_OPEN 64

/* One level of the way: descriptors, and whose they are. */
struct step {
    int source, destination;
    struct tug_directory
        *pinned; /* the directory that owns them; NULL: they are closed after use */
};

static int open_same(int at, const char *name, int flags, struct tug_copy_identity identity)
{
    struct statx statx;
    int fd = tug_sys_openat(at, name, flags, 0);
    if (fd < 0)
        return fd == -ENOENT || fd == -ENOTDIR || fd == -ELOOP ? -ESTALE : fd;
    int error = tug_sys_statx(fd, "", AT_EMPTY_PATH, STATX_INO, &statx);
    if (error == 0 && !tug_copy_identity_equal(tug_copy_identity_of(&statx), identity))
        error = -ESTALE;
    if (error != 0)
        tug_sys_close(fd);
    return error != 0 ? error : fd;
}

/* To set its mode takes a real descriptor; one that existed need not be readable. */
static int destination_flags(const struct tug_directory *directory)
{
    return (directory->created ? O_RDONLY : O_PATH) | O_DIRECTORY | O_CLOEXEC |
           (directory->follow_destination ? 0 : O_NOFOLLOW);
}

/* Opens `directory` below `above`. */
static int step_down(const struct step *above, struct tug_directory *directory, struct step *step)
{
    int follow = directory->follow ? 0 : O_NOFOLLOW;
    step->pinned = NULL;
    step->destination = -1;
    step->source =
        open_same(above->source, directory->name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | follow,
                  directory->source_identity);
    if (step->source < 0)
        return step->source;
    if (!directory->has_destination)
        return 0;
    step->destination = open_same(above->destination, directory->destination_name,
                                  destination_flags(directory), directory->destination_identity);
    if (step->destination >= 0)
        return 0;
    tug_sys_close(step->source);
    return step->destination;
}

/* Gives the descriptors to the directory, which is pinned by that. */
static void install(struct step *step, struct tug_directory *directory)
{
    pthread_mutex_lock(&directory->set->lock);
    directory->source = step->source;
    directory->destination = step->destination;
    directory->open = true;
    directory->pins++;
    tug_directory_set_count(directory->set, 1);
    pthread_mutex_unlock(&directory->set->lock);
    step->pinned = directory;
}

static void end_step(struct step *step)
{
    if (step->pinned != NULL) {
        tug_directory_unpin(step->pinned);
        return;
    }
    tug_sys_close(step->source);
    if (step->destination >= 0)
        tug_sys_close(step->destination);
}

/* Whether this directory, on the way to `target`, is worth to be kept open. */
static bool worth_keeping(struct tug_directory *directory, const struct tug_directory *target)
{
    if (directory == target)
        return true;
    if (target->depth - directory->depth > KEEP_OPEN)
        return false;
    pthread_mutex_lock(&directory->set->lock);
    bool used = directory->uses > 0;
    pthread_mutex_unlock(&directory->set->lock);
    return used;
}

/* From `base`, which is pinned, down to `target`. */
static int walk_down(struct tug_directory *base, struct tug_directory *target)
{
    int error = 0;
    struct step step = {base->source, base->destination, base};
    for (struct tug_directory *d = base; error == 0 && d != target;) {
        struct step next;
        d = d->below;
        error = step_down(&step, d, &next);
        end_step(&step);
        if (error != 0)
            break;
        step = next;
        if (worth_keeping(d, target))
            install(&step, d);
    }
    return error;
}

/* Returns whether it was open. */
static bool pin_if_open(struct tug_directory *directory)
{
    pthread_mutex_lock(&directory->set->lock);
    bool open = directory->open;
    if (open)
        tug_directory_add_pin(directory);
    pthread_mutex_unlock(&directory->set->lock);
    return open;
}

int tug_directory_pin(struct tug_directory *directory)
{
    struct tug_directory_set *set = directory->set;
    if (pin_if_open(directory))
        return 0;
    pthread_mutex_lock(&set->reopen_lock);
    pthread_mutex_lock(&set->lock);
    struct tug_directory *base = directory;
    for (; !base->open || base->leaving; base = base->parent)
        base->parent->below = base;
    tug_directory_add_pin(base);
    pthread_mutex_unlock(&set->lock);
    /* Another thread may have opened it while this one waited. */
    int error = base == directory ? 0 : walk_down(base, directory);
    pthread_mutex_unlock(&set->reopen_lock);
    return error;
}

/* Opens the parent of an open directory by its name "..". Returns whether it is open and pinned. */
static bool step_up(const struct tug_directory *directory)
{
    struct tug_directory *parent = directory->parent;
    struct step step = {.destination = -1};
    step.source = open_same(directory->source, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC,
                            parent->source_identity);
    if (step.source < 0)
        return false;
    if (parent->has_destination) {
        step.destination = open_same(directory->destination, "..", destination_flags(parent),
                                     parent->destination_identity);
        if (step.destination < 0) {
            tug_sys_close(step.source);
            return false;
        }
    }
    install(&step, parent);
    return true;
}

int tug_directory_pin_above(struct tug_directory *directory)
{
    struct tug_directory *parent = directory->parent;
    if (pin_if_open(parent))
        return 0;
    if (!directory->open)
        return tug_directory_pin(parent);
    pthread_mutex_lock(&directory->set->reopen_lock);
    bool pinned = pin_if_open(parent) || step_up(directory);
    pthread_mutex_unlock(&directory->set->reopen_lock);
    return pinned ? 0 : tug_directory_pin(parent);
}
