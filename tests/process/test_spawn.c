/* SPDX-License-Identifier: MIT */
/*
 * What a child is given, and what it is not; why it could not be started.
 */
#include "children.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>

static char directory[64];

static const char *in_directory(const char *name)
{
    static char path[128];
    snprintf(path, sizeof(path), "%s/%s", directory, name);
    return path;
}

static void make_file(const char *name, const char *text, mode_t mode)
{
    int fd = open(in_directory(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
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
    options.directory = directory;
    snprintf(expected, sizeof(expected), "%s\n", directory);
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

/* ---- Standard descriptors ---- */

static int64_t read_text(int fd, char *text, size_t size)
{
    size_t length = 0;
    int64_t count;
    while ((count = tug_read(fd, text + length, size - length - 1)) > 0)
        length += (size_t)count;
    text[length] = '\0';
    return count;
}

static int64_t pipes(void *unused)
{
    (void)unused;
    char text[64];
    struct tug_process process;
    struct tug_process_status status;
    struct tug_process_options options = shell("read line; echo out $line; echo error >&2; exit 3");
    options.input.kind = options.output.kind = options.error.kind = TUG_STDIO_PIPE;
    CHECK_EQUAL(tug_process_spawn(&process, &options), 0);
    const int fds[] = {process.input, process.output, process.error};
    for (int i = 0; i < 3; i++)
        CHECK((fcntl(fds[i], F_GETFD) & FD_CLOEXEC) != 0);
    CHECK_EQUAL(tug_process_try_wait(&process, &status), -EAGAIN);
    CHECK_EQUAL(tug_write(process.input, "word\n", 5), 5);
    CHECK_EQUAL(read_text(process.output, text, sizeof(text)), 0);
    CHECK(strcmp(text, "out word\n") == 0);
    CHECK_EQUAL(read_text(process.error, text, sizeof(text)), 0);
    CHECK(strcmp(text, "error\n") == 0);
    CHECK_EQUAL(tug_process_wait(&process, &status), 0);
    CHECK_EQUAL(status.code, 3);
    CHECK_EQUAL(process.input, -1);
    tug_process_close(&process);
    CHECK_EQUAL(process.output, -1);
    return 0;
}

/* The pipes as readers and writers. */
static int64_t streams(void *unused)
{
    (void)unused;
    char text[64];
    struct tug_process process;
    struct tug_stream input, output;
    struct tug_process_options options = shell("read line; echo $line $line; cat");
    options.input.kind = options.output.kind = TUG_STDIO_PIPE;
    CHECK_EQUAL(tug_process_spawn(&process, &options), 0);
    CHECK_EQUAL(tug_stream_open(&input, process.input), 0);
    CHECK_EQUAL(tug_stream_open(&output, process.output), 0);
    process.input = process.output = -1;
    CHECK_EQUAL(tug_io_write_all(&input.writer, "a\nb\n", 4), 4);
    CHECK_EQUAL(tug_io_read_exact(&output.reader, text, 6), 6);
    CHECK(memcmp(text, "a a\nb\n", 6) == 0);
    CHECK_EQUAL(tug_io_shutdown(&input.writer), 0);
    CHECK_EQUAL(tug_io_read(&output.reader, text, sizeof(text)), 0);
    tug_stream_close(&input);
    tug_stream_close(&output);
    CHECK_EQUAL(tug_process_wait(&process, NULL), 0);
    tug_process_close(&process);
    return 0;
}

static int64_t null_device(void *unused)
{
    (void)unused;
    struct tug_process_options options =
        shell("read line && exit 1; [ -c /dev/stdin ] && echo nothing >&2");
    options.error.kind = TUG_STDIO_NULL;
    struct tug_process_output result;
    CHECK_EQUAL(tug_process_output(&result, &options, NULL, 0, 10), 0);
    CHECK_EQUAL(result.status.code, 0);
    CHECK(result.error == NULL && result.output_length == 0 && result.output[0] == '\0');
    free(result.output);
    return 0;
}

static int open_in_directory(const char *name)
{
    int fd = open(in_directory(name), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    CHECK(fd >= 0);
    return fd;
}

static void expect_file(int fd, const char *expected)
{
    char text[64];
    ssize_t length = pread(fd, text, sizeof(text) - 1, 0);
    CHECK_EQUAL(length, strlen(expected));
    CHECK(memcmp(text, expected, (size_t)length) == 0);
    CHECK_EQUAL(ftruncate(fd, 0), 0);
    CHECK_EQUAL(lseek(fd, 0, SEEK_SET), 0);
}

static void run(const struct tug_process_options *options)
{
    struct tug_process process;
    struct tug_process_status status;
    CHECK_EQUAL(tug_process_spawn(&process, options), 0);
    CHECK_EQUAL(tug_process_wait(&process, &status), 0);
    CHECK_EQUAL(status.code, 0);
    tug_process_close(&process);
}

/* The parent's own standard descriptors, exchanged; and one of them that is closed. */
static int64_t given(void *unused)
{
    (void)unused;
    struct tug_process_options options = shell("echo out; echo error >&2");
    int first = open_in_directory("first"), second = open_in_directory("second");
    options.output = (struct tug_stdio){TUG_STDIO_FD, first};
    options.error = (struct tug_stdio){TUG_STDIO_FD, second};
    run(&options);
    expect_file(first, "out\n");
    expect_file(second, "error\n");
    options.error.fd = first;
    run(&options);
    expect_file(first, "out\nerror\n");

    int saved[3];
    for (int i = 0; i < 3; i++)
        CHECK((saved[i] = fcntl(i, F_DUPFD_CLOEXEC, 10)) >= 0);
    CHECK(dup2(first, 1) == 1 && dup2(second, 2) == 2);
    options.output.fd = 2;
    options.error.fd = 1;
    run(&options);
    close(0);
    options.input.kind = options.error.kind = TUG_STDIO_PIPE;
    options.output.fd = 1;
    run(&options);
    options.input = (struct tug_stdio){TUG_STDIO_FD, 1};
    options.output = (struct tug_stdio){TUG_STDIO_INHERIT, 0};
    run(&options);
    for (int i = 0; i < 3; i++) {
        CHECK_EQUAL(dup2(saved[i], i), i);
        close(saved[i]);
    }
    expect_file(first, "error\nout\nout\n");
    expect_file(second, "out\n");
    options.input = (struct tug_stdio){TUG_STDIO_FD, -1};
    struct tug_process process;
    CHECK_EQUAL(tug_process_spawn(&process, &options), -EBADF);
    options.input.fd = 1000000;
    CHECK_EQUAL(tug_process_spawn(&process, &options), -EBADF);
    close(first);
    close(second);
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
    options.program = in_directory("private");
    CHECK_EQUAL(try_to_start(&options), -EACCES);
    options.program = directory;
    CHECK_EQUAL(try_to_start(&options), -EACCES);
    options.program = in_directory("text");
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
        tug_scope_begin(&scope, tug_deadline_after(i % 8 * 300000), NULL);
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

static int make_directory(void **state)
{
    const char *parent = getenv("TMPDIR");
    (void)state;
    snprintf(directory, sizeof(directory), "%.40s/tug-process-XXXXXX",
             parent != NULL ? parent : "/tmp");
    return mkdtemp(directory) == NULL;
}

static int remove_directory(void **state)
{
    static const char *const names[] = {"program", "first", "second", "text", "private"};
    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        unlink(in_directory(names[i]));
    return rmdir(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_EACH(arguments),
        IN_EACH(environment),
        IN_EACH(working_directory),
        IN_EACH(groups),
        IN_EACH(pipes),
        IN_EACH(streams),
        IN_EACH(null_device),
        IN_EACH(given),
        IN_EACH(signals),
        IN_EACH(no_other_descriptors),
        IN_EACH(errors),
        IN_EACH(cancelled),
        IN_EACH(cancelled_at_random),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
