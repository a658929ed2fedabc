/* SPDX-License-Identifier: MIT */
/* The arguments of `tug cp`. */
#ifndef TUG_CLI_CP_OPTIONS_H
#define TUG_CLI_CP_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include <tug/copy.h>

struct tug_cli_cp {
    struct tug_copy_options copy;
    const char *const *sources; /* in argv */
    size_t count;
    const char *destination;
    bool verbose;
    bool debug;            /* say how each file was copied */
    bool ask;              /* before something is overwritten */
    bool quiet_attributes; /* -a: what is lost of extended attributes is not worth a word */
};

/* Reads the arguments; argv[0] is the name of the command for messages. Returns -1 if there is
 * something to do; else the exit status, after help or a message. */
int tug_cli_cp_parse(struct tug_cli_cp *cp, int argc, char **argv);

#endif
