/* SPDX-License-Identifier: MIT */
/* Numbers are read strictly: a benchmark of something else than was meant is worse than none. */
#include "bench_options.h"

#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench_message.h"
#include "bench_operation.h"
#include "cli.h"
#include "quote.h"

static const char help[] =
    "Usage: tug bench [OPTION]... [DIR]\n"
    "Measure tug beside plain sequential system calls and beside the other tools\n"
    "that are installed, on the file system of DIR (default: the current directory),\n"
    "in a scratch directory that is always removed, and print a report in Markdown.\n"
    "\n"
    "      --cache=KIND       warm, cold or both (default: warm, and cold too if the\n"
    "                           caches of the system may be dropped)\n"
    "      --json=FILE        write all figures to FILE as JSON (-: standard output)\n"
    "      --large=SIZE       size of the large file, as 512M (default: 1G)\n"
    "      --only=LIST        measure these operations only, separated by commas:\n"
    "                           copy-files, copy-deep, copy-many, copy-large, walk,\n"
    "                           reads, move-within, move-across, delete\n"
    "      --list             list the programs that would be measured, and exit\n"
    "  -o, --output=FILE      write the report to FILE, not to standard output\n"
    "      --other=DIR        also move a tree to DIR, on another file system\n"
    "      --plots=DIR        write plots into DIR as SVG\n"
    "      --rounds=N         measure everything N times, 1 to 99 (default: 5)\n"
    "      --scale=X          so many times the number of files, 0.01 to 100\n"
    "                           (default: 1, which is trees of 4,000 and 10,000 files)\n"
    "      --help             show this help and exit\n"
    "      --version          show the version and exit\n"
    "\n"
    "On a terminal a line on standard error shows what is being measured.\n"
    "\n"
    "Exit status: 0 if everything was measured, and every copy was found equal to\n"
    "its source, else 1.\n";

enum {
    OPTION_CACHE = 256,
    OPTION_JSON,
    OPTION_LARGE,
    OPTION_LIST,
    OPTION_ONLY,
    OPTION_OTHER,
    OPTION_PLOTS,
    OPTION_ROUNDS,
    OPTION_SCALE,
    OPTION_HELP,
    OPTION_VERSION
};

static const struct option long_options[] = {
    {"cache", required_argument, NULL, OPTION_CACHE},
    {"help", no_argument, NULL, OPTION_HELP},
    {"json", required_argument, NULL, OPTION_JSON},
    {"large", required_argument, NULL, OPTION_LARGE},
    {"list", no_argument, NULL, OPTION_LIST},
    {"only", required_argument, NULL, OPTION_ONLY},
    {"other", required_argument, NULL, OPTION_OTHER},
    {"output", required_argument, NULL, 'o'},
    {"plots", required_argument, NULL, OPTION_PLOTS},
    {"rounds", required_argument, NULL, OPTION_ROUNDS},
    {"scale", required_argument, NULL, OPTION_SCALE},
    {"version", no_argument, NULL, OPTION_VERSION},
    {NULL, 0, NULL, 0},
};

static int refuse(const char *what, const char *value)
{
    char *quoted = tug_cli_quote(value);
    tug_cli_bench_complain("%s %s", what, quoted != NULL ? quoted : value);
    free(quoted);
    return EXIT_FAILURE;
}

static bool parse_rounds(const char *text, unsigned *rounds)
{
    char *end;
    long number = strtol(text, &end, 10);
    if (end == text || *end != '\0' || number < 1 || number > TUG_BENCH_MAX_ROUNDS)
        return false;
    *rounds = (unsigned)number;
    return true;
}

static bool parse_scale(const char *text, double *scale)
{
    char *end;
    *scale = strtod(text, &end);
    return end != text && *end == '\0' && isfinite(*scale) && *scale >= 0.01 && *scale <= 100;
}

/* A number and K, M, G or T, times 1024. From 4 KiB, what a single read takes, to 16 TiB. */
static bool parse_size(const char *text, uint64_t *size)
{
    static const char units[] = "KMGT";
    char *end;
    double number = strtod(text, &end);
    if (end == text || !isfinite(number))
        return false;
    if (*end != '\0') {
        const char *unit = strchr(units, *end);
        if (unit == NULL)
            return false;
        number = ldexp(number, 10 * (int)(unit - units + 1));
        end += end[1] == 'i' && end[2] == 'B' ? 3 : 1;
    }
    if (*end != '\0' || number < 4096 || number > ldexp(16, 40))
        return false;
    *size = (uint64_t)number / 4096 * 4096;
    return true;
}

static bool parse_cache(const char *text, bool caches[TUG_BENCH_CACHES])
{
    bool both = strcmp(text, "both") == 0;
    caches[TUG_BENCH_WARM] = both || strcmp(text, "warm") == 0;
    caches[TUG_BENCH_COLD] = both || strcmp(text, "cold") == 0;
    return caches[TUG_BENCH_WARM] || caches[TUG_BENCH_COLD];
}

static bool parse_operations(const char *text, bool operations[TUG_BENCH_OPERATIONS])
{
    memset(operations, 0, TUG_BENCH_OPERATIONS * sizeof(*operations));
    for (;;) {
        size_t length = strcspn(text, ",");
        int operation = tug_cli_bench_operation_find(text, length);
        if (operation < 0)
            return false;
        operations[operation] = true;
        if (text[length] == '\0')
            return true;
        text += length + 1;
    }
}

/* One option. Returns -1, or the exit status. */
static int take_option(struct tug_bench_options *options, int option)
{
    switch (option) {
    case 'o':
        options->output = optarg;
        return -1;
    case OPTION_JSON:
        options->json = optarg;
        return -1;
    case OPTION_LIST:
        options->list = true;
        return -1;
    case OPTION_OTHER:
        options->other = optarg;
        return -1;
    case OPTION_PLOTS:
        options->plots = optarg;
        return -1;
    case OPTION_CACHE:
        return parse_cache(optarg, options->caches) ? -1 : refuse("invalid kind of cache:", optarg);
    case OPTION_LARGE:
        return parse_size(optarg, &options->large) ? -1 : refuse("invalid size:", optarg);
    case OPTION_ONLY:
        return parse_operations(optarg, options->operations)
                   ? -1
                   : refuse("no such operation in the list", optarg);
    case OPTION_ROUNDS:
        return parse_rounds(optarg, &options->rounds) ? -1
                                                      : refuse("invalid number of rounds:", optarg);
    case OPTION_SCALE:
        return parse_scale(optarg, &options->scale) ? -1 : refuse("invalid scale:", optarg);
    case OPTION_HELP:
        fputs(help, stdout);
        return EXIT_SUCCESS;
    case OPTION_VERSION:
        tug_cli_print_version();
        return EXIT_SUCCESS;
    default:
        fputs("Try 'tug bench --help' for more information.\n", stderr);
        return EXIT_FAILURE;
    }
}

/* Two things cannot share standard output. */
static int check(const struct tug_bench_options *options)
{
    bool report = options->output == NULL || strcmp(options->output, "-") == 0;
    if (report && options->json != NULL && strcmp(options->json, "-") == 0) {
        tug_cli_bench_complain("the report and the JSON cannot both go to standard output;"
                               " use --output=FILE");
        return EXIT_FAILURE;
    }
    if (options->operations[TUG_BENCH_MOVE_ACROSS] && options->other == NULL) {
        tug_cli_bench_complain("move-across needs --other=DIR");
        return EXIT_FAILURE;
    }
    return -1;
}

int tug_cli_bench_parse(struct tug_bench_options *options, int argc, char **argv)
{
    memset(options, 0, sizeof(*options));
    options->directory = ".";
    options->scale = 1;
    options->large = (uint64_t)1 << 30;
    options->rounds = 5;
    bool only = false;
    int option;
    while ((option = getopt_long(argc, argv, "o:", long_options, NULL)) != -1) {
        int status = take_option(options, option);
        if (status >= 0)
            return status;
        only |= option == OPTION_ONLY;
    }
    if (argc - optind > 1)
        return refuse("extra operand", argv[optind + 1]);
    if (optind < argc)
        options->directory = argv[optind];
    for (int i = 0; i < TUG_BENCH_OPERATIONS && !only; i++)
        options->operations[i] = i != TUG_BENCH_MOVE_ACROSS || options->other != NULL;
    return check(options);
}
