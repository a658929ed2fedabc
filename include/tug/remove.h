/* SPDX-License-Identifier: MIT */
/*
 * Removing files and trees: the engine behind `tug rm`.
 *
 * What a removal promises:
 *  - Below the operands every name is removed relative to an open directory, one component at a
 *    time, and no symbolic link is followed: a link is removed itself, and a directory swapped for
 *    a link meanwhile leads nowhere. So there is no limit of depth either.
 *  - An operand that is a link with a slash behind it is refused (rm(1) empties the directory that
 *    it leads to). "." and ".." are refused, and so is "/" unless asked for.
 *  - At any moment, also after a cancellation, each entry is there or gone; a directory is removed
 *    after everything in it. Nothing is moved or renamed on the way.
 *  - What others remove at the same time is gone, which is what was wanted: below the operands that
 *    is no failure. What others add to a directory meanwhile is removed as well; after a few rounds
 *    the directory is given up as not empty.
 *
 * Operands are removed at the same time, in no particular order, unless there is one job or each is
 * asked for. It does no harm if one is inside of another.
 *
 * The work is done by jobs on the blocking pool, at first by one; more are started as soon as there
 * is work for them.
 */
#ifndef TUG_REMOVE_H
#define TUG_REMOVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tug/config.h>
#include <tug/failure.h>

TUG_BEGIN_DECLS

/* What is asked for before it is removed. */
enum tug_remove_ask {
    TUG_REMOVE_ASK_NEVER,
    TUG_REMOVE_ASK_PROTECTED, /* what the process may not write to, links excepted */
    TUG_REMOVE_ASK_ALWAYS     /* everything, in order, by one job */
};

/* What is about to be done. */
enum tug_remove_action {
    TUG_REMOVE_DESCEND, /* remove what is in a directory that is not empty */
    TUG_REMOVE_ENTRY    /* remove the entry itself */
};

struct tug_remove_question {
    enum tug_remove_action action;
    bool write_protected;
    unsigned type;    /* the file type bits of a mode */
    uint64_t size;    /* bytes, of a regular file */
    const char *path; /* below the operand as it was given; borrowed until the call returns */
};

/* Kinds of events, as bits. */
enum tug_remove_event_kind {
    TUG_REMOVE_REMOVED = 1, /* an entry was removed */
    TUG_REMOVE_FAILED = 2   /* an entry was not removed: `step` and `error` say why */
};

/* What was being done when something failed. `error` of the event is a negative errno, or 0 where
 * marked so: then the step itself is the reason. */
enum tug_remove_step {
    TUG_REMOVE_STEP_NONE,
    TUG_REMOVE_STEP_REMOVE,       /* remove an entry, or look at it, open or read it for that */
    TUG_REMOVE_STEP_DOT,          /* 0: the operand is "." or ".." */
    TUG_REMOVE_STEP_ROOT,         /* 0: the operand is the root directory */
    TUG_REMOVE_STEP_OTHER_DEVICE, /* 0: a directory is on another file system than the operand */
    TUG_REMOVE_STEP_MOUNT_POINT,  /* 0: the operand is on another file system than its parent */
    TUG_REMOVE_STEP_PARENT        /* look at the parent of the operand, for MOUNT_POINT */
};

struct tug_remove_event {
    enum tug_remove_event_kind kind;
    enum tug_remove_step step;
    /* A negative errno, or 0. */
    int error;
    /* The file type bits of a mode (S_IFREG, S_IFDIR, ...), 0 if not known; of what was removed it
     * is known at least whether it was a directory. */
    unsigned type;
    /* Below the operand as it was given. Borrowed until the call returns. */
    const char *path;
};

/* What has been done. Counted while the removal runs: see tug_remove_report_read(). */
struct tug_remove_report {
    uint64_t entries; /* removed, directories not included */
    uint64_t directories;
    uint64_t declined;   /* answers that said no */
    uint64_t failures;   /* events of the kind TUG_REMOVE_FAILED */
    int32_t first_error; /* the errno of the first failure, negative; -EPERM where there was none */
    uint32_t stopped;    /* 1: a failure has ended the removal, see `on_failure` */
};

/* Initialise with tug_remove_options_init(), then set what differs. */
struct tug_remove_options {
    /* Remove directories with all below them. Without it a directory fails with -EISDIR. */
    bool recursive;
    /* Remove empty directories. Without `recursive` they are removed last, in the order given. */
    bool directories;
    /* An operand that does not exist is no failure. */
    bool ignore_missing;
    /* Pass over directories that are on another file system than the operand above them. */
    bool one_file_system;
    /* With `recursive`: do not refuse "/". */
    bool allow_root;
    /* With `recursive`: refuse operands that are on another file system than their parents. */
    bool refuse_mount_points;
    enum tug_remove_ask ask;
    /* Says yes or no to a question; with ASK_NEVER it is not called. Called like event(), may block
     * its thread, must not suspend. NULL: no. */
    bool (*answer)(const struct tug_remove_question *question, void *argument);
    /* Jobs on the blocking pool at most, 1 to 1,024; 0: one per usable processor. Outside of a
     * runtime there is only the calling thread. */
    unsigned jobs;
    /* Directories held open at once, at least 4; 0: what the limit of the process on open files
     * allows. */
    unsigned open_directories;
    /* What happens after a failure. */
    enum tug_on_failure on_failure;
    /* For TUG_ON_FAILURE_ASK, else it is not called; must not be NULL then. `failure` is what the
     * event TUG_REMOVE_FAILED will be unless it is tried again: the entry, or what is left in the
     * directory, and it. It may be tried any number of times. After a cancellation RETRY is SKIP.
     * Called by the worker that failed, like event(); while it blocks, all others come to a halt at
     * their next event or question. Must not suspend. */
    enum tug_failure_answer (*failed)(const struct tug_remove_event *failure, void *argument);
    /* Called for each event whose kind is in the mask `events`; never two at a time, from any
     * thread. Must not suspend. May be NULL. */
    void (*event)(const struct tug_remove_event *event, void *argument);
    void *argument; /* for event(), answer() and failed() */
    unsigned events;
};

/* Sets the defaults: all false, ASK_NEVER. */
TUG_API void tug_remove_options_init(struct tug_remove_options *options);

/*
 * Removes `count` operands. `options` may be NULL for the defaults, and `report` may be NULL; it is
 * zeroed first. A failure does not end the removal, unless `on_failure` says so: it is counted,
 * reported as an event, and the rest is removed, except for the directories above. An answer that
 * says no is not a failure.
 *
 * Called by a coroutine it suspends; elsewhere it blocks the thread. Cancelling its scope ends it
 * soon, in the middle of a tree: what is gone is gone, and nothing else is changed.
 * Returns 0 when all was removed, or declined; the scope's reason; else the first failure: a
 * negative errno, -EPERM where the failure has none. -EINVAL: an option is out of range; -ENOMEM,
 * -EAGAIN: not started.
 */
TUG_API int64_t tug_remove(const struct tug_remove_options *options, const char *const *paths,
                           size_t count, struct tug_remove_report *report);

/*
 * The same for a list of path names, each ended by a zero byte, such as `find -print0` writes: for
 * many single files, at one system call each. `size` is that of the whole list in bytes.
 * Returns as tug_remove(); -EINVAL also if the last name has no end.
 */
TUG_API int64_t tug_remove_list(const struct tug_remove_options *options, const char *names,
                                size_t size, struct tug_remove_report *report);

/* Copies the report of a removal that may still be running. From any thread. Does not suspend. */
TUG_API void tug_remove_report_read(const struct tug_remove_report *report,
                                    struct tug_remove_report *now);

TUG_END_DECLS

#endif
