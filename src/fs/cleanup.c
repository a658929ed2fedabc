/* SPDX-License-Identifier: MIT */
/*
 * Cleanup on the blocking pool. The pool may refuse a job when it is shutting down or has no
 * threads; a descriptor left open or a partial file left behind would be worse than a blocked
 * thread.
 */
#include "fs/cleanup.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#include <tug/blocking.h>
#include <tug/cancel.h>
#include <tug/sys.h>

struct cleanup {
    void (*fn)(void *argument);
    void *argument;
    bool done;
};

static int64_t run(void *argument)
{
    struct cleanup *cleanup = argument;
    cleanup->fn(cleanup->argument);
    cleanup->done = true;
    return 0;
}

void tug_fs_clean_up(void (*fn)(void *argument), void *argument)
{
    struct cleanup cleanup = {fn, argument, false};
    struct tug_scope shield;
    tug_shield_begin(&shield);
    tug_block_in_place(run, &cleanup);
    tug_scope_end(&shield, 0);
    if (!cleanup.done)
        run(&cleanup);
}

int tug_fs_close_written(int fd)
{
    int result = tug_sys_close(fd);
    return result == -EINTR ? -EIO : result;
}
