/* SPDX-License-Identifier: MIT */
#include "calls.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../copy/fixture.h"

#define TABLE "calls"
#define MOST_ARGUMENTS 24

/* Runs a program below strace, whose table is written to a file. Returns whether it succeeded. */
static bool trace(const char *const *program)
{
    const char *arguments[MOST_ARGUMENTS] = {"strace", "-f",         "-qq", "-c",
                                             "-U",     "calls,name", "-o",  TABLE};
    size_t count = 8;
    for (; *program != NULL; program++) {
        assert_true(count < MOST_ARGUMENTS - 1);
        arguments[count++] = *program;
    }
    pid_t child = fork();
    if (child == 0) {
        dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
        execvp(arguments[0], (char *const *)arguments);
        _exit(127);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

bool calls_can_be_counted(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return false;
#endif
#ifdef __has_feature
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
    return false;
#endif
#endif
    const char *const program[] = {"true", NULL};
    fixture_enter(NULL);
    bool can = trace(program);
    fixture_leave(NULL);
    return can;
}

/* The number in the last line of the table: "5432 total". */
static long read_total(void)
{
    char line[256], name[64];
    long calls = -1, number;
    FILE *table = fopen(TABLE, "r");
    assert_non_null(table);
    while (fgets(line, sizeof(line), table) != NULL)
        if (sscanf(line, "%ld %63s", &number, name) == 2 && strcmp(name, "total") == 0)
            calls = number;
    fclose(table);
    assert_true(calls > 0);
    return calls;
}

long calls_count(const char *first, ...)
{
    const char *arguments[MOST_ARGUMENTS] = {getenv("TUG_COMMAND"), first};
    size_t count = 2;
    va_list list;
    va_start(list, first);
    while (count < MOST_ARGUMENTS - 1 && (arguments[count] = va_arg(list, const char *)) != NULL)
        count++;
    va_end(list);
    assert_true(trace(arguments));
    return read_total();
}
