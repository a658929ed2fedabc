/* SPDX-License-Identifier: MIT */
/* The visitor that counts. What it cannot look at, it passes over. */
#include "visitors.h"

#include <tug/sys.h>

#include "engine.h"
#include "total.h"

static void found(struct tug_copy_engine *engine)
{
    if (engine->total != NULL)
        tug_copy_total_found(engine->total);
}

static bool enter(struct tug_walk *walk, struct tug_directory *directory, const struct statx *statx)
{
    struct tug_copy_engine *engine = tug_copy_engine_of(walk);
    (void)directory;
    (void)statx;
    tug_copy_count(&engine->report->directories, 1);
    found(engine);
    return true;
}

/* Whether this is another name of a file that will be copied once. */
static bool is_counted(struct tug_copy_engine *engine, const struct statx *statx)
{
    struct tug_copy_identity identity = tug_copy_identity_of(statx);
    if (!tug_hard_links_concern(engine, statx->stx_nlink))
        return false;
    if (tug_identity_set_contains(&engine->existing, identity))
        return true;
    tug_identity_set_add(&engine->existing, identity);
    return false;
}

static void count_file(const struct tug_walk_entry *entry)
{
    struct statx statx;
    struct tug_copy_engine *engine = tug_copy_engine_of(entry->walk);
    struct tug_copy_report *report = engine->report;
    tug_copy_count(&report->files, 1);
    if (!engine->options->names_only &&
        tug_sys_statx(entry->directory->source, entry->name,
                      entry->follow ? 0 : AT_SYMLINK_NOFOLLOW, STATX_SIZE | STATX_NLINK | STATX_INO,
                      &statx) == 0 &&
        !is_counted(engine, &statx))
        tug_copy_count(&report->bytes, statx.stx_size);
}

static void visit(const struct tug_walk_entry *entry)
{
    struct tug_copy_engine *engine = tug_copy_engine_of(entry->walk);
    struct tug_copy_report *report = engine->report;
    if (entry->type == S_IFREG)
        count_file(entry);
    else
        tug_copy_count(entry->type == S_IFLNK ? &report->links : &report->specials, 1);
    found(engine);
}

static void fail(struct tug_walk *walk, const struct tug_directory *directory, const char *name,
                 const char *destination_name, enum tug_copy_step step, int error)
{
    (void)walk;
    (void)directory;
    (void)name;
    (void)destination_name;
    (void)step;
    (void)error;
}

const struct tug_walk_visitor tug_measure_visitor = {
    .enter = enter,
    .visit = visit,
    .fail = fail,
};
