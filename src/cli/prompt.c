/* SPDX-License-Identifier: MIT */
#include "prompt.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>

bool tug_cli_ask(const char *command, const char *text)
{
    char *line = NULL;
    size_t size = 0;
    fflush(stdout);
    fprintf(stderr, "%s: %s ", command, text);
    fflush(stderr);
    setlocale(LC_MESSAGES, "");
    setlocale(LC_CTYPE, "");
    bool yes = getline(&line, &size, stdin) > 0 && rpmatch(line) == 1;
    free(line);
    return yes;
}
