/* SPDX-License-Identifier: MIT */
/* Options mean what they mean to GNU rm; --files0-from and --jobs are tug's own. */
#include "rm_options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "quote.h"

static const char help[] =
    "Usage: tug rm [OPTION]... FILE...\n"
    "  or:  tug rm [OPTION]... --files0-from=LIST\n"
    "Remove FILEs. A symbolic link is removed, not followed.\n"
    "\n"
    "  -d, --dir                    remove empty directories, too\n"
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
    OPTION_HELP,
    OPTION_INTERACTIVE,
    OPTION_NO_PRESERVE_ROOT,
    OPTION_PRESERVE_ROOT,
    OPTION_VERSION
};

static const struct option long_options[] = {
    {"dir", no_argument, NULL, 'd'},
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

static int complain(const char *before, const char *name, const char *after)
{
    char *quoted = tug_cli_quote(name);
    fprintf(stderr, "tug rm: %s%s%s\n", before, quoted != NULL ? quoted : name, after);
    free(quoted);
    return EXIT_FAILURE;
}

static int refer_to_help(void)
{
    fputs("Try 'tug rm --help' for more information.\n", stderr);
    return EXIT_FAILURE;
}

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
    return refer_to_help();
}

static bool parse_jobs(const char *text, unsigned *jobs)
{
    char *end;
    errno = 0;
    long number = strtol(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || number < 1 || number > 1024)
        return false;
    *jobs = (unsigned)number;
    return true;
}

static int refuse_when(const char *problem, const char *text)
{
    complain(problem, text, " for '--interactive'");
    fputs("Valid arguments are:\n"
          "  - 'never', 'no', 'none'\n"
          "  - 'once'\n"
          "  - 'always', 'yes'\n",
          stderr);
    return refer_to_help();
}

/* WHEN may be cut off as long as it is clear what it means. */
static int take_when(struct parser *parser, const char *text)
{
    static const struct {
        const char *name;
        enum asking asking;
    } table[] = {
        {"never", ASK_NEVER}, {"no", ASK_NEVER},      {"none", ASK_NEVER},
        {"once", ASK_ONCE},   {"always", ASK_ALWAYS}, {"yes", ASK_ALWAYS},
    };
    enum asking found = ASK_BY_DEFAULT;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (strncmp(table[i].name, text, strlen(text)) != 0)
            continue;
        if (found != ASK_BY_DEFAULT && found != table[i].asking)
            return refuse_when("ambiguous argument ", text);
        found = table[i].asking;
    }
    if (found == ASK_BY_DEFAULT)
        return refuse_when("invalid argument ", text);
    parser->asking = found;
    return -1;
}

static int take_root_option(struct parser *parser, int option)
{
    struct tug_remove_options *remove = &parser->rm->remove;
    if (option == OPTION_NO_PRESERVE_ROOT) {
        if (strcmp(parser->argv[optind - 1], "--no-preserve-root") != 0) {
            fputs("tug rm: you may not abbreviate the --no-preserve-root option\n", stderr);
            return EXIT_FAILURE;
        }
        remove->allow_root = true;
        return -1;
    }
    if (optarg != NULL && strcmp(optarg, "all") != 0)
        return complain("unrecognized --preserve-root argument: ", optarg, "");
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
        return parse_jobs(optarg, &rm->remove.jobs)
                   ? -1
                   : complain("invalid number of jobs: ", optarg, "");
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
            complain("extra operand ", operands[0], "");
            fputs("file operands cannot be combined with --files0-from\n", stderr);
            return refer_to_help();
        }
        if (strcmp(rm->list, "-") == 0 &&
            (rm->ask_once || rm->remove.ask == TUG_REMOVE_ASK_ALWAYS)) {
            fputs("tug rm: cannot read both names and answers from standard input\n", stderr);
            return EXIT_FAILURE;
        }
        return -1;
    }
    if (count > 0)
        return -1;
    if (rm->remove.ignore_missing)
        return EXIT_SUCCESS;
    fputs("tug rm: missing operand\n", stderr);
    return refer_to_help();
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
