/* SPDX-License-Identifier: MIT */
/* `tug COMMAND ...`: finds the command and runs it. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "quote.h"

#ifndef TUG_VERSION
#error "TUG_VERSION must be the version of the project"
#endif

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
} commands[] = {
    {"bench", tug_cli_bench}, {"cmp", tug_cli_cmp}, {"cp", tug_cli_cp},
    {"mv", tug_cli_mv},       {"rm", tug_cli_rm},
};

static const char help[] = "Usage: tug COMMAND [OPTION]... ARGUMENT...\n"
                           "\n"
                           "Commands:\n"
                           "  bench  measure tug beside other tools on this disk\n"
                           "  cmp    compare files and directories\n"
                           "  cp     copy files and directories\n"
                           "  mv     move or rename files and directories\n"
                           "  rm     remove files and directories\n"
                           "\n"
                           "  --help      show this help and exit\n"
                           "  --version   show the version and exit\n"
                           "\n"
                           "'tug COMMAND --help' tells more about a command.\n";

void tug_cli_print_version(void)
{
    puts("tug " TUG_VERSION);
}

static int refuse(const char *what, const char *name)
{
    char *quoted = tug_cli_quote(name);
    fprintf(stderr, "tug: %s %s\nTry 'tug --help' for more information.\n", what,
            quoted != NULL ? quoted : name);
    free(quoted);
    return EXIT_FAILURE;
}

/* If the standard streams are closed, the first files to be opened would take their place, and
 * messages would be written into a copy. */
static void hold_standard_descriptors(void)
{
    for (int fd = 0; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd)
            abort();
}

int main(int argc, char **argv)
{
    hold_standard_descriptors();
    if (argc < 2) {
        fputs(help, stderr);
        return EXIT_FAILURE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        fputs(help, stdout);
        return EXIT_SUCCESS;
    }
    if (strcmp(argv[1], "--version") == 0) {
        tug_cli_print_version();
        return EXIT_SUCCESS;
    }
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    return refuse(argv[1][0] == '-' ? "unknown option" : "unknown command", argv[1]);
}
