/* SPDX-License-Identifier: MIT */
/*
 * The visitor that copies. A directory is made with mode 0700 and gets its own when the last entry
 * in it has been begun and the last directory in it is open: from then on nothing is looked up in
 * it by name.
 */
#include "visitors.h"

#include <errno.h>

#include <tug/sys.h>

#include "attempt.h"
#include "engine.h"
#include "file.h"
#include "preserve.h"
#include "resume.h"

/* What a directory has while it is worked in. */
static mode_t interim_mode(const struct tug_copy_engine *engine)
{
    return engine->options->resume ? TUG_RESUME_DIRECTORY : 0700;
}

static bool fail(struct tug_walk *walk, const struct tug_directory *directory,
                 enum tug_copy_step step, int error)
{
    tug_copy_fail(tug_copy_engine_of(walk), directory, NULL, NULL, step, error);
    return false;
}

/* Opens what mkdirat() has made or found. Returns the descriptor or a negative errno. */
static int open_destination(struct tug_directory *directory)
{
    int at = directory->parent->destination;
    const char *name = directory->destination_name;
    /* To set its mode takes a real descriptor; one that existed need not be readable. */
    int flags = O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | (directory->created ? O_RDONLY : O_PATH);
    int fd = tug_sys_openat(at, name, flags, 0);
    if (fd == -EACCES && directory->created && tug_sys_fchmodat(at, name, 0700, 0) == 0)
        fd = tug_sys_openat(at, name, flags, 0);
    if (fd == -EMFILE && tug_directory_set_shrink(directory->set))
        fd = tug_sys_openat(at, name, flags, 0);
    return fd;
}

/* The destination, to change its attributes: one that existed is open for its entries only. */
static struct tug_place place_of(const struct tug_directory *directory)
{
    return directory->created ? tug_place_open(directory->destination)
                              : tug_place_named(directory->destination, ".");
}

/* Finds out what files will be like that are made in the destination. A new directory gets rid of
 * the lists that it has inherited; the last thing it gets are those of its source. */
static void examine_newborn(const struct tug_copy_engine *engine, struct tug_directory *directory)
{
    struct tug_newborn *newborn = &directory->newborn;
    newborn->owner_known = directory->created;
    if (!tug_preserves(engine, TUG_COPY_PRESERVE_MODE))
        return;
    if (!directory->created)
        newborn->plain = !tug_xattr_has_default_list(place_of(directory));
    else
        newborn->plain = directory->parent->newborn.plain ||
                         tug_xattr_remove_lists(place_of(directory), TUG_XATTR_LISTS) == 0;
}

/* What mode the destination will get. */
static int examine_mode(const struct tug_copy_engine *engine, struct tug_directory *directory)
{
    bool preserved = tug_preserves(engine, TUG_COPY_PRESERVE_MODE);
    mode_t final = tug_preserve_final_mode(engine, S_IFDIR | directory->source_mode);
    directory->mode = final;
    directory->widen = preserved;
    if (!directory->created)
        return 0;
    /* Unless it is copied, the set-group-ID bit is inherited from the directory above. */
    mode_t inherited = directory->old_mode & S_ISGID;
    if (!preserved)
        directory->mode |= inherited;
    directory->widen = directory->mode != (interim_mode(engine) | inherited);
    /* An odd umask may have taken what is needed to work in it. */
    if ((directory->old_mode & 0700) != 0700)
        return tug_sys_fchmod(directory->destination, interim_mode(engine) | inherited);
    return 0;
}

/* Finds out what the open destination is. */
static int examine_destination(struct tug_copy_engine *engine, struct tug_directory *directory)
{
    struct statx statx;
    int error = tug_sys_statx(directory->destination, "", AT_EMPTY_PATH,
                              STATX_INO | TUG_ATTRIBUTES_MASK, &statx);
    if (error != 0)
        return error;
    directory->destination_identity = tug_copy_identity_of(&statx);
    directory->old_mode = statx.stx_mode & 07777;
    directory->newborn.owner = statx.stx_uid;
    directory->newborn.group = statx.stx_gid;
    if (engine->options->preserve != 0)
        examine_newborn(engine, directory);
    error = examine_mode(engine, directory);
    if (error == 0 && !directory->created && !directory->widen && engine->options->verify)
        error = tug_identity_set_add(&engine->existing, directory->destination_identity);
    return error;
}

/* Remembers what was made of which sources: one that several are merged into has, in the end, the
 * attributes of one of them. */
static int note_merger(struct tug_copy_engine *engine, const struct tug_directory *directory)
{
    if (!engine->options->verify || engine->options->preserve == 0)
        return 0;
    if (!directory->created &&
        tug_identity_set_contains(&engine->made, directory->destination_identity))
        return tug_identity_set_add(&engine->merged, directory->destination_identity);
    return tug_identity_set_add(&engine->made, directory->destination_identity);
}

static bool adopt_destination(struct tug_walk *walk, struct tug_directory *directory)
{
    int error = examine_destination(tug_copy_engine_of(walk), directory);
    if (error == 0)
        error = note_merger(tug_copy_engine_of(walk), directory);
    if (error == 0 &&
        tug_copy_identity_equal(directory->source_identity, directory->destination_identity))
        return fail(walk, directory, TUG_COPY_STEP_SAME_FILE, 0);
    /* No memory for it: its files are copied without knowing what could be done. */
    if (error == 0)
        directory->pair = tug_copy_pairs_find(
            &tug_copy_engine_of(walk)->pairs, directory->source_identity.device, directory->source,
            directory->destination_identity.device, directory->destination);
    if (error == 0 && directory->parent->parent == NULL)
        error = tug_identity_set_add(&walk->roots, directory->destination_identity);
    return error == 0 || fail(walk, directory, TUG_COPY_STEP_CREATE_DIR, error);
}

static bool enter(struct tug_walk *walk, struct tug_directory *directory, const struct statx *statx)
{
    struct tug_copy_engine *engine = tug_copy_engine_of(walk);
    if (engine->options->preserve != 0)
        directory->attributes = tug_attributes_of(statx);
    int error = tug_sys_mkdirat(directory->parent->destination, directory->destination_name,
                                interim_mode(engine));
    /* An attempt before this one may have made it. */
    bool made_before = directory->created && error == -EEXIST;
    directory->created =
        made_before || error == 0 ||
        (error == -EEXIST && engine->options->resume &&
         tug_resume_is_left_over(directory->parent->destination, directory->destination_name));
    if (error != 0 && error != -EEXIST) {
        tug_copy_fail_create(engine, directory->parent, directory->name,
                             directory->destination_name, TUG_COPY_STEP_CREATE_DIR, error);
        return false;
    }
    if (directory->created && !made_before && tug_copy_wants(engine, TUG_COPY_STARTED))
        tug_copy_tell(engine, TUG_COPY_STARTED, S_IFDIR, 0, directory, NULL, NULL);
    int fd = open_destination(directory);
    if ((fd == -ENOTDIR || fd == -ELOOP) && !directory->created)
        return fail(walk, directory, TUG_COPY_STEP_OVER_FILE, 0);
    if (fd < 0)
        return fail(walk, directory, TUG_COPY_STEP_CREATE_DIR, fd);
    directory->destination = fd;
    if (!adopt_destination(walk, directory)) {
        tug_sys_close(fd);
        directory->destination = -1;
        return false;
    }
    if (engine->hold_root && directory->created && directory->parent->parent == NULL) {
        tug_directory_use(directory);
        engine->root = directory;
    }
    return true;
}

/* The attributes of the source, after the last change in the directory. */
static void keep_attributes(struct tug_copy_engine *engine, struct tug_directory *directory)
{
    struct tug_preserve preserve = {
        .engine = engine,
        .directory = directory,
        .attributes = &directory->attributes,
        .source = tug_place_open(directory->source),
        .destination = place_of(directory),
        .created = directory->created,
        .plain = directory->created && directory->newborn.plain,
        .set_mode = directory->widen,
        .mode = directory->mode,
        .old_mode = directory->old_mode,
        .owner_known = true,
        .owner = directory->newborn.owner,
        .group = directory->newborn.group,
    };
    tug_preserve_look(engine, preserve.source, &directory->attributes);
    tug_preserve(&preserve);
}

/* Returns 0, or what was reported. */
static int set_attributes(struct tug_walk *walk, struct tug_directory *directory)
{
    struct tug_copy_engine *engine = tug_copy_engine_of(walk);
    bool preserved = engine->options->preserve != 0;
    int error = 0;
    if ((directory->widen || preserved) && !directory->open)
        error = -ESTALE;
    else if (preserved)
        keep_attributes(engine, directory);
    else if (directory->widen)
        error = tug_sys_fchmod(directory->destination, directory->mode);
    if (error != 0)
        fail(walk, directory, TUG_COPY_STEP_SET_MODE, error);
    return error;
}

static void leave(struct tug_walk *walk, struct tug_directory *directory)
{
    struct tug_copy_engine *engine = tug_copy_engine_of(walk);
    int error;
    if (directory == engine->root && tug_crew_stopped(walk->crew))
        return;
    struct tug_attempt around = tug_attempt_begin(false);
    do
        error = set_attributes(walk, directory);
    while (tug_attempt_again(engine->crew));
    tug_attempt_end(around);
    if (error == 0)
        tug_copy_note_directory(engine, directory);
    tug_copy_count(&engine->report->directories, 1);
    if (tug_copy_wants(engine, TUG_COPY_FINISHED))
        tug_copy_tell(engine, TUG_COPY_FINISHED, S_IFDIR, 0, directory, NULL, NULL);
}

static void visit_once(const struct tug_walk_entry *entry)
{
    const struct tug_copy_engine *engine = tug_copy_engine_of(entry->walk);
    bool contents = entry->type == S_IFREG;
    /* Without recursion cp(1) copies what comes out of a FIFO or a device. */
    if ((!engine->options->recursive || engine->options->copy_contents) && entry->type != S_IFLNK)
        contents = true;
    if (engine->options->make == TUG_COPY_MAKE_HARD_LINK ||
        engine->options->make == TUG_COPY_MAKE_SYMBOLIC_LINK)
        tug_copy_as_link(entry);
    else if (contents)
        tug_copy_file(entry);
    else
        tug_copy_special(entry);
}

void tug_copy_visit(const struct tug_walk_entry *entry, bool touched)
{
    struct tug_attempt around = tug_attempt_begin(touched);
    do
        visit_once(entry);
    while (tug_attempt_again(entry->walk->crew));
    tug_attempt_end(around);
}

static void visit(const struct tug_walk_entry *entry)
{
    tug_copy_visit(entry, false);
}

static bool retry(struct tug_walk *walk)
{
    return tug_attempt_again(walk->crew);
}

static void fail_entry(struct tug_walk *walk, const struct tug_directory *directory,
                       const char *name, const char *destination_name, enum tug_copy_step step,
                       int error)
{
    tug_copy_fail(tug_copy_engine_of(walk), directory, name, destination_name, step, error);
}

const struct tug_walk_visitor tug_copy_visitor = {
    .enter = enter,
    .leave = leave,
    .visit = visit,
    .fail = fail_entry,
    .retry = retry,
};
