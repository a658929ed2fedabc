/* SPDX-License-Identifier: MIT */
/*
 * The smallest runtime that can drive ops: one thread, one driver (TUG_DRIVER says which), one
 * pool, and a waker that counts.
 */
#ifndef TESTS_DRIVER_LOOP_H
#define TESTS_DRIVER_LOOP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h needs the four above. */
#include <cmocka.h>

#include <tug/op.h>

#include "driver/driver.h"
#include "driver/pool.h"

/* A sleeper: counts what its wakers do, and wakes the thread of its driver. */
struct sleeper {
    struct tug_driver *driver;
    uint64_t wakes;
    int64_t references; /* clones that were neither woken nor dropped */
};

struct loop {
    struct tug_driver *driver;
    struct tug_pool *pool;
    struct sleeper sleeper;
};

#define SECOND INT64_C(1000000000)
#define MILLISECOND INT64_C(1000000)

/* What no test waits for longer, in ns. */
#define LONG_TIME (20 * SECOND)

bool loop_is_uring(void);

/* Opens the driver (entries: of a ring) and a pool of at most `threads`, on the calling thread. */
void loop_open_with(struct loop *loop, unsigned entries, unsigned threads);
void loop_open(struct loop *loop);

/* Closes both; fails if a waker is left over. */
void loop_close(struct loop *loop);

struct tug_waker loop_waker(struct loop *loop);
struct tug_waker sleeper_waker(struct sleeper *sleeper);

/* Drives an op once. Returns whether it is ready. */
bool loop_drive(struct loop *loop, struct tug_op *op);

/* Lets the driver work, waiting for `timeout` ns at most; wakes by other threads end the wait. */
void loop_turn(struct loop *loop, int64_t timeout);

/* Drives an op until it is ready; fails after LONG_TIME. Returns its result. */
int64_t loop_finish(struct loop *loop, struct tug_op *op);

/* Number of open descriptors of the process. */
int count_fds(void);

/* A pipe, close-on-exec beside `flags`. */
void make_pipe(int fds[2], int flags);
void close_pipe(const int fds[2]);

/* Opens a new file for reading and writing, at its beginning. */
int make_file(int directory, const char *name, const void *content, size_t length);

/* A directory of the test's own; remove_directory() removes it with the files in it. */
void make_directory(char *path, size_t size);
void remove_directory(const char *path);

/* A loop, and a directory for files: setup and teardown of a test, *state is a struct fixture. */
struct fixture {
    struct loop loop;
    char path[256];
    int directory;
};

int fixture_set_up(void **state);
int fixture_tear_down(void **state);

/* A loop on epoll, whatever TUG_DRIVER says: setup and teardown of a test, after which no call is
 * made to fail any more. */
extern struct loop epoll_loop;

int epoll_set_up(void **state);
int epoll_tear_down(void **state);

#endif
