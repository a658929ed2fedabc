/* SPDX-License-Identifier: MIT */
/* How many system calls the built command makes, from its start to its end, as strace(1) counts
 * them. */
#ifndef TUG_TESTS_CLI_CALLS_H
#define TUG_TESTS_CLI_CALLS_H

#include <stdbool.h>

/* False where strace is not installed, or may not look at others, or where a sanitizer's search for
 * leaks does not work below it: such programs are skipped. */
bool calls_can_be_counted(void);

/* Runs the command with these arguments after "tug"; the list ends with NULL. It must succeed. */
long calls_count(const char *first, ...);

#endif
