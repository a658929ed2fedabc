/* SPDX-License-Identifier: MIT */
/* Arguments of options that are one word, or several, of a list, as GNU programs take them. */
#ifndef TUG_CLI_ARGMATCH_H
#define TUG_CLI_ARGMATCH_H

#include <stddef.h>

/* Several words may mean the same. */
struct tug_cli_word {
    const char *word;
    int value;
};

/* The value (0 or more) of the word that `argument` is, or that it is the only beginning of. If
 * there is none prints a message on standard error, with the name of the command and `option`, and
 * returns -1. The list ends with a NULL word. */
int tug_cli_match(const char *command, const char *option, const char *argument,
                  const struct tug_cli_word *words);

#endif
