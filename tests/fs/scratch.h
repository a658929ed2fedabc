/* SPDX-License-Identifier: MIT */
/*
 * What the programs of this directory share: each test runs as a coroutine, once in each flavour of
 * the runtime, in an empty directory of its own that is the current one; afterwards the process has
 * as many descriptors open as before.
 *
 * A body returns 0, or fails through a CHECK: cmocka's assertions jump, which a coroutine must not.
 */
#ifndef TESTS_FS_SCRATCH_H
#define TESTS_FS_SCRATCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <cmocka.h>

#include <tug/tug.h>

struct scratch_test {
    int64_t (*body)(void *unused);
    bool current_thread_only;
};

/* Elements of a cmocka group. */
#define SCRATCH_TEST(body) SCRATCH_TEST_(body, false)
#define SCRATCH_TEST_CURRENT_THREAD(body) SCRATCH_TEST_(body, true)
#define SCRATCH_TEST_(body, current_thread_only)                                                   \
    {                                                                                              \
#body, scratch_run, NULL, NULL, &(struct scratch_test)                                     \
        {                                                                                          \
            body, current_thread_only                                                              \
        }                                                                                          \
    }

void scratch_run(void **state);

/* Runs body as scratch_run() does, but on this thread, outside of any runtime. */
void scratch_run_outside(int64_t (*body)(void *unused));

/* To be called first by a program that makes and removes thousands of files: they are made in
 * memory if the system has a place for that and $TMPDIR names no other (some file systems are slow
 * to use inodes again that were freed a moment ago). */
void scratch_prefer_memory(void);

/* Says what failed. Returns a value that no body returns by chance. */
int64_t scratch_failed(const char *file, int line, const char *what, int64_t actual,
                       int64_t expected);

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition))                                                                          \
            return scratch_failed(__FILE__, __LINE__, #condition, 0, 1);                           \
    } while (0)

#define CHECK_EQUAL(expression, value)                                                             \
    do {                                                                                           \
        int64_t actual_ = (int64_t)(expression);                                                   \
        int64_t expected_ = (int64_t)(value);                                                      \
        if (actual_ != expected_)                                                                  \
            return scratch_failed(__FILE__, __LINE__, #expression, actual_, expected_);            \
    } while (0)

/* The number of open descriptors. */
int scratch_count_fds(void);

/* Makes a file by plain system calls. */
void scratch_make_file(const char *path, const void *data, size_t length);

/* Whether a file holds exactly this. */
bool scratch_file_is(const char *path, const void *data, size_t length);

/* Whether a name is there (a symlink is not followed), and the permission bits of a file. */
bool scratch_exists(const char *path);
int scratch_mode(const char *path);

/* Makes `count` directories, each in the one before, with a file and another directory in the first
 * of every hundred. Returns 0, or says what failed. */
int64_t scratch_make_chain(const char *root, int count);

/* Fills memory with bytes that depend on their position. */
void scratch_pattern(unsigned char *data, size_t length, unsigned seed);

/* Gives up the right to do everything, if the process has it. Returns false if permissions cannot
 * be tested. scratch_be_root() takes it back. */
bool scratch_be_nobody(void);
void scratch_be_root(void);

#endif
