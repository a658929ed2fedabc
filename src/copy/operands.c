/* SPDX-License-Identifier: MIT */
/*
 * Operands as a job: any worker that has nothing else to do may join, and each takes one operand at
 * a time. The first worker of the first group looks at the destination.
 */
#include "operands.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <tug/sys.h>

#include "attempt.h"
#include "file.h"
#include "resume.h"

/* ---- Names ---- */

/* The last component, without slashes behind it. "." where that would be the directory itself or
 * the one above it, which cp(1) takes as "into the destination". Returns its length. */
static size_t find_name(const char *source, const char **name)
{
    const char *end = source + strlen(source);
    while (end > source && end[-1] == '/')
        end--;
    const char *begin = end;
    while (begin > source && begin[-1] != '/')
        begin--;
    size_t length = (size_t)(end - begin);
    if (length > 0 && !(length == 2 && memcmp(begin, "..", 2) == 0)) {
        *name = begin;
        return length;
    }
    *name = ".";
    return 1;
}

/* By name, then in the order given. */
static int compare_places(const void *a, const void *b)
{
    const struct tug_operand *const *x = a, *const *y = b;
    int order = strcmp((*x)->name, (*y)->name);
    return order != 0 ? order : (*x > *y) - (*x < *y);
}

/* Finds operands with the same name. */
static int find_earlier(struct tug_operands *operands)
{
    if (operands->count < 2)
        return 0;
    struct tug_operand **sorted = calloc(operands->count, sizeof(sorted[0]));
    if (sorted == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < operands->count; i++)
        sorted[i] = &operands->operands[i];
    qsort(sorted, operands->count, sizeof(sorted[0]), compare_places);
    for (size_t i = 1; i < operands->count; i++)
        if (strcmp(sorted[i - 1]->name, sorted[i]->name) == 0)
            sorted[i]->earlier = (size_t)(sorted[i - 1] - operands->operands);
    free(sorted);
    return 0;
}

/* The name of a copy. With `parents` the whole path name, without slashes at either end. */
static size_t find_copy_name(const struct tug_copy_engine *engine, const char *source,
                             const char **name)
{
    if (!engine->options->parents)
        return find_name(source, name);
    *name = source + strspn(source, "/");
    size_t length = strlen(*name);
    while (length > 0 && (*name)[length - 1] == '/')
        length--;
    if (length == 0)
        *name = ".";
    return length > 0 ? length : 1;
}

int tug_operands_create(struct tug_operands **result, struct tug_copy_engine *engine,
                        const char *const *sources, size_t count, const char *destination)
{
    const char *name;
    size_t names_size = 0;
    for (size_t i = 0; i < count; i++)
        names_size += find_copy_name(engine, sources[i], &name) + 1;
    struct tug_operands *operands =
        calloc(1, sizeof(*operands) + count * sizeof(operands->operands[0]) + names_size);
    if (operands == NULL)
        return -ENOMEM;
    operands->engine = engine;
    operands->destination = destination;
    operands->count = count;
    char *names = (char *)&operands->operands[count];
    for (size_t i = 0; i < count; i++) {
        size_t length = find_copy_name(engine, sources[i], &name);
        operands->operands[i].source = sources[i];
        operands->operands[i].earlier = SIZE_MAX;
        operands->operands[i].name = memcpy(names, name, length);
        names += length + 1;
    }
    int error = destination != NULL ? find_earlier(operands) : 0;
    if (error != 0)
        free(operands);
    else
        *result = operands;
    return error;
}

void tug_operands_destroy(struct tug_operands *operands)
{
    tug_parents_destroy(&operands->parents);
    free(operands);
}

/* ---- The destination ---- */

/* Whether what exists is the copy itself, begun by an earlier call that was interrupted. */
static bool is_unfinished_copy(const struct tug_operands *operands)
{
    struct statx statx;
    const struct tug_copy_options *options = operands->engine->options;
    return options->resume && options->target == TUG_COPY_TARGET_AUTO && operands->count == 1 &&
           tug_resume_is_left_over(AT_FDCWD, operands->destination) &&
           tug_sys_statx(AT_FDCWD, operands->operands[0].source, 0, STATX_TYPE, &statx) == 0 &&
           S_ISDIR(statx.stx_mode);
}

/* Finds out whether to copy into the destination. Returns the descriptor of what names are relative
 * to, -1 if it is of no use, which has been reported. */
static int try_target(struct tug_operands *operands)
{
    enum tug_copy_target target = operands->engine->options->target;
    if (target == TUG_COPY_TARGET_EXACT || is_unfinished_copy(operands))
        return AT_FDCWD;
    int fd = tug_sys_openat(AT_FDCWD, operands->destination, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
    operands->into = fd >= 0;
    if (fd >= 0)
        return fd;
    bool may_be_new = target == TUG_COPY_TARGET_AUTO && operands->count == 1;
    if (may_be_new && (fd == -ENOENT || fd == -ENOTDIR))
        return AT_FDCWD;
    /* Any other error leaves open what is there: it may be a directory. */
    tug_copy_fail_path(operands->engine, operands->destination,
                       may_be_new ? TUG_COPY_STEP_STAT : TUG_COPY_STEP_TARGET, fd);
    return -1;
}

static int open_target(struct tug_operands *operands)
{
    int target;
    do
        target = try_target(operands);
    while (target == -1 && tug_attempt_again(operands->engine->crew));
    return target;
}

/* Makes the anchor. False: nothing can be copied. */
static bool open_anchor(struct tug_operands *operands)
{
    int target = -1;
    if (operands->destination != NULL) {
        target = operands->into || !operands->verifying ? open_target(operands) : AT_FDCWD;
        if (target == -1)
            return false;
    }
    operands->anchor = tug_directory_new_anchor(&operands->walk->directories, target,
                                                operands->into ? operands->destination : "");
    operands->engine->hold_root = operands->engine->options->resume && !operands->into;
    if (operands->anchor != NULL)
        return true;
    if (target >= 0)
        tug_sys_close(target);
    tug_copy_fail_path(operands->engine, operands->operands[0].source, TUG_COPY_STEP_MEMORY,
                       -ENOMEM);
    /* That much memory is not worth another attempt. */
    (void)tug_attempt_again(operands->engine->crew);
    return false;
}

/* ---- One operand ---- */

struct taken {
    struct tug_operands *operands;
    struct tug_operand *operand;
    const char *destination_name;
    bool follow;
};

static void fail(const struct taken *taken, enum tug_copy_step step, int error)
{
    struct tug_walk *walk = taken->operands->walk;
    walk->visitor->fail(walk, taken->operands->anchor, taken->operand->source,
                        taken->destination_name, step, error);
}

/* Whether an earlier operand of the same name stands in the way. Reports it. */
static bool is_repeated(const struct taken *taken)
{
    struct tug_operands *operands = taken->operands;
    struct tug_operand *operand = taken->operand;
    for (size_t i = operand->earlier; i != SIZE_MAX; i = operands->operands[i].earlier) {
        const struct tug_operand *earlier = &operands->operands[i];
        if (earlier->type == 0)
            continue;
        if (tug_copy_identity_equal(earlier->identity, operand->identity)) {
            tug_copy_warn(operands->engine, operands->anchor, operand->source,
                          taken->destination_name, TUG_COPY_STEP_TWICE, 0, operand->type);
            return true;
        }
        if (earlier->type != S_IFDIR && operand->type != S_IFDIR &&
            operands->engine->options->existing != TUG_COPY_EXISTING_KEEP) {
            do
                fail(taken, TUG_COPY_STEP_JUST_CREATED, 0);
            while (tug_attempt_again(operands->engine->crew));
            return true;
        }
    }
    return false;
}

/* Looks at the source. False: it is not to be copied, and that has been reported. */
static bool examine(struct taken *taken)
{
    struct statx statx;
    struct tug_operand *operand = taken->operand;
    const struct tug_copy_options *options = taken->operands->engine->options;
    int error;
    while (
        (error = tug_sys_statx(AT_FDCWD, operand->source, taken->follow ? 0 : AT_SYMLINK_NOFOLLOW,
                               STATX_TYPE | STATX_INO, &statx)) != 0) {
        fail(taken, TUG_COPY_STEP_STAT, error);
        if (!tug_attempt_again(taken->operands->engine->crew))
            return false;
    }
    operand->type = statx.stx_mode & S_IFMT;
    operand->identity = tug_copy_identity_of(&statx);
    if (operand->type == S_IFDIR && !options->recursive) {
        do
            fail(taken, TUG_COPY_STEP_OMITTED, 0);
        while (tug_attempt_again(taken->operands->engine->crew));
    } else if (!is_repeated(taken)) {
        return true;
    }
    operand->type = 0;
    return false;
}

/* Makes the directories above the name of the copy, where that is wanted. */
static bool make_parents(const struct taken *taken)
{
    struct tug_operands *operands = taken->operands;
    if (!operands->engine->options->parents || !operands->into || operands->verifying)
        return true;
    bool made;
    do
        made = tug_parents_make(&operands->parents, operands->engine, operands->anchor,
                                taken->operand->source, taken->operand->name);
    while (!made && tug_attempt_again(operands->engine->crew));
    return made;
}

static void take_operand(struct tug_operands *operands, struct tug_operand *operand,
                         struct tug_crew_worker *worker)
{
    struct taken taken = {
        .operands = operands,
        .operand = operand,
        .destination_name =
            operands->into || operands->destination == NULL ? operand->name : operands->destination,
        .follow = operands->engine->options->follow != TUG_COPY_FOLLOW_NEVER,
    };
    if (!operands->verifying && !examine(&taken))
        return;
    if (operand->type == 0)
        return;
    if (!make_parents(&taken)) {
        operand->type = 0;
        return;
    }
    if (operand->type == S_IFDIR) {
        tug_walk_push(operands->walk, operands->anchor, operand->source, taken.destination_name,
                      taken.follow, operands->end - operands->first > 1);
        return;
    }
    struct tug_walk_entry entry = {
        .walk = operands->walk,
        .worker = worker,
        .directory = operands->anchor,
        .name = operand->source,
        .destination_name = taken.destination_name,
        .type = operand->type,
        .follow = taken.follow,
    };
    operands->walk->visitor->visit(&entry);
}

/* ---- The job ---- */

static void share(struct tug_operands *operands)
{
    if (__atomic_exchange_n(&operands->queued, 1, __ATOMIC_RELAXED) == 0)
        tug_crew_push(operands->engine->crew, &operands->job, true);
}

static void run_operands(struct tug_crew_job *job, struct tug_crew_worker *worker)
{
    struct tug_operands *operands = (struct tug_operands *)job;
    struct tug_crew *crew = operands->engine->crew;
    __atomic_store_n(&operands->queued, 0, __ATOMIC_RELAXED);
    if (operands->anchor == NULL && (tug_crew_stopped(crew) || !open_anchor(operands)))
        return;
    while (!tug_crew_stopped(crew)) {
        size_t i = __atomic_fetch_add(&operands->next, 1, __ATOMIC_RELAXED);
        if (i >= operands->end)
            return;
        if (operands->end - i > 16 && tug_crew_hungry(crew))
            share(operands);
        take_operand(operands, &operands->operands[i], worker);
    }
}

/* The end of the group that begins with `first`. */
static size_t group_end(const struct tug_operands *operands, size_t first)
{
    size_t end = first + 1;
    while (end < operands->count &&
           (operands->verifying || operands->operands[end].earlier < first ||
            operands->operands[end].earlier == SIZE_MAX))
        end++;
    return end;
}

bool tug_operands_push(struct tug_operands *operands, struct tug_walk *walk)
{
    /* Without an anchor after the first group the destination is of no use. */
    if (operands->end == operands->count || (operands->end > 0 && operands->anchor == NULL))
        return false;
    operands->walk = walk;
    operands->first = operands->next = operands->end;
    operands->end = group_end(operands, operands->first);
    operands->job.run = run_operands;
    operands->queued = 1;
    tug_crew_push(operands->engine->crew, &operands->job, false);
    return true;
}

void tug_operands_rewind(struct tug_operands *operands)
{
    operands->verifying = true;
    operands->end = 0;
}

void tug_operands_leave(struct tug_operands *operands)
{
    if (operands->anchor != NULL) {
        tug_parents_finish(&operands->parents, operands->engine, operands->anchor);
        if (operands->verifying && !tug_crew_stopped(operands->engine->crew))
            tug_parents_verify(&operands->parents, operands->walk->context, operands->anchor);
        tug_directory_done(operands->anchor);
    }
    operands->anchor = NULL;
}
