/* SPDX-License-Identifier: MIT */
/*
 * `tug rm` beside GNU rm: on trees that are alike both say the same, on either stream, ask the same
 * questions, leave the same, and end with the same status. Where rm(1) is not that of coreutils 9,
 * these comparisons are skipped.
 */
#include "../copy/fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "command.h"

static struct command command, peer;

static int enter(void **state)
{
    command_init(&command);
    command_init(&peer);
    return fixture_enter(state);
}

/* ---- Both commands ---- */

static bool have_peer(void)
{
    char version[64] = "";
    FILE *stream = popen("rm --version", "r");
    assert_non_null(stream);
    bool read = fgets(version, sizeof(version), stream) != NULL;
    pclose(stream);
    return read && strstr(version, "(GNU coreutils) 9.") != NULL;
}

static const char *place;

static void enter_place(void)
{
    setenv("LC_ALL", "C", 1);
    if (chdir(place) != 0)
        _exit(126);
}

/* What standard input is: text, or a terminal on which somebody types it. */
static int open_input(const char *text, bool terminal, int *master)
{
    int fds[2];
    *master = -1;
    if (!terminal) {
        assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
        assert_int_equal(write(fds[1], text, strlen(text)), strlen(text));
        close(fds[1]);
        return fds[0];
    }
    struct termios modes;
    assert_int_equal(openpty(master, &fds[0], NULL, NULL, NULL), 0);
    assert_int_equal(tcgetattr(fds[0], &modes), 0);
    modes.c_lflag &= ~(tcflag_t)ECHO;
    assert_int_equal(tcsetattr(fds[0], TCSANOW, &modes), 0);
    assert_int_equal(write(*master, text, strlen(text)), strlen(text));
    return fds[0];
}

static void run_in(struct command *run, const char *path, const char *directory,
                   const char *const *arguments, const char *input, bool terminal)
{
    int master;
    const char *tug = getenv("TUG_COMMAND");
    char saved[4096];
    snprintf(saved, sizeof(saved), "%s", tug);
    command_init(run);
    run->prepare = enter_place;
    run->input = open_input(input, terminal, &master);
    place = directory;
    setenv("TUG_COMMAND", path, 1);
    command_start(run, arguments);
    command_wait(run);
    setenv("TUG_COMMAND", saved, 1);
    close(run->input);
    if (master >= 0)
        close(master);
}

static int compare_lines(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The order of what -v says is that of the directory for one, and of the work for the other. */
static void sort_lines(char *text)
{
    char *copy = strdup(text), *lines[256];
    size_t count = 0;
    for (char *line = strtok(copy, "\n"); line != NULL && count < 256; line = strtok(NULL, "\n"))
        lines[count++] = line;
    qsort(lines, count, sizeof(lines[0]), compare_lines);
    for (size_t i = 0; i < count; i++)
        text = stpcpy(stpcpy(text, lines[i]), "\n");
    free(copy);
}

/* A list of all that is in a directory. */
static void list(const char *directory, char *text, size_t size)
{
    FILE *stream = popen(fixture_text("cd %s && find . 2>/dev/null | sort", directory), "r");
    assert_non_null(stream);
    size_t length = fread(text, 1, size - 1, stream);
    text[length] = '\0';
    pclose(stream);
}

struct scene {
    void (*make)(const char *directory);
    void (*clean)(const char *directory); /* may be NULL */
    const char *arguments[7];
    const char *input;
    bool terminal;
};

static void empty(const char *directory)
{
    fixture_remove(directory);
    assert_false(fixture_exists(directory));
}

static void compare(const struct scene *scene)
{
    static char left[2][65536];
    const char *ours[10] = {"tug", "rm"}, *theirs[10] = {"tug rm"};
    for (unsigned i = 0; i < 7 && scene->arguments[i] != NULL; i++)
        ours[2 + i] = theirs[1 + i] = scene->arguments[i];
    const char *input = scene->input != NULL ? scene->input : "";
    for (unsigned i = 0; i < 2; i++) {
        const char *directory = i == 0 ? "theirs" : "ours";
        fixture_make_dir(directory, 0755);
        scene->make(directory);
        if (i == 0)
            run_in(&peer, "/bin/rm", directory, theirs, input, scene->terminal);
        else
            run_in(&command, getenv("TUG_COMMAND"), directory, ours, input, scene->terminal);
        list(directory, left[i], sizeof(left[i]));
        if (scene->clean != NULL)
            scene->clean(directory);
        empty(directory);
    }
    sort_lines(peer.output_text);
    sort_lines(command.output_text);
    if (strcmp(command.error_text, peer.error_text) != 0 ||
        strcmp(command.output_text, peer.output_text) != 0 || command.status != peer.status ||
        strcmp(left[0], left[1]) != 0) {
        print_error("with");
        for (unsigned i = 2; ours[i] != NULL; i++)
            print_error(" '%s'", ours[i]);
        print_error("\n");
    }
    assert_string_equal(command.error_text, peer.error_text);
    assert_string_equal(command.output_text, peer.output_text);
    assert_int_equal(command.status, peer.status);
    assert_string_equal(left[1], left[0]);
}

/* ---- Scenes ---- */

static void make_things(const char *directory)
{
    assert_int_equal(chdir(directory), 0);
    fixture_make_dir("d", 0755);
    fixture_make_dir("d/s", 0755);
    fixture_make_text("d/f", "x");
    fixture_make_dir("e", 0755);
    fixture_make_dir("t", 0755);
    fixture_make_text("t/in", "");
    fixture_make_text("f", "y");
    fixture_make_text("z", "");
    fixture_make_text("-foo", "");
    fixture_make_text("-b c", "");
    fixture_make_text("n\xff\xfe\no", "");
    fixture_make_text("it's", "");
    fixture_make_link("t", "ld");
    fixture_make_link("nowhere", "dl");
    fixture_make_fifo("ff", 0644);
    assert_int_equal(chdir(".."), 0);
}

#define YES "y\ny\ny\ny\ny\ny\ny\ny\n"
#define NO "n\nn\nn\nn\nn\n"

static const struct scene scenes[] = {
    {make_things, NULL, {NULL}, NULL, false},
    {make_things, NULL, {"-f"}, NULL, false},
    {make_things, NULL, {"no"}, NULL, false},
    {make_things, NULL, {"-f", "no"}, NULL, false},
    {make_things, NULL, {"-fi", "no"}, NULL, false},
    {make_things, NULL, {"-if", "no", "f"}, NULL, false},
    {make_things, NULL, {"-v", "f", "no", "z"}, NULL, false},
    {make_things, NULL, {"d"}, NULL, false},
    {make_things, NULL, {"-d", "d"}, NULL, false},
    {make_things, NULL, {"-dv", "e"}, NULL, false},
    {make_things, NULL, {"-dv", "e///"}, NULL, false},
    {make_things, NULL, {"-dv", "d/s", "e", "d"}, NULL, false},
    {make_things, NULL, {"-rv", "d"}, NULL, false},
    {make_things, NULL, {"-Rv", "d/"}, NULL, false},
    {make_things, NULL, {"-rvd", "d//"}, NULL, false},
    {make_things, NULL, {"--recursive", "--verbose", "d", "f", "t"}, NULL, false},
    {make_things, NULL, {"-rv", "n\xff\xfe\no", "it's"}, NULL, false},
    {make_things, NULL, {"-v", "ld"}, NULL, false},
    {make_things, NULL, {"-r", "ld"}, NULL, false},
    {make_things, NULL, {"ld/"}, NULL, false},
    {make_things, NULL, {"-r", "dl/"}, NULL, false},
    {make_things, NULL, {"-v", "dl", "ff"}, NULL, false},
    {make_things, NULL, {"-v", "f", "f"}, NULL, false},
    {make_things, NULL, {"f/"}, NULL, false},
    {make_things, NULL, {"-f", "f/"}, NULL, false},
    {make_things, NULL, {"f/such"}, NULL, false},
    {make_things, NULL, {"-f", "f/such", "no/such"}, NULL, false},
    {make_things, NULL, {"."}, NULL, false},
    {make_things, NULL, {"-r", "."}, NULL, false},
    {make_things, NULL, {"-rf", "./"}, NULL, false},
    {make_things, NULL, {"-d", "."}, NULL, false},
    {make_things, NULL, {"-d", ".."}, NULL, false},
    {make_things, NULL, {"-r", ".."}, NULL, false},
    {make_things, NULL, {"-r", "d/.", "d/..", "d/../"}, NULL, false},
    {make_things, NULL, {""}, NULL, false},
    {make_things, NULL, {"-f", ""}, NULL, false},
    {make_things, NULL, {"/"}, NULL, false},
    {make_things, NULL, {"--bogus"}, NULL, false},
    {make_things, NULL, {"-q"}, NULL, false},
    {make_things, NULL, {"-foo"}, NULL, false},
    {make_things, NULL, {"--", "-foo"}, NULL, false},
    {make_things, NULL, {"--no-preserve-roo", "f"}, NULL, false},
    {make_things, NULL, {"--preserve-root=al", "f"}, NULL, false},
    {make_things, NULL, {"--interactive=bogus", "f"}, NULL, false},
    {make_things, NULL, {"--interactive=", "f"}, NULL, false},
    {make_things, NULL, {"--interactive=never", "-v", "f"}, NULL, false},
    {make_things, NULL, {"--interactive=al", "-v", "f"}, YES, false},
    {make_things, NULL, {"-i", "f", "z", "ff", "dl", "ld"}, YES, false},
    {make_things, NULL, {"-i", "f", "z"}, NO, false},
    {make_things, NULL, {"-i", "f", "z", "ff", "dl"}, "yes\nY\nno\n y\n", false},
    {make_things, NULL, {"-i", "f"}, "", false},
    {make_things, NULL, {"-i", "no", "f"}, YES, false},
    {make_things, NULL, {"-i", "d"}, YES, false},
    {make_things, NULL, {"-i", "f/"}, YES, false},
    {make_things, NULL, {"-di", "e"}, YES, false},
    {make_things, NULL, {"-di", "d"}, YES, false},
    {make_things, NULL, {"-di", "e"}, NO, false},
    {make_things, NULL, {"-riv", "d", "e"}, YES, false},
    {make_things, NULL, {"-ri", "e", "d"}, NO, false},
    {make_things, NULL, {"-ri", "d"}, "y\nn\ny\ny\n", false},
    {make_things, NULL, {"-ri", "d"}, "y\ny\nn\ny\n", false},
    {make_things, NULL, {"-ri", "d", "d"}, YES, false},
    {make_things, NULL, {"-ri", "."}, YES, false},
    {make_things, NULL, {"-rif", "d"}, NO, false},
    {make_things, NULL, {"-fi", "f", "z"}, YES, false},
    {make_things, NULL, {"-I", "f", "z", "ff"}, NO, false},
    {make_things, NULL, {"-I", "f", "z", "ff", "dl"}, NO, false},
    {make_things, NULL, {"-Iv", "f", "z", "ff", "dl"}, YES, false},
    {make_things, NULL, {"-rI", "d"}, NO, false},
    {make_things, NULL, {"-rI", "d", "f"}, YES, false},
    {make_things, NULL, {"-rv", "d", "e", "t", "f", "z"}, "", true},
};

static void test_as_rm(void **state)
{
    (void)state;
    if (!have_peer())
        skip();
    for (size_t i = 0; i < sizeof(scenes) / sizeof(scenes[0]); i++)
        compare(&scenes[i]);
}

/* ---- Permissions ---- */

static void make_protected(const char *directory)
{
    assert_int_equal(chdir(directory), 0);
    fixture_make_text("f", "text");
    fixture_make_text("z", "");
    assert_int_equal(chmod("f", 0444) | chmod("z", 0444), 0);
    fixture_make_link("f", "link");
    fixture_make_dir("d", 0755);
    fixture_make_text("d/f", "x");
    assert_int_equal(chmod("d/f", 0), 0);
    fixture_make_dir("unreadable", 0755);
    fixture_make_text("unreadable/f", "x");
    assert_int_equal(chmod("unreadable", 0300), 0);
    fixture_make_dir("closed", 0);
    fixture_make_dir("top", 0755);
    fixture_make_dir("top/fixed", 0755);
    fixture_make_dir("top/fixed/s", 0755);
    fixture_make_text("top/fixed/f", "x");
    fixture_make_text("top/loose", "x");
    assert_int_equal(chmod("top/fixed", 0555), 0);
    assert_int_equal(chdir(".."), 0);
}

static void unprotect(const char *directory)
{
    chmod(fixture_text("%s/unreadable", directory), 0755);
    chmod(fixture_text("%s/closed", directory), 0755);
    chmod(fixture_text("%s/top/fixed", directory), 0755);
}

static const struct scene protected_scenes[] = {
    {make_protected, unprotect, {"-rv", "d"}, NULL, false},
    {make_protected, unprotect, {"-rv", "unreadable"}, NULL, false},
    {make_protected, unprotect, {"-rf", "unreadable"}, NULL, false},
    {make_protected, unprotect, {"-rv", "closed"}, NULL, false},
    {make_protected, unprotect, {"-v", "top/fixed/f"}, NULL, false},
    {make_protected, unprotect, {"-f", "top/fixed/f", "top/fixed/no"}, NULL, false},
    {make_protected, unprotect, {"-d", "top/fixed/s"}, NULL, false},
    {make_protected, unprotect, {"-r", "top/fixed/s"}, NULL, false},
    {make_protected, unprotect, {"top/fixed"}, NULL, false},
    {make_protected, unprotect, {"-v", "f", "z", "link"}, NULL, false},
    {make_protected, unprotect, {"-v", "f", "z", "link"}, "y\nn\n", true},
    {make_protected, unprotect, {"-v", "f", "z"}, NO, true},
    {make_protected, unprotect, {"-vf", "f", "z"}, "", true},
    {make_protected, unprotect, {"-v", "--interactive=never", "f"}, "", true},
    {make_protected, unprotect, {"-i", "f", "link"}, YES, false},
    {make_protected, unprotect, {"-rv", "d"}, YES, true},
    {make_protected, unprotect, {"-rv", "d"}, NO, true},
    {make_protected, unprotect, {"-r", "top/fixed"}, NO, true},
};

static void compare_protected(void)
{
    assert_int_equal(mkdir("mine", 0755), 0);
    assert_int_equal(chdir("mine"), 0);
    for (size_t i = 0; i < sizeof(protected_scenes) / sizeof(protected_scenes[0]); i++)
        compare(&protected_scenes[i]);
}

static void test_as_rm_without_permission(void **state)
{
    (void)state;
    if (!have_peer())
        skip();
    fixture_run_as_nobody(compare_protected);
}

/* ---- Other file systems ---- */

static void make_mounts(const char *directory)
{
    make_things(directory);
    fixture_make_dir(fixture_text("%s/m", directory), 0755);
    fixture_make_dir(fixture_text("%s/d/s/m", directory), 0755);
    if (mount("none", fixture_text("%s/m", directory), "tmpfs", 0, "size=1m") != 0 ||
        mount("none", fixture_text("%s/d/s/m", directory), "tmpfs", 0, "size=1m") != 0)
        _exit(77);
    fixture_make_text(fixture_text("%s/m/f", directory), "x");
    fixture_make_text(fixture_text("%s/d/s/m/f", directory), "x");
}

static void unmount(const char *directory)
{
    umount2(fixture_text("%s/m", directory), MNT_DETACH);
    umount2(fixture_text("%s/d/s/m", directory), MNT_DETACH);
}

static const struct scene mount_scenes[] = {
    {make_mounts, unmount, {"-rv", "--one-file-system", "d"}, NULL, false},
    {make_mounts, unmount, {"-rv", "--preserve-root=all", "m", "f"}, NULL, false},
    {make_mounts, unmount, {"-rv", "--preserve-root", "m"}, NULL, false},
    {make_mounts, unmount, {"-rv", "d"}, NULL, false},
};

/* In a mount namespace of its own, which goes with the process. */
static void test_as_rm_with_mounts(void **state)
{
    int status;
    (void)state;
    if (!have_peer())
        skip();
    pid_t child = fork();
    if (child == 0) {
        if (geteuid() != 0 || unshare(CLONE_NEWNS) != 0 ||
            mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
            _exit(77);
        for (size_t i = 0; i < sizeof(mount_scenes) / sizeof(mount_scenes[0]); i++)
            compare(&mount_scenes[i]);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
        skip();
    assert_int_equal(status, 0);
}

/* ---- What rm(1) does not have, or does otherwise ---- */

static void enter_things(void)
{
    fixture_make_dir("things", 0755);
    make_things("things");
    assert_int_equal(chdir("things"), 0);
}

/* To rm(1), what cannot be read is not empty. */
static void remove_unreadable(void)
{
    assert_int_equal(mkdir("mine", 0755), 0);
    assert_int_equal(mkdir("mine/closed", 0), 0);
    command_run(&command, "rm", "-d", "mine/closed", NULL);
    assert_string_equal(command.error_text, "");
    assert_int_equal(command_exit_status(&command), 0);
}

static void test_empty_and_unreadable(void **state)
{
    (void)state;
    fixture_run_as_nobody(remove_unreadable);
}

static void test_link_with_slash(void **state)
{
    (void)state;
    enter_things();
    command_run(&command, "rm", "-rf", "ld/", NULL);
    assert_string_equal(command.error_text, "tug rm: cannot remove 'ld/': Not a directory\n");
    assert_int_equal(command_exit_status(&command), 1);
    assert_true(fixture_exists("t/in"));
}

static void write_list(const char *path, const char *text, size_t length)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    assert_int_equal(write(fd, text, length), length);
    close(fd);
}

static void test_list(void **state)
{
    (void)state;
    enter_things();
    /* The last name needs no end. */
    write_list("list", "f\0n\xff\xfe\no\0no\0d\0z", 14);
    command_run(&command, "rm", "-v", "--files0-from=list", NULL);
    sort_lines(command.output_text);
    assert_string_equal(command.output_text,
                        "removed 'f'\nremoved 'n'$'\\377\\376\\n''o'\nremoved 'z'\n");
    assert_int_equal(command_exit_status(&command), 1);
    assert_non_null(strstr(command.error_text, "tug rm: cannot remove 'd': Is a directory\n"));
    assert_non_null(strstr(command.error_text, "cannot remove 'no': No such file or directory\n"));
    command_init(&command);
    command_run(&command, "rm", "--files0-from=list", "ff", NULL);
    assert_string_equal(command.error_text, "tug rm: extra operand 'ff'\n"
                                            "file operands cannot be combined with --files0-from\n"
                                            "Try 'tug rm --help' for more information.\n");
    command_init(&command);
    command_run(&command, "rm", "--files0-from=none", NULL);
    assert_string_equal(command.error_text, "tug rm: none: No such file or directory\n");
    assert_int_equal(command_exit_status(&command), 1);
    write_list("list", "", 0);
    command_init(&command);
    command_run(&command, "rm", "--files0-from=list", NULL);
    assert_int_equal(command_exit_status(&command), 0);
}

/* More than is read at a time, through a pipe. */
static void test_long_list(void **state)
{
    enum { COUNT = 20000 };
    (void)state;
    int fds[2];
    fixture_make_dir("a directory with a name that makes the list long enough for the test", 0755);
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    pid_t child = fork();
    if (child == 0) {
        /* If the command ends early, this end is the last one. */
        close(fds[0]);
        FILE *stream = fdopen(fds[1], "w");
        for (unsigned i = 0; i < COUNT; i++) {
            const char *name = fixture_text(
                "a directory with a name that makes the list long enough for the test/%u", i);
            close(open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
            fwrite(name, 1, strlen(name) + 1, stream);
        }
        fclose(stream);
        _exit(0);
    }
    close(fds[1]);
    command.input = fds[0];
    command_run(&command, "rm", "--files0-from=-", NULL);
    close(fds[0]);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_string_equal(command.error_text, "");
    assert_int_equal(command_exit_status(&command), 0);
    /* It is empty. */
    assert_int_equal(rmdir("a directory with a name that makes the list long enough for the test"),
                     0);
}

static void test_output_fails(void **state)
{
    (void)state;
    fixture_make_text("f", "");
    command.output = open("/dev/full", O_WRONLY | O_CLOEXEC);
    command_run(&command, "rm", "-v", "f", NULL);
    close(command.output);
    assert_string_equal(command.error_text, "tug rm: write error: No space left on device\n");
    assert_int_equal(command_exit_status(&command), 1);
    assert_false(fixture_exists("f"));
}

/* ---- Signals ---- */

static void test_interrupted_at_random_moments(void **state)
{
    const char *const arguments[] = {"tug", "rm", "-r", "tree", NULL};
    unsigned seed = (unsigned)time(NULL), died = 0;
    (void)state;
    print_message("seed %u\n", seed);
    srand(seed);
    fixture_make_tree("reference");
    for (unsigned i = 0; i < 20; i++) {
        if (!fixture_exists("tree")) {
            fixture_make_tree("tree");
            for (unsigned k = 0; k < 100; k++) {
                fixture_make_dir(fixture_text("tree/%u", k), 0755);
                for (unsigned n = 0; n < 10; n++)
                    fixture_make_text(fixture_text("tree/%u/%u", k, n), "text");
            }
        }
        command_init(&command);
        command_start(&command, arguments);
        usleep((unsigned)rand() % 20000);
        kill(command.child, i % 2 == 0 ? SIGINT : SIGTERM);
        command_wait(&command);
        assert_string_equal(command.error_text, "");
        died += WIFSIGNALED(command.status);
        if (!WIFSIGNALED(command.status))
            assert_int_equal(command_exit_status(&command), 0);
        assert_true(WIFSIGNALED(command.status) || !fixture_exists("tree"));
    }
    print_message("%u of 20 were interrupted\n", died);
    assert_true(died > 0);
}

static void test_fail_fast(void **state)
{
    (void)state;
    fixture_make_text("a", "a");
    command_run(&command, "rm", "--fail-fast", "-j1", "missing", "a", NULL);
    assert_int_equal(command_exit_status(&command), 1);
    assert_string_equal(command.error_text,
                        "tug rm: cannot remove 'missing': No such file or directory\n");
    assert_true(fixture_exists("a"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_fail_fast, enter, fixture_leave),
        cmocka_unit_test_setup_teardown(test_as_rm, enter, fixture_leave),
        cmocka_unit_test_setup_teardown(test_as_rm_without_permission, enter, fixture_leave),
        cmocka_unit_test_setup_teardown(test_as_rm_with_mounts, enter, fixture_leave),
        cmocka_unit_test_setup_teardown(test_link_with_slash, enter, fixture_leave),
        cmocka_unit_test_setup_teardown(test_empty_and_unreadable, enter, fixture_leave),
        cmocka_unit_test_setup_teardown(test_list, enter, fixture_leave),
        cmocka_unit_test_setup_teardown(test_long_list, enter, fixture_leave),
        cmocka_unit_test_setup_teardown(test_output_fails, enter, fixture_leave),
        cmocka_unit_test_setup_teardown(test_interrupted_at_random_moments, enter, fixture_leave),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
