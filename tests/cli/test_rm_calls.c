/* SPDX-License-Identifier: MIT */
/* What a removal costs: with all that the process does from its start to its end, at most 1.2
 * system calls per entry. */
#include "../copy/fixture.h"

#include "calls.h"

enum { DIRECTORIES = 50, FILES = 100 };

static void test_calls_per_entry(void **state)
{
    (void)state;
    fixture_make_dir("tree", 0755);
    for (unsigned i = 0; i < DIRECTORIES; i++) {
        fixture_make_dir(fixture_text("tree/%u", i), 0755);
        for (unsigned k = 0; k < FILES; k++)
            fixture_make_text(fixture_text("tree/%u/file %u", i, k), "text");
    }
    long entries = DIRECTORIES * (FILES + 1) + 1;
    /* A fixed number: to adapt it costs calls per time, of which tracing takes a lot. */
    long calls = calls_count("rm", "-r", "-j2", "tree", NULL);
    assert_false(fixture_exists("tree"));
    print_message("%ld calls for %ld entries\n", calls, entries);
    assert_in_range(calls, entries, entries * 12 / 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_calls_per_entry),
    };
    if (!calls_can_be_counted())
        return 77;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
