/* SPDX-License-Identifier: MIT */
/*
 * `tug cp`: one coroutine on the main thread begins the copy, and waits for it; beside it one waits
 * for Ctrl-C, and on a terminal one draws the progress. Most of the work is on the blocking pool.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tug/copy.h>

#include "cli.h"
#include "cp_existing.h"
#include "cp_options.h"
#include "in_runtime.h"
#include "interrupt.h"
#include "message.h"
#include "progress.h"
#include "prompt.h"
#include "terminal.h"

struct running {
    struct tug_cli_cp cp;
    struct tug_copy_report report;
};

static void show_event(const struct tug_copy_event *event, void *argument)
{
    struct running *running = argument;
    if (event->kind == TUG_COPY_WARNING && running->cp.quiet_attributes &&
        (event->step == TUG_COPY_STEP_READ_XATTR || event->step == TUG_COPY_STEP_PRESERVE_XATTR))
        return;
    bool told = event->kind == TUG_COPY_STARTED || event->kind == TUG_COPY_EXPLAINED;
    char *text = event->kind == TUG_COPY_STARTED ? tug_cli_started(event)
                 : event->kind == TUG_COPY_EXPLAINED
                     ? tug_cli_explained(event)
                     : tug_cli_message(event, running->cp.copy.target);
    const char *printed = text != NULL ? text : "memory exhausted";
    if (told && text != NULL)
        tug_cli_print(printed);
    else
        tug_cli_complain(printed);
    free(text);
}

static bool ask(const char *path, unsigned mode, bool writable, void *argument)
{
    const struct running *running = argument;
    char *text = tug_cli_cp_question(&running->cp.copy, path, mode, writable);
    bool yes = text != NULL && tug_cli_ask("tug cp", text);
    free(text);
    return yes;
}

static int64_t copy(void *argument)
{
    struct running *running = argument;
    const struct tug_cli_cp *cp = &running->cp;
    return tug_copy(&cp->copy, cp->sources, cp->count, cp->destination, &running->report);
}

static int64_t copy_interruptibly(void *argument)
{
    struct running *running = argument;
    struct tug_cli_progress progress = {
        .options = &running->cp.copy,
        .sources = running->cp.sources,
        .count = running->cp.count,
        .report = &running->report,
    };
    return tug_cli_interruptible_with_progress(copy, running, &progress);
}

static int64_t run(struct running *running)
{
    int error = tug_cli_interrupt_catch();
    if (error != 0)
        return error;
    return tug_cli_in_runtime(copy_interruptibly, running, running->cp.copy.jobs);
}

static void summarise(const struct running *running)
{
    char text[256];
    const struct tug_copy_report *report = &running->report;
    if (report->failures > 0 && running->cp.copy.recursive) {
        snprintf(text, sizeof(text),
                 "%llu failed; copied %llu files, %llu directories, %llu links, %llu bytes",
                 (unsigned long long)report->failures, (unsigned long long)report->files,
                 (unsigned long long)report->directories, (unsigned long long)report->links,
                 (unsigned long long)report->bytes);
        tug_cli_complain(text);
    }
    if (running->cp.copy.resume && report->resumed_bytes + report->resumed_files > 0) {
        snprintf(text, sizeof(text), "resumed: %llu files and %llu bytes were there already",
                 (unsigned long long)report->resumed_files,
                 (unsigned long long)report->resumed_bytes);
        tug_cli_print(text);
    }
    if (running->cp.copy.verify && report->phase == TUG_COPY_PHASE_VERIFY) {
        snprintf(text, sizeof(text), "verified %llu files, %llu bytes",
                 (unsigned long long)report->verified_files,
                 (unsigned long long)report->verified_bytes);
        tug_cli_print(text);
    }
}

int tug_cli_cp(int argc, char **argv)
{
    struct running running;
    memset(&running, 0, sizeof(running));
    argv[0] = "tug cp";
    tug_cli_set_command(argv[0]);
    int status = tug_cli_cp_parse(&running.cp, argc, argv);
    if (status >= 0)
        return tug_cli_flush() ? status : EXIT_FAILURE;
    running.cp.copy.event = show_event;
    running.cp.copy.argument = &running;
    if (running.cp.ask)
        running.cp.copy.ask = ask;
    /* Whoever is asked may take long to answer, and Ctrl-C has to be noticed then. */
    running.cp.copy.take_part = !running.cp.ask;
    running.cp.copy.events = TUG_COPY_FAILED | TUG_COPY_WARNING;
    if (running.cp.verbose)
        running.cp.copy.events |= TUG_COPY_STARTED;
    if (running.cp.debug)
        running.cp.copy.events |= TUG_COPY_EXPLAINED;
    /* A reader of -v that goes away must not end the copy in the middle of a file. */
    signal(SIGPIPE, SIG_IGN);
    int64_t result = run(&running);
    if (result < 0 && running.report.failures == 0 && result != -ECANCELED)
        tug_cli_explain_start(result);
    summarise(&running);
    bool flushed = tug_cli_flush();
    tug_cli_interrupt_obey();
    return result == 0 && flushed ? EXIT_SUCCESS : EXIT_FAILURE;
}
