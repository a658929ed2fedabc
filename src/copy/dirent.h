/* SPDX-License-Identifier: MIT */
/* Entries of a directory as getdents64(2) writes them. */
#ifndef TUG_COPY_DIRENT_H
#define TUG_COPY_DIRENT_H

#include <stdbool.h>
#include <stdint.h>

struct tug_copy_dirent {
    uint64_t inode;
    int64_t next;
    uint16_t size;
    uint8_t type;
    char name[];
};

/* Whether it is "." or "..". */
static inline bool tug_copy_is_dot(const char *name)
{
    return name[0] == '.' && (name[1] == '\0' || (name[1] == '.' && name[2] == '\0'));
}

#endif
