/* SPDX-License-Identifier: MIT */
/* What two entries of the same type are like, apart from the contents of regular files. */
#include "compare.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <tug/sys.h>

#include "xattr.h"

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

/* One side. A directory goes by its name: its descriptor need not be one for reading. */
struct side {
    struct tug_place place;
    struct tug_xattr_names names;
};

static struct tug_place place_of(const struct tug_compare_pair *pair, int side)
{
    const char *name = side == 0 ? pair->place.name : pair->place.b_name;
    if (name == NULL)
        return tug_place_named(pair->fd[side], ".");
    if (pair->fd[side] >= 0)
        return tug_place_open(pair->fd[side]);
    struct tug_place place = tug_place_named(pair->at[side], name);
    place.follow = !S_ISLNK(pair->statx[side].stx_mode);
    return place;
}

static bool has_name(const struct side *side, const char *name)
{
    for (size_t i = 0; i < side->names.length; i += strlen(side->names.text + i) + 1)
        if (strcmp(side->names.text + i, name) == 0)
            return true;
    return false;
}

/* Returns 1 if the values are the same, 0 if not, or a negative errno. */
static int same_value(const struct side *sides, const char *name)
{
    int64_t a = tug_xattr_get(sides[0].place, name, NULL, 0);
    int64_t b = tug_xattr_get(sides[1].place, name, NULL, 0);
    if (a < 0 || b < 0)
        return (int)(a < 0 ? a : b);
    if (a != b || a == 0)
        return a == b;
    char *values = malloc((size_t)a * 2);
    if (values == NULL)
        return -ENOMEM;
    a = tug_xattr_get(sides[0].place, name, values, (size_t)a);
    if (a > 0)
        b = tug_xattr_get(sides[1].place, name, values + a, (size_t)a);
    int same = a < 0   ? (int)a
               : b < 0 ? (int)b
                       : a == b && memcmp(values, values + a, (size_t)a) == 0;
    free(values);
    return same;
}

/* Returns the first name whose value differs; NULL: there is none, or a negative errno. */
static const char *find_difference(const struct tug_compare_pair *pair, const struct side *sides,
                                   int *error)
{
    const struct tug_compare_judge *judge = pair->place.compare->judge;
    for (size_t i = 0; i < sides[0].names.length; i += strlen(sides[0].names.text + i) + 1) {
        const char *name = sides[0].names.text + i;
        bool both = has_name(&sides[1], name);
        if (!judge->weighs(pair, name, both ? -1 : 0))
            continue;
        int same = both ? same_value(sides, name) : 0;
        if (same < 0)
            *error = same;
        if (same <= 0)
            return same < 0 ? NULL : name;
    }
    for (size_t i = 0; i < sides[1].names.length; i += strlen(sides[1].names.text + i) + 1) {
        const char *name = sides[1].names.text + i;
        if (!has_name(&sides[0], name) && judge->weighs(pair, name, 1))
            return name;
    }
    return NULL;
}

static void compare_attributes(struct tug_compare_pair *pair)
{
    int error = 0, read = 0;
    struct side sides[2];
    for (; read < 2 && error == 0; read += error == 0) {
        sides[read].place = place_of(pair, read);
        error = tug_xattr_read_names(sides[read].place, &sides[read].names);
    }
    int side = read == 1;
    const char *name = error == 0 ? find_difference(pair, sides, &error) : NULL;
    if (name != NULL)
        tug_compare_differ(
            pair, &(struct tug_compare_event){.kind = TUG_COMPARE_XATTR, .attribute = name});
    else if (error != 0)
        tug_compare_fail(pair, side, side == 0 ? TUG_COPY_STEP_STAT : TUG_COPY_STEP_VERIFY_READ,
                         error);
    while (read > 0)
        tug_xattr_free_names(&sides[--read].names);
}

/* ---- All of it ---- */

static void compare_modes(struct tug_compare_pair *pair)
{
    const struct tug_compare_judge *judge = pair->place.compare->judge;
    const struct statx *a = &pair->statx[0], *b = &pair->statx[1];
    bool same = judge->same_mode != NULL ? judge->same_mode(pair) : a->stx_mode == b->stx_mode;
    if (!same && !S_ISLNK(a->stx_mode))
        tug_compare_differ(pair, &(struct tug_compare_event){.kind = TUG_COMPARE_MODE});
}

static void compare_owners(struct tug_compare_pair *pair)
{
    const struct tug_compare_judge *judge = pair->place.compare->judge;
    const struct statx *a = &pair->statx[0], *b = &pair->statx[1];
    if ((a->stx_uid == b->stx_uid && a->stx_gid == b->stx_gid) ||
        (judge->forgives_owner != NULL && judge->forgives_owner(pair)))
        return;
    tug_compare_differ(pair, &(struct tug_compare_event){.kind = TUG_COMPARE_OWNER,
                                                         .user_a = a->stx_uid,
                                                         .user_b = b->stx_uid,
                                                         .group_a = a->stx_gid,
                                                         .group_b = b->stx_gid});
}

static void compare_times(struct tug_compare_pair *pair)
{
    const struct tug_compare_judge *judge = pair->place.compare->judge;
    const struct statx_timestamp *a = &pair->statx[0].stx_mtime, *b = &pair->statx[1].stx_mtime;
    if ((a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec) ||
        (judge->forgives_time != NULL && judge->forgives_time(pair)))
        return;
    tug_compare_differ(pair, &(struct tug_compare_event){.kind = TUG_COMPARE_TIME,
                                                         .seconds_a = a->tv_sec,
                                                         .seconds_b = b->tv_sec,
                                                         .nanoseconds_a = a->tv_nsec,
                                                         .nanoseconds_b = b->tv_nsec});
}

void tug_compare_metadata(struct tug_compare_pair *pair)
{
    unsigned metadata = pair->place.compare->metadata;
    if ((metadata & TUG_COMPARE_MODE) != 0)
        compare_modes(pair);
    if ((metadata & TUG_COMPARE_OWNER) != 0)
        compare_owners(pair);
    if ((metadata & TUG_COMPARE_TIME) != 0)
        compare_times(pair);
    if ((metadata & TUG_COMPARE_XATTR) != 0)
        compare_attributes(pair);
}
