/* SPDX-License-Identifier: MIT */
/*
 * Walks: that each entry comes once, whatever the tree is like, who gives up when, and what fails.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "../fs/scratch.h"
#include "sys/fault.h"

#define MS TUG_MILLISECOND

/* ---- A tree of all sorts ---- */

enum { ACROSS = 8, ENTRIES = ACROSS + ACROSS * ACROSS + 4 };

static int64_t make_tree(void)
{
    char path[128];
    CHECK_EQUAL(mkdir("outside", 0700), 0);
    scratch_make_file("outside/file", "x", 1);
    CHECK_EQUAL(mkdir("tree", 0700), 0);
    for (int i = 0; i < ACROSS; i++) {
        snprintf(path, sizeof(path), "tree/%d", i);
        CHECK_EQUAL(mkdir(path, 0700), 0);
        for (int j = 0; j < ACROSS; j++) {
            snprintf(path, sizeof(path), "tree/%d/%d", i, j);
            if (j % 3 == 0)
                CHECK_EQUAL(mkdir(path, 0700), 0);
            else
                scratch_make_file(path, "", 0);
        }
    }
    CHECK_EQUAL(mkdir("tree/3/0/deeper", 0700), 0);
    scratch_make_file("tree/3/0/deeper/.hidden", "", 0);
    CHECK_EQUAL(mkfifo("tree/fifo", 0600), 0);
    CHECK_EQUAL(symlink("../outside", "tree/link"), 0);
    return 0;
}

struct seen {
    int entries, directories, depth;
};

/* Each entry is what lstat(2) says, its names fit together, and its directory came before. */
static int64_t check_entry(const struct tug_walk_entry *entry, const char *root, struct seen *seen)
{
    struct stat metadata;
    char path[512];
    snprintf(path, sizeof(path), "%s/%s", root, entry->relative);
    CHECK_EQUAL(strcmp(path, entry->path), 0);
    CHECK_EQUAL(lstat(entry->path, &metadata), 0);
    CHECK_EQUAL(entry->type, IFTODT(metadata.st_mode));
    CHECK_EQUAL(entry->inode, metadata.st_ino);
    const char *slash = strrchr(entry->path, '/');
    CHECK_EQUAL(strcmp(slash + 1, entry->name), 0);
    unsigned depth = 1;
    for (const char *c = entry->relative; *c != '\0'; c++)
        depth += *c == '/';
    CHECK_EQUAL(entry->depth, depth);
    seen->entries++;
    seen->directories += entry->type == DT_DIR;
    seen->depth = (int)depth > seen->depth ? (int)depth : seen->depth;
    return 0;
}

static int64_t see_all(const char *root, unsigned max_depth, struct seen *seen)
{
    struct tug_walk walk;
    struct tug_walk_entry entry;
    struct tug_stream *stream = tug_walk(&walk, root, max_depth);
    int result;
    *seen = (struct seen){0, 0, 0};
    while ((result = tug_next(stream, &entry)) == 1) {
        CHECK_EQUAL(check_entry(&entry, root, seen), 0);
        tug_stream_drop(stream, &entry);
    }
    CHECK_EQUAL(result, 0);
    CHECK_EQUAL(tug_next(stream, &entry), 0);
    tug_stream_close(stream);
    return 0;
}

static int64_t everything(void *unused)
{
    (void)unused;
    struct seen seen;
    CHECK_EQUAL(make_tree(), 0);
    CHECK_EQUAL(see_all("tree", 0, &seen), 0);
    CHECK_EQUAL(seen.entries, ENTRIES);
    CHECK_EQUAL(seen.depth, 4);
    CHECK_EQUAL(see_all("tree", 1, &seen), 0);
    CHECK_EQUAL(seen.entries, ACROSS + 2);
    CHECK_EQUAL(see_all("tree", 2, &seen), 0);
    CHECK_EQUAL(seen.entries, ENTRIES - 2);
    CHECK_EQUAL(see_all("tree/link", 0, &seen), 0);
    CHECK_EQUAL(seen.entries, 1);
    CHECK_EQUAL(mkdir("empty", 0700), 0);
    CHECK_EQUAL(see_all("empty", 0, &seen), 0);
    CHECK_EQUAL(seen.entries, 0);
    return 0;
}

/* Sorted by path, each is another one, and the one above each is there. */
static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct tug_walk_entry *)a)->relative,
                  ((const struct tug_walk_entry *)b)->relative);
}

/* Entries outlive the stream, and come below a descriptor, and with a slash at the end. */
static int64_t entries_are_the_callers(void *unused)
{
    (void)unused;
    struct tug_walk walk;
    void *items;
    size_t count;
    CHECK_EQUAL(make_tree(), 0);
    int directory = open("tree", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct tug_stream *stream = tug_walk_at(&walk, directory, "3/", 0);
    CHECK_EQUAL(tug_stream_collect(stream, &items, &count), 0);
    struct tug_item item = stream->item;
    tug_stream_close(stream);
    close(directory);
    CHECK_EQUAL(count, ACROSS + 2);
    struct tug_walk_entry *entries = items;
    qsort(entries, count, sizeof *entries, by_path);
    const char *const expected[] = {"0", "0/deeper", "0/deeper/.hidden", "1", "2", "3"};
    for (size_t i = 0; i < count; i++) {
        if (i < 6)
            CHECK_EQUAL(strcmp(entries[i].relative, expected[i]), 0);
        CHECK_EQUAL(strncmp(entries[i].path, "3/", 2), 0);
        CHECK(entries[i].path + 2 == entries[i].relative);
        item.drop(&entries[i]);
    }
    free(items);
    return 0;
}

/* ---- What fails ---- */

static int64_t roots_that_cannot_be_read(void *unused)
{
    (void)unused;
    struct tug_walk walk;
    struct tug_walk_entry entry;
    scratch_make_file("file", "", 0);
    const struct {
        const char *path;
        int error;
    } cases[] = {{"missing", -ENOENT}, {"file", -ENOTDIR}, {"", -ENOENT}};
    for (int i = 0; i < 3; i++) {
        struct tug_stream *stream = tug_walk(&walk, cases[i].path, 0);
        CHECK(tug_walk_failed(&walk) == NULL);
        CHECK_EQUAL(tug_next(stream, &entry), cases[i].error);
        CHECK_EQUAL(strcmp(tug_walk_failed(&walk), cases[i].path), 0);
        CHECK_EQUAL(tug_next(stream, &entry), 0);
        CHECK(tug_walk_failed(&walk) == NULL);
        tug_stream_close(stream);
    }
    return 0;
}

/* Entries and errors up to the end. */
static int64_t count_both(struct tug_walk *walk, struct tug_stream *stream, int *entries,
                          int *errors, int expected_error, const char *expected_path)
{
    struct tug_walk_entry entry;
    int result;
    *entries = *errors = 0;
    while ((result = tug_next(stream, &entry)) != 0) {
        if (result == 1) {
            ++*entries;
            tug_stream_drop(stream, &entry);
            continue;
        }
        ++*errors;
        CHECK_EQUAL(result, expected_error);
        if (expected_path != NULL)
            CHECK_EQUAL(strcmp(tug_walk_failed(walk), expected_path), 0);
    }
    return 0;
}

static int64_t a_directory_that_cannot_be_read(void *unused)
{
    (void)unused;
    struct tug_walk walk;
    int entries, errors;
    if (!scratch_be_nobody())
        return 0;
    int64_t made = make_tree();
    chmod("tree/3", 0);
    struct tug_stream *stream = tug_walk(&walk, "tree", 0);
    int64_t counted = count_both(&walk, stream, &entries, &errors, -EACCES, "tree/3");
    tug_stream_close(stream);
    chmod("tree/3", 0700);
    scratch_be_root();
    CHECK_EQUAL(made, 0);
    CHECK_EQUAL(counted, 0);
    CHECK_EQUAL(errors, 1);
    CHECK_EQUAL(entries, ENTRIES - ACROSS - 2);
    return 0;
}

#if TUG_FAULT_INJECTION
static int64_t reading_fails_half_way(void *unused)
{
    (void)unused;
    struct tug_walk walk;
    int entries, errors;
    CHECK_EQUAL(make_tree(), 0);
    CHECK_EQUAL(tug_fault_fail("getdents64", 1, 1, EIO), 0);
    struct tug_stream *stream = tug_walk(&walk, "tree", 0);
    CHECK_EQUAL(count_both(&walk, stream, &entries, &errors, -EIO, "tree/"), 0);
    tug_stream_close(stream);
    CHECK_EQUAL(errors, 1);
    CHECK_EQUAL(entries, 0);
    tug_fault_reset();
    CHECK_EQUAL(tug_fault_fail("getdents64", 2, 1, EIO), 0);
    stream = tug_walk(&walk, "tree", 0);
    CHECK_EQUAL(count_both(&walk, stream, &entries, &errors, -EIO, "tree/"), 0);
    tug_stream_close(stream);
    CHECK_EQUAL(errors, 1);
    CHECK_EQUAL(entries, ENTRIES);
    tug_fault_reset();
    return 0;
}

/* Where entries do not say what they are, that is asked for; where it is not to be had, they are of
 * a type that is not known, and nothing below them is seen. */
static int64_t no_entry_has_a_type(void *unused)
{
    (void)unused;
    struct seen seen;
    int entries, errors;
    CHECK_EQUAL(make_tree(), 0);
    CHECK_EQUAL(tug_fault_fail("getdents64_types", 1, TUG_FAULT_ALWAYS, EIO), 0);
    CHECK_EQUAL(see_all("tree", 0, &seen), 0);
    CHECK_EQUAL(seen.entries, ENTRIES);
    CHECK_EQUAL(seen.depth, 4);
    CHECK_EQUAL(tug_fault_fail("statx", 1, TUG_FAULT_ALWAYS, EIO), 0);
    struct tug_walk walk;
    struct tug_stream *stream = tug_walk(&walk, "tree", 0);
    CHECK_EQUAL(count_both(&walk, stream, &entries, &errors, 0, NULL), 0);
    tug_stream_close(stream);
    tug_fault_reset();
    CHECK_EQUAL(entries, ACROSS + 2);
    CHECK_EQUAL(errors, 0);
    return 0;
}

/* Each allocation fails once: that is told, it is the end, and nothing is left over. */
static int64_t without_memory(void *unused)
{
    (void)unused;
    static const char *const calls[] = {"malloc", "calloc", "realloc"};
    struct seen seen;
    CHECK_EQUAL(make_tree(), 0);
    CHECK_EQUAL(see_all("tree", 0, &seen), 0); /* now the pool has its thread */
    for (int i = 0; i < 3; i++) {
        int errors = 1;
        for (unsigned n = 1; errors > 0; n++) {
            struct tug_walk walk;
            int entries;
            CHECK(n < 100);
            CHECK_EQUAL(tug_fault_fail(calls[i], n, 1, ENOMEM), 0);
            struct tug_stream *stream = tug_walk(&walk, "tree", 0);
            CHECK_EQUAL(count_both(&walk, stream, &entries, &errors, -ENOMEM, NULL), 0);
            tug_stream_close(stream);
            tug_fault_reset();
            CHECK(errors <= 1);
            CHECK(errors == 1 || entries == ENTRIES);
        }
    }
    return 0;
}
#endif

/* ---- Giving up ---- */

static unsigned seed;

static unsigned draw(unsigned limit)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % limit;
}

/* Waits are cancelled at any moment, and no entry is lost; then the walk is. */
static int64_t cancelled(void *unused)
{
    (void)unused;
    CHECK_EQUAL(make_tree(), 0);
    for (int round = 0; round < 30; round++) {
        struct tug_walk walk;
        struct tug_walk_entry entry;
        int entries = 0, waits = 0;
        int64_t result;
        int enough = round % 2 == 0 ? ENTRIES : 1 + (int)draw(ENTRIES - 1);
#if TUG_FAULT_INJECTION
        CHECK_EQUAL(tug_fault_delay("getdents64", 1, 3, draw(3) * MS), 0);
#endif
        struct tug_stream *stream = tug_walk(&walk, "tree", 0);
        do {
            result = TUG_TIMEOUT(MS, tug_next(stream, &entry));
            if (result == 1) {
                entries++;
                tug_stream_drop(stream, &entry);
            }
            waits += result == -ETIMEDOUT;
        } while (result != 0 && entries < enough && waits < 1000);
        tug_stream_close(stream);
        CHECK_EQUAL(entries, enough);
#if TUG_FAULT_INJECTION
        tug_fault_reset();
#endif
    }
    return 0;
}

int main(void)
{
    scratch_prefer_memory();
    seed = (unsigned)time(NULL);
    printf("seed %u\n", seed);
    const struct CMUnitTest tests[] = {
        SCRATCH_TEST(everything),
        SCRATCH_TEST(entries_are_the_callers),
        SCRATCH_TEST(roots_that_cannot_be_read),
        SCRATCH_TEST(a_directory_that_cannot_be_read),
#if TUG_FAULT_INJECTION
        SCRATCH_TEST(reading_fails_half_way),
        SCRATCH_TEST(no_entry_has_a_type),
        SCRATCH_TEST(without_memory),
#endif
        SCRATCH_TEST(cancelled),
    };
    return cmocka_run_group_tests_name("stream/walk", tests, NULL, NULL);
}
