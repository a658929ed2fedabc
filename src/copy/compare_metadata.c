/* SPDX-License-Identifier: MIT */
/* What two entries of the same type are like, apart from the contents of regular files. */
#include "compare.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tug/sys.h>

/* ---- Links ---- */

/* Returns the target, malloc'ed, or NULL and a negative errno. */
static char *read_target(int at, const char *name, int *error)
{
    for (size_t size = 1024;; size *= 2) {
        char *target = malloc(size);
        *error = -ENOMEM;
        if (target == NULL)
            return NULL;
        int64_t length = tug_sys_readlinkat(at, name, target, size - 1);
        if (length >= 0 && (size_t)length < size - 1) {
            target[length] = '\0';
            return target;
        }
        free(target);
        *error = (int)length;
        if (length < 0)
            return NULL;
    }
}

void tug_compare_targets(struct tug_compare_pair *pair)
{
    int error;
    char *b = NULL, *a = read_target(pair->at[0], pair->place.name, &error);
    if (a == NULL) {
        tug_compare_fail(pair, 0, TUG_COPY_STEP_READ_LINK, error);
        return;
    }
    b = read_target(pair->at[1], pair->place.b_name, &error);
    if (b == NULL)
        tug_compare_fail(pair, 1, TUG_COPY_STEP_VERIFY_READ, error);
    else if (strcmp(a, b) != 0)
        tug_compare_differ(pair, &(struct tug_compare_event){.kind = TUG_COMPARE_CONTENT,
                                                             .offset = TUG_COMPARE_NO_OFFSET});
    free(a);
    free(b);
}

/* ---- Attributes ---- */

/* One side: by its descriptor if it is open, else by a path that does not follow it. */
struct side {
    int fd;
    char *path;
    char *names; /* each terminated by a zero byte */
    size_t length;
};

/* Labels that the system gives by place or by inode: two files cannot share them. */
static bool is_of_place(const char *name)
{
    return strcmp(name, "security.selinux") == 0 || strcmp(name, "security.evm") == 0;
}

static char *path_of(int at, const char *name)
{
    char *path = NULL;
    if (at < 0)
        return strdup(name);
    return asprintf(&path, "/proc/self/fd/%d/%s", at, name) < 0 ? NULL : path;
}

static int64_t get_value(const struct side *side, const char *name, void *value, size_t size)
{
    return side->fd >= 0 ? tug_sys_fgetxattr(side->fd, name, value, size)
                         : tug_sys_lgetxattr(side->path, name, value, size);
}

static int64_t get_names(const struct side *side, char *names, size_t size)
{
    return side->fd >= 0 ? tug_sys_flistxattr(side->fd, names, size)
                         : tug_sys_llistxattr(side->path, names, size);
}

/* Reads the names. A file system without attributes has none. */
static int list(struct side *side)
{
    for (size_t size = 0;;) {
        int64_t length = get_names(side, side->names, size);
        if (length == -EOPNOTSUPP)
            length = 0;
        if (length < 0 && length != -ERANGE)
            return (int)length;
        if (length >= 0 && (size_t)length <= size) {
            side->length = (size_t)length;
            return 0;
        }
        size = length >= 0 ? (size_t)length : size * 2 + 256;
        free(side->names);
        side->names = malloc(size);
        if (side->names == NULL)
            return -ENOMEM;
    }
}

static bool has_name(const struct side *side, const char *name)
{
    for (size_t i = 0; i < side->length; i += strlen(side->names + i) + 1)
        if (strcmp(side->names + i, name) == 0)
            return true;
    return false;
}

/* Returns 1 if the values are the same, 0 if not, or a negative errno. */
static int same_value(const struct side sides[2], const char *name)
{
    int64_t a = get_value(&sides[0], name, NULL, 0), b = get_value(&sides[1], name, NULL, 0);
    if (a < 0 || b < 0)
        return (int)(a < 0 ? a : b);
    if (a != b || a == 0)
        return a == b;
    char *values = malloc((size_t)a * 2);
    if (values == NULL)
        return -ENOMEM;
    a = get_value(&sides[0], name, values, (size_t)a);
    if (a > 0)
        b = get_value(&sides[1], name, values + a, (size_t)a);
    int same = a < 0   ? (int)a
               : b < 0 ? (int)b
                       : a == b && memcmp(values, values + a, (size_t)a) == 0;
    free(values);
    return same;
}

/* Returns the first name whose value differs; NULL: there is none, or a negative errno. */
static const char *find_difference(const struct side sides[2], int *error)
{
    for (size_t i = 0; i < sides[0].length; i += strlen(sides[0].names + i) + 1) {
        const char *name = sides[0].names + i;
        if (is_of_place(name))
            continue;
        int same = has_name(&sides[1], name) ? same_value(sides, name) : 0;
        if (same < 0)
            *error = same;
        if (same <= 0)
            return same < 0 ? NULL : name;
    }
    for (size_t i = 0; i < sides[1].length; i += strlen(sides[1].names + i) + 1)
        if (!is_of_place(sides[1].names + i) && !has_name(&sides[0], sides[1].names + i))
            return sides[1].names + i;
    return NULL;
}

static void compare_attributes(struct tug_compare_pair *pair)
{
    int error = 0, side = 0;
    struct side sides[2];
    memset(sides, 0, sizeof(sides));
    for (int i = 0; i < 2 && error == 0; i++) {
        side = i;
        sides[i].fd = pair->fd[i];
        if (pair->fd[i] < 0) {
            sides[i].path = path_of(pair->at[i], i == 0 ? pair->place.name : pair->place.b_name);
            error = sides[i].path == NULL ? -ENOMEM : 0;
        }
        if (error == 0)
            error = list(&sides[i]);
    }
    const char *name = error == 0 ? find_difference(sides, &error) : NULL;
    if (name != NULL)
        tug_compare_differ(
            pair, &(struct tug_compare_event){.kind = TUG_COMPARE_XATTR, .attribute = name});
    else if (error != 0)
        tug_compare_fail(pair, side, side == 0 ? TUG_COPY_STEP_STAT : TUG_COPY_STEP_VERIFY_READ,
                         error);
    for (int i = 0; i < 2; i++) {
        free(sides[i].path);
        free(sides[i].names);
    }
}

/* ---- All of it ---- */

static void compare_owners(struct tug_compare_pair *pair)
{
    const struct statx *a = &pair->statx[0], *b = &pair->statx[1];
    if (a->stx_uid != b->stx_uid || a->stx_gid != b->stx_gid)
        tug_compare_differ(pair, &(struct tug_compare_event){.kind = TUG_COMPARE_OWNER,
                                                             .user_a = a->stx_uid,
                                                             .user_b = b->stx_uid,
                                                             .group_a = a->stx_gid,
                                                             .group_b = b->stx_gid});
}

static void compare_times(struct tug_compare_pair *pair)
{
    const struct statx_timestamp *a = &pair->statx[0].stx_mtime, *b = &pair->statx[1].stx_mtime;
    if (a->tv_sec != b->tv_sec || a->tv_nsec != b->tv_nsec)
        tug_compare_differ(pair, &(struct tug_compare_event){.kind = TUG_COMPARE_TIME,
                                                             .seconds_a = a->tv_sec,
                                                             .seconds_b = b->tv_sec,
                                                             .nanoseconds_a = a->tv_nsec,
                                                             .nanoseconds_b = b->tv_nsec});
}

void tug_compare_metadata(struct tug_compare_pair *pair)
{
    const struct tug_compare *compare = pair->place.compare;
    const struct tug_directory *directory = pair->place.directory;
    /* For a directory itself, the one that it is in. */
    int parent = pair->place.name == NULL ? directory->parent->destination : directory->destination;
    if ((compare->metadata & TUG_COMPARE_MODE) != 0 && !S_ISLNK(pair->statx[0].stx_mode) &&
        !compare->judge->same_mode(pair->place.compare, &pair->statx[0], &pair->statx[1], parent))
        tug_compare_differ(pair, &(struct tug_compare_event){.kind = TUG_COMPARE_MODE});
    if ((compare->metadata & TUG_COMPARE_OWNER) != 0)
        compare_owners(pair);
    if ((compare->metadata & TUG_COMPARE_TIME) != 0)
        compare_times(pair);
    if ((compare->metadata & TUG_COMPARE_XATTR) != 0)
        compare_attributes(pair);
}
