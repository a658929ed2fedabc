/* SPDX-License-Identifier: MIT */
/* How many system calls a small file costs, counted by strace(1): the calls for a thousand files
 * less those for none. */
#include "../copy/fixture.h"

#include "calls.h"

#define FILES 1000

static void check(const char *option, long limit)
{
    const char *nowhere = fixture_text("none%s", option), *to = fixture_text("from%s", option);
    long without = calls_count("cp", "-j1", option, "none", nowhere, NULL);
    long with = calls_count("cp", "-j1", option, "from", to, NULL);
    print_message("%s: %.3f calls for each file\n", option, (double)(with - without) / FILES);
    /* Getting the names, and threads that wait for each other, cost a few more. */
    assert_in_range(with - without, 5 * FILES, limit * FILES + 60);
}

static void make_trees(void)
{
    fixture_make_dir("none", 0755);
    fixture_make_dir("from", 0755);
    for (unsigned i = 0; i < FILES; i++)
        fixture_make_file(fixture_text("from/%u", i), i % 2 == 0 ? 0644 : 0775, 100 + i, i);
}

static void test_recursive(void **state)
{
    (void)state;
    make_trees();
    check("-r", 7);
}

static void test_archive(void **state)
{
    (void)state;
    make_trees();
    check("-a", 9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_recursive),
        FIXTURE_TEST(test_archive),
    };
    if (!calls_can_be_counted())
        return 77;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
