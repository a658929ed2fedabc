/* SPDX-License-Identifier: MIT */
/*
 * What tests of the copy engine share: a scratch directory that each test starts in, trees to copy,
 * a copy that is run by a coroutine in a runtime of its own, and a look at what came out of it.
 */
#ifndef TUG_TESTS_COPY_FIXTURE_H
#define TUG_TESTS_COPY_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>

#include <cmocka.h>

#include <tug/copy.h>

/* ---- The scratch directory ---- */

/* As cmocka's setup and teardown of each test: makes a directory, enters it, and sets the umask to
 * 022; leaves and removes it. */
int fixture_enter(void **state);
int fixture_leave(void **state);

#define FIXTURE_TEST(function)                                                                     \
    cmocka_unit_test_setup_teardown(function, fixture_enter, fixture_leave)

/* ---- Files ---- */

/* Text made by printf(3), valid until 16 more have been made. */
const char *fixture_text(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Each must succeed. A file of `size` bytes that no other seed gives; no byte is 0. */
void fixture_make_dir(const char *path, mode_t mode);
void fixture_make_file(const char *path, mode_t mode, uint64_t size, unsigned seed);
void fixture_make_text(const char *path, const char *text);
void fixture_make_link(const char *target, const char *path);
void fixture_make_fifo(const char *path, mode_t mode);

/* Writes after the end of a file. */
void fixture_append(const char *path, const char *text);

/* Sets the times of access and modification, each with some nanoseconds; of a link itself. */
void fixture_set_times(const char *path, time_t accessed, time_t modified);

/* Removes what is there; there need not be anything. */
void fixture_remove(const char *path);

/* A tree with all kinds of names, modes and types: about thirty entries. */
void fixture_make_tree(const char *path);

/* A whole file, zero-terminated, to be freed. */
char *fixture_read(const char *path);
uint64_t fixture_size(const char *path);
mode_t fixture_mode(const char *path);      /* 07777 bits, links not followed */
bool fixture_exists(const char *path);      /* links not followed */
struct stat fixture_stat(const char *path); /* the same */

/* Fails the test unless the file consists of this text. */
void fixture_assert_text(const char *path, const char *text);

/* How many descriptors the process has open. */
int fixture_count_descriptors(void);

/* ---- Comparing ---- */

enum {
    FIXTURE_MODES = 1,  /* permissions as a copy with umask 022 has them */
    FIXTURE_SUBSET = 2, /* the copy may lack entries, but what it has is complete */
};

/* Fails the test, naming the entry, unless `copy` is a copy of the tree or file `source`. */
void fixture_assert_copy(const char *source, const char *copy, int flags);

/* ---- Running ---- */

/* Calls fn(argument) in a runtime of its own, of one thread or of two workers, within a scope that
 * is cancelled after so many us, unless these are 0. Returns what it returned. */
int64_t fixture_in_runtime(bool multi_thread, unsigned cancel_after, int64_t (*fn)(void *),
                           void *argument);

/* Microseconds since some moment. */
uint64_t fixture_now(void);

/* ---- Copying ---- */

struct fixture_failure {
    enum tug_copy_event_kind kind;
    enum tug_copy_step step;
    int error;
    char source[256], destination[256]; /* cut off */
};

struct fixture_copy {
    struct tug_copy_options options;
    /* Which flavour of runtime; with `outside` there is none. */
    bool multi_thread, outside;
    /* Called from the event callback, before the event is counted. May be NULL. */
    void (*on_event)(const struct tug_copy_event *event, void *argument);
    void *argument;
    /* Descriptors may be left open: a close that is made to fail does not close. */
    bool may_leak;
    /* Called within the runtime, right before the copy and after it. May be NULL. */
    void (*before)(void);
    void (*after)(void);
    /* Cancels the scope of the copy after so many us, unless it is 0. */
    unsigned cancel_after;
    /* What came out. */
    int64_t result;
    struct tug_copy_report report;
    unsigned started, finished;
    unsigned failure_count; /* failures and warnings; the first are kept */
    struct fixture_failure failures[16];
};

/* Recursive, two jobs, all events but BYTES. */
void fixture_copy_init(struct fixture_copy *copy);

/* Runs the copy of these sources (the list ends with NULL), and checks that it leaves no descriptor
 * open. */
void fixture_copy_run(struct fixture_copy *copy, const char *destination, ...);

/* The usual case: must succeed; returns the report. */
struct tug_copy_report fixture_copy_tree(const char *source, const char *destination);

/* Checks that exactly one failure was reported, and which. */
void fixture_assert_failure(const struct fixture_copy *copy, enum tug_copy_step step, int error,
                            const char *source);

/* Runs fn() in a child process, as an unprivileged user if the tests are run by root; it must
 * return normally. Its assertions count as usual. */
void fixture_run_as_nobody(void (*fn)(void));

#endif
