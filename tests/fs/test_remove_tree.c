/* SPDX-License-Identifier: MIT */
/*
 * Removing a whole tree: what is in it, how deep it is, who else is at it meanwhile.
 */
#include "scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/fault.h"

static int64_t remove_tree(void *unused)
{
    (void)unused;
    char path[128];
    CHECK_EQUAL(mkdir("outside", 0700), 0);
    scratch_make_file("outside/file", "x", 1);
    CHECK_EQUAL(mkdir("tree", 0700), 0);
    for (int i = 0; i < 30; i++) {
        snprintf(path, sizeof(path), "tree/%d", i);
        CHECK_EQUAL(mkdir(path, 0700), 0);
        for (int j = 0; j < 30; j++) {
            snprintf(path, sizeof(path), "tree/%d/%d", i, j);
            if (j % 3 == 0)
                CHECK_EQUAL(mkdir(path, 0700), 0);
            else
                scratch_make_file(path, "", 0);
        }
    }
    CHECK_EQUAL(mkfifo("tree/fifo", 0600), 0);
    CHECK_EQUAL(symlink("../outside", "tree/link"), 0);
    CHECK_EQUAL(symlink("../../outside/file", "tree/7/link"), 0);
    CHECK_EQUAL(tug_fs_remove_dir_all("tree"), 0);
    CHECK(!scratch_exists("tree"));
    CHECK(scratch_file_is("outside/file", "x", 1));
    /* The root: a symlink is removed itself, an empty directory too, with a slash at the end. */
    CHECK_EQUAL(symlink("outside", "link"), 0);
    CHECK_EQUAL(tug_fs_remove_dir_all("link"), 0);
    CHECK(!scratch_exists("link"));
    CHECK(scratch_file_is("outside/file", "x", 1));
    CHECK_EQUAL(mkdir("empty", 0700), 0);
    CHECK_EQUAL(tug_fs_remove_dir_all("empty/"), 0);
    CHECK(!scratch_exists("empty"));
    return 0;
}

static int64_t errors(void *unused)
{
    (void)unused;
    scratch_make_file("file", "x", 1);
    CHECK_EQUAL(mkdir("dir", 0700), 0);
    scratch_make_file("dir/file", "x", 1);
    CHECK_EQUAL(tug_fs_remove_dir_all("missing"), -ENOENT);
    CHECK_EQUAL(tug_fs_remove_dir_all(""), -ENOENT);
    CHECK_EQUAL(tug_fs_remove_dir_all("file"), -ENOTDIR);
    CHECK_EQUAL(tug_fs_remove_dir_all("file/x"), -ENOTDIR);
    /* What rmdir(2) refuses keeps its contents. */
    CHECK_EQUAL(tug_fs_remove_dir_all("dir/."), -EINVAL);
    CHECK_EQUAL(tug_fs_remove_dir_all("dir/./"), -EINVAL);
    CHECK_EQUAL(tug_fs_remove_dir_all("."), -EINVAL);
    CHECK_EQUAL(tug_fs_remove_dir_all("dir/.."), -ENOTEMPTY);
    CHECK(scratch_file_is("file", "x", 1));
    CHECK(scratch_file_is("dir/file", "x", 1));
    return 0;
}

/* Permissions: what cannot be read but is empty goes; what cannot be changed is an error. */
static int64_t permissions(void *unused)
{
    (void)unused;
    if (!scratch_be_nobody())
        return 0;
    mkdir("mine", 0700);
    mkdir("mine/unreadable", 0);
    int unreadable = tug_fs_remove_dir_all("mine");
    mkdir("full", 0700);
    mkdir("full/inside", 0700);
    mkdir("full/inside/more", 0700);
    chmod("full/inside", 0500);
    int unwritable = tug_fs_remove_dir_all("full");
    bool is_left = scratch_exists("full/inside/more");
    chmod("full/inside", 0300);
    int unsearchable = tug_fs_remove_dir_all("full");
    chmod("full/inside", 0700);
    int at_last = tug_fs_remove_dir_all("full");
    scratch_be_root();
    CHECK_EQUAL(unreadable, 0);
    CHECK(!scratch_exists("mine"));
    CHECK_EQUAL(unwritable, -EACCES);
    CHECK(is_left);
    CHECK_EQUAL(unsearchable, -EACCES);
    CHECK_EQUAL(at_last, 0);
    return 0;
}

/* 50,000 bytes of path: far more than PATH_MAX, and more levels than descriptors are used for. */
static int64_t deep(void *unused)
{
    (void)unused;
    CHECK_EQUAL(scratch_make_chain("deep", 5000), 0);
    CHECK_EQUAL(tug_fs_remove_dir_all("deep"), 0);
    CHECK(!scratch_exists("deep"));
    return 0;
}

static int lowest_free_fd(void)
{
    int fd = dup(0);
    close(fd);
    return fd;
}

/* Removes "deep" with no more than `count` descriptors. */
static int remove_with_descriptors(int count)
{
    struct rlimit before, limit;
    getrlimit(RLIMIT_NOFILE, &before);
    limit = before;
    limit.rlim_cur = (rlim_t)(lowest_free_fd() + count);
    setrlimit(RLIMIT_NOFILE, &limit);
    int result = tug_fs_remove_dir_all("deep");
    setrlimit(RLIMIT_NOFILE, &before);
    return result;
}

/* Three descriptors must do. */
static int64_t few_descriptors(void *unused)
{
    (void)unused;
    CHECK_EQUAL(scratch_make_chain("deep", 100), 0);
    CHECK_EQUAL(remove_with_descriptors(3), 0);
    CHECK(!scratch_exists("deep"));
    return 0;
}

/* More names of subdirectories than are kept in memory at a time. */
static int64_t wide(void *unused)
{
    (void)unused;
    char path[300], name[200];
    memset(name, 'w', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    CHECK_EQUAL(mkdir("wide", 0700), 0);
    for (int i = 0; i < 500; i++) {
        snprintf(path, sizeof(path), "wide/%s%04d", name, i);
        CHECK_EQUAL(mkdir(path, 0700), 0);
        strcat(path, "/f");
        if (i % 7 == 0)
            scratch_make_file(path, "", 0);
    }
    CHECK_EQUAL(tug_fs_remove_dir_all("wide"), 0);
    CHECK(!scratch_exists("wide"));
    return 0;
}

static int64_t remove_deep(void *unused)
{
    (void)unused;
    return tug_fs_remove_dir_all("deep");
}

/* Cancelled in the middle it stops; what is left can be removed. */
static int64_t cancelled(void *unused)
{
    (void)unused;
    CHECK_EQUAL(scratch_make_chain("deep", 3000), 0);
    int fds = scratch_count_fds();
    struct tug_task *task = tug_spawn(remove_deep, NULL);
    CHECK(task != NULL);
    CHECK_EQUAL(tug_sleep(2 * TUG_MILLISECOND), 0);
    tug_task_abort(task);
    int64_t result;
    CHECK_EQUAL(tug_join(task, &result), 0);
    CHECK(result == -ECANCELED || result == 0);
    CHECK_EQUAL(scratch_exists("deep"), result != 0);
    CHECK_EQUAL(scratch_count_fds(), fds);
    CHECK_EQUAL(tug_fs_remove_dir_all("deep"), result == 0 ? -ENOENT : 0);
    CHECK(!scratch_exists("deep"));
    return 0;
}

/* A removal that does not notice where it has got to climbs as many levels from there as it had
 * gone down: these many it may climb without leaving the directory of the test. */
enum { SHELTER = 8 };

/* Makes s/s/s/.../s with a file in each, the path of the last of which is stored. */
static int64_t make_shelter(char path[4 * SHELTER])
{
    strcpy(path, "s");
    for (int level = 0; level < SHELTER; level++) {
        size_t length = strlen(path);
        CHECK_EQUAL(mkdir(path, 0700), 0);
        strcpy(path + length, "/file");
        scratch_make_file(path, "x", 1);
        strcpy(path + length, level + 1 < SHELTER ? "/s" : "");
    }
    return 0;
}

static bool shelter_is_whole(void)
{
    char path[4 * SHELTER + 8] = "";
    bool whole = true;
    for (int level = 0; level < SHELTER; level++) {
        size_t length = strlen(path);
        strcpy(path + length, "s/file");
        whole = whole && scratch_file_is(path, "x", 1);
        strcpy(path + length, "s/");
    }
    return whole;
}

/* Somebody moves a part of the tree away, into a directory that has nothing to do with it: what is
 * there already stays, whichever way the removal finds out. */
static int64_t moved_meanwhile(void *unused)
{
    (void)unused;
    for (uint64_t round = 0; round < 5; round++) {
        char path[4 * SHELTER + 8];
        CHECK_EQUAL(make_shelter(path), 0);
        strcat(path, "/part");
        CHECK_EQUAL(scratch_make_chain("deep", 2000), 0);
        struct tug_task *task = tug_spawn(remove_deep, NULL);
        CHECK(task != NULL);
        CHECK_EQUAL(tug_sleep(round * TUG_MILLISECOND), 0);
        rename("deep/directory/directory/directory", path);
        int64_t result;
        CHECK_EQUAL(tug_join(task, &result), 0);
        CHECK_EQUAL(result, 0);
        CHECK(!scratch_exists("deep"));
        CHECK(shelter_is_whole());
        CHECK_EQUAL(tug_fs_remove_dir_all("s"), 0);
    }
    return 0;
}

/* Several tasks that remove the same tree: somebody wins, and nobody fails for what is gone. */
static int64_t concurrently(void *unused)
{
    (void)unused;
    for (int round = 0; round < 4; round++) {
        CHECK_EQUAL(scratch_make_chain("deep", 1000), 0);
        struct tug_task *tasks[3];
        int64_t result;
        for (int i = 0; i < 3; i++)
            CHECK((tasks[i] = tug_spawn(remove_deep, NULL)) != NULL);
        for (int i = 0; i < 3; i++) {
            CHECK_EQUAL(tug_join(tasks[i], &result), 0);
            CHECK(result == 0 || result == -ENOENT);
        }
        CHECK(!scratch_exists("deep"));
    }
    return 0;
}

#if TUG_FAULT_INJECTION
/* Where entries do not say what they are, the removal of a directory says it, by either error; that
 * of anything else fails for good. */
static int64_t no_entry_has_a_type(void *unused)
{
    (void)unused;
    static const int errors[] = {0, EPERM};
    for (int i = 0; i < 2; i++) {
        CHECK_EQUAL(scratch_make_chain("deep", 150), 0);
        tug_fault_fail("getdents64_types", 1, TUG_FAULT_ALWAYS, EIO);
        tug_fault_only_path("directory");
        if (errors[i] != 0)
            tug_fault_fail("unlinkat", 1, 140, errors[i]);
        int result = tug_fs_remove_dir_all("deep");
        tug_fault_reset();
        CHECK_EQUAL(result, 0);
        CHECK(!scratch_exists("deep"));
    }
    CHECK_EQUAL(scratch_make_chain("deep", 1), 0);
    tug_fault_fail("getdents64_types", 1, TUG_FAULT_ALWAYS, EIO);
    tug_fault_only_path("file");
    tug_fault_fail("unlinkat", 1, TUG_FAULT_ALWAYS, EPERM);
    int result = tug_fs_remove_dir_all("deep");
    tug_fault_reset();
    CHECK_EQUAL(result, -EPERM);
    CHECK(scratch_exists("deep/directory/file"));
    CHECK_EQUAL(tug_fs_remove_dir_all("deep"), 0);
    return 0;
}

static void lose_parents(int error)
{
    tug_fault_only_path("..");
    tug_fault_fail("openat", 1, TUG_FAULT_ALWAYS, error);
}

/* As on a file system over the network, or when somebody is removing the same tree: the way goes
 * on by names from the root. */
static int64_t no_directory_has_a_parent(void *unused)
{
    (void)unused;
    static const int errors[] = {ESTALE, ENOENT, EACCES};
    for (int i = 0; i < 3; i++) {
        CHECK_EQUAL(scratch_make_chain("deep", 100), 0);
        int fds = scratch_count_fds();
        lose_parents(errors[i]);
        int result = tug_fs_remove_dir_all("deep");
        tug_fault_reset();
        CHECK_EQUAL(result, 0);
        CHECK(!scratch_exists("deep"));
        CHECK_EQUAL(scratch_count_fds(), fds);
    }
    return 0;
}

/* Nor is what cannot be removed tried for ever. */
static int64_t no_parent_and_no_removal(void *unused)
{
    (void)unused;
    CHECK_EQUAL(scratch_make_chain("deep", 100), 0);
    lose_parents(ESTALE);
    tug_fault_only_path("directory");
    tug_fault_fail("unlinkat", 60, TUG_FAULT_ALWAYS, EBUSY);
    int result = tug_fs_remove_dir_all("deep");
    tug_fault_reset();
    CHECK_EQUAL(result, -EBUSY);
    CHECK_EQUAL(tug_fs_remove_dir_all("deep"), 0);
    return 0;
}

/* With three descriptors that is the way from each level. With two even the root is closed: then it
 * says why it ends. */
static int64_t few_descriptors_and_no_parent(void *unused)
{
    (void)unused;
    CHECK_EQUAL(scratch_make_chain("deep", 100), 0);
    lose_parents(ESTALE);
    CHECK_EQUAL(remove_with_descriptors(2), -ESTALE);
    CHECK(scratch_exists("deep"));
    CHECK_EQUAL(remove_with_descriptors(3), 0);
    CHECK(!scratch_exists("deep"));
    tug_fault_reset();
    return 0;
}
#endif

static void outside_of_a_runtime(void **state)
{
    (void)state;
    scratch_run_outside(remove_tree);
    scratch_run_outside(few_descriptors);
}

int main(void)
{
    scratch_prefer_memory();
    const struct CMUnitTest tests[] = {
        SCRATCH_TEST(remove_tree),
        SCRATCH_TEST(errors),
        SCRATCH_TEST(permissions),
        SCRATCH_TEST(deep),
        SCRATCH_TEST(few_descriptors),
        SCRATCH_TEST(wide),
        SCRATCH_TEST(cancelled),
        SCRATCH_TEST(moved_meanwhile),
        SCRATCH_TEST(concurrently),
        cmocka_unit_test(outside_of_a_runtime),
#if TUG_FAULT_INJECTION
        SCRATCH_TEST(no_entry_has_a_type),
        SCRATCH_TEST(no_directory_has_a_parent),
        SCRATCH_TEST(no_parent_and_no_removal),
        SCRATCH_TEST(few_descriptors_and_no_parent),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
