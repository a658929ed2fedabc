/* SPDX-License-Identifier: MIT */
/*
 * Comparing two files or two trees: the engine behind `tug cmp`, and behind the verification of a
 * copy.
 *
 * Contents are compared byte by byte, not by digests: what is found equal is equal. Both trees are
 * walked once, by names relative to open directories, so that there is no limit of depth; large
 * files are compared by ranges, several at a time. Neither side is written to, or changed but for
 * times of access.
 */
#ifndef TUG_COMPARE_H
#define TUG_COMPARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tug/config.h>
#include <tug/copy.h>

TUG_BEGIN_DECLS

/* Kinds of events, as bits. */
enum tug_compare_kind {
    TUG_COMPARE_ONLY_IN_A = 1,
    TUG_COMPARE_ONLY_IN_B = 2,
    TUG_COMPARE_TYPE = 4, /* one is a directory, the other is not, and so on */
    /* The contents of regular files, the targets of symbolic links, or the numbers of devices. */
    TUG_COMPARE_CONTENT = 8,
    TUG_COMPARE_MODE = 16,
    TUG_COMPARE_OWNER = 32,
    TUG_COMPARE_TIME = 64,   /* of the last modification */
    TUG_COMPARE_XATTR = 128, /* extended attributes, access control lists included */
    /* Something could not be looked at or read: it is not known whether it is the same. */
    TUG_COMPARE_FAILED = 256,
    /* Not a difference: an entry without any. */
    TUG_COMPARE_SAME = 512,
    /* Hard links: two names are the same file on one side, and two files on the other. Said of the
     * name that was found later. */
    TUG_COMPARE_LINKS = 1024
};

/* All kinds that are differences. */
#define TUG_COMPARE_DIFFERENCES 1279u

/* What TUG_COMPARE_CONTENT says where the first difference was not looked for. */
#define TUG_COMPARE_NO_OFFSET UINT64_MAX

struct tug_compare_event {
    enum tug_compare_kind kind;
    /* TUG_COMPARE_FAILED: a negative errno, -ELOOP for a followed link to a directory above it; and
     * which side it concerns, 0 for A, 1 for B. */
    int error, side;
    /* The modes, with type, of what was found on either side; 0: nothing, or not known. */
    unsigned mode_a, mode_b;
    /* TUG_COMPARE_CONTENT of regular files: the sizes, and the offset of the first byte that
     * differs, counted from 0; where one is the beginning of the other, its size. */
    uint64_t size_a, size_b, offset;
    /* TUG_COMPARE_OWNER: user and group. */
    uint32_t user_a, user_b, group_a, group_b;
    /* TUG_COMPARE_TIME: seconds and nanoseconds. */
    int64_t seconds_a, seconds_b;
    uint32_t nanoseconds_a, nanoseconds_b;
    /* TUG_COMPARE_XATTR: the name of the first attribute that differs. Borrowed; else NULL. */
    const char *attribute;
    /* TUG_COMPARE_LINKS: another name of the file in A, if the two are not one file in B; and
     * another name of the file in B, if they are not one in A. Borrowed; NULL: it is not so. */
    const char *linked_a, *linked_b;
    /* Path names below the operands as they were given. Borrowed until the call returns. */
    const char *a, *b;
};

/* What has been found. Counted while the comparison runs. */
struct tug_compare_report {
    /* What is on both sides and could be looked at, by its type. */
    uint64_t files, directories, links, specials;
    uint64_t bytes; /* of the contents of regular files, on one side, compared */
    /* Differences by kind. An entry that is on one side only counts as one, with all below it. */
    uint64_t only_a, only_b, types, contents, modes, owners, times, xattrs, hard_links;
    uint64_t differences; /* the sum of these */
    uint64_t failures;    /* events of the kind TUG_COMPARE_FAILED */
    int32_t first_error;  /* the errno of the first failure, negative */
};

/* Initialise with tug_compare_options_init(), then set what differs. */
struct tug_compare_options {
    /* Compare the contents of regular files. Without it they are not even opened. */
    bool contents;
    /* Look for the offset of the first difference also where the sizes tell already that contents
     * differ. Without it, it is TUG_COMPARE_NO_OFFSET then. */
    bool offsets;
    /* End with the first difference: of several, no more than one is reported. */
    bool first_only;
    /* Which metadata to compare: a mask of TUG_COMPARE_MODE, OWNER, TIME, XATTR and LINKS. Types
     * are always compared; modes of symbolic links never, nor times of access, which reading
     * changes. LINKS takes some 100 bytes of memory for each file with several names. */
    unsigned metadata;
    /* Symbolic links that are followed, on both sides: none, the operands, or all. */
    enum tug_copy_follow follow;
    /* As in struct tug_copy_options. */
    unsigned jobs;
    unsigned open_directories;
    /* Called for each event whose kind is in the mask `events`; never two at a time, from any
     * thread, in no particular order. Must not suspend. May be NULL. */
    void (*event)(const struct tug_compare_event *event, void *argument);
    void *argument;
    unsigned events;
};

/* Sets the defaults: contents, no metadata, FOLLOW_OPERANDS. */
TUG_API void tug_compare_options_init(struct tug_compare_options *options);

/*
 * Compares `a` with `b`: two directories with all below them, or two of anything else. `options`
 * may be NULL for the defaults, and `report` may be NULL; it is zeroed first.
 *
 * Called by a coroutine it suspends; elsewhere it blocks the thread. Cancelling its scope ends it
 * soon; what has been found by then is in the report.
 * Returns 0 if they are the same; 1 if they differ; the scope's reason; else the first failure, a
 * negative errno, also if there are differences. -EINVAL: an option is out of range, `a` or `b` is
 * NULL; -ENOMEM, -EAGAIN: not started.
 */
TUG_API int64_t tug_compare(const struct tug_compare_options *options, const char *a, const char *b,
                            struct tug_compare_report *report);

TUG_END_DECLS

#endif
