/* SPDX-License-Identifier: MIT */
/* Runs the built command, whose path is in $TUG_COMMAND, as a shell would. */
#ifndef TUG_TESTS_CLI_COMMAND_H
#define TUG_TESTS_CLI_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct command {
    /* Descriptors for its standard streams; -1: /dev/null for input, a pipe for the others, whose
     * contents are kept below. */
    int input, output, error;
    /* Called in the child before the command is executed. May be NULL. */
    void (*prepare)(void);
    pid_t child;
    int output_pipe, error_pipe;
    /* What came out. */
    int status; /* as of waitpid(2) */
    char output_text[65536], error_text[65536];
};

void command_init(struct command *command);

/* Starts it with these arguments after "tug"; the list ends with NULL. */
void command_start(struct command *command, const char *const *arguments);

/* Reads what it prints and waits for its end. */
void command_wait(struct command *command);

/* Both at once, with a list of arguments. */
void command_run(struct command *command, ...);

/* Starts it and sends it a signal after so many us. Returns whether it died of that; else it must
 * have succeeded. It must have complained about nothing. */
bool command_interrupt(struct command *command, const char *const *arguments, int number,
                       unsigned after);

/* The exit status, which must be one. */
int command_exit_status(const struct command *command);

#endif
