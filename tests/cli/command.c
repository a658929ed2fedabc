/* SPDX-License-Identifier: MIT */
#include "command.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

void command_init(struct command *command)
{
    memset(command, 0, sizeof(*command));
    command->input = command->output = command->error = -1;
}

static void make_pipe(int ends[2])
{
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
}

void command_start(struct command *command, const char *const *arguments)
{
    const char *path = getenv("TUG_COMMAND");
    int output[2], error[2];
    assert_non_null(path);
    make_pipe(output);
    make_pipe(error);
    command->child = fork();
    assert_true(command->child >= 0);
    if (command->child == 0) {
        int input = command->input >= 0 ? command->input : open("/dev/null", O_RDONLY);
        dup2(input, 0);
        dup2(command->output >= 0 ? command->output : output[1], 1);
        dup2(command->error >= 0 ? command->error : error[1], 2);
        /* What started the tests may have ignored it, as nohup(1) does. */
        signal(SIGINT, SIG_DFL);
        signal(SIGHUP, SIG_DFL);
        if (command->prepare != NULL)
            command->prepare();
        execv(path, (char *const *)arguments);
        _exit(127);
    }
    close(output[1]);
    close(error[1]);
    command->output_pipe = output[0];
    command->error_pipe = error[0];
}

/* Reads what there is. Returns false at the end. */
static bool take(int fd, char *text, size_t size)
{
    size_t length = strlen(text);
    ssize_t got = read(fd, text + length, size - 1 - length);
    if (got > 0)
        text[length + (size_t)got] = '\0';
    return got > 0;
}

void command_wait(struct command *command)
{
    struct pollfd fds[2] = {{command->output_pipe, POLLIN, 0}, {command->error_pipe, POLLIN, 0}};
    while (fds[0].fd >= 0 || fds[1].fd >= 0) {
        if (poll(fds, 2, -1) < 0)
            continue;
        if (fds[0].revents != 0 &&
            !take(command->output_pipe, command->output_text, sizeof(command->output_text)))
            fds[0].fd = -1;
        if (fds[1].revents != 0 &&
            !take(command->error_pipe, command->error_text, sizeof(command->error_text)))
            fds[1].fd = -1;
    }
    close(command->output_pipe);
    close(command->error_pipe);
    assert_int_equal(waitpid(command->child, &command->status, 0), command->child);
}

void command_run(struct command *command, ...)
{
    const char *arguments[16] = {"tug"};
    size_t count = 1;
    va_list list;
    va_start(list, command);
    while (count < 15 && (arguments[count] = va_arg(list, const char *)) != NULL)
        count++;
    va_end(list);
    command_start(command, arguments);
    command_wait(command);
}

bool command_interrupt(struct command *command, const char *const *arguments, int number,
                       unsigned after)
{
    command_init(command);
    command_start(command, arguments);
    usleep(after);
    kill(command->child, number);
    command_wait(command);
    assert_string_equal(command->error_text, "");
    if (WIFSIGNALED(command->status)) {
        assert_int_equal(WTERMSIG(command->status), number);
        return true;
    }
    assert_int_equal(command_exit_status(command), 0);
    return false;
}

int command_exit_status(const struct command *command)
{
    assert_true(WIFEXITED(command->status));
    return WEXITSTATUS(command->status);
}
