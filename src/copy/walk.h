/* SPDX-License-Identifier: MIT */
/*
 * The walk: the one recursion of all that works on trees. It opens source directories, reads their
 * entries in batches, and hands them to a visitor, which copies them, compares them or counts them.
 *
 * Scheduling has two levels. A directory is a job of the crew, and so is a batch of its entries
 * when somebody has nothing to do: usually one worker does all of a directory, and several share a
 * large one. Before it goes on with the files of a batch, a worker pushes the directories in it, so
 * that others can begin; and, beneath them, the rest of the scan, so that a directory with a
 * million subdirectories never has more than one batch of them waiting.
 */
#ifndef TUG_COPY_WALK_H
#define TUG_COPY_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include <tug/copy.h>

#include "crew.h"
#include "directory.h"

struct tug_walk;

/* What a visitor is given: one name below a pinned directory. */
struct tug_walk_entry {
    struct tug_walk *walk;
    struct tug_crew_worker *worker;
    struct tug_directory *directory;
    const char *name, *destination_name;
    /* The file type bits of a mode. 0: it could not be found out. */
    unsigned type;
    /* Its name may be a symbolic link that is to be followed. */
    bool follow;
};

/* How the walk of a directory ended. What became of each entry the visitor knows itself. */
enum tug_walk_end {
    TUG_WALK_COMPLETE, /* each of its entries was visited, or finished */
    /* Not all were: reading it failed (its `error` says why, and that was reported), or the crew
     * was stopped; then this is the end of every directory, opened or not. */
    TUG_WALK_CUT_SHORT,
    TUG_WALK_NOT_ENTERED, /* it could not be opened (see `error`), or enter() refused it */
    TUG_WALK_LOST         /* its parent could not be opened again, which was reported */
};

struct tug_walk_visitor {
    /* The source side of `directory` is open; `statx` has the type, mode, device and inode. Opens
     * the counterpart below the parent, which is pinned. False: the directory is passed over; what
     * there was to report has been reported. May be NULL. */
    bool (*enter)(struct tug_walk *walk, struct tug_directory *directory,
                  const struct statx *statx);
    /* Everything in the directory has been begun. From any worker. May be NULL. */
    void (*leave)(struct tug_walk *walk, struct tug_directory *directory);
    /* Everything below the directory has been finished, its descriptors are closed, and its parent
     * is pinned (but for TUG_WALK_LOST). Called once for each directory that the walk came upon, in
     * post-order, from any worker, also after the crew was stopped. May be NULL; if it is not, each
     * directory stays in use until all below it is finished. */
    void (*finish)(struct tug_walk *walk, struct tug_directory *directory, enum tug_walk_end end);
    /* An entry that is not a directory. */
    void (*visit)(const struct tug_walk_entry *entry);
    /* Something failed; `name` and `destination_name` NULL: the directory itself. */
    void (*fail)(struct tug_walk *walk, const struct tug_directory *directory, const char *name,
                 const char *destination_name, enum tug_copy_step step, int error);
    /* After fail(), or enter() that said no, about something that the walk itself did: whether the
     * walk is to do that again. May be NULL. */
    bool (*retry)(struct tug_walk *walk);
};

/* What a walk reads at a time unless it is told otherwise: about a thousand names. */
#define TUG_WALK_BATCH_SIZE ((size_t)32 << 10)

struct tug_walk {
    struct tug_directory_set directories;
    struct tug_crew *crew;
    const struct tug_walk_visitor *visitor;
    void *context; /* for the visitor */
    bool follow_always;
    bool one_file_system; /* directories below operands that are on others are not read */
    unsigned mask;        /* fields of statx(2) that enter() wants beyond those it is promised */
    size_t batch_size;    /* bytes of entries read at a time */
    bool sorted;          /* files of a batch come in the order of their inode numbers */
    /* The counterparts of the directories among the operands: none of them may be walked as a
     * source. The visitor adds to it. */
    struct tug_identity_set roots;
};

/* `open_directories`: as in struct tug_copy_options. Returns 0 or a negative errno. */
int tug_walk_init(struct tug_walk *walk, struct tug_crew *crew,
                  const struct tug_walk_visitor *visitor, void *context, unsigned open_directories);
void tug_walk_destroy(struct tug_walk *walk);

/* Has a directory walked: `name` below the pinned `parent`. Reports its own failures. */
void tug_walk_push(struct tug_walk *walk, struct tug_directory *parent, const char *name,
                   const char *destination_name, bool follow, bool wake);

/* For what failed in the walk itself. */
static inline bool tug_walk_should_retry(struct tug_walk *walk)
{
    return walk->visitor->retry != NULL && walk->visitor->retry(walk);
}

/* From finish(): has the directory walked again, as another child of its parent. Returns whether
 * there was memory for that. */
bool tug_walk_again(struct tug_walk *walk, const struct tug_directory *directory);

/* Batches of entries (walk_batch.c): reads the next one and works on it. Returns whether the caller
 * has to go on with the scan of the directory, which it pinned: not at the end, nor when the rest
 * was pushed as a job. */
bool tug_walk_scan(struct tug_walk *walk, struct tug_directory *directory,
                   struct tug_crew_worker *worker);

#endif
