/* SPDX-License-Identifier: MIT */
/*
 * The copy of the examples, cancelled at any moment: no file of the copy is incomplete, nothing of
 * the source has changed, and no descriptor, task or memory is left over.
 */
#define main stream_copy_main
int stream_copy_main(int count, char **words);
#include "../../examples/stream_copy.c"
#undef main

#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "../fs/scratch.h"
#include "sys/sanitizer.h"

/* Rounds in each flavour; ThreadSanitizer takes long to make a stack. */
enum { DIRECTORIES = 8, FILES = 12, ROUNDS = TUG_TSAN ? 15 : 100 };

static unsigned seed;

static unsigned draw(unsigned limit)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % limit;
}

static unsigned char contents[300000];

static size_t size_of(int directory, int file)
{
    return directory == 3 && file == 5 ? sizeof contents : (size_t)(directory * 700 + file * 331);
}

static int64_t make_source(void)
{
    char path[64];
    scratch_pattern(contents, sizeof contents, 7);
    CHECK_EQUAL(mkdir("source", 0700), 0);
    for (int i = 0; i < DIRECTORIES; i++) {
        snprintf(path, sizeof path, "source/%d", i);
        CHECK_EQUAL(mkdir(path, 0700), 0);
        for (int j = 0; j < FILES; j++) {
            snprintf(path, sizeof path, "source/%d/%d", i, j);
            scratch_make_file(path, contents, size_of(i, j));
        }
    }
    return 0;
}

/* Returns how many files there are, each of which must be complete; or less than 0. */
static int64_t check_files(const char *root)
{
    char path[64];
    int64_t found = 0;
    for (int i = 0; i < DIRECTORIES; i++) {
        for (int j = 0; j < FILES; j++) {
            snprintf(path, sizeof path, "%s/%d/%d", root, i, j);
            if (!scratch_exists(path))
                continue;
            CHECK(scratch_file_is(path, contents, size_of(i, j)));
            found++;
        }
    }
    return found;
}

static int64_t copy_all(void *target)
{
    return copy_tree("source", target);
}

static int64_t cancelled_at_any_moment(void *unused)
{
    (void)unused;
    int cancelled = 0;
    CHECK_EQUAL(make_source(), 0);
    CHECK_EQUAL(mkdir("whole", 0700), 0);
    uint64_t start = tug_now();
    CHECK_EQUAL(copy_tree("source", "whole"), 0);
    uint64_t duration = tug_now() - start;
    CHECK_EQUAL(check_files("whole"), DIRECTORIES * FILES);
    int descriptors = scratch_count_fds();
    for (int round = 0; round < ROUNDS; round++) {
        char target[32];
        int64_t result;
        snprintf(target, sizeof target, "target%d", round);
        CHECK_EQUAL(mkdir(target, 0700), 0);
        struct tug_task *task = tug_spawn(copy_all, target);
        CHECK(task != NULL);
        uint64_t end = tug_now() + duration * draw(1000) / 1000;
        while (tug_now() < end)
            CHECK_EQUAL(tug_yield(), 0);
        tug_task_abort(task);
        CHECK_EQUAL(tug_join(task, &result), 0);
        CHECK(result == 0 || result == -ECANCELED);
        int64_t files = check_files(target);
        CHECK(files >= 0 && (result != 0 || files == DIRECTORIES * FILES));
        cancelled += result != 0;
        CHECK_EQUAL(scratch_count_fds(), descriptors);
        CHECK_EQUAL(tug_fs_remove_dir_all(target), 0);
    }
    CHECK_EQUAL(check_files("source"), DIRECTORIES * FILES);
    CHECK(cancelled > 0);
    return 0;
}

int main(void)
{
    scratch_prefer_memory();
    seed = (unsigned)time(NULL);
    printf("seed %u\n", seed);
    (void)stream_copy_main;
    const struct CMUnitTest tests[] = {SCRATCH_TEST(cancelled_at_any_moment)};
    return cmocka_run_group_tests_name("stream/stream_copy", tests, NULL, NULL);
}
