/* SPDX-License-Identifier: MIT */
/*
 * A walk's way back, from so far below that directories above have been closed, when these have
 * been moved or replaced meanwhile.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../fs/scratch.h"
#include "sys/fault.h"

enum { ASIDE = 8, FAR = 300 };

/* A chain of directories, `root`/chain, among others that have a file each. */
static int64_t make_chain_among_others(const char *root)
{
    char path[64];
    CHECK_EQUAL(mkdir(root, 0700), 0);
    for (int i = 0; i < ASIDE; i++) {
        if (i == ASIDE / 2) {
            snprintf(path, sizeof(path), "%s/chain", root);
            CHECK_EQUAL(scratch_make_chain(path, FAR), 0);
        }
        snprintf(path, sizeof(path), "%s/%d", root, i);
        CHECK_EQUAL(mkdir(path, 0700), 0);
        snprintf(path, sizeof(path), "%s/%d/file", root, i);
        scratch_make_file(path, "", 0);
    }
    return 0;
}

struct way_back {
    int entries, files, upper_files;
    int errors, root_errors; /* at "tree/upper/" and at "tree/" */
};

/* What a directory that is lost is reported with. */
static int reason = ESTALE;

/* Calls `change` when the walk of "tree" is far below, in the chain, and goes on to the end. Errors
 * are those of directories that are lost. */
static int64_t walk_while(void (*change)(void), struct way_back *seen)
{
    struct tug_walk walk;
    struct tug_walk_entry entry;
    struct tug_stream *stream = tug_walk(&walk, "tree", 0);
    bool changed = false;
    int result;
    *seen = (struct way_back){0, 0, 0, 0, 0};
    while ((result = tug_next(stream, &entry)) != 0) {
        if (result < 0) {
            CHECK_EQUAL(result, -reason);
            bool root = strcmp(tug_walk_failed(&walk), "tree/") == 0;
            CHECK(root || strcmp(tug_walk_failed(&walk), "tree/upper/") == 0);
            seen->errors += !root;
            seen->root_errors += root;
            continue;
        }
        seen->entries++;
        if (strcmp(entry.name, "file") == 0 && strstr(entry.path, "chain") == NULL) {
            seen->files++;
            seen->upper_files += strncmp(entry.relative, "upper/", 6) == 0;
        }
        if (entry.depth == FAR / 4 && !changed) {
            change();
            changed = true;
        }
        tug_stream_drop(stream, &entry);
    }
    tug_stream_close(stream);
    CHECK(changed);
    return 0;
}

static int64_t make_two_levels(void)
{
    char path[64];
    CHECK_EQUAL(mkdir("tree", 0700), 0);
    for (int i = 0; i < ASIDE; i++) {
        if (i == ASIDE / 2)
            CHECK_EQUAL(make_chain_among_others("tree/upper"), 0);
        snprintf(path, sizeof(path), "tree/%d", i);
        CHECK_EQUAL(mkdir(path, 0700), 0);
        snprintf(path, sizeof(path), "tree/%d/file", i);
        scratch_make_file(path, "", 0);
    }
    return 0;
}

static void move_the_chain(void)
{
    rename("tree/upper/chain", "elsewhere");
}

static void move_both(void)
{
    rename("tree/upper/chain", "elsewhere");
    rename("tree/upper", "tree/uppermost");
}

static void replace_upper(void)
{
    rename("tree/upper/chain", "elsewhere");
    rename("tree/upper", "uppermost");
    mkdir("tree/upper", 0700);
}

static void move_the_root(void)
{
    rename("tree/upper/chain", "elsewhere");
    rename("tree", "trunk");
}

/* What was walked wholly may be moved without a loss: the way back is found by names. What cannot
 * be found is one error, for what is left of it, and the walk goes on above. */
static int64_t the_way_back_is_gone(void *unused)
{
    (void)unused;
    static void (*const changes[])(void) = {move_the_chain, move_the_root, move_both,
                                            replace_upper};
    enum { ALL = 2 * ASIDE + 2 + FAR + 2 * (FAR / 100) };
    for (int i = 0; i < 4; i++) {
        struct way_back seen;
        for (int j = 0; j < 4; j++)
            tug_fs_remove_dir_all((const char *[]){"tree", "trunk", "elsewhere", "uppermost"}[j]);
        CHECK_EQUAL(make_two_levels(), 0);
        CHECK_EQUAL(walk_while(changes[i], &seen), 0);
        CHECK_EQUAL(seen.files - seen.upper_files, ASIDE);
        if (i < 2)
            CHECK_EQUAL(seen.errors, 0);
        CHECK_EQUAL(seen.root_errors, 0);
        CHECK_EQUAL(seen.errors, seen.upper_files < ASIDE);
        CHECK_EQUAL(seen.entries - seen.files, ALL);
    }
    return 0;
}

#if TUG_FAULT_INJECTION
static struct rlimit limit;

static void lose_parents(void)
{
    tug_fault_only_path("..");
    tug_fault_fail("openat", 1, TUG_FAULT_ALWAYS, reason);
}

static void lose_everything(void)
{
    lose_parents();
    tug_fault_only_path("upper");
    tug_fault_fail("openat", 1, TUG_FAULT_ALWAYS, ESTALE);
}

/* As a file system over the network has it. */
static int64_t no_directory_has_a_parent(void *unused)
{
    (void)unused;
    struct way_back seen;
    CHECK_EQUAL(make_two_levels(), 0);
    CHECK_EQUAL(walk_while(lose_parents, &seen), 0);
    tug_fault_reset();
    CHECK_EQUAL(seen.errors, 0);
    CHECK_EQUAL(seen.files, 2 * ASIDE);
    CHECK_EQUAL(walk_while(lose_everything, &seen), 0);
    tug_fault_reset();
    CHECK_EQUAL(seen.files - seen.upper_files, ASIDE);
    CHECK_EQUAL(seen.errors, seen.upper_files < ASIDE);
    CHECK_EQUAL(seen.root_errors, 0);
    return 0;
}

static struct rlimit two_descriptors;

static void find_two_descriptors(void)
{
    int first = dup(0), second = dup(0);
    close(first);
    close(second);
    getrlimit(RLIMIT_NOFILE, &limit);
    two_descriptors = (struct rlimit){(rlim_t)second + 1, limit.rlim_max};
}

static void lose_descriptors_and_parents(void)
{
    setrlimit(RLIMIT_NOFILE, &two_descriptors);
    lose_parents();
}

/* With two descriptors even the root is closed: then the walk ends, and says what is lost, and for
 * what reason. */
static int64_t no_way_to_the_root_for(int error)
{
    struct way_back seen;
    find_two_descriptors();
    reason = error;
    int64_t walked = walk_while(lose_descriptors_and_parents, &seen);
    setrlimit(RLIMIT_NOFILE, &limit);
    reason = ESTALE;
    tug_fault_reset();
    CHECK_EQUAL(walked, 0);
    CHECK_EQUAL(seen.errors, seen.upper_files < ASIDE);
    CHECK_EQUAL(seen.root_errors, seen.files - seen.upper_files < ASIDE);
    CHECK(seen.errors + seen.root_errors > 0);
    return 0;
}

static int64_t no_way_to_the_root(void *unused)
{
    (void)unused;
    CHECK_EQUAL(make_two_levels(), 0);
    CHECK_EQUAL(no_way_to_the_root_for(ESTALE), 0);
    CHECK_EQUAL(no_way_to_the_root_for(EMFILE), 0);
    return 0;
}
#endif

int main(void)
{
    scratch_prefer_memory();
    const struct CMUnitTest tests[] = {
        SCRATCH_TEST(the_way_back_is_gone),
#if TUG_FAULT_INJECTION
        SCRATCH_TEST(no_directory_has_a_parent),
        SCRATCH_TEST(no_way_to_the_root),
#endif
    };
    return cmocka_run_group_tests_name("stream/walk_back", tests, NULL, NULL);
}
