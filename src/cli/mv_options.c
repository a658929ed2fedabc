/* SPDX-License-Identifier: MIT */
/* Options mean what they mean to GNU mv; --jobs, --verify and --fsync are tug's own. */
#include "mv_options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "argmatch.h"
#include "backup_options.h"
#include "cli.h"
#include "usage.h"

static const char help[] =
    "Usage: tug mv [OPTION]... [-T] SOURCE DEST\n"
    "  or:  tug mv [OPTION]... SOURCE... DIRECTORY\n"
    "  or:  tug mv [OPTION]... -t DIRECTORY SOURCE...\n"
    "Rename SOURCE to DEST, or move several SOURCEs to DIRECTORY.\n"
    "\n"
    "  -b, --backup[=CONTROL]       keep each file that is replaced, under the name of\n"
    "                                 a backup; -b takes no argument\n"
    "      --exchange               swap SOURCE and DEST\n"
    "      --fail-fast              stop at the first failure\n"
    "  -f, --force                  do not ask before replacing a file\n"
    "      --fsync                  have the copy written to disk before the source is\n"
    "                                 removed\n"
    "  -i, --interactive            ask before replacing a file\n"
    "  -j, --jobs=N                 work on at most N things at a time (1 to 1024;\n"
    "                                 default: as many as turn out to help)\n"
    "  -n, --no-clobber             do not replace an existing file; of -f, -i and -n\n"
    "                                 the last one counts\n"
    "      --no-copy                do not copy what cannot be renamed\n"
    "      --strip-trailing-slashes  remove slashes at the end of each SOURCE\n"
    "  -S, --suffix=SUFFIX          the suffix of simple backups\n"
    "  -t, --target-directory=DIR   move all SOURCEs into DIR\n"
    "  -T, --no-target-directory    treat DEST as the new name\n"
    "  -u                           the same as --update=older\n"
    "      --update[=WHICH]         which existing files are replaced: all; older\n"
    "                                 (without WHICH), those older than the source;\n"
    "                                 none; none-fail, none, and the status tells\n"
    "  -v, --verbose                say what is being done\n"
    "      --verify                 read copies back and compare them before the source\n"
    "                                 is removed\n"
    "      --help                   show this help and exit\n"
    "      --version                show the version and exit\n"
    "\n"
    "Across file systems each SOURCE is copied with all that belongs to it, under a\n"
    "temporary name beside the final one; then the copy is renamed, and of the source\n"
    "is removed what was copied and has not changed. What fails stays in the source.\n"
    "\n" TUG_CLI_BACKUP_HELP "\n"
    "Exit status: 0 if all was moved, else 1.\n";

enum {
    OPTION_EXCHANGE = 256,
    OPTION_FAIL_FAST,
    OPTION_FSYNC,
    OPTION_HELP,
    OPTION_NO_COPY,
    OPTION_STRIP,
    OPTION_UPDATE,
    OPTION_VERIFY,
    OPTION_VERSION
};

static const struct option long_options[] = {
    {"backup", optional_argument, NULL, 'b'},
    {"exchange", no_argument, NULL, OPTION_EXCHANGE},
    {"fail-fast", no_argument, NULL, OPTION_FAIL_FAST},
    {"force", no_argument, NULL, 'f'},
    {"fsync", no_argument, NULL, OPTION_FSYNC},
    {"help", no_argument, NULL, OPTION_HELP},
    {"interactive", no_argument, NULL, 'i'},
    {"jobs", required_argument, NULL, 'j'},
    {"no-clobber", no_argument, NULL, 'n'},
    {"no-copy", no_argument, NULL, OPTION_NO_COPY},
    {"no-target-directory", no_argument, NULL, 'T'},
    {"strip-trailing-slashes", no_argument, NULL, OPTION_STRIP},
    {"suffix", required_argument, NULL, 'S'},
    {"target-directory", required_argument, NULL, 't'},
    {"update", optional_argument, NULL, OPTION_UPDATE},
    {"verbose", no_argument, NULL, 'v'},
    {"verify", no_argument, NULL, OPTION_VERIFY},
    {"version", no_argument, NULL, OPTION_VERSION},
    {NULL, 0, NULL, 0},
};

/* What --update says. */
enum update { UPDATE_ALL, UPDATE_OLDER, UPDATE_NONE, UPDATE_NONE_FAIL };

static const struct tug_cli_word updates[] = {
    {"all", UPDATE_ALL},
    {"none", UPDATE_NONE},
    {"none-fail", UPDATE_NONE_FAIL},
    {"older", UPDATE_OLDER},
    {NULL, 0},
};

struct parser {
    struct tug_cli_mv *mv;
    const char *command;
    struct tug_cli_backup backup;
    int mode; /* 'f', 'i' or 'n', 0: not said */
    enum update update;
    bool exact, strip;
    const char *directory; /* -t */
};

static int take_update(struct parser *parser)
{
    int value = UPDATE_OLDER;
    if (optarg != NULL)
        value = tug_cli_match(parser->command, "--update", optarg, updates);
    if (value < 0)
        return EXIT_FAILURE;
    parser->update = (enum update)value;
    return -1;
}

/* The options that have a meaning to tug only, and those that end at once. */
static int take_long_option(struct parser *parser, int option)
{
    struct tug_move_options *move = &parser->mv->move;
    switch (option) {
    case OPTION_EXCHANGE:
        move->exchange = true;
        return -1;
    case OPTION_FSYNC:
        move->sync = true;
        return -1;
    case OPTION_NO_COPY:
        move->no_copy = true;
        return -1;
    case OPTION_STRIP:
        parser->strip = true;
        return -1;
    case OPTION_UPDATE:
        return take_update(parser);
    case OPTION_FAIL_FAST:
        move->on_failure = TUG_ON_FAILURE_STOP;
        return -1;
    case OPTION_VERIFY:
        move->verify = true;
        return -1;
    case OPTION_HELP:
        fputs(help, stdout);
        return EXIT_SUCCESS;
    case OPTION_VERSION:
        tug_cli_print_version();
        return EXIT_SUCCESS;
    default:
        return tug_cli_refer_to_help();
    }
}

/* One option. Returns -1, or the exit status. */
static int take_option(struct parser *parser, int option)
{
    switch (option) {
    case 'b':
        parser->backup.wanted = true;
        if (optarg != NULL)
            parser->backup.control = optarg;
        return -1;
    case 'f':
    case 'i':
    case 'n':
        parser->mode = option;
        return -1;
    case 'j':
        return tug_cli_take_jobs(optarg, &parser->mv->move.jobs) ? -1 : EXIT_FAILURE;
    case 'S':
        parser->backup.wanted = true;
        parser->backup.suffix = optarg;
        return -1;
    case 't':
        if (parser->directory != NULL)
            return tug_cli_refuse("multiple target directories specified");
        parser->directory = optarg;
        return -1;
    case 'T':
        parser->exact = true;
        return -1;
    case 'u':
        parser->update = UPDATE_OLDER;
        return -1;
    case 'v':
        parser->mv->verbose = true;
        return -1;
    default:
        return take_long_option(parser, option);
    }
}

/* ---- Operands ---- */

static int take_operands(struct parser *parser, int count, char **operands)
{
    struct tug_cli_mv *mv = parser->mv;
    if (count <= (parser->directory == NULL)) {
        if (count == 0)
            tug_cli_refuse("missing file operand");
        else
            tug_cli_refuse_name("missing destination file operand after ", operands[0], "");
        return tug_cli_refer_to_help();
    }
    if (parser->exact && parser->directory != NULL)
        return tug_cli_refuse("cannot combine --target-directory (-t) and "
                              "--no-target-directory (-T)");
    if (parser->exact && count > 2) {
        tug_cli_refuse_name("extra operand ", operands[2], "");
        return tug_cli_refer_to_help();
    }
    mv->sources = (const char *const *)operands;
    mv->count = (size_t)count - (parser->directory == NULL);
    mv->destination = parser->directory != NULL ? parser->directory : operands[count - 1];
    if (parser->directory != NULL)
        mv->move.target = TUG_COPY_TARGET_DIRECTORY;
    else if (parser->exact)
        mv->move.target = TUG_COPY_TARGET_EXACT;
    if (parser->strip)
        tug_cli_strip_slashes(operands, mv->count);
    return -1;
}

/* ---- What follows from all of them ---- */

static int take_existing(struct parser *parser)
{
    struct tug_move_options *move = &parser->mv->move;
    move->update = parser->update == UPDATE_OLDER;
    if (parser->mode == 'n' || parser->update == UPDATE_NONE)
        move->existing = TUG_MOVE_EXISTING_KEEP;
    else if (parser->update == UPDATE_NONE_FAIL)
        move->existing = TUG_MOVE_EXISTING_REFUSE;
    else if (parser->mode == 'i')
        move->existing = TUG_MOVE_EXISTING_ASK;
    else if (parser->mode == 0 && isatty(STDIN_FILENO))
        move->existing = TUG_MOVE_EXISTING_ASK_UNWRITABLE;
    bool keep = move->existing == TUG_MOVE_EXISTING_KEEP;
    if (parser->backup.wanted && parser->mode == 'n') {
        tug_cli_refuse("options --backup and --no-clobber are mutually exclusive");
        return tug_cli_refer_to_help();
    }
    if (move->exchange && (parser->backup.wanted || keep)) {
        tug_cli_refuse("cannot combine --exchange with --backup, --no-clobber or --update=none");
        return tug_cli_refer_to_help();
    }
    return -1;
}

int tug_cli_mv_parse(struct tug_cli_mv *mv, int argc, char **argv)
{
    struct parser parser = {.mv = mv, .command = argv[0]};
    memset(mv, 0, sizeof(*mv));
    tug_move_options_init(&mv->move);
    int option;
    while ((option = getopt_long(argc, argv, "bfij:nS:t:Tuv", long_options, NULL)) != -1) {
        int status = take_option(&parser, option);
        if (status >= 0)
            return status;
    }
    int status = take_operands(&parser, argc - optind, argv + optind);
    if (status < 0)
        status = take_existing(&parser);
    if (status >= 0)
        return status;
    return tug_cli_backup_resolve(&parser.backup, parser.command, &mv->move.backup,
                                  &mv->move.suffix)
               ? -1
               : EXIT_FAILURE;
}
