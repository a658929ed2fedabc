/* SPDX-License-Identifier: MIT */
/*
 * The parent waits for the end of the child's standard error, which is when the last process that
 * holds it has ended, or for a signal, whichever comes first. The child leads a process group of
 * its own, so that whatever it has started ends with it, and dies with its parent.
 */
#include "bench_child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <tug/sys.h>

#include "bench_message.h"
#include "interrupt.h"

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double seconds_of(struct timeval time)
{
    return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

static void become_child(const struct tug_bench_child *child, int error, pid_t parent)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE};
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(127);
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
        signal(signals[i], SIG_DFL);
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    dup2(null, STDIN_FILENO);
    dup2(child->output >= 0 ? child->output : null, STDOUT_FILENO);
    dup2(error, STDERR_FILENO);
    if (child->path == NULL) {
        int status = child->function(child->argument);
        fflush(NULL);
        _exit(status);
    }
    execv(child->path, child->arguments);
    fprintf(stderr, "cannot be started: %s\n", strerror(errno));
    _exit(127);
}

/* The first line that the child has printed: what went wrong usually comes first. */
static void keep_message(struct tug_bench_child *child, const char *text, size_t length)
{
    size_t have = strlen(child->message), room = sizeof(child->message) - 1 - have;
    if (memchr(child->message, '\n', have) != NULL)
        return;
    memcpy(child->message + have, text, length < room ? length : room);
    child->message[have + (length < room ? length : room)] = '\0';
}

static void clean_message(char *message)
{
    message[strcspn(message, "\n")] = '\0';
    for (char *end = message; *end != '\0'; end++)
        if ((unsigned char)*end < ' ' || *end == 127)
            *end = '?';
}

/* Returns 0 at the end of standard error, -ECANCELED when a signal has come. */
static int follow(struct tug_bench_child *child, int error)
{
    char text[512];
    struct pollfd fds[2] = {{error, POLLIN, 0}, {tug_cli_interrupt_fd(), POLLIN, 0}};
    for (;;) {
        if (tug_cli_interrupted())
            return -ECANCELED;
        if (tug_sys_poll(fds, 2, -1) < 0 || fds[0].revents == 0)
            continue;
        int64_t length = tug_sys_read(error, text, sizeof(text));
        if (length <= 0)
            return 0;
        keep_message(child, text, (size_t)length);
    }
}

static pid_t reap(pid_t process, int *status, struct rusage *usage)
{
    pid_t ended;
    do
        ended = wait4(process, status, 0, usage);
    while (ended < 0 && errno == EINTR);
    return ended;
}

static int judge(struct tug_bench_child *child, int status)
{
    clean_message(child->message);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    if (WIFSIGNALED(status))
        snprintf(child->message, sizeof(child->message), "ended by signal %d (%s)",
                 WTERMSIG(status), strsignal(WTERMSIG(status)));
    else if (child->message[0] == '\0')
        snprintf(child->message, sizeof(child->message), "exit status %d", WEXITSTATUS(status));
    return -EIO;
}

static int fail(struct tug_bench_child *child, const char *what, int error)
{
    snprintf(child->message, sizeof(child->message), "%s: %s", what, strerror(-error));
    return -EIO;
}

int tug_cli_bench_child_run(struct tug_bench_child *child)
{
    int ends[2], status = 0;
    struct rusage usage;
    memset(&usage, 0, sizeof(usage));
    child->message[0] = '\0';
    if (tug_cli_interrupted())
        return -ECANCELED;
    int error = tug_sys_pipe2(ends, O_CLOEXEC);
    if (error != 0)
        return fail(child, "cannot make a pipe", error);
    fflush(NULL);
    pid_t parent = getpid();
    double start = seconds_now();
    pid_t process = fork();
    if (process == 0)
        become_child(child, ends[1], parent);
    int fork_error = -errno;
    tug_sys_close(ends[1]);
    if (process < 0) {
        tug_sys_close(ends[0]);
        return fail(child, "cannot start a process", fork_error);
    }
    int result = follow(child, ends[0]);
    if (result != 0 && kill(-process, SIGKILL) != 0)
        kill(process, SIGKILL);
    pid_t ended = reap(process, &status, &usage);
    child->seconds = seconds_now() - start;
    tug_sys_close(ends[0]);
    child->user = seconds_of(usage.ru_utime);
    child->system = seconds_of(usage.ru_stime);
    child->peak = (uint64_t)usage.ru_maxrss * 1024;
    if (result != 0)
        return result;
    return ended == process ? judge(child, status) : fail(child, "cannot wait for it", -ECHILD);
}

int tug_cli_bench_child_call(int (*function)(void *argument), void *argument)
{
    struct tug_bench_child child = {.function = function, .argument = argument, .output = -1};
    int result = tug_cli_bench_child_run(&child);
    if (result == -EIO)
        tug_cli_bench_complain("%s", child.message);
    return result;
}
