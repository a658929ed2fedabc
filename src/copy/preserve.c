/* SPDX-License-Identifier: MIT */
/*
 * The order of things, and what a failure of each means.
 */
#include "preserve.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <tug/sys.h>

#include "losses.h"

#define SPECIAL_BITS ((mode_t)07000)
#define EXTENDED (TUG_COPY_PRESERVE_XATTR | TUG_COPY_PRESERVE_CONTEXT)

/* ---- Beforehand ---- */

mode_t tug_preserve_mode(const struct tug_copy_engine *engine, mode_t source)
{
    if (tug_preserves(engine, TUG_COPY_PRESERVE_MODE))
        return source & 07777;
    if (engine->options->default_modes)
        return S_ISDIR(source) || S_ISSOCK(source) ? 0777 : 0666;
    /* Special bits of a file mean something only together with its owner. */
    return source & (S_ISREG(source) ? 0777 : S_ISDIR(source) ? 01777 : 07777);
}

mode_t tug_preserve_final_mode(const struct tug_copy_engine *engine, mode_t source)
{
    mode_t mode = tug_preserve_mode(engine, source);
    return tug_preserves(engine, TUG_COPY_PRESERVE_MODE) ? mode : mode & ~engine->umask;
}

void tug_preserve_look(const struct tug_copy_engine *engine, struct tug_place source,
                       struct tug_attributes *attributes)
{
    unsigned wanted = 0, kinds;
    if (tug_preserves(engine, TUG_COPY_PRESERVE_MODE))
        wanted |= TUG_XATTR_LISTS;
    if (tug_preserves(engine, TUG_COPY_PRESERVE_XATTR))
        wanted |= TUG_XATTR_OTHERS;
    if (tug_preserves(engine, TUG_COPY_PRESERVE_CONTEXT))
        wanted |= TUG_XATTR_CONTEXT;
    if (wanted == 0)
        return;
    attributes->error = tug_xattr_look(source, &kinds);
    attributes->extended = kinds & wanted;
}

static bool owner_differs(const struct tug_attributes *attributes, bool known, uid_t owner,
                          gid_t group)
{
    return !known || attributes->owner != owner || attributes->group != group;
}

bool tug_preserve_is_natural(const struct tug_copy_engine *engine,
                             const struct tug_attributes *attributes,
                             const struct tug_newborn *newborn)
{
    if (engine->options->preserve == 0)
        return true;
    /* An attribute of a file that its owner may not write to can only be set before it has its
     * mode. */
    if (attributes->extended != 0)
        return false;
    if (tug_preserves(engine, TUG_COPY_PRESERVE_OWNERSHIP) &&
        owner_differs(attributes, newborn->owner_known, newborn->owner, newborn->group))
        return false;
    if (!tug_preserves(engine, TUG_COPY_PRESERVE_MODE))
        return true;
    return newborn->plain && (attributes->mode & (SPECIAL_BITS | engine->process_umask)) == 0;
}

/* ---- One step each ---- */

static int change_owner(struct tug_place place, uid_t owner, gid_t group)
{
    if (place.fd >= 0)
        return tug_sys_fchown(place.fd, owner, group);
    return tug_sys_fchownat(place.at, place.name, owner, group, AT_SYMLINK_NOFOLLOW);
}

static int change_times(struct tug_place place, const struct timespec times[2])
{
    if (place.fd >= 0)
        return tug_sys_futimens(place.fd, times);
    return tug_sys_utimensat(place.at, place.name, times, AT_SYMLINK_NOFOLLOW);
}

static int change_mode(struct tug_place place, mode_t type, mode_t mode)
{
    if (place.fd >= 0)
        return tug_sys_fchmod(place.fd, mode);
    return tug_sys_fchmodat(place.at, place.name, mode, S_ISDIR(type) ? 0 : AT_SYMLINK_NOFOLLOW);
}

static void fail(struct tug_preserve *preserve, enum tug_copy_step step, int error)
{
    preserve->failed = true;
    tug_copy_fail(preserve->engine, preserve->directory, preserve->name, preserve->destination_name,
                  step, error);
}

/* Something may not, or cannot, be kept. Where that is tolerated the rest is, at most, a warning:
 * nothing if the file system just does not have it. */
static void fail_unless_tolerated(struct tug_preserve *preserve, unsigned what,
                                  enum tug_copy_step step, int error)
{
    if ((preserve->engine->options->tolerate & what) == 0)
        fail(preserve, step, error);
    else if (error != -EOPNOTSUPP && error != -ENOSYS && error != -ENODATA)
        tug_copy_warn(preserve->engine, preserve->directory, preserve->name,
                      preserve->destination_name, step, error, preserve->attributes->mode & S_IFMT);
}

/* File systems round times as they like and say nothing: only looking tells. */
static void note_precision(struct tug_preserve *preserve)
{
    struct statx statx;
    struct tug_place place = preserve->destination;
    bool open = place.fd >= 0;
    const struct timespec *wanted = &preserve->attributes->times[1];
    if (preserve->engine->losses != NULL &&
        tug_sys_statx(open ? place.fd : place.at, open ? "" : place.name,
                      open ? AT_EMPTY_PATH : AT_SYMLINK_NOFOLLOW, STATX_MTIME, &statx) == 0 &&
        (statx.stx_mtime.tv_sec != wanted->tv_sec ||
         statx.stx_mtime.tv_nsec != (uint32_t)wanted->tv_nsec))
        preserve->losses |= TUG_LOSS_PRECISION;
}

static void keep_times(struct tug_preserve *preserve)
{
    int error = change_times(preserve->destination, preserve->attributes->times);
    if (error == 0) {
        note_precision(preserve);
        return;
    }
    fail_unless_tolerated(preserve, TUG_COPY_PRESERVE_TIMESTAMPS, TUG_COPY_STEP_PRESERVE_TIMES,
                          error);
    preserve->losses |= TUG_LOSS_TIME;
}

/* A file that others know already must not, for a moment, be open to more of them than before or
 * after: between the change of its owner and that of its mode. */
static bool close_to_others(struct tug_preserve *preserve)
{
    if (preserve->created || !tug_preserves(preserve->engine, TUG_COPY_PRESERVE_MODE))
        return true;
    mode_t type = preserve->attributes->mode & S_IFMT;
    mode_t narrow = preserve->old_mode & preserve->mode & S_IRWXU;
    if (S_ISLNK(type) || preserve->old_mode == narrow)
        return true;
    int error = change_mode(preserve->destination, type, narrow);
    if (error == 0)
        return true;
    if (error != -EPERM || geteuid() == 0)
        fail(preserve, TUG_COPY_STEP_PRESERVE_MODE, error);
    return false;
}

/* Returns whether the owner is that of the source. Users who may not give files away keep what they
 * can, the group, and that is no failure: as with cp(1). */
static bool keep_owner(struct tug_preserve *preserve)
{
    const struct tug_attributes *attributes = preserve->attributes;
    if (!owner_differs(attributes, preserve->owner_known, preserve->owner, preserve->group))
        return true;
    if (!close_to_others(preserve)) {
        preserve->losses |= (unsigned)TUG_LOSS_OWNER | (unsigned)TUG_LOSS_GROUP;
        return false;
    }
    int error = change_owner(preserve->destination, attributes->owner, attributes->group);
    if (error == 0)
        return true;
    bool refused = error == -EPERM || error == -EINVAL;
    if (!refused || change_owner(preserve->destination, (uid_t)-1, attributes->group) != 0)
        preserve->losses |= TUG_LOSS_GROUP;
    preserve->losses |= TUG_LOSS_OWNER;
    if (!refused || geteuid() == 0)
        fail_unless_tolerated(preserve, TUG_COPY_PRESERVE_OWNERSHIP, TUG_COPY_STEP_PRESERVE_OWNER,
                              error);
    return false;
}

static void keep_others(struct tug_preserve *preserve)
{
    bool reading;
    unsigned what = preserve->engine->options->preserve & EXTENDED;
    if ((what & TUG_COPY_PRESERVE_XATTR) != 0)
        what = TUG_COPY_PRESERVE_XATTR;
    unsigned kinds = preserve->attributes->extended & TUG_XATTR_OTHERS;
    if (kinds == 0)
        return;
    int error = tug_xattr_copy(preserve->source, preserve->destination, kinds, &reading);
    if (error == 0)
        return;
    preserve->losses |= TUG_LOSS_XATTR;
    fail_unless_tolerated(preserve, what,
                          reading ? TUG_COPY_STEP_READ_XATTR : TUG_COPY_STEP_PRESERVE_XATTR, error);
}

/* Returns whether the destination has the access control lists of the source. */
static bool keep_lists(struct tug_preserve *preserve)
{
    const struct tug_attributes *attributes = preserve->attributes;
    unsigned lists = attributes->extended & TUG_XATTR_LISTS;
    unsigned possible = S_ISDIR(attributes->mode) ? TUG_XATTR_LISTS : TUG_XATTR_ACCESS_LIST;
    bool reading;
    int error = 0;
    if (attributes->error != 0)
        return false;
    if (!preserve->plain && lists != possible)
        error = tug_xattr_remove_lists(preserve->destination, possible & ~lists);
    if (error == 0 && lists != 0)
        error = tug_xattr_copy(preserve->source, preserve->destination, lists, &reading);
    if (error == 0)
        return true;
    fail(preserve, TUG_COPY_STEP_PRESERVE_MODE, error);
    return false;
}

/* ---- All of it ---- */

static void keep_mode(struct tug_preserve *preserve)
{
    if (tug_preserves(preserve->engine, TUG_COPY_PRESERVE_MODE) && !keep_lists(preserve)) {
        /* The bits of the group stand for the lists then. Without them they might mean more. */
        preserve->mode &= ~(mode_t)S_IRWXG;
        preserve->losses |= TUG_LOSS_MODE;
    }
    if (!preserve->set_mode)
        return;
    int error = change_mode(preserve->destination, preserve->attributes->mode, preserve->mode);
    if (error == 0)
        return;
    preserve->losses |= TUG_LOSS_MODE;
    fail(preserve,
         tug_preserves(preserve->engine, TUG_COPY_PRESERVE_MODE) ? TUG_COPY_STEP_PRESERVE_MODE
                                                                 : TUG_COPY_STEP_SET_MODE,
         error);
}

bool tug_preserve(struct tug_preserve *preserve)
{
    const struct tug_copy_engine *engine = preserve->engine;
    bool is_link = S_ISLNK(preserve->attributes->mode);
    int unknown = preserve->attributes->error;
    if (unknown != 0)
        preserve->losses |= TUG_LOSS_XATTR;
    if (unknown != 0 && tug_preserves(engine, TUG_COPY_PRESERVE_MODE))
        fail(preserve, TUG_COPY_STEP_READ_XATTR, unknown);
    else if (unknown != 0)
        fail_unless_tolerated(preserve, engine->options->preserve & EXTENDED,
                              TUG_COPY_STEP_READ_XATTR, unknown);
    bool times = tug_preserves(engine, TUG_COPY_PRESERVE_TIMESTAMPS);
    /* Where they tell that all is done they come last, and only if it is. */
    if (times && !engine->options->resume)
        keep_times(preserve);
    if (tug_preserves(engine, TUG_COPY_PRESERVE_OWNERSHIP) && !keep_owner(preserve))
        preserve->mode &= ~SPECIAL_BITS;
    if (tug_preserves(engine, EXTENDED))
        keep_others(preserve);
    if (!is_link)
        keep_mode(preserve);
    if (times && engine->options->resume && !preserve->failed)
        keep_times(preserve);
    else if (times && engine->options->resume)
        preserve->losses |= TUG_LOSS_TIME;
    tug_losses_add(engine, preserve->directory, preserve->name, preserve->losses);
    return !preserve->failed;
}
