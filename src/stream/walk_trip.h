/* SPDX-License-Identifier: MIT */
/*
 * The part of a walk that blocks: trips to the pool, each of which brings one batch of entries.
 */
#ifndef TUG_STREAM_WALK_TRIP_H
#define TUG_STREAM_WALK_TRIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fs/tree.h"

/* An entry, or what failed: strings are offsets into the batch's text. */
struct tug_walk_record {
    size_t path, name;
    uint64_t inode;
    unsigned depth;
    int error; /* the entry's place is taken by this negative errno; 0: it is an entry */
    uint8_t type;
};

/* What a trip brought. It lasts as long as the stream or an entry of it refers to it. */
struct tug_walk_batch {
    uint32_t references; /* atomic */
    size_t count, next, capacity;
    struct tug_walk_record *records;
    char *text;
    size_t text_length, text_capacity;
};

/* Gives up a reference. */
void tug_walk_batch_put(struct tug_walk_batch *batch);

struct tug_walk_trip {
    struct tug_tree tree;
    const char *root;
    int directory;
    unsigned max_depth;
    char *path; /* of the last level, up to and with a slash */
    size_t path_length, path_capacity, root_length;
    struct tug_walk_batch *batch;
    struct tug_walk_batch *spare; /* one that nobody refers to any more */
    unsigned opened;              /* directories, in this trip */
    int lost;                     /* why levels have not been found again */
    bool begun, ended;
};

/* Makes the first trip. NULL: there is no memory. */
struct tug_walk_trip *tug_walk_trip_new(int directory, const char *path, unsigned max_depth);

/* On a thread that may block, with the trip as its argument: brings the next batch into `batch`,
 * and sets `ended` with the last one. Returns 0; -ENOMEM: that was the end. */
int64_t tug_walk_trip_run(void *trip);

/* Frees the trip, its batches and what it has open. May block for a moment, like close(2). */
void tug_walk_trip_free(void *trip);

#endif
