/* SPDX-License-Identifier: MIT */
/* Options mean what they mean to GNU cp; --jobs, --verify and the progress line are tug's own. */
#include "cp_options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli.h"
#include "cp_contents.h"
#include "cp_existing.h"
#include "cp_preserve.h"
#include "size.h"
#include "usage.h"

static const char help[] =
    "Usage: tug cp [OPTION]... [-T] SOURCE DEST\n"
    "  or:  tug cp [OPTION]... SOURCE... DIRECTORY\n"
    "  or:  tug cp [OPTION]... -t DIRECTORY SOURCE...\n"
    "Copy SOURCE to DEST, or several SOURCEs to DIRECTORY.\n"
    "\n"
    "  -a, --archive                keep everything: -dR --preserve=all\n"
    "  -d                           keep links of both kinds: -P --preserve=links\n"
    "      --attributes-only        do not copy contents, only what is kept beside them\n"
    "  -b, --backup[=CONTROL]       keep each file that is replaced, under the name of\n"
    "                                 a backup; -b takes no argument\n"
    "      --checksum               leave files alone that have the contents of their\n"
    "                                 source already\n"
    "      --copy-contents          with -r, copy what comes out of FIFOs and devices\n"
    "      --debug                  say how each file was copied, and why; implies -v\n"
    "      --fail-fast              stop at the first failure\n"
    "  -f, --force                  remove a destination file that cannot be\n"
    "                                 opened, and try again\n"
    "  -H                           follow symbolic links among the SOURCEs\n"
    "  -i, --interactive            ask before overwriting\n"
    "  -j, --jobs=N                 work on at most N things at a time (1 to 1024;\n"
    "                                 default: as many as turn out to help)\n"
    "  -L, --dereference            follow all symbolic links\n"
    "  -l, --link                   make hard links to files instead of copies\n"
    "  -n, --no-clobber             do not overwrite an existing file\n"
    "  -P, --no-dereference         copy symbolic links as such (the default with -r)\n"
    "      --no-preserve=LIST       do not keep what the LIST names\n"
    "  -p                           the same as --preserve=mode,ownership,timestamps\n"
    "      --parents                use the whole path names of SOURCEs below DIRECTORY\n"
    "      --preserve[=LIST]        keep what the LIST names: mode, ownership,\n"
    "                                 timestamps, links, context, xattr or all\n"
    "      --resume[=SIZE]          go on where the same command was interrupted: leave\n"
    "                                 files alone that have the size and time of their\n"
    "                                 source, and continue those of SIZE bytes or more\n"
    "                                 (suffixes K, M, G, T; default: 64M)\n"
    "  -R, -r, --recursive          copy directories recursively\n"
    "      --reflink[=WHEN]         share blocks with the source: 'auto' (the default),\n"
    "                                 'always' (also without WHEN) or 'never'\n"
    "      --sparse=WHEN            holes in files: keep them ('auto', the default), make\n"
    "                                 them of all zeros ('always'), or fill them ('never')\n"
    "      --remove-destination     remove each existing destination file first\n"
    "  -s, --symbolic-link          make symbolic links to files instead of copies\n"
    "      --strip-trailing-slashes take the slashes off the end of each SOURCE\n"
    "  -S, --suffix=SUFFIX          the suffix of simple backups\n"
    "  -t, --target-directory=DIR   copy all SOURCEs into DIR\n"
    "  -T, --no-target-directory    treat DEST as the name of the copy\n"
    "  -u, --update[=UPDATE]        say which existing files are overwritten: 'all' (the\n"
    "                                 default), 'none', 'none-fail' or 'older' (also\n"
    "                                 without UPDATE): those older than their source\n"
    "  -v, --verbose                say what is being done\n"
    "      --verify                 then read both sides back and compare them\n"
    "  -x, --one-file-system        stay on the file systems of the SOURCEs\n"
    "      --help                   show this help and exit\n"
    "      --version                show the version and exit\n"
    "\n" TUG_CLI_BACKUP_HELP "\n"
    "On a terminal a line on standard error shows the progress. What fails is\n"
    "reported, and the rest is copied, unless there is --fail-fast. A file whose copy fails, or is "
    "interrupted\n"
    "by Ctrl-C, is removed; with --resume a large one is kept for the next time.\n"
    "\n"
    "Exit status: 0 if all was copied (and found equal, with --verify), else 1.\n";

enum {
    OPTION_VERIFY = 256,
    OPTION_HELP,
    OPTION_VERSION,
    OPTION_PRESERVE,
    OPTION_NO_PRESERVE,
    OPTION_RESUME,
    OPTION_CHECKSUM,
    OPTION_FAIL_FAST,
    OPTION_DEBUG,
    OPTION_REFLINK,
    OPTION_SPARSE
};

static const struct option long_options[] = {
    TUG_CLI_EXISTING_OPTIONS,
    {"archive", no_argument, NULL, 'a'},
    {"checksum", no_argument, NULL, OPTION_CHECKSUM},
    {"debug", no_argument, NULL, OPTION_DEBUG},
    {"dereference", no_argument, NULL, 'L'},
    {"fail-fast", no_argument, NULL, OPTION_FAIL_FAST},
    {"help", no_argument, NULL, OPTION_HELP},
    {"jobs", required_argument, NULL, 'j'},
    {"no-dereference", no_argument, NULL, 'P'},
    {"no-preserve", required_argument, NULL, OPTION_NO_PRESERVE},
    {"no-target-directory", no_argument, NULL, 'T'},
    {"preserve", optional_argument, NULL, OPTION_PRESERVE},
    {"resume", optional_argument, NULL, OPTION_RESUME},
    {"recursive", no_argument, NULL, 'r'},
    {"reflink", optional_argument, NULL, OPTION_REFLINK},
    {"sparse", required_argument, NULL, OPTION_SPARSE},
    {"target-directory", required_argument, NULL, 't'},
    {"verbose", no_argument, NULL, 'v'},
    {"verify", no_argument, NULL, OPTION_VERIFY},
    {"version", no_argument, NULL, OPTION_VERSION},
    {NULL, 0, NULL, 0},
};

/* What was said about links; the default depends on -r. */
enum links { LINKS_BY_DEFAULT, LINKS_NEVER, LINKS_OPERANDS, LINKS_ALWAYS };

struct parser {
    struct tug_cli_cp *cp;
    enum links links;
    struct tug_cli_preserve preserve;
    struct tug_cli_existing existing;
    bool exact;
    const char *directory; /* -t */
};

/* One option. Returns -1, or the exit status. */
static int take_option(struct parser *parser, int option)
{
    int status;
    struct tug_cli_cp *cp = parser->cp;
    if (tug_cli_existing_take(&parser->existing, &cp->copy, option, optarg, &status))
        return status;
    switch (option) {
    case 'a':
        tug_cli_preserve_all(&parser->preserve, true);
        parser->links = LINKS_NEVER;
        cp->copy.recursive = true;
        cp->quiet_attributes = true;
        return -1;
    case 'd':
        parser->preserve.wanted |= TUG_COPY_PRESERVE_LINKS;
        parser->links = LINKS_NEVER;
        return -1;
    case 'H':
        parser->links = LINKS_OPERANDS;
        return -1;
    case 'j':
        return tug_cli_take_jobs(optarg, &cp->copy.jobs) ? -1 : EXIT_FAILURE;
    case 'L':
        parser->links = LINKS_ALWAYS;
        return -1;
    case 'P':
        parser->links = LINKS_NEVER;
        return -1;
    case OPTION_PRESERVE:
        if (optarg != NULL)
            return tug_cli_preserve_list(&parser->preserve, optarg, true) ? -1 : EXIT_FAILURE;
        /* fall through */
    case 'p':
        tug_cli_preserve_usual(&parser->preserve);
        return -1;
    case OPTION_NO_PRESERVE:
        return tug_cli_preserve_list(&parser->preserve, optarg, false) ? -1 : EXIT_FAILURE;
    case 'R':
    case 'r':
        cp->copy.recursive = true;
        return -1;
    case 't':
        if (parser->directory != NULL) {
            return tug_cli_refuse("multiple target directories specified");
        }
        parser->directory = optarg;
        return -1;
    case 'T':
        parser->exact = true;
        return -1;
    case 'v':
        cp->verbose = true;
        return -1;
    case OPTION_CHECKSUM:
        cp->copy.checksum = true;
        return -1;
    case OPTION_RESUME:
        cp->copy.resume = true;
        if (optarg != NULL && !tug_cli_parse_size(optarg, &cp->copy.resume_size))
            return tug_cli_refuse_name("invalid size for --resume: ", optarg, "");
        return -1;
    case OPTION_DEBUG:
        cp->debug = cp->verbose = true;
        return -1;
    case OPTION_REFLINK:
        return tug_cli_take_reflink(&cp->copy, optarg) ? -1 : EXIT_FAILURE;
    case OPTION_SPARSE:
        return tug_cli_take_sparse(&cp->copy, optarg) ? -1 : EXIT_FAILURE;
    case OPTION_FAIL_FAST:
        cp->copy.on_failure = TUG_ON_FAILURE_STOP;
        return -1;
    case OPTION_VERIFY:
        cp->copy.verify = true;
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

static bool is_directory(const char *path)
{
    struct stat stat_;
    return stat(path, &stat_) == 0 && S_ISDIR(stat_.st_mode);
}

static int take_operands(struct parser *parser, int count, char **operands)
{
    struct tug_cli_cp *cp = parser->cp;
    if (parser->exact && parser->directory != NULL) {
        return tug_cli_refuse(
            "cannot combine --target-directory (-t) and --no-target-directory (-T)");
    }
    if (count == 0) {
        tug_cli_refuse("missing file operand");
        return tug_cli_refer_to_help();
    }
    cp->sources = (const char *const *)operands;
    cp->count = (size_t)count;
    cp->destination = parser->directory;
    if (parser->existing.strip)
        tug_cli_strip_slashes(operands, cp->count - (parser->directory == NULL));
    if (parser->directory != NULL) {
        cp->copy.target = TUG_COPY_TARGET_DIRECTORY;
        return -1;
    }
    if (count == 1) {
        tug_cli_refuse_name("missing destination file operand after ", operands[0], "");
        return tug_cli_refer_to_help();
    }
    if (parser->exact && count > 2) {
        tug_cli_refuse_name("extra operand ", operands[2], "");
        return tug_cli_refer_to_help();
    }
    cp->destination = operands[count - 1];
    cp->count--;
    if (cp->copy.parents && (parser->exact || !is_directory(cp->destination))) {
        tug_cli_refuse("with --parents, the destination must be a directory");
        return tug_cli_refer_to_help();
    }
    if (parser->exact)
        cp->copy.target = TUG_COPY_TARGET_EXACT;
    return -1;
}

static enum tug_copy_follow follow_of(const struct parser *parser)
{
    switch (parser->links) {
    case LINKS_NEVER:
        return TUG_COPY_FOLLOW_NEVER;
    case LINKS_OPERANDS:
        return TUG_COPY_FOLLOW_OPERANDS;
    case LINKS_ALWAYS:
        return TUG_COPY_FOLLOW_ALWAYS;
    default:
        return parser->cp->copy.recursive && parser->cp->copy.make != TUG_COPY_MAKE_HARD_LINK
                   ? TUG_COPY_FOLLOW_NEVER
                   : TUG_COPY_FOLLOW_ALWAYS;
    }
}

int tug_cli_cp_parse(struct tug_cli_cp *cp, int argc, char **argv)
{
    struct parser parser = {.cp = cp, .links = LINKS_BY_DEFAULT};
    memset(cp, 0, sizeof(*cp));
    tug_copy_options_init(&cp->copy);
    int option;
    while ((option = getopt_long(argc, argv, TUG_CLI_EXISTING_LETTERS "adHj:LPpRrt:Tv",
                                 long_options, NULL)) != -1) {
        int status = take_option(&parser, option);
        if (status >= 0)
            return status;
    }
    int status = take_operands(&parser, argc - optind, argv + optind);
    if (status >= 0)
        return status;
    if (!tug_cli_preserve_apply(&parser.preserve, &cp->copy))
        return EXIT_FAILURE;
    if (cp->copy.reflink == TUG_COPY_REFLINK_ALWAYS && cp->copy.sparse != TUG_COPY_SPARSE_AUTO) {
        tug_cli_refuse("--reflink can be used only with --sparse=auto");
        return tug_cli_refer_to_help();
    }
    status = tug_cli_existing_apply(&parser.existing, &cp->copy);
    if (status >= 0)
        return status;
    cp->ask = parser.existing.mode == 'i';
    cp->copy.follow = follow_of(&parser);
    /* No other thread runs yet, so this disturbs nobody. If modes are kept there is no use for a
     * umask; without it most files can be made with the mode that they will have. */
    mode_t mask = umask(0);
    if ((cp->copy.preserve & TUG_COPY_PRESERVE_MODE) == 0)
        umask(mask);
    cp->copy.umask = (int)mask;
    return -1;
}
