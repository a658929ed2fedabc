/* SPDX-License-Identifier: MIT */
/*
 * Which programs tug bench finds, under which names, and what --list says of them. $PATH is one
 * directory that holds nothing but what a test has made.
 */
#include "../copy/fixture.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command.h"

static struct command command;
static char tools[4096];

static void use_path(void)
{
    setenv("PATH", tools, 1);
}

static void make_tools_directory(void)
{
    fixture_make_dir("bin", 0755);
    assert_non_null(realpath("bin", tools));
}

static void make_tool(const char *name, const char *script)
{
    const char *path = fixture_text("bin/%s", name);
    fixture_make_text(path, script);
    assert_int_equal(chmod(path, 0755), 0);
}

static void run(const char *const *arguments)
{
    command_init(&command);
    command.prepare = use_path;
    command_start(&command, arguments);
    command_wait(&command);
}

static void list(void)
{
    static const char *const arguments[] = {"tug", "bench", "--list", NULL};
    run(arguments);
    assert_string_equal(command.error_text, "");
    assert_int_equal(command_exit_status(&command), 0);
}

/* A line of what was printed. */
static void assert_line(const char *line)
{
    if (strstr(command.output_text, fixture_text("\n%s\n", line)) == NULL)
        fail_msg("'%s' is not a line of:\n%s", line, command.output_text);
}

/* Each is listed with its place and its version; one that is not there is listed as well. */
static void test_list(void **state)
{
    (void)state;
    make_tools_directory();
    make_tool("rcp", "#!/bin/sh\n[ \"$*\" = --version ] && echo rcp 0.5\n");
    make_tool("rmz", "#!/bin/sh\nexit 1\n");
    make_tool("find", "#!/bin/sh\n[ \"$*\" = --version ] && echo find 4; echo more\n");
    list();
    assert_ptr_equal(strstr(command.output_text, "sequential "), command.output_text);
    assert_non_null(strstr(command.output_text, "\ntug          this command (tug "));
    assert_line(fixture_text("rcp          %s/rcp (rcp 0.5)", tools));
    assert_line(fixture_text("find         %s/find (find 4)", tools));
    assert_line(fixture_text("rmz          %s/rmz", tools));
    assert_line("cp           not installed");
    assert_line("cpz          not installed");
    assert_line("fd           not installed");
    assert_line("rsync        not installed");
}

/* Several of one package: the version is that of the one which was asked. */
static void test_package(void **state)
{
    (void)state;
    make_tools_directory();
    make_tool("mv", "#!/bin/sh\necho mv 9\n");
    make_tool("rm", "#!/bin/sh\necho rm 9\n");
    list();
    assert_line(fixture_text("mv           %s/mv (mv 9)", tools));
    assert_line(fixture_text("rm           %s/rm", tools));
}

/* Nothing is measured: not even the directory is looked at. */
static void test_measures_nothing(void **state)
{
    (void)state;
    static const char *const arguments[] = {"tug",        "bench",   "--list", "--output=out",
                                            "--json=out", "missing", NULL};
    make_tools_directory();
    run(arguments);
    assert_int_equal(command_exit_status(&command), 0);
    assert_int_equal(access("out", F_OK), -1);
}

/* The name that Debian gives to fd. */
static void test_other_name(void **state)
{
    (void)state;
    make_tools_directory();
    make_tool("fdfind", "#!/bin/sh\n[ \"$*\" = --version ] && echo fd 10.2\n");
    list();
    assert_line(fixture_text("fd           %s/fdfind (fd 10.2)", tools));
}

/* What has the name of a tool but is something else does not take part. */
static void test_namesake(void **state)
{
    (void)state;
    make_tools_directory();
    make_tool("rcp", "#!/bin/sh\necho 'usage: rcp file host:file'\n");
    list();
    assert_line("rcp          not installed");
}

/* A command of uutils with a file of its own is not told which command it is. */
static void test_alone(void **state)
{
    (void)state;
    static const char *const arguments[] = {
        "tug",          "bench",         "--scale=0.01", "--rounds=1", "--only=delete",
        "--cache=warm", "--json=r.json", "-oreport.md",  "here",       NULL};
    make_tools_directory();
    fixture_make_dir("here", 0755);
    make_tool("uu-cp", "#!/bin/sh\n[ \"$*\" = --version ] && echo uu 7\n");
    make_tool("uu-rm", "#!/bin/sh\n[ \"$1\" = -r ] && exec /bin/rm -r \"$2\"\nexit 1\n");
    list();
    assert_line(fixture_text("coreutils    %s/uu-cp (uu 7)", tools));
    run(arguments);
    assert_string_equal(command.error_text, "");
    assert_int_equal(command_exit_status(&command), 0);
    char *report = fixture_read("report.md");
    assert_non_null(strstr(report, "- uutils: uu 7"));
    free(report);
}

/* One executable with all of them is. */
static void test_many(void **state)
{
    (void)state;
    static const char *const arguments[] = {"tug",         "bench",         "--scale=0.01",
                                            "--rounds=1",  "--only=delete", "--cache=warm",
                                            "-oreport.md", "here",          NULL};
    make_tools_directory();
    fixture_make_dir("here", 0755);
    make_tool("coreutils", "#!/bin/sh\n[ \"$2\" = --version ] && echo \"$1\" of many && exit\n"
                           "[ \"$1 $2\" = 'rm -r' ] && exec /bin/rm -r \"$3\"\nexit 1\n");
    list();
    assert_line(fixture_text("coreutils    %s/coreutils (cp of many)", tools));
    run(arguments);
    assert_string_equal(command.error_text, "");
    assert_int_equal(command_exit_status(&command), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_list),
        FIXTURE_TEST(test_package),
        FIXTURE_TEST(test_measures_nothing),
        FIXTURE_TEST(test_other_name),
        FIXTURE_TEST(test_namesake),
        FIXTURE_TEST(test_alone),
        FIXTURE_TEST(test_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
