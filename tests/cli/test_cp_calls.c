/* SPDX-License-Identifier: MIT */
/* How many system calls a small file costs, counted by strace(1): the calls for a thousand files
 * less those for none. */
#include "../copy/fixture.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define FILES 1000

/* Runs the command under strace. Returns the number of calls, -1 if it cannot be run. */
static long count_calls(const char *option, const char *from, const char *to)
{
    char line[256];
    long calls = -1;
    pid_t child = fork();
    if (child == 0) {
        int null = open("/dev/null", O_WRONLY);
        dup2(null, 2);
        execlp("strace", "strace", "-f", "-qq", "-c", "-U", "calls,name", "-o", "counts",
               getenv("TUG_COMMAND"), "cp", "-j1", option, from, to, (char *)NULL);
        _exit(127);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    FILE *file = fopen("counts", "r");
    if (status != 0 || file == NULL)
        return -1;
    while (fgets(line, sizeof(line), file) != NULL) {
        long number;
        char name[64];
        if (sscanf(line, "%ld %63s", &number, name) == 2 && strcmp(name, "total") == 0)
            calls = number;
    }
    fclose(file);
    return calls;
}

static void check(const char *option, long limit)
{
    long without = count_calls(option, "none", fixture_text("none%s", option));
    if (without < 0)
        skip(); /* no strace here, or it may not look at others */
    long with = count_calls(option, "from", fixture_text("from%s", option));
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
    return cmocka_run_group_tests(tests, NULL, NULL);
}
