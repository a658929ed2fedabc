/* SPDX-License-Identifier: MIT */
/*
 * `tug cmp`: one coroutine on the main thread waits for the comparison, another for Ctrl-C. The
 * work is on the blocking pool.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tug/compare.h>

#include "cli.h"
#include "cmp.h"
#include "in_runtime.h"
#include "interrupt.h"
#include "terminal.h"

struct running {
    struct tug_cli_cmp cmp;
    struct tug_compare_report report;
};

static void show_event(const struct tug_compare_event *event, void *argument)
{
    const struct running *running = argument;
    char *text = tug_cli_cmp_message(event, running->cmp.brief);
    if (text == NULL)
        tug_cli_complain("memory exhausted");
    else if (event->kind == TUG_COMPARE_FAILED)
        tug_cli_complain(text);
    else
        tug_cli_print(text);
    free(text);
}

static int64_t compare(void *argument)
{
    struct running *running = argument;
    return tug_compare(&running->cmp.compare, running->cmp.a, running->cmp.b, &running->report);
}

static int64_t compare_interruptibly(void *argument)
{
    return tug_cli_interruptible(compare, argument);
}

static int64_t run(struct running *running)
{
    int error = tug_cli_interrupt_catch();
    if (error != 0)
        return error;
    return tug_cli_in_runtime(compare_interruptibly, running, running->cmp.compare.jobs);
}

static void summarise(const struct tug_compare_report *report)
{
    char text[512];
    snprintf(text, sizeof(text),
             "compared %" PRIu64 " files, %" PRIu64 " directories, %" PRIu64 " links, %" PRIu64
             " special files, %" PRIu64 " bytes; %" PRIu64 " differences: %" PRIu64
             " only in the first, %" PRIu64 " only in the second, %" PRIu64 " types, %" PRIu64
             " contents, %" PRIu64 " modes, %" PRIu64 " owners, %" PRIu64 " times, %" PRIu64
             " attributes, %" PRIu64 " hard links; %" PRIu64 " failed",
             report->files, report->directories, report->links, report->specials, report->bytes,
             report->differences, report->only_a, report->only_b, report->types, report->contents,
             report->modes, report->owners, report->times, report->xattrs, report->hard_links,
             report->failures);
    tug_cli_print(text);
}

int tug_cli_cmp(int argc, char **argv)
{
    struct running running;
    memset(&running, 0, sizeof(running));
    argv[0] = "tug cmp";
    tug_cli_set_command(argv[0]);
    int status = tug_cli_cmp_parse(&running.cmp, argc, argv);
    if (status >= 0)
        return tug_cli_flush() ? status : TUG_CLI_CMP_TROUBLE;
    running.cmp.compare.event = show_event;
    running.cmp.compare.argument = &running;
    running.cmp.compare.events = TUG_COMPARE_FAILED;
    if (!running.cmp.silent)
        running.cmp.compare.events |= TUG_COMPARE_DIFFERENCES;
    int64_t result = run(&running);
    if (result < 0 && running.report.failures == 0 && result != -ECANCELED)
        tug_cli_explain_start(result);
    if (running.cmp.summary)
        summarise(&running.report);
    bool flushed = tug_cli_flush();
    tug_cli_interrupt_obey();
    if (result < 0 || !flushed)
        return TUG_CLI_CMP_TROUBLE;
    return result == 0 ? TUG_CLI_CMP_SAME : TUG_CLI_CMP_DIFFERENT;
}
