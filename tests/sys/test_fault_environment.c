/* SPDX-License-Identifier: MIT */
/*
 * Fault injection through the environment. The program starts itself again with TUG_FAULT set; the
 * child makes a fixed sequence of calls and prints their results, which the parent compares.
 * Skipped in builds without fault injection.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "sys/call.h"
#include "sys/clock.h"

#if TUG_FAULT_INJECTION

/* Three opens of each of two files, then five reads: "+" for a descriptor, else what was returned.
 * Then the same file once more after a reset. */
static int run_child(void)
{
    char buffer[8];
    int fd = -1;
    for (int i = 0; i < 6; i++) {
        fd = tug_sys_openat(AT_FDCWD, i % 2 == 0 ? "/dev/zero" : "/dev/null", O_RDONLY, 0);
        printf(fd >= 0 ? "+ " : "%d ", fd);
    }
    int zero = open("/dev/zero", O_RDONLY);
    uint64_t start = tug_clock_now();
    for (int i = 0; i < 5; i++)
        printf("%d ", (int)tug_sys_read(zero, buffer, sizeof(buffer)));
    printf(tug_clock_now() - start >= 30000000 ? "slow " : "");
    tug_fault_reset();
    fd = tug_sys_openat(AT_FDCWD, "/dev/zero", O_RDONLY, 0);
    printf(fd >= 0 ? "+\n" : "%d\n", fd);
    return 0;
}

struct outcome {
    int status;
    char out[256], err[1024];
};

static void read_all(int fd, char *buffer, size_t size)
{
    size_t length = 0;
    for (ssize_t n = 1; n > 0 && length < size - 1; length += (size_t)n)
        if ((n = read(fd, buffer + length, size - 1 - length)) < 0)
            break;
    buffer[length] = '\0';
    close(fd);
}

static struct outcome run_with(const char *faults)
{
    struct outcome outcome = {.status = -1};
    int out[2], err[2];
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    assert_int_equal(pipe2(err, O_CLOEXEC), 0);
    setenv("TUG_FAULT", faults, 1);
    pid_t child = fork();
    if (child == 0) {
        dup2(out[1], STDOUT_FILENO);
        dup2(err[1], STDERR_FILENO);
        execl("/proc/self/exe", "child", "child", (char *)NULL);
        _exit(99);
    }
    unsetenv("TUG_FAULT");
    close(out[1]);
    close(err[1]);
    read_all(out[0], outcome.out, sizeof(outcome.out));
    read_all(err[0], outcome.err, sizeof(outcome.err));
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    outcome.status = WEXITSTATUS(status);
    return outcome;
}

static void expect(const char *faults, const char *out)
{
    struct outcome outcome = run_with(faults);
    if (outcome.status != 0 || strcmp(outcome.out, out) != 0)
        fail_msg("TUG_FAULT=\"%s\": status %d, printed \"%s\" and \"%s\"", faults, outcome.status,
                 outcome.out, outcome.err);
}

static void test_no_rules(void **state)
{
    (void)state;
    expect("", "+ + + + + + 8 8 8 8 8 +\n");
}

static void test_ranges(void **state)
{
    (void)state;
    expect("openat:3=EIO", "+ + -5 + + + 8 8 8 8 8 +\n");
    expect("openat:2-3=EACCES", "+ -13 -13 + + + 8 8 8 8 8 +\n");
    expect("openat:5-=ENOENT", "+ + + + -2 -2 8 8 8 8 8 +\n");
    expect("openat:*=EWOULDBLOCK", "-11 -11 -11 -11 -11 -11 8 8 8 8 8 +\n");
    expect("openat:1=EOPNOTSUPP", "-95 + + + + + 8 8 8 8 8 +\n");
}

static void test_actions(void **state)
{
    (void)state;
    expect("read:2-=short:1", "+ + + + + + 8 1 1 1 1 +\n");
    expect("read:1-3=delay:10000000", "+ + + + + + 8 8 8 8 8 slow +\n");
    expect("read:1=short:0", "+ + + + + + 0 8 8 8 8 +\n");
}

static void test_several_rules(void **state)
{
    (void)state;
    expect("openat:3=EIO;read:2-=short:1;read:1-5=delay:10000000",
           "+ + -5 + + + 8 1 1 1 1 slow +\n");
    expect("openat:1=EIO;openat:2=EPERM;", "-5 -1 + + + + 8 8 8 8 8 +\n");
}

static void test_paths(void **state)
{
    (void)state;
    expect("openat@null:2=EIO", "+ + + -5 + + 8 8 8 8 8 +\n");
    expect("openat@/dev/zero:*=EIO", "-5 + -5 + -5 + 8 8 8 8 8 +\n");
}

static void test_bad_strings_end_the_process(void **state)
{
    (void)state;
    static const struct {
        const char *faults, *message;
    } cases[] = {
        {"openat", "no range after the call in \"openat\""},
        {"openat:1", "bad range in \"openat:1\""},
        {"openat:=EIO", "bad range in \"openat:=EIO\""},
        {"openat:0=EIO", "bad range in \"openat:0=EIO\""},
        {"openat:3-2=EIO", "bad range in \"openat:3-2=EIO\""},
        {"openat:-2=EIO", "bad range in \"openat:-2=EIO\""},
        {"openat:x=EIO", "bad range in \"openat:x=EIO\""},
        {"openat:99999999999999999999=EIO", "bad range in"},
        {"openat:1=", "no action in \"openat:1=\""},
        {"openat:1=EFOO", "unknown error name in \"openat:1=EFOO\""},
        {"openat:1=EIO:2", "more than one action in \"openat:1=EIO:2\""},
        {"read:1=short", "no number after the action in \"read:1=short\""},
        {"read:1=short:", "bad number in \"read:1=short:\""},
        {"read:1=short:-1", "bad number in \"read:1=short:-1\""},
        {"read:1=delay:1ms", "more than one action in \"read:1=delay:1ms\""},
        {"openat:1=short:1", "no such call, or not one that can be short, in"},
        {"opeanat:1=EIO", "no such call, or not one that can be short, in \"opeanat:1=EIO\""},
        {"openat@:1=EIO", "no path after @ in \"openat@:1=EIO\""},
        {";", "no name of a call in \"\""},
        {":1=EIO", "no name of a call in \":1=EIO\""},
        {"read:1=EIO;bad", "no range after the call in \"bad\""},
        {"bad;read:1=EIO", "no range after the call in \"bad\""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct outcome outcome = run_with(cases[i].faults);
        char expected[256];
        snprintf(expected, sizeof(expected), "tug: TUG_FAULT: %s", cases[i].message);
        if (outcome.status != 2 || outcome.out[0] != '\0' ||
            strncmp(outcome.err, expected, strlen(expected)) != 0)
            fail_msg("TUG_FAULT=\"%s\": status %d, printed \"%s\" and \"%s\"", cases[i].faults,
                     outcome.status, outcome.out, outcome.err);
    }
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "child") == 0)
        return run_child();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_rules), cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_actions),  cmocka_unit_test(test_several_rules),
        cmocka_unit_test(test_paths),    cmocka_unit_test(test_bad_strings_end_the_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

int main(void)
{
    printf("built without fault injection\n");
    return 77;
}

#endif
