/* SPDX-License-Identifier: MIT */
/*
 * What the parts of a move share. Sources are taken in the order given: each is renamed if that is
 * possible (move_rename.c), else it waits to be copied with all others that have to be
 * (move_copy.c). What waits is copied before a source with the same name is looked at, so that this
 * finds what the earlier one has left.
 */
#ifndef TUG_COPY_MOVER_H
#define TUG_COPY_MOVER_H

#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include <tug/move.h>

#include "crew.h"
#include "identity_set.h"

enum tug_move_state {
    TUG_MOVE_WAITS, /* for its turn */
    TUG_MOVE_STAYS, /* it was skipped, or could not be moved */
    TUG_MOVE_MOVED, /* it has the final name */
    TUG_MOVE_TO_COPY
};

struct tug_move_operand {
    const char *source;
    char *name;     /* in the destination directory: the last component of the source */
    size_t earlier; /* the last one before this with the same name; SIZE_MAX: none */
    enum tug_move_state state;
    /* Of one that is to be copied. */
    uint64_t size;
    unsigned type;
};

struct tug_mover {
    struct tug_crew_job job;
    const struct tug_move_options *options;
    struct tug_move_report *report;
    const char *destination;
    pthread_mutex_t event_lock;
    struct tug_crew *crew; /* that copies; NULL: none does */
    bool resolved;         /* the next three say where to */
    bool into;             /* the destination is a directory to move into */
    int directory; /* what final names are relative to, AT_FDCWD or a descriptor; -1: of no use */
    size_t count;
    size_t next; /* the first operand that waits */
    struct tug_move_operand operands[];
};

/* ---- The destination (move_target.c) ---- */

/* Names and places for the operands. Returns 0 or -ENOMEM. */
int tug_mover_create(struct tug_mover **mover, const struct tug_move_options *options,
                     const char *const *sources, size_t count, const char *destination,
                     struct tug_move_report *report);
void tug_mover_destroy(struct tug_mover *mover);

/* Finds out what the destination is. Returns whether it can be used; if not, reports that. */
bool tug_mover_resolve(struct tug_mover *mover);

/* The final name of an operand, relative to `directory` of the mover. */
const char *tug_mover_name(const struct tug_mover *mover, const struct tug_move_operand *operand);

/* "directory/name", malloc'ed; NULL: no memory. */
char *tug_mover_join(const char *directory, const char *name);

/* The final name for people, malloc'ed; NULL: no memory. */
char *tug_mover_path(const struct tug_mover *mover, const struct tug_move_operand *operand);

/* ---- What has the final name (move_existing.c) ---- */

/* Whether the operand may replace what has its final name. Reports or counts it, if not. */
bool tug_move_may_replace(struct tug_mover *mover, struct tug_move_operand *operand,
                          const struct statx *source, const struct statx *existing);

/* Renames what has the final name to its backup, if there are to be backups. Returns 0, also if
 * nothing has the name any more, or a negative errno, which is reported. *backup is its name, or
 * NULL. */
int tug_move_make_backup(struct tug_mover *mover, struct tug_move_operand *operand, char **backup);

/* Gives the backup its name back after the move has failed, unless something has the name. */
void tug_move_undo_backup(struct tug_mover *mover, const struct tug_move_operand *operand,
                          const char *backup);

/* ---- Renaming (move_rename.c) ---- */

/* As a job of a crew: takes operands until there are no more, or what waits to be copied must be
 * copied first. */
void tug_move_run_renames(struct tug_crew_job *job, struct tug_crew_worker *worker);

/* ---- Copying (move_copy.c) ---- */

/* Copies the operands that are to be copied, of those before `next`, and removes their sources. Its
 * argument is the mover. Suspends or blocks. Returns 0 or the scope's reason. */
int64_t tug_move_copy_waiting(void *mover);

/* ---- Reports (move_report.c) ---- */

static inline void tug_move_count(uint64_t *counter, uint64_t number)
{
    __atomic_fetch_add(counter, number, __ATOMIC_RELAXED);
}

static inline bool tug_move_wants(const struct tug_mover *mover, enum tug_move_event_kind kind)
{
    return (mover->options->events & (unsigned)kind) != 0 && mover->options->event != NULL;
}

/* Whether a failure has ended the move. */
static inline bool tug_mover_is_stopped(const struct tug_mover *mover)
{
    return __atomic_load_n(&mover->report->stopped, __ATOMIC_RELAXED) != 0;
}

/* Sends an event, unless it is not wanted. A failure is counted in any case, and ends the move if
 * it is to. */
void tug_move_send(struct tug_mover *mover, const struct tug_move_event *event);

/* About an operand. `backup` may be NULL. */
void tug_move_tell(struct tug_mover *mover, enum tug_move_event_kind kind,
                   struct tug_move_operand *operand, const char *backup);
void tug_move_fail(struct tug_mover *mover, struct tug_move_operand *operand,
                   enum tug_move_step step, int error);

#endif
