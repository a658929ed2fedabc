/* SPDX-License-Identifier: MIT */
/*
 * The visitor that compares, after a copy: every entry of the source must be in the destination,
 * with its type, its permissions as a new file would get them, its link target or device, and its
 * contents, by digests of both sides. What else the destination holds is not its concern, nor are
 * the permissions of what existed before the copy, nor the contents of what was left alone.
 */
#include "visitors.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>

#include <tug/sys.h>

#include "digest.h"
#include "engine.h"

#define SEEN (STATX_TYPE | STATX_MODE | STATX_INO)

/* One entry while it is compared. */
struct comparison {
    const struct tug_walk_entry *entry;
    struct tug_copy_engine *engine;
    struct statx source, destination;
};

static void fail_entry(struct tug_walk *walk, const struct tug_directory *directory,
                       const char *name, const char *destination_name, enum tug_copy_step step,
                       int error)
{
    struct tug_copy_engine *engine = tug_copy_engine_of(walk);
    /* What could not be read by the copy has been reported by it. */
    if (step < TUG_COPY_STEP_VERIFY_MISSING && engine->copy_failures > 0)
        return;
    tug_copy_fail(engine, directory, name, destination_name, step, error);
}

static bool fail(const struct comparison *comparison, enum tug_copy_step step, int error)
{
    const struct tug_walk_entry *entry = comparison->entry;
    fail_entry(entry->walk, entry->directory, entry->name, entry->destination_name, step, error);
    return false;
}

/* ---- Permissions ---- */

/* A default access control list decides about the mode of new entries in the place of the umask. */
static bool has_default_list(int directory)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/self/fd/%d", directory);
    return directory >= 0 && getxattr(path, "system.posix_acl_default", NULL, 0) > 0;
}

static bool same_mode(struct tug_copy_engine *engine, mode_t source,
                      const struct statx *destination, int parent)
{
    mode_t kept = S_ISREG(source) ? 0777 : S_ISDIR(source) ? 01777 : 07777;
    mode_t expected = source & kept & ~engine->umask;
    mode_t found = destination->stx_mode & 07777;
    if (S_ISDIR(source))
        found &= ~(mode_t)S_ISGID;
    return found == expected ||
           tug_identity_set_contains(&engine->existing, tug_copy_identity_of(destination)) ||
           has_default_list(parent);
}

/* ---- Directories ---- */

static bool fail_directory(struct tug_walk *walk, const struct tug_directory *directory,
                           enum tug_copy_step step, int error)
{
    fail_entry(walk, directory, NULL, NULL, step, error);
    return false;
}

static bool enter(struct tug_walk *walk, struct tug_directory *directory,
                  const struct statx *source)
{
    struct statx destination;
    int parent = directory->parent->destination;
    int fd = tug_sys_openat(parent, directory->destination_name,
                            O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
    if (fd == -ENOTDIR || fd == -ELOOP)
        return fail_directory(walk, directory, TUG_COPY_STEP_VERIFY_TYPE, 0);
    if (fd < 0)
        return fail_directory(walk, directory, TUG_COPY_STEP_VERIFY_MISSING, fd);
    int error = tug_sys_statx(fd, "", AT_EMPTY_PATH, SEEN, &destination);
    if (error != 0) {
        tug_sys_close(fd);
        return fail_directory(walk, directory, TUG_COPY_STEP_VERIFY_MISSING, error);
    }
    directory->destination = fd;
    directory->destination_identity = tug_copy_identity_of(&destination);
    if (directory->parent->parent == NULL)
        tug_identity_set_add(&walk->roots, directory->destination_identity);
    if (!same_mode(tug_copy_engine_of(walk), source->stx_mode, &destination, parent))
        fail_directory(walk, directory, TUG_COPY_STEP_VERIFY_MODE, 0);
    return true;
}

/* ---- Contents ---- */

/* Opens a side and reads its digest. Returns 0 or a negative errno. */
static int digest_of(const struct comparison *comparison, int at, const char *name, bool follow,
                     uint64_t *counter, struct tug_copy_digest *digest)
{
    unsigned char *buffer = tug_crew_buffer(comparison->entry->worker);
    if (buffer == NULL)
        return -ENOMEM;
    int fd =
        tug_sys_openat(at, name, O_RDONLY | O_NONBLOCK | O_CLOEXEC | (follow ? 0 : O_NOFOLLOW), 0);
    if (fd < 0)
        return fd;
    int error = tug_copy_digest_file(fd, buffer, comparison->engine->crew, counter, digest);
    tug_sys_close(fd);
    return error;
}

static void compare_contents(const struct comparison *comparison)
{
    const struct tug_walk_entry *entry = comparison->entry;
    struct tug_copy_report *report = comparison->engine->report;
    struct tug_copy_digest source = {0, 0, 0}, destination = {0, 0, 0};
    int error = digest_of(comparison, entry->directory->source, entry->name, entry->follow,
                          &report->verified_bytes, &source);
    if (error != 0) {
        fail(comparison, TUG_COPY_STEP_READ, error);
    } else {
        /* A destination that is a link was written through. */
        error = digest_of(comparison, entry->directory->destination, entry->destination_name, true,
                          NULL, &destination);
        if (error != 0)
            fail(comparison, TUG_COPY_STEP_VERIFY_READ, error);
        else if (!tug_copy_digest_equal(&source, &destination))
            error = fail(comparison, TUG_COPY_STEP_VERIFY_CONTENT, 0) ? 0 : -EIO;
    }
    if (error == 0)
        tug_copy_count(&report->verified_files, 1);
    else
        tug_copy_count(&report->verified_bytes, -source.length);
}

/* Returns the target, malloc'ed, or NULL. */
static char *read_target(int at, const char *name)
{
    for (size_t size = 1024;; size *= 2) {
        char *target = malloc(size);
        if (target == NULL)
            return NULL;
        int64_t length = tug_sys_readlinkat(at, name, target, size - 1);
        if (length >= 0 && (size_t)length < size - 1) {
            target[length] = '\0';
            return target;
        }
        free(target);
        if (length < 0)
            return NULL;
    }
}

static void compare_targets(const struct comparison *comparison)
{
    const struct tug_walk_entry *entry = comparison->entry;
    char *source = read_target(entry->directory->source, entry->name);
    char *destination = read_target(entry->directory->destination, entry->destination_name);
    if (source == NULL || destination == NULL || strcmp(source, destination) != 0)
        fail(comparison, TUG_COPY_STEP_VERIFY_CONTENT, 0);
    free(source);
    free(destination);
}

static void compare_devices(const struct comparison *comparison)
{
    if (comparison->source.stx_rdev_major != comparison->destination.stx_rdev_major ||
        comparison->source.stx_rdev_minor != comparison->destination.stx_rdev_minor)
        fail(comparison, TUG_COPY_STEP_VERIFY_CONTENT, 0);
}

/* ---- Entries ---- */

/* Looks at both sides. False: there is nothing to compare, or it has been reported. */
static bool look(struct comparison *comparison)
{
    const struct tug_walk_entry *entry = comparison->entry;
    int error = tug_sys_statx(entry->directory->source, entry->name,
                              entry->follow ? 0 : AT_SYMLINK_NOFOLLOW, SEEN, &comparison->source);
    if (error != 0)
        return fail(comparison, TUG_COPY_STEP_STAT, error);
    error = tug_sys_statx(entry->directory->destination, entry->destination_name,
                          AT_SYMLINK_NOFOLLOW, SEEN, &comparison->destination);
    /* A regular file over a link was written through it. */
    if (error == 0 && S_ISLNK(comparison->destination.stx_mode) &&
        S_ISREG(comparison->source.stx_mode))
        error = tug_sys_statx(entry->directory->destination, entry->destination_name, 0, SEEN,
                              &comparison->destination);
    if (error != 0)
        return fail(comparison, TUG_COPY_STEP_VERIFY_MISSING, error);
    return !tug_identity_set_contains(&comparison->engine->skipped,
                                      tug_copy_identity_of(&comparison->destination));
}

static void visit(const struct tug_walk_entry *entry)
{
    struct comparison comparison = {.entry = entry, .engine = tug_copy_engine_of(entry->walk)};
    /* The contents of FIFOs and devices are gone once they are read. */
    if (!comparison.engine->options->recursive && entry->type != S_IFREG && entry->type != S_IFLNK)
        return;
    if (!look(&comparison))
        return;
    mode_t source = comparison.source.stx_mode;
    if ((source ^ comparison.destination.stx_mode) & S_IFMT) {
        fail(&comparison, TUG_COPY_STEP_VERIFY_TYPE, 0);
        return;
    }
    if (S_ISREG(source))
        compare_contents(&comparison);
    else if (S_ISLNK(source))
        compare_targets(&comparison);
    else
        compare_devices(&comparison);
    if (!S_ISLNK(source) && !same_mode(comparison.engine, source, &comparison.destination,
                                       entry->directory->destination))
        fail(&comparison, TUG_COPY_STEP_VERIFY_MODE, 0);
}

const struct tug_walk_visitor tug_verify_visitor = {
    .enter = enter,
    .visit = visit,
    .fail = fail_entry,
};
