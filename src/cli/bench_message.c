/* SPDX-License-Identifier: MIT */
/* One thread alone prints, so a message needs no lock to take the progress line away. */
#include "bench_message.h"

#include <stdarg.h>
#include <stdio.h>

#include "terminal.h"

void tug_cli_bench_complain(const char *format, ...)
{
    va_list arguments;
    tug_cli_bench_show(NULL);
    fflush(stdout);
    fputs("tug bench: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
}

void tug_cli_bench_show(const char *line)
{
    char cut[256];
    if (line == NULL) {
        tug_cli_show_progress(NULL);
        return;
    }
    if (!tug_cli_has_terminal())
        return;
    /* The last column stays free: terminals differ in what they do there. */
    int columns = tug_cli_columns() - 1;
    snprintf(cut, sizeof(cut), "%.*s", columns < 255 ? columns : 255, line);
    tug_cli_show_progress(cut);
}
