/* SPDX-License-Identifier: MIT */
/*
 * `tug mv`: what can be renamed is renamed right here, on the main thread. Only when something has
 * to be copied a runtime is started, in which one coroutine waits for the copy, one for Ctrl-C, and
 * on a terminal one draws the progress.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <tug/move.h>

#include "cli.h"
#include "in_runtime.h"
#include "interrupt.h"
#include "mv_message.h"
#include "mv_options.h"
#include "progress.h"
#include "prompt.h"
#include "terminal.h"

#define COMMAND "tug mv"

struct running {
    struct tug_cli_mv mv;
    struct tug_move_report report;
    /* The copy, as tug_move() gives it. */
    int64_t (*copy)(void *move);
    void *move;
    bool catching;
};

static void show_event(const struct tug_move_event *event, void *argument)
{
    struct running *running = argument;
    if (tug_cli_mv_is_silent(event))
        return;
    char *text = tug_cli_mv_message(event, running->mv.move.target);
    if (text == NULL || event->kind == TUG_MOVE_FAILED || event->kind == TUG_MOVE_WARNING)
        tug_cli_complain(text != NULL ? text : "memory exhausted");
    else
        tug_cli_print(text);
    free(text);
}

static bool ask(const char *path, unsigned mode, bool writable, void *argument)
{
    (void)argument;
    char *text = tug_cli_mv_question(path, mode, writable);
    bool yes = text != NULL && tug_cli_ask(COMMAND, text);
    free(text);
    return yes;
}

/* ---- In a runtime ---- */

static int64_t copy(void *argument)
{
    struct running *running = argument;
    return running->copy(running->move);
}

static int64_t copy_interruptibly(void *argument)
{
    struct running *running = argument;
    struct tug_copy_options counted;
    tug_copy_options_init(&counted);
    counted.recursive = true;
    struct tug_cli_progress progress = {
        .options = &counted,
        .sources = running->mv.sources,
        .count = running->mv.count,
        .report = &running->report.copy,
    };
    return tug_cli_interruptible_with_progress(copy, running, &progress);
}

static int64_t run_copy(int64_t (*function)(void *move), void *move, void *argument)
{
    struct running *running = argument;
    running->copy = function;
    running->move = move;
    /* All modes are kept: without the umask most files can be made with the one that they will
     * have. No other thread runs yet. */
    if (!running->catching)
        umask(0);
    int error = running->catching ? 0 : tug_cli_interrupt_catch();
    running->catching = true;
    if (error != 0)
        return error;
    return tug_cli_in_runtime(copy_interruptibly, running, running->mv.move.jobs);
}

/* ---- The command ---- */

int tug_cli_mv(int argc, char **argv)
{
    struct running running;
    memset(&running, 0, sizeof(running));
    argv[0] = COMMAND;
    tug_cli_set_command(argv[0]);
    int status = tug_cli_mv_parse(&running.mv, argc, argv);
    if (status >= 0)
        return tug_cli_flush() ? status : EXIT_FAILURE;
    struct tug_move_options *options = &running.mv.move;
    options->ask = ask;
    options->event = show_event;
    options->argument = &running;
    options->run_copy = run_copy;
    options->events = TUG_MOVE_FAILED | TUG_MOVE_WARNING;
    if (running.mv.verbose)
        options->events |= TUG_MOVE_RENAMED | TUG_MOVE_EXCHANGED | TUG_MOVE_CREATED |
                           TUG_MOVE_COPIED | TUG_MOVE_REMOVED;
    /* A reader of -v that goes away must not end the move in the middle of a file. */
    signal(SIGPIPE, SIG_IGN);
    int64_t result = tug_move(options, running.mv.sources, running.mv.count, running.mv.destination,
                              &running.report);
    if (result < 0 && running.report.failures == 0 && result != -ECANCELED)
        tug_cli_explain_start(result);
    bool flushed = tug_cli_flush();
    tug_cli_interrupt_obey();
    return result == 0 && flushed ? EXIT_SUCCESS : EXIT_FAILURE;
}
