/* SPDX-License-Identifier: MIT */
/* The visitor that counts. What it cannot look at, it passes over. */
#include "visitors.h"

#include <tug/sys.h>

#include "engine.h"

static bool enter(struct tug_walk *walk, struct tug_directory *directory, const struct statx *statx)
{
    (void)directory;
    (void)statx;
    tug_copy_count(&tug_copy_engine_of(walk)->report->directories, 1);
    return true;
}

static void visit(const struct tug_walk_entry *entry)
{
    struct statx statx;
    const struct tug_copy_engine *engine = tug_copy_engine_of(entry->walk);
    struct tug_copy_report *report = engine->report;
    if (entry->type != S_IFREG) {
        tug_copy_count(entry->type == S_IFLNK ? &report->links : &report->specials, 1);
        return;
    }
    tug_copy_count(&report->files, 1);
    if (!engine->options->names_only &&
        tug_sys_statx(entry->directory->source, entry->name,
                      entry->follow ? 0 : AT_SYMLINK_NOFOLLOW, STATX_SIZE, &statx) == 0)
        tug_copy_count(&report->bytes, statx.stx_size);
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
