/* SPDX-License-Identifier: MIT */
/*
 * The three counts of a directory, and the list of those that may be closed.
 *
 * A directory is in the idle list if and only if it is open, has uses and no pins. Descriptors are
 * closed without the lock: by then they belong to nobody else.
 */
#include "directory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <tug/sys.h>

int tug_directory_set_init(struct tug_directory_set *set, unsigned open_limit,
                           void (*leave)(struct tug_directory *directory))
{
    memset(set, 0, sizeof(*set));
    set->open_limit = open_limit;
    set->leave = leave;
    set->idle_last = &set->idle_first;
    int error = pthread_mutex_init(&set->lock, NULL);
    if (error != 0)
        return -error;
    error = pthread_mutex_init(&set->reopen_lock, NULL);
    if (error != 0)
        pthread_mutex_destroy(&set->lock);
    return -error;
}

void tug_directory_set_destroy(struct tug_directory_set *set)
{
    pthread_mutex_destroy(&set->reopen_lock);
    pthread_mutex_destroy(&set->lock);
}

/* ---- The idle list, under the lock ---- */

static void idle_append(struct tug_directory *directory)
{
    struct tug_directory_set *set = directory->set;
    directory->idle_next = NULL;
    directory->idle_previous = set->idle_last;
    *set->idle_last = directory;
    set->idle_last = &directory->idle_next;
}

static void idle_remove(struct tug_directory *directory)
{
    if (directory->idle_previous == NULL)
        return;
    *directory->idle_previous = directory->idle_next;
    if (directory->idle_next != NULL)
        directory->idle_next->idle_previous = directory->idle_previous;
    else
        directory->set->idle_last = directory->idle_previous;
    directory->idle_previous = NULL;
}

/* Takes the descriptors out of the directory. */
static void take_descriptors(struct tug_directory *directory, int descriptors[2])
{
    descriptors[0] = directory->source;
    descriptors[1] = directory->destination;
    directory->source = directory->destination = -1;
    if (directory->open)
        tug_directory_set_count(directory->set, -1);
    directory->open = false;
}

static void close_descriptors(const int descriptors[2])
{
    for (int i = 0; i < 2; i++)
        if (descriptors[i] >= 0)
            tug_sys_close(descriptors[i]);
}

/* Closes idle directories until at most `limit` are open, or none is idle. Takes the lock. */
static void make_room(struct tug_directory_set *set, unsigned limit)
{
    for (;;) {
        int descriptors[2] = {-1, -1};
        pthread_mutex_lock(&set->lock);
        struct tug_directory *victim = set->open_count > limit ? set->idle_first : NULL;
        if (victim != NULL) {
            idle_remove(victim);
            take_descriptors(victim, descriptors);
        }
        pthread_mutex_unlock(&set->lock);
        if (victim == NULL)
            return;
        close_descriptors(descriptors);
    }
}

bool tug_directory_set_is_tight(const struct tug_directory_set *set)
{
    return __atomic_load_n(&set->open_count, __ATOMIC_RELAXED) >
           __atomic_load_n(&set->open_limit, __ATOMIC_RELAXED) / 2;
}

bool tug_directory_set_shrink(struct tug_directory_set *set)
{
    pthread_mutex_lock(&set->lock);
    bool worth = set->idle_first != NULL;
    if (set->open_limit > set->open_count / 2 && set->open_count >= 8)
        __atomic_store_n(&set->open_limit, set->open_count / 2, __ATOMIC_RELAXED);
    pthread_mutex_unlock(&set->lock);
    make_room(set, 0);
    return worth;
}

/* ---- Making ---- */

static struct tug_directory *allocate(struct tug_directory_set *set, const char *name,
                                      const char *destination_name)
{
    size_t name_size = strlen(name) + 1;
    size_t destination_size = destination_name != NULL ? strlen(destination_name) + 1 : 0;
    struct tug_directory *directory = malloc(sizeof(*directory) + name_size + destination_size);
    if (directory == NULL)
        return NULL;
    memset(directory, 0, sizeof(*directory));
    memcpy(directory->name, name, name_size);
    directory->destination_name = directory->name;
    if (destination_name != NULL) {
        directory->destination_name = directory->name + name_size;
        memcpy(directory->name + name_size, destination_name, destination_size);
    }
    directory->set = set;
    directory->references = 1;
    directory->uses = 1;
    directory->source = directory->destination = -1;
    return directory;
}

struct tug_directory *tug_directory_new_anchor(struct tug_directory_set *set, int destination,
                                               const char *prefix)
{
    struct tug_directory *anchor = allocate(set, "", prefix);
    if (anchor == NULL)
        return NULL;
    anchor->source = AT_FDCWD;
    anchor->destination = destination;
    anchor->has_destination = destination != -1;
    anchor->pins = 1;
    /* Counted like any other, so that it is closed like any other. */
    pthread_mutex_lock(&set->lock);
    tug_directory_set_count(set, 1);
    anchor->open = true;
    pthread_mutex_unlock(&set->lock);
    return anchor;
}

struct tug_directory *tug_directory_new(struct tug_directory *parent, const char *name,
                                        const char *destination_name, bool follow)
{
    struct tug_directory *directory = allocate(parent->set, name, destination_name);
    if (directory == NULL)
        return NULL;
    directory->parent = parent;
    directory->depth = parent->depth + 1;
    directory->follow = follow;
    directory->has_destination = parent->has_destination;
    pthread_mutex_lock(&parent->set->lock);
    parent->references++;
    parent->uses++;
    pthread_mutex_unlock(&parent->set->lock);
    return directory;
}

void tug_directory_opened(struct tug_directory *directory)
{
    struct tug_directory_set *set = directory->set;
    pthread_mutex_lock(&set->lock);
    directory->open = directory->was_open = true;
    directory->pins++;
    tug_directory_set_count(set, 1);
    bool crowded = set->open_count > set->open_limit;
    pthread_mutex_unlock(&set->lock);
    if (crowded)
        make_room(set, __atomic_load_n(&set->open_limit, __ATOMIC_RELAXED));
}

/* ---- Ending ---- */

/* Gives up a reference, and those of the parents that it was the last to hold. */
static void release(struct tug_directory *directory)
{
    struct tug_directory_set *set = directory->set;
    pthread_mutex_lock(&set->lock);
    while (directory != NULL && --directory->references == 0) {
        struct tug_directory *parent = directory->parent;
        free(directory);
        directory = parent;
    }
    pthread_mutex_unlock(&set->lock);
}

void tug_directory_hold(struct tug_directory *directory)
{
    pthread_mutex_lock(&directory->set->lock);
    directory->references++;
    pthread_mutex_unlock(&directory->set->lock);
}

void tug_directory_let_go(struct tug_directory *directory)
{
    release(directory);
}

/* The last use has ended: nobody else looks at the descriptors any more. Returns the parent if this
 * had a use of it until now, with `*pins` pins; else NULL. */
static struct tug_directory *leave(struct tug_directory *directory, unsigned *pins)
{
    int descriptors[2], error = 0;
    struct tug_directory_set *set = directory->set;
    struct tug_directory *parent = set->finish != NULL ? directory->parent : NULL;
    if (directory->was_open && directory->parent != NULL)
        set->leave(directory);
    if (parent != NULL)
        error = tug_directory_pin_above(directory);
    pthread_mutex_lock(&set->lock);
    take_descriptors(directory, descriptors);
    pthread_mutex_unlock(&set->lock);
    close_descriptors(descriptors);
    if (parent != NULL)
        set->finish(directory, error);
    *pins = error == 0;
    release(directory);
    return parent;
}

/* After a use or a pin has ended; under the lock. Returns whether the caller has to leave() it. */
static bool settle(struct tug_directory *directory)
{
    if (directory->pins > 0)
        return false;
    if (directory->uses == 0) {
        idle_remove(directory);
        directory->leaving = true;
        return true;
    }
    if (directory->open && directory->idle_previous == NULL)
        idle_append(directory);
    return false;
}

/* Leaves a directory, and those above whose last use ended with that: in a loop, since there may be
 * any number of them. */
static void leave_upwards(struct tug_directory *directory)
{
    while (directory != NULL) {
        unsigned pins;
        struct tug_directory_set *set = directory->set;
        struct tug_directory *parent = leave(directory, &pins);
        if (parent == NULL)
            return;
        pthread_mutex_lock(&set->lock);
        parent->uses--;
        parent->pins -= pins;
        directory = settle(parent) ? parent : NULL;
        pthread_mutex_unlock(&set->lock);
    }
}

static void end(struct tug_directory *directory, unsigned uses, unsigned pins)
{
    struct tug_directory_set *set = directory->set;
    pthread_mutex_lock(&set->lock);
    directory->uses -= uses;
    directory->pins -= pins;
    bool last = settle(directory);
    bool crowded = set->open_count > set->open_limit;
    pthread_mutex_unlock(&set->lock);
    if (last)
        leave_upwards(directory);
    if (crowded)
        make_room(set, __atomic_load_n(&set->open_limit, __ATOMIC_RELAXED));
}

void tug_directory_add_pin(struct tug_directory *directory)
{
    idle_remove(directory);
    directory->pins++;
}

void tug_directory_unpin(struct tug_directory *directory)
{
    end(directory, 0, 1);
}

void tug_directory_use(struct tug_directory *directory)
{
    pthread_mutex_lock(&directory->set->lock);
    directory->uses++;
    directory->pins++;
    pthread_mutex_unlock(&directory->set->lock);
}

void tug_directory_done(struct tug_directory *directory)
{
    end(directory, 1, 1);
}

void tug_directory_drop(struct tug_directory *directory)
{
    struct tug_directory_set *set = directory->set;
    bool last = false;
    pthread_mutex_lock(&set->lock);
    /* To be left it has to be open. If that fails, leave() is told so. */
    bool reopen = directory->uses == 1 && directory->was_open && !directory->open;
    if (!reopen) {
        directory->uses--;
        last = settle(directory);
    }
    pthread_mutex_unlock(&set->lock);
    if (reopen)
        end(directory, 1, tug_directory_pin(directory) == 0);
    if (last)
        leave_upwards(directory);
}

void tug_directory_tried(struct tug_directory *directory, bool pinned)
{
    struct tug_directory *parent = directory->parent;
    bool ends = directory->set->finish == NULL;
    if (pinned)
        end(parent, ends, 1);
    else if (ends)
        tug_directory_drop(parent);
}
