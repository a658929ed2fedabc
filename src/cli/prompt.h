/* SPDX-License-Identifier: MIT */
/* Questions to the user. */
#ifndef TUG_CLI_PROMPT_H
#define TUG_CLI_PROMPT_H

#include <stdbool.h>

/* Prints the text on standard error, after the name of the command, and reads a line from standard
 * input. Returns whether that begins like the locale's "yes". Blocks. */
bool tug_cli_ask(const char *command, const char *text);

#endif
