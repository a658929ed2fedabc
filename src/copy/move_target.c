/* SPDX-License-Identifier: MIT */
/* The operands of a move, and the directory that their final names are relative to. */
#include "mover.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tug/sys.h>

/* ---- Names ---- */

/* The last component, without slashes behind it; all of it if it is nothing but slashes. */
static char *last_component(const char *source)
{
    size_t end = strlen(source);
    while (end > 0 && source[end - 1] == '/')
        end--;
    size_t begin = end;
    while (begin > 0 && source[begin - 1] != '/')
        begin--;
    return end > 0 ? strndup(source + begin, end - begin) : strdup(source);
}

char *tug_mover_join(const char *directory, const char *name)
{
    char *path = NULL;
    size_t length = strlen(directory);
    bool slash = length > 0 && directory[length - 1] != '/';
    return asprintf(&path, "%s%s%s", directory, slash ? "/" : "", name) < 0 ? NULL : path;
}

const char *tug_mover_name(const struct tug_mover *mover, const struct tug_move_operand *operand)
{
    return mover->into ? operand->name : mover->destination;
}

char *tug_mover_path(const struct tug_mover *mover, const struct tug_move_operand *operand)
{
    return mover->into ? tug_mover_join(mover->destination, operand->name)
                       : strdup(mover->destination);
}

/* By name, then in the order given. */
static int compare_places(const void *a, const void *b)
{
    const struct tug_move_operand *const *x = a, *const *y = b;
    int order = strcmp((*x)->name, (*y)->name);
    return order != 0 ? order : (*x > *y) - (*x < *y);
}

/* Finds operands with the same name. */
static int find_earlier(struct tug_mover *mover)
{
    if (mover->count < 2)
        return 0;
    struct tug_move_operand **sorted = calloc(mover->count, sizeof(struct tug_move_operand *));
    if (sorted == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < mover->count; i++)
        sorted[i] = &mover->operands[i];
    qsort(sorted, mover->count, sizeof(sorted[0]), compare_places);
    for (size_t i = 1; i < mover->count; i++)
        if (strcmp(sorted[i - 1]->name, sorted[i]->name) == 0)
            sorted[i]->earlier = (size_t)(sorted[i - 1] - mover->operands);
    free(sorted);
    return 0;
}

/* ---- The mover ---- */

int tug_mover_create(struct tug_mover **result, const struct tug_move_options *options,
                     const char *const *sources, size_t count, const char *destination,
                     struct tug_move_report *report)
{
    struct tug_mover *mover = calloc(1, sizeof(*mover) + count * sizeof(mover->operands[0]));
    if (mover == NULL)
        return -ENOMEM;
    int error = -pthread_mutex_init(&mover->event_lock, NULL);
    if (error != 0) {
        free(mover);
        return error;
    }
    mover->options = options;
    mover->report = report;
    mover->destination = destination;
    mover->directory = -1;
    mover->count = count;
    for (size_t i = 0; i < count; i++) {
        mover->operands[i].source = sources[i];
        mover->operands[i].earlier = SIZE_MAX;
        mover->operands[i].name = last_component(sources[i]);
        if (mover->operands[i].name == NULL)
            error = -ENOMEM;
    }
    if (error == 0)
        error = find_earlier(mover);
    if (error != 0)
        tug_mover_destroy(mover);
    else
        *result = mover;
    return error;
}

void tug_mover_destroy(struct tug_mover *mover)
{
    if (mover->directory >= 0)
        tug_sys_close(mover->directory);
    for (size_t i = 0; i < mover->count; i++)
        free(mover->operands[i].name);
    pthread_mutex_destroy(&mover->event_lock);
    free(mover);
}

/* Whether the error of opening the destination says that there is no such directory, or that
 * nothing there can be reached. After any other it may be a symbolic link to one, which a rename
 * would replace. */
static bool is_no_directory(int error)
{
    return error == -ENOENT || error == -ENOTDIR || error == -ELOOP || error == -EACCES ||
           error == -ENAMETOOLONG;
}

bool tug_mover_resolve(struct tug_mover *mover)
{
    if (mover->resolved)
        return mover->directory != -1;
    mover->resolved = true;
    enum tug_copy_target target = mover->options->target;
    if (target == TUG_COPY_TARGET_EXACT) {
        mover->directory = AT_FDCWD;
        return true;
    }
    int fd = tug_sys_openat(AT_FDCWD, mover->destination, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
    mover->into = fd >= 0;
    mover->directory = fd;
    if (fd >= 0)
        return true;
    mover->directory = -1;
    if (target == TUG_COPY_TARGET_AUTO && mover->count == 1 && is_no_directory(fd))
        mover->directory = AT_FDCWD;
    if (mover->directory != -1)
        return true;
    const struct tug_move_event event = {
        .kind = TUG_MOVE_FAILED,
        .step = TUG_MOVE_STEP_TARGET,
        .error = fd,
        .source = mover->destination,
    };
    tug_move_send(mover, &event);
    return false;
}
