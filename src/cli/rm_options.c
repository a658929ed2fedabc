/* SPDX-License-Identifier: MIT */
/* Options mean what they mean to GNU rm; --files0-from and --jobs are tug's own. */
#include "rm_options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "argmatch.h"
#include "cli.h"
#include "quote.h"
#include "terminal.h"
#include "usage.h"

static const char help[] =
    "Usage: tug rm [OPTION]... FILE...\n"
    "  or:  tug rm [OPTION]... --files0-from=LIST\n"
    "Remove FILEs. A symbolic link is removed, not followed.\n"
    "\n"
    "  -d, --dir                    remove empty directories, too\n"
    "      --fail-fast              stop at the first failure\n"
    "  -f, --force                  ignore FILEs that do not exist, never ask\n"
    "      --files0-from=LIST       remove what the file LIST names, each name ended by\n"
    "                                 a zero byte; -: standard input\n"
    "  -i                           ask before each removal\n"
    "  -I                           ask once before removing more than three FILEs, or\n"
    "                                 recursively\n"
    "      --interactive[=WHEN]     ask: never, once (-I), or always (-i, the default)\n"
    "  -j, --jobs=N                 work on at most N things at a time (1 to 1024;\n"
    "                                 default: as many as turn out to help)\n"
    "  -r, -R, --recursive          remove directories with all below them\n"
    "  -v, --verbose                say what has been removed\n"
    "  -x, --one-file-system        with -r, pass over directories on another file\n"
    "                                 system than the FILE above them\n"
    "      --preserve-root[=all]    do not remove '/' (the default); with 'all', nor\n"
    "                                 any FILE on another file system than its parent\n"
    "      --no-preserve-root       treat '/' as any other directory\n"
    "      --help                   show this help and exit\n"
    "      --version                show the version and exit\n"
    "\n"
    "Without -f and -i, and if standard input is a terminal, tug rm asks before it\n"
    "removes what may not be written to. To remove a file whose name begins with a\n"
    "'-', put './' before it, or '--' before all FILEs.\n"
    "\n"
    "Exit status: 0 if all was removed, else 1.\n";

enum {
    OPTION_FILES0_FROM = 256,
    OPTION_FAIL_FAST,
    OPTION_HELP,
    OPTION_INTERACTIVE,
    OPTION_NO_PRESERVE_ROOT,
    OPTION_PRESERVE_ROOT,
    OPTION_VERSION
};

static const struct option long_options[] = {
    {"dir", no_argument, NULL, 'd'},
    {"fail-fast", no_argument, NULL, OPTION_FAIL_FAST},
    {"files0-from", required_argument, NULL, OPTION_FILES0_FROM},
    {"force", no_argument, NULL, 'f'},
    {"help", no_argument, NULL, OPTION_HELP},
    {"interactive", optional_argument, NULL, OPTION_INTERACTIVE},
    {"jobs", required_argument, NULL, 'j'},
    {"no-preserve-root", no_argument, NULL, OPTION_NO_PRESERVE_ROOT},
    {"one-file-system", no_argument, NULL, 'x'},
    {"preserve-root", optional_argument, NULL, OPTION_PRESERVE_ROOT},
    {"recursive", no_argument, NULL, 'r'},
    {"verbose", no_argument, NULL, 'v'},
    {"version", no_argument, NULL, OPTION_VERSION},
    {NULL, 0, NULL, 0},
};

/* What was said about questions: the last one counts. */
enum asking { ASK_BY_DEFAULT, ASK_NEVER, ASK_ONCE, ASK_ALWAYS };

struct parser {
    struct tug_cli_rm *rm;
    enum asking asking;
    int argc;
    char **argv;
};

/* Whether a shell takes the name as it is. */
static bool is_plain(const char *name)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "%+,-./:@_";
    return name[strspn(name, plain)] == '\0';
}

/* After an option that does not exist: perhaps it is a file. */
static int suggest_name(const struct parser *parser)
{
    struct stat stat;
    for (int i = 1; i < parser->argc; i++) {
        const char *name = parser->argv[i];
        if (name[0] != '-' || name[1] == '\0' || lstat(name, &stat) != 0)
            continue;
        char *quoted = tug_cli_quote(name);
        if (quoted != NULL)
            fprintf(stderr, "Try 'tug rm ./%s' to remove the file %s.\n",
                    is_plain(name) ? name : quoted, quoted);
        free(quoted);
        break;
    }
    return tug_cli_refer_to_help();
}

static int take_when(struct parser *parser, const char *text)
{
    static const struct tug_cli_word words[] = {
        {"never", ASK_NEVER},   {"no", ASK_NEVER},   {"none", ASK_NEVER}, {"once", ASK_ONCE},
        {"always", ASK_ALWAYS}, {"yes", ASK_ALWAYS}, {NULL, 0},
    };
    int found = tug_cli_match(tug_cli_command(), "--interactive", text, words);
    if (found < 0)
        return EXIT_FAILURE;
    parser->asking = (enum asking)found;
    return -1;
}

static int take_root_option(struct parser *parser, int option)
{
    struct tug_remove_options *remove = &parser->rm->remove;
    if (option == OPTION_NO_PRESERVE_ROOT) {
        if (strcmp(parser->argv[optind - 1], "--no-preserve-root") != 0) {
            return tug_cli_refuse("you may not abbreviate the --no-preserve-root option");
        }
        remove->allow_root = true;
        return -1;
    }
    if (optarg != NULL && strcmp(optarg, "all") != 0)
        return tug_cli_refuse_name("unrecognized --preserve-root argument: ", optarg, "");
    remove->allow_root = false;
    if (optarg != NULL)
        remove->refuse_mount_points = true;
    return -1;
}

/* Options that have their own little program. Returns -1, or the exit status. */
static int take_long_option(struct parser *parser, int option)
{
    switch (option) {
    case OPTION_FILES0_FROM:
        parser->rm->list = optarg;
        return -1;
    case OPTION_INTERACTIVE:
        if (optarg != NULL)
            return take_when(parser, optarg);
        parser->asking = ASK_ALWAYS;
        return -1;
    case OPTION_FAIL_FAST:
        parser->rm->remove.on_failure = TUG_ON_FAILURE_STOP;
        return -1;
    case OPTION_NO_PRESERVE_ROOT:
    case OPTION_PRESERVE_ROOT:
        return take_root_option(parser, option);
    case OPTION_HELP:
        fputs(help, stdout);
        return EXIT_SUCCESS;
    case OPTION_VERSION:
        tug_cli_print_version();
        return EXIT_SUCCESS;
    default:
        return suggest_name(parser);
    }
}

/* One option. Returns -1, or the exit status. */
static int take_option(struct parser *parser, int option)
{
    struct tug_cli_rm *rm = parser->rm;
    switch (option) {
    case 'd':
        rm->remove.directories = true;
        return -1;
    case 'f':
        parser->asking = ASK_NEVER;
        rm->remove.ignore_missing = true;
        return -1;
    case 'i':
    case 'I':
        parser->asking = option == 'i' ? ASK_ALWAYS : ASK_ONCE;
        rm->remove.ignore_missing = false;
        return -1;
    case 'j':
        return tug_cli_take_jobs(optarg, &rm->remove.jobs) ? -1 : EXIT_FAILURE;
    case 'R':
    case 'r':
        rm->remove.recursive = true;
        return -1;
    case 'v':
        rm->verbose = true;
        return -1;
    case 'x':
        rm->remove.one_file_system = true;
        return -1;
    default:
        return take_long_option(parser, option);
    }
}

static int take_operands(struct tug_cli_rm *rm, int count, char **operands)
{
    rm->paths = (const char *const *)operands;
    rm->count = (size_t)count;
    if (rm->list != NULL) {
        if (count > 0) {
            tug_cli_refuse_name("extra operand ", operands[0], "");
            fputs("file operands cannot be combined with --files0-from\n", stderr);
            return tug_cli_refer_to_help();
        }
        if (strcmp(rm->list, "-") == 0 &&
            (rm->ask_once || rm->remove.ask == TUG_REMOVE_ASK_ALWAYS)) {
            return tug_cli_refuse("cannot read both names and answers from standard input");
        }
        return -1;
    }
    if (count > 0)
        return -1;
    if (rm->remove.ignore_missing)
        return EXIT_SUCCESS;
    tug_cli_refuse("missing operand");
    return tug_cli_refer_to_help();
}

int tug_cli_rm_parse(struct tug_cli_rm *rm, int argc, char **argv)
{
    struct parser parser = {.rm = rm, .argc = argc, .argv = argv};
    memset(rm, 0, sizeof(*rm));
    tug_remove_options_init(&rm->remove);
    int option;
    while ((option = getopt_long(argc, argv, "dfiIj:Rrvx", long_options, NULL)) != -1) {
        int status = take_option(&parser, option);
        if (status >= 0)
            return status;
    }
    rm->ask_once = parser.asking == ASK_ONCE;
    if (parser.asking == ASK_ALWAYS)
        rm->remove.ask = TUG_REMOVE_ASK_ALWAYS;
    else if (parser.asking != ASK_NEVER && !rm->remove.ignore_missing && isatty(STDIN_FILENO))
        rm->remove.ask = TUG_REMOVE_ASK_PROTECTED;
    return take_operands(rm, argc - optind, argv + optind);
}
