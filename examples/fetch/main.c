/* SPDX-License-Identifier: MIT */
/*
 * fetch: downloads many files at once by libcurl, whose sockets and timeouts are waited for by our
 * runtime, on one thread.
 *
 *     ./fetch --directory=/tmp --jobs=8 https://example.org/a https://example.org/b
 *     ./fetch --list=urls
 *
 * A file has its name only when it is complete. What may pass, like a server that is not there or
 * says nothing for a while, is tried again. Status 1: not everything came; 130 after Ctrl-C.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include <tug/cancel.h>
#include <tug/file.h>
#include <tug/group.h>
#include <tug/time.h>

#include "../frame/options.h"
#include "../frame/program.h"
#include "list.h"
#include "progress.h"

struct fetch {
    struct list list;
    struct download_options options;
    uint64_t jobs;
    const char *directory;
    struct multi multi;
    struct tug_token stop; /* Ctrl-C */
    struct progress progress;
    size_t next; /* of `list`, that nobody has taken */
    bool failed;
};

/* Takes one after the other off the list. */
static int64_t work(void *argument)
{
    struct fetch *fetch = argument;
    struct tug_scope scope;
    tug_scope_begin(&scope, TUG_FOREVER, &fetch->stop);
    while (fetch->next < fetch->list.count && tug_cancelled() == 0) {
        struct download *download = &fetch->list.downloads[fetch->next++];
        int result = download_run(download, &fetch->options);
        if (tug_cancelled() != 0)
            break;
        fetch->failed |= result < 0;
        progress_tell(&fetch->progress, download);
    }
    return tug_scope_end(&scope, 0);
}

struct interrupt {
    struct fetch *fetch;
    struct end_signals signals;
};

static int64_t wait_for_interrupt(void *argument)
{
    struct interrupt *interrupt = argument;
    int result = end_signals_wait(&interrupt->signals);
    if (result == 0)
        tug_token_cancel(&interrupt->fetch->stop);
    return result;
}

static int64_t work_together(struct fetch *fetch)
{
    struct tug_group group;
    int error = 0;
    tug_group_init(&group, 0);
    for (uint64_t i = 0; i < fetch->jobs && i < fetch->list.count && error == 0; i++)
        error = tug_group_spawn(&group, work, fetch);
    int64_t result = tug_group_wait(&group);
    return error < 0 ? error : result;
}

static void end_task(struct tug_task *task)
{
    if (task == NULL)
        return;
    tug_task_abort(task);
    tug_join(task, NULL);
}

static int64_t fetch_all(struct fetch *fetch)
{
    struct interrupt interrupt = {.fetch = fetch};
    int64_t result = end_signals_open(&interrupt.signals);
    if (result < 0)
        return result;
    progress_init(&fetch->progress, &fetch->list);
    struct tug_task *waiting = tug_spawn(wait_for_interrupt, &interrupt);
    struct tug_task *drawing = tug_spawn(progress_run, &fetch->progress);
    result = work_together(fetch);
    end_task(drawing);
    progress_clear(&fetch->progress);
    end_task(waiting);
    end_signals_close(&interrupt.signals);
    return result;
}

static int64_t run(void *argument)
{
    struct fetch *fetch = argument;
    int64_t result = tug_open(fetch->directory, O_PATH | O_DIRECTORY, 0);
    if (result < 0)
        return result;
    fetch->options.directory = (int)result;
    tug_token_init(&fetch->stop, NULL);
    result = multi_open(&fetch->multi);
    if (result == 0) {
        fetch->options.multi = &fetch->multi;
        result = fetch_all(fetch);
        multi_close(&fetch->multi);
    }
    tug_close(fetch->options.directory);
    return result;
}

/* Returns whether there is something to be fetched. */
static bool fill_list(struct list *list, const char *file, char **urls, int count)
{
    int error = 0;
    const char *where = file;
    if (file[0] != '\0')
        error = list_add_file(list, file);
    for (int i = 0; i < count && error == 0; i++) {
        where = urls[i];
        error = list_add(list, where);
    }
    if (error < 0) {
        fprintf(stderr, "fetch: %s: %s\n", where, strerror(-error));
        return false;
    }
    const char *clash = list_find_clash(list);
    if (clash != NULL)
        fprintf(stderr, "fetch: two files would be %s\n", clash);
    return clash == NULL && list->count > 0;
}

static int fetch_list(struct fetch *fetch)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
    int64_t result = program_run(1, run, fetch);
    curl_global_cleanup();
    if (result < 0)
        fprintf(stderr, "fetch: %s: %s\n", fetch->directory, strerror((int)-result));
    if (tug_token_reason(&fetch->stop) < 0)
        return 130;
    return result < 0 || fetch->failed;
}

int main(int argc, char **argv)
{
    struct fetch fetch = {
        .options = {.retries = 3, .pause = TUG_SECOND, .timeout = 30 * TUG_SECOND},
        .jobs = 8,
        .directory = ".",
    };
    const char *file = "";
    const struct option_entry entries[] = {
        {"list", "FILE", "with a URL in each line; -: the standard input", &file, NULL, 0, 0, 0},
        {"directory", "DIR", "where the files go", &fetch.directory, NULL, 0, 0, 0},
        {"jobs", "COUNT", "at once", NULL, &fetch.jobs, 1, 1000, 1},
        {"retries", "COUNT", "attempts after the first", NULL, &fetch.options.retries, 0, 1000, 1},
        {"pause", "MS", "before the first of them; then twice as long", NULL, &fetch.options.pause,
         0, OPTION_MOST, TUG_MILLISECOND},
        {"timeout", "MS", "in which something has to come", NULL, &fetch.options.timeout, 1,
         OPTION_MOST, TUG_MILLISECOND},
        {0},
    };
    const struct option_table table = {"fetch", "[URL]...", entries};
    int operand = options_parse(&table, argc, argv);
    if (operand < 0 || (operand == argc && file[0] == '\0'))
        return options_usage(&table);
    int status = 1;
    if (fill_list(&fetch.list, file, argv + operand, argc - operand))
        status = fetch_list(&fetch);
    list_free(&fetch.list);
    return status;
}
