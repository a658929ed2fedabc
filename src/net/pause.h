/* SPDX-License-Identifier: MIT */
/* Pauses between attempts at what nothing tells the end of: each twice as long as the last. */
#ifndef TUG_NET_PAUSE_H
#define TUG_NET_PAUSE_H

#include <tug/sys.h>
#include <tug/task.h>
#include <tug/time.h>

/* Sleeps for `*pause` ns, at least 1 ms, and doubles it, up to `longest`. Returns 0, or the scope's
 * reason. On a thread that runs no task the thread sleeps. */
static inline int tug_pause(uint64_t *pause, uint64_t longest)
{
    int slept = 0;
    if (tug_task_current() != NULL)
        slept = tug_sleep(*pause);
    else
        tug_sys_poll(NULL, 0, (int)(*pause / TUG_MILLISECOND));
    *pause = 2 * *pause < longest ? 2 * *pause : longest;
    return slept;
}

#endif
