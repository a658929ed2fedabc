/* SPDX-License-Identifier: MIT */
/*
 * Directories and trees as streams (<tug/stream.h>) of their entries.
 */
#ifndef TUG_WALK_H
#define TUG_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tug/config.h>
#include <tug/op.h>
#include <tug/stream.h>

TUG_BEGIN_DECLS

struct tug_walk_batch;
struct tug_walk_trip;

/* An entry: of any type, but never the root itself, `.` or `..`. The strings belong to the entry,
 * and last until it is dropped. (They lie in memory shared by some hundred entries: who keeps
 * single ones for long copies what is needed of them.) */
struct tug_walk_entry {
    const char *path;     /* the root's path, and then `relative` */
    const char *relative; /* from the root on */
    const char *name;     /* the last part */
    uint64_t inode;
    unsigned depth; /* 1: in the root itself */
    uint8_t type;   /* DT_REG, DT_DIR, ...; DT_UNKNOWN only if it could not be found out */
    struct tug_walk_batch *batch; /* private */
};

/* All members are private. */
struct tug_walk {
    struct tug_stream stream;
    struct tug_walk_trip *trip;
    struct tug_walk_batch *batch, *spare;
    struct tug_op op;
    const char *path;
    unsigned max_depth;
    int directory;
    bool flying, landed, ended;
    int error;  /* comes after the batch */
    int failed; /* the record of the batch that tells of the last error; -1: none does */
};

/*
 * All that is below the directory `path`, down to `max_depth` levels (0: without limit; 1: its own
 * entries, as readdir(3) gives them). Items are struct tug_walk_entry: a directory comes before
 * what is in it; else the order is the file system's. The path must stay valid until the stream is
 * closed. A symlink is followed only if it is the root. Does not suspend. Returns the stream.
 *
 * The tree is read on the blocking pool, some hundred entries at a time, ahead of who asks by no
 * more than that. Memory and descriptors are bounded whatever the tree is like; depth is not
 * limited by PATH_MAX (but a path beyond that is of use in parts only).
 *
 * A directory that cannot be read comes as an error in the place of its entries, and the walk goes
 * on behind it: tug_walk_failed() says which. One that was moved or removed while the walk was far
 * below it, so that what is left of it cannot be read, is such an error as well, -ESTALE. The end
 * of the stream is: an error of the root; -ENOMEM; -EAGAIN or -ECANCELED of the blocking pool.
 */
TUG_API struct tug_stream *tug_walk(struct tug_walk *self, const char *path, unsigned max_depth);

/* The same, below the directory with the descriptor `directory`, which must stay open. */
TUG_API struct tug_stream *tug_walk_at(struct tug_walk *self, int directory, const char *path,
                                       unsigned max_depth);

/* The path that the last error was about; NULL if it was about none. Valid until the next item is
 * asked for. Does not suspend. */
TUG_API const char *tug_walk_failed(const struct tug_walk *self);

TUG_END_DECLS

#endif
