/* SPDX-License-Identifier: MIT */
/*
 * Operands as a job: any worker that has nothing else to do may join. A file costs one system call:
 * it is removed, and only what turns out to be a directory is looked at. Directories are walked,
 * or, without recursion, left to a second pass by one worker, since one may be in another.
 */
#include "remover.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <tug/sys.h>

#include "attempt.h"

/* One operand. Without slashes behind it both names are the path as it was given. */
struct taken {
    struct tug_remover *remover;
    size_t index;
    const char *name;  /* without slashes behind it */
    const char *shown; /* with one at most */
    bool slash;
    char *memory;
};

/* ---- Names ---- */

/* The length without slashes behind it, but for a name of slashes alone. */
static size_t trimmed_length(const char *path)
{
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/')
        length--;
    return length;
}

bool tug_remover_is_dot(const char *name)
{
    size_t end = trimmed_length(name), begin = end;
    while (begin > 0 && name[begin - 1] != '/')
        begin--;
    size_t length = end - begin;
    return (length == 1 || (length == 2 && name[begin + 1] == '.')) && name[begin] == '.';
}

/* Returns whether there was memory for it. */
static bool trim(struct taken *taken, const char *path)
{
    size_t length = trimmed_length(path);
    taken->name = taken->shown = path;
    taken->memory = NULL;
    taken->slash = path[length] == '/';
    if (!taken->slash)
        return true;
    taken->memory = malloc(2 * length + 3);
    if (taken->memory == NULL)
        return false;
    char *shown = taken->memory + length + 1;
    memcpy(taken->memory, path, length);
    taken->memory[length] = '\0';
    memcpy(shown, path, length + 1);
    shown[length + (path[0] != '/' || length > 1)] = '\0';
    taken->name = taken->memory;
    taken->shown = shown;
    return true;
}

/* ---- One operand ---- */

static void fail(const struct taken *taken, enum tug_remove_step step, int error)
{
    tug_remover_fail(taken->remover, taken->remover->anchor, taken->shown, step, error);
}

/* It could not be found. */
static void fail_missing(const struct taken *taken, int error)
{
    bool missing = error == -ENOENT || error == -ENOTDIR;
    if (!missing || !taken->remover->options->ignore_missing)
        fail(taken, TUG_REMOVE_STEP_REMOVE, error);
}

/* Whether a directory is known to have entries: then nobody need be asked, nor told that it is "."
 * or "..". */
static bool has_entries(const struct taken *taken)
{
    int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    int fd = tug_sys_openat(AT_FDCWD, taken->name, flags, 0);
    if (fd < 0)
        return false;
    bool empty = tug_remover_is_empty(fd);
    tug_sys_close(fd);
    return !empty;
}

/* A directory, without recursion. */
static void remove_empty(const struct taken *taken)
{
    struct tug_remover *remover = taken->remover;
    bool is_dot = tug_remover_is_dot(taken->name);
    if ((is_dot || remover->options->ask != TUG_REMOVE_ASK_NEVER) && has_entries(taken)) {
        fail(taken, TUG_REMOVE_STEP_REMOVE, -ENOTEMPTY);
        return;
    }
    if (is_dot) {
        fail(taken, TUG_REMOVE_STEP_DOT, 0);
        return;
    }
    if (!tug_remover_ask(remover, remover->anchor, taken->name, taken->shown, S_IFDIR,
                         TUG_REMOVE_ENTRY))
        return;
    int error = tug_sys_unlinkat(AT_FDCWD, taken->name, AT_REMOVEDIR);
    if (error == 0)
        tug_remover_removed(remover, remover->anchor, taken->shown, S_IFDIR);
    else
        fail_missing(taken, error);
}

/* Returns whether a walk was pushed. */
static bool take_directory(const struct taken *taken)
{
    struct tug_remover *remover = taken->remover;
    const struct tug_remove_options *options = remover->options;
    if (!options->recursive && !options->directories) {
        fail(taken, TUG_REMOVE_STEP_REMOVE, -EISDIR);
    } else if (!options->recursive) {
        if (remover->is_directory != NULL && !remover->second_pass)
            remover->is_directory[taken->index] = 1;
        else
            remove_empty(taken);
    } else if (tug_remover_is_dot(taken->name)) {
        fail(taken, TUG_REMOVE_STEP_DOT, 0);
    } else {
        /* Beneath the walk, so that it is over before the next operand. */
        if (remover->in_order)
            tug_crew_push(remover->crew, &remover->job, false);
        tug_walk_push(&remover->walk, remover->anchor, taken->name,
                      taken->slash ? taken->shown : NULL, false, remover->count > 1);
        return true;
    }
    return false;
}

/* Only a directory may have a slash behind it. A link to one is not followed, and nobody should
 * believe that it was: that is said even if what is missing is ignored. */
static void fail_slash(const struct taken *taken, unsigned type)
{
    struct statx statx;
    const struct tug_remove_options *options = taken->remover->options;
    bool leads_to_directory = type == S_IFLNK &&
                              tug_sys_statx(AT_FDCWD, taken->name, 0, STATX_TYPE, &statx) == 0 &&
                              S_ISDIR(statx.stx_mode);
    if (!leads_to_directory)
        fail_missing(taken, -ENOTDIR);
    else
        fail(taken, TUG_REMOVE_STEP_REMOVE,
             options->recursive || options->directories ? -ENOTDIR : -EISDIR);
}

/* Looks at an operand before it is removed. `error`: why that has failed, or 0 if it has not been
 * tried. Returns whether a walk was pushed. */
static bool look_and_remove(const struct taken *taken, int error)
{
    struct statx statx;
    struct tug_remover *remover = taken->remover;
    int seen = tug_sys_statx(AT_FDCWD, taken->name, AT_SYMLINK_NOFOLLOW, STATX_TYPE, &statx);
    if (seen != 0) {
        /* A read-only file system may refuse before it looks for the name. */
        fail_missing(taken, seen == -ENOENT || error == 0 ? seen : error);
        return false;
    }
    unsigned type = statx.stx_mode & S_IFMT;
    if (type == S_IFDIR)
        return take_directory(taken);
    if (taken->slash) {
        fail_slash(taken, type);
        return false;
    }
    if (error == 0) {
        if (!tug_remover_ask(remover, remover->anchor, taken->name, taken->shown, type,
                             TUG_REMOVE_ENTRY))
            return false;
        error = tug_sys_unlinkat(AT_FDCWD, taken->name, 0);
    }
    if (error == 0)
        tug_remover_removed(remover, remover->anchor, taken->shown, type);
    else
        fail_missing(taken, error);
    return false;
}

/* Returns whether a walk was pushed. */
static bool try_operand(struct tug_remover *remover, size_t index)
{
    struct taken taken = {.remover = remover, .index = index};
    bool pushed = false;
    if (!trim(&taken, remover->paths[index])) {
        fail(&taken, TUG_REMOVE_STEP_REMOVE, -ENOMEM);
        return false;
    }
    if (taken.slash || remover->options->ask != TUG_REMOVE_ASK_NEVER) {
        pushed = look_and_remove(&taken, 0);
    } else {
        int error = tug_sys_unlinkat(AT_FDCWD, taken.name, 0);
        if (error == 0)
            tug_remover_removed(remover, remover->anchor, taken.shown, 0);
        else if (error == -EISDIR)
            pushed = take_directory(&taken);
        else if (error == -ENOENT || error == -ENOTDIR)
            fail_missing(&taken, error);
        else
            pushed = look_and_remove(&taken, error);
    }
    free(taken.memory);
    return pushed;
}

static bool take_operand(struct tug_remover *remover, size_t index)
{
    bool pushed;
    do
        pushed = try_operand(remover, index);
    while (!pushed && tug_attempt_again(remover->crew));
    return pushed;
}

/* ---- The job ---- */

static void share(struct tug_remover *remover)
{
    if (__atomic_exchange_n(&remover->queued, 1, __ATOMIC_RELAXED) == 0)
        tug_crew_push(remover->crew, &remover->job, true);
}

static void run(struct tug_crew_job *job, struct tug_crew_worker *worker)
{
    struct tug_remover *remover = (struct tug_remover *)job;
    (void)worker;
    __atomic_store_n(&remover->queued, 0, __ATOMIC_RELAXED);
    while (!tug_crew_stopped(remover->crew)) {
        size_t i = __atomic_fetch_add(&remover->next, 1, __ATOMIC_RELAXED);
        if (i >= remover->count)
            return;
        if (remover->second_pass && !remover->is_directory[i])
            continue;
        if (!remover->in_order && !remover->second_pass && remover->count - i > 16 &&
            tug_crew_hungry(remover->crew))
            share(remover);
        if (take_operand(remover, i) && remover->in_order)
            return;
    }
}

void tug_remover_push(struct tug_remover *remover)
{
    remover->next = 0;
    remover->queued = 1;
    remover->job.run = run;
    tug_crew_push(remover->crew, &remover->job, false);
}
