/* SPDX-License-Identifier: MIT */
/*
 * Every system call and every allocation fails once, in turn: the error is the result, nothing
 * leaks, and what is left on disk is what the call promises. The sweep is made outside of a runtime
 * and inside.
 */
#include "scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/fault.h"

#if TUG_FAULT_INJECTION

enum { LENGTH = 9 << 20, ENTRIES = 40 };

static unsigned char *data;

/* ---- What is tried: each returns 0 or an error, or fails a CHECK when a success is none ---- */

static int64_t read_file(void)
{
    void *back;
    size_t length;
    int result = tug_fs_read("data", &back, &length);
    if (result < 0)
        return result;
    CHECK(length == LENGTH && memcmp(back, data, LENGTH) == 0);
    free(back);
    return 0;
}

/* Its size is not known, so that the memory grows. */
static int64_t read_procfs(void)
{
    char *text;
    int result = tug_fs_read_to_string("/proc/self/maps", &text, NULL);
    if (result < 0)
        return result;
    CHECK(strstr(text, "[stack]") != NULL);
    free(text);
    return 0;
}

static int64_t write_file(void)
{
    int result = tug_fs_write("new", data, LENGTH);
    CHECK(result < 0 || scratch_file_is("new", data, LENGTH));
    return result;
}

static int64_t copy_file(void)
{
    int64_t result = tug_fs_copy("data", "new");
    CHECK(result < 0 ? !scratch_exists("new") : scratch_file_is("new", data, LENGTH));
    CHECK(scratch_file_is("data", data, LENGTH));
    return result < 0 ? result : 0;
}

/* Through the buffer. */
static int64_t copy_procfs(void)
{
    int64_t result = tug_fs_copy("/proc/self/maps", "new");
    CHECK(scratch_exists("new") == (result > 0));
    return result < 0 ? result : 0;
}

static int64_t copy_over_old(void)
{
    scratch_make_file("old", "old", 3);
    int64_t result = tug_fs_copy("data", "old");
    CHECK(scratch_exists("old"));
    CHECK(result < 0 || scratch_file_is("old", data, LENGTH));
    CHECK_EQUAL(unlink("old"), 0);
    return result < 0 ? result : 0;
}

static int64_t create_tree(void)
{
    int result = tug_fs_create_dir_all("new/b/c/d", 0700);
    CHECK(result < 0 || scratch_exists("new/b/c/d"));
    return result;
}

/* More levels than are kept open, some files, some empty directories. */
static int64_t make_tree(void)
{
    char path[512] = "new";
    CHECK_EQUAL(mkdir(path, 0700), 0);
    for (int i = 0; i < 36; i++) {
        size_t length = strlen(path);
        snprintf(path + length, sizeof(path) - length, "/f%d", i);
        CHECK_EQUAL(link("small", path), 0);
        snprintf(path + length, sizeof(path) - length, "/e%d", i);
        if (i % 9 == 0)
            CHECK_EQUAL(mkdir(path, 0700), 0);
        snprintf(path + length, sizeof(path) - length, "/d%d", i);
        CHECK_EQUAL(mkdir(path, 0700), 0);
    }
    return 0;
}

static int64_t remove_tree(void)
{
    CHECK_EQUAL(make_tree(), 0);
    int result = tug_fs_remove_dir_all("new");
    CHECK(result < 0 || !scratch_exists("new"));
    return result;
}

static int64_t list(void)
{
    struct tug_read_dir *reader;
    struct tug_dir_entry entry;
    int result = tug_fs_read_dir(&reader, "many");
    if (result < 0)
        return result;
    int count = 0;
    while ((result = tug_read_dir_next(reader, &entry)) == 1)
        count++;
    CHECK(result < 0 || count == ENTRIES);
    tug_read_dir_close(reader);
    return result;
}

static int64_t read_link(void)
{
    char *target;
    int result = tug_fs_read_link("link", &target);
    if (result < 0)
        return result;
    CHECK_EQUAL(strlen(target), 300);
    free(target);
    return 0;
}

static int64_t resolve(void)
{
    char *path;
    int result = tug_fs_canonicalize("data", &path);
    if (result < 0)
        return result;
    CHECK(path[0] == '/');
    free(path);
    return 0;
}

static int64_t ask(void)
{
    int result = tug_fs_try_exists("data");
    CHECK(result != 0);
    return result < 0 ? result : 0;
}

static const struct {
    const char *name;
    int64_t (*call)(void);
} trials[] = {
    {"read_file", read_file},     {"read_procfs", read_procfs}, {"write_file", write_file},
    {"copy_file", copy_file},     {"copy_procfs", copy_procfs}, {"copy_over_old", copy_over_old},
    {"create_tree", create_tree}, {"remove_tree", remove_tree}, {"list", list},
    {"read_link", read_link},     {"resolve", resolve},         {"ask", ask},
};

/* ---- The sweep ---- */

static const char *const calls[] = {
    "openat",     "close",     "read",    "write",    "lseek",
    "fcntl",      "statx",     "mkdirat", "unlinkat", "readlinkat",
    "getdents64", "ftruncate", "fchmod",  "ficlone",  "copy_file_range",
};

static int64_t prepare(void)
{
    char path[64], target[301];
    data = malloc(LENGTH);
    CHECK(data != NULL);
    scratch_pattern(data, LENGTH, 1);
    scratch_make_file("data", data, LENGTH);
    scratch_make_file("small", "", 0);
    memset(target, 't', 300);
    target[300] = '\0';
    CHECK_EQUAL(symlink(target, "link"), 0);
    CHECK_EQUAL(mkdir("many", 0700), 0);
    for (int i = 0; i < ENTRIES; i++) {
        snprintf(path, sizeof(path), "many/%d", i);
        CHECK_EQUAL(link("small", path), 0);
    }
    return 0;
}

/* Without a fault: this is how it is cleaned up, and how what is left is seen to be usable. */
static int64_t clean(void)
{
    struct stat metadata;
    if (lstat("new", &metadata) < 0)
        return 0;
    return S_ISDIR(metadata.st_mode) ? tug_fs_remove_dir_all("new") : tug_fs_remove_file("new");
}

enum { FDS = 256 };

static void note_open(bool open[FDS])
{
    for (int fd = 0; fd < FDS; fd++)
        open[fd] = fcntl(fd, F_GETFD) >= 0;
}

/* A close that fails by a rule is not made, and leaves its descriptor. */
static void close_left(const bool open[FDS])
{
    for (int fd = 0; fd < FDS; fd++)
        if (!open[fd])
            close(fd);
}

/* Lets occurrence `n` of `call` fail. Returns 1 if there was none, so that this was the last. */
static int64_t try_once(size_t trial, const char *call, unsigned n, int error)
{
    bool open[FDS];
    int fds = scratch_count_fds();
    note_open(open);
    CHECK_EQUAL(tug_fault_fail(call, n, 1, error), 0);
    int64_t result = trials[trial].call();
    bool last = tug_fault_calls(call) < n;
    tug_fault_reset();
    if (strcmp(call, "close") == 0)
        close_left(open);
    CHECK_EQUAL(scratch_count_fds(), fds);
    if (last)
        CHECK_EQUAL(result, 0);
    else if (error == EINTR && strcmp(call, "close") == 0)
        CHECK(result == 0 || result == -EIO);
    else if (error == EINTR)
        CHECK_EQUAL(result, 0);
    else
        CHECK(result == 0 || result == -error);
    CHECK_EQUAL(clean(), 0);
    return last;
}

static int64_t sweep_call(size_t trial, const char *call, int error)
{
    enum { MOST = 400 };
    int64_t result = 0;
    for (unsigned n = 1; result == 0 && n < MOST; n += n < 10 ? 1 : 17) {
        result = try_once(trial, call, n, error);
        if (result < 0)
            fprintf(stderr, "%s: %s %u with %s\n", trials[trial].name, call, n, strerror(error));
    }
    CHECK_EQUAL(result, 1);
    return 0;
}

static int64_t sweep(int error)
{
    CHECK_EQUAL(prepare(), 0);
    for (size_t trial = 0; trial < sizeof(trials) / sizeof(trials[0]); trial++) {
        for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
            CHECK_EQUAL(sweep_call(trial, calls[i], error), 0);
        if (error != EINTR) {
            CHECK_EQUAL(sweep_call(trial, "malloc", ENOMEM), 0);
            CHECK_EQUAL(sweep_call(trial, "realloc", ENOMEM), 0);
        }
    }
    free(data);
    return 0;
}

static int64_t errors(void *unused)
{
    (void)unused;
    return sweep(EIO);
}

static int64_t interruptions(void *unused)
{
    (void)unused;
    return sweep(EINTR);
}

/* Whatever is moved in one call, all is moved. */
static int64_t short_transfers(void *unused)
{
    (void)unused;
    CHECK_EQUAL(prepare(), 0);
    const char *const transfers[] = {"read", "write", "copy_file_range"};
    for (size_t trial = 0; trial < sizeof(trials) / sizeof(trials[0]); trial++)
        for (size_t i = 0; i < 3; i++) {
            CHECK_EQUAL(tug_fault_short(transfers[i], 1, 300, 4099), 0);
            CHECK_EQUAL(tug_fault_short(transfers[i], 10, 20, 1), 0);
            int64_t result = trials[trial].call();
            tug_fault_reset();
            CHECK_EQUAL(result, 0);
            CHECK_EQUAL(clean(), 0);
        }
    free(data);
    return 0;
}

/* A write that moves nothing does not go on for ever. */
static int64_t no_progress(void *unused)
{
    (void)unused;
    CHECK_EQUAL(tug_fault_short("write", 1, TUG_FAULT_ALWAYS, 0), 0);
    int64_t written = tug_fs_write("new", "x", 1);
    tug_fault_reset();
    CHECK_EQUAL(written, -EIO);
    return 0;
}

static void outside_of_a_runtime(void **state)
{
    (void)state;
    scratch_run_outside(errors);
    scratch_run_outside(interruptions);
    scratch_run_outside(short_transfers);
}

int main(void)
{
    scratch_prefer_memory();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(outside_of_a_runtime),
        SCRATCH_TEST(errors),
        SCRATCH_TEST(short_transfers),
        SCRATCH_TEST(no_progress),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

/* Status 77: skipped. */
int main(void)
{
    return 77;
}

#endif
