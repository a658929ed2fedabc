/* SPDX-License-Identifier: MIT */
/* Trees with all kinds of attributes, and whether a copy has the same. */
#ifndef TUG_TESTS_COPY_ATTRIBUTES_H
#define TUG_TESTS_COPY_ATTRIBUTES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* A tree with modes, times, extended attributes, access control lists, links of both kinds and, if
 * the user may make them, owners, capabilities and devices. False: the file system has no user
 * attributes or lists, and the tree is without. */
bool attributes_make_tree(const char *path);

/* Sets the times, in seconds and nanoseconds; of a link itself. */
void attributes_set_times(const char *path, long access, long access_ns, long change,
                          long change_ns);

/* Gives a user with this number rights on a file or, with `is_default`, on what will be made in a
 * directory. False: the file system has no lists. */
bool attributes_set_list(const char *path, bool is_default, unsigned user);
bool attributes_has_list(const char *path, bool is_default);

/* Sets a user attribute of text. */
bool attributes_set(const char *path, const char *name, const char *value);

/* What is compared. Contents, types, targets and devices always are. */
enum {
    ATTRIBUTES_MODE = 1, /* and lists */
    ATTRIBUTES_OWNER = 2,
    ATTRIBUTES_TIMES = 4,
    ATTRIBUTES_XATTR = 8,
    ATTRIBUTES_LINKS = 16, /* which names are the same file */
    ATTRIBUTES_ALL = 31,
    ATTRIBUTES_TIMES_OR_NOW = 32, /* two times within the last hour are the same */
};

/* Fails the test, naming the entry, unless both trees have the same entries, and these the same
 * attributes of the kinds in the mask. */
void attributes_assert_same(const char *source, const char *copy, unsigned mask);

#endif
