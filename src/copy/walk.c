/* SPDX-License-Identifier: MIT */
/*
 * Directories as jobs: open, scan, end. A job of a directory has one use of it. Before it is open
 * the use is not pinned, and there is a use of the parent; from then on it is pinned until the scan
 * ends. For a visitor with finish() the use of the parent lasts until all below has ended.
 */
#include "walk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <tug/sys.h>

/* How many directories may be open where nobody says. Each side of each takes a descriptor; the
 * rest is for the files in the works, the runtime and the program around. */
static unsigned default_open_limit(unsigned workers)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 64;
    uint64_t reserved = 64 + 4 * (uint64_t)workers;
    uint64_t usable = limit.rlim_cur > reserved ? limit.rlim_cur - reserved : 0;
    if (usable / 2 > 512)
        return 512;
    return usable / 2 < 8 ? 8 : (unsigned)(usable / 2);
}

static void leave_directory(struct tug_directory *directory)
{
    struct tug_walk *walk = (struct tug_walk *)directory->set;
    if (walk->visitor->leave != NULL)
        walk->visitor->leave(walk, directory);
}

static void finish_directory(struct tug_directory *directory, int error)
{
    struct tug_walk *walk = (struct tug_walk *)directory->set;
    enum tug_walk_end end = TUG_WALK_COMPLETE;
    if (tug_crew_stopped(walk->crew)) {
        end = TUG_WALK_CUT_SHORT;
    } else if (error != 0) {
        directory->error = error;
        walk->visitor->fail(walk, directory, NULL, NULL, TUG_COPY_STEP_ACCESS, error);
        end = TUG_WALK_LOST;
    } else if (!directory->was_open) {
        end = TUG_WALK_NOT_ENTERED;
    } else if (!directory->scanned) {
        end = TUG_WALK_CUT_SHORT;
    }
    walk->visitor->finish(walk, directory, end);
}

int tug_walk_init(struct tug_walk *walk, struct tug_crew *crew,
                  const struct tug_walk_visitor *visitor, void *context, unsigned open_directories)
{
    /* leave_directory() relies on it. */
    _Static_assert(offsetof(struct tug_walk, directories) == 0, "the set is the first member");
    memset(walk, 0, sizeof(*walk));
    walk->crew = crew;
    walk->visitor = visitor;
    walk->context = context;
    walk->batch_size = TUG_WALK_BATCH_SIZE;
    if (open_directories == 0)
        open_directories = default_open_limit(crew->limit);
    int error = tug_directory_set_init(&walk->directories, open_directories, leave_directory);
    if (error != 0)
        return error;
    if (visitor->finish != NULL)
        walk->directories.finish = finish_directory;
    error = tug_identity_set_init(&walk->roots);
    if (error != 0)
        tug_directory_set_destroy(&walk->directories);
    return error;
}

void tug_walk_destroy(struct tug_walk *walk)
{
    tug_identity_set_destroy(&walk->roots);
    tug_directory_set_destroy(&walk->directories);
}

/* ---- Opening ---- */

/* A followed link may lead to a directory that is being walked above it. */
static bool is_above(const struct tug_directory *directory)
{
    for (const struct tug_directory *d = directory->parent; d->parent != NULL; d = d->parent)
        if (tug_copy_identity_equal(d->source_identity, directory->source_identity))
            return true;
    return false;
}

/* Whether an open source directory must not be walked. Reports it. */
static bool is_forbidden(struct tug_walk *walk, struct tug_directory *directory)
{
    if (directory->has_destination &&
        tug_identity_set_contains(&walk->roots, directory->source_identity)) {
        walk->visitor->fail(walk, directory, NULL, NULL, TUG_COPY_STEP_INTO_ITSELF, 0);
        return true;
    }
    if (directory->follow && is_above(directory)) {
        walk->visitor->fail(walk, directory, NULL, NULL, TUG_COPY_STEP_LOOP, 0);
        return true;
    }
    return false;
}

static int open_source(struct tug_walk *walk, struct tug_directory *directory, struct statx *statx)
{
    int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | (directory->follow ? 0 : O_NOFOLLOW);
    int fd = tug_sys_openat(directory->parent->source, directory->name, flags, 0);
    if (fd == -EMFILE && tug_directory_set_shrink(&walk->directories))
        fd = tug_sys_openat(directory->parent->source, directory->name, flags, 0);
    if (fd < 0)
        return fd;
    int error = tug_sys_statx(fd, "", AT_EMPTY_PATH,
                              STATX_TYPE | STATX_MODE | STATX_INO | walk->mask, statx);
    if (error != 0) {
        tug_sys_close(fd);
        return error;
    }
    directory->source = fd;
    directory->source_identity = tug_copy_identity_of(statx);
    directory->source_mode = statx->stx_mode;
    return 0;
}

static bool open_directory(struct tug_walk *walk, struct tug_directory *directory)
{
    struct statx statx;
    int error = open_source(walk, directory, &statx);
    if (error != 0) {
        directory->error = error;
        walk->visitor->fail(walk, directory, NULL, NULL, TUG_COPY_STEP_ACCESS, error);
        return false;
    }
    if (!is_forbidden(walk, directory) &&
        (walk->visitor->enter == NULL || walk->visitor->enter(walk, directory, &statx))) {
        /* What operands lead to is read wherever it is. */
        directory->shallow =
            walk->one_file_system && directory->parent->parent != NULL &&
            directory->source_identity.device != directory->parent->source_identity.device;
        tug_directory_opened(directory);
        return true;
    }
    tug_sys_close(directory->source);
    directory->source = -1;
    return false;
}

/* ---- The job ---- */

/* Opens a directory, with the parent pinned for that: *pinned. */
static bool try_to_open(struct tug_walk *walk, struct tug_directory *directory, bool *pinned)
{
    int error = *pinned ? 0 : tug_directory_pin(directory->parent);
    *pinned = error == 0;
    directory->error = 0;
    if (*pinned)
        return open_directory(walk, directory);
    directory->error = error;
    walk->visitor->fail(walk, directory, NULL, NULL, TUG_COPY_STEP_ACCESS, error);
    return false;
}

static bool begin(struct tug_walk *walk, struct tug_directory *directory)
{
    bool pinned = false, opened = false;
    if (!tug_crew_stopped(walk->crew)) {
        do
            opened = try_to_open(walk, directory, &pinned);
        while (!opened && tug_walk_should_retry(walk));
    }
    tug_directory_tried(directory, pinned);
    return opened;
}

static void run_directory(struct tug_crew_job *job, struct tug_crew_worker *worker)
{
    struct tug_directory *directory = (struct tug_directory *)job;
    struct tug_walk *walk = (struct tug_walk *)directory->set;
    if (!directory->was_open) {
        bool begun = begin(walk, directory);
        tug_crew_tick(worker, tug_crew_now(), 1, 0);
        if (!begun) {
            tug_directory_drop(directory);
            return;
        }
    }
    if (directory->shallow) {
        directory->scanned = true;
        tug_directory_done(directory);
        return;
    }
    while (tug_walk_scan(walk, directory, worker))
        ;
}

static void push(struct tug_walk *walk, struct tug_directory *directory, bool wake)
{
    _Static_assert(offsetof(struct tug_directory, job) == 0, "the job is the first member");
    directory->job.run = run_directory;
    tug_crew_push(walk->crew, &directory->job, wake);
}

void tug_walk_push(struct tug_walk *walk, struct tug_directory *parent, const char *name,
                   const char *destination_name, bool follow, bool wake)
{
    struct tug_directory *directory;
    while ((directory = tug_directory_new(parent, name, destination_name, follow)) == NULL) {
        walk->visitor->fail(walk, parent, name, name, TUG_COPY_STEP_MEMORY, -ENOMEM);
        if (!tug_walk_should_retry(walk))
            return;
    }
    push(walk, directory, wake);
}

bool tug_walk_again(struct tug_walk *walk, const struct tug_directory *directory)
{
    bool renamed = directory->destination_name != directory->name;
    struct tug_directory *again =
        tug_directory_new(directory->parent, directory->name,
                          renamed ? directory->destination_name : NULL, directory->follow);
    if (again == NULL)
        return false;
    again->attempt = directory->attempt + 1;
    push(walk, again, true);
    return true;
}
