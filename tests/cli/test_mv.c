/* SPDX-License-Identifier: MIT */
/*
 * `tug mv` as a user sees it: each case is run in a scene of its own, and what it prints, its exit
 * status and what it leaves are compared with what is expected of GNU mv 9.1; and with what the
 * system's mv does in an equal scene, if that is GNU mv 9.1.
 */
#include "../copy/fixture.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../copy/two_systems.h"
#include "command.h"

#define HINT "Try 'tug mv --help' for more information.\n"

static struct command command;

/* ---- Scenes ---- */

static void fill_scene(const char *path)
{
    assert_int_equal(chdir(path), 0);
    fixture_make_text("a", "a");
    assert_int_equal(link("a", "hard"), 0);
    fixture_make_link("a", "soft");
    fixture_make_link("soft", "soft2");
    fixture_make_link("nowhere", "dangling");
    fixture_make_text("o", "o");
    fixture_make_text("o.~3~", "third");
    fixture_make_text("new", "new");
    fixture_make_text("old", "old");
    fixture_set_times("old", 1000000, 1000000);
    fixture_make_dir("d", 0755);
    fixture_make_text("d/x", "x");
    fixture_make_dir("empty", 0755);
    fixture_make_dir("f", 0755);
    fixture_make_text("f/y", "y");
    fixture_make_dir("h", 0755);
    fixture_make_dir("h/d", 0755);
    fixture_make_text("h/d/z", "z");
    fixture_make_dir("p", 0755);
    fixture_make_text("p/x", "p/x");
    fixture_make_text("a~", "older a");
    assert_int_equal(chdir(".."), 0);
}

static void make_scene(const char *path)
{
    fixture_make_dir(path, 0755);
    fill_scene(path);
}

/* A scene as text: names, types, targets and contents, in order. */
static char listing[65536];
static char *lines[256];
static size_t line_count;

static int add_line(const char *path, const struct stat *stat, int type, struct FTW *place)
{
    char text[256] = "";
    (void)place;
    if (type == FTW_SL) {
        assert_true(readlink(path, text, sizeof(text) - 1) >= 0);
    } else if (type == FTW_F) {
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        assert_true(fd >= 0 && read(fd, text, sizeof(text) - 1) >= 0);
        close(fd);
    }
    assert_true(line_count < 256);
    assert_true(asprintf(&lines[line_count], "%s %o %s\n", path, stat->st_mode, text) > 0);
    line_count++;
    return 0;
}

static int compare_lines(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static char *list_scene(const char *path)
{
    line_count = 0;
    listing[0] = '\0';
    int back = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(chdir(path), 0);
    assert_int_equal(nftw(".", add_line, 8, FTW_PHYS), 0);
    assert_int_equal(fchdir(back), 0);
    close(back);
    qsort(lines, line_count, sizeof(lines[0]), compare_lines);
    for (size_t i = 0; i < line_count; i++) {
        strcat(listing, lines[i]);
        free(lines[i]);
    }
    return strdup(listing);
}

/* ---- Cases ---- */

enum { ONLY_TUG = 1 }; /* flags: GNU mv 9.1 does not have it */

static const struct {
    const char *arguments[6];
    const char *message; /* on standard error */
    int status;
    int flags;
    const char *input;
} cases[] = {
    {{"a", "b"}, "", 0, 0, NULL},
    {{"a", "d"}, "", 0, 0, NULL},
    {{"a", "d/"}, "", 0, 0, NULL},
    {{"a", "o"}, "", 0, 0, NULL},
    {{"d", "n"}, "", 0, 0, NULL},
    {{"d", "n/"}, "", 0, 0, NULL},
    {{"d/", "f"}, "", 0, 0, NULL},
    {{"a", "d", "soft", "f"}, "", 0, 0, NULL},
    {{"-t", "f", "a", "o"}, "", 0, 0, NULL},
    {{"dangling", "b"}, "", 0, 0, NULL},
    {{"dangling", "o"}, "", 0, 0, NULL},
    {{"o", "dangling"}, "", 0, 0, NULL},
    {{"-T", "d", "empty"}, "", 0, 0, NULL},
    {{"a", "a"}, "tug mv: 'a' and 'a' are the same file\n", 1, 0, NULL},
    {{"a", "./a"}, "tug mv: 'a' and './a' are the same file\n", 1, 0, NULL},
    {{"a", "hard"}, "tug mv: 'a' and 'hard' are the same file\n", 1, 0, NULL},
    {{"soft", "a"}, "tug mv: 'soft' and 'a' are the same file\n", 1, 0, NULL},
    {{"soft", "hard"}, "", 0, 0, NULL},
    {{"soft2", "soft"}, "", 0, 0, NULL},
    {{"a", "soft"}, "", 0, 0, NULL},
    {{"soft", "soft2"}, "", 0, 0, NULL},
    {{"d", "d"}, "tug mv: cannot move 'd' to a subdirectory of itself, 'd/d'\n", 1, 0, NULL},
    {{"d", "d/s"}, "tug mv: cannot move 'd' to a subdirectory of itself, 'd/s'\n", 1, 0, NULL},
    {{"-T", "d", "d"}, "tug mv: 'd' and 'd' are the same file\n", 1, 0, NULL},
    {{"d", "h"}, "tug mv: cannot move 'd' to 'h/d': Directory not empty\n", 1, 0, NULL},
    {{"d", "a"}, "tug mv: cannot overwrite non-directory 'a' with directory 'd'\n", 1, 0, NULL},
    {{"-T", "a", "d"}, "tug mv: cannot overwrite directory 'd' with non-directory\n", 1, 0, NULL},
    {{"-T", "d", "f"}, "tug mv: cannot move 'd' to 'f': Directory not empty\n", 1, 0, NULL},
    {{"no", "x"}, "tug mv: cannot stat 'no': No such file or directory\n", 1, 0, NULL},
    {{"a", "no/"}, "tug mv: cannot move 'a' to 'no/': Not a directory\n", 1, 0, NULL},
    {{"a", "no/x"}, "tug mv: cannot move 'a' to 'no/x': No such file or directory\n", 1, 0, NULL},
    {{"a", "a/x"}, "tug mv: cannot stat 'a/x': Not a directory\n", 1, 0, NULL},
    {{"a/", "x"}, "tug mv: cannot stat 'a/': Not a directory\n", 1, 0, NULL},
    {{"a", "d", "o"}, "tug mv: target 'o': Not a directory\n", 1, 0, NULL},
    {{"a", "d", "no"}, "tug mv: target 'no': No such file or directory\n", 1, 0, NULL},
    {{"-t", "o", "a"}, "tug mv: target directory 'o': Not a directory\n", 1, 0, NULL},
    {{"-t", "no", "a"}, "tug mv: target directory 'no': No such file or directory\n", 1, 0, NULL},
    {{"", "x"}, "tug mv: cannot stat '': No such file or directory\n", 1, 0, NULL},
    {{"a", ""}, "tug mv: cannot move 'a' to '': No such file or directory\n", 1, 0, NULL},
    {{NULL}, "tug mv: missing file operand\n" HINT, 1, 0, NULL},
    {{"a"}, "tug mv: missing destination file operand after 'a'\n" HINT, 1, 0, NULL},
    {{"-T", "a", "b", "c"}, "tug mv: extra operand 'c'\n" HINT, 1, 0, NULL},
    {{"-T", "-t", "d", "a"},
     "tug mv: cannot combine --target-directory (-t) and --no-target-directory (-T)\n",
     1,
     0,
     NULL},
    {{"--bogus"}, "tug mv: unrecognized option '--bogus'\n" HINT, 1, 0, NULL},
    {{"-q"}, "tug mv: invalid option -- 'q'\n" HINT, 1, 0, NULL},
    {{".", "x"}, "tug mv: cannot move '.' to 'x': Device or resource busy\n", 1, 0, NULL},
    {{"d/.", "x"}, "tug mv: cannot move 'd/.' to 'x': Device or resource busy\n", 1, 0, NULL},
    {{"a", "a", "d"}, "tug mv: cannot stat 'a': No such file or directory\n", 1, 0, NULL},
    {{"d/x", "p/x", "f"}, "tug mv: will not overwrite just-created 'f/x' with 'p/x'\n", 1, 0, NULL},
    {{"--backup=t", "d/x", "p/x", "f"}, "", 0, 0, NULL},
    /* GNU mv 9.1 tries to rename before it strips. */
    {{"--strip-trailing-slashes", "soft/", "x"}, "", 0, ONLY_TUG, NULL},
    {{"-n", "a", "o"}, "", 0, 0, NULL},
    {{"-u", "old", "new"}, "", 0, 0, NULL},
    {{"-u", "new", "old"}, "", 0, 0, NULL},
    {{"-if", "a", "o"}, "", 0, 0, NULL},
    {{"-i", "a", "o"}, "tug mv: overwrite 'o'? ", 0, 0, "y\n"},
    {{"-vi", "a", "o"}, "tug mv: overwrite 'o'? ", 0, 0, "yes\n"},
    {{"-v", "a", "b"}, "", 0, 0, NULL},
    {{"-v", "d", "f"}, "", 0, 0, NULL},
    {{"-vb", "a", "o"}, "", 0, 0, NULL},
    {{"-vb", "p/x", "d"}, "", 0, 0, NULL},
    {{"-v", "a", "o", "d"}, "", 0, 0, NULL},
    {{"-b", "a", "new"}, "", 0, 0, NULL},
    {{"-b", "d", "f"}, "", 0, 0, NULL},
    {{"-bT", "d", "f"}, "", 0, 0, NULL},
    {{"-bT", "a", "d"}, "", 0, 0, NULL},
    {{"-bT", "d", "a"}, "", 0, 0, NULL},
    {{"-bT", "d", "f/"}, "", 0, 0, NULL},
    {{"-b", "a", "hard"}, "", 0, 0, NULL},
    {{"-b", "a", "a"}, "tug mv: 'a' and 'a' are the same file\n", 1, 0, NULL},
    {{"-b", "soft", "a"}, "", 0, 0, NULL},
    {{"-S", ".bak", "a", "new"}, "", 0, 0, NULL},
    {{"--backup=simple", "a~", "a"},
     "tug mv: backing up 'a' might destroy source;  'a~' not moved\n",
     1,
     0,
     NULL},
    {{"--backup=simple", "o", "a"}, "", 0, 0, NULL},
    {{"--backup=numbered", "a", "o"}, "", 0, 0, NULL},
    {{"--backup=none", "a", "o"}, "", 0, 0, NULL},
    {{"--backup=foo", "a", "o"},
     "tug mv: invalid argument 'foo' for 'backup type'\nValid arguments are:\n"
     "  - 'none', 'off'\n  - 'simple', 'never'\n  - 'existing', 'nil'\n"
     "  - 'numbered', 't'\n" HINT,
     1,
     0,
     NULL},
    {{"-bn", "a", "o"},
     "tug mv: options --backup and --no-clobber are mutually exclusive\n" HINT,
     1,
     0,
     NULL},
    {{"n\no", "b"}, "tug mv: cannot stat 'n'$'\\n''o': No such file or directory\n", 1, 0, NULL},
    {{"n\xff", "b"}, "tug mv: cannot stat 'n'$'\\377': No such file or directory\n", 1, 0, NULL},
    /* What newer releases have, and what is tug's own. */
    {{"-i", "a", "o"}, "tug mv: overwrite 'o'? ", 1, ONLY_TUG, "n\n"},
    {{"-i", "a", "o"}, "tug mv: overwrite 'o'? ", 1, ONLY_TUG, ""},
    {{"--exchange", "a", "o"}, "", 0, ONLY_TUG, NULL},
    {{"--exchange", "-T", "a", "d"}, "", 0, ONLY_TUG, NULL},
    {{"--exchange", "a", "no"},
     "tug mv: cannot exchange 'a' and 'no': No such file or directory\n",
     1,
     ONLY_TUG,
     NULL},
    {{"--no-copy", "a", "o"}, "", 0, ONLY_TUG, NULL},
    {{"--update=none", "a", "o"}, "", 0, ONLY_TUG, NULL},
    {{"--update=none-fail", "a", "o"}, "tug mv: not replacing 'o'\n", 1, ONLY_TUG, NULL},
    {{"--update=all", "old", "new"}, "", 0, ONLY_TUG, NULL},
    {{"--update=x", "a", "o"},
     "tug mv: invalid argument 'x' for '--update'\nValid arguments are:\n"
     "  - 'all'\n  - 'none'\n  - 'none-fail'\n  - 'older'\n" HINT,
     1,
     ONLY_TUG,
     NULL},
    {{"-j", "0", "a", "o"}, "tug mv: invalid number of jobs: '0'\n", 1, ONLY_TUG, NULL},
};

/* ---- Running ---- */

static void enter_tug(void)
{
    setenv("LC_ALL", "C", 1);
    if (chdir("tug") != 0)
        _exit(126);
}

static void enter_gnu(void)
{
    setenv("LC_ALL", "C", 1);
    if (chdir("gnu") != 0)
        _exit(126);
}

static int input_of(const char *text)
{
    int fd = open("input", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    return fd;
}

static void run(const char *path, const char *const *arguments, void (*prepare)(void),
                const char *input)
{
    command_init(&command);
    command.prepare = prepare;
    if (input != NULL)
        command.input = input_of(input);
    if (path != NULL)
        setenv("TUG_COMMAND", path, 1);
    command_start(&command, arguments);
    command_wait(&command);
    if (command.input >= 0)
        close(command.input);
}

static void remove_scene(const char *path)
{
    const char *const arguments[] = {"rm", "-rf", "--", path, NULL};
    run("/bin/rm", arguments, NULL, NULL);
    assert_int_equal(command_exit_status(&command), 0);
}

static const char *gnu_mv(void)
{
    static const char *const paths[] = {"/bin/mv", "/usr/bin/mv"};
    const char *const arguments[] = {"mv", "--version", NULL};
    for (size_t i = 0; i < 2; i++) {
        if (access(paths[i], X_OK) != 0)
            continue;
        run(paths[i], arguments, NULL, NULL);
        if (strstr(command.output_text, "mv (GNU coreutils) 9.1\n") != NULL)
            return paths[i];
    }
    return NULL;
}

/* "mv: " becomes "tug mv: ", and the reference to the help likewise. */
static const char *as_of_tug(char *text)
{
    static char changed[65536];
    char *to = changed;
    for (char *from = text; *from != '\0';) {
        bool name = (from == text || from[-1] == '\n') && strncmp(from, "mv: ", 4) == 0;
        if (name || strncmp(from, "mv --help", 9) == 0)
            to = stpcpy(to, "tug ");
        *to++ = *from++;
    }
    *to = '\0';
    return changed;
}

static void compare_with_gnu(const char *path, size_t i)
{
    const char *const *a = cases[i].arguments;
    const char *const arguments[] = {"mv", a[0], a[1], a[2], a[3], a[4], NULL};
    char *output = strdup(command.output_text);
    make_scene("gnu");
    run(path, arguments, enter_gnu, cases[i].input);
    assert_string_equal(as_of_tug(command.error_text), cases[i].message);
    assert_string_equal(output, command.output_text);
    assert_int_equal(command_exit_status(&command), cases[i].status);
    char *by_tug = list_scene("tug"), *by_gnu = list_scene("gnu");
    assert_string_equal(by_tug, by_gnu);
    remove_scene("gnu");
    free(by_tug);
    free(by_gnu);
    free(output);
}

static void test_as_gnu_mv(void **state)
{
    char *tug = strdup(getenv("TUG_COMMAND"));
    (void)state;
    const char *gnu = gnu_mv();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *const *a = cases[i].arguments;
        const char *const arguments[] = {"tug", "mv", a[0], a[1], a[2], a[3], a[4], NULL};
        make_scene("tug");
        run(tug, arguments, enter_tug, cases[i].input);
        if (strcmp(command.error_text, cases[i].message) != 0 ||
            command_exit_status(&command) != cases[i].status)
            print_error("case %zu: %s %s\n", i, a[0], a[1]);
        assert_string_equal(command.error_text, cases[i].message);
        assert_int_equal(command_exit_status(&command), cases[i].status);
        if (gnu != NULL && (cases[i].flags & ONLY_TUG) == 0)
            compare_with_gnu(gnu, i);
        remove_scene("tug");
    }
    setenv("TUG_COMMAND", tug, 1);
    free(tug);
}

/* ---- The same across file systems ---- */

static const struct {
    const char *arguments[5];
    const char *message;
    int status;
} across[] = {
    {{"a", "../B/n"}, "", 0},
    {{"a", "../B"}, "", 0},
    {{"-v", "o", "../B"}, "", 0},
    {{"-v", "o", "../B/dir"}, "", 0},
    {{"-vb", "o", "../B"}, "", 0},
    {{"-b", "o", "d", "../B"}, "", 0},
    {{"-bT", "d", "../B/o"}, "", 0},
    {{"-bT", "d", "../B/dir"}, "", 0},
    {{"soft", "dangling", "../B"}, "", 0},
    {{"d", "f", "../B/dir"}, "", 0},
    {{"-T", "h", "../B/empty"}, "", 0},
    {{"-n", "o", "../B"}, "", 0},
    {{"-u", "old", "../B/o"}, "", 0},
    {{"d/x", "p/x", "../B"}, "tug mv: will not overwrite just-created '../B/x' with 'p/x'\n", 1},
    {{"--backup=t", "d/x", "p/x", "../B"}, "", 0},
    {{"no", "../B"}, "tug mv: cannot stat 'no': No such file or directory\n", 1},
    {{"d", "../B/o"}, "tug mv: cannot overwrite non-directory '../B/o' with directory 'd'\n", 1},
    {{"-T", "a", "../B/dir"},
     "tug mv: cannot overwrite directory '../B/dir' with non-directory\n",
     1},
    {{"-T", "d", "../B/dir"},
     "tug mv: inter-device move failed: 'd' to '../B/dir'; unable to remove target: "
     "Directory not empty\n",
     1},
};

static void enter_a(void)
{
    setenv("LC_ALL", "C", 1);
    if (chdir("A") != 0)
        _exit(126);
}

/* Two file systems with something in them. */
static void enter_across(void)
{
    two_systems_enter(NULL);
    fill_scene("A");
    fixture_make_text("B/o", "there");
    fixture_make_dir("B/empty", 0755);
    fixture_make_dir("B/dir", 0755);
    fixture_make_text("B/dir/z", "z");
}

/* What a move has said and left. Leaves the two file systems. */
static char *describe_and_leave(void)
{
    char *text = NULL, *here = list_scene("A"), *there = list_scene("B");
    assert_true(asprintf(&text, "%s%s--\n%s", command.output_text, here, there) > 0);
    free(here);
    free(there);
    two_systems_leave(NULL);
    return text;
}

static void compare_across(const char *gnu, size_t i, const char *by_tug)
{
    const char *const *a = across[i].arguments;
    const char *const arguments[] = {"mv", a[0], a[1], a[2], a[3], NULL};
    enter_across();
    run(gnu, arguments, enter_a, NULL);
    assert_string_equal(as_of_tug(command.error_text), across[i].message);
    assert_int_equal(command_exit_status(&command), across[i].status);
    char *by_gnu = describe_and_leave();
    assert_string_equal(by_tug, by_gnu);
    free(by_gnu);
}

static void test_across_as_gnu_mv(void **state)
{
    char *tug = strdup(getenv("TUG_COMMAND"));
    (void)state;
    const char *gnu = gnu_mv();
    for (size_t i = 0; i < sizeof(across) / sizeof(across[0]); i++) {
        const char *const *a = across[i].arguments;
        const char *const arguments[] = {"tug", "mv", a[0], a[1], a[2], a[3], NULL};
        enter_across();
        run(tug, arguments, enter_a, NULL);
        assert_string_equal(command.error_text, across[i].message);
        assert_int_equal(command_exit_status(&command), across[i].status);
        char *by_tug = describe_and_leave();
        if (gnu != NULL)
            compare_across(gnu, i, by_tug);
        free(by_tug);
    }
    setenv("TUG_COMMAND", tug, 1);
    free(tug);
}

/* ---- One by one ---- */

static void test_exchange(void **state)
{
    (void)state;
    fixture_make_text("a", "a");
    fixture_make_text("b", "b");
    command_init(&command);
    command_run(&command, "mv", "-v", "--exchange", "a", "b", NULL);
    assert_int_equal(command_exit_status(&command), 0);
    assert_string_equal(command.output_text, "exchanged 'a' <-> 'b'\n");
    fixture_assert_text("a", "b");
    fixture_assert_text("b", "a");
}

/* What is there stays when the answer is no. */
static void test_declined(void **state)
{
    (void)state;
    fixture_make_text("a", "a");
    fixture_make_text("b", "b");
    command_init(&command);
    command.input = input_of("n\n");
    command_run(&command, "mv", "-i", "a", "b", NULL);
    assert_int_equal(command_exit_status(&command), 1);
    fixture_assert_text("a", "a");
    fixture_assert_text("b", "b");
    close(command.input);
}

static void test_help(void **state)
{
    (void)state;
    command_init(&command);
    command_run(&command, "mv", "--help", NULL);
    assert_int_equal(command_exit_status(&command), 0);
    assert_non_null(strstr(command.output_text, "Usage: tug mv"));
}

static void test_fail_fast(void **state)
{
    (void)state;
    fixture_make_text("a", "a");
    fixture_make_dir("to", 0755);
    command_init(&command);
    command_run(&command, "mv", "--fail-fast", "missing", "a", "to", NULL);
    assert_int_equal(command_exit_status(&command), 1);
    assert_string_equal(command.error_text,
                        "tug mv: cannot stat 'missing': No such file or directory\n");
    assert_true(fixture_exists("a"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_fail_fast), cmocka_unit_test(test_across_as_gnu_mv),
        FIXTURE_TEST(test_as_gnu_mv), cmocka_unit_test(test_across_as_gnu_mv),
        FIXTURE_TEST(test_exchange),  FIXTURE_TEST(test_declined),
        FIXTURE_TEST(test_help),
    };
    return cmocka_run_group_tests(tests, two_systems_prepare, NULL);
}
