/* SPDX-License-Identifier: MIT */
/*
 * Walks of trees that are wide or deep: what they hold at a time of descriptors and of memory, and
 * what becomes of them when somebody moves a part meanwhile.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../fs/scratch.h"
#include "sys/fault.h"

#define MS TUG_MILLISECOND

/* Below `root`: some subdirectories with long names, more than are kept at a time, and in some of
 * them chains that are deeper than descriptors are kept open. Returns how many entries there are.
 */
static int64_t make_comb(const char *root, int across, int deep)
{
    char name[256], path[512];
    int entries = across;
    CHECK_EQUAL(mkdir(root, 0700), 0);
    memset(name, 'x', 200);
    for (int i = 0; i < across; i++) {
        snprintf(name + 200, 20, "%d", i);
        snprintf(path, sizeof(path), "%s/%s", root, name);
        if (i % (across / 8) != 0) {
            CHECK_EQUAL(mkdir(path, 0700), 0);
            continue;
        }
        CHECK_EQUAL(scratch_make_chain(path, deep), 0);
        entries += deep + 2 * ((deep + 99) / 100);
    }
    return entries;
}

static int64_t wide_and_deep(void *unused)
{
    (void)unused;
    struct tug_walk walk;
    struct tug_walk_entry entry;
    int seen = 0, depth = 0;
    int64_t entries = make_comb("comb", 700, 50);
    CHECK(entries > 700);
    int descriptors = scratch_count_fds();
    struct tug_stream *stream = tug_walk(&walk, "comb", 0);
    while (tug_next(stream, &entry) == 1) {
        seen++;
        depth = (int)entry.depth > depth ? (int)entry.depth : depth;
        tug_stream_drop(stream, &entry);
        if (seen % 100 == 0)
            CHECK(scratch_count_fds() <= descriptors + 40);
    }
    tug_stream_close(stream);
    CHECK_EQUAL(seen, entries);
    CHECK_EQUAL(depth, 51);
    return 0;
}

/* 10,000 levels and 90,000 bytes of path, with few descriptors. */
static int64_t very_deep(void *unused)
{
    (void)unused;
    enum { DEEP = 10000 };
    struct tug_walk walk;
    struct tug_walk_entry entry;
    struct rlimit limit, small;
    size_t longest = 0;
    int entries = 0, result;
    CHECK_EQUAL(scratch_make_chain("deep", DEEP), 0);
    CHECK_EQUAL(getrlimit(RLIMIT_NOFILE, &limit), 0);
    small = (struct rlimit){(rlim_t)scratch_count_fds() + 20, limit.rlim_max};
    struct tug_stream *stream = tug_walk(&walk, "deep", 0);
    CHECK_EQUAL(tug_next(stream, &entry), 1); /* the pool has its thread */
    tug_stream_drop(stream, &entry);
    CHECK_EQUAL(setrlimit(RLIMIT_NOFILE, &small), 0);
    while ((result = tug_next(stream, &entry)) == 1) {
        entries++;
        longest = strlen(entry.path) > longest ? strlen(entry.path) : longest;
        tug_stream_drop(stream, &entry);
    }
    setrlimit(RLIMIT_NOFILE, &limit);
    CHECK_EQUAL(result, 0);
    CHECK_EQUAL(entries, DEEP + 2 * (DEEP / 100) - 1);
    CHECK(longest >= DEEP * strlen("directory/"));
    tug_stream_close(stream);
    return 0;
}

#if TUG_FAULT_INJECTION
/* Nothing is read far ahead of who asks. */
static int64_t memory_is_bounded(void *unused)
{
    (void)unused;
    enum { FILES = 4000 };
    struct tug_walk walk;
    struct tug_walk_entry entry;
    char path[64];
    int entries = 0;
    CHECK_EQUAL(mkdir("wide", 0700), 0);
    for (int i = 0; i < FILES; i++) {
        snprintf(path, sizeof(path), "wide/%d", i);
        CHECK_EQUAL(mknod(path, S_IFREG | 0600, 0), 0);
    }
    uint64_t before = tug_fault_calls("getdents64");
    struct tug_stream *stream = tug_walk(&walk, "wide", 0);
    while (tug_next(stream, &entry) == 1) {
        tug_stream_drop(stream, &entry);
        if (++entries == 1) {
            CHECK_EQUAL(tug_sleep(20 * MS), 0);
            CHECK(tug_fault_calls("getdents64") - before <= 3);
        }
    }
    CHECK_EQUAL(entries, FILES);
    tug_stream_close(stream);
    return 0;
}
#endif

static bool moving; /* atomic */

static int64_t move_to_and_fro(void *unused)
{
    (void)unused;
    while (__atomic_load_n(&moving, __ATOMIC_ACQUIRE)) {
        rename("deep/directory/directory/directory", "elsewhere");
        usleep(200);
        rename("elsewhere", "deep/directory/directory/directory");
        usleep(200);
    }
    return 0;
}

/* It ends, with what was there, and says what it has not found again. */
static int64_t moved_meanwhile(void *unused)
{
    (void)unused;
    CHECK_EQUAL(scratch_make_chain("deep", 200), 0);
    __atomic_store_n(&moving, true, __ATOMIC_RELEASE);
    struct tug_task *mover;
    CHECK_EQUAL(tug_spawn_blocking(&mover, NULL, move_to_and_fro, NULL), 0);
    for (int round = 0; round < 30; round++) {
        struct tug_walk walk;
        struct tug_walk_entry entry;
        int result;
        struct tug_stream *stream = tug_walk(&walk, "deep", 0);
        while ((result = tug_next(stream, &entry)) != 0) {
            CHECK(result == 1 || result == -ESTALE || result == -ENOENT);
            if (result == 1)
                tug_stream_drop(stream, &entry);
        }
        tug_stream_close(stream);
    }
    __atomic_store_n(&moving, false, __ATOMIC_RELEASE);
    CHECK_EQUAL(tug_join(mover, NULL), 0);
    return 0;
}

int main(void)
{
    scratch_prefer_memory();
    const struct CMUnitTest tests[] = {
        SCRATCH_TEST(wide_and_deep),
        SCRATCH_TEST_CURRENT_THREAD(very_deep),
#if TUG_FAULT_INJECTION
        SCRATCH_TEST(memory_is_bounded),
#endif
        SCRATCH_TEST(moved_meanwhile),
    };
    return cmocka_run_group_tests_name("stream/walk_large", tests, NULL, NULL);
}
