/* SPDX-License-Identifier: MIT */
/* The arguments of `tug rm`. */
#ifndef TUG_CLI_RM_OPTIONS_H
#define TUG_CLI_RM_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include <tug/remove.h>

struct tug_cli_rm {
    struct tug_remove_options remove;
    const char *const *paths; /* in argv */
    size_t count;
    const char *list; /* a file with path names; "-": standard input; NULL: none */
    bool ask_once;    /* before more than three operands, or any recursion */
    bool verbose;
};

/* Reads the arguments; argv[0] is the name of the command for messages. Returns -1 if there is
 * something to do; else the exit status, after help or a message. */
int tug_cli_rm_parse(struct tug_cli_rm *rm, int argc, char **argv);

#endif
