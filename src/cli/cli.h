/* SPDX-License-Identifier: MIT */
/* The commands of `tug`, and what they share. */
#ifndef TUG_CLI_CLI_H
#define TUG_CLI_CLI_H

/* Each takes the arguments from its own name on, and returns the exit status. */
int tug_cli_bench(int argc, char **argv);
int tug_cli_cmp(int argc, char **argv);
int tug_cli_cp(int argc, char **argv);
int tug_cli_mv(int argc, char **argv);
int tug_cli_rm(int argc, char **argv);

void tug_cli_print_version(void);

#endif
