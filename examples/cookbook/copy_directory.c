/* SPDX-License-Identifier: MIT */
/* copy_directory FROM TO: copies the files of a directory, but no directories in it, at most eight
 * at a time. */
#include "recipe.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { AT_ONCE = 8 };

struct copy {
    char *from, *to;
};

static char *join_path(const char *directory, const char *name)
{
    char *path;
    return asprintf(&path, "%s/%s", directory, name) < 0 ? NULL : path;
}

/* Owns its argument: so it frees it, also if it is cancelled before it begins. */
static int64_t copy_entry(void *argument)
{
    struct copy *copy = argument;
    int64_t result =
        copy->from != NULL && copy->to != NULL ? tug_fs_copy(copy->from, copy->to) : -ENOMEM;
    free(copy->from);
    free(copy->to);
    free(copy);
    return result;
}

static int start(struct tug_join_set *copies, char **directories, const char *name)
{
    struct copy *copy = malloc(sizeof *copy);
    if (copy == NULL)
        return -ENOMEM;
    *copy = (struct copy){join_path(directories[0], name), join_path(directories[1], name)};
    int error = tug_join_set_spawn(copies, copy_entry, copy);
    if (error != 0) {
        free(copy->from);
        free(copy->to);
        free(copy);
    }
    return error;
}

/* Waits until there are at most so many; the first error is the result. */
static int64_t wait_until(struct tug_join_set *copies, size_t at_most)
{
    int64_t result = 0;
    while (result >= 0 && tug_join_set_length(copies) > at_most) {
        int outcome = tug_join_set_next(copies, &result, NULL);
        if (outcome < 0)
            return outcome;
    }
    return result < 0 ? result : 0;
}

static int64_t copy_entries(struct tug_read_dir *reader, char **directories)
{
    struct tug_join_set copies;
    struct tug_dir_entry entry;
    int64_t result;
    tug_join_set_init(&copies);
    while ((result = tug_read_dir_next(reader, &entry)) == 1) {
        if (entry.type != DT_REG) {
            fprintf(stderr, "%s/%s: not a file, left out\n", directories[0], entry.name);
            continue;
        }
        result = start(&copies, directories, entry.name);
        if (result == 0)
            result = wait_until(&copies, AT_ONCE - 1);
        if (result != 0)
            break;
    }
    if (result == 0)
        result = wait_until(&copies, 0);
    /* After an error: none goes on when this function has returned. */
    tug_join_set_shutdown(&copies);
    return result;
}

static int64_t copy_directory(void *argument)
{
    char **directories = argument;
    struct tug_read_dir *reader;
    int64_t result = tug_fs_create_dir(directories[1], 0777);
    if (result == 0)
        result = tug_fs_read_dir(&reader, directories[0]);
    if (result != 0)
        return result;
    result = copy_entries(reader, directories);
    tug_read_dir_close(reader);
    return result;
}

int main(int argc, char **argv)
{
    return recipe_main(argc, argv, 2, "FROM TO", copy_directory);
}
