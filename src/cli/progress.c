/* SPDX-License-Identifier: MIT */
/*
 * A copy that is over in half a second gets no line at all. One that takes longer than a second is
 * worth a second walk of the source, beside the copy, that counts what there is to do. It is the
 * walk behind TUG_COPY_TOTAL, which would begin with the copy, and counts files and all else as
 * one.
 */
#include "progress.h"

#include <tug/task.h>
#include <tug/time.h>

#include "terminal.h"

#define FIRST_LINE (500 * TUG_MILLISECOND)
#define FIRST_COUNT TUG_SECOND
#define PERIOD (100 * TUG_MILLISECOND)

/* The rate is that of so many periods. */
#define WINDOW 20

struct counting {
    const struct tug_cli_progress *progress;
    struct tug_copy_report total;
    int done;
};

static int64_t count(void *argument)
{
    struct counting *counting = argument;
    const struct tug_cli_progress *progress = counting->progress;
    /* It is the copy that the processors are for. */
    struct tug_copy_options options = *progress->options;
    options.jobs = 1;
    int64_t error =
        tug_copy_measure(&options, progress->sources, progress->count, &counting->total);
    counting->done = error == 0;
    return error;
}

/* Bytes written, or compared during the verification. */
static uint64_t bytes_done(const struct tug_copy_report *report)
{
    return report->phase == TUG_COPY_PHASE_VERIFY ? report->verified_bytes : report->bytes;
}

/* Draws until cancelled. */
static void draw(const struct tug_cli_progress *progress, struct counting *counting,
                 struct tug_task **counter)
{
    uint64_t window[WINDOW] = {0};
    struct tug_interval interval;
    struct tug_cli_progress_state state = {.total_known = 0};
    uint64_t start = tug_now();
    tug_interval_init(&interval, start + FIRST_LINE, PERIOD, TUG_MISSED_TICK_DELAY);
    for (uint64_t i = 0; tug_interval_tick(&interval, NULL) == 0; i++) {
        state.elapsed = tug_now() - start;
        if (*counter == NULL && state.elapsed >= FIRST_COUNT)
            *counter = tug_spawn(count, counting);
        tug_copy_report_read(progress->report, &state.done);
        uint64_t bytes = bytes_done(&state.done);
        uint64_t then = i < WINDOW ? 0 : window[i % WINDOW];
        uint64_t time = i < WINDOW ? state.elapsed : WINDOW * PERIOD;
        window[i % WINDOW] = bytes;
        state.rate = bytes > then ? (uint64_t)((double)(bytes - then) * 1e9 / (double)time) : 0;
        state.total_known = counting->done;
        state.total = counting->total;
        char line[256];
        tug_cli_progress_format(line, sizeof(line), tug_cli_columns(), &state);
        tug_cli_show_progress(line);
    }
}

int64_t tug_cli_progress_run(void *argument)
{
    struct tug_cli_progress *progress = argument;
    struct counting counting = {.progress = progress, .done = 0};
    struct tug_task *counter = NULL;
    draw(progress, &counting, &counter);
    struct tug_scope shield;
    tug_shield_begin(&shield);
    if (counter != NULL) {
        tug_task_abort(counter);
        tug_join(counter, NULL);
    }
    tug_cli_show_progress(NULL);
    return tug_scope_end(&shield, 0);
}
