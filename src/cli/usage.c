/* SPDX-License-Identifier: MIT */
#include "usage.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "quote.h"
#include "terminal.h"

int tug_cli_refuse(const char *reason)
{
    tug_cli_complain(reason);
    return EXIT_FAILURE;
}

int tug_cli_refuse_name(const char *before, const char *name, const char *after)
{
    char *quoted = tug_cli_quote(name);
    fprintf(stderr, "%s: %s%s%s\n", tug_cli_command(), before, quoted != NULL ? quoted : name,
            after);
    free(quoted);
    return EXIT_FAILURE;
}

int tug_cli_refer_to_help(void)
{
    fprintf(stderr, "Try '%s --help' for more information.\n", tug_cli_command());
    return EXIT_FAILURE;
}

bool tug_cli_take_jobs(const char *text, unsigned *jobs)
{
    char *end;
    errno = 0;
    long number = strtol(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || number < 1 || number > 1024) {
        tug_cli_refuse_name("invalid number of jobs: ", text, "");
        return false;
    }
    *jobs = (unsigned)number;
    return true;
}

void tug_cli_strip_slashes(char **operands, size_t count)
{
    for (size_t i = 0; i < count; i++)
        for (size_t length = strlen(operands[i]); length > 1 && operands[i][length - 1] == '/';)
            operands[i][--length] = '\0';
}
