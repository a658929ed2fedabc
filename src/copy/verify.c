/* SPDX-License-Identifier: MIT */
/*
 * The verification of a copy: a comparison whose judge knows what a copy may change. Every entry of
 * the source must be in the destination, with its type, its permissions as a new file would get
 * them, its link target or device, and its contents. What else the destination holds is not its
 * concern, nor are the permissions of what existed before the copy, nor the contents of what was
 * left alone.
 */
#include "verify.h"

#include <errno.h>
#include <stdio.h>
#include <sys/xattr.h>

#include "preserve.h"

static struct tug_copy_engine *engine_of(const struct tug_compare *compare)
{
    return compare->context;
}

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
    default:
        return TUG_COPY_STEP_VERIFY_MODE;
    }
}

static void found(const struct tug_compare_place *place, struct tug_compare_event *event,
                  enum tug_copy_step step)
{
    struct tug_copy_engine *engine = engine_of(place->compare);
    if (event->kind != TUG_COMPARE_FAILED)
        step = step_of(event->kind);
    /* What could not be read by the copy has been reported by it. */
    else if (step < TUG_COPY_STEP_VERIFY_MISSING && engine->copy_failures > 0)
        return;
    if (event->kind == TUG_COMPARE_ONLY_IN_A)
        event->error = -ENOENT;
    tug_copy_fail(engine, place->directory, place->name, place->b_name, step, event->error);
}

static void ended(const struct tug_compare_pair *pair)
{
    if (!pair->differs && S_ISREG(pair->statx[0].stx_mode))
        tug_copy_count(&engine_of(pair->place.compare)->report->verified_files, 1);
}

static bool leaves_out(struct tug_compare *compare, const struct statx *b)
{
    return tug_identity_set_contains(&engine_of(compare)->skipped, tug_copy_identity_of(b));
}

/* A default access control list decides about the mode of new entries in the place of the umask. */
static bool has_default_list(int directory)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/self/fd/%d", directory);
    return directory >= 0 && getxattr(path, "system.posix_acl_default", NULL, 0) > 0;
}

static bool same_mode(struct tug_compare *compare, const struct statx *a, const struct statx *b,
                      int parent)
{
    const struct tug_copy_engine *engine = engine_of(compare);
    mode_t expected = tug_preserve_final_mode(engine, a->stx_mode);
    mode_t found = b->stx_mode & 07777;
    if (tug_preserves(engine, TUG_COPY_PRESERVE_MODE)) {
        /* Special bits are given up with the owner. */
        bool same_owner = a->stx_uid == b->stx_uid && a->stx_gid == b->stx_gid;
        return ((found ^ expected) & (same_owner ? 07777 : 0777)) == 0;
    }
    if (S_ISDIR(a->stx_mode))
        found &= ~(mode_t)S_ISGID;
    return found == expected ||
           tug_identity_set_contains(&engine_of(compare)->existing, tug_copy_identity_of(b)) ||
           has_default_list(parent);
}

static const struct tug_compare_judge judge = {
    .found = found,
    .ended = ended,
    .leaves_out = leaves_out,
    .same_mode = same_mode,
};

void tug_verify_init(struct tug_compare *compare, struct tug_copy_engine *engine)
{
    *compare = (struct tug_compare){
        .judge = &judge,
        .context = engine,
        .crew = engine->crew,
        .contents = true,
        .write_through = true,
        .specials = engine->options->recursive,
        .metadata = TUG_COMPARE_MODE,
        .bytes = &engine->report->verified_bytes,
        .count_equal_only = true,
    };
}
