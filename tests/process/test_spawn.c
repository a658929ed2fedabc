/* SPDX-License-Identifier: MIT */
/*
 * What a child is given, and what it is not; why it could not be started.
 */
#include "children.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>

static void make_file(const char *name, const char *text, mode_t mode)
{
    int fd = open(children_path(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    CHECK(fd >= 0);
    CHECK_EQUAL(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

/* ---- What it is given ---- */

static int64_t arguments(void *unused)
{
    (void)unused;
    char *list[] = {"name", "-c", "printf '<%s>' \"$0\" \"$@\"", "zero", "", "a b", NULL};
    struct tug_process_options options;
    tug_process_options_init(&options, list);
    options.program = "sh";
    expect_output(&options, "<zero><><a b>");
    char *by_path[] = {"/bin/echo", "-n", "it", NULL};
    tug_process_options_init(&options, by_path);
    expect_output(&options, "it");
    return 0;
}

static int64_t environment(void *unused)
{
    (void)unused;
    char *list[] = {"TUG_ONE=1", "TUG_TWO=", NULL}, *empty[] = {NULL};
    CHECK_EQUAL(setenv("TUG_THREE", "3", 1), 0);
    struct tug_process_options options = shell("echo $TUG_ONE-${TUG_TWO-unset}-$TUG_THREE");
    expect_output(&options, "-unset-3\n");
    options.environment = list;
    expect_output(&options, "1--\n");
    options.environment = empty;
    expect_output(&options, "-unset-\n");
    return 0;
}

static int64_t working_directory(void *unused)
{
    (void)unused;
    char expected[80];
    struct tug_process_options options = shell("pwd -P");
    options.directory = children_directory;
    snprintf(expected, sizeof(expected), "%s\n", children_directory);
    expect_output(&options, expected);
    /* A path of the program begins there. */
    make_file("program", "#!/bin/sh\necho here\n", 0755);
    options.program = "./program";
    expect_output(&options, "here\n");
    return 0;
}

/* Fields of /proc/self/stat: id, name, state, parent, group, session. */
static void group_and_session(const struct tug_process_options *options, int *id, int *group,
                              int *session)
{
    struct tug_process_output result;
    CHECK_EQUAL(tug_process_output(&result, options, NULL, 0, 4096), 0);
    CHECK_EQUAL(sscanf(result.output, "%d (cat) R %*d %d %d", id, group, session), 3);
    free(result.output);
    free(result.error);
}

static int64_t groups(void *unused)
{
    (void)unused;
    int id, group, session;
    struct tug_process leader;
    struct tug_process_options options = shell("read line");
    options.input.kind = TUG_STDIO_PIPE;
    options.group = TUG_PROCESS_NEW_GROUP;
    CHECK_EQUAL(tug_process_spawn(&leader, &options), 0);
    CHECK_EQUAL(getpgid(tug_process_id(&leader)), tug_process_id(&leader));

    options = shell("exec cat /proc/self/stat");
    group_and_session(&options, &id, &group, &session);
    CHECK(group == getpgrp() && session == getsid(0));
    options.group = TUG_PROCESS_NEW_GROUP;
    group_and_session(&options, &id, &group, &session);
    CHECK(group == id && session == getsid(0));
    options.group = tug_process_id(&leader);
    group_and_session(&options, &id, &group, &session);
    CHECK(group == tug_process_id(&leader) && session == getsid(0));
    options.new_session = true;
    struct tug_process process;
    CHECK_EQUAL(tug_process_spawn(&process, &options), -EINVAL);
    options.group = 0;
    group_and_session(&options, &id, &group, &session);
    CHECK(group == id && session == id);

    CHECK_EQUAL(tug_process_wait(&leader, NULL), 0);
    tug_process_close(&leader);
    return 0;
}

/* ---- What it is not given ---- */

static int64_t no_other_descriptors(void *unused)
{
    (void)unused;
    struct tug_process other;
    struct tug_signal listener;
    char expected[256] = "0\n1\n2\n3\n"; /* 3: ls(1) reads the directory */
    for (int fd = 3; fd < 60; fd++) {
        int flags = fcntl(fd, F_GETFD);
        if (flags >= 0 && (flags & FD_CLOEXEC) == 0)
            return 0; /* whoever has started this program was not so careful */
    }
    struct tug_process_options options = shell("read line");
    options.input.kind = options.output.kind = options.error.kind = TUG_STDIO_PIPE;
    CHECK_EQUAL(tug_process_spawn(&other, &options), 0);
    CHECK_EQUAL(tug_signal_open(&listener, SIGUSR1), 0);
    char *ls[] = {"ls", "/proc/self/fd", NULL};
    tug_process_options_init(&options, ls);
    expect_output(&options, expected);
    tug_signal_close(&listener);
    CHECK_EQUAL(tug_process_wait(&other, NULL), 0);
    tug_process_close(&other);
    return 0;
}

/* The masks of blocked, ignored and caught signals of a child; not of those two, below SIGRTMIN,
 * that are the C library's own. */
static void masks_of_child(bool inherit_ignored, uint64_t masks[3])
{
    char *sed[] = {"sed", "-n", "s/^Sig\\(Blk\\|Ign\\|Cgt\\):/0x/p", "/proc/self/status", NULL};
    struct tug_process_options options;
    struct tug_process_output result;
    tug_process_options_init(&options, sed);
    options.inherit_ignored = inherit_ignored;
    CHECK_EQUAL(tug_process_output(&result, &options, NULL, 0, 1000), 0);
    CHECK_EQUAL(sscanf(result.output, "0x %lx 0x %lx 0x %lx", &masks[0], &masks[1], &masks[2]), 3);
    for (int i = 0; i < 3; i++)
        masks[i] &= ~UINT64_C(0x180000000);
    free(result.output);
    free(result.error);
}

static int64_t signals(void *unused)
{
    (void)unused;
    const int ignored[] = {SIGPIPE, SIGHUP, SIGSTKFLT, SIGRTMAX};
    struct tug_signal listener;
    sigset_t blocked, before;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &blocked, &before);
    CHECK_EQUAL(tug_signal_open(&listener, SIGUSR2), 0);
    for (int i = 0; i < 4; i++)
        signal(ignored[i], SIG_IGN);
    uint64_t masks[3];
    masks_of_child(false, masks);
    CHECK(masks[0] == 0 && masks[1] == 0 && masks[2] == 0);
    masks_of_child(true, masks);
    CHECK(masks[0] == 0 && masks[1] == UINT64_C(0x8000000000008001) && masks[2] == 0);
    for (int i = 0; i < 4; i++)
        signal(ignored[i], SIG_DFL);
    tug_signal_close(&listener);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return 0;
}

/* ---- Why it could not be started ---- */

static int64_t try_to_start(const struct tug_process_options *options)
{
    struct tug_process process;
    int descriptors = fixture_count_descriptors();
    struct tug_process_options piped = *options;
    piped.input.kind = piped.output.kind = piped.error.kind = TUG_STDIO_PIPE;
    int result = tug_process_spawn(&process, &piped);
    if (result == 0)
        tug_process_close(&process);
    CHECK_EQUAL(fixture_count_descriptors(), descriptors);
    expect_no_children();
    return result;
}

static int64_t errors(void *unused)
{
    (void)unused;
    char *none[] = {NULL};
    struct tug_process_options options = shell(":");
    make_file("text", "neither a script nor a program", 0755);
    make_file("private", "#!/bin/sh\n", 0600);
    options.program = "/nonexistent/program";
    CHECK_EQUAL(try_to_start(&options), -ENOENT);
    options.program = "no-such-program-anywhere";
    CHECK_EQUAL(try_to_start(&options), -ENOENT);
    options.program = children_path("private");
    CHECK_EQUAL(try_to_start(&options), -EACCES);
    options.program = children_directory;
    CHECK_EQUAL(try_to_start(&options), -EACCES);
    options.program = children_path("text");
    CHECK_EQUAL(try_to_start(&options), -ENOEXEC);
    options.program = "/bin/sh";
    options.directory = "/nonexistent";
    CHECK_EQUAL(try_to_start(&options), -ENOENT);
    options.directory = "/dev/null";
    CHECK_EQUAL(try_to_start(&options), -ENOTDIR);
    options.directory = NULL;
    options.group = 1; /* of another session */
    CHECK_EQUAL(try_to_start(&options), -EPERM);
    options.group = -2;
    CHECK_EQUAL(try_to_start(&options), -EINVAL);
    options.group = 0;
    options.arguments = none;
    CHECK_EQUAL(try_to_start(&options), -EINVAL);
    options.arguments = NULL;
    CHECK_EQUAL(try_to_start(&options), -EINVAL);
    return 0;
}

/* A scope that is cancelled before: there is no child. */
static int64_t cancelled(void *unused)
{
    (void)unused;
    struct tug_process process;
    struct tug_process_options options = shell("exit 1");
    options.output.kind = TUG_STDIO_PIPE;
    struct tug_scope scope;
    int descriptors = fixture_count_descriptors();
    tug_scope_begin(&scope, TUG_FOREVER, NULL);
    tug_scope_cancel(&scope);
    CHECK_EQUAL(tug_process_spawn(&process, &options), -ECANCELED);
    tug_scope_end(&scope, 0);
    CHECK_EQUAL(fixture_count_descriptors(), descriptors);
    expect_no_children();
    return 0;
}

/* At whatever moment: a child or none, and nothing in between. */
static int64_t cancelled_at_random(void *unused)
{
    (void)unused;
    struct tug_process process;
    unsigned started = 0;
    int descriptors = fixture_count_descriptors();
    for (unsigned i = 0; i < 40; i++) {
        struct tug_process_options options = shell(":");
        options.input.kind = TUG_STDIO_PIPE;
        struct tug_scope scope;
        uint64_t deadline = i < 39 ? tug_deadline_after(i % 8 * 300000) : TUG_FOREVER;
        tug_scope_begin(&scope, deadline, NULL);
        int result = tug_process_spawn(&process, &options);
        int64_t ended = tug_scope_end(&scope, result);
        CHECK(ended == 0 || ended == -ETIMEDOUT);
        if (result == 0) {
            started++;
            CHECK_EQUAL(tug_process_wait(&process, NULL), 0);
            tug_process_close(&process);
        }
    }
    CHECK(started > 0);
    CHECK_EQUAL(fixture_count_descriptors(), descriptors);
    expect_no_children();
    return 0;
}

/* Who starts a program in the background may have it ignore these. */
static void ignore_nothing(void)
{
    for (int signo = 1; signo <= SIGRTMAX; signo++) {
        struct sigaction action;
        if (sigaction(signo, NULL, &action) == 0 && action.sa_handler == SIG_IGN)
            signal(signo, SIG_DFL);
    }
}

int main(void)
{
    ignore_nothing();
    const struct CMUnitTest tests[] = {
        IN_EACH(arguments), IN_EACH(environment), IN_EACH(working_directory),
        IN_EACH(groups),    IN_EACH(signals),     IN_EACH(no_other_descriptors),
        IN_EACH(errors),    IN_EACH(cancelled),   IN_EACH(cancelled_at_random),
    };
    return cmocka_run_group_tests(tests, children_make_directory, children_remove_directory);
}
