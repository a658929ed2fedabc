/* SPDX-License-Identifier: MIT */
#include "progress.h"

#include <stdio.h>
#include <unistd.h>

#include <tug/time.h>

#define PERIOD (200 * TUG_MILLISECOND)
#define MOST_LINES 16

void progress_init(struct progress *progress, const struct list *list)
{
    *progress = (struct progress){.list = list, .terminal = isatty(STDERR_FILENO) != 0};
}

void progress_clear(struct progress *progress)
{
    for (; progress->drawn > 0; progress->drawn--)
        fputs("\033[A\033[K", stderr);
}

static void draw_one(const struct download *download)
{
    if (download->length > 0)
        fprintf(stderr, "%3llu%% ",
                (unsigned long long)(100 * download->received / (uint64_t)download->length));
    else
        fputs("     ", stderr);
    fprintf(stderr, "%10.1f KiB  %.60s", (double)download->received / 1024, download->name);
    if (download->attempts > 1)
        fprintf(stderr, " (attempt %llu)", (unsigned long long)download->attempts);
    fputc('\n', stderr);
}

static void draw(struct progress *progress)
{
    size_t ended = 0;
    progress_clear(progress);
    for (size_t i = 0; i < progress->list->count; i++) {
        const struct download *download = &progress->list->downloads[i];
        ended += download->state == DONE || download->state == FAILED;
        if (download->state == ACTIVE && progress->drawn < MOST_LINES) {
            draw_one(download);
            progress->drawn++;
        }
    }
    fprintf(stderr, "%zu of %zu\n", ended, progress->list->count);
    progress->drawn++;
}

int64_t progress_run(void *argument)
{
    struct progress *progress = argument;
    struct tug_interval interval;
    if (!progress->terminal)
        return 0;
    tug_interval_init(&interval, tug_now(), PERIOD, TUG_MISSED_TICK_SKIP);
    while (tug_interval_tick(&interval, NULL) == 0)
        draw(progress);
    return 0;
}

void progress_tell(struct progress *progress, const struct download *download)
{
    progress_clear(progress);
    if (download->state == DONE)
        fprintf(stderr, "%s: %llu bytes", download->name, (unsigned long long)download->received);
    else
        fprintf(stderr, "fetch: %s: %s", download->url, download->message);
    if (download->attempts > 1)
        fprintf(stderr, " (%llu attempts)", (unsigned long long)download->attempts);
    fputc('\n', stderr);
}
