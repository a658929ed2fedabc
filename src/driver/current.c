/* SPDX-License-Identifier: MIT */
/*
 * The driver of the calling thread. Out of line, in a translation unit of its own: inlined into a
 * coroutine the address of the thread-local variable would be kept over a switch, after which it is
 * another thread's.
 */
#include <stddef.h>

#include "driver/driver.h"
#include "sys/call.h"
#include "sys/thread.h"

static TUG_THREAD_LOCAL struct tug_driver *current_driver;

__attribute__((noinline)) struct tug_driver *tug_driver_current(void)
{
    return current_driver;
}

__attribute__((noinline)) void tug_driver_set_current(struct tug_driver *driver)
{
    current_driver = driver;
    if (driver == NULL)
        tug_sigpipe_release();
    else if (driver->holds_sigpipe)
        tug_sigpipe_hold();
}
