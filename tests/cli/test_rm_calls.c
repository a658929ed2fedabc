/* SPDX-License-Identifier: MIT */
/*
 * What a removal costs: with all that the process does from its start to its end, at most 1.2
 * system calls per entry, as strace(1) counts them. Skipped where that is not installed or not
 * allowed.
 */
#include "../copy/fixture.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { DIRECTORIES = 50, FILES = 100 };

/* Runs a command below strace. Returns its exit status. */
static int trace(const char *command, ...)
{
    const char *arguments[16] = {"strace", "-f", "-c", "-o", "calls", command};
    size_t count = 6;
    va_list list;
    va_start(list, command);
    while (count < 15 && (arguments[count] = va_arg(list, const char *)) != NULL)
        count++;
    va_end(list);
    pid_t child = fork();
    if (child == 0) {
        execvp(arguments[0], (char *const *)arguments);
        _exit(127);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

/* The number in the last line of the table: "100.00 0.012 2 5432 11 total". */
static long count_calls(void)
{
    double share, seconds;
    long microseconds, calls = -1;
    char *table = fixture_read("calls");
    char *end = strstr(table, "total");
    assert_non_null(end);
    char *line = end;
    while (line > table && line[-1] != '\n')
        line--;
    assert_int_equal(sscanf(line, "%lf %lf %ld %ld", &share, &seconds, &microseconds, &calls), 4);
    free(table);
    return calls;
}

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
    assert_int_equal(trace(getenv("TUG_COMMAND"), "rm", "-r", "-j2", "tree", NULL), 0);
    assert_false(fixture_exists("tree"));
    long calls = count_calls();
    print_message("%ld calls for %ld entries\n", calls, entries);
    assert_in_range(calls, entries, entries * 12 / 10);
}

static bool can_trace(void)
{
    fixture_enter(NULL);
    bool can = trace("true", NULL) == 0;
    fixture_leave(NULL);
    return can;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_calls_per_entry),
    };
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return 77;
#endif
#ifdef __has_feature
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
    return 77;
#endif
#endif
    if (!can_trace())
        return 77;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
