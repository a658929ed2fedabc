/* SPDX-License-Identifier: MIT */
/*
 * `tug mv`: what can be renamed is renamed right here, on the main thread. Only when something has
 * to be copied a runtime is started, in which one coroutine waits for the copy, one for Ctrl-C, and
 * on a terminal one draws the progress.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <tug/cancel.h>
#include <tug/move.h>
#include <tug/runtime.h>
#include <tug/task.h>

#include "cli.h"
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

static void end_task(struct tug_task *task)
{
    if (task == NULL)
        return;
    tug_task_abort(task);
    tug_join(task, NULL);
}

static int64_t copy(void *argument)
{
    struct running *running = argument;
    struct tug_token token;
    struct tug_scope scope;
    struct tug_copy_options counted;
    tug_copy_options_init(&counted);
    counted.recursive = true;
    struct tug_cli_progress progress = {
        .options = &counted,
        .sources = running->mv.sources,
        .count = running->mv.count,
        .report = &running->report.copy,
    };
    struct tug_task *drawer = NULL;
    tug_token_init(&token, NULL);
    struct tug_task *watcher = tug_spawn(tug_cli_interrupt_watch, &token);
    if (tug_cli_has_terminal())
        drawer = tug_spawn(tug_cli_progress_run, &progress);
    tug_scope_begin(&scope, TUG_FOREVER, &token);
    int64_t result = watcher == NULL ? -ENOMEM : running->copy(running->move);
    result = tug_scope_end(&scope, result);
    end_task(drawer);
    end_task(watcher);
    tug_token_destroy(&token);
    return result;
}

static int64_t run_copy(int64_t (*function)(void *move), void *move, void *argument)
{
    struct running *running = argument;
    struct tug_runtime_options options;
    struct tug_runtime *runtime;
    int64_t result;
    /* All modes are kept: without the umask most files can be made with the one that they will
     * have. No other thread runs yet. */
    if (!running->catching)
        umask(0);
    running->copy = function;
    running->move = move;
    tug_runtime_options_init(&options);
    options.flavour = TUG_CURRENT_THREAD;
    /* One for each job, and one for the count. */
    if (running->mv.move.jobs >= 512)
        options.max_blocking_threads = running->mv.move.jobs + 1;
    int error = running->catching ? 0 : tug_cli_interrupt_catch();
    running->catching = true;
    if (error == 0)
        error = tug_runtime_create(&runtime, &options);
    if (error != 0)
        return error;
    error = tug_runtime_block_on(runtime, copy, running, &result);
    tug_runtime_shutdown(runtime, TUG_FOREVER);
    return error != 0 ? error : result;
}

/* ---- The command ---- */

/* Why nothing was tried at all. */
static void explain(int64_t result)
{
    char text[256];
    snprintf(text, sizeof(text), "cannot start: %s", strerror((int)-result));
    tug_cli_complain(text);
}

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
        explain(result);
    bool flushed = tug_cli_flush();
    tug_cli_interrupt_obey();
    return result == 0 && flushed ? EXIT_SUCCESS : EXIT_FAILURE;
}
