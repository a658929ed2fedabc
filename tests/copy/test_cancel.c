/* SPDX-License-Identifier: MIT */
/* Cancelled at random moments: no partial file, the source as it was, and the next copy succeeds.
 */
#include "fixture.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#include <tug/cancel.h>

enum { ROUNDS = 30 };

static void make_source(const char *path)
{
    fixture_make_tree(path);
    fixture_make_dir(fixture_text("%s/many", path), 0755);
    for (unsigned i = 0; i < 300; i++)
        fixture_make_file(fixture_text("%s/many/%u", path, i), 0644, i * 100, i);
    for (unsigned i = 0; i < 20; i++) {
        fixture_make_dir(fixture_text("%s/dir%u", path, i), 0755);
        for (unsigned k = 0; k < 10; k++)
            fixture_make_file(fixture_text("%s/dir%u/%u", path, i, k), 0644, 5000, k);
    }
    fixture_make_file(fixture_text("%s/large", path), 0644, (uint64_t)50 << 20, 7);
}

static void test_at_random_moments(void **state)
{
    struct fixture_copy copy;
    unsigned cancelled = 0, seed = (unsigned)time(NULL);
    (void)state;
    print_message("seed %u\n", seed);
    srand(seed);
    make_source("from");
    make_source("reference");
    uint64_t begin = fixture_now();
    fixture_copy_tree("from", "whole");
    uint64_t duration = fixture_now() - begin;
    for (unsigned i = 0; i < ROUNDS; i++) {
        const char *to = fixture_text("to%u", i);
        fixture_copy_init(&copy);
        copy.options.jobs = 1 + i % 4;
        copy.multi_thread = i % 2 == 1;
        copy.cancel_after = 1 + (unsigned)rand() % (unsigned)(duration + 1);
        fixture_copy_run(&copy, to, "from", NULL);
        assert_true(copy.result == 0 || copy.result == -ECANCELED);
        assert_int_equal(copy.failure_count, 0);
        cancelled += copy.result == -ECANCELED;
        fixture_assert_copy("from", to, FIXTURE_SUBSET);
        /* Again, over what is there. */
        if (i % 8 == 0)
            fixture_copy_tree("from/.", to);
    }
    print_message("%u of %u were cancelled\n", cancelled, ROUNDS);
    assert_true(cancelled > 0);
    fixture_assert_copy("reference", "from", 0);
}

/* As soon as it can be. */
static void test_from_the_start(void **state)
{
    struct fixture_copy copy;
    (void)state;
    make_source("from");
    for (unsigned i = 0; i < 10; i++) {
        fixture_copy_init(&copy);
        copy.cancel_after = 1;
        fixture_copy_run(&copy, fixture_text("to%u", i), "from", NULL);
        assert_true(copy.result == -ECANCELED || copy.result == 0);
        fixture_assert_copy("from", fixture_text("to%u", i), FIXTURE_SUBSET);
    }
}

/* Directories that were made are as they would have been, so that the next copy can go on. */
static void test_directories_get_their_permissions(void **state)
{
    struct fixture_copy copy;
    struct stat stat;
    (void)state;
    make_source("from");
    fixture_copy_init(&copy);
    copy.cancel_after = 3000;
    fixture_copy_run(&copy, "to", "from", NULL);
    if (lstat("to", &stat) == 0)
        assert_int_equal(stat.st_mode & 07777, 0751);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_at_random_moments),
        FIXTURE_TEST(test_from_the_start),
        FIXTURE_TEST(test_directories_get_their_permissions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
