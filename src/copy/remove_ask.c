/* SPDX-License-Identifier: MIT */
/* Questions before something is removed. What may not be written to is found by faccessat(2) with
 * the effective user; links have no permissions of their own. */
#include "remover.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <tug/sys.h>

#include "attempt.h"

/* 0 or 1, or a negative errno. */
static int is_protected(const struct tug_directory *at, const char *name)
{
    int error = tug_sys_faccessat(at->source, name, W_OK, AT_EACCESS);
    return error == -EACCES ? 1 : error;
}

static bool answer(struct tug_remover *remover, struct tug_remove_question *question,
                   const struct tug_directory *at, const char *shown)
{
    const struct tug_remove_options *options = remover->options;
    char *path = tug_directory_destination_path(at, shown);
    question->path = path != NULL ? path : shown;
    pthread_mutex_lock(&remover->lock);
    /* Whoever had to wait for the answer to another question may find that all is over. */
    bool yes = !tug_crew_stopped(remover->crew) && options->answer != NULL &&
               options->answer(question, options->argument);
    pthread_mutex_unlock(&remover->lock);
    free(path);
    if (!yes)
        __atomic_fetch_add(&remover->report->declined, 1, __ATOMIC_RELAXED);
    return yes;
}

static bool ask(struct tug_remover *remover, const struct tug_directory *at, const char *name,
                const char *shown, unsigned type, enum tug_remove_action action)
{
    const struct tug_remove_options *options = remover->options;
    struct statx statx;
    int protected = 0, error = 0;
    if (options->ask == TUG_REMOVE_ASK_NEVER)
        return true;
    if (!options->ignore_missing && type != S_IFLNK)
    protected = is_protected(at, name);
    if (protected == 0 && options->ask != TUG_REMOVE_ASK_ALWAYS)
        return true;
    if (protected >= 0)
        error =
            tug_sys_statx(at->source, name, AT_SYMLINK_NOFOLLOW, STATX_TYPE | STATX_SIZE, &statx);
    if (protected < 0 || error != 0) {
        tug_remover_fail(remover, at, shown, TUG_REMOVE_STEP_REMOVE,
                         protected < 0 ? protected : error);
        return false;
    }
    struct tug_remove_question question = {
        .action = action,
        .write_protected = protected > 0,
        .type = statx.stx_mode & S_IFMT,
        .size = statx.stx_size,
    };
    return answer(remover, &question, at, shown);
}

bool tug_remover_ask(struct tug_remover *remover, const struct tug_directory *at, const char *name,
                     const char *shown, unsigned type, enum tug_remove_action action)
{
    bool yes;
    /* What can fail comes before the question. */
    do
        yes = ask(remover, at, name, shown, type, action);
    while (!yes && tug_attempt_again(remover->crew));
    return yes;
}

bool tug_remover_is_empty(int fd)
{
    /* Large enough for three entries of any name. */
    _Alignas(8) char entries[1024];
    bool empty = true;
    int64_t length = tug_sys_getdents64(fd, entries, sizeof(entries));
    for (int64_t i = 0; i < length;) {
        const struct dirent64 *entry = (const struct dirent64 *)(entries + i);
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            empty = false;
        i += entry->d_reclen;
    }
    return tug_sys_lseek(fd, 0, SEEK_SET) == 0 && length >= 0 && empty;
}
