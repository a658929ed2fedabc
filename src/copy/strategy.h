/* SPDX-License-Identifier: MIT */
/*
 * How the contents of a file come over: by its size, its holes, what the pair of file systems can
 * do, and what was asked for. All thresholds are here, in strategy.c; the rest of the engine only
 * carries out what was chosen.
 */
#ifndef TUG_COPY_STRATEGY_H
#define TUG_COPY_STRATEGY_H

#include <stdbool.h>
#include <stdint.h>

#include "pair.h"

struct tug_copy_options;

#define TUG_COPY_RANGE ((uint64_t)8 << 20)

struct tug_copy_thresholds {
    uint64_t piece; /* up to here a file is read in one piece before its copy is made */
    uint64_t holes; /* from here on it is worth while to look for holes */
    uint64_t range; /* what a worker takes of a large file at a time */
    uint64_t zeros; /* with sparse=always: runs of zeros of this length become holes */
};

extern const struct tug_copy_thresholds tug_copy_thresholds;

enum tug_copy_method {
    TUG_COPY_BY_PIECE,  /* read, then written, in one piece */
    TUG_COPY_BY_STREAM, /* read to its end, whatever its length was said to be */
    TUG_COPY_BY_CLONE,  /* the copy shares the blocks of the source */
    TUG_COPY_BY_RANGES, /* read and written by ranges, on several workers */
    TUG_COPY_BY_HOLES,  /* the same, but only what is data */
    TUG_COPY_BY_ZEROS,  /* the same, but only what is not zeros */
    TUG_COPY_BY_SERVER  /* by the file system itself: copy_file_range */
};

enum tug_copy_reason {
    TUG_COPY_FOR_SMALL,       /* not larger than a piece */
    TUG_COPY_FOR_LARGE,       /* larger */
    TUG_COPY_FOR_NO_LENGTH,   /* its length is not known beforehand, or the target is no file */
    TUG_COPY_FOR_SHARING,     /* the two sides can share blocks, and that is the faster way */
    TUG_COPY_FOR_FEW_BLOCKS,  /* it has fewer blocks than bytes */
    TUG_COPY_FOR_OPTION,      /* it was asked for */
    TUG_COPY_FOR_NO_ALLOCATE, /* blocks cannot be allocated: probably a remote file system */
    TUG_COPY_FOR_REFUSED      /* sharing was tried, and refused */
};

struct tug_copy_choice {
    enum tug_copy_method method;
    enum tug_copy_reason reason;
};

/* What is known of a file before its copy is made. */
struct tug_copy_shape {
    uint64_t size; /* 0: not known */
    uint64_t blocks;
    bool regular;
    /* Of its directory and the one of the copy; NULL: not known yet. */
    const struct tug_copy_pair *pair;
};

/* Chooses before the copy is made. A large file may still become BY_CLONE or BY_SERVER when the
 * pair is known, and if sharing blocks is refused another way is taken. */
struct tug_copy_choice tug_copy_choose(const struct tug_copy_options *options,
                                       const struct tug_copy_shape *shape);

/* Whether to try to share blocks with a copy that has been made. */
bool tug_copy_should_clone(const struct tug_copy_options *options, struct tug_copy_choice choice,
                           const struct tug_copy_pair *pair);

/* What to say about a choice. */
const char *tug_copy_method_text(enum tug_copy_method method);
const char *tug_copy_reason_text(enum tug_copy_reason reason);

/* What is known of file systems by their magic number: which abilities they are not to be asked
 * for, from which size on sharing blocks is faster than copying them, and whether large files are
 * better read and written past the page cache. */
struct tug_copy_traits {
    uint32_t refused;
    bool shares_across_devices;
    uint64_t clone_from;
    bool direct;
};
struct tug_copy_traits tug_copy_traits_of(uint32_t magic);

#endif
