/* SPDX-License-Identifier: MIT */
/*
 * Copying files and trees: the engine behind `tug cp`.
 *
 * What a copy promises:
 *  - Nothing under a final name is other than it should be once tug_copy() has returned 0.
 *  - A copy that fails or is cancelled leaves no partial file: what it has created is removed
 *    again. A file that existed before is written in place, as cp(1) does it (it stays the same
 *    inode, with its links, owner and mode), and only after the source could be read; if that fails
 *    in the middle the file is removed, or, where it has other names or was reached by a symbolic
 *    link, emptied: its old contents are gone, but nothing under its name looks like a copy.
 *    Directories that were made stay.
 *  - The source is never written to: a destination that turns out to be the same file, at whatever
 *    moment, is refused.
 *  - Below the operands every name is looked up relative to an open directory, one component at a
 *    time, and symbolic links of the source are not followed unless asked for. So there is no limit
 *    of depth, and a directory swapped for a link leads nowhere.
 *
 * The work is done by jobs on the blocking pool, at first by one; more are started as soon as there
 * is work for them. A program may let the calling task be the first of them.
 */
#ifndef TUG_COPY_H
#define TUG_COPY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tug/backup.h>
#include <tug/config.h>
#include <tug/failure.h>

TUG_BEGIN_DECLS

/* Which symbolic links are replaced by what they point to. */
enum tug_copy_follow {
    TUG_COPY_FOLLOW_NEVER,    /* links are copied as links */
    TUG_COPY_FOLLOW_OPERANDS, /* except those that are sources themselves */
    TUG_COPY_FOLLOW_ALWAYS    /* all are followed */
};

/* What the destination is. */
enum tug_copy_target {
    /* A directory, to copy into, if it is one or there are several sources; else the new name. */
    TUG_COPY_TARGET_AUTO,
    /* A directory to copy into; it must exist. */
    TUG_COPY_TARGET_DIRECTORY,
    /* The name of the copy of the only source, even if it is a directory. */
    TUG_COPY_TARGET_EXACT
};

/* What happens to a destination that exists. Directories are merged in any case. */
enum tug_copy_existing {
    /* Regular files are written in place; links and special files are replaced. */
    TUG_COPY_EXISTING_OVERWRITE,
    /* The same, and a file that cannot be opened for writing is removed and made anew. */
    TUG_COPY_EXISTING_FORCE,
    /* It stays, and counts as skipped. */
    TUG_COPY_EXISTING_KEEP,
    /* It stays, and that is a failure. */
    TUG_COPY_EXISTING_REFUSE,
    /* It is removed first, whatever it is. */
    TUG_COPY_EXISTING_REPLACE
};

/* What is made of a source that is not a directory. Directories are always made anew. */
enum tug_copy_make {
    TUG_COPY_MAKE_CONTENTS,       /* a copy */
    TUG_COPY_MAKE_HARD_LINK,      /* one more name of it */
    TUG_COPY_MAKE_SYMBOLIC_LINK,  /* a symbolic link to it, by the path name that it has here */
    TUG_COPY_MAKE_ATTRIBUTES_ONLY /* of a regular file: an empty one, or what exists as it is */
};

/* What a copy keeps of its source beside the contents, as bits. */
enum tug_copy_preserve {
    /* Permissions, all 12 bits of them, whatever the umask; and access control lists. */
    TUG_COPY_PRESERVE_MODE = 1,
    /* Owner and group. Users who may not set them get the group, or nothing, without a failure; in
     * that case set-user-ID, set-group-ID and sticky bits are not kept either. */
    TUG_COPY_PRESERVE_OWNERSHIP = 2,
    /* The times of the last access and of the last modification. */
    TUG_COPY_PRESERVE_TIMESTAMPS = 4,
    /* Extended attributes, capabilities among them; not access control lists. */
    TUG_COPY_PRESERVE_XATTR = 8,
    /* The security context of SELinux. */
    TUG_COPY_PRESERVE_CONTEXT = 16,
    /* Names of the same file become names of one copy; with FOLLOW_ALWAYS also names that lead to
     * it by symbolic links. */
    TUG_COPY_PRESERVE_LINKS = 32
};
#define TUG_COPY_PRESERVE_ALL 63u

/* Whether a copy may share the blocks of its source, which costs no time and no space until one of
 * the two is written to. */
enum tug_copy_reflink {
    /* Where the file system can, and it is faster than to copy. */
    TUG_COPY_REFLINK_AUTO,
    /* Every regular file, or it is not copied: TUG_COPY_STEP_CLONE. */
    TUG_COPY_REFLINK_ALWAYS,
    /* No file: every byte is copied, and not by copy_file_range(2), which might share as well. */
    TUG_COPY_REFLINK_NEVER
};

/* What becomes of holes, parts of a file that have no blocks and read as zeros. */
enum tug_copy_sparse {
    /* Holes of a source that has fewer blocks than its length needs are kept. */
    TUG_COPY_SPARSE_AUTO,
    /* Whole blocks of zeros become holes, too. */
    TUG_COPY_SPARSE_ALWAYS,
    /* All holes are filled; implies TUG_COPY_REFLINK_NEVER. */
    TUG_COPY_SPARSE_NEVER
};

/* Kinds of events, as bits. */
enum tug_copy_event_kind {
    TUG_COPY_STARTED = 1,    /* an entry is about to be copied */
    TUG_COPY_BYTES = 2,      /* `bytes` more of a file have been written */
    TUG_COPY_FINISHED = 4,   /* an entry has been copied; `bytes` is the length of its contents */
    TUG_COPY_FAILED = 8,     /* an entry was not copied: `step` and `error` say why */
    TUG_COPY_WARNING = 16,   /* something odd that is not a failure: `step` says what */
    TUG_COPY_EXPLAINED = 32, /* a file has been copied: `method` and `reason` say how and why */
    /* What failed will be tried again, see TUG_FAILURE_RETRY: `step` and `error` say why. `bytes`
     * were told of by TUG_COPY_BYTES, and do not count any more. An entry is STARTED each time. */
    TUG_COPY_RETRIED = 64,
    /* More is known of how much there is to do: `entries` and `bytes` that have been found so far,
     * of the copy alone; a verification goes over the same once more. They only grow. `final`: this
     * is all; told of once, unless the copy ends early. Whoever asks for this event has the source
     * walked once more by one job beside the copy, as by tug_copy_measure(), which looks at every
     * file for its size; outside of a runtime that comes first. It is told of after the first few
     * entries, then every 1,024. Done of this are, in the report: all files, directories, links,
     * hard links, specials, files that were skipped or resumed, and failures; and all bytes written
     * or resumed. Of a source that changes meanwhile that may be more or less than the total. */
    TUG_COPY_TOTAL = 128
};

/* What was being done when something failed. `error` of the event is a negative errno, or 0 where
 * marked so: then the step itself is the reason. */
enum tug_copy_step {
    TUG_COPY_STEP_NONE,
    TUG_COPY_STEP_TARGET,               /* look at the destination directory */
    TUG_COPY_STEP_STAT,                 /* look at a source */
    TUG_COPY_STEP_STAT_DESTINATION,     /* look for what has the name of the copy */
    TUG_COPY_STEP_OPEN,                 /* open a source file */
    TUG_COPY_STEP_READ,                 /* read a source file */
    TUG_COPY_STEP_ACCESS,               /* open or read a source directory */
    TUG_COPY_STEP_READ_LINK,            /* read a symbolic link */
    TUG_COPY_STEP_CREATE,               /* create or open a regular file */
    TUG_COPY_STEP_WRITE,                /* write a file, or close it */
    TUG_COPY_STEP_CLONE,                /* share the blocks of the source, as was asked for */
    TUG_COPY_STEP_CREATE_DIR,           /* create or open a directory */
    TUG_COPY_STEP_CREATE_LINK,          /* create a symbolic link */
    TUG_COPY_STEP_CREATE_HARD_LINK,     /* link to the copy of another name of the source */
    TUG_COPY_STEP_CREATE_SYMBOLIC_LINK, /* link to the source, instead of a copy */
    TUG_COPY_STEP_CREATE_SPECIAL,       /* create a FIFO, a socket or a device */
    TUG_COPY_STEP_REMOVE,               /* remove what is in the way, or a partial file */
    TUG_COPY_STEP_SET_MODE,             /* set permissions */
    TUG_COPY_STEP_PRESERVE_TIMES,  /* set times; from here on to PRESERVE_MODE the copy stays */
    TUG_COPY_STEP_PRESERVE_OWNER,  /* set owner and group */
    TUG_COPY_STEP_READ_XATTR,      /* read extended attributes of the source */
    TUG_COPY_STEP_PRESERVE_XATTR,  /* set extended attributes */
    TUG_COPY_STEP_PRESERVE_MODE,   /* set permissions or access control lists as of the source */
    TUG_COPY_STEP_BACKUP,          /* rename what is to be overwritten */
    TUG_COPY_STEP_RESTORE,         /* give it its name back */
    TUG_COPY_STEP_MEMORY,          /* keep something in memory */
    TUG_COPY_STEP_OMITTED,         /* 0: a directory, but not recursive */
    TUG_COPY_STEP_SAME_FILE,       /* 0: source and destination are the same file */
    TUG_COPY_STEP_INTO_ITSELF,     /* 0: a directory into itself */
    TUG_COPY_STEP_OVER_DIRECTORY,  /* 0: a directory is in the way of something else */
    TUG_COPY_STEP_OVER_FILE,       /* 0: something else is in the way of a directory */
    TUG_COPY_STEP_DANGLING_LINK,   /* 0: would write through a symbolic link to nothing */
    TUG_COPY_STEP_REFUSED,         /* 0: something has the name, see TUG_COPY_EXISTING_REFUSE */
    TUG_COPY_STEP_BACKUP_DESTROYS, /* 0: the backup would have the name of the source */
    TUG_COPY_STEP_RELATIVE_LINK,   /* 0: a symbolic link elsewhere would not lead to the source */
    TUG_COPY_STEP_JUST_CREATED,    /* 0: would overwrite the copy of an earlier source */
    TUG_COPY_STEP_REPLACED,        /* 0: the source was replaced while being copied */
    TUG_COPY_STEP_LOOP,            /* 0: a followed link leads to a directory above itself */
    TUG_COPY_STEP_TWICE,           /* 0, warning: a source was given twice */
    TUG_COPY_STEP_VERIFY_MISSING,  /* verification: the destination cannot be found */
    TUG_COPY_STEP_VERIFY_TYPE,     /* 0, verification: not the same type of file */
    TUG_COPY_STEP_VERIFY_CONTENT,  /* 0, verification: contents or link target differ */
    TUG_COPY_STEP_VERIFY_MODE,     /* 0, verification: permissions differ */
    TUG_COPY_STEP_VERIFY_READ,     /* verification: the destination cannot be read */
    TUG_COPY_STEP_VERIFY_OWNER,    /* 0, verification: owner or group differs */
    TUG_COPY_STEP_VERIFY_TIME,     /* 0, verification: the time of modification differs */
    TUG_COPY_STEP_VERIFY_XATTR, /* 0, verification: `attribute` differs, or access control lists */
    TUG_COPY_STEP_VERIFY_LINKS  /* 0, verification: it is not the file that other names are */
};

struct tug_copy_event {
    enum tug_copy_event_kind kind;
    enum tug_copy_step step;
    /* A negative errno, or 0. */
    int error;
    /* The file type bits of a mode (S_IFREG, S_IFDIR, ...), 0 if not known. */
    unsigned type;
    /* Of TUG_COPY_FAILED: what TUG_COPY_BYTES has told of that file, and does not count any more.
     * Of TUG_COPY_TOTAL: the contents of all files, each once if its names are kept together. */
    uint64_t bytes;
    /* Of TUG_COPY_TOTAL, whose path names are NULL. */
    uint64_t entries;
    bool final;
    /* Of TUG_COPY_EXPLAINED: how the contents came over, and why so, as parts of an English
     * sentence; else NULL. They are for people, and may change. */
    const char *method, *reason;
    /* Of TUG_COPY_STEP_VERIFY_XATTR: the name of the first extended attribute that differs.
     * Borrowed; else NULL. */
    const char *attribute;
    /* Path names below the operands as they were given; `destination` may be NULL. Borrowed until
     * the call returns. */
    const char *source, *destination;
};

/* Where a copy stands. */
enum tug_copy_phase { TUG_COPY_PHASE_COPY, TUG_COPY_PHASE_VERIFY };

/* What has been done. Counted while the copy runs: see tug_copy_report_read(). */
struct tug_copy_report {
    uint64_t files; /* regular files */
    uint64_t directories;
    uint64_t links;      /* symbolic links */
    uint64_t hard_links; /* names that became links to what was copied, counted nowhere else */
    uint64_t specials;   /* FIFOs, sockets, devices */
    uint64_t bytes;      /* contents of regular files */
    uint64_t skipped;    /* left alone because they existed */
    uint64_t failures; /* events of the kind TUG_COPY_FAILED, those of the verification included */
    uint64_t verified_files; /* read back and found equal */
    uint64_t verified_bytes;
    /* How the bytes came over: whole files by sharing their blocks (ficlone), bytes within the
     * kernel (copy_file_range); the rest by reading and writing. */
    uint64_t cloned_files, offloaded_bytes;
    /* What an earlier copy had finished (see `resume` in the options): whole files, and bytes of
     * those and of partial files. None of it is counted above. */
    uint64_t resumed_files, resumed_bytes;
    int32_t first_error; /* the errno of the first failure, negative; -EIO where there was none */
    uint32_t phase;      /* enum tug_copy_phase */
    uint32_t stopped;    /* 1: a failure has ended the copy, see `on_failure` */
    /* Jobs, see `jobs` in the options: how many were wanted in the end, and the most that there
     * were at once. Known when the copy has ended, 0 before. */
    uint32_t jobs_wanted, jobs_most;
};

/* Initialise with tug_copy_options_init(), then set what differs. */
struct tug_copy_options {
    /* Copy directories with all below them. Without it a source that is a directory fails with
     * TUG_COPY_STEP_OMITTED, and of special files the contents are copied; with it they are made
     * anew as what they are. */
    bool recursive;
    /* Read everything back after the copy and compare: types, permissions, link targets, numbers of
     * devices and contents, byte by byte; and what `preserve` names: access control lists, owners,
     * times of modification to the nanosecond, extended attributes, hard links. Differences are
     * failures. Not compared are times of access, which reading changes; what could not be copied
     * or kept, which has been reported, or may be lost; what was left alone, of which with
     * `checksum` the contents are compared, and with `resume` everything; and what else the
     * destination has.
     */
    bool verify;
    enum tug_copy_follow follow;
    enum tug_copy_target target;
    enum tug_copy_existing existing;
    enum tug_copy_make make;
    /* What exists and is not older than its source is left alone, and counts as skipped. */
    bool update;
    /* What exists is given another name instead of being overwritten; see <tug/backup.h>. It gets
     * its name back if the copy fails. */
    enum tug_backup backup;
    const char *backup_suffix; /* of simple backups; NULL: "~" */
    /* If not NULL: called before something that is not a directory is overwritten. `path` is the
     * destination, `mode` its mode, `writable` whether the process may write to it. Returns whether
     * to go on; if not, it counts as skipped. Not two at a time, from any thread; may block, must
     * not suspend. */
    bool (*ask)(const char *path, unsigned mode, bool writable, void *argument);
    /* Of directories on other file systems than the source that they are below, the contents are
     * not copied. */
    bool one_file_system;
    /* With `recursive`: the contents of FIFOs and devices are copied, as without. */
    bool copy_contents;
    /* The name of a copy is the whole path name of its source, below the destination, which must be
     * a directory. Directories that are missing are made like those of the source. */
    bool parents;
    /* What is kept, as bits of enum tug_copy_preserve; of directories and files that existed as
     * well. Where one cannot be set that is a failure, but the copy stays and what else there is to
     * be done is done. Without TUG_COPY_PRESERVE_MODE new entries have the permissions of their
     * source, less the umask, and those that existed keep theirs. */
    unsigned preserve;
    /* Of these bits, those that may be lost: no failure then, but an event TUG_COPY_WARNING, or
     * nothing if the file system of the copy has no such thing. */
    unsigned tolerate;
    /* New entries have the permissions that any program would give them, 0666 or 0777 less the
     * umask, not those of their source. Not together with TUG_COPY_PRESERVE_MODE. */
    bool default_modes;
    /* Leave a regular file alone whose contents are those of its source already, whatever else it
     * is like; it counts as skipped. Others are copied. */
    bool checksum;
    /* Go on where an earlier copy of the same sources to the same destination was interrupted, and
     * be ready for that. A regular file that has the size and, to the nanosecond, the time of
     * modification of its source is finished: it is left alone, whatever else it is like, and
     * counts in `resumed_files`. Other regular files are made anew, unless they have other names or
     * are reached by a symbolic link: those are written in place. Times of modification are kept.
     * Files of `resume_size` bytes (0: 64 MiB) and more are written under the name .NAME.tug-part
     * and renamed when they are complete and on the disk; a copy that fails or is cancelled leaves
     * them there, with .NAME.tug-side, which says what of them is finished.
     * `existing`, `update`, `ask` and `backup` decide about files that are there and not finished
     * in this sense. They are complete, since with any but the defaults of these smaller files are
     * written as .NAME.tug-part, too, though not continued within. A file whose name is free is
     * continued without a decision. Backups are made when the copy is complete. */
    bool resume;
    uint64_t resume_size;
    enum tug_copy_reflink reflink;
    /* Other than AUTO not together with TUG_COPY_REFLINK_ALWAYS. */
    enum tug_copy_sparse sparse;
    /* Jobs on the blocking pool at most, 1 to 1,024; 0: as many as turn out to be of use, which is
     * one per usable processor where they compute, and up to 256, as far as the limit on open files
     * allows, where they wait for a disk or a server. Outside of a runtime there is only the
     * calling thread. */
    unsigned jobs;
    /* The calling coroutine is one of the jobs for the first 20 ms, instead of only waiting for
     * them, so that a small copy needs no other thread. Its thread is blocked meanwhile; every few
     * ms, and after each call that takes longer, other tasks have a turn, and a cancellation is
     * noticed. Callbacks are called in the coroutine, too, and need its stack. For programs that do
     * nothing else; only on a runtime with one worker, else it is ignored. */
    bool take_part;
    /* The permission bits that new files and directories do not get. -1: those of the process. */
    int umask;
    /* Directories held open at once on either side, at least 4; 0: what the limit of the process
     * on open files allows. */
    unsigned open_directories;
    /* Only for tug_copy_measure(): counts entries by what their directories say of them. `bytes`
     * stays 0, and as no file has to be looked at that is several times faster. */
    bool names_only;
    /* What happens after a failure. With STOP, files in the works are removed as by a cancellation,
     * those that are complete stay, and nothing is verified. */
    enum tug_on_failure on_failure;
    /* For TUG_ON_FAILURE_ASK, else it is not called; must not be NULL then. `failure` is what the
     * event TUG_COPY_FAILED will be unless it is tried again: what was written of a file is removed
     * first, and its source opened anew; a directory is opened or read on, and nothing in it is
     * done twice. It may be tried any number of times. Asked once in each attempt, at the first
     * failure: what else fails in that counts as skipped over. During the verification, and after a
     * cancellation, RETRY is SKIP. If what a failed attempt has left cannot be removed, that is a
     * failure, and there is no other attempt.
     * Called by the worker that failed, not two at a time and never together with event(): while it
     * blocks, all others come to a halt at their next event, and cancelling does not wake it. So a
     * short sleep before RETRY is fine, a question to a person is not, unless -- as in a command --
     * nothing else matters. Must not suspend. */
    enum tug_failure_answer (*failed)(const struct tug_copy_event *failure, void *argument);
    /* Called for each event whose kind is in the mask `events`; never two at a time, from any
     * thread. Must not suspend. May be NULL. To end the copy from here, cancel the scope around
     * tug_copy(). */
    void (*event)(const struct tug_copy_event *event, void *argument);
    void *argument;
    unsigned events;
};

/* Sets the defaults: not recursive, FOLLOW_NEVER, TARGET_AUTO, EXISTING_OVERWRITE,
 * REFLINK_AUTO, SPARSE_AUTO. */
TUG_API void tug_copy_options_init(struct tug_copy_options *options);

/*
 * Copies `count` sources to `destination`. `options` may be NULL for the defaults, and `report` may
 * be NULL; it is zeroed first. A failure does not end the copy, unless `on_failure` says so: it is
 * counted, reported as an event, and the rest is copied.
 *
 * Called by a coroutine it suspends; elsewhere it blocks the thread. Cancelling its scope ends it
 * soon: files that are being copied are removed, those that are complete stay.
 * Returns 0 when all was copied, and found equal if that was asked for; the scope's reason; else
 * the first failure: a negative errno, -EIO where the failure has none. -EINVAL: an option is out
 * of range, no sources, several sources with TUG_COPY_TARGET_EXACT; -ENOMEM, -EAGAIN: not started.
 */
TUG_API int64_t tug_copy(const struct tug_copy_options *options, const char *const *sources,
                         size_t count, const char *destination, struct tug_copy_report *report);

/*
 * Counts what tug_copy() with these options would have to copy: the same walk, without a
 * destination, on as many jobs. What cannot be read is passed over: no
 * events, no failures.
 * Suspends or blocks, and can be cancelled, as tug_copy(). Returns 0 or the scope's reason;
 * -EINVAL; -ENOMEM; -EAGAIN.
 */
TUG_API int64_t tug_copy_measure(const struct tug_copy_options *options, const char *const *sources,
                                 size_t count, struct tug_copy_report *report);

/* Copies the report of a copy that may still be running. From any thread. Does not suspend. */
TUG_API void tug_copy_report_read(const struct tug_copy_report *report,
                                  struct tug_copy_report *now);

TUG_END_DECLS

#endif
