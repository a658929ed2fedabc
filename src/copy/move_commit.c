/* SPDX-License-Identifier: MIT */
/* Temporary names: what is under them becomes final, or goes. */
#include "move_group.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <tug/cancel.h>
#include <tug/remove.h>
#include <tug/sys.h>
#include <tug/task.h>

/* ---- Discarding ---- */

static void fail_clean(struct tug_move_group *group, const char *path, int error)
{
    const struct tug_move_event event = {
        .kind = TUG_MOVE_FAILED,
        .step = TUG_MOVE_STEP_CLEAN,
        .error = error,
        .source = path,
        .destination = path,
    };
    tug_move_send(group->mover, &event);
}

static void pass_on(const struct tug_remove_event *event, void *argument)
{
    fail_clean(argument, event->path, event->error);
}

/* Removes the paths, of which some may not be there. */
static void remove_paths(struct tug_move_group *group, const char *const *paths, size_t count)
{
    struct tug_remove_options options;
    tug_remove_options_init(&options);
    options.recursive = true;
    options.ignore_missing = true;
    options.jobs = group->options.jobs;
    options.open_directories = group->options.open_directories;
    options.event = pass_on;
    options.argument = group;
    options.events = TUG_REMOVE_FAILED;
    int64_t error = tug_remove(&options, paths, count, NULL);
    if (error == -ENOMEM || error == -EAGAIN)
        fail_clean(group, group->parent, (int)error);
}

static void discard(struct tug_move_group *group)
{
    const struct tug_mover *mover = group->mover;
    char **paths = calloc(group->count, sizeof(paths[0]));
    size_t count = 0;
    for (size_t i = 0; paths != NULL && i < group->count; i++) {
        char name[TUG_MOVE_NAME_SIZE];
        if (mover->operands[group->members[i]].state == TUG_MOVE_MOVED)
            continue;
        tug_move_temporary_name(group, group->members[i], name);
        paths[count] = tug_mover_join(group->parent, name);
        count += paths[count] != NULL;
    }
    if (count > 0)
        remove_paths(group, (const char *const *)paths, count);
    for (size_t i = 0; i < count; i++)
        free(paths[i]);
    free(paths);
}

void tug_move_discard(struct tug_move_group *group)
{
    struct tug_scope shield;
    bool task = tug_task_current() != NULL;
    if (task)
        tug_shield_begin(&shield);
    discard(group);
    if (task)
        tug_scope_end(&shield, 0);
}

/* ---- Final names ---- */

/* Nothing is to be replaced that has come meanwhile, if what is there is to be kept. */
static unsigned flags_of(const struct tug_mover *mover)
{
    switch (mover->options->existing) {
    case TUG_MOVE_EXISTING_KEEP:
    case TUG_MOVE_EXISTING_REFUSE:
        return RENAME_NOREPLACE;
    default:
        return 0;
    }
}

static int rename_copy(const struct tug_move_group *group, const struct tug_move_operand *operand,
                       const char *name)
{
    const struct tug_mover *mover = group->mover;
    const char *final = tug_mover_name(mover, operand);
    unsigned flags = flags_of(mover);
    int error = tug_sys_renameat2(group->parent_fd, name, mover->directory, final, flags);
    if (error == -EINVAL && flags != 0)
        error = tug_sys_renameat2(group->parent_fd, name, mover->directory, final, 0);
    return error;
}

/* Whether there is a copy to be used; if not, that has been reported. Of a tree there may be a
 * part, but nothing that is not like its source; of anything else there is all or nothing. */
static bool is_usable(struct tug_move_group *group, const struct tug_move_operand *operand,
                      const char *name)
{
    struct statx statx;
    const struct tug_ledger_entry entry = {.name = operand->source};
    if (operand->type == S_IFDIR ? group->engine.different_stays
                                 : tug_ledger_denies(&group->ledger, &entry))
        return false;
    return tug_sys_statx(group->parent_fd, name, AT_SYMLINK_NOFOLLOW, STATX_TYPE, &statx) !=
           -ENOENT;
}

static void commit(struct tug_move_group *group, size_t index)
{
    char name[TUG_MOVE_NAME_SIZE], *backup;
    struct tug_mover *mover = group->mover;
    struct tug_move_operand *operand = &mover->operands[index];
    tug_move_temporary_name(group, index, name);
    if (!is_usable(group, operand, name)) {
        operand->state = TUG_MOVE_STAYS;
        return;
    }
    if (tug_move_make_backup(mover, operand, &backup) != 0)
        return;
    int error = rename_copy(group, operand, name);
    if (error != 0) {
        tug_move_undo_backup(mover, operand, backup);
        tug_move_fail(mover, operand, TUG_MOVE_STEP_RENAME, error);
    } else {
        operand->state = TUG_MOVE_MOVED;
        tug_move_count(&mover->report->copied, 1);
        if (operand->type != S_IFDIR)
            tug_move_tell(mover, TUG_MOVE_COPIED, operand, backup);
    }
    free(backup);
}

/* The names have to be on disk, too, before the sources may go. */
static void sync_names(struct tug_move_group *group)
{
    struct tug_mover *mover = group->mover;
    int error = tug_sys_fsync(group->sync_fd);
    for (size_t i = 0; error != 0 && i < group->count; i++)
        if (mover->operands[group->members[i]].state == TUG_MOVE_MOVED)
            tug_move_fail(mover, &mover->operands[group->members[i]], TUG_MOVE_STEP_SYNC, error);
}

int tug_move_commit(struct tug_move_group *group)
{
    struct tug_mover *mover = group->mover;
    for (size_t i = 0; i < group->count && !tug_mover_is_stopped(mover); i++)
        if (mover->operands[group->members[i]].state == TUG_MOVE_TO_COPY)
            commit(group, group->members[i]);
    if (group->sync_fd >= 0)
        sync_names(group);
    return 0;
}
