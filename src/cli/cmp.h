/* SPDX-License-Identifier: MIT */
/* The pieces of `tug cmp`. */
#ifndef TUG_CLI_CMP_H
#define TUG_CLI_CMP_H

#include <stdbool.h>

#include <tug/compare.h>

struct tug_cli_cmp {
    struct tug_compare_options compare;
    const char *a, *b;
    bool brief;   /* say what differs, but not where or how */
    bool silent;  /* nothing but the exit status */
    bool summary; /* what was compared, at the end */
};

/* What `tug cmp` exits with. */
enum { TUG_CLI_CMP_SAME, TUG_CLI_CMP_DIFFERENT, TUG_CLI_CMP_TROUBLE };

/* Reads the arguments; argv[0] is the name of the command for messages. Returns -1 if there is
 * something to do; else the exit status, after help or a message. */
int tug_cli_cmp_parse(struct tug_cli_cmp *cmp, int argc, char **argv);

/* The line about an event, without a newline; malloc'ed, NULL: no memory. */
char *tug_cli_cmp_message(const struct tug_compare_event *event, bool brief);

#endif
