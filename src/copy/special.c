/* SPDX-License-Identifier: MIT */
/*
 * Symbolic links, FIFOs, sockets and devices: made anew under their own name. What has the name
 * already is removed first, since none of these can be overwritten.
 */
#include "file.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/sysmacros.h>

#include <tug/sys.h>

#include "attempt.h"
#include "existing.h"
#include "preserve.h"

/* Targets of links are read into this much; longer ones, which some file systems allow, into
 * memory of their own. */
#define USUAL_TARGET 1024

struct special {
    struct tug_copy_engine *engine;
    const struct tug_walk_entry *entry;
    struct tug_copy_identity identity;
    struct timespec modified;
    mode_t mode; /* with type */
    dev_t device;
    const char *target; /* of a link */
    struct tug_attributes attributes;
    struct tug_ledger_state state; /* of the source */
    uint32_t link_count;
    struct tug_hard_link *link; /* the source has other names, and this one is copied for all */
    bool natural;               /* made with its mode, it will need nothing more but its times */
};

static int fail(const struct special *special, enum tug_copy_step step, int error)
{
    const struct tug_walk_entry *entry = special->entry;
    tug_copy_fail(special->engine, entry->directory, entry->name, entry->destination_name, step,
                  error);
    return error != 0 ? error : -EEXIST;
}

static int make(const struct special *special)
{
    const struct tug_walk_entry *entry = special->entry;
    int at = entry->directory->destination;
    if (S_ISLNK(special->mode))
        return tug_sys_symlinkat(special->target, at, entry->destination_name);
    mode_t mode = tug_preserve_mode(special->engine, special->mode);
    return tug_sys_mknodat(at, entry->destination_name,
                           (special->mode & S_IFMT) | (special->natural ? mode : mode & 0600),
                           special->device);
}

static int fail_make(const struct special *special, int error)
{
    const struct tug_walk_entry *entry = special->entry;
    tug_copy_fail_create(
        special->engine, entry->directory, entry->name, entry->destination_name,
        S_ISLNK(special->mode) ? TUG_COPY_STEP_CREATE_LINK : TUG_COPY_STEP_CREATE_SPECIAL, error);
    return error;
}

static struct tug_place place_of_source(const struct special *special)
{
    struct tug_place place =
        tug_place_named(special->entry->directory->source, special->entry->name);
    place.follow = special->entry->follow;
    return place;
}

/* What there is to keep of the source, of which statx(2) has told a part. Links have no
 * permissions. */
static void examine_attributes(struct special *special)
{
    const struct tug_copy_engine *engine = special->engine;
    special->natural = true;
    if (engine->options->preserve == 0)
        return;
    if (!S_ISLNK(special->mode) ||
        tug_preserves(engine, TUG_COPY_PRESERVE_XATTR | TUG_COPY_PRESERVE_CONTEXT))
        tug_preserve_look(engine, place_of_source(special), &special->attributes);
    special->natural =
        tug_preserve_is_natural(engine, &special->attributes, &special->entry->directory->newborn);
}

/* Fills in what the source is. Of a link that is asked for only if something has its name, or if
 * its attributes are to be kept. */
static int examine(struct special *special)
{
    struct statx statx;
    const struct tug_walk_entry *entry = special->entry;
    int error = tug_sys_statx(entry->directory->source, entry->name,
                              entry->follow ? 0 : AT_SYMLINK_NOFOLLOW,
                              STATX_TYPE | STATX_MODE | STATX_INO | STATX_NLINK | STATX_MTIME |
                                  tug_preserve_mask(special->engine),
                              &statx);
    if (error != 0)
        return fail(special, TUG_COPY_STEP_STAT, error);
    if ((statx.stx_mode & S_IFMT) != entry->type)
        return fail(special, TUG_COPY_STEP_REPLACED, 0);
    special->identity = tug_copy_identity_of(&statx);
    special->state = tug_ledger_state_of(&statx);
    special->mode = statx.stx_mode;
    special->modified = (struct timespec){statx.stx_mtime.tv_sec, statx.stx_mtime.tv_nsec};
    special->link_count = statx.stx_nlink;
    special->device = makedev(statx.stx_rdev_major, statx.stx_rdev_minor);
    special->attributes = tug_attributes_of(&statx);
    return 0;
}

/* Whether the source is a link to this file: in the place of what it points to, it would point to
 * itself, and the file would be lost. */
static bool leads_to(const struct special *special, struct tug_copy_identity identity)
{
    struct statx statx;
    const struct tug_walk_entry *entry = special->entry;
    return S_ISLNK(special->mode) &&
           tug_sys_statx(entry->directory->source, entry->name, 0, STATX_INO, &statx) == 0 &&
           tug_copy_identity_equal(tug_copy_identity_of(&statx), identity);
}

/* Returns 0; 1: the name is kept by what has it; or what has been reported. */
static int replace(struct special *special)
{
    struct statx statx;
    const struct tug_walk_entry *entry = special->entry;
    if (S_ISLNK(special->mode) && special->engine->options->preserve == 0) {
        int error = examine(special);
        if (error != 0)
            return error;
    }
    const struct tug_copy_subject subject = {special->engine,   entry->directory,
                                             entry->name,       entry->destination_name,
                                             special->identity, special->modified};
    char *backup = NULL;
    int found = tug_copy_check_existing(&subject, &statx);
    if (found < 0 || found == 1)
        return found;
    if (found == 2 && leads_to(special, tug_copy_identity_of(&statx)))
        return fail(special, TUG_COPY_STEP_SAME_FILE, 0);
    if (found == 2) {
        int error = tug_copy_clear_way(&subject, &backup);
        if (error != 0)
            return error;
    }
    int error = make(special);
    if (error != 0)
        fail_make(special, error);
    tug_copy_end_backup(&subject, backup, error != 0);
    return error;
}

/* The attributes of the source; false: one of them could not be kept, and that has been
 * reported. */
static bool keep_attributes(const struct special *special)
{
    const struct tug_copy_engine *engine = special->engine;
    const struct tug_walk_entry *entry = special->entry;
    const struct tug_newborn *newborn = &entry->directory->newborn;
    struct tug_preserve preserve = {
        .engine = special->engine,
        .directory = entry->directory,
        .name = entry->name,
        .destination_name = entry->destination_name,
        .attributes = &special->attributes,
        .source = place_of_source(special),
        .destination = tug_place_named(entry->directory->destination, entry->destination_name),
        .created = true,
        .plain = newborn->plain,
        .set_mode = !special->natural,
        .mode = tug_preserve_final_mode(engine, special->mode),
        .owner_known = newborn->owner_known,
        .owner = newborn->owner,
        .group = newborn->group,
    };
    return engine->options->preserve == 0 || tug_preserve(&preserve);
}

/* Says what the other names of the source can be linked to, if this one has been made. */
static void settle_links(struct special *special, bool made)
{
    struct statx statx;
    struct tug_copy_identity copy;
    const struct tug_walk_entry *entry = special->entry;
    if (special->link == NULL)
        return;
    made = made && tug_sys_statx(entry->directory->destination, entry->destination_name,
                                 AT_SYMLINK_NOFOLLOW, STATX_INO, &statx) == 0;
    if (made)
        copy = tug_copy_identity_of(&statx);
    tug_hard_links_settle(special->engine, special->link, entry->directory, entry->destination_name,
                          made ? &copy : NULL);
}

/* It is to be made again. Returns what is not 0. */
static int unmake(const struct special *special)
{
    const struct tug_walk_entry *entry = special->entry;
    int error = tug_sys_unlinkat(entry->directory->destination, entry->destination_name, 0);
    if (error != 0 && error != -ENOENT)
        tug_copy_fail_to_clean(special->engine, entry->directory, entry->name,
                               entry->destination_name, TUG_COPY_STEP_REMOVE, error);
    return -EAGAIN;
}

/* Whether this name is one of several, and is, or will be, a link to another. */
static bool is_linked(struct special *special)
{
    return tug_hard_links_concern(special->engine, special->link_count) &&
           !tug_hard_links_claim(special->entry, special->identity, &special->link);
}

static void create(struct special *special)
{
    struct tug_copy_engine *engine = special->engine;
    const struct tug_walk_entry *entry = special->entry;
    bool is_link = S_ISLNK(special->mode);
    if (is_linked(special))
        return;
    examine_attributes(special);
    int error = make(special);
    if (error == -EEXIST)
        error = replace(special);
    else if (error != 0)
        error = fail_make(special, error);
    bool complete = error == 0 && keep_attributes(special);
    if (error == 0 && tug_attempt_now().state == TUG_ATTEMPT_AGAIN)
        error = unmake(special);
    settle_links(special, error == 0);
    if (!complete)
        return;
    tug_copy_note(engine, entry->directory, entry->name, &special->state);
    tug_copy_count(is_link ? &engine->report->links : &engine->report->specials, 1);
    if (tug_copy_wants(engine, TUG_COPY_FINISHED))
        tug_copy_tell(engine, TUG_COPY_FINISHED, special->mode & S_IFMT, 0, entry->directory,
                      entry->name, entry->destination_name);
}

/* Reads the target of a link. Returns `usual`, memory to be freed, or NULL and a negative errno. */
static char *read_target(const struct tug_walk_entry *entry, char usual[USUAL_TARGET], int *error)
{
    char *target = usual;
    for (size_t size = USUAL_TARGET;; size *= 2) {
        if (size > USUAL_TARGET)
            target = malloc(size);
        if (target == NULL) {
            *error = -ENOMEM;
            return NULL;
        }
        int64_t length =
            tug_sys_readlinkat(entry->directory->source, entry->name, target, size - 1);
        if (length >= 0 && (size_t)length < size - 1) {
            target[length] = '\0';
            return target;
        }
        if (target != usual)
            free(target);
        *error = (int)length;
        if (length < 0)
            return NULL;
    }
}

static void copy_link(struct special *special)
{
    char usual[USUAL_TARGET];
    int error = 0;
    if (special->engine->options->preserve != 0 && examine(special) != 0)
        return;
    char *target = read_target(special->entry, usual, &error);
    if (target == NULL) {
        fail(special, TUG_COPY_STEP_READ_LINK, error);
        return;
    }
    special->target = target;
    special->mode = S_IFLNK;
    create(special);
    special->target = NULL;
    if (target != usual)
        free(target);
}

void tug_copy_special(const struct tug_walk_entry *entry)
{
    struct special special = {.engine = tug_copy_engine_of(entry->walk), .entry = entry};
    if (tug_copy_wants(special.engine, TUG_COPY_STARTED))
        tug_copy_tell(special.engine, TUG_COPY_STARTED, entry->type, 0, entry->directory,
                      entry->name, entry->destination_name);
    if (entry->type == S_IFLNK)
        copy_link(&special);
    else if (examine(&special) == 0)
        create(&special);
}
