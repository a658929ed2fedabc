/* SPDX-License-Identifier: MIT */
/*
 * What all jobs of one copy share, and how they report.
 */
#ifndef TUG_COPY_ENGINE_H
#define TUG_COPY_ENGINE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <tug/copy.h>

#include "crew.h"
#include "hard_links.h"
#include "identity_set.h"
#include "ledger.h"
#include "pair.h"
#include "walk.h"

struct tug_copy_engine {
    const struct tug_copy_options *options;
    struct tug_copy_report *report;
    struct tug_crew *crew;
    mode_t umask;
    mode_t process_umask; /* what the kernel applies, if permissions are to be kept */
    struct tug_copy_pairs pairs;
    struct tug_hard_links links; /* of the walk that copies */
    pthread_mutex_t event_lock;
    /* Destinations that existed, filled in only if there will be a verification: those whose
     * permissions are not of this copy's making, and those that were left alone. */
    struct tug_identity_set existing, skipped;
    /* Likewise: directories of the destination, and those that several sources were merged into. */
    struct tug_identity_set made, merged;
    struct tug_ledger *losses; /* NULL: there will be no verification */
    struct tug_ledger own_losses;
    bool verifying;
    /* Of a move: what the verification finds different is removed, so that it never has its final
     * name; and whether some of it could not be removed. */
    bool remove_different;
    bool different_stays; /* atomic */
    /* Of a measurement whose results somebody waits for (total.h); else NULL. */
    struct tug_copy_total *total;
    /* Of a move: what was copied, and what failed. NULL: this is a copy. */
    struct tug_ledger *ledger;
    /* A copy that can be resumed, of one source to the name of the copy: the directory with that
     * name is held until all is done, so that it keeps the mark of being unfinished. Else the same
     * command would copy into it. */
    bool hold_root;
    struct tug_directory *root; /* NULL: none is held */
};

struct tug_operands;

/* Whether the options can be taken for so many sources. */
bool tug_copy_options_are_valid(const struct tug_copy_options *options, size_t count);

/* An engine, with a crew (copy.c). Returns 0 or a negative errno. */
int tug_copy_engine_init(struct tug_copy_engine *engine, const struct tug_copy_options *options,
                         struct tug_copy_report *report);
void tug_copy_engine_destroy(struct tug_copy_engine *engine);

/* One walk over all operands. Suspends or blocks. Returns 0, the scope's reason, or why it could
 * not be done. */
int tug_copy_engine_walk(struct tug_copy_engine *engine, struct tug_operands *operands,
                         const struct tug_walk_visitor *visitor, void *context);

/* Compares what was copied with its source, likewise. */
int tug_copy_engine_verify(struct tug_copy_engine *engine, struct tug_operands *operands);

static inline struct tug_copy_engine *tug_copy_engine_of(const struct tug_walk *walk)
{
    return walk->context;
}

/* Adds to a counter of the report. */
static inline void tug_copy_count(uint64_t *counter, uint64_t number)
{
    __atomic_fetch_add(counter, number, __ATOMIC_RELAXED);
}

/* Whether somebody wants to know about events of this kind. */
static inline bool tug_copy_wants(const struct tug_copy_engine *engine,
                                  enum tug_copy_event_kind kind)
{
    return (engine->options->events & (unsigned)kind) != 0 && engine->options->event != NULL;
}

/* Reports STARTED, BYTES or FINISHED. `destination_name` NULL: the directory itself, and `name`,
 * too. Call it only if the event is wanted: it makes path names. */
void tug_copy_tell(struct tug_copy_engine *engine, enum tug_copy_event_kind kind, unsigned type,
                   uint64_t bytes, const struct tug_directory *directory, const char *name,
                   const char *destination_name);

/* Reports EXPLAINED, if that is wanted: how the contents of a file came over. */
struct tug_copy_choice;
void tug_copy_explain(struct tug_copy_engine *engine, struct tug_copy_choice choice, uint64_t bytes,
                      const struct tug_directory *directory, const char *name,
                      const char *destination_name);

/* Counts and reports a failure, the first one's errno as well, or has the entry done again (see
 * attempt.h), or stops the crew, as the options say; `error` is 0 where the step says it all.
 * `name` NULL: the directory itself. */
void tug_copy_fail(struct tug_copy_engine *engine, const struct tug_directory *directory,
                   const char *name, const char *destination_name, enum tug_copy_step step,
                   int error);

/* The same for what an attempt has left and could not be removed: there is no other attempt. */
void tug_copy_fail_to_clean(struct tug_copy_engine *engine, const struct tug_directory *directory,
                            const char *name, const char *destination_name, enum tug_copy_step step,
                            int error);

/* The same, about one extended attribute, or none. */
void tug_copy_fail_attribute(struct tug_copy_engine *engine, const struct tug_directory *directory,
                             const char *name, const char *destination_name,
                             enum tug_copy_step step, int error, const char *attribute);

/* The same, where there is only a path name. */
void tug_copy_fail_path(struct tug_copy_engine *engine, const char *path, enum tug_copy_step step,
                        int error);

/* Notes in the ledger of a move that an entry was copied that is not a directory, and in what state
 * it was before; that it was linked to the copy of another name; that a directory was copied. */
void tug_copy_note(struct tug_copy_engine *engine, const struct tug_directory *directory,
                   const char *name, const struct tug_ledger_state *state);
void tug_copy_note_link(struct tug_copy_engine *engine, const struct tug_directory *directory,
                        const char *name, struct tug_copy_identity identity);
void tug_copy_note_directory(struct tug_copy_engine *engine, const struct tug_directory *directory);

/* Reports something odd. */
void tug_copy_warn(struct tug_copy_engine *engine, const struct tug_directory *directory,
                   const char *name, const char *destination_name, enum tug_copy_step step,
                   int error, unsigned type);

#endif
