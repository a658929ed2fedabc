/* SPDX-License-Identifier: MIT */
/* What tug chose for a copy, as its report tells. */
#ifndef TUG_CLI_BENCH_CHOICE_H
#define TUG_CLI_BENCH_CHOICE_H

#include <stddef.h>

#include <tug/copy.h>

/* Copies a file or a tree to a name that does not exist, as `tug cp -r` does. Makes a runtime of
 * its own: in a child process only. Returns 0 or a negative errno. */
int tug_cli_bench_choice_copy(const char *from, const char *to, struct tug_copy_report *report);

/* The report in words. */
void tug_cli_bench_choice_format(char *text, size_t size, const struct tug_copy_report *report);

#endif
