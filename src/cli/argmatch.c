/* SPDX-License-Identifier: MIT */
#include "argmatch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "quote.h"

static void complain(const char *command, const char *option, const char *argument, const char *how,
                     const struct tug_cli_word *words)
{
    char *quoted = tug_cli_quote(argument);
    fprintf(stderr, "%s: %s argument %s for '%s'\nValid arguments are:\n", command, how,
            quoted != NULL ? quoted : argument, option);
    free(quoted);
    for (size_t i = 0; words[i].word != NULL; i++) {
        if (i > 0 && words[i].value == words[i - 1].value)
            fprintf(stderr, ", '%s'", words[i].word);
        else
            fprintf(stderr, "%s  - '%s'", i > 0 ? "\n" : "", words[i].word);
    }
    fprintf(stderr, "\nTry '%s --help' for more information.\n", command);
}

int tug_cli_match(const char *command, const char *option, const char *argument,
                  const struct tug_cli_word *words)
{
    int found = -1;
    size_t length = strlen(argument);
    for (size_t i = 0; words[i].word != NULL; i++) {
        if (strncmp(words[i].word, argument, length) != 0)
            continue;
        if (words[i].word[length] == '\0')
            return words[i].value;
        if (found >= 0 && found != words[i].value) {
            complain(command, option, argument, "ambiguous", words);
            return -1;
        }
        found = words[i].value;
    }
    if (found < 0)
        complain(command, option, argument, "invalid", words);
    return found;
}
