/* SPDX-License-Identifier: MIT */
/*
 * Copying a file: contents, permission bits, what must be refused, and what is left after an error
 * or a cancellation.
 */
#include "scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/fault.h"

static int64_t sizes(void *unused)
{
    (void)unused;
    const size_t lengths[] = {0, 1, 4096, 100000, 1 << 20, (16 << 20) - 1, 16 << 20, 40 << 20};
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        size_t length = lengths[i];
        unsigned char *data = malloc(length + 1);
        scratch_pattern(data, length, (unsigned)i);
        scratch_make_file("from", data, length);
        unlink("to");
        CHECK_EQUAL(tug_fs_copy("from", "to"), length);
        CHECK(scratch_file_is("to", data, length));
        CHECK(scratch_file_is("from", data, length));
        free(data);
    }
    return 0;
}

static int64_t permission_bits(void *unused)
{
    (void)unused;
    const mode_t modes[] = {0600, 0644, 0755, 0400, 0000, 0777, 0111};
    mode_t mask = umask(027);
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        unlink("from");
        unlink("to");
        scratch_make_file("from", "x", 1);
        CHECK_EQUAL(chmod("from", modes[i]), 0);
        CHECK_EQUAL(tug_fs_copy("from", "to"), 1);
        CHECK_EQUAL(scratch_mode("to"), modes[i]);
        /* An existing file gets them too. */
        CHECK_EQUAL(chmod("to", 0640), 0);
        CHECK_EQUAL(tug_fs_copy("from", "to"), 1);
        CHECK_EQUAL(scratch_mode("to"), modes[i]);
    }
    umask(mask);
    /* Whose program a set-user-ID file is cannot be copied, so neither is the bit. */
    CHECK_EQUAL(chmod("from", 06755), 0);
    unlink("to");
    CHECK_EQUAL(tug_fs_copy("from", "to"), 1);
    CHECK_EQUAL(scratch_mode("to"), 0755);
    return 0;
}

static int64_t replaces(void *unused)
{
    (void)unused;
    scratch_make_file("from", "short", 5);
    scratch_make_file("to", "something that is longer", 24);
    CHECK_EQUAL(link("to", "other"), 0);
    CHECK_EQUAL(tug_fs_copy("from", "to"), 5);
    CHECK(scratch_file_is("to", "short", 5));
    /* The file is the same one, with other contents. */
    CHECK(scratch_file_is("other", "short", 5));
    CHECK_EQUAL(symlink("to", "link"), 0);
    scratch_make_file("from", "again", 5);
    CHECK_EQUAL(tug_fs_copy("from", "link"), 5);
    CHECK(scratch_file_is("to", "again", 5));
    CHECK_EQUAL(symlink("from", "source"), 0);
    CHECK_EQUAL(tug_fs_copy("source", "new"), 5);
    CHECK(scratch_file_is("new", "again", 5));
    return 0;
}

static int64_t procfs(void *unused)
{
    (void)unused;
    CHECK(tug_fs_copy("/proc/self/status", "status") > 100);
    void *text;
    CHECK_EQUAL(tug_fs_read("status", &text, NULL), 0);
    CHECK(strstr(text, "VmPeak") != NULL);
    free(text);
    return 0;
}

static int64_t refuses(void *unused)
{
    (void)unused;
    scratch_make_file("file", "data", 4);
    CHECK_EQUAL(link("file", "same"), 0);
    CHECK_EQUAL(symlink("file", "link"), 0);
    CHECK_EQUAL(symlink("nowhere", "dangling"), 0);
    CHECK_EQUAL(mkfifo("fifo", 0600), 0);
    CHECK_EQUAL(mkdir("dir", 0700), 0);
    CHECK_EQUAL(tug_fs_copy("file", "file"), -EINVAL);
    CHECK_EQUAL(tug_fs_copy("file", "./file"), -EINVAL);
    CHECK_EQUAL(tug_fs_copy("file", "same"), -EINVAL);
    CHECK_EQUAL(tug_fs_copy("file", "link"), -EINVAL);
    CHECK_EQUAL(tug_fs_copy("link", "file"), -EINVAL);
    CHECK(scratch_file_is("file", "data", 4));
    CHECK_EQUAL(tug_fs_copy("fifo", "new"), -EINVAL);
    CHECK_EQUAL(tug_fs_copy("dir", "new"), -EINVAL);
    CHECK_EQUAL(tug_fs_copy("/dev/null", "new"), -EINVAL);
    CHECK_EQUAL(tug_fs_copy("file", "fifo"), -EINVAL);
    CHECK_EQUAL(tug_fs_copy("file", "/dev/null"), -EINVAL);
    CHECK_EQUAL(tug_fs_copy("file", "dir"), -EISDIR);
    CHECK_EQUAL(tug_fs_copy("missing", "new"), -ENOENT);
    CHECK_EQUAL(tug_fs_copy("file", "missing/new"), -ENOENT);
    CHECK_EQUAL(tug_fs_copy("file", "file/new"), -ENOTDIR);
    CHECK_EQUAL(tug_fs_copy("file", "dangling"), -ENOENT);
    CHECK(!scratch_exists("new"));
    CHECK(!scratch_exists("nowhere"));
    CHECK(scratch_exists("dangling"));
    CHECK_EQUAL(chmod("file", 0), 0);
    if (scratch_be_nobody()) {
        int64_t result = tug_fs_copy("file", "new");
        scratch_be_root();
        CHECK_EQUAL(result, -EACCES);
        CHECK(!scratch_exists("new"));
    }
    return 0;
}

/* A full disk, as far as the copy can tell. */
static int64_t no_room(void *unused)
{
    (void)unused;
    enum { LENGTH = 20 << 20, LIMIT = 18 << 20 };
    unsigned char *data = malloc(LENGTH);
    scratch_pattern(data, LENGTH, 3);
    scratch_make_file("from", data, LENGTH);
    scratch_make_file("old", "old", 3);
    struct rlimit before, limit;
    CHECK_EQUAL(getrlimit(RLIMIT_FSIZE, &before), 0);
    limit = before;
    limit.rlim_cur = LIMIT;
    signal(SIGXFSZ, SIG_IGN);
    CHECK_EQUAL(setrlimit(RLIMIT_FSIZE, &limit), 0);
    int64_t new = tug_fs_copy("from", "new");
    int64_t old = tug_fs_copy("from", "old");
    CHECK_EQUAL(setrlimit(RLIMIT_FSIZE, &before), 0);
    CHECK_EQUAL(new, -EFBIG);
    CHECK_EQUAL(old, -EFBIG);
    CHECK(!scratch_exists("new"));
    CHECK(scratch_exists("old"));
    CHECK(scratch_file_is("from", data, LENGTH));
    free(data);
    return 0;
}

/* Aborted when the destination has begun to grow. */
static int64_t copy_hole(void *unused)
{
    (void)unused;
    return tug_fs_copy("hole", "new");
}

static int64_t cancelled(void *unused)
{
    (void)unused;
    int64_t length = INT64_C(400) << 20;
    int fd = open("hole", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    CHECK_EQUAL(ftruncate(fd, length), 0);
    CHECK_EQUAL(close(fd), 0);
    int fds = scratch_count_fds();
    struct tug_task *task = tug_spawn(copy_hole, NULL);
    CHECK(task != NULL);
    struct stat metadata = {0};
    while (!tug_task_is_finished(task) &&
           (stat("new", &metadata) < 0 || metadata.st_size < 16 << 20))
        CHECK_EQUAL(tug_sleep(TUG_MILLISECOND), 0);
    tug_task_abort(task);
    int64_t result;
    CHECK_EQUAL(tug_join(task, &result), 0);
    /* A file system that shares blocks may have been faster. */
    if (result != length) {
        CHECK_EQUAL(result, -ECANCELED);
        CHECK(!scratch_exists("new"));
    }
    CHECK_EQUAL(scratch_count_fds(), fds);
    CHECK_EQUAL(stat("hole", &metadata), 0);
    CHECK_EQUAL(metadata.st_size, length);
    return 0;
}

#if TUG_FAULT_INJECTION

/* The ways of copying, one after the other; and transfers that are short. */
static int64_t falls_back(void *unused)
{
    (void)unused;
    enum { LENGTH = 3000000 };
    unsigned char *data = malloc(LENGTH);
    scratch_pattern(data, LENGTH, 8);
    scratch_make_file("from", data, LENGTH);
    const int missing[] = {ENOSYS, EXDEV, EINVAL, EOPNOTSUPP, EPERM, EACCES, ETXTBSY};
    for (size_t i = 0; i < sizeof(missing) / sizeof(missing[0]); i++) {
        CHECK_EQUAL(tug_fault_fail("ficlone", 1, TUG_FAULT_ALWAYS, missing[i]), 0);
        CHECK_EQUAL(tug_fs_copy("from", "to"), LENGTH);
        CHECK(scratch_file_is("to", data, LENGTH));
        CHECK_EQUAL(tug_fault_fail("copy_file_range", 1, TUG_FAULT_ALWAYS, missing[i]), 0);
        CHECK_EQUAL(tug_fs_copy("from", "to"), LENGTH);
        CHECK(scratch_file_is("to", data, LENGTH));
        tug_fault_reset();
    }
    /* In the middle. */
    CHECK_EQUAL(tug_fault_fail("ficlone", 1, TUG_FAULT_ALWAYS, EXDEV), 0);
    CHECK_EQUAL(tug_fault_short("copy_file_range", 1, 5, 12345), 0);
    CHECK_EQUAL(tug_fault_fail("copy_file_range", 6, TUG_FAULT_ALWAYS, EXDEV), 0);
    CHECK_EQUAL(tug_fault_short("write", 1, 9, 777), 0);
    CHECK_EQUAL(tug_fs_copy("from", "to"), LENGTH);
    CHECK(scratch_file_is("to", data, LENGTH));
    CHECK_EQUAL(tug_fault_calls("copy_file_range"), 6);
    tug_fault_reset();
    free(data);
    return 0;
}

/* Broken is not missing: the error is the result and nothing stays behind. */
static int64_t broken(void *unused)
{
    (void)unused;
    scratch_make_file("from", "data", 4);
    const int errors[] = {EIO, ENOSPC, EDQUOT, ENOMEM};
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        CHECK_EQUAL(tug_fault_fail("ficlone", 1, 1, errors[i]), 0);
        CHECK_EQUAL(tug_fs_copy("from", "to"), -errors[i]);
        CHECK(!scratch_exists("to"));
        CHECK_EQUAL(tug_fault_fail("ficlone", 1, 1, EXDEV), 0);
        CHECK_EQUAL(tug_fault_fail("copy_file_range", 1, 1, errors[i]), 0);
        CHECK_EQUAL(tug_fs_copy("from", "to"), -errors[i]);
        CHECK(!scratch_exists("to"));
        tug_fault_reset();
    }
    /* The source is closed first. A call that fails by a rule is not made, so that the descriptor
     * stays: it is the second that was opened. */
    int left_open = dup(0) + 1;
    CHECK_EQUAL(close(left_open - 1), 0);
    CHECK_EQUAL(tug_fault_fail("close", 2, 1, EDQUOT), 0);
    CHECK_EQUAL(tug_fs_copy("from", "to"), -EDQUOT);
    CHECK(!scratch_exists("to"));
    tug_fault_reset();
    CHECK_EQUAL(close(left_open), 0);
    return 0;
}

#endif

static void outside_of_a_runtime(void **state)
{
    (void)state;
    scratch_run_outside(sizes);
    scratch_run_outside(refuses);
#if TUG_FAULT_INJECTION
    scratch_run_outside(falls_back);
    scratch_run_outside(broken);
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCRATCH_TEST(sizes),     SCRATCH_TEST(permission_bits),
        SCRATCH_TEST(replaces),  SCRATCH_TEST(procfs),
        SCRATCH_TEST(refuses),   SCRATCH_TEST(no_room),
        SCRATCH_TEST(cancelled), cmocka_unit_test(outside_of_a_runtime),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
