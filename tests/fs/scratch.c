/* SPDX-License-Identifier: MIT */
/*
 * The directory, the runtimes and the checks. Everything here uses plain system calls, so that the
 * library is not tested by itself.
 */
#include "scratch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOBODY 65534

static char directory[4096];

static void enter_directory(void)
{
    const char *parent = getenv("TMPDIR");
    snprintf(directory, sizeof(directory), "%s/tug-fs-XXXXXX", parent != NULL ? parent : "/tmp");
    assert_non_null(mkdtemp(directory));
    assert_int_equal(chmod(directory, 0777), 0);
    assert_int_equal(chdir(directory), 0);
}

void scratch_prefer_memory(void)
{
    if (access("/dev/shm", R_OK | W_OK | X_OK) == 0)
        setenv("TMPDIR", "/dev/shm", 0);
}

/* rm(1), since what a failed test leaves may be deeper than nftw(3) can go. Spawned, since
 * fork(2) is slow where there is much to copy for it, as with AddressSanitizer. */
static void leave_directory(void)
{
    char *const arguments[] = {"rm", "-rf", "--", directory, NULL};
    pid_t child;
    int status;
    assert_int_equal(chdir("/"), 0);
    assert_int_equal(posix_spawnp(&child, "rm", NULL, NULL, arguments, environ), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void run_in_flavour(int64_t (*body)(void *), enum tug_flavour flavour)
{
    int fds = scratch_count_fds();
    enter_directory();
    struct tug_runtime_options options;
    tug_runtime_options_init(&options);
    options.flavour = flavour;
    if (flavour == TUG_MULTI_THREAD)
        options.worker_threads = 2;
    struct tug_runtime *runtime;
    assert_int_equal(tug_runtime_create(&runtime, &options), 0);
    int64_t result;
    assert_int_equal(tug_runtime_block_on(runtime, body, NULL, &result), 0);
    assert_int_equal(tug_runtime_shutdown(runtime, TUG_FOREVER), 0);
    leave_directory();
    if (result != 0)
        fail_msg("%s flavour", flavour == TUG_MULTI_THREAD ? "multi-thread" : "current-thread");
    assert_int_equal(scratch_count_fds(), fds);
}

void scratch_run(void **state)
{
    struct scratch_test *test = *state;
    run_in_flavour(test->body, TUG_CURRENT_THREAD);
    if (!test->current_thread_only)
        run_in_flavour(test->body, TUG_MULTI_THREAD);
}

void scratch_run_outside(int64_t (*body)(void *))
{
    int fds = scratch_count_fds();
    enter_directory();
    int64_t result = body(NULL);
    leave_directory();
    assert_int_equal(result, 0);
    assert_int_equal(scratch_count_fds(), fds);
}

int64_t scratch_failed(const char *file, int line, const char *what, int64_t actual,
                       int64_t expected)
{
    fprintf(stderr, "%s:%d: %s: %lld, expected %lld\n", file, line, what, (long long)actual,
            (long long)expected);
    return INT64_MIN;
}

int scratch_count_fds(void)
{
    DIR *fds = opendir("/proc/self/fd");
    int count = 0;
    while (fds != NULL && readdir(fds) != NULL)
        count++;
    if (fds != NULL)
        closedir(fds);
    return count;
}

void scratch_make_file(const char *path, const void *data, size_t length)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    const char *bytes = data;
    while (fd >= 0 && length > 0) {
        ssize_t n = write(fd, bytes, length);
        if (n <= 0)
            break;
        bytes += n;
        length -= (size_t)n;
    }
    if (fd < 0 || length > 0 || close(fd) < 0) {
        perror(path);
        abort();
    }
}

/* In pieces: memory for all of it would be mapped anew each time. */
bool scratch_file_is(const char *path, const void *data, size_t length)
{
    enum { PIECE = 1 << 16 };
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    char *found = malloc(PIECE);
    const char *expected = data;
    size_t have = 0;
    ssize_t n;
    while ((n = read(fd, found, PIECE)) > 0 && (size_t)n <= length - have &&
           memcmp(found, expected + have, (size_t)n) == 0)
        have += (size_t)n;
    free(found);
    close(fd);
    return n == 0 && have == length;
}

bool scratch_exists(const char *path)
{
    struct stat metadata;
    return lstat(path, &metadata) == 0;
}

int scratch_mode(const char *path)
{
    struct stat metadata;
    return stat(path, &metadata) == 0 ? (int)(metadata.st_mode & 07777) : -1;
}

int64_t scratch_make_chain(const char *root, int count)
{
    CHECK_EQUAL(mkdir(root, 0700), 0);
    int fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (int i = 0; i < count; i++) {
        CHECK_EQUAL(mkdirat(fd, "directory", 0700), 0);
        int next = openat(fd, "directory", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        CHECK(next >= 0);
        CHECK_EQUAL(close(fd), 0);
        fd = next;
        if (i % 100 == 0) {
            CHECK_EQUAL(mkdirat(fd, "aside", 0700), 0);
            int file = openat(fd, "file", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
            CHECK_EQUAL(close(file), 0);
        }
    }
    CHECK_EQUAL(close(fd), 0);
    return 0;
}

void scratch_pattern(unsigned char *data, size_t length, unsigned seed)
{
    uint32_t value = seed * 2654435761u + 1;
    for (size_t i = 0; i < length; i++) {
        value = value * 1664525u + 1013904223u;
        data[i] = (unsigned char)(value >> 24);
    }
}

bool scratch_be_nobody(void)
{
    return geteuid() != 0 || seteuid(NOBODY) == 0;
}

void scratch_be_root(void)
{
    if (getuid() == 0 && seteuid(0) != 0)
        abort();
}
