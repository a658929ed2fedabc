/* SPDX-License-Identifier: MIT */
/*
 * limit SECONDS COMMAND [ARGUMENT]...: runs a command for at most so long. Its status is the
 * command's; 124 if the time was up, 130 after Ctrl-C: the command has ended then, too.
 *
 *     ./limit 2 ping example.org
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tug/tug.h>

enum { TIME_IS_UP = 124, NOT_STARTED = 127, BY_SIGNAL = 128 };

/* Which comes first: the child's end, Ctrl-C, or the end of its time? */
static int64_t wait_for_first(struct tug_process *process, struct tug_signal *ctrl_c,
                              double seconds)
{
    struct tug_process_future end;
    struct tug_signal_future interrupt;
    struct tug_sleep_future time;
    struct tug_future *all[] = {&end.future, &interrupt.future, &time.future};
    tug_process_future_init(&end, process);
    tug_signal_future_init(&interrupt, ctrl_c);
    tug_sleep_future_init(&time, tug_deadline_after((uint64_t)(seconds * (double)TUG_SECOND)));
    return tug_select_biased(all, 3);
}

static int64_t run(void *argument)
{
    char **words = argument;
    struct tug_process process;
    struct tug_process_options options;
    struct tug_process_status status = {0, 0, false};
    struct tug_signal ctrl_c;
    int64_t result = tug_signal_open(&ctrl_c, SIGINT);
    if (result < 0)
        return result;
    tug_process_options_init(&options, words + 1);
    options.kill_on_close = true;
    result = tug_process_spawn(&process, &options);
    if (result == 0) {
        result = wait_for_first(&process, &ctrl_c, strtod(words[0], NULL));
        if (result == 0)
            result = tug_process_try_wait(&process, &status);
        else if (result > 0)
            result = result == 1 ? BY_SIGNAL + SIGINT : TIME_IS_UP;
        tug_process_close(&process);
    }
    tug_signal_close(&ctrl_c);
    if (result != 0)
        return result;
    return status.signal != 0 ? BY_SIGNAL + status.signal : status.code;
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: limit SECONDS COMMAND [ARGUMENT]...\n");
        return NOT_STARTED;
    }
    int64_t result = tug_run(run, argv + 1);
    if (result >= 0)
        return (int)result;
    fprintf(stderr, "limit: %s: %s\n", argv[2], strerror((int)-result));
    return NOT_STARTED;
}
