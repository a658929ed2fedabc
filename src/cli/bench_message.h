/* SPDX-License-Identifier: MIT */
/* What `tug bench` says while it runs. */
#ifndef TUG_CLI_BENCH_MESSAGE_H
#define TUG_CLI_BENCH_MESSAGE_H

/* Prints "tug bench: ", the text and a newline on standard error. */
__attribute__((format(printf, 1, 2))) void tug_cli_bench_complain(const char *format, ...);

/* Shows a line on the terminal, if standard error is one; NULL takes it away. */
void tug_cli_bench_show(const char *line);

#endif
