/* SPDX-License-Identifier: MIT */
/* `tug cp` as a user sees it: options, output, exit status, and the messages of GNU cp 9.1. */
#include "../copy/fixture.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command.h"

#define HINT "Try 'tug cp --help' for more information.\n"

static struct command command;

static int enter(void **state)
{
    command_init(&command);
    return fixture_enter(state);
}

/* ---- Messages ---- */

/* What the tests below copy. */
static void make_things(void)
{
    fixture_make_text("z", "z");
    fixture_make_dir("a", 0755);
    fixture_make_text("a/f", "x");
    fixture_make_dir("a/s", 0755);
    fixture_make_dir("m", 0755);
    fixture_make_dir("m/f", 0755);
    fixture_make_dir("n", 0755);
    fixture_make_text("n/f", "n");
    fixture_make_dir("o", 0755);
    fixture_make_dir("p", 0755);
    fixture_make_link("nowhere", "dang");
    assert_int_equal(link("a/f", "hl"), 0);
}

static const struct {
    const char *arguments[6];
    const char *message; /* on standard error, without the summary of recursive copies */
    int status;
} cases[] = {
    {{"a", NULL}, "tug cp: missing destination file operand after 'a'\n" HINT, 1},
    {{NULL}, "tug cp: missing file operand\n" HINT, 1},
    {{"-r", "a", "a/b"}, "tug cp: cannot copy a directory, 'a', into itself, 'a/b'\n", 1},
    {{"a", "b"}, "tug cp: -r not specified; omitting directory 'a'\n", 1},
    {{"no", "b"}, "tug cp: cannot stat 'no': No such file or directory\n", 1},
    {{"z", "z"}, "tug cp: 'z' and 'z' are the same file\n", 1},
    {{"-f", "a/f", "hl"}, "tug cp: 'a/f' and 'hl' are the same file\n", 1},
    {{"z", "a/f", "no"}, "tug cp: target 'no': No such file or directory\n", 1},
    {{"z", "a/f", "z"}, "tug cp: target 'z': Not a directory\n", 1},
    {{"z", "no/"}, "tug cp: cannot create regular file 'no/': Not a directory\n", 1},
    {{"z", "no/x"}, "tug cp: cannot create regular file 'no/x': No such file or directory\n", 1},
    {{"z", "z/"}, "tug cp: cannot stat 'z/': Not a directory\n", 1},
    {{"z", "z/x"}, "tug cp: cannot stat 'z/x': Not a directory\n", 1},
    {{"z/", "b"}, "tug cp: cannot stat 'z/': Not a directory\n", 1},
    {{"", "b"}, "tug cp: cannot stat '': No such file or directory\n", 1},
    {{"z", ""}, "tug cp: cannot create regular file '': No such file or directory\n", 1},
    {{"-t", "z", "a/f"}, "tug cp: target directory 'z': Not a directory\n", 1},
    {{"-T", "z", "a"}, "tug cp: cannot overwrite directory 'a' with non-directory\n", 1},
    {{"-rT", "a", "z"}, "tug cp: cannot overwrite non-directory 'z' with directory 'a'\n", 1},
    {{"z", "dang"}, "tug cp: not writing through dangling symlink 'dang'\n", 1},
    {{"dang", "b"}, "tug cp: cannot stat 'dang': No such file or directory\n", 1},
    {{"-T", "a", "b", "c"}, "tug cp: extra operand 'c'\n" HINT, 1},
    {{"-T", "-t", "a", "z"},
     "tug cp: cannot combine --target-directory (-t) and --no-target-directory (-T)\n",
     1},
    {{"--bogus"}, "tug cp: unrecognized option '--bogus'\n" HINT, 1},
    {{"-q"}, "tug cp: invalid option -- 'q'\n" HINT, 1},
    {{"-j", "0", "z", "b"}, "tug cp: invalid number of jobs: '0'\n", 1},
    {{"-j", "9x", "z", "b"}, "tug cp: invalid number of jobs: '9x'\n", 1},
    {{"z", "z", "o"}, "tug cp: warning: source file 'z' specified more than once\n", 0},
    {{"-r", "m", "m", "o"}, "tug cp: warning: source directory 'm' specified more than once\n", 0},
    {{"a/f", "n/f", "p"}, "tug cp: will not overwrite just-created 'p/f' with 'n/f'\n", 1},
    {{"-n", "z", "n/f"}, "", 0},
    /* Names that are quoted. */
    {{"n\no", "b"}, "tug cp: cannot stat 'n'$'\\n''o': No such file or directory\n", 1},
    {{"it's", "b"}, "tug cp: cannot stat \"it's\": No such file or directory\n", 1},
    {{"a\"b", "b"}, "tug cp: cannot stat 'a\"b': No such file or directory\n", 1},
    {{"it's\"", "b"}, "tug cp: cannot stat 'it'\\''s\"': No such file or directory\n", 1},
    {{"n\xff\xfet", "b"},
     "tug cp: cannot stat 'n'$'\\377\\376''t': No such file or directory\n",
     1},
    {{"t\tx\x01", "b"}, "tug cp: cannot stat 't'$'\\t''x'$'\\001': No such file or directory\n", 1},
    {{"$x `y`", "b"}, "tug cp: cannot stat '$x `y`': No such file or directory\n", 1},
};

static void use_c_locale(void)
{
    setenv("LC_ALL", "C", 1);
}

static void drop_summary(char *text)
{
    char *summary = strstr(text, " failed; copied ");
    while (summary != NULL && summary > text && summary[-1] != '\n')
        summary--;
    if (summary != NULL)
        *summary = '\0';
}

static void test_messages(void **state)
{
    (void)state;
    make_things();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *const *a = cases[i].arguments;
        command_init(&command);
        command.prepare = use_c_locale;
        command_run(&command, "cp", a[0], a[1], a[2], a[3], a[4], NULL);
        drop_summary(command.error_text);
        assert_string_equal(command.error_text, cases[i].message);
        assert_string_equal(command.output_text, "");
        assert_int_equal(command_exit_status(&command), cases[i].status);
        assert_false(fixture_exists("b"));
    }
}

/* In a locale that has them, letters are printed as they are. */
static void use_utf8_locale(void)
{
    setenv("LC_ALL", "C.UTF-8", 1);
}

static void test_names_in_utf8(void **state)
{
    (void)state;
    command.prepare = use_utf8_locale;
    command_run(&command, "cp", "\xc3\xa4\xff", "b", NULL);
    assert_string_equal(command.error_text,
                        "tug cp: cannot stat '\xc3\xa4'$'\\377': No such file or directory\n");
}

/* ---- What it does ---- */

static void test_recursive(void **state)
{
    (void)state;
    fixture_make_tree("from");
    command_run(&command, "cp", "-R", "from", "to", NULL);
    assert_int_equal(command_exit_status(&command), 0);
    assert_string_equal(command.error_text, "");
    assert_string_equal(command.output_text, "");
    fixture_assert_copy("from", "to", FIXTURE_MODES);
}

static void test_links_without_recursion(void **state)
{
    char target[8] = "";
    (void)state;
    fixture_make_text("a", "text");
    fixture_make_link("a", "link");
    command_run(&command, "cp", "link", "followed", NULL);
    assert_int_equal(command_exit_status(&command), 0);
    fixture_assert_copy("a", "followed", FIXTURE_MODES);
    command_init(&command);
    command_run(&command, "cp", "-P", "link", "copied", NULL);
    assert_int_equal(command_exit_status(&command), 0);
    assert_int_equal(readlink("copied", target, sizeof(target)), 1);
}

static int compare_lines(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void test_verbose(void **state)
{
    char *lines[8];
    size_t count = 0;
    (void)state;
    fixture_make_dir("from", 0755);
    fixture_make_text("from/a b", "text");
    fixture_make_link("x", "from/link");
    fixture_make_dir("from/sub", 0755);
    command_run(&command, "cp", "-rv", "from/", "to", NULL);
    assert_int_equal(command_exit_status(&command), 0);
    for (char *line = strtok(command.output_text, "\n"); line != NULL; line = strtok(NULL, "\n"))
        lines[count++] = line;
    assert_int_equal(count, 4);
    qsort(lines, count, sizeof(lines[0]), compare_lines);
    assert_string_equal(lines[0], "'from/' -> 'to'");
    assert_string_equal(lines[1], "'from/a b' -> 'to/a b'");
    assert_string_equal(lines[2], "'from/link' -> 'to/link'");
    assert_string_equal(lines[3], "'from/sub' -> 'to/sub'");
}

static void test_verify(void **state)
{
    (void)state;
    fixture_make_dir("from", 0755);
    fixture_make_file("from/a", 0644, 1000, 1);
    fixture_make_file("from/b", 0644, 3000000, 1);
    command_run(&command, "cp", "-r", "--verify", "from", "to", NULL);
    assert_int_equal(command_exit_status(&command), 0);
    assert_string_equal(command.output_text, "verified 2 files, 3001000 bytes\n");
}

/* The rest is copied, and the failures are summed up at the end. */
static void test_goes_on_after_a_failure(void **state)
{
    (void)state;
    fixture_make_dir("from", 0755);
    for (unsigned i = 0; i < 10; i++)
        fixture_make_text(fixture_text("from/%u", i), "text");
    fixture_make_dir("to", 0755);
    fixture_make_dir("to/5", 0755);
    fixture_make_dir("to/7", 0755);
    command_run(&command, "cp", "-rT", "from", "to", NULL);
    assert_int_equal(command_exit_status(&command), 1);
    assert_non_null(strstr(command.error_text,
                           "tug cp: cannot overwrite directory 'to/5' with non-directory\n"));
    assert_non_null(strstr(command.error_text,
                           "tug cp: cannot overwrite directory 'to/7' with non-directory\n"));
    assert_non_null(strstr(command.error_text, "tug cp: 2 failed; copied 8 files, "));
    assert_true(fixture_exists("to/9"));
}

static void test_standard_input(void **state)
{
    (void)state;
    fixture_make_file("a", 0644, 100000, 1);
    command.input = open("a", O_RDONLY);
    command_run(&command, "cp", "/dev/stdin", "b", NULL);
    close(command.input);
    assert_int_equal(command_exit_status(&command), 0);
    fixture_assert_copy("a", "b", 0);
}

static void test_target_directory(void **state)
{
    (void)state;
    fixture_make_text("a", "a");
    fixture_make_text("b", "b");
    fixture_make_dir("to", 0755);
    command_run(&command, "cp", "--target-directory=to", "-j4", "a", "b", NULL);
    assert_int_equal(command_exit_status(&command), 0);
    fixture_assert_copy("a", "to/a", FIXTURE_MODES);
    fixture_assert_copy("b", "to/b", FIXTURE_MODES);
}

static void umask_077(void)
{
    umask(077);
}

static void test_umask(void **state)
{
    (void)state;
    fixture_make_dir("from", 0755);
    fixture_make_file("from/a", 0644, 3000000, 1);
    command.prepare = umask_077;
    command_run(&command, "cp", "-r", "from", "to", NULL);
    assert_int_equal(fixture_mode("to"), 0700);
    assert_int_equal(fixture_mode("to/a"), 0600);
}

/* ---- The command itself ---- */

static void test_help(void **state)
{
    (void)state;
    command_run(&command, "--help", NULL);
    assert_int_equal(command_exit_status(&command), 0);
    assert_non_null(strstr(command.output_text, "Usage: tug COMMAND"));
    command_init(&command);
    command_run(&command, "cp", "--help", NULL);
    assert_int_equal(command_exit_status(&command), 0);
    assert_non_null(strstr(command.output_text, "Usage: tug cp"));
    assert_string_equal(command.error_text, "");
    command_init(&command);
    command_run(&command, NULL);
    assert_int_equal(command_exit_status(&command), 1);
    assert_non_null(strstr(command.error_text, "Usage: tug COMMAND"));
}

static void test_version(void **state)
{
    (void)state;
    command_run(&command, "--version", NULL);
    assert_int_equal(command_exit_status(&command), 0);
    assert_memory_equal(command.output_text, "tug ", 4);
}

static void test_unknown_command(void **state)
{
    (void)state;
    command_run(&command, "teleport", NULL);
    assert_int_equal(command_exit_status(&command), 1);
    assert_string_equal(command.error_text, "tug: unknown command 'teleport'\n"
                                            "Try 'tug --help' for more information.\n");
}

/* What could not be printed is a failure, too; but files are copied all the same. */
static void test_output_cannot_be_written(void **state)
{
    (void)state;
    fixture_make_text("a", "text");
    command.output = open("/dev/full", O_WRONLY);
    command_run(&command, "cp", "-v", "a", "b", NULL);
    close(command.output);
    assert_int_equal(command_exit_status(&command), 1);
    assert_string_equal(command.error_text, "tug cp: write error: No space left on device\n");
    fixture_assert_copy("a", "b", FIXTURE_MODES);
}

static void close_standard_streams(void)
{
    close(0);
    close(1);
    close(2);
}

/* Then no file of the copy may be taken for one of them. */
static void test_without_standard_streams(void **state)
{
    (void)state;
    fixture_make_dir("from", 0755);
    fixture_make_file("from/a", 0644, 100, 1);
    fixture_make_file("from/b", 0644, 3 << 20, 2);
    command.prepare = close_standard_streams;
    command_run(&command, "cp", "-rv", "from", "missing", "to", NULL);
    assert_int_equal(command_exit_status(&command), 1);
    fixture_make_dir("to", 0755);
    command_init(&command);
    command.prepare = close_standard_streams;
    command_run(&command, "cp", "-rv", "from", "missing", "to", NULL);
    assert_int_equal(command_exit_status(&command), 1);
    fixture_assert_copy("from", "to/from", FIXTURE_MODES);
}

static void test_reader_goes_away(void **state)
{
    int ends[2];
    (void)state;
    fixture_make_tree("from");
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    close(ends[0]);
    command.output = ends[1];
    command_run(&command, "cp", "-rv", "from", "to", NULL);
    close(ends[1]);
    assert_int_equal(command_exit_status(&command), 1);
    fixture_assert_copy("from", "to", FIXTURE_MODES);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, enter, fixture_leave)

static void test_fail_fast(void **state)
{
    (void)state;
    fixture_make_text("a", "a");
    fixture_make_dir("to", 0755);
    command_run(&command, "cp", "--fail-fast", "-j1", "missing", "a", "absent", "to", NULL);
    assert_int_equal(command_exit_status(&command), 1);
    assert_string_equal(command.error_text,
                        "tug cp: cannot stat 'missing': No such file or directory\n");
    assert_false(fixture_exists("to/a"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_fail_fast),
        TEST(test_messages),
        TEST(test_names_in_utf8),
        TEST(test_recursive),
        TEST(test_links_without_recursion),
        TEST(test_verbose),
        TEST(test_verify),
        TEST(test_goes_on_after_a_failure),
        TEST(test_standard_input),
        TEST(test_target_directory),
        TEST(test_umask),
        TEST(test_help),
        TEST(test_version),
        TEST(test_unknown_command),
        TEST(test_output_cannot_be_written),
        TEST(test_without_standard_streams),
        TEST(test_reader_goes_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
