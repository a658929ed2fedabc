/* SPDX-License-Identifier: MIT */
/*
 * What a pair of file systems can do for a copy, learned once: the first file finds out that an
 * operation is refused, and no other file pays for the attempt.
 */
#ifndef TUG_COPY_PAIR_H
#define TUG_COPY_PAIR_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

enum tug_copy_ability {
    TUG_COPY_CLONE = 1,   /* ficlone: the copy shares the blocks of the source */
    TUG_COPY_OFFLOAD = 2, /* copy_file_range: the file system or its server copies */
    TUG_COPY_ALLOCATE = 4 /* fallocate: blocks before contents */
};

struct tug_copy_pair {
    struct tug_copy_pair *next;
    uint64_t source_device, destination_device;
    uint32_t refused;    /* atomic: abilities that are not there */
    uint64_t clone_from; /* from this size on sharing blocks is faster than copying them */
    /* Large files are better read, and written, past the page cache. */
    bool direct_source, direct_destination;
};

struct tug_copy_pairs {
    pthread_mutex_t lock;
    struct tug_copy_pair *first;
};

int tug_copy_pairs_init(struct tug_copy_pairs *pairs);
void tug_copy_pairs_destroy(struct tug_copy_pairs *pairs);

/* The pair of two devices; `source` and `destination` are open files on them. NULL: no memory, and
 * nothing can be remembered. */
struct tug_copy_pair *tug_copy_pairs_find(struct tug_copy_pairs *pairs, uint64_t source_device,
                                          int source, uint64_t destination_device, int destination);

bool tug_copy_pair_can(const struct tug_copy_pair *pair, enum tug_copy_ability ability);

/* `error`, of an attempt: returns whether it says that the operation is not to be had here, so that
 * another way must be taken; and remembers that, unless it may concern this one file. Otherwise the
 * error is the copy's: after a failure such as -EIO or -ENOSPC it is not known what the destination
 * holds. */
bool tug_copy_pair_refuses(struct tug_copy_pair *pair, enum tug_copy_ability ability, int error);

#endif
