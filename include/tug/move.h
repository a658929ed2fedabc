/* SPDX-License-Identifier: MIT */
/*
 * Moving files and trees: the engine behind `tug mv`.
 *
 * Where source and destination are on one file system a move is a rename, in one system call. Where
 * they are not, it is a copy with everything that a copy can preserve, and then the removal of the
 * source. What such a move promises:
 *  - At no instant is the data in no place. A source entry is removed only after its copy has got
 *    its final name (and has passed the verification, and is on disk, if these were asked for), and
 *    only if the entry is still what was copied: the same device, inode, type and permissions,
 *    size, time of modification and time of change. What changed or appeared meanwhile stays, and
 *    is a failure; so are, in silence, the directories above it.
 *  - Under the final name there is never anything unfinished. The copy of each source is made, with
 *    all that is below it, under a temporary name (".tug-" and random digits) beside the final one,
 *    and then renamed: what had the name before is replaced in that instant.
 *  - A move that is cancelled leaves either the whole source and no copy, or a whole copy and what
 *    has not been removed of the source yet. Only a process that is killed can leave a temporary
 *    name behind; its source is whole, too.
 *  - An entry that cannot be copied stays in the source, as do the directories above it. All the
 *    rest is moved.
 *
 * Whether the copy has reached the disk before the source is removed is another question, see
 * `sync` in struct tug_move_options.
 */
#ifndef TUG_MOVE_H
#define TUG_MOVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tug/backup.h>
#include <tug/config.h>
#include <tug/copy.h>
#include <tug/failure.h>

TUG_BEGIN_DECLS

/* What happens if something has the final name already. Only what is not a directory is replaced,
 * and by what is not a directory; an empty directory is replaced by a directory. */
enum tug_move_existing {
    TUG_MOVE_EXISTING_REPLACE,
    TUG_MOVE_EXISTING_ASK,            /* ask() decides */
    TUG_MOVE_EXISTING_ASK_UNWRITABLE, /* ask() decides about what the process may not write to */
    TUG_MOVE_EXISTING_KEEP,           /* it stays, as does the source, which counts as skipped */
    TUG_MOVE_EXISTING_REFUSE          /* likewise, but that is a failure */
};

/* Kinds of events, as bits. */
enum tug_move_event_kind {
    TUG_MOVE_RENAMED = 1,   /* a source was renamed */
    TUG_MOVE_EXCHANGED = 2, /* source and destination were exchanged */
    TUG_MOVE_CREATED = 4,   /* a directory was made in the copy */
    TUG_MOVE_COPIED = 8,    /* something else was copied; a source itself: got its final name */
    TUG_MOVE_REMOVED = 16,  /* an entry of the source was removed, since its copy is complete */
    TUG_MOVE_FAILED = 32,   /* `step` and `error` say what failed */
    TUG_MOVE_WARNING = 64   /* something was not preserved: `copy_step` says what */
};

/* What was being done when something failed. `error` of the event is a negative errno, or 0 where
 * marked so: then the step itself is the reason. */
enum tug_move_step {
    TUG_MOVE_STEP_COPY,             /* copy or verify an entry: see `copy_step` */
    TUG_MOVE_STEP_TARGET,           /* look at the destination directory, which is `source` */
    TUG_MOVE_STEP_STAT,             /* look at a source */
    TUG_MOVE_STEP_STAT_DESTINATION, /* look for what has the final name */
    TUG_MOVE_STEP_RENAME,           /* rename */
    TUG_MOVE_STEP_EXCHANGE,         /* exchange */
    TUG_MOVE_STEP_REPLACE,          /* replace a directory by one of another file system */
    TUG_MOVE_STEP_BACKUP,           /* rename what had the final name */
    TUG_MOVE_STEP_SYNC,             /* write the copy to disk */
    TUG_MOVE_STEP_REMOVE,           /* remove an entry of the source */
    TUG_MOVE_STEP_CLEAN,            /* remove a temporary name */
    TUG_MOVE_STEP_MEMORY,           /* keep something in memory */
    TUG_MOVE_STEP_INTO_ITSELF,      /* 0: a directory into itself */
    TUG_MOVE_STEP_SAME_FILE,        /* 0: source and destination are the same file */
    TUG_MOVE_STEP_OVER_DIRECTORY,   /* 0: a directory is in the way of something else */
    TUG_MOVE_STEP_OVER_FILE,        /* 0: something else is in the way of a directory */
    TUG_MOVE_STEP_JUST_CREATED,     /* 0: would replace what an earlier source was moved to */
    TUG_MOVE_STEP_BACKUP_DESTROYS,  /* 0: the backup would have the name of the source */
    TUG_MOVE_STEP_REFUSED,          /* 0: something has the final name, see `existing` */
    TUG_MOVE_STEP_DECLINED,         /* 0: likewise, and ask() said no */
    TUG_MOVE_STEP_CHANGED           /* 0: a source entry changed or appeared during the move */
};

struct tug_move_event {
    enum tug_move_event_kind kind;
    enum tug_move_step step;
    enum tug_copy_step copy_step;
    /* A negative errno, or 0. */
    int error;
    /* The file type bits of a mode, 0 if not known. */
    unsigned type;
    /* Of TUG_COPY_STEP_VERIFY_XATTR: as in struct tug_copy_event. */
    const char *attribute;
    /* Path names below the operands as they were given, never temporary ones. `destination` may be
     * NULL; `backup`, if not NULL, is what became of what had the final name. Borrowed until the
     * call returns. */
    const char *source, *destination, *backup;
};

/* Where a move stands. */
enum tug_move_phase {
    TUG_MOVE_PHASE_RENAME,
    TUG_MOVE_PHASE_COPY,
    TUG_MOVE_PHASE_VERIFY,
    TUG_MOVE_PHASE_SYNC,
    TUG_MOVE_PHASE_REMOVE
};

/* What has been done. Counted while the move runs: see tug_move_report_read(). */
struct tug_move_report {
    uint64_t renamed;    /* sources that were renamed or exchanged */
    uint64_t copied;     /* sources whose copy has got its final name */
    uint64_t skipped;    /* sources left alone because of what had the final name */
    uint64_t removed;    /* entries removed after they had been copied */
    uint64_t failures;   /* events of the kind TUG_MOVE_FAILED */
    int32_t first_error; /* the errno of the first failure, negative; -EIO where there was none */
    uint32_t phase;      /* enum tug_move_phase */
    uint32_t stopped;    /* 1: a failure has ended the move, see `on_failure` */
    /* What was copied across file systems. `failures` and `first_error` count those of the copy and
     * its verification only. */
    struct tug_copy_report copy;
};

/* Initialise with tug_move_options_init(), then set what differs. */
struct tug_move_options {
    /* What the destination is: as for tug_copy(). */
    enum tug_copy_target target;
    enum tug_move_existing existing;
    /* Leaves alone what is no older than the source that would replace it; directories are never
     * left alone. The source stays and counts as skipped. */
    bool update;
    /* Swaps source and destination, which must both exist, in one step. Neither replaces nor copies
     * anything, so that existing, update, and backup do not matter. */
    bool exchange;
    /* Never copies: a source on another file system than the destination is a failure, -EXDEV. */
    bool no_copy;
    /* Reads each copy back and compares it, with all that was to be kept, before it gets its final
     * name, as tug_copy() does. The source of what differs stays, and its copy is removed; only a
     * directory whose own attributes differ stays in the copy, too, with what is in it. */
    bool verify;
    /* Has the file system of the destination written to disk, copies, names and all else, before
     * anything of the source is removed. Off by default, as in mv(1): a copy that the kernel has
     * taken is safe from everything but a crash of the system or a loss of power, and waiting for
     * the disk may take longer than the whole move. Switch it on where losing what was moved within
     * the last half minute before a crash is not acceptable. */
    bool sync;
    /* What happens to a file that is replaced: it gets another name, which is its own with a suffix
     * (NULL: "~"). */
    enum tug_backup backup;
    const char *suffix;
    /* Jobs on the blocking pool at most, and directories held open: as for tug_copy(). */
    unsigned jobs;
    unsigned open_directories;
    /* Called, if `existing` says so, with the path of what would be replaced and its mode;
     * `writable` is whether the process may write to it. Returns whether it may be replaced; if
     * not, that is a failure. Not two at a time, from any thread; may block, must not suspend.
     * NULL: no. */
    bool (*ask)(const char *path, unsigned mode, bool writable, void *argument);
    /* What happens after a failure. With STOP the move ends as by a cancellation: temporary copies
     * are removed. Not ASK: what fails late in a move is often not an entry but a step of many, and
     * what stays of the sources can simply be moved again. */
    enum tug_on_failure on_failure;
    /* Called for each event whose kind is in the mask `events`; never two at a time, from any
     * thread. Must not suspend. May be NULL. */
    void (*event)(const struct tug_move_event *event, void *argument);
    void *argument;
    unsigned events;
    /* If not NULL: called when there is something to copy. Has to call copy(move), in the runtime
     * that the copy is to use, and to return its result. So a program that has no runtime needs to
     * start one only if it is worth while. Called by the caller of tug_move(). */
    int64_t (*run_copy)(int64_t (*copy)(void *move), void *move, void *argument);
};

/* Sets the defaults: TARGET_AUTO, EXISTING_REPLACE, no backups. */
TUG_API void tug_move_options_init(struct tug_move_options *options);

/*
 * Moves `count` sources to `destination`, one after the other as far as they can be renamed.
 * `options` may be NULL for the defaults, and `report` may be NULL; it is zeroed first. A failure
 * does not end the move, unless `on_failure` says so: it is counted, reported as an event, and the
 * rest is moved.
 *
 * Called by a coroutine it suspends; elsewhere it blocks the thread. Cancelling its scope ends it
 * soon: what has been renamed or has got its final name stays there, temporary copies are removed.
 * Returns 0 when all was moved, or skipped; the scope's reason; else the first failure: a negative
 * errno, -EIO where the failure has none. -EINVAL: an option is out of range, no sources, several
 * sources with TUG_COPY_TARGET_EXACT, a suffix that is empty or has a slash; -ENOMEM, -EAGAIN: not
 * started.
 */
TUG_API int64_t tug_move(const struct tug_move_options *options, const char *const *sources,
                         size_t count, const char *destination, struct tug_move_report *report);

/* Copies the report of a move that may still be running. From any thread. Does not suspend. */
TUG_API void tug_move_report_read(const struct tug_move_report *report,
                                  struct tug_move_report *now);

TUG_END_DECLS

#endif
