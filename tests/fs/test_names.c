/* SPDX-License-Identifier: MIT */
/*
 * Names and metadata: rename, links, canonical paths, permissions, existence, open options.
 */
#include "scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int64_t renaming(void *unused)
{
    (void)unused;
    scratch_make_file("a", "a", 1);
    scratch_make_file("b", "b", 1);
    CHECK_EQUAL(tug_fs_rename("a", "b"), 0);
    CHECK(scratch_file_is("b", "a", 1));
    CHECK(!scratch_exists("a"));
    CHECK_EQUAL(tug_fs_rename("missing", "x"), -ENOENT);
    CHECK_EQUAL(tug_fs_rename("b", "missing/x"), -ENOENT);
    CHECK_EQUAL(mkdir("dir", 0700), 0);
    CHECK_EQUAL(mkdir("empty", 0700), 0);
    CHECK_EQUAL(tug_fs_rename("b", "dir"), -EISDIR);
    CHECK_EQUAL(tug_fs_rename("dir", "b"), -ENOTDIR);
    CHECK_EQUAL(tug_fs_rename("b", "dir/b"), 0);
    CHECK_EQUAL(tug_fs_rename("empty", "dir"), -ENOTEMPTY);
    CHECK_EQUAL(tug_fs_rename("dir", "empty"), 0);
    CHECK_EQUAL(tug_fs_rename("empty", "empty/inside"), -EINVAL);
    CHECK(scratch_file_is("empty/b", "a", 1));
    return 0;
}

static int64_t links(void *unused)
{
    (void)unused;
    scratch_make_file("file", "data", 4);
    CHECK_EQUAL(tug_fs_hard_link("file", "hard"), 0);
    CHECK(scratch_file_is("hard", "data", 4));
    CHECK_EQUAL(tug_fs_hard_link("file", "hard"), -EEXIST);
    CHECK_EQUAL(tug_fs_hard_link("missing", "x"), -ENOENT);
    CHECK_EQUAL(tug_fs_hard_link(".", "x"), -EPERM);
    CHECK_EQUAL(tug_fs_symlink("file", "soft"), 0);
    CHECK_EQUAL(tug_fs_symlink("file", "soft"), -EEXIST);
    CHECK(scratch_file_is("soft", "data", 4));
    char *target = NULL;
    CHECK_EQUAL(tug_fs_read_link("soft", &target), 0);
    CHECK_EQUAL(strcmp(target, "file"), 0);
    free(target);
    target = NULL;
    CHECK_EQUAL(tug_fs_read_link("file", &target), -EINVAL);
    CHECK_EQUAL(tug_fs_read_link("missing", &target), -ENOENT);
    CHECK(target == NULL);
    return 0;
}

static int64_t long_targets(void *unused)
{
    (void)unused;
    char *name = malloc(PATH_MAX);
    const size_t lengths[] = {1, 254, 255, 256, 257, 511, 512, 513, 4000, PATH_MAX - 1};
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        memset(name, 'x', lengths[i]);
        name[lengths[i]] = '\0';
        char *target;
        if (symlink(name, "link") < 0)
            continue; /* longer than this file system can */
        CHECK_EQUAL(tug_fs_read_link("link", &target), 0);
        CHECK_EQUAL(strcmp(target, name), 0);
        free(target);
        CHECK_EQUAL(unlink("link"), 0);
    }
    free(name);
    return 0;
}

static int64_t canonical(void *unused)
{
    (void)unused;
    char *here = realpath(".", NULL), *path, *expected;
    CHECK(here != NULL);
    CHECK_EQUAL(mkdir("a", 0700), 0);
    CHECK_EQUAL(mkdir("a/b", 0700), 0);
    scratch_make_file("a/b/file", "", 0);
    CHECK_EQUAL(symlink("a/b", "link"), 0);
    CHECK_EQUAL(symlink("../b/file", "a/b/up"), 0);
    CHECK(asprintf(&expected, "%s/a/b/file", here) > 0);
    const char *const ways[] = {"a/b/file", "./a//b/./file", "link/file",
                                "a/b/up",   "a/../link/up",  expected};
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        CHECK_EQUAL(tug_fs_canonicalize(ways[i], &path), 0);
        CHECK_EQUAL(strcmp(path, expected), 0);
        free(path);
    }
    free(expected);
    CHECK_EQUAL(tug_fs_canonicalize("/", &path), 0);
    CHECK_EQUAL(strcmp(path, "/"), 0);
    free(path);
    free(here);
    path = NULL;
    char name[NAME_MAX + 2];
    memset(name, 'n', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    CHECK_EQUAL(symlink("loop", "loop"), 0);
    CHECK_EQUAL(tug_fs_canonicalize("missing", &path), -ENOENT);
    CHECK_EQUAL(tug_fs_canonicalize("", &path), -ENOENT);
    CHECK_EQUAL(tug_fs_canonicalize("a/b/file/x", &path), -ENOTDIR);
    CHECK_EQUAL(tug_fs_canonicalize("loop", &path), -ELOOP);
    CHECK_EQUAL(tug_fs_canonicalize(name, &path), -ENAMETOOLONG);
    CHECK_EQUAL(chmod("a/b", 0), 0);
    if (scratch_be_nobody()) {
        int result = tug_fs_canonicalize("a/b/file", &path);
        scratch_be_root();
        CHECK_EQUAL(result, -EACCES);
    }
    CHECK(path == NULL);
    return 0;
}

static int64_t metadata(void *unused)
{
    (void)unused;
    scratch_make_file("file", "12345", 5);
    CHECK_EQUAL(symlink("file", "soft"), 0);
    CHECK_EQUAL(symlink("nowhere", "dangling"), 0);
    struct statx found;
    CHECK_EQUAL(tug_fs_metadata("soft", &found), 0);
    CHECK(S_ISREG(found.stx_mode));
    CHECK_EQUAL(found.stx_size, 5);
    CHECK_EQUAL(found.stx_mask & STATX_BASIC_STATS, STATX_BASIC_STATS);
    CHECK_EQUAL(tug_fs_symlink_metadata("soft", &found), 0);
    CHECK(S_ISLNK(found.stx_mode));
    CHECK_EQUAL(tug_fs_metadata("dangling", &found), -ENOENT);
    CHECK_EQUAL(tug_fs_symlink_metadata("dangling", &found), 0);
    CHECK_EQUAL(tug_fs_metadata("missing", &found), -ENOENT);
    CHECK_EQUAL(tug_fs_set_permissions("soft", 0751), 0);
    CHECK_EQUAL(scratch_mode("file"), 0751);
    CHECK_EQUAL(tug_fs_set_permissions("missing", 0700), -ENOENT);
    return 0;
}

static int64_t existence(void *unused)
{
    (void)unused;
    scratch_make_file("file", "", 0);
    CHECK_EQUAL(symlink("nowhere", "dangling"), 0);
    CHECK_EQUAL(symlink("loop", "loop"), 0);
    CHECK_EQUAL(mkdir("closed", 0700), 0);
    scratch_make_file("closed/file", "", 0);
    CHECK_EQUAL(chmod("closed", 0), 0);
    CHECK_EQUAL(tug_fs_try_exists("file"), 1);
    CHECK_EQUAL(tug_fs_try_exists("."), 1);
    CHECK_EQUAL(tug_fs_try_exists("missing"), 0);
    CHECK_EQUAL(tug_fs_try_exists("file/x"), 0);
    CHECK_EQUAL(tug_fs_try_exists("dangling"), 0);
    CHECK_EQUAL(tug_fs_try_exists("loop"), -ELOOP);
    if (scratch_be_nobody()) {
        int result = tug_fs_try_exists("closed/file");
        scratch_be_root();
        CHECK_EQUAL(result, -EACCES);
    }
    return 0;
}

/* What each combination does is seen in the flags of the open file. */
static int64_t combinations(void *unused)
{
    (void)unused;
    const struct {
        const char *letters; /* read, write, append, truncate, create, create_new: N */
        int flags;           /* -1: -EINVAL */
    } cases[] = {
        {"", -1},
        {"t", -1},
        {"c", -1},
        {"N", -1},
        {"rt", -1},
        {"rc", -1},
        {"rN", -1},
        {"at", -1},
        {"rat", -1},
        {"watc", -1},
        {"atN", -1},
        {"r", O_RDONLY},
        {"w", O_WRONLY},
        {"rw", O_RDWR},
        {"wt", O_WRONLY},
        {"wtc", O_WRONLY},
        {"rwc", O_RDWR},
        {"ac", O_WRONLY | O_APPEND},
        {"a", O_WRONLY | O_APPEND},
        {"wa", O_WRONLY | O_APPEND},
        {"ra", O_RDWR | O_APPEND},
        {"rwa", O_RDWR | O_APPEND},
    };
    scratch_make_file("file", "data", 4);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *letters = cases[i].letters;
        struct tug_open_options options = TUG_OPEN_OPTIONS_INIT;
        options.read = strchr(letters, 'r') != NULL;
        options.write = strchr(letters, 'w') != NULL;
        options.append = strchr(letters, 'a') != NULL;
        options.truncate = strchr(letters, 't') != NULL;
        options.create = strchr(letters, 'c') != NULL;
        options.create_new = strchr(letters, 'N') != NULL;
        int fd = tug_fs_open("file", &options);
        if (cases[i].flags == -1) {
            CHECK_EQUAL(fd, -EINVAL);
            continue;
        }
        CHECK(fd >= 0);
        CHECK_EQUAL(fcntl(fd, F_GETFL) & (O_ACCMODE | O_APPEND), cases[i].flags);
        CHECK_EQUAL(tug_lseek(fd, 0, SEEK_END), options.truncate ? 0 : 4);
        CHECK_EQUAL(tug_close(fd), 0);
        scratch_make_file("file", "data", 4);
    }
    return 0;
}

static int64_t creating(void *unused)
{
    (void)unused;
    mode_t mask = umask(022);
    struct tug_open_options options = TUG_OPEN_OPTIONS_INIT;
    options.write = true;
    CHECK_EQUAL(tug_fs_open("new", &options), -ENOENT);
    options.create = true;
    int fd = tug_fs_open("new", &options);
    CHECK(fd >= 0);
    CHECK_EQUAL(tug_close(fd), 0);
    CHECK_EQUAL(scratch_mode("new"), 0644);
    options.create_new = true;
    CHECK_EQUAL(tug_fs_open("new", &options), -EEXIST);
    options.mode = 0777;
    fd = tug_fs_open("newer", &options);
    CHECK(fd >= 0);
    CHECK_EQUAL(tug_close(fd), 0);
    CHECK_EQUAL(scratch_mode("newer"), 0755);
    umask(mask);
    struct tug_open_options directory = TUG_OPEN_OPTIONS_INIT;
    directory.read = true;
    /* The access mode of the words counts, not that of the flags. */
    directory.custom_flags = O_DIRECTORY | O_WRONLY;
    CHECK_EQUAL(tug_fs_open("new", &directory), -ENOTDIR);
    fd = tug_fs_open(".", &directory);
    CHECK(fd >= 0);
    CHECK_EQUAL(tug_close(fd), 0);
    return 0;
}

static void outside_of_a_runtime(void **state)
{
    (void)state;
    scratch_run_outside(links);
    scratch_run_outside(metadata);
    scratch_run_outside(canonical);
    scratch_run_outside(existence);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCRATCH_TEST(renaming),     SCRATCH_TEST(links),    SCRATCH_TEST(long_targets),
        SCRATCH_TEST(canonical),    SCRATCH_TEST(metadata), SCRATCH_TEST(existence),
        SCRATCH_TEST(combinations), SCRATCH_TEST(creating), cmocka_unit_test(outside_of_a_runtime),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
