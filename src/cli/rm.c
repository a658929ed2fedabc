/* SPDX-License-Identifier: MIT */
/*
 * `tug rm`: one coroutine on the main thread waits for the removal, beside it one for Ctrl-C. If
 * there may be questions a signal has its usual effect instead: the process ends, also while it
 * waits for an answer. That does no harm, since each entry is there or gone at any moment.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <tug/remove.h>
#include <tug/sys.h>

#include "cli.h"
#include "in_runtime.h"
#include "interrupt.h"
#include "rm_list.h"
#include "rm_message.h"
#include "rm_options.h"
#include "terminal.h"

struct running {
    struct tug_cli_rm rm;
    uint64_t failures; /* of all lists together */
};

/* ---- Events and questions ---- */

static void show_event(const struct tug_remove_event *event, void *argument)
{
    (void)argument;
    bool removed = event->kind == TUG_REMOVE_REMOVED;
    char *text = removed ? tug_cli_rm_removed(event) : tug_cli_rm_failure(event);
    if (text == NULL)
        tug_cli_complain("memory exhausted");
    else if (removed)
        tug_cli_print(text);
    else
        tug_cli_complain(text);
    if (!removed && tug_cli_rm_advice(event) != NULL)
        tug_cli_complain(tug_cli_rm_advice(event));
    free(text);
}

/* Reads a line, and not a byte more. Returns whether it begins with a yes. */
static bool read_yes(void)
{
    char first = '\n', next;
    bool begun = false;
    while (tug_sys_read(STDIN_FILENO, &next, 1) == 1) {
        if (!begun)
            first = next;
        begun = true;
        if (next == '\n')
            break;
    }
    return first == 'y' || first == 'Y';
}

static bool ask(const char *text)
{
    fflush(stdout);
    fprintf(stderr, "tug rm: %s? ", text);
    return read_yes();
}

static bool answer(const struct tug_remove_question *question, void *argument)
{
    (void)argument;
    char *text = tug_cli_rm_question(question);
    bool yes = text != NULL && ask(text);
    free(text);
    return yes;
}

/* -I. Of a list nobody knows how long it is. */
static bool ask_once(const struct tug_cli_rm *rm)
{
    char text[128];
    const char *how = rm->remove.recursive ? " recursively" : "";
    if (rm->list != NULL)
        snprintf(text, sizeof(text), "remove all arguments of a list%s", how);
    else if (!rm->remove.recursive && rm->count <= 3)
        return true;
    else
        snprintf(text, sizeof(text), "remove %zu argument%s%s", rm->count,
                 rm->count == 1 ? "" : "s", how);
    return ask(text);
}

/* ---- The removal ---- */

static int64_t remove_list(struct running *running)
{
    struct tug_cli_rm_list list;
    struct tug_remove_report report;
    int64_t size, result = 0;
    const char *names;
    int error = tug_cli_rm_list_open(&list, running->rm.list);
    if (error != 0)
        return error;
    while ((size = tug_cli_rm_list_next(&list, &names)) > 0) {
        int64_t outcome = tug_remove_list(&running->rm.remove, names, (size_t)size, &report);
        running->failures += report.failures;
        if (outcome != 0)
            result = outcome;
        if (outcome == -ECANCELED || report.stopped || (outcome != 0 && report.failures == 0))
            break;
    }
    tug_cli_rm_list_close(&list);
    return size < 0 ? size : result;
}

static int64_t remove_all(void *argument)
{
    struct running *running = argument;
    struct tug_remove_report report;
    struct tug_cli_rm *rm = &running->rm;
    if (rm->list != NULL)
        return remove_list(running);
    int64_t result = tug_remove(&rm->remove, rm->paths, rm->count, &report);
    running->failures = report.failures;
    return result;
}

static int64_t remove_interruptibly(void *argument)
{
    return tug_cli_interruptible(remove_all, argument);
}

/* With questions, a signal simply ends the process: it may be waiting for an answer. */
static int64_t run(struct running *running)
{
    const struct tug_remove_options *remove = &running->rm.remove;
    if (remove->ask != TUG_REMOVE_ASK_NEVER)
        return tug_cli_in_runtime(remove_all, running, remove->jobs);
    int error = tug_cli_interrupt_catch();
    if (error != 0)
        return error;
    return tug_cli_in_runtime(remove_interruptibly, running, remove->jobs);
}

int tug_cli_rm(int argc, char **argv)
{
    char text[256];
    struct running running;
    memset(&running, 0, sizeof(running));
    argv[0] = "tug rm";
    tug_cli_set_command(argv[0]);
    int status = tug_cli_rm_parse(&running.rm, argc, argv);
    if (status >= 0)
        return tug_cli_flush() ? status : EXIT_FAILURE;
    struct tug_remove_options *remove = &running.rm.remove;
    remove->event = show_event;
    remove->answer = answer;
    remove->argument = &running;
    remove->events = TUG_REMOVE_FAILED | (running.rm.verbose ? (unsigned)TUG_REMOVE_REMOVED : 0);
    if (running.rm.ask_once && !ask_once(&running.rm))
        return EXIT_SUCCESS;
    int64_t result = run(&running);
    if (result < 0 && running.failures == 0 && result != -ECANCELED) {
        snprintf(text, sizeof(text), "%s%s%s", running.rm.list != NULL ? running.rm.list : "",
                 running.rm.list != NULL ? ": " : "cannot start: ", strerror((int)-result));
        tug_cli_complain(text);
    }
    bool flushed = tug_cli_flush();
    tug_cli_interrupt_obey();
    return result == 0 && flushed ? EXIT_SUCCESS : EXIT_FAILURE;
}
