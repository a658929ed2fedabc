/* SPDX-License-Identifier: MIT */
/*
 * Reading directories: every entry once, whatever the size; cancelling loses none.
 */
#include "scratch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MANY = 10000 };

/* All are links to one file: that is many times faster than as many files. */
static int64_t make_many(const char *directory, int count)
{
    char path[300];
    scratch_make_file("one", "", 0);
    for (int i = 0; i < count; i++) {
        snprintf(path, sizeof(path), "%s/entry-number-%05d", directory, i);
        CHECK_EQUAL(link("one", path), 0);
    }
    CHECK_EQUAL(unlink("one"), 0);
    return 0;
}

/* Marks the entry as seen. Returns false for one that is not there or was seen before. */
static bool mark(const struct tug_dir_entry *entry, unsigned char *seen, int count)
{
    int number, end = -1;
    if (sscanf(entry->name, "entry-number-%05d%n", &number, &end) != 1 || entry->name[end] != '\0')
        return false;
    if (number < 0 || number >= count || seen[number])
        return false;
    seen[number] = 1;
    return entry->type == DT_REG || entry->type == DT_UNKNOWN;
}

static int64_t kinds(void *unused)
{
    (void)unused;
    CHECK_EQUAL(mkdir("dir", 0700), 0);
    CHECK_EQUAL(mkdir("dir/sub", 0700), 0);
    scratch_make_file("dir/file", "", 0);
    CHECK_EQUAL(symlink("file", "dir/link"), 0);
    CHECK_EQUAL(mkfifo("dir/fifo", 0600), 0);
    scratch_make_file("dir/.hidden", "", 0);
    scratch_make_file("dir/..two", "", 0);
    const char *const names[] = {"sub", "file", "link", "fifo", ".hidden", "..two"};
    const int types[] = {DT_DIR, DT_REG, DT_LNK, DT_FIFO, DT_REG, DT_REG};
    struct tug_read_dir *reader;
    CHECK_EQUAL(tug_fs_read_dir(&reader, "dir"), 0);
    CHECK(fcntl(tug_read_dir_fd(reader), F_GETFD) & FD_CLOEXEC);
    struct tug_dir_entry entry;
    unsigned found = 0;
    int result;
    while ((result = tug_read_dir_next(reader, &entry)) == 1) {
        for (size_t i = 0; i < 6; i++) {
            if (strcmp(entry.name, names[i]) != 0)
                continue;
            struct stat metadata;
            CHECK_EQUAL(
                fstatat(tug_read_dir_fd(reader), entry.name, &metadata, AT_SYMLINK_NOFOLLOW), 0);
            CHECK_EQUAL(entry.inode, metadata.st_ino);
            CHECK(entry.type == types[i] || entry.type == DT_UNKNOWN);
            found += 1u << (4 * i);
        }
    }
    CHECK_EQUAL(result, 0);
    CHECK_EQUAL(found, 0x111111);
    CHECK_EQUAL(tug_read_dir_next(reader, &entry), 0);
    tug_read_dir_close(reader);
    tug_read_dir_close(NULL);
    return 0;
}

static int64_t many(void *unused)
{
    (void)unused;
    CHECK_EQUAL(mkdir("dir", 0700), 0);
    CHECK_EQUAL(make_many("dir", MANY), 0);
    unsigned char *seen = calloc(MANY, 1);
    struct tug_read_dir *reader;
    struct tug_dir_entry entry;
    CHECK_EQUAL(tug_fs_read_dir(&reader, "dir"), 0);
    for (int i = 0; i < MANY; i++) {
        CHECK_EQUAL(tug_read_dir_next(reader, &entry), 1);
        CHECK(mark(&entry, seen, MANY));
    }
    CHECK_EQUAL(tug_read_dir_next(reader, &entry), 0);
    tug_read_dir_close(reader);
    free(seen);
    return 0;
}

struct reading {
    struct tug_read_dir *reader;
    struct tug_scope scope;
    unsigned char *seen;
    int count, cancellations;
    uint32_t random;
};

/* Cancels after a while that becomes longer with every time. */
static int64_t cancel(void *argument)
{
    struct reading *reading = argument;
    reading->random = reading->random * 1664525u + 1013904223u;
    unsigned yields = (reading->random >> 16) % (unsigned)(reading->cancellations * 4 + 1);
    for (unsigned i = 0; i < yields; i++)
        tug_yield();
    tug_scope_cancel(&reading->scope);
    return 0;
}

/* Reads until the end, an error or the cancellation. */
static int64_t read_some(struct reading *reading)
{
    struct tug_dir_entry entry;
    tug_scope_begin(&reading->scope, TUG_FOREVER, NULL);
    struct tug_task *task = tug_spawn(cancel, reading);
    CHECK(task != NULL);
    int64_t result;
    while ((result = tug_read_dir_next(reading->reader, &entry)) == 1) {
        CHECK(mark(&entry, reading->seen, MANY));
        reading->count++;
    }
    struct tug_scope shield;
    tug_shield_begin(&shield);
    CHECK_EQUAL(tug_join(task, NULL), 0);
    tug_scope_end(&shield, 0);
    return tug_scope_end(&reading->scope, result);
}

static int64_t cancelled_again_and_again(void *unused)
{
    (void)unused;
    CHECK_EQUAL(mkdir("dir", 0700), 0);
    CHECK_EQUAL(make_many("dir", MANY), 0);
    struct reading reading = {.random = (uint32_t)getpid()};
    fprintf(stderr, "seed %u\n", reading.random);
    reading.seen = calloc(MANY, 1);
    CHECK_EQUAL(tug_fs_read_dir(&reading.reader, "dir"), 0);
    int64_t result;
    while ((result = read_some(&reading)) == -ECANCELED)
        reading.cancellations++;
    CHECK_EQUAL(result, 0);
    CHECK_EQUAL(reading.count, MANY);
    CHECK(reading.cancellations > 0);
    tug_read_dir_close(reading.reader);
    free(reading.seen);
    return 0;
}

/* A reader may be closed in a scope that is cancelled; nothing leaks. */
static int64_t closed_when_cancelled(void *unused)
{
    (void)unused;
    CHECK_EQUAL(make_many(".", 10), 0);
    int fds = scratch_count_fds();
    struct tug_read_dir *reader, *late = NULL;
    CHECK_EQUAL(tug_fs_read_dir(&reader, "."), 0);
    struct tug_scope scope;
    tug_scope_begin(&scope, TUG_FOREVER, NULL);
    tug_scope_cancel(&scope);
    tug_read_dir_close(reader);
    int result = tug_fs_read_dir(&late, ".");
    tug_scope_end(&scope, 0);
    CHECK_EQUAL(result, -ECANCELED);
    CHECK(late == NULL);
    CHECK_EQUAL(scratch_count_fds(), fds);
    return 0;
}

static int64_t special(void *unused)
{
    (void)unused;
    struct tug_read_dir *reader = NULL;
    struct tug_dir_entry entry;
    CHECK_EQUAL(mkdir("empty", 0700), 0);
    CHECK_EQUAL(symlink("empty", "link"), 0);
    CHECK_EQUAL(symlink("loop", "loop"), 0);
    scratch_make_file("file", "", 0);
    CHECK_EQUAL(tug_fs_read_dir(&reader, "missing"), -ENOENT);
    CHECK_EQUAL(tug_fs_read_dir(&reader, "file"), -ENOTDIR);
    CHECK_EQUAL(tug_fs_read_dir(&reader, "loop"), -ELOOP);
    CHECK_EQUAL(tug_fs_read_dir_at(&reader, AT_FDCWD, "link", true), -ENOTDIR);
    CHECK(reader == NULL);
    CHECK_EQUAL(tug_fs_read_dir(&reader, "link"), 0);
    CHECK_EQUAL(tug_read_dir_next(reader, &entry), 0);
    tug_read_dir_close(reader);
    /* Below a directory, and one that is removed while it is being read. */
    int here = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CHECK_EQUAL(tug_fs_read_dir_at(&reader, here, "empty", true), 0);
    CHECK_EQUAL(rmdir("empty"), 0);
    CHECK_EQUAL(tug_read_dir_next(reader, &entry), 0);
    CHECK_EQUAL(tug_read_dir_next(reader, &entry), 0);
    tug_read_dir_close(reader);
    CHECK_EQUAL(close(here), 0);
    CHECK_EQUAL(mkdir("closed", 0), 0);
    if (scratch_be_nobody()) {
        int result = tug_fs_read_dir(&reader, "closed");
        scratch_be_root();
        CHECK_EQUAL(result, -EACCES);
    }
    return 0;
}

/* Names of every length, so that entries end at every place of a batch. */
static int64_t long_names(void *unused)
{
    (void)unused;
    CHECK_EQUAL(mkdir("dir", 0700), 0);
    char path[300], name[256];
    size_t expected = 0, found = 0;
    scratch_make_file("one", "", 0);
    for (int length = 5; length <= 255; length++)
        for (int copy = 0; copy < 4; copy++) {
            memset(name, 'x', sizeof(name));
            snprintf(name, sizeof(name), "%d%03d", copy, length);
            name[4] = 'x';
            name[length] = '\0';
            snprintf(path, sizeof(path), "dir/%s", name);
            CHECK_EQUAL(link("one", path), 0);
            expected += (size_t)length;
        }
    struct tug_read_dir *reader;
    struct tug_dir_entry entry;
    CHECK_EQUAL(tug_fs_read_dir(&reader, "dir"), 0);
    int result;
    while ((result = tug_read_dir_next(reader, &entry)) == 1)
        found += strlen(entry.name);
    CHECK_EQUAL(result, 0);
    CHECK_EQUAL(found, expected);
    tug_read_dir_close(reader);
    return 0;
}

static void outside_of_a_runtime(void **state)
{
    (void)state;
    scratch_run_outside(kinds);
    scratch_run_outside(many);
    scratch_run_outside(special);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCRATCH_TEST(kinds),
        SCRATCH_TEST(many),
        SCRATCH_TEST(cancelled_again_and_again),
        SCRATCH_TEST(closed_when_cancelled),
        SCRATCH_TEST(special),
        SCRATCH_TEST(long_names),
        cmocka_unit_test(outside_of_a_runtime),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
