/* SPDX-License-Identifier: MIT */
/*
 * Ctrl-C at random moments: the process dies of the signal, as a shell expects, and leaves no
 * partial file and no file of its own. $TUG_TEST_ROUNDS says how often; 25 by default.
 */
#include "../copy/fixture.h"

#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "command.h"

static struct command command;

static void make_source(const char *path)
{
    fixture_make_tree(path);
    for (unsigned i = 0; i < 30; i++) {
        fixture_make_dir(fixture_text("%s/dir%u", path, i), 0755);
        for (unsigned k = 0; k < 20; k++)
            fixture_make_file(fixture_text("%s/dir%u/%u", path, i, k), 0644, 3000 * k, k);
    }
    for (unsigned i = 0; i < 3; i++)
        fixture_make_file(fixture_text("%s/large%u", path, i), 0644, (uint64_t)20 << 20, i);
}

/* Nothing beside what the test has made. */
static void assert_nothing_else(unsigned expected)
{
    DIR *stream = opendir(".");
    unsigned count = 0;
    assert_non_null(stream);
    for (struct dirent *entry; (entry = readdir(stream)) != NULL;)
        count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    closedir(stream);
    assert_int_equal(count, expected);
}

static void test_at_random_moments(void **state)
{
    unsigned seed = (unsigned)time(NULL), died = 0, made = 0;
    const char *wanted = getenv("TUG_TEST_ROUNDS");
    unsigned rounds = wanted != NULL ? (unsigned)atoi(wanted) : 25;
    static const int numbers[] = {SIGINT, SIGINT, SIGTERM, SIGHUP};
    (void)state;
    print_message("seed %u\n", seed);
    srand(seed);
    make_source("from");
    make_source("reference");
    uint64_t begin = fixture_now();
    command_run(&command, "cp", "-r", "from", "whole", NULL);
    uint64_t duration = fixture_now() - begin;
    for (unsigned i = 0; i < rounds; i++) {
        const char *to = fixture_text("to%u", i);
        const char *const arguments[] = {"tug", "cp", "-r", "from", to, NULL};
        unsigned after = (unsigned)((uint64_t)rand() % (duration + 1));
        died += command_interrupt(&command, arguments, numbers[i % 4], after);
        fixture_assert_copy("from", to, FIXTURE_SUBSET);
        made += fixture_exists(to);
    }
    print_message("%u of %u were interrupted\n", died, rounds);
    assert_true(died > 0);
    assert_nothing_else(3 + made);
    fixture_assert_copy("reference", "from", 0);
}

static void ignore_interrupts(void)
{
    signal(SIGINT, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
}

/* As under nohup(1), or in the background of a script. */
static void test_ignored(void **state)
{
    (void)state;
    make_source("from");
    const char *const arguments[] = {"tug", "cp", "-r", "from", "to", NULL};
    command_init(&command);
    command.prepare = ignore_interrupts;
    command_start(&command, arguments);
    usleep(20000); /* until the child has begun to ignore them */
    for (int i = 0; i < 20; i++) {
        kill(command.child, i % 2 == 0 ? SIGINT : SIGHUP);
        usleep(1000);
    }
    command_wait(&command);
    assert_int_equal(command_exit_status(&command), 0);
    fixture_assert_copy("from", "to", FIXTURE_MODES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_at_random_moments),
        FIXTURE_TEST(test_ignored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
