/* SPDX-License-Identifier: MIT */
/* The public comparison: one walk over two operands, whose judge reports all there is. */
#include <tug/compare.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <tug/sys.h>

#include "compare.h"
#include "engine.h"
#include "xattr.h"

#define MOST_JOBS 1024

#define METADATA                                                                                   \
    (TUG_COMPARE_MODE | TUG_COMPARE_OWNER | TUG_COMPARE_TIME | TUG_COMPARE_XATTR |                 \
     TUG_COMPARE_LINKS)

/* One call of tug_compare(). */
struct comparing {
    struct tug_crew_job job;
    struct tug_compare compare;
    struct tug_walk walk;
    const struct tug_compare_options *options;
    struct tug_compare_report *report;
    const char *a, *b;
    pthread_mutex_t event_lock;
    uint32_t found; /* atomic: a difference has been reported */
};

void tug_compare_options_init(struct tug_compare_options *options)
{
    *options = (struct tug_compare_options){.contents = true, .follow = TUG_COPY_FOLLOW_OPERANDS};
}

/* ---- The judge ---- */

static void send_event(struct comparing *comparing, const struct tug_compare_place *place,
                       struct tug_compare_event *event)
{
    const char *name = place->name != NULL ? place->name : place->directory->name;
    char *a = tug_directory_source_path(place->directory, place->name);
    char *b = tug_directory_destination_path(place->directory, place->b_name);
    event->a = a != NULL ? a : name;
    event->b = b != NULL ? b : name;
    pthread_mutex_lock(&comparing->event_lock);
    comparing->options->event(event, comparing->options->argument);
    pthread_mutex_unlock(&comparing->event_lock);
    free(a);
    free(b);
}

static uint64_t *counter_of(struct tug_compare_report *report, enum tug_compare_kind kind)
{
    switch (kind) {
    case TUG_COMPARE_ONLY_IN_A:
        return &report->only_a;
    case TUG_COMPARE_ONLY_IN_B:
        return &report->only_b;
    case TUG_COMPARE_TYPE:
        return &report->types;
    case TUG_COMPARE_CONTENT:
        return &report->contents;
    case TUG_COMPARE_MODE:
        return &report->modes;
    case TUG_COMPARE_OWNER:
        return &report->owners;
    case TUG_COMPARE_TIME:
        return &report->times;
    case TUG_COMPARE_XATTR:
        return &report->xattrs;
    case TUG_COMPARE_LINKS:
        return &report->hard_links;
    default:
        return &report->failures;
    }
}

static void keep_error(struct tug_compare_report *report, int error)
{
    int32_t none = 0;
    __atomic_compare_exchange_n(&report->first_error, &none, error, false, __ATOMIC_RELAXED,
                                __ATOMIC_RELAXED);
}

static void found(const struct tug_compare_place *place, struct tug_compare_event *event,
                  enum tug_copy_step step)
{
    struct comparing *comparing = place->compare->context;
    struct tug_compare_report *report = comparing->report;
    bool failed = event->kind == TUG_COMPARE_FAILED;
    /* After a cancellation calls may fail because of it; that is no news. */
    if (failed && event->error == -ECANCELED)
        return;
    if (failed && event->error == 0)
        event->error = step == TUG_COPY_STEP_LOOP ? -ELOOP : -EIO;
    if (!failed && comparing->options->first_only &&
        __atomic_exchange_n(&comparing->found, 1, __ATOMIC_RELAXED) != 0)
        return;
    tug_copy_count(counter_of(report, event->kind), 1);
    if (failed)
        keep_error(report, event->error);
    else
        tug_copy_count(&report->differences, 1);
    if ((comparing->options->events & (unsigned)event->kind) != 0)
        send_event(comparing, place, event);
    if (!failed && comparing->options->first_only)
        tug_crew_stop(place->compare->crew);
}

/* Labels that the system gives by place or by inode two files cannot share. */
static bool weighs(const struct tug_compare_pair *pair, const char *attribute, int only)
{
    (void)pair;
    (void)only;
    return strcmp(attribute, TUG_XATTR_CONTEXT_NAME) != 0 && strcmp(attribute, "security.evm") != 0;
}

static void ended(const struct tug_compare_pair *pair)
{
    struct comparing *comparing = pair->place.compare->context;
    struct tug_compare_report *report = comparing->report;
    mode_t mode = pair->statx[0].stx_mode;
    tug_copy_count(S_ISREG(mode)   ? &report->files
                   : S_ISDIR(mode) ? &report->directories
                   : S_ISLNK(mode) ? &report->links
                                   : &report->specials,
                   1);
    if (pair->differs || (comparing->options->events & TUG_COMPARE_SAME) == 0)
        return;
    struct tug_compare_event event = {.kind = TUG_COMPARE_SAME,
                                      .mode_a = mode,
                                      .mode_b = pair->statx[1].stx_mode,
                                      .size_a = pair->statx[0].stx_size,
                                      .size_b = pair->statx[1].stx_size};
    send_event(comparing, &pair->place, &event);
}

static const struct tug_compare_judge judge = {
    .found = found,
    .ended = ended,
    .weighs = weighs,
};

/* ---- The operands ---- */

/* The type of the first operand decides how it is walked. */
static void run_operands(struct tug_crew_job *job, struct tug_crew_worker *worker)
{
    struct comparing *comparing = (struct comparing *)job;
    struct tug_walk *walk = &comparing->walk;
    bool follow = comparing->options->follow != TUG_COPY_FOLLOW_NEVER;
    struct statx statx;
    if (tug_crew_stopped(walk->crew))
        return;
    struct tug_directory *anchor = tug_directory_new_anchor(&walk->directories, AT_FDCWD, "");
    if (anchor == NULL) {
        tug_copy_count(&comparing->report->failures, 1);
        keep_error(comparing->report, -ENOMEM);
        return;
    }
    int error =
        tug_sys_statx(AT_FDCWD, comparing->a, follow ? 0 : AT_SYMLINK_NOFOLLOW, STATX_TYPE, &statx);
    struct tug_walk_entry entry = {
        .walk = walk,
        .worker = worker,
        .directory = anchor,
        .name = comparing->a,
        .destination_name = comparing->b,
        .type = statx.stx_mode & S_IFMT,
        .follow = follow,
    };
    if (error != 0)
        walk->visitor->fail(walk, anchor, comparing->a, comparing->b, TUG_COPY_STEP_STAT, error);
    else if (entry.type == S_IFDIR)
        tug_walk_push(walk, anchor, comparing->a, comparing->b, follow, false);
    else
        walk->visitor->visit(&entry);
    tug_directory_done(anchor);
}

/* ---- The call ---- */

static bool are_valid(const struct tug_compare_options *options)
{
    return options->jobs <= MOST_JOBS &&
           (options->open_directories == 0 || options->open_directories >= 4) &&
           (options->metadata & ~(unsigned)METADATA) == 0 &&
           options->follow <= TUG_COPY_FOLLOW_ALWAYS;
}

static int run(struct comparing *comparing, struct tug_crew *crew)
{
    const struct tug_compare_options *options = comparing->options;
    int error = tug_walk_init(&comparing->walk, crew, &tug_compare_visitor, &comparing->compare,
                              options->open_directories);
    if (error != 0)
        return error;
    comparing->walk.follow_always = options->follow == TUG_COPY_FOLLOW_ALWAYS;
    comparing->compare = (struct tug_compare){
        .judge = &judge,
        .context = comparing,
        .crew = crew,
        .contents = options->contents,
        .offsets = options->offsets,
        .metadata = options->metadata,
        .both_ways = true,
        .specials = true,
        .any_linked = options->follow == TUG_COPY_FOLLOW_ALWAYS,
        .bytes = &comparing->report->bytes,
    };
    comparing->job.run = run_operands;
    if ((options->metadata & TUG_COMPARE_LINKS) != 0)
        error = tug_compare_links_new(&comparing->compare.links);
    if (error == 0) {
        tug_crew_push(crew, &comparing->job, false);
        error = tug_crew_run(crew);
    }
    tug_compare_links_free(comparing->compare.links);
    tug_walk_destroy(&comparing->walk);
    return error;
}

int64_t tug_compare(const struct tug_compare_options *options, const char *a, const char *b,
                    struct tug_compare_report *report)
{
    struct tug_compare_options defaults;
    struct tug_compare_report own_report;
    struct tug_crew *crew;
    if (options == NULL) {
        tug_compare_options_init(&defaults);
        options = &defaults;
    }
    if (!are_valid(options) || a == NULL || b == NULL)
        return -EINVAL;
    if (report == NULL)
        report = &own_report;
    memset(report, 0, sizeof(*report));
    struct comparing comparing = {.options = options, .report = report, .a = a, .b = b};
    struct tug_compare_options quiet = *options;
    if (options->event == NULL) {
        quiet.events = 0;
        comparing.options = &quiet;
    }
    int error = -pthread_mutex_init(&comparing.event_lock, NULL);
    if (error != 0)
        return error;
    error = tug_crew_create(&crew, options->jobs);
    if (error == 0) {
        error = run(&comparing, crew);
        tug_crew_destroy(crew);
    }
    pthread_mutex_destroy(&comparing.event_lock);
    if (error != 0)
        return error;
    return report->first_error != 0 ? report->first_error : report->differences > 0;
}
