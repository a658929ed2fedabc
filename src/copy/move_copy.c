/* SPDX-License-Identifier: MIT */
/*
 * Moving across file systems: operands are taken in groups, so that what is complete gets its final
 * name, and frees its place in the source, before the next group is begun. A directory is a group
 * of its own; of files there are several in one, unless they are large.
 */
#include "move_group.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <tug/sys.h>

#include "operands.h"
#include "visitors.h"

/* A group takes no more files when it has so many, or so many bytes. */
#define GROUP_FILES 256
#define GROUP_BYTES ((uint64_t)64 << 20)

/* In the place of an errno: a failure has ended the move. */
#define STOPPED 1

void tug_move_temporary_name(const struct tug_move_group *group, size_t operand,
                             char name[TUG_MOVE_NAME_SIZE])
{
    snprintf(name, TUG_MOVE_NAME_SIZE, ".tug-%016" PRIx64 "-%zu", group->random, operand);
}

/* ---- Events of the copy ---- */

/* Which operand a path below a temporary name belongs to, and the rest of the path. Its final path
 * takes the place of the temporary one; malloc'ed. NULL: it is no such path, or no memory. */
static char *final_path(const struct tug_move_group *group, const char *path, size_t *operand,
                        const char **rest)
{
    size_t length = strlen(group->prefix);
    char *end, *result = NULL;
    if (path == NULL || strncmp(path, group->prefix, length) != 0)
        return NULL;
    *operand = strtoul(path + length, &end, 10);
    *rest = end;
    if (*operand >= group->mover->count)
        return NULL;
    char *base = tug_mover_path(group->mover, &group->mover->operands[*operand]);
    if (base != NULL && asprintf(&result, "%s%s", base, *rest) < 0)
        result = NULL;
    free(base);
    return result;
}

static enum tug_move_event_kind kind_of(const struct tug_copy_event *event)
{
    switch (event->kind) {
    case TUG_COPY_STARTED:
        return TUG_MOVE_CREATED;
    case TUG_COPY_FINISHED:
        return TUG_MOVE_COPIED;
    case TUG_COPY_WARNING:
        return TUG_MOVE_WARNING;
    default:
        return TUG_MOVE_FAILED;
    }
}

static void pass_on(const struct tug_copy_event *copied, void *argument)
{
    struct tug_move_group *group = argument;
    size_t operand;
    const char *rest = "";
    bool directory = copied->type == S_IFDIR;
    if (copied->kind == TUG_COPY_STARTED ? !directory
                                         : copied->kind == TUG_COPY_FINISHED && directory)
        return;
    char *path = final_path(group, copied->destination, &operand, &rest);
    struct tug_move_event event = {
        .kind = kind_of(copied),
        .copy_step = copied->step,
        .error = copied->error,
        .type = copied->type,
        .attribute = copied->attribute,
        .source = copied->source,
        .destination = path != NULL ? path : copied->destination,
    };
    /* An operand is told of when it has got its final name. */
    if (copied->kind != TUG_COPY_FINISHED || rest[0] != '\0')
        tug_move_send(group->mover, &event);
    free(path);
}

static void set_options(struct tug_move_group *group)
{
    struct tug_copy_options *options = &group->options;
    const struct tug_mover *mover = group->mover;
    tug_copy_options_init(options);
    options->recursive = true;
    options->verify = mover->options->verify;
    options->follow = TUG_COPY_FOLLOW_NEVER;
    options->target = TUG_COPY_TARGET_DIRECTORY;
    options->preserve = TUG_COPY_PRESERVE_ALL;
    /* What mv(1) does not insist on either. */
    options->tolerate =
        TUG_COPY_PRESERVE_OWNERSHIP | TUG_COPY_PRESERVE_XATTR | TUG_COPY_PRESERVE_CONTEXT;
    options->on_failure = mover->options->on_failure;
    options->jobs = mover->options->jobs;
    options->open_directories = mover->options->open_directories;
    options->event = pass_on;
    options->argument = group;
    options->events = TUG_COPY_FAILED | TUG_COPY_WARNING;
    if (tug_move_wants(mover, TUG_MOVE_CREATED))
        options->events |= TUG_COPY_STARTED;
    if (tug_move_wants(mover, TUG_MOVE_COPIED))
        options->events |= TUG_COPY_FINISHED;
}

/* ---- The place ---- */

/* The path of the directory that final names are in. */
static char *parent_of(const struct tug_mover *mover)
{
    const char *path = mover->destination;
    if (mover->into)
        return strdup(path);
    size_t end = strlen(path);
    while (end > 1 && path[end - 1] == '/')
        end--;
    while (end > 0 && path[end - 1] != '/')
        end--;
    return end > 0 ? strndup(path, end) : strdup(".");
}

static int open_place(struct tug_move_group *group)
{
    const struct tug_mover *mover = group->mover;
    group->parent = parent_of(mover);
    if (group->parent == NULL)
        return -ENOMEM;
    char name[TUG_MOVE_NAME_SIZE];
    if (getrandom(&group->random, sizeof(group->random), GRND_NONBLOCK) < 0)
        group->random = group->ledger.seed;
    tug_move_temporary_name(group, 0, name);
    *strrchr(name, '0') = '\0';
    group->prefix = tug_mover_join(group->parent, name);
    if (group->prefix == NULL)
        return -ENOMEM;
    group->parent_fd = tug_sys_openat(AT_FDCWD, group->parent, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
    if (group->parent_fd < 0)
        return group->parent_fd;
    /* Opened before anything is written, so that it hears of all errors of writing. */
    if (mover->options->sync) {
        group->sync_fd =
            tug_sys_openat(group->parent_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
        if (group->sync_fd < 0)
            return group->sync_fd;
    }
    return 0;
}

static void close_place(struct tug_move_group *group)
{
    if (group->sync_fd >= 0)
        tug_sys_close(group->sync_fd);
    if (group->parent_fd >= 0)
        tug_sys_close(group->parent_fd);
    free(group->prefix);
    free(group->parent);
}

/* ---- The steps ---- */

static void set_phase(struct tug_move_group *group, enum tug_move_phase phase)
{
    __atomic_store_n(&group->mover->report->phase, phase, __ATOMIC_RELAXED);
}

static int verify(struct tug_move_group *group, struct tug_operands *operands)
{
    struct tug_copy_engine *engine = &group->engine;
    set_phase(group, TUG_MOVE_PHASE_VERIFY);
    engine->different_stays = false;
    int error = tug_copy_engine_verify(engine, operands);
    __atomic_store_n(&engine->report->phase, TUG_COPY_PHASE_COPY, __ATOMIC_RELAXED);
    return error;
}

/* Steps 1 and 2. Returns 0, STOPPED, the reason of the scope, or -ENOMEM. */
static int copy(struct tug_move_group *group)
{
    struct tug_operands *operands;
    struct tug_copy_engine *engine = &group->engine;
    set_phase(group, TUG_MOVE_PHASE_COPY);
    char *names = malloc(group->count * TUG_MOVE_NAME_SIZE);
    if (names == NULL)
        return -ENOMEM;
    int error = tug_operands_create(&operands, engine, group->sources, group->count, group->parent);
    if (error == 0) {
        /* Each has a name of its own there, so that all may be copied at once. */
        for (size_t i = 0; i < group->count; i++) {
            char *name = names + i * TUG_MOVE_NAME_SIZE;
            tug_move_temporary_name(group, group->members[i], name);
            operands->operands[i].name = name;
            operands->operands[i].earlier = SIZE_MAX;
        }
        error = tug_copy_engine_walk(engine, operands, &tug_copy_visitor, engine);
        if (error == 0 && group->options.verify && !tug_mover_is_stopped(group->mover))
            error = verify(group, operands);
        tug_operands_destroy(operands);
    }
    free(names);
    return error == 0 && tug_mover_is_stopped(group->mover) ? STOPPED : error;
}

/* Step 5. */
static int remove_sources(struct tug_move_group *group)
{
    struct tug_operands *operands;
    const struct tug_mover *mover = group->mover;
    size_t count = 0;
    set_phase(group, TUG_MOVE_PHASE_REMOVE);
    for (size_t i = 0; i < group->count; i++)
        if (mover->operands[group->members[i]].state == TUG_MOVE_MOVED)
            group->sources[count++] = mover->operands[group->members[i]].source;
    if (count == 0)
        return 0;
    int error = tug_operands_create(&operands, &group->engine, group->sources, count, NULL);
    if (error != 0)
        return error;
    error = tug_copy_engine_walk(&group->engine, operands, &tug_move_remove_visitor, group);
    tug_operands_destroy(operands);
    return error;
}

/* System calls that are not part of a walk are a job of the crew, too: a coroutine must not block
 * its worker. */
struct chore {
    struct tug_crew_job job;
    struct tug_move_group *group;
    int (*run)(struct tug_move_group *group);
    int error;
};

static void run_chore(struct tug_crew_job *job, struct tug_crew_worker *worker)
{
    struct chore *chore = (struct chore *)job;
    chore->error = tug_crew_stopped(worker->crew) ? -ECANCELED : chore->run(chore->group);
}

/* Returns what it returned, or the reason of the scope. */
static int do_chore(struct tug_move_group *group, int (*run)(struct tug_move_group *group))
{
    struct chore chore = {.job = {.run = run_chore}, .group = group, .run = run};
    tug_crew_push(group->engine.crew, &chore.job, false);
    int error = tug_crew_run(group->engine.crew);
    return error != 0 ? error : chore.error;
}

/* Step 3. */
static int sync_copies(struct tug_move_group *group)
{
    set_phase(group, TUG_MOVE_PHASE_SYNC);
    int error = tug_sys_syncfs(group->sync_fd);
    for (size_t i = 0; error != 0 && i < group->count; i++)
        tug_move_fail(group->mover, &group->mover->operands[group->members[i]], TUG_MOVE_STEP_SYNC,
                      error);
    return 0;
}

/* Steps 4 and 5. A cancellation during the step before has been obeyed by now; one that comes
 * during this one is seen when all have their final names. */
static int finish_group(struct tug_move_group *group)
{
    int error = do_chore(group, tug_move_commit);
    if (error == 0 && !tug_mover_is_stopped(group->mover))
        error = remove_sources(group);
    return error == 0 && tug_mover_is_stopped(group->mover) ? STOPPED : error;
}

static int move_group(struct tug_move_group *group)
{
    int error = copy(group);
    if (error == 0 && group->sync_fd >= 0)
        error = do_chore(group, sync_copies);
    if (error == 0 && tug_mover_is_stopped(group->mover))
        error = STOPPED;
    if (error == 0)
        error = finish_group(group);
    /* What has no final name by now does not get one. */
    tug_move_discard(group);
    return error;
}

/* ---- Groups ---- */

/* Collects the next group from *next on. */
static void collect(struct tug_move_group *group, size_t *next)
{
    const struct tug_mover *mover = group->mover;
    uint64_t bytes = 0;
    group->count = 0;
    for (; *next < mover->next && group->count < GROUP_FILES && bytes < GROUP_BYTES; ++*next) {
        const struct tug_move_operand *operand = &mover->operands[*next];
        if (operand->state != TUG_MOVE_TO_COPY)
            continue;
        if (operand->type == S_IFDIR && group->count > 0)
            return;
        group->sources[group->count] = operand->source;
        group->members[group->count++] = *next;
        bytes += operand->type == S_IFDIR ? GROUP_BYTES : operand->size;
    }
}

static int move_groups(struct tug_move_group *group)
{
    int error = 0;
    size_t next = 0;
    group->members = calloc(GROUP_FILES, sizeof(group->members[0]));
    group->sources = calloc(GROUP_FILES, sizeof(group->sources[0]));
    if (group->members == NULL || group->sources == NULL)
        error = -ENOMEM;
    while (error == 0) {
        collect(group, &next);
        if (group->count == 0)
            break;
        error = move_group(group);
    }
    free(group->sources);
    free(group->members);
    return error;
}

/* Whatever happened: nothing waits any more. */
static void settle(struct tug_mover *mover, int error)
{
    for (size_t i = 0; i < mover->next; i++) {
        struct tug_move_operand *operand = &mover->operands[i];
        if (operand->state != TUG_MOVE_TO_COPY)
            continue;
        operand->state = TUG_MOVE_STAYS;
        if (error < 0 && error != -ECANCELED && error != -ETIMEDOUT)
            tug_move_fail(mover, operand, TUG_MOVE_STEP_COPY, error);
    }
}

int64_t tug_move_copy_waiting(void *argument)
{
    struct tug_move_group group;
    memset(&group, 0, sizeof(group));
    group.mover = argument;
    group.parent_fd = group.sync_fd = -1;
    set_options(&group);
    int error = tug_ledger_init(&group.ledger);
    if (error == 0) {
        error = tug_copy_engine_init(&group.engine, &group.options, &group.mover->report->copy);
        if (error == 0) {
            group.engine.ledger = &group.ledger;
            group.engine.remove_different = true;
            group.mover->crew = group.engine.crew;
            error = do_chore(&group, open_place);
            if (error == 0)
                error = move_groups(&group);
            close_place(&group);
            group.mover->crew = NULL;
            tug_copy_engine_destroy(&group.engine);
        }
        tug_ledger_destroy(&group.ledger);
    }
    settle(group.mover, error);
    return error == STOPPED ? 0 : error;
}
