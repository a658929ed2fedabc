/* SPDX-License-Identifier: MIT */
/* A disk that is full: what did not fit leaves nothing, and is reported. */
#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define CANNOT_MOUNT 77

static void write_text(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, text, strlen(text)) < 0)
        _exit(CANNOT_MOUNT);
    close(fd);
}

/* Mounts a file system of 4 MiB on "small", which nobody else sees. */
static void mount_small(void)
{
    uid_t user = getuid();
    gid_t group = getgid();
    int flags = CLONE_NEWNS | (user != 0 ? CLONE_NEWUSER : 0);
    assert_int_equal(mkdir("small", 0755), 0);
    if (unshare(flags) != 0)
        _exit(CANNOT_MOUNT);
    if (user != 0) {
        write_text("/proc/self/setgroups", "deny");
        write_text("/proc/self/uid_map", fixture_text("0 %u 1", user));
        write_text("/proc/self/gid_map", fixture_text("0 %u 1", group));
    }
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("small", "small", "tmpfs", 0, "size=4m") != 0)
        _exit(CANNOT_MOUNT);
}

/* Runs fn() in a child that has "small". Skips the test where that is not possible. */
static void run_with_small(void (*fn)(void))
{
    pid_t child = fork();
    if (child == 0) {
        mount_small();
        fn();
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFEXITED(status) && WEXITSTATUS(status) == CANNOT_MOUNT)
        skip();
    assert_int_equal(status, 0);
}

static uint64_t used(const char *path)
{
    struct stat stat;
    assert_int_equal(lstat(path, &stat), 0);
    return (uint64_t)stat.st_blocks * 512;
}

static void copy_too_large(void)
{
    struct fixture_copy copy;
    fixture_make_file("large", 0644, (uint64_t)30 << 20, 1);
    for (unsigned jobs = 1; jobs <= 3; jobs++) {
        fixture_copy_init(&copy);
        copy.options.jobs = jobs;
        fixture_copy_run(&copy, "small/to", "large", NULL);
        fixture_assert_failure(&copy, TUG_COPY_STEP_WRITE, -ENOSPC, "large");
        assert_string_equal(copy.failures[0].destination, "small/to");
        assert_int_equal(copy.report.bytes, 0);
        assert_false(fixture_exists("small/to"));
    }
}

static void test_one_large_file(void **state)
{
    (void)state;
    run_with_small(copy_too_large);
}

static void copy_too_many(void)
{
    struct fixture_copy copy;
    fixture_make_dir("from", 0755);
    for (unsigned i = 0; i < 100; i++)
        fixture_make_file(fixture_text("from/%u", i), 0644, 100000, i);
    fixture_copy_init(&copy);
    fixture_copy_run(&copy, "small/to", "from", NULL);
    assert_int_equal(copy.result, -ENOSPC);
    assert_in_range(copy.report.failures, 50, 75);
    assert_int_equal(copy.report.files + copy.report.failures, 100);
    /* What is there is complete, and there is as much as fits. */
    fixture_assert_copy("from", "small/to", FIXTURE_SUBSET | FIXTURE_MODES);
    for (unsigned i = 0; i < 16; i++)
        assert_int_equal(copy.failures[i].error, -ENOSPC);
}

static void test_many_small_files(void **state)
{
    (void)state;
    run_with_small(copy_too_many);
}

/* A file that existed is lost if its new contents do not fit; nothing of either remains. */
static void overwrite_too_large(void)
{
    struct fixture_copy copy;
    fixture_make_file("large", 0644, (uint64_t)30 << 20, 1);
    fixture_make_file("small/to", 0644, 1000, 2);
    fixture_copy_init(&copy);
    fixture_copy_run(&copy, "small/to", "large", NULL);
    fixture_assert_failure(&copy, TUG_COPY_STEP_WRITE, -ENOSPC, "large");
    assert_false(fixture_exists("small/to"));
    /* With a second name it cannot be removed, and is empty. */
    fixture_make_file("small/to", 0644, 1000, 2);
    assert_int_equal(link("small/to", "small/second"), 0);
    fixture_copy_run(&copy, "small/to", "large", NULL);
    fixture_assert_failure(&copy, TUG_COPY_STEP_WRITE, -ENOSPC, "large");
    assert_int_equal(fixture_size("small/second"), 0);
    assert_int_equal(used("small/second"), 0);
}

static void test_overwriting(void **state)
{
    (void)state;
    run_with_small(overwrite_too_large);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_one_large_file),
        FIXTURE_TEST(test_many_small_files),
        FIXTURE_TEST(test_overwriting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
