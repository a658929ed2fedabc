/* SPDX-License-Identifier: MIT */
#include "loop.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sys/clock.h"
#include "sys/fault.h"

static void sleeper_clone(void *data)
{
    struct sleeper *sleeper = data;
    __atomic_fetch_add(&sleeper->references, 1, __ATOMIC_RELAXED);
}

static void sleeper_wake_by_ref(void *data)
{
    struct sleeper *sleeper = data;
    __atomic_fetch_add(&sleeper->wakes, 1, __ATOMIC_RELEASE);
    if (sleeper->driver != NULL)
        tug_driver_wake(sleeper->driver);
}

static void sleeper_drop(void *data)
{
    struct sleeper *sleeper = data;
    __atomic_fetch_sub(&sleeper->references, 1, __ATOMIC_RELEASE);
}

static void sleeper_wake(void *data)
{
    sleeper_wake_by_ref(data);
    sleeper_drop(data);
}

static const struct tug_waker_vtable sleeper_vtable = {
    .clone = sleeper_clone,
    .wake = sleeper_wake,
    .wake_by_ref = sleeper_wake_by_ref,
    .drop = sleeper_drop,
};

bool loop_is_uring(void)
{
    const char *name = getenv("TUG_DRIVER");
    return name != NULL && strcmp(name, "uring") == 0;
}

void loop_open_with(struct loop *loop, unsigned entries, unsigned threads)
{
    struct tug_pool_options options = {
        .max_threads = threads, .keep_alive = 10 * SECOND, .thread_name = "test-blocking"};
    *loop = (struct loop){0};
    assert_int_equal(tug_pool_create(&loop->pool, &options), 0);
    int result = loop_is_uring() ? tug_uring_driver_open(&loop->driver, loop->pool, entries)
                                 : tug_epoll_driver_open(&loop->driver, loop->pool);
    assert_int_equal(result, 0);
    loop->sleeper.driver = loop->driver;
    tug_driver_set_current(loop->driver);
}

void loop_open(struct loop *loop)
{
    loop_open_with(loop, 64, 8);
}

void loop_close(struct loop *loop)
{
    assert_int_equal(tug_pool_shutdown(loop->pool, UINT64_MAX), 0);
    tug_driver_set_current(NULL);
    tug_driver_close(loop->driver);
    tug_pool_destroy(loop->pool);
    assert_int_equal(__atomic_load_n(&loop->sleeper.references, __ATOMIC_ACQUIRE), 0);
}

struct tug_waker sleeper_waker(struct sleeper *sleeper)
{
    return (struct tug_waker){.vtable = &sleeper_vtable, .data = sleeper};
}

struct tug_waker loop_waker(struct loop *loop)
{
    return sleeper_waker(&loop->sleeper);
}

bool loop_drive(struct loop *loop, struct tug_op *op)
{
    struct tug_waker waker = loop_waker(loop);
    return tug_op_drive(op, &waker) == TUG_READY;
}

void loop_turn(struct loop *loop, int64_t timeout)
{
    bool notified;
    if (tug_driver_prepare_park(loop->driver))
        tug_driver_park(loop->driver, timeout, &notified);
    else
        tug_driver_poll(loop->driver, 0);
}

int64_t loop_finish(struct loop *loop, struct tug_op *op)
{
    uint64_t deadline = tug_clock_now() + LONG_TIME;
    while (!loop_drive(loop, op)) {
        if (tug_clock_now() > deadline)
            fail_msg("the op is not ready after %d s", (int)(LONG_TIME / SECOND));
        loop_turn(loop, SECOND);
    }
    return op->future.result;
}

int count_fds(void)
{
    DIR *directory = opendir("/proc/self/fd");
    assert_non_null(directory);
    int count = 0;
    while (readdir(directory) != NULL)
        count++;
    closedir(directory);
    return count;
}

void make_pipe(int fds[2], int flags)
{
    assert_int_equal(pipe2(fds, O_CLOEXEC | flags), 0);
}

void close_pipe(const int fds[2])
{
    close(fds[0]);
    close(fds[1]);
}

int make_file(int directory, const char *name, const void *content, size_t length)
{
    int fd = openat(directory, name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, content, length), (ssize_t)length);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    return fd;
}

void make_directory(char *path, size_t size)
{
    const char *parent = getenv("TMPDIR");
    snprintf(path, size, "%s/tug-driver-XXXXXX", parent != NULL ? parent : "/tmp");
    assert_non_null(mkdtemp(path));
}

static void remove_below(int parent, const char *name)
{
    if (unlinkat(parent, name, 0) == 0 || errno == ENOENT)
        return;
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(fd >= 0);
    DIR *directory = fdopendir(fd);
    assert_non_null(directory);
    struct dirent *entry;
    while ((entry = readdir(directory)) != NULL)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            remove_below(fd, entry->d_name);
    closedir(directory);
    assert_int_equal(unlinkat(parent, name, AT_REMOVEDIR), 0);
}

void remove_directory(const char *path)
{
    remove_below(AT_FDCWD, path);
}

int fixture_set_up(void **state)
{
    static struct fixture fixture;
    loop_open(&fixture.loop);
    make_directory(fixture.path, sizeof(fixture.path));
    fixture.directory = open(fixture.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(fixture.directory >= 0);
    *state = &fixture;
    return 0;
}

int fixture_tear_down(void **state)
{
    struct fixture *fixture = *state;
    loop_close(&fixture->loop);
    close(fixture->directory);
    remove_directory(fixture->path);
    return 0;
}

struct loop epoll_loop;

int epoll_set_up(void **state)
{
    (void)state;
    setenv("TUG_DRIVER", "epoll", 1);
    loop_open(&epoll_loop);
    return 0;
}

int epoll_tear_down(void **state)
{
    (void)state;
#if TUG_FAULT_INJECTION
    tug_fault_reset();
#endif
    loop_close(&epoll_loop);
    return 0;
}
