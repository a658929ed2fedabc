/* SPDX-License-Identifier: MIT */
/*
 * What calls in direct style share: the start of one that finds its work done
 * (tug_call_may_proceed()), its wait, and the copy of a value.
 */
#ifndef TUG_SYNC_DIRECT_H
#define TUG_SYNC_DIRECT_H

#include <stddef.h>
#include <string.h>

#include "task/executor.h"
#include "task/thread_waker.h"

/* Most values are a pointer or a number; a call of memcpy() for those costs as much as the rest. */
static inline void tug_value_copy(void *to, const void *from, size_t size)
{
    if (size == 8)
        memcpy(to, from, 8);
    else
        memcpy(to, from, size);
}

#endif
