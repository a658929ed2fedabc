/* SPDX-License-Identifier: MIT */
/* walk DIRECTORY SUFFIX: prints the files below a directory whose names end so. */
#include "recipe.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

static bool ends_so(void *suffix, const void *item)
{
    const struct tug_walk_entry *entry = item;
    size_t length = strlen(entry->name), end = strlen(suffix);
    return entry->type == DT_REG && length >= end &&
           strcmp(entry->name + length - end, suffix) == 0;
}

static int64_t walk(void *argument)
{
    char **words = argument;
    struct tug_walk tree;
    struct tug_stream_filter wanted;
    struct tug_walk_entry entry;
    struct tug_stream *stream = tug_walk(&tree, words[0], 0);
    int result;
    stream = tug_stream_filter(&wanted, stream, ends_so, words[1]);
    while ((result = tug_next(stream, &entry)) == 1) {
        puts(entry.path);
        tug_stream_drop(stream, &entry);
    }
    tug_stream_close(stream);
    return result;
}

int main(int argc, char **argv)
{
    return recipe_main(argc, argv, 2, "DIRECTORY SUFFIX", walk);
}
