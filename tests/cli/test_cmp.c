/* SPDX-License-Identifier: MIT */
/* `tug cmp` as a user sees it: options, lines, exit status. */
#include "../copy/fixture.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command.h"

#define HINT "Try 'tug cmp --help' for more information.\n"

static struct command command;

static void use_c_locale(void)
{
    setenv("LC_ALL", "C", 1);
    setenv("TZ", "UTC", 1);
}

static void make_things(void)
{
    struct timespec times[2] = {{0, 0}, {978307200, 5}};
    fixture_make_dir("a", 0755);
    fixture_make_dir("b", 0755);
    fixture_make_text("a/f", "123");
    fixture_make_text("b/f", "124");
    fixture_make_dir("c", 0755);
    fixture_make_dir("d", 0700);
    fixture_make_text("c/only", "x");
    fixture_make_dir("e", 0755);
    fixture_make_dir("g", 0755);
    fixture_make_link("x", "e/l");
    fixture_make_link("y", "g/l");
    fixture_make_dir("h", 0755);
    fixture_make_dir("i", 0755);
    fixture_make_text("h/x", "1");
    fixture_make_text("i/x", "1");
    fixture_make_text("i/y", "1");
    assert_int_equal(link("h/x", "h/y"), 0);
    fixture_make_text("short", "12");
    fixture_make_text("it's", "1");
    assert_int_equal(utimensat(AT_FDCWD, "a", times, 0), 0);
    times[1].tv_sec++;
    assert_int_equal(utimensat(AT_FDCWD, "b", times, 0), 0);
    times[1].tv_sec = 1;
    assert_int_equal(utimensat(AT_FDCWD, "a/f", times, 0), 0);
    assert_int_equal(utimensat(AT_FDCWD, "b/f", times, 0), 0);
}

static const struct {
    const char *arguments[6];
    const char *output, *error;
    int status;
} cases[] = {
    {{"a", "a", NULL}, "", "", 0},
    {{"a/f", "a/f", NULL}, "", "", 0},
    {{"a", "b", NULL}, "'a/f' and 'b/f' differ: byte 3\n", "", 1},
    {{"a/f", "short", NULL}, "'a/f' and 'short' differ: the second ends after byte 2\n", "", 1},
    {{"short", "b/f", NULL}, "'short' and 'b/f' differ: the first ends after byte 2\n", "", 1},
    {{"-q", "a", "b", NULL}, "'a/f' and 'b/f' differ: contents\n", "", 1},
    {{"-r", "--brief", "a", "b", NULL}, "'a/f' and 'b/f' differ: contents\n", "", 1},
    {{"-s", "a", "b", NULL}, "", "", 1},
    {{"--quiet", "a", "a", NULL}, "", "", 0},
    {{"--no-content", "a", "b", NULL}, "", "", 0},
    {{"--no-content", "--metadata=timestamps", "a", "b", NULL},
     "'a' and 'b' differ: modified 2001-01-01 00:00:00.000000005 and "
     "2001-01-01 00:00:01.000000005\n",
     "",
     1},
    {{"c", "d", NULL}, "'c/only' and 'd/only' differ: only the first exists\n", "", 1},
    {{"-q", "d", "c", NULL}, "'d/only' and 'c/only' differ: only the second exists\n", "", 1},
    {{"--metadata", "mode,ownership", "d", "e/..", NULL}, NULL, "", 1},
    {{"--metadata=mode", "-j1", "g", "d", NULL},
     "'g' and 'd' differ: modes 0755 and 0700\n"
     "'g/l' and 'd/l' differ: only the first exists\n",
     "",
     1},
    {{"h", "i", NULL}, "", "", 0},
    {{"--first", "-j1", "--metadata=mode", "g", "d", NULL},
     "'g' and 'd' differ: modes 0755 and 0700\n",
     "",
     1},
    {{"e", "g", NULL}, "'e/l' and 'g/l' differ: targets\n", "", 1},
    {{"a", "short", NULL}, "'a' and 'short' differ: directory and regular file\n", "", 1},
    {{"it's", "short", NULL}, "\"it's\" and 'short' differ: the first ends after byte 1\n", "", 1},
    {{"a", "no", NULL},
     "",
     "tug cmp: cannot compare 'a' with 'no': 'no': No such file or directory\n",
     2},
    {{"-s", "no", "a", NULL},
     "",
     "tug cmp: cannot compare 'no' with 'a': 'no': No such file or directory\n",
     2},
    {{"--summary", "a", "b", NULL},
     "'a/f' and 'b/f' differ: byte 3\n"
     "compared 1 files, 1 directories, 0 links, 0 special files, 2 bytes; 1 differences: 0 only in "
     "the first, 0 only in the second, 0 types, 1 contents, 0 modes, 0 owners, 0 times, 0 "
     "attributes, 0 hard links; 0 failed\n",
     "",
     1},
    {{NULL}, "", "tug cmp: missing operand\n" HINT, 2},
    {{"a", NULL}, "", "tug cmp: missing operand after 'a'\n" HINT, 2},
    {{"a", "b", "c", NULL}, "", "tug cmp: extra operand 'c'\n" HINT, 2},
    {{"--metadata=mode,size", "a", "b", NULL},
     "",
     "tug cmp: invalid argument for --metadata: 'size'\n" HINT,
     2},
    {{"-j", "0", "a", "b", NULL}, "", "tug cmp: invalid number of jobs: '0'\n" HINT, 2},
    {{"--bogus", NULL}, "", "tug cmp: unrecognized option '--bogus'\n" HINT, 2},
};

static void test_cases(void **state)
{
    (void)state;
    make_things();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *const *a = cases[i].arguments;
        command_init(&command);
        command.prepare = use_c_locale;
        command_run(&command, "cmp", a[0], a[1], a[2], a[3], a[4], NULL);
        if (cases[i].output != NULL)
            assert_string_equal(command.output_text, cases[i].output);
        assert_string_equal(command.error_text, cases[i].error);
        assert_int_equal(command_exit_status(&command), cases[i].status);
    }
}

/* Which of the two names is the later one depends on the file system. */
static void test_hard_links(void **state)
{
    (void)state;
    make_things();
    command_init(&command);
    command_run(&command, "cmp", "--metadata=links", "h", "i", NULL);
    assert_int_equal(command_exit_status(&command), 1);
    if (strcmp(command.output_text,
               "'h/y' and 'i/y' differ: only the first is the same file as 'h/x'\n") != 0)
        assert_string_equal(command.output_text,
                            "'h/x' and 'i/x' differ: only the first is the same file as 'h/y'\n");
    command_init(&command);
    command_run(&command, "cmp", "-q", "--metadata=all", "i", "h", NULL);
    assert_int_equal(command_exit_status(&command), 1);
    assert_non_null(strstr(command.output_text, " differ: hard links\n"));
}

static void test_help(void **state)
{
    (void)state;
    command_init(&command);
    command_run(&command, "cmp", "--help", NULL);
    assert_int_equal(command_exit_status(&command), 0);
    assert_non_null(strstr(command.output_text, "--metadata=LIST"));
    command_init(&command);
    command_run(&command, "--help", NULL);
    assert_non_null(strstr(command.output_text, "  compare files and directories\n"));
}

/* Lines that could not be written are trouble. */
static void test_full_output(void **state)
{
    (void)state;
    make_things();
    command_init(&command);
    command.output = open("/dev/full", O_WRONLY | O_CLOEXEC);
    command_run(&command, "cmp", "a", "b", NULL);
    assert_int_equal(command_exit_status(&command), 2);
    assert_string_equal(command.error_text, "tug cmp: write error: No space left on device\n");
    close(command.output);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_cases),
        FIXTURE_TEST(test_hard_links),
        FIXTURE_TEST(test_help),
        FIXTURE_TEST(test_full_output),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
