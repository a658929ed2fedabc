/* SPDX-License-Identifier: MIT */
/* What the commands have in common in taking their arguments. */
#ifndef TUG_CLI_USAGE_H
#define TUG_CLI_USAGE_H

#include <stdbool.h>
#include <stddef.h>

/* Says on standard error what is wrong with the arguments: a sentence; or one around a quoted name.
 * Returns EXIT_FAILURE. */
int tug_cli_refuse(const char *reason);
int tug_cli_refuse_name(const char *before, const char *name, const char *after);

/* Says where there is help. Returns EXIT_FAILURE. */
int tug_cli_refer_to_help(void);

/* The argument of --jobs. False: it is no number from 1 to 1,024, which has been said. */
bool tug_cli_take_jobs(const char *text, unsigned *jobs);

/* --strip-trailing-slashes: changes the operands in place. */
void tug_cli_strip_slashes(char **operands, size_t count);

#endif
