/* SPDX-License-Identifier: MIT */
/* Options in the style of cmp(1) and diff(1), whose meaning they keep where the names are the same.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "cmp.h"
#include "usage.h"

static const char help[] =
    "Usage: tug cmp [OPTION]... A B\n"
    "Compare two files byte by byte, or two directories with all below them.\n"
    "\n"
    "      --first             stop at the first difference\n"
    "  -j, --jobs=N            work on at most N things at a time (1 to 1024;\n"
    "                            default: as many as turn out to help)\n"
    "  -L, --dereference       follow all symbolic links (default: A and B only)\n"
    "      --metadata=LIST     compare also these, separated by commas: mode,\n"
    "                            ownership, timestamps, xattr, links (which names\n"
    "                            are the same file), all\n"
    "      --no-content        do not compare the contents of regular files\n"
    "  -P, --no-dereference    follow no symbolic links\n"
    "  -q, --brief             say what differs, but not where or how\n"
    "  -r, --recursive         no effect: directories are always compared with all\n"
    "                            below them\n"
    "  -s, --silent, --quiet   print nothing, and stop at the first difference\n"
    "      --summary           print at the end how much was compared\n"
    "      --help              show this help and exit\n"
    "      --version           show the version and exit\n"
    "\n"
    "Types of files, targets of symbolic links and numbers of devices are always\n"
    "compared. The order of the lines is that in which differences are found.\n"
    "\n"
    "Exit status: 0 if A and B are the same, 1 if they differ, 2 if trouble.\n";

enum {
    OPTION_METADATA = 256,
    OPTION_FIRST,
    OPTION_NO_CONTENT,
    OPTION_SUMMARY,
    OPTION_HELP,
    OPTION_VERSION
};

static const struct option long_options[] = {
    {"brief", no_argument, NULL, 'q'},
    {"dereference", no_argument, NULL, 'L'},
    {"first", no_argument, NULL, OPTION_FIRST},
    {"help", no_argument, NULL, OPTION_HELP},
    {"jobs", required_argument, NULL, 'j'},
    {"metadata", required_argument, NULL, OPTION_METADATA},
    {"no-content", no_argument, NULL, OPTION_NO_CONTENT},
    {"no-dereference", no_argument, NULL, 'P'},
    {"quiet", no_argument, NULL, 's'},
    {"recursive", no_argument, NULL, 'r'},
    {"silent", no_argument, NULL, 's'},
    {"summary", no_argument, NULL, OPTION_SUMMARY},
    {"version", no_argument, NULL, OPTION_VERSION},
    {NULL, 0, NULL, 0},
};

static const struct {
    const char *name;
    unsigned kinds;
} metadata_names[] = {
    {"mode", TUG_COMPARE_MODE},
    {"ownership", TUG_COMPARE_OWNER},
    {"timestamps", TUG_COMPARE_TIME},
    {"xattr", TUG_COMPARE_XATTR},
    {"links", TUG_COMPARE_LINKS},
    {"all", TUG_COMPARE_MODE | TUG_COMPARE_OWNER | TUG_COMPARE_TIME | TUG_COMPARE_XATTR |
                TUG_COMPARE_LINKS},
};

static int refuse_usage(void)
{
    tug_cli_refer_to_help();
    return TUG_CLI_CMP_TROUBLE;
}

static int refuse(const char *before, const char *name)
{
    tug_cli_refuse_name(before, name, "");
    return refuse_usage();
}

/* Changes the list in place, to take it apart. */
static int parse_metadata(char *list, unsigned *kinds)
{
    char *rest = list;
    for (const char *word; (word = strsep(&rest, ",")) != NULL;) {
        size_t i = 0, count = sizeof(metadata_names) / sizeof(metadata_names[0]);
        while (i < count && strcmp(metadata_names[i].name, word) != 0)
            i++;
        if (i == count)
            return refuse("invalid argument for --metadata: ", word);
        *kinds |= metadata_names[i].kinds;
    }
    return -1;
}

/* One option. Returns -1, or the exit status. */
static int take_option(struct tug_cli_cmp *cmp, int option)
{
    switch (option) {
    case 'j':
        return tug_cli_take_jobs(optarg, &cmp->compare.jobs) ? -1 : refuse_usage();
    case 'L':
        cmp->compare.follow = TUG_COPY_FOLLOW_ALWAYS;
        return -1;
    case 'P':
        cmp->compare.follow = TUG_COPY_FOLLOW_NEVER;
        return -1;
    case 'q':
        cmp->brief = true;
        return -1;
    case 'r':
        return -1;
    case 's':
        cmp->silent = true;
        return -1;
    case OPTION_FIRST:
        cmp->compare.first_only = true;
        return -1;
    case OPTION_METADATA:
        return parse_metadata(optarg, &cmp->compare.metadata);
    case OPTION_NO_CONTENT:
        cmp->compare.contents = false;
        return -1;
    case OPTION_SUMMARY:
        cmp->summary = true;
        return -1;
    case OPTION_HELP:
        fputs(help, stdout);
        return TUG_CLI_CMP_SAME;
    case OPTION_VERSION:
        tug_cli_print_version();
        return TUG_CLI_CMP_SAME;
    default:
        return refuse_usage();
    }
}

int tug_cli_cmp_parse(struct tug_cli_cmp *cmp, int argc, char **argv)
{
    memset(cmp, 0, sizeof(*cmp));
    tug_compare_options_init(&cmp->compare);
    int option;
    while ((option = getopt_long(argc, argv, "j:LPqrs", long_options, NULL)) != -1) {
        int status = take_option(cmp, option);
        if (status >= 0)
            return status;
    }
    if (argc - optind == 0) {
        tug_cli_refuse("missing operand");
        return refuse_usage();
    }
    if (argc - optind == 1)
        return refuse("missing operand after ", argv[optind]);
    if (argc - optind > 2)
        return refuse("extra operand ", argv[optind + 2]);
    cmp->a = argv[optind];
    cmp->b = argv[optind + 1];
    if (cmp->silent)
        cmp->compare.first_only = true;
    cmp->compare.offsets = !cmp->silent && !cmp->brief;
    return -1;
}
