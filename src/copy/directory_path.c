/* SPDX-License-Identifier: MIT */
/*
 * Path names, for people: put together when one is needed, from the names of the directories above.
 * The walk itself never uses them, so they may be longer than any call would take.
 */
#include "directory.h"

#include <stdlib.h>
#include <string.h>

/* The name of a directory on either side; of an anchor, the prefix of that side. */
static const char *side_name(const struct tug_directory *directory, bool destination)
{
    return destination ? directory->destination_name : directory->name;
}

/* Whether a slash must follow this before more can. */
static bool needs_slash(const char *name)
{
    size_t length = strlen(name);
    return length > 0 && name[length - 1] != '/';
}

/* Measures from the directory up, then fills in on the same way, from the end to the front. */
static char *path_of(const struct tug_directory *directory, bool destination, const char *name)
{
    const char *last = name != NULL ? name : side_name(directory, destination);
    const struct tug_directory *above = name != NULL ? directory : directory->parent;
    size_t position = strlen(last);
    for (const struct tug_directory *d = above; d != NULL; d = d->parent) {
        const char *part = side_name(d, destination);
        position += strlen(part) + needs_slash(part);
    }
    char *path = malloc(position + 1);
    if (path == NULL)
        return NULL;
    position -= strlen(last);
    memcpy(path + position, last, strlen(last) + 1);
    for (const struct tug_directory *d = above; d != NULL; d = d->parent) {
        const char *part = side_name(d, destination);
        if (needs_slash(part))
            path[--position] = '/';
        position -= strlen(part);
        memcpy(path + position, part, strlen(part));
    }
    return path;
}

char *tug_directory_source_path(const struct tug_directory *directory, const char *name)
{
    return path_of(directory, false, name);
}

char *tug_directory_destination_path(const struct tug_directory *directory, const char *name)
{
    return path_of(directory, true, name);
}
