/* SPDX-License-Identifier: MIT */
/* The affinity of the process, as a number. */
#include "processors.h"

#include <sched.h>

unsigned tug_copy_processors(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof(set), &set) != 0)
        return 1;
    int count = CPU_COUNT(&set);
    return count < 1 ? 1 : count > TUG_COPY_MOST_JOBS ? TUG_COPY_MOST_JOBS : (unsigned)count;
}
