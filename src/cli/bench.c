/* SPDX-License-Identifier: MIT */
/* `tug bench`: looks, measures, cleans up, and only then writes what it has found. */
#include "bench.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "bench_list.h"
#include "bench_message.h"
#include "bench_operation.h"
#include "bench_options.h"
#include "bench_prepare.h"
#include "bench_report.h"
#include "bench_scratch.h"
#include "cli.h"
#include "interrupt.h"
#include "quote.h"

static int complain(const char *what, const char *path, int error)
{
    char *quoted = tug_cli_quote(path);
    tug_cli_bench_complain("%s %s: %s", what, quoted != NULL ? quoted : path, strerror(error));
    free(quoted);
    return -EIO;
}

/* ---- Output ---- */

/* Opens it before anything is measured: a long run must not end with a file that cannot be made.
 * NULL: none is wanted, or, after a message, it cannot be made (`*error`). */
static FILE *open_output(const char *path, int *error)
{
    if (path == NULL || *error != 0)
        return NULL;
    if (strcmp(path, "-") == 0)
        return stdout;
    FILE *file = fopen(path, "we");
    if (file == NULL)
        *error = complain("cannot create", path, errno);
    return file;
}

static int close_output(FILE *file, const char *path)
{
    if (file == NULL)
        return 0;
    bool failed = ferror(file) != 0;
    errno = 0;
    failed |= (file == stdout ? fflush(file) : fclose(file)) != 0;
    return failed ? complain("cannot write", path, errno != 0 ? errno : EIO) : 0;
}

/* The directory of the plots as the report names it: relative to the report if that is above. */
static const char *plots_in_report(const struct tug_bench_options *options)
{
    const char *plots = options->plots, *output = options->output;
    const char *slash = output != NULL ? strrchr(output, '/') : NULL;
    if (plots == NULL || slash == NULL)
        return plots;
    size_t length = (size_t)(slash + 1 - output);
    return strncmp(plots, output, length) == 0 && plots[length] != '\0' ? plots + length : plots;
}

static int write_plots(const struct tug_bench_report *report)
{
    const struct tug_bench_options *options = &report->bench->options;
    char name[64], *path;
    int error = 0;
    for (unsigned i = 0; i < TUG_BENCH_PLOTS * TUG_BENCH_CACHES && error == 0; i++) {
        enum tug_bench_cache cache = i / TUG_BENCH_PLOTS;
        if (!options->caches[cache])
            continue;
        tug_cli_bench_plot_name(name, sizeof(name), i % TUG_BENCH_PLOTS, cache);
        if (asprintf(&path, "%s/%s", options->plots, name) < 0)
            return complain("cannot create", name, ENOMEM);
        FILE *file = open_output(path, &error);
        if (file != NULL) {
            tug_cli_bench_write_plot(file, report, i % TUG_BENCH_PLOTS, cache);
            error = close_output(file, path);
        }
        free(path);
    }
    return error;
}

/* Makes the directory of the plots, if it is wanted and not there. */
static int make_plots(const struct tug_bench_options *options)
{
    if (options->plots == NULL || mkdir(options->plots, 0777) == 0 || errno == EEXIST)
        return 0;
    return complain("cannot create directory", options->plots, errno);
}

/* ---- The run ---- */

/* Which caches are measured if nobody said. */
static int choose_caches(struct tug_bench_options *options)
{
    bool allowed = tug_cli_bench_may_drop_caches();
    bool said = options->caches[TUG_BENCH_WARM] || options->caches[TUG_BENCH_COLD];
    if (said && options->caches[TUG_BENCH_COLD] && !allowed) {
        tug_cli_bench_complain("cold caches need the right to write /proc/sys/vm/drop_caches");
        return -EIO;
    }
    if (!said) {
        options->caches[TUG_BENCH_WARM] = true;
        options->caches[TUG_BENCH_COLD] = allowed;
    }
    return 0;
}

static int look(struct tug_bench_report *report, const struct tug_bench_options *options)
{
    tug_cli_bench_machine(&report->machine);
    int error = tug_cli_bench_volume(&report->volume, options->directory);
    if (error != 0)
        return complain("cannot use", options->directory, -error);
    if (!options->operations[TUG_BENCH_MOVE_ACROSS])
        return 0;
    error = tug_cli_bench_volume(&report->other, options->other);
    return error != 0 ? complain("cannot use", options->other, -error) : 0;
}

/* Measures, within the scratch directories. */
static int measure(struct tug_bench *bench)
{
    int error = tug_cli_bench_find_programs(&bench->programs);
    if (error == 0)
        error = tug_cli_bench_scratch_make(bench);
    if (error == 0) {
        error = tug_cli_bench_measure(bench);
        int remove_error = tug_cli_bench_scratch_remove(bench);
        if (error == 0)
            error = remove_error;
    }
    return error;
}

/* What would be measured, and nothing else. */
static int list(struct tug_bench *bench)
{
    int error = tug_cli_bench_find_programs(&bench->programs);
    if (error == 0)
        tug_cli_bench_list(&bench->programs);
    tug_cli_bench_forget_programs(&bench->programs);
    return error != 0 ? error : close_output(stdout, "-");
}

static int run(struct tug_bench *bench)
{
    struct tug_bench_options *options = &bench->options;
    struct tug_bench_report report = {.bench = bench};
    const char *output = options->output != NULL ? options->output : "-";
    int error = choose_caches(options);
    if (error == 0)
        error = look(&report, options);
    if (error == 0)
        error = make_plots(options);
    FILE *markdown = open_output(output, &error);
    FILE *json = open_output(options->json, &error);
    tug_cli_bench_sizes(&bench->sizes, options);
    if (error == 0)
        error = measure(bench);
    if (error == 0) {
        tug_cli_bench_write_markdown(markdown, &report, plots_in_report(options));
        if (json != NULL)
            tug_cli_bench_write_json(json, &report);
        if (options->plots != NULL)
            error = write_plots(&report);
    }
    int markdown_error = close_output(markdown, output);
    int json_error = close_output(json, options->json);
    tug_cli_bench_forget_programs(&bench->programs);
    return error != 0 ? error : markdown_error != 0 ? markdown_error : json_error;
}

int tug_cli_bench(int argc, char **argv)
{
    static struct tug_bench bench;
    argv[0] = "tug bench";
    int status = tug_cli_bench_parse(&bench.options, argc, argv);
    if (status >= 0)
        return fflush(stdout) == 0 ? status : EXIT_FAILURE;
    /* A reader that goes away must not leave the scratch directory behind. */
    signal(SIGPIPE, SIG_IGN);
    int error = tug_cli_interrupt_catch();
    if (error != 0) {
        tug_cli_bench_complain("cannot start: %s", strerror(-error));
        return EXIT_FAILURE;
    }
    bench.results = calloc(1, sizeof(*bench.results));
    if (bench.results == NULL) {
        tug_cli_bench_complain("%s", strerror(ENOMEM));
        return EXIT_FAILURE;
    }
    error = bench.options.list ? list(&bench) : run(&bench);
    free(bench.results);
    tug_cli_interrupt_obey();
    return error == 0 && !bench.failed ? EXIT_SUCCESS : EXIT_FAILURE;
}
