/* SPDX-License-Identifier: MIT */
/*
 * Buffers that receives fill and programs give back (tug_recv_buffer()): each is a block of memory
 * of its own, which belongs to whoever has it, so that it can be given back on any thread and
 * outlive the driver that it came from. A driver keeps some that were given back on its thread.
 *
 * What is small is handed over in a block of its size, and the buffer that it came in is free again
 * at once: where thousands of tasks have something to do they wait for each other with it in their
 * hands, and a buffer has at least a page.
 */
#ifndef TUG_DRIVER_BUFFER_H
#define TUG_DRIVER_BUFFER_H

#include "driver/driver.h"

/* One that `driver` has kept, or a new one; `driver` may be NULL. By its owner. NULL: no memory. */
void *tug_buffer_take(struct tug_driver *driver);

/* The opposite, for buffers and small blocks. `buffer` may be NULL. */
void tug_buffer_put(struct tug_driver *driver, void *buffer);

/* What becomes of the buffer that a receive of `op` was made into, with this result, on the thread
 * of `driver`: who waits gets what is in it, if anything is. */
void tug_buffer_hand_over(struct tug_driver *driver, const struct tug_op *op, void *buffer,
                          int64_t result);

/* When the driver closes: what was kept is of use to its thread alone. */
void tug_buffer_free_kept(struct tug_driver *driver);

#endif
