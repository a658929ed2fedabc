/* SPDX-License-Identifier: MIT */
/*
 * The verification of a copy: a comparison whose judge knows what a copy promises. Every entry of
 * the source must be in the destination, with its type, its permissions as a new file would get
 * them, its link target or device, its contents, and all that the options asked to keep. What else
 * the destination holds is not its concern, nor are the permissions of what existed before the
 * copy, nor what was left alone, nor what the copy is known to lack (losses.h).
 */
#include "verify.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <tug/sys.h>

#include "losses.h"
#include "preserve.h"
#include "xattr.h"

static struct tug_copy_engine *engine_of(const struct tug_compare_pair *pair)
{
    return pair->place.compare->context;
}

static bool has_lost(const struct tug_compare_pair *pair, enum tug_loss loss)
{
    return tug_losses_contain(engine_of(pair), pair->place.directory, pair->place.name, loss);
}

/* Several sources were merged into this directory, and it cannot be like all of them. */
static bool is_merged(const struct tug_compare_pair *pair)
{
    return pair->place.name == NULL &&
           tug_identity_set_contains(&engine_of(pair)->merged,
                                     tug_copy_identity_of(&pair->statx[1]));
}

/* ---- What was found ---- */

/* What a difference is called among the steps of a copy. */
static enum tug_copy_step step_of(enum tug_compare_kind kind)
{
    switch (kind) {
    case TUG_COMPARE_ONLY_IN_A:
        return TUG_COPY_STEP_VERIFY_MISSING;
    case TUG_COMPARE_TYPE:
        return TUG_COPY_STEP_VERIFY_TYPE;
    case TUG_COMPARE_CONTENT:
        return TUG_COPY_STEP_VERIFY_CONTENT;
    case TUG_COMPARE_OWNER:
        return TUG_COPY_STEP_VERIFY_OWNER;
    case TUG_COMPARE_TIME:
        return TUG_COPY_STEP_VERIFY_TIME;
    case TUG_COMPARE_XATTR:
        return TUG_COPY_STEP_VERIFY_XATTR;
    case TUG_COMPARE_LINKS:
        return TUG_COPY_STEP_VERIFY_LINKS;
    default:
        return TUG_COPY_STEP_VERIFY_MODE;
    }
}

static void found(const struct tug_compare_place *place, struct tug_compare_event *event,
                  enum tug_copy_step step)
{
    struct tug_copy_engine *engine = place->compare->context;
    if (tug_losses_contain(engine, place->directory, place->name, TUG_LOSS_ENTRY))
        return;
    if (event->kind != TUG_COMPARE_FAILED)
        step = step_of(event->kind);
    if (event->kind == TUG_COMPARE_ONLY_IN_A)
        event->error = -ENOENT;
    tug_copy_fail_attribute(engine, place->directory, place->name, place->b_name, step,
                            event->error, event->attribute);
}

static void ended(const struct tug_compare_pair *pair)
{
    if (!pair->differs && S_ISREG(pair->statx[0].stx_mode))
        tug_copy_count(&engine_of(pair)->report->verified_files, 1);
}

/* The copy of what is moved gets its final name only if it is right. */
static void rejected(const struct tug_compare_place *place)
{
    struct statx statx;
    struct tug_copy_engine *engine = place->compare->context;
    const struct tug_directory *directory = place->directory;
    if (!engine->remove_different)
        return;
    /* A directory whose own attributes differ holds entries that do not: it stays. */
    const char *name = place->b_name;
    if (place->name == NULL && directory->destination >= 0)
        return;
    if (place->name == NULL) {
        name = directory->destination_name;
        directory = directory->parent;
    }
    int error = tug_sys_unlinkat(directory->destination, name, 0);
    if (error != 0 && error != -ENOENT)
        __atomic_store_n(&engine->different_stays, true, __ATOMIC_RELAXED);
    /* The removal has set the time of the directory that it was in. */
    if (error == 0 && directory->source >= 0 &&
        tug_sys_statx(directory->source, "", AT_EMPTY_PATH, TUG_ATTRIBUTES_MASK, &statx) == 0) {
        const struct tug_attributes attributes = tug_attributes_of(&statx);
        tug_sys_utimensat(directory->destination, ".", attributes.times, 0);
    }
}

/* Neither what was left alone is verified, nor what is not there for a reason that was told. */
static bool leaves_out(const struct tug_compare_pair *pair)
{
    return tug_identity_set_contains(&engine_of(pair)->skipped,
                                     tug_copy_identity_of(&pair->statx[1])) ||
           has_lost(pair, TUG_LOSS_ENTRY);
}

/* ---- Permissions ---- */

/* With access control lists, or rather the rights of a new entry: those it is made with, as far as
 * the default list of its directory goes, which then counts in the place of the umask. */
static bool is_by_default_list(const struct tug_compare_pair *pair)
{
    const struct tug_directory *directory = pair->place.directory;
    const char *name = pair->place.b_name;
    mode_t rights;
    if (pair->place.name == NULL) {
        name = directory->destination_name;
        directory = directory->parent;
    }
    /* An operand may be named by a whole path; the dot is for a last component that is a link. */
    size_t length = strlen(name);
    while (length > 0 && name[length - 1] == '/')
        length--;
    while (length > 0 && name[length - 1] != '/')
        length--;
    char *above = malloc(length + 2);
    if (above == NULL)
        return true;
    memcpy(above, name, length);
    memcpy(above + length, ".", 2);
    bool has_list =
        tug_xattr_default_rights(tug_place_named(directory->destination, above), &rights);
    free(above);
    mode_t made = tug_preserve_mode(engine_of(pair), pair->statx[0].stx_mode);
    return has_list && (pair->statx[1].stx_mode & 07777) == (made & (rights | 07000));
}

static bool same_mode(const struct tug_compare_pair *pair)
{
    struct tug_copy_engine *engine = engine_of(pair);
    const struct statx *a = &pair->statx[0], *b = &pair->statx[1];
    mode_t expected = tug_preserve_final_mode(engine, a->stx_mode);
    mode_t found = b->stx_mode & 07777, counts = 07777;
    /* A link to the source, instead of a copy, is the source. */
    if (tug_copy_identity_equal(tug_copy_identity_of(a), tug_copy_identity_of(b)) ||
        is_merged(pair) || has_lost(pair, TUG_LOSS_MODE))
        return true;
    if (tug_preserves(engine, TUG_COPY_PRESERVE_MODE)) {
        /* Special bits are given up with the owner; and the kernel takes this one from the files of
         * groups that their owner does not belong to. */
        if (has_lost(pair, TUG_LOSS_OWNER))
            counts = 0777;
        else if (geteuid() != 0 && (found & S_ISGID) == 0)
            counts &= ~(mode_t)S_ISGID;
        return ((found ^ expected) & counts) == 0;
    }
    if (S_ISDIR(a->stx_mode))
        found &= ~(mode_t)S_ISGID;
    return found == expected ||
           tug_identity_set_contains(&engine->existing, tug_copy_identity_of(b)) ||
           is_by_default_list(pair);
}

/* ---- Owners, times, attributes ---- */

static bool forgives_owner(const struct tug_compare_pair *pair)
{
    const struct statx *a = &pair->statx[0], *b = &pair->statx[1];
    return is_merged(pair) || ((a->stx_uid == b->stx_uid || has_lost(pair, TUG_LOSS_OWNER)) &&
                               (a->stx_gid == b->stx_gid || has_lost(pair, TUG_LOSS_GROUP)));
}

static bool forgives_time(const struct tug_compare_pair *pair)
{
    const struct statx_timestamp *a = &pair->statx[0].stx_mtime, *b = &pair->statx[1].stx_mtime;
    if (is_merged(pair) || has_lost(pair, TUG_LOSS_TIME))
        return true;
    return has_lost(pair, TUG_LOSS_PRECISION) && llabs(a->tv_sec - b->tv_sec) < TUG_LOSS_COARSEST;
}

/* Attributes that the destination has besides are no concern of the copy; but lists give rights. */
static bool weighs(const struct tug_compare_pair *pair, const char *attribute, int only)
{
    unsigned kind = tug_xattr_kind_of(attribute), kept = engine_of(pair)->options->preserve;
    if ((kind & TUG_XATTR_LISTS) != 0)
        return (kept & TUG_COPY_PRESERVE_MODE) != 0 && !is_merged(pair) &&
               !has_lost(pair, TUG_LOSS_MODE);
    unsigned wanted = kind == TUG_XATTR_CONTEXT ? TUG_COPY_PRESERVE_CONTEXT
                      : kind == TUG_XATTR_OTHER ? TUG_COPY_PRESERVE_XATTR
                                                : 0;
    return (kept & wanted) != 0 && only != 1 && !is_merged(pair) &&
           !(only == 0 && has_lost(pair, TUG_LOSS_XATTR));
}

static const struct tug_compare_judge judge = {
    .found = found,
    .ended = ended,
    .leaves_out = leaves_out,
    .same_mode = same_mode,
    .forgives_owner = forgives_owner,
    .forgives_time = forgives_time,
    .weighs = weighs,
    .rejected = rejected,
};

/* What the options promise. A link to the source is not a copy that could be unlike it. */
static unsigned metadata_of(const struct tug_copy_options *options)
{
    static const struct {
        unsigned kept, compared;
    } promises[] = {
        {TUG_COPY_PRESERVE_MODE, TUG_COMPARE_XATTR},
        {TUG_COPY_PRESERVE_OWNERSHIP, TUG_COMPARE_OWNER},
        {TUG_COPY_PRESERVE_TIMESTAMPS, TUG_COMPARE_TIME},
        {TUG_COPY_PRESERVE_XATTR, TUG_COMPARE_XATTR},
        {TUG_COPY_PRESERVE_CONTEXT, TUG_COMPARE_XATTR},
        {TUG_COPY_PRESERVE_LINKS, TUG_COMPARE_LINKS},
    };
    unsigned metadata = TUG_COMPARE_MODE;
    for (size_t i = 0; i < sizeof(promises) / sizeof(promises[0]); i++)
        if ((options->preserve & promises[i].kept) != 0)
            metadata |= promises[i].compared;
    return metadata;
}

int tug_verify_init(struct tug_compare *compare, struct tug_copy_engine *engine)
{
    const struct tug_copy_options *options = engine->options;
    *compare = (struct tug_compare){
        .judge = &judge,
        .context = engine,
        .crew = engine->crew,
        .contents = options->make != TUG_COPY_MAKE_ATTRIBUTES_ONLY,
        .write_through = true,
        .specials = options->recursive && !options->copy_contents,
        .any_linked = options->follow == TUG_COPY_FOLLOW_ALWAYS,
        .metadata = metadata_of(options),
        .bytes = &engine->report->verified_bytes,
        .count_equal_only = true,
    };
    if ((compare->metadata & TUG_COMPARE_LINKS) == 0)
        return 0;
    return tug_compare_links_new(&compare->links);
}
