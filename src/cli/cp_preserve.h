/* SPDX-License-Identifier: MIT */
/* What -a, -p, -d, --preserve and --no-preserve together say, in the order they are given. */
#ifndef TUG_CLI_CP_PRESERVE_H
#define TUG_CLI_CP_PRESERVE_H

#include <stdbool.h>

#include <tug/copy.h>

struct tug_cli_preserve {
    unsigned wanted;   /* enum tug_copy_preserve */
    unsigned required; /* named one by one: what is otherwise tolerated is a failure */
    bool no_mode;      /* --no-preserve=mode */
};

/* -p, and --preserve without a list. */
void tug_cli_preserve_usual(struct tug_cli_preserve *preserve);

/* -a and --preserve=all; --no-preserve=all. */
void tug_cli_preserve_all(struct tug_cli_preserve *preserve, bool on);

/* A list of words between commas. False: a word is not known; a message has been printed. */
bool tug_cli_preserve_list(struct tug_cli_preserve *preserve, const char *list, bool on);

/* Fills the options in. False: something cannot be had on this system; a message has been
 * printed. */
bool tug_cli_preserve_apply(const struct tug_cli_preserve *preserve,
                            struct tug_copy_options *options);

#endif
