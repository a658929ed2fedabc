/* SPDX-License-Identifier: MIT */
/*
 * Making directories, one or with all their parents, and removing one name. A whole tree:
 * test_remove_tree.c.
 */
#include "scratch.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int64_t create(void *unused)
{
    (void)unused;
    mode_t mask = umask(022);
    CHECK_EQUAL(tug_fs_create_dir("dir", 0777), 0);
    CHECK_EQUAL(scratch_mode("dir"), 0755);
    CHECK_EQUAL(tug_fs_create_dir("dir", 0777), -EEXIST);
    CHECK_EQUAL(tug_fs_create_dir("a/b", 0777), -ENOENT);
    CHECK_EQUAL(tug_fs_create_dir_all("a/b/c", 0750), 0);
    CHECK_EQUAL(scratch_mode("a"), 0750);
    CHECK_EQUAL(scratch_mode("a/b/c"), 0750);
    CHECK_EQUAL(tug_fs_create_dir_all("a/b/c", 0750), 0);
    CHECK_EQUAL(tug_fs_create_dir_all("a", 0750), 0);
    CHECK_EQUAL(tug_fs_create_dir_all("/", 0750), 0);
    CHECK_EQUAL(tug_fs_create_dir_all(".", 0750), 0);
    CHECK_EQUAL(tug_fs_create_dir_all("e//f/./g/", 0700), 0);
    CHECK_EQUAL(scratch_mode("e/f/g"), 0700);
    CHECK_EQUAL(tug_fs_create_dir_all("h/../i/j", 0700), 0);
    CHECK(scratch_exists("h") && scratch_exists("i/j"));
    char here[PATH_MAX - 32], path[PATH_MAX];
    CHECK(getcwd(here, sizeof(here)) != NULL);
    snprintf(path, sizeof(path), "%s//k/l/m///", here);
    CHECK_EQUAL(tug_fs_create_dir_all(path, 0700), 0);
    CHECK(scratch_exists("k/l/m"));
    /* Parents can be entered and filled, whatever the mode asked for. */
    CHECK_EQUAL(tug_fs_create_dir_all("n/o", 0444), 0);
    CHECK_EQUAL(scratch_mode("n"), 0744);
    CHECK_EQUAL(scratch_mode("n/o"), 0444);
    umask(mask);
    return 0;
}

static int64_t create_errors(void *unused)
{
    (void)unused;
    char name[NAME_MAX + 2], path[NAME_MAX + 16];
    memset(name, 'n', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    snprintf(path, sizeof(path), "new/%s", name);
    scratch_make_file("file", "", 0);
    CHECK_EQUAL(symlink("nowhere", "dangling"), 0);
    CHECK_EQUAL(symlink("loop", "loop"), 0);
    CHECK_EQUAL(mkdir("dir", 0700), 0);
    CHECK_EQUAL(symlink("dir", "link"), 0);
    CHECK_EQUAL(tug_fs_create_dir_all("", 0700), -ENOENT);
    CHECK_EQUAL(tug_fs_create_dir_all("file", 0700), -EEXIST);
    CHECK_EQUAL(tug_fs_create_dir_all("file/x/y", 0700), -ENOTDIR);
    CHECK_EQUAL(tug_fs_create_dir_all("dangling", 0700), -EEXIST);
    CHECK_EQUAL(tug_fs_create_dir_all("loop/x", 0700), -ELOOP);
    CHECK_EQUAL(tug_fs_create_dir_all(path, 0700), -ENAMETOOLONG);
    CHECK_EQUAL(tug_fs_create_dir_all("link", 0700), 0);
    CHECK_EQUAL(tug_fs_create_dir_all("link/x/y", 0700), 0);
    CHECK(scratch_exists("dir/x/y"));
    CHECK_EQUAL(mkdir("closed", 0), 0);
    if (scratch_be_nobody()) {
        int one = tug_fs_create_dir("closed/x", 0700);
        int all = tug_fs_create_dir_all("closed/x/y", 0700);
        scratch_be_root();
        CHECK_EQUAL(one, -EACCES);
        CHECK_EQUAL(all, -EACCES);
    }
    return 0;
}

static int64_t create_one_of_many(void *argument)
{
    char path[64];
    snprintf(path, sizeof(path), "p/q/r/s/t/%d", (int)(intptr_t)argument % 4);
    return tug_fs_create_dir_all(path, 0700);
}

/* Tasks that make the same directories do not disturb each other. */
static int64_t create_concurrently(void *unused)
{
    (void)unused;
    for (int round = 0; round < 10; round++) {
        struct tug_group group;
        tug_group_init(&group, 0);
        for (intptr_t i = 0; i < 8; i++)
            CHECK_EQUAL(tug_group_spawn(&group, create_one_of_many, (void *)i), 0);
        CHECK_EQUAL(tug_group_wait(&group), 0);
        CHECK(scratch_exists("p/q/r/s/t/3"));
        CHECK_EQUAL(tug_fs_remove_dir_all("p"), 0);
        CHECK(!scratch_exists("p"));
    }
    return 0;
}

static int64_t remove_one(void *unused)
{
    (void)unused;
    scratch_make_file("file", "", 0);
    CHECK_EQUAL(mkdir("dir", 0700), 0);
    scratch_make_file("dir/file", "", 0);
    CHECK_EQUAL(tug_fs_remove_file("missing"), -ENOENT);
    CHECK_EQUAL(tug_fs_remove_file("dir"), -EISDIR);
    CHECK_EQUAL(tug_fs_remove_file("file/x"), -ENOTDIR);
    CHECK_EQUAL(tug_fs_remove_dir("file"), -ENOTDIR);
    CHECK_EQUAL(tug_fs_remove_dir("dir"), -ENOTEMPTY);
    CHECK_EQUAL(tug_fs_remove_dir("missing"), -ENOENT);
    CHECK_EQUAL(tug_fs_remove_file("dir/file"), 0);
    CHECK_EQUAL(tug_fs_remove_dir("dir"), 0);
    CHECK_EQUAL(tug_fs_remove_file("file"), 0);
    CHECK(!scratch_exists("file") && !scratch_exists("dir"));
    return 0;
}

static void outside_of_a_runtime(void **state)
{
    (void)state;
    scratch_run_outside(create);
    scratch_run_outside(remove_one);
}

int main(void)
{
    scratch_prefer_memory();
    const struct CMUnitTest tests[] = {
        SCRATCH_TEST(create),
        SCRATCH_TEST(create_errors),
        SCRATCH_TEST(create_concurrently),
        SCRATCH_TEST(remove_one),
        cmocka_unit_test(outside_of_a_runtime),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
