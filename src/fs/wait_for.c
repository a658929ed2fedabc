/* SPDX-License-Identifier: MIT */
/*
 * Waiting for a path by looking again and again, each time after twice the time (binary exponential
 * back-off, up to a limit).
 */
#include <errno.h>

#include <tug/fs.h>
#include <tug/task.h>
#include <tug/time.h>

#include "sys/clock.h"

static int pause_for(uint64_t delay)
{
    if (tug_task_current() != NULL)
        return tug_sleep(delay);
    tug_clock_sleep(delay);
    return 0;
}

int tug_fs_wait_for(const char *path, uint64_t first_delay, uint64_t max_delay)
{
    if (first_delay == 0 || first_delay > max_delay)
        return -EINVAL;
    uint64_t delay = first_delay;
    for (;;) {
        int exists = tug_fs_try_exists(path);
        if (exists != 0)
            return exists < 0 ? exists : 0;
        int result = pause_for(delay);
        if (result < 0)
            return result;
        delay = delay > max_delay / 2 ? max_delay : delay * 2;
    }
}
