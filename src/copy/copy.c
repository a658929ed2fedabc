/* SPDX-License-Identifier: MIT */
/*
 * The public functions: a copy is one or two walks over the operands by one crew.
 */
#include <tug/copy.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <tug/sys.h>

#include "engine.h"
#include "operands.h"
#include "preserve.h"
#include "processors.h"
#include "total.h"
#include "verify.h"
#include "visitors.h"

void tug_copy_options_init(struct tug_copy_options *options)
{
    *options = (struct tug_copy_options){.umask = -1};
}

bool tug_copy_options_are_valid(const struct tug_copy_options *options, size_t count)
{
    if (count == 0 || options->jobs > TUG_COPY_MOST_JOBS || options->umask > 07777)
        return false;
    if (options->open_directories != 0 && options->open_directories < 4)
        return false;
    if (options->target == TUG_COPY_TARGET_EXACT && count > 1)
        return false;
    if ((options->preserve | options->tolerate) & ~TUG_COPY_PRESERVE_ALL)
        return false;
    if (options->default_modes && (options->preserve & TUG_COPY_PRESERVE_MODE))
        return false;
    if (options->reflink == TUG_COPY_REFLINK_ALWAYS && options->sparse != TUG_COPY_SPARSE_AUTO)
        return false;
    return options->reflink <= TUG_COPY_REFLINK_NEVER && options->sparse <= TUG_COPY_SPARSE_NEVER &&
           options->follow <= TUG_COPY_FOLLOW_ALWAYS && options->target <= TUG_COPY_TARGET_EXACT &&
           options->existing <= TUG_COPY_EXISTING_REPLACE &&
           options->make <= TUG_COPY_MAKE_ATTRIBUTES_ONLY &&
           options->backup <= TUG_BACKUP_EXISTING && options->on_failure <= TUG_ON_FAILURE_ASK &&
           (options->on_failure != TUG_ON_FAILURE_ASK || options->failed != NULL);
}

/* The umask of the process. It can only be asked for by setting it, unless procfs tells: setting it
 * would race with threads that are creating files. */
static mode_t current_umask(void)
{
    char status[4096];
    int fd = tug_sys_openat(AT_FDCWD, "/proc/self/status", O_RDONLY | O_CLOEXEC, 0);
    int64_t length = fd >= 0 ? tug_sys_read(fd, status, sizeof(status) - 1) : -1;
    if (fd >= 0)
        tug_sys_close(fd);
    status[length > 0 ? length : 0] = '\0';
    const char *line = strstr(status, "\nUmask:");
    unsigned mask;
    if (line != NULL && sscanf(line, "\nUmask: %o", &mask) == 1)
        return mask;
    mask = umask(077);
    umask(mask);
    return mask;
}

void tug_copy_engine_destroy(struct tug_copy_engine *engine)
{
    if (engine->losses != NULL)
        tug_ledger_destroy(engine->losses);
    tug_hard_links_destroy(&engine->links);
    tug_identity_set_destroy(&engine->merged);
    tug_identity_set_destroy(&engine->made);
    tug_identity_set_destroy(&engine->skipped);
    tug_identity_set_destroy(&engine->existing);
    pthread_mutex_destroy(&engine->event_lock);
    tug_copy_pairs_destroy(&engine->pairs);
    tug_crew_destroy(engine->crew);
}

/* On success everything is there; on failure nothing. */
static int init_engine(struct tug_copy_engine *engine, const struct tug_copy_options *options,
                       struct tug_copy_report *report)
{
    memset(engine, 0, sizeof(*engine));
    engine->options = options;
    engine->report = report;
    int error = tug_crew_create(&engine->crew, options->jobs);
    if (error != 0)
        return error;
    if ((error = tug_copy_pairs_init(&engine->pairs)) != 0)
        goto no_pairs;
    if ((error = -pthread_mutex_init(&engine->event_lock, NULL)) != 0)
        goto no_lock;
    if ((error = tug_identity_set_init(&engine->existing)) != 0)
        goto no_existing;
    if ((error = tug_identity_set_init(&engine->skipped)) != 0)
        goto no_skipped;
    if ((error = tug_identity_set_init(&engine->made)) != 0)
        goto no_made;
    if ((error = tug_identity_set_init(&engine->merged)) != 0)
        goto no_merged;
    if ((error = tug_hard_links_init(&engine->links)) != 0)
        goto no_links;
    if (!options->verify)
        return 0;
    if ((error = tug_ledger_init(&engine->own_losses)) != 0)
        goto no_losses;
    engine->losses = &engine->own_losses;
    return 0;
no_losses:
    tug_hard_links_destroy(&engine->links);
no_links:
    tug_identity_set_destroy(&engine->merged);
no_merged:
    tug_identity_set_destroy(&engine->made);
no_made:
    tug_identity_set_destroy(&engine->skipped);
no_skipped:
    tug_identity_set_destroy(&engine->existing);
no_existing:
    pthread_mutex_destroy(&engine->event_lock);
no_lock:
    tug_copy_pairs_destroy(&engine->pairs);
no_pairs:
    tug_crew_destroy(engine->crew);
    return error;
}

int tug_copy_engine_init(struct tug_copy_engine *engine, const struct tug_copy_options *options,
                         struct tug_copy_report *report)
{
    int error = init_engine(engine, options, report);
    if (error != 0)
        return error;
    if (options->take_part)
        tug_crew_take_part(engine->crew);
    if (options->umask < 0 || tug_preserves(engine, TUG_COPY_PRESERVE_MODE))
        engine->process_umask = current_umask();
    engine->umask = options->umask >= 0 ? (mode_t)options->umask : engine->process_umask;
    return 0;
}

int tug_copy_engine_walk(struct tug_copy_engine *engine, struct tug_operands *operands,
                         const struct tug_walk_visitor *visitor, void *context)
{
    struct tug_walk walk;
    int error =
        tug_walk_init(&walk, engine->crew, visitor, context, engine->options->open_directories);
    if (error != 0)
        return error;
    walk.one_file_system = engine->options->one_file_system;
    walk.mask = tug_preserve_mask(engine);
    walk.follow_always = engine->options->follow == TUG_COPY_FOLLOW_ALWAYS;
    /* It may have been stopped by a failure. */
    while (error == 0 && !tug_crew_stopped(engine->crew) && tug_operands_push(operands, &walk))
        error = tug_crew_run(engine->crew);
    __atomic_store_n(&engine->report->jobs_wanted, engine->crew->level, __ATOMIC_RELAXED);
    __atomic_store_n(&engine->report->jobs_most, engine->crew->most_active, __ATOMIC_RELAXED);
    if (engine->root != NULL)
        tug_directory_done(engine->root);
    engine->root = NULL;
    tug_hard_links_clear(&engine->links);
    tug_operands_leave(operands);
    tug_walk_destroy(&walk);
    return error;
}

int tug_copy_engine_verify(struct tug_copy_engine *engine, struct tug_operands *operands)
{
    engine->verifying = true;
    __atomic_store_n(&engine->report->phase, TUG_COPY_PHASE_VERIFY, __ATOMIC_RELAXED);
    tug_operands_rewind(operands);
    struct tug_compare compare;
    int error = tug_verify_init(&compare, engine);
    if (error == 0) {
        error = tug_copy_engine_walk(engine, operands, &tug_compare_visitor, &compare);
        tug_compare_links_free(compare.links);
    }
    engine->verifying = false;
    return error;
}

int64_t tug_copy(const struct tug_copy_options *options, const char *const *sources, size_t count,
                 const char *destination, struct tug_copy_report *report)
{
    struct tug_copy_options effective;
    struct tug_copy_report own_report;
    struct tug_copy_engine engine;
    struct tug_operands *operands;
    struct tug_copy_total total;
    if (options != NULL)
        effective = *options;
    else
        tug_copy_options_init(&effective);
    options = &effective;
    if (!tug_copy_options_are_valid(options, count) || destination == NULL)
        return -EINVAL;
    /* They tell what is finished. */
    if (effective.resume)
        effective.preserve |= TUG_COPY_PRESERVE_TIMESTAMPS;
    if (report == NULL)
        report = &own_report;
    memset(report, 0, sizeof(*report));
    int error = tug_copy_engine_init(&engine, options, report);
    if (error != 0)
        return error;
    error = tug_operands_create(&operands, &engine, sources, count, destination);
    if (error == 0) {
        tug_copy_total_begin(&total, &engine, sources, count);
        error = tug_copy_engine_walk(&engine, operands, &tug_copy_visitor, &engine);
        tug_copy_total_end(&total, error == 0 && !tug_crew_stopped(engine.crew));
        if (error == 0 && options->verify && !tug_crew_stopped(engine.crew))
            error = tug_copy_engine_verify(&engine, operands);
        tug_operands_destroy(operands);
    }
    tug_copy_engine_destroy(&engine);
    return error != 0 ? error : report->first_error;
}
