/* SPDX-License-Identifier: MIT */
/*
 * tug bench at a small scale: the report in its three forms, what it refuses, and that nothing is
 * left behind. The figures themselves are nobody's business here.
 */
#include "../copy/fixture.h"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "command.h"

static struct command command;

/* Whether the directory has no entries. */
static bool is_empty(const char *path)
{
    DIR *stream = opendir(path);
    unsigned count = 0;
    assert_non_null(stream);
    for (struct dirent *entry; (entry = readdir(stream)) != NULL;)
        count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    closedir(stream);
    return count == 0;
}

static void assert_contains(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        fail_msg("'%s' is not in:\n%s", part, text);
}

/* Runs a Python program with one argument; the test fails if that fails. */
static void python(const char *program, const char *argument)
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        execlp("python3", "python3", "-c", program, argument, (char *)NULL);
        _exit(77);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77)
        skip();
    assert_int_equal(WEXITSTATUS(status), 0);
}

static const char check_json[] =
    "import json, sys\n"
    "data = json.load(open(sys.argv[1]))\n"
    "assert data['rounds'] == 2 and data['machine']['processors'] >= 1\n"
    "assert data['file_system']['type'] and data['file_system']['free'] > 0\n"
    "cells = {(r['operation'], r['program']): r for r in data['results']}\n"
    "for operation in ('copy-files', 'copy-deep', 'copy-many', 'copy-large', 'walk', 'reads',\n"
    "                  'move-within', 'delete'):\n"
    "    for program in ('sequential', 'tug'):\n"
    "        cell = cells.get((operation, program))\n"
    "        assert cell, (operation, program)\n"
    "        assert cell['cache'] == 'warm' and len(cell['seconds']) == 2, cell\n"
    "        assert 0 < cell['minimum'] <= cell['median'] <= max(cell['seconds']), cell\n"
    "        assert cell['peak_memory'] > 100000 and len(cell['user']) == 2, cell\n"
    "        assert program != 'sequential' or cell['speed_up'] == 1, cell\n"
    "    if operation.startswith('copy'):\n"
    "        choice = data['choices'][operation]\n"
    "        assert choice['files'] == sum(w['files'] for w in choice['ways']) > 0, choice\n"
    "        assert choice['bytes'] == sum(w['bytes'] for w in choice['ways']) > 0, choice\n"
    "        assert all(w['method'] and w['reason'] for w in choice['ways']), choice\n"
    "        assert choice['jobs_most'] >= 1 and choice['jobs_wanted'] >= 1, choice\n"
    "assert not any('failure' in r for r in data['results'])\n";

static const char check_plots[] =
    "import os, sys, xml.etree.ElementTree as tree\n"
    "names = sorted(os.listdir(sys.argv[1]))\n"
    "assert names == ['memory-warm.svg', 'speed-up-warm.svg', 'time-warm.svg'], names\n"
    "for name in names:\n"
    "    root = tree.parse(os.path.join(sys.argv[1], name)).getroot()\n"
    "    space = '{http://www.w3.org/2000/svg}'\n"
    "    texts = [t.text for t in root.iter(space + 'text')]\n"
    "    assert root.tag == space + 'svg' and root.find(space + 'title').text == texts[0]\n"
    "    assert 'tug' in texts and len(list(root.iter(space + 'rect'))) > 12, texts\n"
    "    width, height = (float(root.get(a)) for a in ('width', 'height'))\n"
    "    for bar in root.iter(space + 'rect'):\n"
    "        assert float(bar.get('width')) > 0\n"
    "        assert 0 <= float(bar.get('x')) + float(bar.get('width')) <= width\n"
    "        assert 0 <= float(bar.get('y')) + float(bar.get('height')) <= height\n";

static void test_report(void **state)
{
    (void)state;
    fixture_make_dir("here", 0755);
    command_init(&command);
    command_run(&command, "bench", "--scale=0.01", "--large=1M", "--rounds=2", "--cache=warm",
                "--output=report.md", "--plots=plots", "--json=report.json", "here", NULL);
    assert_string_equal(command.error_text, "");
    assert_string_equal(command.output_text, "");
    assert_int_equal(command_exit_status(&command), 0);
    assert_true(is_empty("here"));
    python(check_json, "report.json");
    python(check_plots, "plots");
    char *report = fixture_read("report.md");
    static const char *const parts[] = {
        "copy 10 files of 16 KiB",
        "20 levels deep",
        "100 files in 1 directory",
        "file of 1 MiB",
        "walk over",
        "100 reads",
        "same file system",
        "delete",
        "plots/speed-up-warm.svg",
        "kernel",
        "| `cp -r` |",
        "peak memory",
        "What tug chose",
    };
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        assert_contains(report, parts[i]);
    free(report);
}

/* Only what was asked for; the report on standard output. */
static void test_only(void **state)
{
    (void)state;
    fixture_make_dir("here", 0755);
    command_init(&command);
    command_run(&command, "bench", "--scale=0.01", "--rounds=1", "--cache=warm",
                "--only=walk,delete", "here", NULL);
    assert_int_equal(command_exit_status(&command), 0);
    assert_contains(command.output_text, "walk over");
    assert_contains(command.output_text, "delete 100 files");
    assert_null(strstr(command.output_text, "copy 10 files"));
    assert_true(is_empty("here"));
}

static void assert_refused(const char *option, const char *message)
{
    command_init(&command);
    command_run(&command, "bench", option, "here", NULL);
    assert_int_equal(command_exit_status(&command), 1);
    assert_contains(command.error_text, message);
    assert_string_equal(command.output_text, "");
    assert_true(is_empty("here"));
}

static void test_refuses(void **state)
{
    (void)state;
    fixture_make_dir("here", 0755);
    fixture_make_file("file", 0644, 1, 1);
    assert_refused("--rounds=0", "rounds");
    assert_refused("--rounds=100", "rounds");
    assert_refused("--rounds=2x", "rounds");
    assert_refused("--scale=0", "scale");
    assert_refused("--scale=nan", "scale");
    assert_refused("--large=1Q", "size");
    assert_refused("--large=100", "size");
    assert_refused("--cache=hot", "cache");
    assert_refused("--only=walk,fly", "walk,fly");
    assert_refused("--only=move-across", "--other");
    assert_refused("--other=here", "same file system");
    assert_refused("--other=missing", "No such file");
    assert_refused("--json=-", "standard output");
    assert_refused("--json=missing/report.json", "missing/report.json");
    assert_refused("--no-such-option", "--help");
    /* Nothing has so much room; nothing is begun. */
    assert_refused("--large=16T", "not enough room");
    command_init(&command);
    command_run(&command, "bench", "missing", NULL);
    assert_int_equal(command_exit_status(&command), 1);
    assert_contains(command.error_text, "'missing': No such file or directory");
    command_run(&command, "bench", "file", NULL);
    assert_int_equal(command_exit_status(&command), 1);
    assert_contains(command.error_text, "'file': Not a directory");
}

static void run_unwritable(void)
{
    command_init(&command);
    command_run(&command, "bench", "--output=/dev/null", "--large=4K", "closed", NULL);
    assert_int_equal(command_exit_status(&command), 1);
    assert_contains(command.error_text, "'closed': Permission denied");
}

static void test_not_writable(void **state)
{
    (void)state;
    fixture_make_dir("closed", 0555);
    fixture_run_as_nobody(run_unwritable);
    assert_true(is_empty("closed"));
}

/* ---- Tools ---- */

/* A directory for $PATH that holds one tool alone. */
static void use_path(void)
{
    setenv("PATH", fixture_text("%s/bin", getenv("PWD")), 1);
}

static void make_tool(const char *name, const char *script)
{
    fixture_make_dir("bin", 0755);
    const char *path = fixture_text("bin/%s", name);
    fixture_make_text(path, script);
    assert_int_equal(chmod(path, 0755), 0);
    char directory[4096];
    assert_non_null(getcwd(directory, sizeof(directory)));
    setenv("PWD", directory, 1);
}

static void run_with_tool(void)
{
    static const char *const arguments[] = {"tug",
                                            "bench",
                                            "--scale=0.01",
                                            "--large=1M",
                                            "--rounds=2",
                                            "--only=copy-files,delete",
                                            "--cache=warm",
                                            "--json=r.json",
                                            "-oreport.md",
                                            "here",
                                            NULL};
    fixture_make_dir("here", 0755);
    command_init(&command);
    command.prepare = use_path;
    command_start(&command, arguments);
    command_wait(&command);
    assert_true(is_empty("here"));
}

/* A tool that fails is named, its row is left empty, and the rest is measured. */
static void test_tool_fails(void **state)
{
    (void)state;
    make_tool("fcp", "#!/bin/sh\n[ \"$1\" = --version ] && echo 'fcp 7' && exit\n"
                     "echo 'the disk is \"sad\"' >&2\nexit 3\n");
    run_with_tool();
    assert_int_equal(command_exit_status(&command), 1);
    assert_contains(command.error_text, "fcp failed: copy-files: the disk is \"sad\"");
    char *report = fixture_read("report.md");
    assert_contains(report, "| `fcp` | failed: the disk is \"sad\" |");
    assert_contains(report, "- fcp: fcp 7");
    assert_contains(report, "not installed, and so left out: ");
    assert_contains(report, "cp, find, mv, rm, rsync, cpz");
    free(report);
    python("import json, sys\n"
           "rows = json.load(open(sys.argv[1]))['results']\n"
           "row = [r for r in rows if r['program'] == 'fcp'][0]\n"
           "assert row['failure'] == 'the disk is \"sad\"' and 'median' not in row\n"
           "assert any(r['program'] == 'tug' and len(r['seconds']) == 2 for r in rows)\n",
           "r.json");
}

/* One that says it has copied, and has not, is found out. */
static void test_tool_lies(void **state)
{
    (void)state;
    make_tool("cpz", "#!/bin/sh\n/bin/cp -r \"$1\" \"$2\" && : >\"$2/file00003\"\n");
    run_with_tool();
    assert_int_equal(command_exit_status(&command), 1);
    assert_contains(command.error_text,
                    "cpz failed: copy-files: the copy is not equal to its source: file00003");
}

static void test_tool_adds(void **state)
{
    (void)state;
    make_tool("cpz", "#!/bin/sh\n/bin/cp -r \"$1\" \"$2\" && : >\"$2/more\"\n");
    run_with_tool();
    assert_int_equal(command_exit_status(&command), 1);
    assert_contains(command.error_text, "the copy has more entries");
}

static void test_tool_leaves(void **state)
{
    (void)state;
    make_tool("rmz", "#!/bin/sh\nexit 0\n");
    run_with_tool();
    assert_int_equal(command_exit_status(&command), 1);
    assert_contains(command.error_text, "rmz failed: delete: it left something");
}

/* ---- Ends before the end ---- */

static const char *const long_run[] = {"tug",         "bench",       "--scale=0.05",
                                       "--large=4M",  "--rounds=99", "--cache=warm",
                                       "-oreport.md", "here",        NULL};

static void interrupt(int number, unsigned after)
{
    command_init(&command);
    command_start(&command, long_run);
    usleep(after);
    kill(command.child, number);
    command_wait(&command);
    assert_true(WIFSIGNALED(command.status));
    assert_int_equal(WTERMSIG(command.status), number);
    assert_true(is_empty("here"));
}

static void test_interrupted(void **state)
{
    (void)state;
    fixture_make_dir("here", 0755);
    interrupt(SIGINT, 300000);
    interrupt(SIGTERM, 700000);
    interrupt(SIGHUP, 1200000);
}

/* Ctrl-C while a tool runs that does not end by itself: it ends, and what it has started does. */
static void test_interrupted_in_tool(void **state)
{
    (void)state;
    static const char *const arguments[] = {
        "tug",          "bench",       "--scale=0.01", "--rounds=1", "--only=copy-files",
        "--cache=warm", "-oreport.md", "here",         NULL};
    make_tool("fcp", "#!/bin/sh\n[ \"$1\" = --version ] && exit\n"
                     "/bin/sleep 1000 & : >\"${0%/bin/fcp}/started\"; /bin/sleep 1000\n");
    fixture_make_dir("here", 0755);
    command_init(&command);
    command.prepare = use_path;
    command_start(&command, arguments);
    while (!fixture_exists("started"))
        usleep(1000);
    kill(command.child, SIGINT);
    command_wait(&command);
    assert_true(WIFSIGNALED(command.status));
    assert_true(is_empty("here"));
}

/* In a mount namespace of its own, with 16 MiB at "small". */
static void in_small_disk(void (*fn)(void))
{
    int status;
    fixture_make_dir("small", 0755);
    pid_t child = fork();
    if (child == 0) {
        if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
            mount("small", "small", "tmpfs", 0, "size=16m,mode=755") != 0)
            _exit(77);
        fn();
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77)
        skip();
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void run_without_room(void)
{
    command_init(&command);
    command_run(&command, "bench", "--output=/dev/null", "--large=32M", "small", NULL);
    if (command_exit_status(&command) != 1 ||
        strstr(command.error_text, "'small': not enough room: ") == NULL || !is_empty("small"))
        _exit(1);
}

/* The room is there when it is checked, and gone when it is needed: the one tool takes it. */
static void run_filling(void)
{
    static const char *const arguments[] = {"tug",
                                            "bench",
                                            "--scale=0.01",
                                            "--rounds=1",
                                            "--only=copy-files,copy-deep",
                                            "--cache=warm",
                                            "--output=/dev/null",
                                            "small",
                                            NULL};
    command_init(&command);
    command.prepare = use_path;
    command_start(&command, arguments);
    command_wait(&command);
    if (command_exit_status(&command) != 1 || !is_empty("small") ||
        strstr(command.error_text, "No space left on device") == NULL) {
        fputs(command.error_text, stderr);
        _exit(1);
    }
}

static void test_full_disk(void **state)
{
    (void)state;
    in_small_disk(run_without_room);
}

static void test_disk_fills_up(void **state)
{
    (void)state;
    make_tool("fcp", "#!/bin/sh\n[ \"$1\" = --version ] && exit\n"
                     "/bin/dd if=/dev/zero of=\"$2.filler\" bs=64k 2>/dev/null\n"
                     "/bin/cp -r \"$1\" \"$2\"\n");
    in_small_disk(run_filling);
}

/* Nothing is left on either file system. */
static void run_across(void)
{
    command_init(&command);
    command_run(&command, "bench", "--scale=0.01", "--rounds=2", "--cache=warm",
                "--only=move-across", "--other=small", "--json=r.json", "here", NULL);
    if (command_exit_status(&command) != 0 || !is_empty("small") || !is_empty("here") ||
        strstr(command.output_text, "to another file system") == NULL ||
        strstr(command.output_text, "other file system | tmpfs") == NULL) {
        fputs(command.error_text, stderr);
        _exit(1);
    }
}

static void test_move_across(void **state)
{
    (void)state;
    fixture_make_dir("here", 0755);
    in_small_disk(run_across);
    python("import json, sys\n"
           "data = json.load(open(sys.argv[1]))\n"
           "assert data['other_file_system']['type'] == 'tmpfs'\n"
           "times = {r['program']: r.get('seconds') for r in data['results']}\n"
           "assert len(times['tug']) == 2 and len(times['sequential']) == 2, times\n",
           "r.json");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_report),      FIXTURE_TEST(test_only),
        FIXTURE_TEST(test_refuses),     FIXTURE_TEST(test_not_writable),
        FIXTURE_TEST(test_tool_fails),  FIXTURE_TEST(test_tool_lies),
        FIXTURE_TEST(test_tool_adds),   FIXTURE_TEST(test_tool_leaves),
        FIXTURE_TEST(test_interrupted), FIXTURE_TEST(test_interrupted_in_tool),
        FIXTURE_TEST(test_full_disk),   FIXTURE_TEST(test_disk_fills_up),
        FIXTURE_TEST(test_move_across),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
