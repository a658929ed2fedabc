/* SPDX-License-Identifier: MIT */
/*
 * Ctrl-C at random moments of a move across file systems: the process dies of the signal, as a
 * shell expects; the source is whole, or the copy is, under its final name; and no temporary name
 * is left, unless it died of kill -9. $TUG_TEST_ROUNDS says how often; 100 by default.
 */
#include "../copy/moving.h"

#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "../copy/two_systems.h"
#include "command.h"

static struct command command;

static void make_source(const char *path)
{
    fixture_make_tree(path);
    for (unsigned i = 0; i < 10; i++) {
        fixture_make_dir(fixture_text("%s/dir%u", path, i), 0755);
        for (unsigned k = 0; k < 10; k++)
            fixture_make_file(fixture_text("%s/dir%u/%u", path, i, k), 0644, 3000 * k, k);
    }
    fixture_make_file(fixture_text("%s/large", path), 0644, (uint64_t)8 << 20, 1);
}

static unsigned rounds(void)
{
    const char *wanted = getenv("TUG_TEST_ROUNDS");
    return wanted != NULL ? (unsigned)atoi(wanted) : 100;
}

/* How long a move takes that nobody disturbs, us. */
static uint64_t undisturbed(void)
{
    make_source("R");
    make_source("A/from");
    uint64_t begin = fixture_now();
    command_run(&command, "mv", "A/from", "B/to", NULL);
    uint64_t duration = fixture_now() - begin;
    fixture_assert_copy("R", "B/to", 0);
    fixture_remove("B/to");
    return duration;
}

/* Wherever the end came, the copy is whole under its name, or the source is; the other is nothing
 * but a part of that. Returns whether there is the copy. */
static bool is_in_one_place(void)
{
    bool moved = fixture_exists("B/to");
    fixture_assert_copy("R", moved ? "B/to" : "A/from", 0);
    if (fixture_exists("A/from"))
        fixture_assert_copy("R", "A/from", FIXTURE_SUBSET);
    return moved;
}

static const char *const arguments[] = {"tug", "mv", "-f", "A/from", "B/to", NULL};

static void set_seed(void)
{
    unsigned seed = (unsigned)time(NULL);
    print_message("seed %u\n", seed);
    srand(seed);
}

static void test_a_tree_at_random_moments(void **state)
{
    static const int numbers[] = {SIGINT, SIGINT, SIGTERM, SIGHUP};
    unsigned died = 0, moved = 0;
    (void)state;
    set_seed();
    uint64_t duration = undisturbed();
    for (unsigned i = 0; i < rounds(); i++) {
        make_source("A/from");
        unsigned after = (unsigned)((uint64_t)rand() % (duration + 1));
        died += command_interrupt(&command, arguments, numbers[i % 4], after);
        moved += is_in_one_place();
        moving_assert_no_temporary_names("B");
        fixture_remove("A/from");
        fixture_remove("B/to");
    }
    print_message("%u of %u were interrupted, %u copies were whole\n", died, rounds(), moved);
    assert_true(died > 0);
}

/* What nobody can clean up after leaves a temporary name, and nothing else: the same command does
 * what is left to do. */
static void test_kill_at_random_moments(void **state)
{
    unsigned killed = 0, moved = 0;
    (void)state;
    set_seed();
    uint64_t duration = undisturbed();
    for (unsigned i = 0; i < rounds() / 5; i++) {
        make_source("A/from");
        killed += command_interrupt(&command, arguments, SIGKILL,
                                    (unsigned)((uint64_t)rand() % (duration + 1)));
        if (is_in_one_place()) {
            moved++;
        } else {
            command_init(&command);
            command_start(&command, arguments);
            command_wait(&command);
            assert_int_equal(command_exit_status(&command), 0);
            assert_true(is_in_one_place());
            assert_false(fixture_exists("A/from"));
        }
        assert_int_equal(system("rm -rf A/* B/* B/.tug-*"), 0);
    }
    print_message("%u of %u were killed, %u copies were whole\n", killed, rounds() / 5, moved);
    assert_true(killed > 0);
}

/* Several files, each over one that exists: each name has the old file or the new one. */
static void test_replacing_at_random_moments(void **state)
{
    static const char *const files[] = {"tug", "mv",  "-f",  "A/0", "A/1",
                                        "A/2", "A/3", "A/4", "B",   NULL};
    unsigned died = 0;
    (void)state;
    set_seed();
    for (unsigned i = 0; i < 5; i++)
        fixture_make_file(fixture_text("R%u", i), 0644, (uint64_t)4 << 20, i);
    for (unsigned i = 0; i < rounds() / 2; i++) {
        for (unsigned k = 0; k < 5; k++) {
            fixture_make_file(fixture_text("A/%u", k), 0644, (uint64_t)4 << 20, k);
            fixture_make_text(fixture_text("B/%u", k), "old");
        }
        died += command_interrupt(&command, files, SIGINT, (unsigned)rand() % 20000);
        for (unsigned k = 0; k < 5; k++) {
            const char *here = fixture_text("A/%u", k), *there = fixture_text("B/%u", k);
            if (fixture_size(there) == 3)
                fixture_assert_copy(fixture_text("R%u", k), here, 0);
            else
                fixture_assert_copy(fixture_text("R%u", k), there, 0);
            unlink(here);
        }
        moving_assert_no_temporary_names("B");
    }
    print_message("%u of %u were interrupted\n", died, rounds() / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TWO_SYSTEMS_TEST(test_a_tree_at_random_moments),
        TWO_SYSTEMS_TEST(test_kill_at_random_moments),
        TWO_SYSTEMS_TEST(test_replacing_at_random_moments),
    };
    return cmocka_run_group_tests(tests, two_systems_prepare, NULL);
}
