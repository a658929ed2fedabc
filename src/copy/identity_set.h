/* SPDX-License-Identifier: MIT */
/* A set of files by device and inode. Its users share it between threads under one lock. */
#ifndef TUG_COPY_IDENTITY_SET_H
#define TUG_COPY_IDENTITY_SET_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

/* What makes two names the same file. */
struct tug_copy_identity {
    uint64_t device, inode;
};

static inline bool tug_copy_identity_equal(struct tug_copy_identity a, struct tug_copy_identity b)
{
    return a.inode == b.inode && a.device == b.device;
}

/* Needs STATX_INO. */
static inline struct tug_copy_identity tug_copy_identity_of(const struct statx *statx)
{
    return (struct tug_copy_identity){
        .device = (uint64_t)statx->stx_dev_major << 32 | statx->stx_dev_minor,
        .inode = statx->stx_ino,
    };
}

struct tug_identity_set {
    pthread_mutex_t lock;
    struct tug_identity_slot *slots;
    size_t count; /* atomic, for a quick look at an empty set */
    size_t capacity;
};

/* Returns 0 or a negative errno. */
int tug_identity_set_init(struct tug_identity_set *set);
void tug_identity_set_destroy(struct tug_identity_set *set);

/* Returns 0, also if it is in the set already, or -ENOMEM. */
int tug_identity_set_add(struct tug_identity_set *set, struct tug_copy_identity identity);
bool tug_identity_set_contains(struct tug_identity_set *set, struct tug_copy_identity identity);

#endif
