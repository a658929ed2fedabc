/* SPDX-License-Identifier: MIT */
/* Extended attributes of files that are open or named, for what copies them and what compares
 * them. */
#ifndef TUG_COPY_XATTR_H
#define TUG_COPY_XATTR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "attributes.h"

#define TUG_XATTR_ACCESS_LIST_NAME "system.posix_acl_access"
#define TUG_XATTR_DEFAULT_LIST_NAME "system.posix_acl_default"
#define TUG_XATTR_CONTEXT_NAME "security.selinux"

/* Lists and values are read into this much; larger ones, up to the kernel's limit of 64 KiB, into
 * memory of their own. */
#define TUG_XATTR_USUAL_SIZE 512
#define TUG_XATTR_LARGEST_SIZE ((size_t)64 << 10)

/* As tug_sys_fgetxattr() and so on. */
int64_t tug_xattr_get(struct tug_place place, const char *name, void *value, size_t size);
int tug_xattr_set(struct tug_place place, const char *name, const void *value, size_t size);
int tug_xattr_remove(struct tug_place place, const char *name);

/* The file system does not have such attributes, or the file not this one. */
bool tug_xattr_is_absence(int64_t error);

/* Which rights at most a new entry of a directory gets by the default list there: as the bits 0777
 * of a mode. False: there is no such list. */
bool tug_xattr_default_rights(struct tug_place directory, mode_t *rights);

/* The names of a file's attributes, each terminated by a zero byte. */
struct tug_xattr_names {
    char usual[TUG_XATTR_USUAL_SIZE];
    char *text;
    size_t length;
};

/* Returns 0 or a negative errno; then there is nothing to free. None are no error. */
int tug_xattr_read_names(struct tug_place place, struct tug_xattr_names *names);
void tug_xattr_free_names(struct tug_xattr_names *names);

/* enum tug_xattr_kind; 0: private to a file system, or only the kernel may write it. */
unsigned tug_xattr_kind_of(const char *name);

#endif
