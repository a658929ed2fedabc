/* SPDX-License-Identifier: MIT */
/*
 * The visitor that compares. The walk leads through A; B is looked up by the same names.
 *
 * To find what only B has, all names of a directory of B are read when it is entered, and crossed
 * off as the walk comes to them; what is left when the directory is left is only in B. A name that
 * A has but that could not be looked at is crossed off, too, and if not all of A's names are known
 * nothing is said about the rest. In the other direction the table tells without a system call that
 * an entry is missing.
 */
#include "compare.h"

#include <dirent.h>
#include <errno.h>

#include <tug/sys.h>

#include "engine.h"

/* ---- Findings ---- */

void tug_compare_differ(struct tug_compare_pair *pair, struct tug_compare_event *event)
{
    pair->differs = true;
    event->mode_a = pair->statx[0].stx_mode;
    event->mode_b = pair->statx[1].stx_mode;
    pair->place.compare->judge->found(&pair->place, event, TUG_COPY_STEP_NONE);
}

static void fail_place(const struct tug_compare_place *place, int side, enum tug_copy_step step,
                       int error)
{
    struct tug_compare_event event = {.kind = TUG_COMPARE_FAILED, .side = side, .error = error};
    place->compare->judge->found(place, &event, step);
}

void tug_compare_fail(struct tug_compare_pair *pair, int side, enum tug_copy_step step, int error)
{
    pair->differs = true;
    fail_place(&pair->place, side, step, error);
}

/* B is not there, or cannot be looked at. That there is nothing to compare with is a difference
 * below the operands only. */
static void miss(struct tug_compare_pair *pair, int error)
{
    const struct tug_directory *directory = pair->place.directory;
    const struct tug_directory *parent = pair->place.name == NULL ? directory->parent : directory;
    bool operand = pair->place.compare->both_ways && parent->parent == NULL;
    if (error == -ENOENT && !operand)
        tug_compare_differ(pair, &(struct tug_compare_event){.kind = TUG_COMPARE_ONLY_IN_A});
    else
        tug_compare_fail(pair, 1, TUG_COPY_STEP_VERIFY_MISSING, error);
}

/* Crosses a name off. False: B does not have it, which has been said. */
static bool is_in_b(struct tug_compare_pair *pair, const struct tug_directory *directory,
                    const char *name, unsigned type)
{
    if (directory->b_names == NULL || tug_compare_names_find(directory->b_names, name))
        return true;
    pair->statx[0].stx_mode = (uint16_t)type;
    miss(pair, -ENOENT);
    return false;
}

static void fail_entry(struct tug_walk *walk, const struct tug_directory *directory,
                       const char *name, const char *b_name, enum tug_copy_step step, int error)
{
    const struct tug_compare_place place = {tug_compare_of(walk), directory, name, b_name};
    const struct tug_directory *parent = directory->parent;
    if (name != NULL && directory->b_names != NULL)
        tug_compare_names_find(directory->b_names, name);
    else if (name == NULL && directory->b_names != NULL)
        tug_compare_names_give_up(directory->b_names);
    else if (name == NULL && parent->b_names != NULL)
        tug_compare_names_find(parent->b_names, directory->name);
    fail_place(&place, 0, step, error);
}

/* ---- Directories ---- */

static int open_b(struct tug_walk *walk, struct tug_directory *directory)
{
    const struct tug_compare *compare = tug_compare_of(walk);
    /* Its names are read only if they matter: it need not be readable. */
    int flags = O_DIRECTORY | O_CLOEXEC | (directory->follow_destination ? 0 : O_NOFOLLOW) |
                (compare->both_ways ? O_RDONLY : O_PATH);
    int at = directory->parent->destination;
    int fd = tug_sys_openat(at, directory->destination_name, flags, 0);
    if (fd == -EMFILE && tug_directory_set_shrink(&walk->directories))
        fd = tug_sys_openat(at, directory->destination_name, flags, 0);
    return fd;
}

/* What has the name is not a directory, or not to be had. */
static void fail_open(struct tug_compare_pair *pair, int error)
{
    const struct tug_directory *directory = pair->place.directory;
    if (error != -ENOTDIR && error != -ELOOP) {
        miss(pair, error);
        return;
    }
    const struct tug_compare_judge *judge = pair->place.compare->judge;
    /* If it has gone meanwhile, its type stays 0, which is as different. */
    tug_sys_statx(directory->parent->destination, directory->destination_name, AT_SYMLINK_NOFOLLOW,
                  STATX_TYPE | STATX_MODE, &pair->statx[1]);
    tug_compare_differ(pair, &(struct tug_compare_event){.kind = TUG_COMPARE_TYPE});
    if (judge->rejected != NULL)
        judge->rejected(&pair->place);
}

/* Looks at both sides. False: there is nothing to walk. */
static bool examine(struct tug_walk *walk, struct tug_compare_pair *pair,
                    struct tug_directory *directory)
{
    struct tug_compare *compare = pair->place.compare;
    int error =
        tug_sys_statx(directory->destination, "", AT_EMPTY_PATH, TUG_COMPARE_SEEN, &pair->statx[1]);
    if (error != 0) {
        tug_compare_fail(pair, 1, TUG_COPY_STEP_VERIFY_MISSING, error);
        return false;
    }
    directory->destination_identity = tug_copy_identity_of(&pair->statx[1]);
    /* Two names of one directory: all of it is the same. */
    if (compare->both_ways &&
        tug_copy_identity_equal(directory->source_identity, directory->destination_identity)) {
        tug_compare_end(pair);
        return false;
    }
    if (compare->both_ways) {
        error = tug_compare_names_read(&directory->b_names, directory->destination);
    } else if (directory->parent->parent == NULL) {
        error = tug_identity_set_add(&walk->roots, directory->destination_identity);
    }
    if (error != 0)
        tug_compare_fail(pair, 1, TUG_COPY_STEP_VERIFY_READ, error);
    return error == 0;
}

static bool enter(struct tug_walk *walk, struct tug_directory *directory, const struct statx *statx)
{
    struct tug_compare *compare = tug_compare_of(walk);
    struct tug_compare_pair pair = {
        .place = {.compare = compare, .directory = directory},
        .directory = directory,
        .fd = {directory->source, -1},
    };
    pair.statx[0] = *statx;
    if (!is_in_b(&pair, directory->parent, directory->name, S_IFDIR))
        return false;
    directory->follow_destination =
        compare->both_ways && (directory->follow || walk->follow_always);
    int fd = open_b(walk, directory);
    if (fd < 0) {
        fail_open(&pair, fd);
        return false;
    }
    directory->destination = pair.fd[1] = fd;
    int error = 0;
    if ((compare->metadata & ~(unsigned)TUG_COMPARE_MODE) != 0)
        error =
            tug_sys_statx(directory->source, "", AT_EMPTY_PATH, TUG_COMPARE_SEEN, &pair.statx[0]);
    if (error != 0)
        tug_compare_fail(&pair, 0, TUG_COPY_STEP_STAT, error);
    if (error == 0 && examine(walk, &pair, directory)) {
        tug_compare_metadata(&pair);
        tug_compare_end(&pair);
        return true;
    }
    tug_sys_close(fd);
    directory->destination = -1;
    return false;
}

static void leave(struct tug_walk *walk, struct tug_directory *directory)
{
    size_t position = 0;
    unsigned type;
    const char *name;
    struct tug_compare_names *names = directory->b_names;
    if (names == NULL)
        return;
    struct tug_compare_place place = {.compare = tug_compare_of(walk), .directory = directory};
    while (!tug_crew_stopped(walk->crew) &&
           (name = tug_compare_names_next(names, &position, &type)) != NULL) {
        struct tug_compare_event event = {.kind = TUG_COMPARE_ONLY_IN_B, .mode_b = DTTOIF(type)};
        place.name = place.b_name = name;
        place.compare->judge->found(&place, &event, TUG_COPY_STEP_NONE);
    }
    tug_compare_names_free(names);
    directory->b_names = NULL;
}

/* ---- Other entries ---- */

/* Looks at both sides. False: there is nothing to compare, or it has been reported. */
static bool look(struct tug_compare_pair *pair, const struct tug_walk_entry *entry)
{
    struct tug_compare *compare = pair->place.compare;
    struct statx *a = &pair->statx[0], *b = &pair->statx[1];
    int follow = entry->follow ? 0 : AT_SYMLINK_NOFOLLOW;
    int error = tug_sys_statx(pair->at[0], entry->name, follow, TUG_COMPARE_SEEN, a);
    if (error != 0) {
        tug_compare_fail(pair, 0, TUG_COPY_STEP_STAT, error);
        return false;
    }
    if (compare->both_ways && entry->walk->follow_always)
        follow = 0;
    else if (!compare->both_ways)
        follow = AT_SYMLINK_NOFOLLOW;
    error = tug_sys_statx(pair->at[1], entry->destination_name, follow, TUG_COMPARE_SEEN, b);
    pair->through =
        error == 0 && compare->write_through && S_ISLNK(b->stx_mode) && S_ISREG(a->stx_mode);
    if (pair->through)
        error = tug_sys_statx(pair->at[1], entry->destination_name, 0, TUG_COMPARE_SEEN, b);
    /* A link to nothing is there all the same. */
    if (error == -ENOENT && follow == 0)
        error = tug_sys_statx(pair->at[1], entry->destination_name, AT_SYMLINK_NOFOLLOW,
                              TUG_COMPARE_SEEN, b);
    if (error != 0) {
        miss(pair, error);
        return false;
    }
    return compare->judge->leaves_out == NULL || !compare->judge->leaves_out(pair);
}

/* Opens both sides, which are regular files. Returns whether that worked. */
static bool open_files(struct tug_compare_pair *pair, const struct tug_walk_entry *entry)
{
    for (int side = 0; side < 2; side++) {
        const char *name = side == 0 ? entry->name : entry->destination_name;
        /* What was seen is what is opened, whichever way that led; O_NONBLOCK: in case it has
         * turned into a FIFO since. */
        bool follow =
            entry->follow ||
            (side == 1 && (pair->place.compare->write_through || entry->walk->follow_always));
        int flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | (follow ? 0 : O_NOFOLLOW);
        int fd = tug_sys_openat(pair->at[side], name, flags, 0);
        if (fd == -EMFILE && tug_directory_set_shrink(&entry->walk->directories))
            fd = tug_sys_openat(pair->at[side], name, flags, 0);
        if (fd < 0) {
            tug_compare_fail(pair, side, side == 0 ? TUG_COPY_STEP_READ : TUG_COPY_STEP_VERIFY_READ,
                             fd);
            return false;
        }
        pair->fd[side] = fd;
    }
    return true;
}

/* Whether the sizes tell that contents differ. Those of some file systems are always 0. */
static bool sizes_tell(const struct tug_compare_pair *pair)
{
    uint64_t a = pair->statx[0].stx_size, b = pair->statx[1].stx_size;
    return !pair->place.compare->offsets && a != b && a != 0 && b != 0;
}

/* Returns true if the pair has been taken over. */
static bool compare_files(struct tug_compare_pair *pair, const struct tug_walk_entry *entry)
{
    const struct tug_compare *compare = pair->place.compare;
    bool read = compare->contents && !sizes_tell(pair);
    bool open = read || (compare->metadata & TUG_COMPARE_XATTR) != 0;
    if (open && !open_files(pair, entry))
        return false;
    tug_compare_metadata(pair);
    if (read)
        return tug_compare_contents(pair, entry->worker);
    if (compare->contents)
        tug_compare_differ(pair, &(struct tug_compare_event){
                                     .kind = TUG_COMPARE_CONTENT,
                                     .offset = TUG_COMPARE_NO_OFFSET,
                                     .size_a = pair->statx[0].stx_size,
                                     .size_b = pair->statx[1].stx_size,
                                 });
    return false;
}

static void compare_others(struct tug_compare_pair *pair)
{
    const struct statx *a = &pair->statx[0], *b = &pair->statx[1];
    tug_compare_metadata(pair);
    if (S_ISLNK(a->stx_mode))
        tug_compare_targets(pair);
    else if (a->stx_rdev_major != b->stx_rdev_major || a->stx_rdev_minor != b->stx_rdev_minor)
        tug_compare_differ(pair, &(struct tug_compare_event){.kind = TUG_COMPARE_CONTENT,
                                                             .offset = TUG_COMPARE_NO_OFFSET});
}

/* Whether there may be other names. Followed links are such, too. What is written through a link
 * is not one of the names of a copy. */
static bool are_linked(const struct tug_compare_pair *pair)
{
    return (pair->statx[0].stx_nlink > 1 || pair->statx[1].stx_nlink > 1 ||
            pair->place.compare->any_linked) &&
           !pair->through;
}

void tug_compare_end(struct tug_compare_pair *pair)
{
    struct tug_compare *compare = pair->place.compare;
    bool whole_directory = pair->place.name == NULL;
    for (int side = 0; side < 2 && !whole_directory; side++)
        if (pair->fd[side] >= 0)
            tug_sys_close(pair->fd[side]);
    if (compare->count_equal_only && pair->differs)
        tug_copy_count(compare->bytes, -pair->counted);
    if (tug_crew_stopped(compare->crew))
        return;
    compare->judge->ended(pair);
    if (pair->differs && compare->judge->rejected != NULL)
        compare->judge->rejected(&pair->place);
}

static void visit(const struct tug_walk_entry *entry)
{
    struct tug_compare *compare = tug_compare_of(entry->walk);
    struct tug_compare_pair pair = {
        .place = {compare, entry->directory, entry->name, entry->destination_name},
        .directory = entry->directory,
        .fd = {-1, -1},
        .at = {entry->directory->source, entry->directory->destination},
    };
    /* The contents of FIFOs and devices are gone once they are read. */
    if (!compare->specials && entry->type != S_IFREG && entry->type != S_IFLNK)
        return;
    if (!is_in_b(&pair, entry->directory, entry->name, entry->type) || !look(&pair, entry))
        return;
    mode_t type = pair.statx[0].stx_mode & S_IFMT;
    if (type != (pair.statx[1].stx_mode & S_IFMT)) {
        tug_compare_differ(&pair, &(struct tug_compare_event){.kind = TUG_COMPARE_TYPE});
        if (compare->judge->rejected != NULL)
            compare->judge->rejected(&pair.place);
        return;
    }
    if (compare->links != NULL && are_linked(&pair))
        tug_compare_hard_links(&pair);
    if (type != S_IFREG)
        compare_others(&pair);
    else if (compare_files(&pair, entry))
        return;
    tug_compare_end(&pair);
}

const struct tug_walk_visitor tug_compare_visitor = {
    .enter = enter,
    .leave = leave,
    .visit = visit,
    .fail = fail_entry,
};
