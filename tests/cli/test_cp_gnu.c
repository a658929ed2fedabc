/* SPDX-License-Identifier: MIT */
/*
 * `tug cp` beside the cp(1) of this machine, if that is GNU's: in two equal directories both get
 * the same arguments and input. Exit status, messages (but for the name of the command) and what is
 * there afterwards must be the same.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../copy/attributes.h"
#include "../copy/fixture.h"

#include "command.h"

/* What each case begins with. Times of access are in the future, so that reading does not move
 * them.
 */
static void make_things(const char *path)
{
    fixture_make_dir(path, 0755);
    assert_int_equal(chdir(path), 0);
    fixture_make_file("a", 0640, 100, 1);
    fixture_make_file("b", 0604, 50, 2);
    fixture_make_file("ro", 0400, 10, 3);
    fixture_make_file("newer", 0644, 60, 4);
    fixture_make_dir("d", 0755);
    fixture_make_file("d/a", 0600, 70, 5);
    fixture_make_dir("d/sub", 0750);
    fixture_make_file("d/sub/x", 0644, 80, 6);
    assert_int_equal(link("d/sub/x", "d/sub/y"), 0);
    fixture_make_link("sub/x", "d/link");
    fixture_make_dir("e", 0755);
    fixture_make_dir("e/a", 0755);
    fixture_make_dir("t", 0700);
    fixture_make_link("a", "l");
    fixture_make_link("d", "ld");
    fixture_make_link("nowhere", "dangling");
    fixture_make_fifo("f", 0600);
    assert_int_equal(link("b", "hard"), 0);
    fixture_make_file("old~", 0644, 5, 7);
    fixture_make_file("old", 0644, 6, 8);
    fixture_make_file("n", 0644, 6, 9);
    fixture_make_file("n.~7~", 0644, 6, 10);
    attributes_set("a", "user.test", "1");
    attributes_set_list("b", false, 4321);
    static const char *const names[] = {"d/sub/x", "d/link", "d/sub", "d/a",  "d", "a",
                                        "b",       "ro",     "e/a",   "e",    "t", "l",
                                        "ld",      "f",      "old",   "old~", "n"};
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        attributes_set_times(names[i], 4000000000, 5, 1000000000 + i, 7 + i);
    attributes_set_times("newer", 4000000000, 5, 2000000000, 7);
    assert_int_equal(chdir(".."), 0);
}

static const struct {
    const char *arguments[9];
    const char *input;
} cases[] = {
    {{"a", "new"}, NULL},
    {{"-p", "a", "new"}, NULL},
    {{"-p", "b", "t/b"}, NULL},
    {{"-a", "d", "new"}, NULL},
    {{"-a", "d", "t"}, NULL},
    {{"-a", "d/.", "e"}, NULL},
    {{"-a", "d", "a", "b", "hard", "l", "f", "t"}, NULL},
    {{"-dR", "d", "new"}, NULL},
    {{"-d", "l", "new"}, NULL},
    {{"-d", "b", "hard", "t"}, NULL},
    {{"-r", "d", "new"}, NULL},
    {{"-r", "--preserve=timestamps", "d", "new"}, NULL},
    {{"-r", "--preserve=mode,links", "d", "new"}, NULL},
    {{"--preserve", "a", "new"}, NULL},
    {{"--preserve=all", "a", "new"}, NULL},
    {{"--preserve=xattr", "a", "new"}, NULL},
    {{"-a", "--no-preserve=timestamps", "d", "new"}, NULL},
    {{"-a", "--no-preserve=all", "a", "new"}, NULL},
    {{"-r", "--no-preserve=mode", "d", "new"}, NULL},
    {{"--preserve=bogus", "a", "new"}, NULL},
    {{"--preserve=t", "a", "new"}, NULL},
    {{"--preserve=context", "a", "new"}, NULL},
    {{"--no-preserve=", "a", "new"}, NULL},
    {{"--no-preserve=x,foo", "a", "new"}, NULL},
    /* What exists. */
    {{"-u", "a", "newer"}, NULL},
    {{"-u", "newer", "a"}, NULL},
    {{"-pu", "a", "a~"}, NULL},
    {{"-n", "a", "b"}, NULL},
    {{"-ru", "d", "e"}, NULL},
    {{"-i", "a", "b"}, "y\n"},
    {{"-i", "a", "b"}, "yes, please\n"},
    {{"-if", "a", "b", "t"}, ""},
    {{"--remove-destination", "a", "hard"}, NULL},
    {{"--remove-destination", "a", "l"}, NULL},
    {{"--remove-destination", "a", "d"}, NULL},
    {{"--remove-destination", "-r", "d/.", "e"}, NULL},
    {{"-p", "a", "b"}, NULL},
    {{"-a", "b", "ro"}, NULL},
    /* Backups. */
    {{"-b", "a", "b"}, NULL},
    {{"-b", "a", "old"}, NULL},
    {{"-b", "a", "n"}, NULL},
    {{"--backup=numbered", "a", "b"}, NULL},
    {{"--backup=t", "a", "n"}, NULL},
    {{"--backup=simple", "a", "n"}, NULL},
    {{"--backup=none", "a", "b"}, NULL},
    {{"--backup=foo", "a", "b"}, NULL},
    {{"-S", ".bak", "a", "b"}, NULL},
    {{"-b", "--suffix=.x", "a", "l"}, NULL},
    {{"-b", "old~", "old"}, NULL},
    {{"-b", "-n", "a", "b"}, NULL},
    {{"-rb", "d/.", "t"}, NULL},
    {{"-b", "a", "e"}, NULL},
    /* Links. */
    {{"-l", "a", "new"}, NULL},
    {{"-l", "a", "b"}, NULL},
    {{"-lf", "a", "b"}, NULL},
    {{"-l", "b", "hard"}, NULL},
    {{"-l", "l", "new"}, NULL},
    {{"-lP", "l", "new"}, NULL},
    {{"-al", "d", "new"}, NULL},
    {{"-l", "a", "no/where"}, NULL},
    {{"-s", "a", "new"}, NULL},
    {{"-s", "a", "b"}, NULL},
    {{"-sf", "a", "b"}, NULL},
    {{"-s", "a", "t/new"}, NULL},
    {{"-s", "/etc/passwd", "t"}, NULL},
    {{"-ls", "a", "new"}, NULL},
    /* The rest. */
    {{"--attributes-only", "a", "new"}, NULL},
    {{"--attributes-only", "-p", "a", "b"}, NULL},
    {{"--parents", "d/sub/x", "t"}, NULL},
    {{"--parents", "-p", "d/sub/x", "t"}, NULL},
    {{"--parents", "d/sub/x", "d/a", "./a", "t"}, NULL},
    {{"--parents", "-a", "d/sub/", "t"}, NULL},
    {{"--parents", "-a", "ld/sub", "t"}, NULL},
    {{"--parents", "d/sub/x", "new"}, NULL},
    {{"--strip-trailing-slashes", "-r", "d//", "new"}, NULL},
    {{"--strip-trailing-slashes", "a/", "t"}, NULL},
    {{"-rx", "d", "new"}, NULL},
    {{"-r", "--copy-contents", "/dev/null", "new"}, NULL},
    {{"-a", "a", "dangling"}, NULL},
    {{"-a", "dangling", "new"}, NULL},
    {{"-a", "f", "new"}, NULL},
};

static void use_c_locale(void)
{
    setenv("LC_ALL", "C", 1);
    unsetenv("SIMPLE_BACKUP_SUFFIX");
    unsetenv("VERSION_CONTROL");
}

/* A file that is the standard input, with this text. */
static int input_of(const char *text)
{
    FILE *file = tmpfile();
    assert_non_null(file);
    fputs(text, file);
    fflush(file);
    rewind(file);
    int fd = dup(fileno(file));
    fclose(file);
    return fd;
}

static void run(struct command *command, const char *directory, bool gnu, size_t row)
{
    const char *arguments[11];
    char *ours = strdup(getenv("TUG_COMMAND"));
    size_t count = 0;
    assert_non_null(ours);
    arguments[count++] = gnu ? "cp" : "tug";
    if (!gnu)
        arguments[count++] = "cp";
    for (size_t i = 0; i < 8 && cases[row].arguments[i] != NULL; i++)
        arguments[count++] = cases[row].arguments[i];
    arguments[count] = NULL;
    command_init(command);
    command->prepare = use_c_locale;
    if (cases[row].input != NULL)
        command->input = input_of(cases[row].input);
    assert_int_equal(chdir(directory), 0);
    if (gnu)
        setenv("TUG_COMMAND", "/bin/cp", 1);
    command_start(command, arguments);
    command_wait(command);
    setenv("TUG_COMMAND", ours, 1);
    assert_int_equal(chdir(".."), 0);
    if (command->input >= 0)
        close(command->input);
    free(ours);
}

/* Drops the summary of a recursive copy, and the name "tug" of each line. */
static void adapt_messages(char *text)
{
    char *out = text;
    for (char *line = text, *end; *line != '\0'; line = end) {
        end = strchr(line, '\n');
        end = end != NULL ? end + 1 : line + strlen(line);
        char *summary = strstr(line, " failed; copied ");
        if (summary != NULL && summary < end)
            continue;
        for (char *c = line; c < end;) {
            if (strncmp(c, "tug cp", 6) == 0)
                c += 4;
            else
                *out++ = *c++;
        }
    }
    *out = '\0';
}

static void check_row(size_t row)
{
    static struct command gnu, ours;
    const char *left = fixture_text("gnu%zu", row), *right = fixture_text("tug%zu", row);
    make_things(left);
    make_things(right);
    run(&gnu, left, true, row);
    run(&ours, right, false, row);
    adapt_messages(ours.error_text);
    assert_string_equal(ours.error_text, gnu.error_text);
    assert_string_equal(ours.output_text, gnu.output_text);
    assert_int_equal(command_exit_status(&ours), command_exit_status(&gnu));
    attributes_assert_same(left, right,
                           ATTRIBUTES_MODE | ATTRIBUTES_XATTR | ATTRIBUTES_OWNER |
                               ATTRIBUTES_LINKS | ATTRIBUTES_TIMES_OR_NOW);
}

static bool have_gnu_cp(void)
{
    FILE *pipe = popen("/bin/cp --version 2>/dev/null", "r");
    char line[128] = "";
    if (pipe == NULL)
        return false;
    bool gnu = fgets(line, sizeof(line), pipe) != NULL && strstr(line, "GNU coreutils") != NULL;
    pclose(pipe);
    return gnu;
}

/* One test per row, named by its arguments. */
static void test_row(void **state)
{
    check_row(*(const size_t *)*state);
}

static int enter_row(void **state)
{
    void *row = *state;
    int error = fixture_enter(state);
    *state = row;
    return error;
}

#define COUNT (sizeof(cases) / sizeof(cases[0]))

int main(void)
{
    static struct CMUnitTest tests[COUNT];
    static size_t rows[COUNT];
    static char names[COUNT][128];
    if (!have_gnu_cp())
        return 77;
    for (size_t row = 0; row < COUNT; row++) {
        for (size_t i = 0; cases[row].arguments[i] != NULL; i++) {
            size_t length = strlen(names[row]);
            snprintf(names[row] + length, sizeof(names[row]) - length, "%s%s", i > 0 ? " " : "",
                     cases[row].arguments[i]);
        }
        rows[row] = row;
        tests[row] = (struct CMUnitTest){.name = names[row],
                                         .test_func = test_row,
                                         .setup_func = enter_row,
                                         .teardown_func = fixture_leave,
                                         .initial_state = &rows[row]};
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
