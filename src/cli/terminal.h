/* SPDX-License-Identifier: MIT */
/*
 * Standard error and output, shared by messages and the progress line: whoever prints takes the
 * line away first. From any thread.
 */
#ifndef TUG_CLI_TERMINAL_H
#define TUG_CLI_TERMINAL_H

#include <stdbool.h>

/* What messages begin with: "tug cp", say. Not copied. Before any other thread prints. */
void tug_cli_set_command(const char *name);
const char *tug_cli_command(void);

/* Prints the name of the command, a colon, the text and a newline on standard error. */
void tug_cli_complain(const char *text);

/* Prints the text and a newline on standard output. */
void tug_cli_print(const char *text);

/* Makes the line at the bottom of the terminal; NULL: takes it away. A coroutine that calls this
 * suspends. Not by two tasks at a time. */
void tug_cli_show_progress(const char *line);

/* Whether standard error is a terminal. */
bool tug_cli_has_terminal(void);

/* Columns of the terminal. */
int tug_cli_columns(void);

/* Writes out what is buffered for standard output. False: that failed, now or before; a message has
 * been printed. */
bool tug_cli_flush(void);

#endif
