/* SPDX-License-Identifier: MIT */
/* Words and messages are those of cp(1). */
#include "cp_contents.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "quote.h"

static const char *const words[] = {"auto", "always", "never"};

/* The index of a word, which may be abbreviated as long as it is no other's beginning; -1. */
static int find_word(const char *option, const char *argument)
{
    int found = -1, count = 0;
    size_t length = strlen(argument);
    for (int i = 0; i < 3; i++) {
        if (strcmp(words[i], argument) == 0)
            return i;
        if (strncmp(words[i], argument, length) == 0) {
            found = i;
            count++;
        }
    }
    if (count == 1)
        return found;
    char *quoted = tug_cli_quote(argument);
    fprintf(stderr, "tug cp: %s argument %s for '%s'\nValid arguments are:\n",
            count > 1 ? "ambiguous" : "invalid", quoted != NULL ? quoted : argument, option);
    free(quoted);
    for (int i = 0; i < 3; i++)
        fprintf(stderr, "  - '%s'\n", words[i]);
    fputs("Try 'tug cp --help' for more information.\n", stderr);
    return -1;
}

bool tug_cli_take_reflink(struct tug_copy_options *copy, const char *argument)
{
    static const enum tug_copy_reflink values[] = {TUG_COPY_REFLINK_AUTO, TUG_COPY_REFLINK_ALWAYS,
                                                   TUG_COPY_REFLINK_NEVER};
    int word = argument == NULL ? 1 : find_word("--reflink", argument);
    if (word >= 0)
        copy->reflink = values[word];
    return word >= 0;
}

bool tug_cli_take_sparse(struct tug_copy_options *copy, const char *argument)
{
    static const enum tug_copy_sparse values[] = {TUG_COPY_SPARSE_AUTO, TUG_COPY_SPARSE_ALWAYS,
                                                  TUG_COPY_SPARSE_NEVER};
    int word = find_word("--sparse", argument);
    if (word >= 0)
        copy->sparse = values[word];
    return word >= 0;
}
