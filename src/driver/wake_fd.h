/* SPDX-License-Identifier: MIT */
/*
 * The descriptor through which other threads make a driver's poll return.
 *
 * Its calls are not those of <tug/sys.h>: a test that makes a write fail means the writes of the
 * code under test, and would stop the runtime with these.
 */
#ifndef TUG_DRIVER_WAKE_FD_H
#define TUG_DRIVER_WAKE_FD_H

#include <sys/eventfd.h>

/* [any thread] Makes the descriptor readable; each call is an event of its own for a watcher that
 * is told of edges. Cannot fail: the counter does not get full. */
static inline void tug_wake_fd_signal(int fd)
{
    (void)eventfd_write(fd, 1);
}

/* Makes the descriptor not readable until the next signal. */
static inline void tug_wake_fd_drain(int fd)
{
    eventfd_t count;
    (void)eventfd_read(fd, &count);
}

#endif
