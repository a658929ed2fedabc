/* SPDX-License-Identifier: MIT */
/* What a file has beside its name and its contents, as far as a copy can keep it. */
#ifndef TUG_COPY_ATTRIBUTES_H
#define TUG_COPY_ATTRIBUTES_H

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>

struct tug_attributes {
    mode_t mode; /* with the type */
    uid_t owner;
    gid_t group;
    struct timespec times[2]; /* of the last access, of the last modification */
    unsigned extended;        /* extended attributes that are to be copied: enum tug_xattr_kind */
    int error;                /* 0, or why it is not known which there are */
};

/* Kinds of extended attributes, as bits. */
enum tug_xattr_kind {
    TUG_XATTR_ACCESS_LIST = 1,
    TUG_XATTR_DEFAULT_LIST = 2, /* of a directory, for what is made in it */
    TUG_XATTR_CONTEXT = 4,      /* of SELinux */
    TUG_XATTR_OTHER = 8
};
#define TUG_XATTR_LISTS ((unsigned)TUG_XATTR_ACCESS_LIST | (unsigned)TUG_XATTR_DEFAULT_LIST)
#define TUG_XATTR_OTHERS ((unsigned)TUG_XATTR_CONTEXT | (unsigned)TUG_XATTR_OTHER)

/* What statx(2) has to be asked for. */
#define TUG_ATTRIBUTES_MASK                                                                        \
    (STATX_TYPE | STATX_MODE | STATX_UID | STATX_GID | STATX_ATIME | STATX_MTIME)

static inline struct tug_attributes tug_attributes_of(const struct statx *statx)
{
    return (struct tug_attributes){
        .mode = statx->stx_mode,
        .owner = statx->stx_uid,
        .group = statx->stx_gid,
        .times = {{statx->stx_atime.tv_sec, statx->stx_atime.tv_nsec},
                  {statx->stx_mtime.tv_sec, statx->stx_mtime.tv_nsec}},
    };
}

/* What files have that this process makes in a directory. */
struct tug_newborn {
    bool owner_known; /* owner and group are those of the directory */
    bool plain;       /* they have no access control lists */
    uid_t owner;      /* of the directory */
    gid_t group;
};

/* A file to be worked on: open (fd >= 0), or by its name in the directory `at`; a symbolic link of
 * this name is meant itself, but for reading if it is to be followed. */
struct tug_place {
    int fd, at;
    const char *name;
    bool follow;
};

static inline struct tug_place tug_place_open(int fd)
{
    return (struct tug_place){.fd = fd};
}

static inline struct tug_place tug_place_named(int at, const char *name)
{
    return (struct tug_place){.fd = -1, .at = at, .name = name};
}

#endif
