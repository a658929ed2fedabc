/* SPDX-License-Identifier: MIT */
/* The arguments of `tug mv`. */
#ifndef TUG_CLI_MV_OPTIONS_H
#define TUG_CLI_MV_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include <tug/move.h>

struct tug_cli_mv {
    struct tug_move_options move;
    const char *const *sources; /* in argv */
    size_t count;
    const char *destination;
    bool verbose;
};

/* Reads the arguments; argv[0] is the name of the command for messages. Returns -1 if there is
 * something to do; else the exit status, after help or a message. */
int tug_cli_mv_parse(struct tug_cli_mv *mv, int argc, char **argv);

#endif
