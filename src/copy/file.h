/* SPDX-License-Identifier: MIT */
/*
 * A regular file in the works.
 *
 * Order of things: the source is opened and, if it is small, read; then the destination is made;
 * so a source that cannot be read destroys nothing. A file whose contents do not come in one piece
 * is made with mode 0600 and gets its own as the last step. Whatever fails or is cancelled in
 * between ends in tug_copy_file_abandon(), which leaves nothing behind.
 */
#ifndef TUG_COPY_FILE_H
#define TUG_COPY_FILE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "engine.h"
#include "existing.h"
#include "strategy.h"

struct tug_resume;

struct tug_copy_file {
    struct tug_copy_engine *engine;
    struct tug_directory *directory; /* pinned */
    const char *name, *destination_name;
    int source, destination;           /* -1: not open */
    struct tug_copy_identity identity; /* of the source */
    char *backup;                      /* of what had the name; NULL: there is none */
    uint32_t link_count;               /* of the source */
    uint64_t size;                     /* of the source when it was opened: a hint */
    uint64_t counted;                  /* bytes that the report counts for this file */
    uint64_t offloaded, resumed;       /* likewise; atomic */
    bool cloned;                       /* it counts as that */
    unsigned type;                     /* as in struct tug_walk_entry, as is the next one */
    bool follow;
    mode_t mode;                      /* what the destination is made with, less the umask */
    struct tug_attributes attributes; /* of the source, if any are to be kept */
    struct tug_ledger_state state;    /* of the source when it was opened, for a move */
    struct statx_timestamp modified;  /* of the source */
    struct tug_resume *resume;        /* the destination is a partial file with another name */
    struct tug_copy_choice choice;    /* how the contents come over */
    bool regular;  /* the source is a regular file; else it is read as a stream */
    bool holes;    /* those of the source are looked for */
    bool sparse;   /* not all that is written has blocks: its length has to be set */
    bool created;  /* the destination is new; else it existed and was emptied */
    bool solid;    /* the destination is a regular file: it can be written at any position */
    bool linked;   /* it existed, and has other names, or is behind a symbolic link */
    bool indirect; /* and that by a symbolic link */
    struct tug_hard_link *link; /* the source has other names, and this one is copied for all */
    bool natural;               /* made with its mode, it will need nothing more but its times */
    bool widen;                 /* it still has mode 0600 */
    /* The destination as it is now. */
    bool owner_known;
    uid_t owner;
    gid_t group;
    mode_t old_mode; /* if it existed */
};

/* Copies the contents of what is not a directory to a regular file, and reports the outcome. */
void tug_copy_file(const struct tug_walk_entry *entry);

/* Whether the destination is a regular file with the same contents (unchanged.c), and what it is.
 */
bool tug_copy_file_is_unchanged(const struct tug_copy_file *file, struct tug_crew_worker *worker,
                                struct tug_copy_identity *copy);

/* Opens the destination (create.c): makes it, or opens and empties what is there. `whole`: the
 * contents are at hand, so that it can have its final mode at once. Returns 0; 1: it existed and is
 * to be kept; a negative errno or -EEXIST for what has been reported. */
int tug_copy_file_create(struct tug_copy_file *file, bool whole);

/* The end of a copy that succeeded (file_end.c): attributes, close, report. Closes both sides. */
void tug_copy_file_finish(struct tug_copy_file *file);

/* The end of one that did not: reports it unless `step` is TUG_COPY_STEP_NONE, removes what was
 * written, closes both sides. */
void tug_copy_file_abandon(struct tug_copy_file *file, enum tug_copy_step step, int error);

/* Closes the source, if it is open. */
void tug_copy_file_close_source(struct tug_copy_file *file);

/* Says what the other names of the source can be linked to; `copy` NULL: to nothing. */
void tug_copy_file_settle_links(struct tug_copy_file *file, const struct tug_copy_identity *copy);

/* Copies from the current positions to the end of the source. `buffer` has TUG_CREW_BUFFER_SIZE
 * bytes. Returns 0 or a negative errno, and what failed in *step. -ECANCELED: the crew was
 * stopped. */
int tug_copy_file_stream(struct tug_copy_file *file, unsigned char *buffer,
                         enum tug_copy_step *step);

/* Writes all of it at the current position. */
int tug_copy_file_write(struct tug_copy_file *file, const unsigned char *data, size_t length);

/* Shares the blocks of the source with the open destination. Returns 1: it has everything; 0: that
 * is refused, and another way must be taken; or a negative errno. `pair` may be NULL. */
int tug_copy_file_clone(struct tug_copy_file *file, struct tug_copy_pair *pair);

/* What failed if tug_copy_file_clone() did. */
enum tug_copy_step tug_copy_clone_step(const struct tug_copy_file *file);

/* Adds to the bytes of the report, and tells who wants to know. */
void tug_copy_file_count(struct tug_copy_file *file, uint64_t bytes);

/* Copies a large file by ranges (transfer.c), on this worker and whoever joins it. The source is
 * open; takes the file over. */
void tug_copy_transfer(const struct tug_copy_file *file, struct tug_crew_worker *worker);

/* Copies what is neither a directory nor a regular file: links, FIFOs, sockets and devices are made
 * anew (special.c). */
void tug_copy_special(const struct tug_walk_entry *entry);

/* Reports that a destination could not be made, which is what `step` says; unless not even its name
 * can be looked up. */
void tug_copy_fail_create(struct tug_copy_engine *engine, const struct tug_directory *directory,
                          const char *name, const char *destination_name, enum tug_copy_step step,
                          int error);

/* Makes a link to the source, in the place of a copy, and reports the outcome (link.c). */
void tug_copy_as_link(const struct tug_walk_entry *entry);

static inline struct tug_copy_subject tug_copy_file_subject(const struct tug_copy_file *file)
{
    return (struct tug_copy_subject){
        file->engine,           file->directory, file->name,
        file->destination_name, file->identity,  {file->modified.tv_sec, file->modified.tv_nsec}};
}

#endif
